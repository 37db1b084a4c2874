#!/usr/bin/env python3
"""All pairs by containertree: one tagged tree of all images, walked once for each pair.

Needs FILE.paths. The constructor of containertree 0.0.49 hands its separator to its base as the tag
and its tag as the separator, so a tree that is made with either splits paths at white space. The
separator is therefore put right here before anything is inserted; otherwise the opponent is as
published. A node also stands for a child of the same name (`bin/bin` is `bin` to it) and for parents
that no image lists, so its counts of common nodes are compared with the exact ones, less the root.
"""
import importlib.metadata

from containertree import ContainerTree

import corpus as corpora
import measure


def main():
    options = [
        (["--per-row"], {"type": int, "help": "count a row against only so many images"}),
    ]
    run = measure.Run("containertree", importlib.metadata.version("containertree"), options)
    corpus = run.corpus
    texts = [text.decode("utf-8", "surrogateescape") for text in corpora.load_paths(run.args.corpus)]
    tree = ContainerTree()
    tree.folder_sep = "/"
    with run.phase("build"):
        for image in range(corpus.images):
            tag = str(image)
            for path in corpus.set(image).tolist():
                tree.insert(texts[path], tag=tag)
    measured = wrong = largest = 0
    scores = {}
    with run.phase("pairs"):
        for row in run.rows:
            others = list(run.others(row))
            step = max(len(others) // (run.args.per_row or len(others) or 1), 1)
            for other in others[::step][: run.args.per_row]:
                scores[row, other] = tree.similarity_score([str(row), str(other)])["same"] - 1
                measured += 1
    run.stop_memory()
    for row, common in run.exact_counts():
        for (left, other), same in scores.items():
            if left == row:
                wrong += int(same != common[other])
                largest = max(largest, abs(same - int(common[other])))
    run.line["exact"] = wrong == 0
    # The usual scaling does not know of rows that were counted in part.
    run.finish(
        factor=run.pairs() / max(measured, 1) / run.scale(),
        measured_pairs=measured,
        wrong_counts=wrong,
        largest_difference=largest,
        nodes=tree.count,
    )


if __name__ == "__main__":
    main()
