"""The function of :mod:`proteomr.stats.hazard_loops`, compiled: the same numbers to rounding."""

from __future__ import annotations

from proteomr.stats.compiling import compile_loop

__all__ = ["sum_at_risk"]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp"})


@_compile
def _add(row, x, weight, own, sign):
    """Add a row's columns, its own one and its weight to those of a cell."""
    k = x.size
    for c in range(k):
        row[c] += sign * weight * x[c]
    row[k] += sign * own
    row[k + 1] += sign * weight


@_compile
def sum_at_risk(X, both, own, last, first, late, out):
    out[:] = 0.0
    for i in range(both.size):
        if both[i] != 0.0:
            _add(out[last[i]], X[i], both[i], own[i], 1.0)
    for i in late:
        if both[i] != 0.0:
            _add(out[first[i] - 1], X[i], both[i], own[i], -1.0)
    for t in range(out.shape[0] - 2, -1, -1):
        for c in range(out.shape[1]):
            out[t, c] += out[t + 1, c]
