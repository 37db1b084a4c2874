#!/usr/bin/env python3
"""All pairs by MinHash (datasketch), 128 permutations.

Paths come as mixed numbers of the width that the library hashes to, so the time to hash text is
not in the figures. Dice is made from the estimated Jaccard similarity, 2 J / (1 + J).
"""
import datasketch
import numpy as np

import measure


def main():
    options = [(["--permutations"], {"type": int, "default": 128})]
    run = measure.Run("datasketch MinHash", datasketch.__version__, options)
    permutations = run.args.permutations
    run.line["engine"] += f" {permutations}"
    corpus = run.corpus
    with run.phase("build"):
        # Copies share the permutations, which are costly to draw.
        empty = datasketch.MinHash(num_perm=permutations, hashfunc=int)
        sketches = []
        for image in range(corpus.images):
            hashes = measure.hash64(corpus.set(image)) >> np.uint64(32)
            sketch = empty.copy()
            sketch.update_batch(hashes.tolist())
            sketches.append(sketch)
    estimates = []
    for row in run.rows:
        with run.phase("pairs"):
            jaccard = sketches[row].jaccard
            found = [jaccard(sketches[other]) for other in run.others(row)]
        # Kept small, as only the check needs them.
        estimates.append(np.array(found, np.float32))
    run.judge_dice(2.0 * jaccards / (1.0 + jaccards) for jaccards in estimates)
    run.line["sketch_bytes_per_image"] = empty.hashvalues.nbytes
    run.finish()


if __name__ == "__main__":
    main()
