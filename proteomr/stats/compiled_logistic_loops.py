"""The functions of :mod:`proteomr.stats.logistic_loops`, compiled: the same numbers to rounding.

They do in one sweep over cache-resident rows what numpy does in a dozen, and vectorise the
exponential on processors for which numpy does not. Machine code is kept beside the module, or in
the user's cache folder where that is not writable.
"""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = [
    "apply_curvature",
    "apply_exact_curvature",
    "apply_first_curvature",
    "store_means",
    "sum_clusters",
    "sum_influence",
    "sum_scores",
]

# `reassoc` would fold the shift that rounds to an integer; the sums alone may be reordered.
_EXACT = {"contract", "nsz", "arcp"}
_SUMS = {"contract", "nsz", "arcp", "reassoc"}

_compile = compile_loop(fastmath=_SUMS)
_compile_exactly = compile_loop(fastmath=_EXACT)

_SHIFT64 = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer
_ONE_BITS64 = np.int64(4607182418800017408)  # the bits of 1.0
_F = np.float32
_SHIFT32, _LOG2E32 = _F(12582912.0), _F(1.44269504)  # 1.5 * 2^23, and 1 / log 2
_LN2_HIGH32, _LN2_LOW32 = _F(0.693359375), _F(-2.12194440e-4)  # log 2 in two parts (Cody and Waite)
# The polynomial of expf in Cephes (Moshier), of a remainder within log(2) / 2.
_C0, _C1, _C2 = _F(1.9875691500e-4), _F(1.3981999507e-3), _F(8.3334519073e-3)
_C3, _C4, _C5 = _F(4.1665795894e-2), _F(1.6666665459e-1), _F(5.0000001201e-1)  # and its rest
_ONE32, _LOW32, _HIGH32 = _F(1.0), _F(-87.0), _F(87.0)  # e^87 and its inverse are numbers of single
_MANTISSA32, _ONE_BITS32 = np.int32(23), np.int32(1065353216)  # bits of a mantissa; those of 1.0


@_compile_exactly
def _exp64(x):
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


@_compile_exactly
def _exp32(x):
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


@_compile
def _add_others(e, borders, coefficients, start):
    c = e.size
    for a in range(1, borders.shape[0]):
        x = borders[a, start : start + c]
        b = coefficients[a]
        for i in range(c):
            e[i] += b * x[i]


@_compile
def _sum_others(e, borders, total, start):
    c = e.size
    for a in range(1, borders.shape[0]):
        x = borders[a, start : start + c]
        t = e[0] * 0
        for i in range(c):
            t += e[i] * x[i]
        total[a] += t


@_compile
def _scores64(eta, borders, mask, response, coefficients, start, score):
    R, c = eta.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        x = borders[j, 0, start : start + c]
        b = coefficients[r, 0]
        t = 0.0
        _add_others(e, borders[j], coefficients[r], start)
        for i in range(c):
            residual = (y[i] - 1.0 / (1.0 + _exp64(-(e[i] + b * x[i])))) * m[i]
            e[i] = residual
            t += residual * x[i]
        score[r, 0] += t
        _sum_others(e, borders[j], score[r], start)


@_compile
def _scores32(eta, borders, mask, response, coefficients, start, score):
    R, c = eta.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        x = borders[j, 0, start : start + c]
        b = coefficients[r, 0]
        t = np.float32(0.0)
        _add_others(e, borders[j], coefficients[r], start)
        for i in range(c):
            residual = (y[i] - _ONE32 / (_ONE32 + _exp32(-(e[i] + b * x[i])))) * m[i]
            e[i] = residual
            t += residual * x[i]
        score[r, 0] += t
        _sum_others(e, borders[j], score[r], start)


@_compile
def store_means(eta, borders, mask, response, coefficients, start, score, means, weights):
    R, c = eta.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = eta[r]
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        x = borders[j, 0, start : start + c]
        mean = means[r, start : start + c]
        w = weights[r, start : start + c]
        b = coefficients[r, 0]
        t = 0.0
        _add_others(e, borders[j], coefficients[r], start)
        for i in range(c):
            mu = 1.0 / (1.0 + _exp64(-(e[i] + b * x[i])))
            mean[i] = mu
            w[i] = np.float32(m[i] * mu * (1.0 - mu))
            residual = (y[i] - mu) * m[i]
            e[i] = residual
            t += residual * x[i]
        score[r, 0] += t
        _sum_others(e, borders[j], score[r], start)


@_compile
def apply_first_curvature(u, shift, means, borders, mask, vector, step, start, product):
    R, c = u.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = u[r]
        h = shift[r]
        m = mask[j, start : start + c]
        mean = means[r, start : start + c]
        x = borders[j, 0, start : start + c]
        b = vector[r, 0]
        b_step = step[r, 0]
        t = 0.0
        _add_others(e, borders[j], vector[r], start)
        _add_others(h, borders[j], step[r], start)
        for i in range(c):
            mu = mean[i]
            mu += mu * (1.0 - mu) * (h[i] + b_step * x[i])
            mean[i] = mu
            product_of_row = m[i] * mu * (1.0 - mu) * (e[i] + b * x[i])
            e[i] = product_of_row
            t += product_of_row * x[i]
        product[r, 0] += t
        _sum_others(e, borders[j], product[r], start)


@_compile
def apply_exact_curvature(u, means, borders, mask, vector, start, product):
    R, c = u.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = u[r]
        m = mask[j, start : start + c]
        mean = means[r, start : start + c]
        x = borders[j, 0, start : start + c]
        b = vector[r, 0]
        t = 0.0
        _add_others(e, borders[j], vector[r], start)
        for i in range(c):
            product_of_row = m[i] * mean[i] * (1.0 - mean[i]) * (e[i] + b * x[i])
            e[i] = product_of_row
            t += product_of_row * x[i]
        product[r, 0] += t
        _sum_others(e, borders[j], product[r], start)


@_compile
def apply_curvature(u, weights, borders, vector, start, product):
    R, c = u.shape
    B = borders.shape[0]
    F = R // B
    for r in range(R):
        j = r // F
        e = u[r]
        w = weights[r, start : start + c]
        x = borders[j, 0, start : start + c]
        b = vector[r, 0]
        t = e[0] * 0
        _add_others(e, borders[j], vector[r], start)
        for i in range(c):
            product_of_row = w[i] * (e[i] + b * x[i])
            e[i] = product_of_row
            t += product_of_row * x[i]
        product[r, 0] += t
        _sum_others(e, borders[j], product[r], start)


@_compile
def _add_all(u, borders, vector, start):
    c = u.size
    for a in range(borders.shape[0]):
        x = borders[a, start : start + c]
        b = vector[a]
        for i in range(c):
            u[i] += b * x[i]


@_compile
def sum_clusters(kept, clusters, groups, meat, second, fourth):
    R, P, _, n = kept.shape
    moved = np.empty((P, groups))
    shares = np.empty(groups)
    for r in range(R):
        moved[:] = 0.0
        for a in range(P):
            shares[:] = 0.0
            for i in range(n):
                moved[a, clusters[i]] += kept[r, a, 0, i]
                shares[clusters[i]] += kept[r, a, 1, i]
            for g in range(groups):
                second[r, a] += shares[g]
                fourth[r, a] += shares[g] * shares[g]
            for b in range(a + 1):
                t = 0.0
                for g in range(groups):
                    t += moved[a, g] * moved[b, g]
                meat[r, a, b] += t
                if b < a:
                    meat[r, b, a] += t


@_compile
def _keep_influence(u, m, y, mean, kept):
    moved = kept[0]
    shares = kept[1]
    for i in range(u.size):
        shares[i] = m[i] * mean[i] * (1.0 - mean[i]) * u[i] * u[i]
        moved[i] = u[i] * m[i] * (y[i] - mean[i])


@_compile
def _multiply(u, by):
    for i in range(u.size):
        u[i] *= by[i]


@_compile
def sum_influence(
    u, borders, mask, response, means, vectors, start, adjust, meat, second, fourth, kept
):
    P, R, c = u.shape
    F = R // borders.shape[0]
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        mean = means[r, start : start + c]
        for a in range(P):
            one = u[a, r]
            _add_all(one, borders[j], vectors[r, a], start)
            if kept.shape[0] > 0:
                _keep_influence(one, m, y, mean, kept[r, a, :, start : start + c])
                continue
            t = 0.0
            q = 0.0
            for i in range(c):
                square = m[i] * mean[i] * (1.0 - mean[i]) * one[i] * one[i]
                t += square
                q += square * square
                one[i] *= m[i] * (y[i] - mean[i])
            if adjust.shape[0] > 0:
                _multiply(one, adjust[r])
            second[r, a] += t
            fourth[r, a] += q
            for b in range(a + 1):
                other = u[b, r]
                t = 0.0
                for i in range(c):
                    t += one[i] * other[i]
                meat[r, a, b] += t
                if b < a:
                    meat[r, b, a] += t


def sum_scores(eta, borders, mask, response, coefficients, start, score):
    loop = _scores32 if eta.dtype == np.float32 else _scores64
    loop(eta, borders, mask, response, coefficients, start, score)
