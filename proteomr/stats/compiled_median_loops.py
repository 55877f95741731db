"""The search of :mod:`proteomr.stats.weighted_median` in sorted rows, compiled."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = ["find_medians"]

_compile = compile_loop(fastmath=set())


@_compile
def find_medians(keys, rows, weights, half, last_bits, out):
    """Medians of rows from their sorted keys, whose last bits are positions; NaN where in doubt.

    Values that share all other bits may stand in the wrong order among themselves. That is no
    matter but for the two that the median lies between.
    """
    B, m = keys.shape
    bits = keys.view(np.int64)
    for b in range(B):
        own, row = bits[b], rows[b]
        total, s, s_before = 0.0, 0.0, 0.0
        j = 0
        while j < m:
            w = weights[own[j] & last_bits]
            total += w
            s = total - 0.5 * w
            if s >= half:
                break
            s_before = s
            j += 1
        high, low = min(j, m - 1), max(j - 1, 0)
        sure = True
        for k in range(max(low, 1), min(high + 1, m - 1) + 1):
            sure = sure and (own[k - 1] ^ own[k]) & ~last_bits != 0
        if not sure:
            out[b] = np.nan
            continue
        v_high, v_low = row[own[high] & last_bits], row[own[low] & last_bits]
        if 0 < j < m and s > s_before:
            out[b] = v_low + (v_high - v_low) * ((half - s_before) / (s - s_before))
        else:
            out[b] = v_low if j < m else v_high
