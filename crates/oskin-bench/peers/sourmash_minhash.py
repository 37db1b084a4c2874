#!/usr/bin/env python3
"""All pairs by FracMinHash (sourmash): common hashes of sketches that keep one path in --scaled.

With --scaled 1 every path is kept and the counts are exact. Paths come as mixed 64-bit numbers, so
the time to hash text is not in the figures.
"""
import importlib.metadata

import numpy as np
import sourmash

import measure


def main():
    options = [(["--scaled"], {"type": int, "default": 100})]
    run = measure.Run("sourmash", importlib.metadata.version("sourmash"), options)
    scaled = run.args.scaled
    run.line["engine"] += f" scaled={scaled}"
    corpus = run.corpus
    with run.phase("build"):
        bound = np.uint64(2**64 // scaled - 1)
        sketches = []
        for image in range(corpus.images):
            hashes = measure.hash64(corpus.set(image))
            sketch = sourmash.MinHash(n=0, ksize=21, scaled=scaled)
            # Those above the bound would be dropped inside; not to hand them over is faster.
            sketch.add_many(hashes[hashes <= bound].tolist())
            sketches.append(sketch)
    counts = []
    for row in run.rows:
        with run.phase("pairs"):
            count = sketches[row].count_common
            common = [count(sketches[other]) for other in run.others(row)]
        # Kept small, as only the check needs them.
        counts.append(np.array(common, np.int32))
    if scaled == 1:
        run.stop_memory()
        for row, common in zip(run.rows, counts):
            run.add_row(row, common)
        run.tell_sums()
    else:
        kept = np.array([len(sketch) for sketch in sketches])
        run.judge_dice(dice_of(run, kept, counts))
        run.line["sketch_bytes_per_image"] = int(kept.mean() * 8)
    run.finish()


def dice_of(run, kept, counts):
    for row, common in zip(run.rows, counts):
        total = kept[row] + kept[np.fromiter(run.others(row), np.int64)]
        # Two empty sketches tell nothing; the library itself takes them for unlike, so this does.
        yield 2.0 * common / np.maximum(total, 1)


if __name__ == "__main__":
    main()
