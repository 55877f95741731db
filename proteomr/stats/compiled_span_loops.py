"""Compiled sums over spans (:mod:`proteomr.stats.spans`); nothing is taken away in them, so that
each is as exact as its parts.
"""

from __future__ import annotations

from proteomr.stats.compiling import compile_loop

__all__ = ["collect_spans", "sum_spans"]

_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile
def sum_spans(v, spans, room, out):
    """Sum rows over the places that each is there at."""
    K, down, up = out.size, room[0], room[1]
    down[:] = 0.0
    up[:] = 0.0
    for i in range(v.size):
        level = spans.level[i]
        if level >= 0:
            up[level, spans.last[i]] += v[i]
            if level > 0:
                down[level, spans.low[i]] += v[i]
    for k in range(K):
        out[k] = up[0, k] if spans.levels > 0 else 0.0
    for level in range(1, spans.levels):
        half = 1 << (level - 1)
        for start in range(0, K, 2 * half):
            cut, end = min(start + half, K), min(start + 2 * half, K)
            total = 0.0
            for k in range(start, cut):
                total += down[level, k]
                out[k] += total
            total = 0.0
            for k in range(end - 1, cut - 1, -1):
                total += up[level, k]
                out[k] += total


@_compile
def collect_spans(values, spans, room, out):
    """Sum places over the rows that are there."""
    K, down, up = values.size, room[0], room[1]
    for k in range(K if spans.levels > 0 else 0):
        up[0, k] = values[k]
    for level in range(1, spans.levels):
        half = 1 << (level - 1)
        for start in range(0, K, 2 * half):
            cut, end = min(start + half, K), min(start + 2 * half, K)
            total = 0.0
            for k in range(cut - 1, start - 1, -1):
                total += values[k]
                down[level, k] = total
            total = 0.0
            for k in range(cut, end):
                total += values[k]
                up[level, k] = total
    for i in range(out.size):
        level = spans.level[i]
        out[i] = 0.0
        if level >= 0:
            out[i] = up[level, spans.last[i]]
            if level > 0:
                out[i] += down[level, spans.low[i]]
