#!/usr/bin/env python3
"""All pairs as a sparse product: CSR A @ A.T with 32-bit integers.

scipy has no product of only the upper triangle, so it counts each pair twice.
"""
import numpy as np
import scipy
from scipy import sparse

import measure


def main():
    run = measure.Run("scipy A @ A.T", scipy.__version__)
    with run.phase("build"):
        matrix = measure.csr(run.corpus, sparse)
        transposed = matrix.T.tocsr()
    with run.phase("pairs"):
        left = matrix if run.complete else matrix[run.rows]
        product = left @ transposed
    run.stop_memory()
    for place, row in enumerate(run.rows):
        common = product[[place]].toarray().ravel()
        run.add_row(row, common[np.fromiter(run.others(row), np.int64)])
    run.tell_sums()
    # Both triangles are counted, so a row costs as much of the whole as its share of the rows.
    run.finish(factor=1.0 if run.complete else 2.0)


if __name__ == "__main__":
    main()
