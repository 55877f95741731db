"""How the BLAS at hand rounds, which bounds what the other proteins of a block may change."""

from __future__ import annotations

from functools import cache

import numpy as np

__all__ = ["bound_of_blocks"]


@cache
def bound_of_blocks() -> float:
    """Return by how many standard errors other blocks may change a large logistic fit.

    Single precision rounds rows of a product alike, wherever they stand in it, with the kernels of
    OpenBLAS for AVX-512; with those for AVX2 it does not.
    """
    g = np.random.default_rng(0)
    rows = g.normal(size=(48, 768)).astype(np.float32)
    columns = g.normal(size=(768, 16)).astype(np.float32)
    order = g.permutation(48)
    there = rows @ columns
    back = (rows[:, :16] @ columns.T[:16])[order]
    alike = np.array_equal(there[order], rows[order] @ columns)
    alike &= np.array_equal(back, rows[order, :16] @ columns.T[:16])
    return 1e-12 if alike else 1e-8
