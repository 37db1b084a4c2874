#!/usr/bin/env python3
"""All pairs of at least a Jaccard similarity by prefix filter (SetSimilaritySearch).

It answers only the pairs above --threshold, so its work is less than that of the others. With
--rows only so many images are looked up in an index of all. The found pairs are compared with the
exact counts.
"""
import importlib.metadata

import numpy as np
import SetSimilaritySearch

import measure


def main():
    options = [(["--threshold"], {"type": float, "default": 0.5})]
    version = importlib.metadata.version("SetSimilaritySearch")
    run = measure.Run("SetSimilaritySearch", version, options)
    threshold = run.args.threshold
    run.line["engine"] += f" J>={threshold}"
    corpus = run.corpus
    sets = [corpus.set(image).tolist() for image in range(corpus.images)]
    found = set()
    if run.complete:
        with run.phase("pairs"):
            for left, right, _ in SetSimilaritySearch.all_pairs(sets, "jaccard", threshold):
                found.add((int(left), int(right)))
    else:
        with run.phase("build"):
            index = SetSimilaritySearch.SearchIndex(sets, "jaccard", threshold)
        with run.phase("pairs"):
            for row in run.rows:
                found.update((row, int(other)) for other, _ in index.query(sets[row]))
    run.stop_memory()
    found = {tuple(sorted(pair)) for pair in found if pair[0] != pair[1]}
    expected = set()
    for row, common in run.exact_counts():
        union = corpus.sizes + corpus.sizes[row] - common
        # The library compares the quotient with the threshold, so this does too.
        alike = np.flatnonzero(common / np.maximum(union, 1) >= threshold)
        expected.update(tuple(sorted((row, int(other)))) for other in alike if other != row)
    run.line["exact"] = found == expected
    # A row is looked up against all images, so both triangles are searched.
    run.finish(factor=1.0 if run.complete else 2.0, answered_pairs=len(found), missed_or_wrong=len(found ^ expected))


if __name__ == "__main__":
    main()
