#!/usr/bin/env python3
"""All pairs by Roaring bitmaps (pyroaring), cardinalities without making the intersections."""
import pyroaring

import measure


def main():
    run = measure.Run("pyroaring", pyroaring.__version__)
    corpus = run.corpus
    with run.phase("build"):
        bitmaps = [pyroaring.BitMap(corpus.set(image)) for image in range(corpus.images)]
        for bitmap in bitmaps:
            bitmap.run_optimize()
    for row in run.rows:
        with run.phase("pairs"):
            count = bitmaps[row].intersection_cardinality
            common = [count(bitmaps[other]) for other in run.others(row)]
        run.add_row(row, common)
    run.tell_sums()
    run.finish(serialized_bytes_per_image=sum(len(b.serialize()) for b in bitmaps) // corpus.images)


if __name__ == "__main__":
    main()
