#!/usr/bin/env python3
"""All pairs by Python sets, the way of the founding author's tool: len(a & b)."""
import platform

import numpy as np

import measure


def main():
    run = measure.Run("Python sets", platform.python_version())
    corpus = run.corpus
    with run.phase("build"):
        # One object a path, so that members are found equal by identity, as interned strings are.
        numbers = np.arange(corpus.paths).astype(object)
        sets = [set(numbers[corpus.set(image)].tolist()) for image in range(corpus.images)]
    for row in run.rows:
        with run.phase("pairs"):
            left = sets[row]
            common = [len(left & sets[other]) for other in run.others(row)]
        run.add_row(row, common)
    run.tell_sums()
    run.finish()


if __name__ == "__main__":
    main()
