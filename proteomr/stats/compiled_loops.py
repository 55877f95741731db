"""The row loops of the batched logistic kernel, compiled; :mod:`proteomr.stats.row_loops` is the same in numpy.

Both modules have the same three functions and give the same numbers to rounding. The compiled ones do in one sweep
over cache-resident rows what numpy does in a dozen, and vectorise the exponential on processors for which numpy does
not. Machine code is cached beside the module, or in the user's cache folder where that is not writable.

Shapes: ``R = B F`` fits, fit ``r`` is protein ``r // F`` and response ``r % F``; ``s`` border columns (the protein
itself and its own covariates); ``c`` rows from row ``start``.
"""

from __future__ import annotations

import numba
import numpy as np

__all__ = ["apply_curvature", "apply_first_curvature", "store_means", "sum_scores"]

# `reassoc` would fold the shift that rounds to an integer; the sums alone may be reordered.
_EXACT = {"contract", "nsz", "arcp"}
_SUMS = {"contract", "nsz", "arcp", "reassoc"}

_SHIFT64 = 6755399441055744.0
_ONE_BITS64 = np.int64(4607182418800017408)
_F = np.float32
_SHIFT32, _LOG2E32 = _F(12582912.0), _F(1.44269504)
_LN2_HIGH32, _LN2_LOW32 = _F(0.693359375), _F(-2.12194440e-4)
_C0, _C1, _C2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_C3, _C4, _C5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)
_ONE32, _LOW32, _HIGH32 = _F(1.0), _F(-87.0), _F(87.0)
_MANTISSA32, _ONE_BITS32 = np.int32(23), np.int32(1065353216)


@numba.njit(cache=True, fastmath=_EXACT)
def _exp64(x):  # type: ignore[no-untyped-def]
    x = min(max(x, -700.0), 700.0)
    shifted = x * 1.4426950408889634 + _SHIFT64
    n = shifted - _SHIFT64
    r = x - n * 6.93147180369123816490e-01
    r = r - n * 1.90821492927058770002e-10
    p = 2.0876756987868098979e-9
    p = p * r + 2.5052108385441718775e-8
    p = p * r + 2.7557319223985890653e-7
    p = p * r + 2.7557319223985890653e-6
    p = p * r + 2.4801587301587301587e-5
    p = p * r + 1.9841269841269841270e-4
    p = p * r + 1.3888888888888888889e-3
    p = p * r + 8.3333333333333333333e-3
    p = p * r + 4.1666666666666666667e-2
    p = p * r + 1.6666666666666666667e-1
    p = p * r + 0.5
    p = p * r + 1.0
    p = p * r + 1.0
    bits = np.int64((np.float64(shifted).view(np.int64) << 52) + _ONE_BITS64)
    return p * bits.view(np.float64)


@numba.njit(cache=True, fastmath=_EXACT)
def _exp32(x):  # type: ignore[no-untyped-def]
    x = min(max(x, _LOW32), _HIGH32)
    shifted = x * _LOG2E32 + _SHIFT32
    n = shifted - _SHIFT32
    r = x - n * _LN2_HIGH32
    r = r - n * _LN2_LOW32
    p = _C0 * r + _C1
    p = p * r + _C2
    p = p * r + _C3
    p = p * r + _C4
    p = p * r + _C5
    p = p * (r * r) + r + _ONE32
    bits = np.int32(np.int32(np.float32(shifted).view(np.int32) << _MANTISSA32) + _ONE_BITS32)
    return p * bits.view(np.float32)


@numba.njit(cache=True, fastmath=_SUMS, error_model="numpy")
def _scores64(eta, borders, mask, response, coefficients, start, score):  # type: ignore[no-untyped-def]
    R, c = eta.shape
    B, s, _ = borders.shape
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        for a in range(s):
            x = borders[j, a, start : start + c]
            b = coefficients[r, a]
            for i in range(c):
                e[i] += b * x[i]
        for i in range(c):
            e[i] = (y[i] - 1.0 / (1.0 + _exp64(-e[i]))) * m[i]
        for a in range(s):
            x = borders[j, a, start : start + c]
            t = 0.0
            for i in range(c):
                t += e[i] * x[i]
            score[r, a] += t


@numba.njit(cache=True, fastmath=_SUMS, error_model="numpy")
def _scores32(eta, borders, mask, response, coefficients, start, score):  # type: ignore[no-untyped-def]
    R, c = eta.shape
    B, s, _ = borders.shape
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        for a in range(s):
            x = borders[j, a, start : start + c]
            b = coefficients[r, a]
            for i in range(c):
                e[i] += b * x[i]
        for i in range(c):
            e[i] = (y[i] - _ONE32 / (_ONE32 + _exp32(-e[i]))) * m[i]
        for a in range(s):
            x = borders[j, a, start : start + c]
            t = np.float32(0.0)
            for i in range(c):
                t += e[i] * x[i]
            score[r, a] += t


@numba.njit(cache=True, fastmath=_SUMS, error_model="numpy")
def store_means(eta, borders, mask, response, coefficients, start, score, means):  # type: ignore[no-untyped-def]
    """As :func:`sum_scores` in double precision, and keep ``m mu`` in ``means`` ``(R, n)``."""
    R, c = eta.shape
    B, s, _ = borders.shape
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        mean = means[r, start : start + c]
        for a in range(s):
            x = borders[j, a, start : start + c]
            b = coefficients[r, a]
            for i in range(c):
                e[i] += b * x[i]
        for i in range(c):
            mu = m[i] / (1.0 + _exp64(-e[i]))
            mean[i] = mu
            e[i] = y[i] * m[i] - mu
        for a in range(s):
            x = borders[j, a, start : start + c]
            t = 0.0
            for i in range(c):
                t += e[i] * x[i]
            score[r, a] += t


@numba.njit(cache=True, fastmath=_SUMS, error_model="numpy")
def apply_first_curvature(  # type: ignore[no-untyped-def]
    u, shift, means, borders, vector, step, start, product, weights
):
    """As :func:`apply_curvature`, with the weights ``mu (1 - mu)`` after a step from ``means``, which are kept.

    The step shifts eta by ``shift = A d (R, c)`` and by the borders' part.
    """
    R, c = u.shape
    B, s, _ = borders.shape
    F = R // B
    for r in range(R):
        j = r // F
        e = u[r]
        h = shift[r]
        mean = means[r, start : start + c]
        w = weights[r, start : start + c]
        for a in range(s):
            x = borders[j, a, start : start + c]
            b = vector[r, a]
            b_step = step[r, a]
            for i in range(c):
                e[i] += b * x[i]
                h[i] += b_step * np.float32(x[i])
        for i in range(c):
            mu = mean[i]
            mu += mu * (1.0 - mu) * h[i]
            weight = mu * (1.0 - mu)
            w[i] = weight
            e[i] *= weight
        for a in range(s):
            x = borders[j, a, start : start + c]
            t = 0.0
            for i in range(c):
                t += e[i] * x[i]
            product[r, a] += t


@numba.njit(cache=True, fastmath=_SUMS, error_model="numpy")
def apply_curvature(u, weights, borders, vector, start, product):  # type: ignore[no-untyped-def]
    """Replace ``u = A v`` ``(R, c)`` by ``w (u + S v_s)`` and add its products with the borders to ``product``."""
    R, c = u.shape
    B, s, _ = borders.shape
    F = R // B
    for r in range(R):
        j = r // F
        e = u[r]
        w = weights[r, start : start + c]
        for a in range(s):
            x = borders[j, a, start : start + c]
            b = vector[r, a]
            for i in range(c):
                e[i] += b * x[i]
        for i in range(c):
            e[i] *= w[i]
        for a in range(s):
            x = borders[j, a, start : start + c]
            t = e[0] * 0
            for i in range(c):
                t += e[i] * x[i]
            product[r, a] += t


def sum_scores(eta, borders, mask, response, coefficients, start, score):  # type: ignore[no-untyped-def]
    """Replace ``eta = A beta`` ``(R, c)`` by the residual ``m (y - mu)`` and add its border scores to ``score``."""
    loop = _scores32 if eta.dtype == np.float32 else _scores64
    loop(eta, borders, mask, response, coefficients, start, score)
