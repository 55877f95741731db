"""Loops over variants of `proteomr.stats.effect_mixtures` and `sharing_posterior`, compiled.

Effects of a variant on two traits are drawn from component k of a mixture and estimated with errors
of correlation rho; along a slope b the covariance of the two estimates is that of
`proteomr.stats.effect_mixtures`. Densities are without the factor 1 / 2 pi.
"""

from __future__ import annotations

import math

import numpy as np

from proteomr.stats.compiling import compile_loop

__all__ = [
    "average_inverse",
    "cover_left_out",
    "fill_component_densities",
    "fill_log_posterior",
    "fill_slope_densities",
    "score_correlation",
]

_EXACT = {"contract", "nsz", "arcp", "nnan"}
_compile = compile_loop(fastmath=_EXACT)
_compile_sums = compile_loop(fastmath=_EXACT | {"reassoc"})

_TOGETHER = 32  # factors before a logarithm: each is at least q or 1 - q, some 1e-6
_NEGLIGIBLE = 200.0  # of the logarithm: by so much a variant 20 errors off may put a point down


@_compile
def fill_component_densities(x, sx, y, sy, rho, var_x, var_y, out):
    """Log densities (n, k) of estimates under each component, without a slope."""
    for i in range(x.size):
        vx, vy, shared = sx[i] * sx[i], sy[i] * sy[i], rho * sx[i] * sy[i]
        for k in range(var_x.size):
            a, b = vx + var_x[k], vy + var_y[k]
            det = a * b - shared * shared
            quadratic = (b * x[i] * x[i] - 2.0 * shared * x[i] * y[i] + a * y[i] * y[i]) / det
            out[i, k] = -0.5 * (math.log(det) + quadratic)


@_compile
def score_correlation(x, sx, y, sy, rho, var_x, var_y, weights):
    """Log likelihood of the correlation of errors, its slope and the sum of squared slopes."""
    value, slope, square = 0.0, 0.0, 0.0
    for i in range(x.size):
        vx, vy, unit = sx[i] * sx[i], sy[i] * sy[i], sx[i] * sy[i]
        shared = rho * unit
        top, total, pull = -np.inf, 0.0, 0.0
        for k in range(var_x.size):
            a, b = vx + var_x[k], vy + var_y[k]
            det = a * b - shared * shared
            cross = x[i] * y[i]
            form = b * x[i] * x[i] - 2.0 * shared * cross + a * y[i] * y[i]
            height = math.log(weights[k]) - 0.5 * (math.log(det) + form / det)
            turn = unit * (shared / det + cross / det - shared * form / (det * det))
            if height > top:
                scale = math.exp(top - height)
                total, pull, top = total * scale + 1.0, pull * scale + turn, height
            else:
                share = math.exp(height - top)
                total, pull = total + share, pull + share * turn
        one = pull / total
        value += top + math.log(total)
        slope += one
        square += one * one
    return value, slope, square


@_compile
def fill_slope_densities(x, sx, y, sy, rho, var_x, var_y, weights, slopes, out):
    """Log densities (b, n) of the mixture along each slope."""
    K = var_x.size
    forms, roots = np.empty(K), np.empty(K)
    for s in range(slopes.size):
        slope = slopes[s]
        for i in range(x.size):
            vx, vy, shared = sx[i] * sx[i], sy[i] * sy[i], rho * sx[i] * sy[i]
            least = np.inf
            for k in range(K):
                a = vx + var_x[k]
                # Of (x, y - b x), whose covariance has the same determinant: products of the slope
                # and the component's variance, which would cancel, are in none of its terms.
                b = var_y[k] + vy - 2.0 * slope * shared + slope * slope * vx
                cross = shared - slope * vx
                det = a * b - cross * cross
                d = y[i] - slope * x[i]
                forms[k] = (b * x[i] * x[i] - 2.0 * cross * x[i] * d + a * d * d) / det
                roots[k] = weights[k] / math.sqrt(det)
                least = min(least, forms[k])
            total = 0.0
            for k in range(K):
                total += roots[k] * math.exp(-0.5 * (forms[k] - least))
            out[s, i] = math.log(total) - 0.5 * least


@_compile
def _balance(first, second, u, v):
    """Densities of two slopes over the larger of both; the sum of the logs of the larger."""
    total = 0.0
    for j in range(first.size):
        d = first[j] - second[j]
        if d > 0.0:
            u[j], v[j] = 1.0, math.exp(-d)
            total += first[j]
        else:
            u[j], v[j] = math.exp(d), 1.0
            total += second[j]
    return total


@_compile_sums
def _sum_logs(u, v, q):
    """Sum of log((1 - q) u + q v)."""
    m, total, rest = u.size, 0.0, 1.0 - q
    whole = m - m % _TOGETHER
    for j in range(0, whole, _TOGETHER):
        one, other = u[j : j + _TOGETHER], v[j : j + _TOGETHER]  # of known length: by vectors
        product = 1.0
        for i in range(_TOGETHER):
            product *= rest * one[i] + q * other[i]
        total += math.log(product)
    product = 1.0
    for i in range(whole, m):
        product *= rest * u[i] + q * v[i]
    return total + math.log(product)


@_compile
def fill_log_posterior(first, second, shares, prior_pair, prior_share, out):
    """Log posterior (a, c, q), -inf where it is negligible beside what was met before.

    Shares rise; along them the log posterior is concave, so that behind its top it falls for good.
    """
    m = first.shape[1]
    u, v = np.empty(m), np.empty(m)
    best = -np.inf
    for a in range(first.shape[0]):
        for c in range(second.shape[0]):
            base = _balance(first[a], second[c], u, v) + prior_pair[a, c]
            before, over = -np.inf, False
            for q in range(shares.size):
                if over:
                    out[a, c, q] = -np.inf
                    continue
                value = base + _sum_logs(u, v, shares[q]) + prior_share[q]
                out[a, c, q] = value
                density = value - prior_share[q]
                over = density < before and value < best - _NEGLIGIBLE
                before = density
                best = max(best, value)


@_compile_sums
def average_inverse(first, second, shares, weights, out):
    """Mean over the posterior of the inverse density of each variant, added to out (n,).

    first (a, n) and second (c, n) are densities over those of a reference, above zero; weights
    (a, c, q) sum to 1.
    """
    for a in range(first.shape[0]):
        for c in range(second.shape[0]):
            u, v = first[a], second[c]
            for q in range(shares.size):
                weight, share = weights[a, c, q], shares[q]
                if weight > 0.0:
                    for j in range(u.size):
                        out[j] += weight / (u[j] + share * (v[j] - u[j]))


@_compile_sums
def cover_left_out(first, second, shares, weights, gains, out):
    """Largest of the variants' posteriors without each, (a, c, q), at every node.

    Without variant j the weight of a node is gains[j] over the variant's density there; first and
    second as in `average_inverse`.
    """
    for a in range(first.shape[0]):
        for c in range(second.shape[0]):
            u, v = first[a], second[c]
            for q in range(shares.size):
                weight, share, least = weights[a, c, q], shares[q], np.inf
                if weight > 0.0:
                    for j in range(u.size):
                        least = min(least, gains[j] * (u[j] + share * (v[j] - u[j])))
                out[a, c, q] = weight / least
