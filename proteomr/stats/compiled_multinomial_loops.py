"""The functions of :mod:`proteomr.stats.multinomial_loops`, compiled: the same to rounding."""

from __future__ import annotations

import numpy as np

from proteomr.stats.compiled_logistic_loops import _exp32, _exp64
from proteomr.stats.compiling import compile_loop

__all__ = [
    "apply_curvature",
    "apply_exact_curvature",
    "apply_first_curvature",
    "store_means",
    "sum_log_likelihoods",
    "sum_scores",
]

# The sums alone may be reordered.
_compile = compile_loop(fastmath={"contract", "nsz", "arcp", "reassoc"})


@_compile
def _add_borders(e, borders, coefficients, start):
    c = e.size
    for a in range(borders.shape[0]):
        x = borders[a, start : start + c]
        b = coefficients[a]
        for i in range(c):
            e[i] += b * x[i]


@_compile
def _sum_borders(e, borders, total, start):
    c = e.size
    for a in range(borders.shape[0]):
        x = borders[a, start : start + c]
        t = e[0] * 0
        for i in range(c):
            t += e[i] * x[i]
        total[a] += t


@_compile
def _powers64(e, may, total):
    for i in range(e.size):
        p = _exp64(e[i]) * may[i]
        e[i] = p
        total[i] += p


@_compile
def _powers32(e, may, total):
    for i in range(e.size):
        p = _exp32(e[i]) * may[i]
        e[i] = p
        total[i] += p


@_compile
def _scores64(eta, borders, mask, response, allowed, coefficients, start, score):
    R = coefficients.shape[0]
    L, c, s, F = eta.shape[0] // R, eta.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c)
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        may = allowed[0, start : start + c]
        for i in range(c):
            total[i] = may[i]
        for v in range(L):
            e = eta[r * L + v]
            _add_borders(e, borders[j], coefficients[r, v * s : v * s + s], start)
            _powers64(e, allowed[v + 1, start : start + c], total)
        for i in range(c):
            total[i] = 1.0 / total[i]
        for v in range(L):
            e = eta[r * L + v]
            level = v + 1.0
            for i in range(c):
                hit = 1.0 if y[i] == level else 0.0
                e[i] = (hit - e[i] * total[i]) * m[i]
            _sum_borders(e, borders[j], score[r, v * s : v * s + s], start)


@_compile
def _scores32(eta, borders, mask, response, allowed, coefficients, start, score):
    R = coefficients.shape[0]
    L, c, s, F = eta.shape[0] // R, eta.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c, dtype=np.float32)
    one, none = np.float32(1.0), np.float32(0.0)
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        may = allowed[0, start : start + c]
        for i in range(c):
            total[i] = may[i]
        for v in range(L):
            e = eta[r * L + v]
            _add_borders(e, borders[j], coefficients[r, v * s : v * s + s], start)
            _powers32(e, allowed[v + 1, start : start + c], total)
        for i in range(c):
            total[i] = one / total[i]
        for v in range(L):
            e = eta[r * L + v]
            level = np.float32(v + 1)
            for i in range(c):
                hit = one if y[i] == level else none
                e[i] = (hit - e[i] * total[i]) * m[i]
            _sum_borders(e, borders[j], score[r, v * s : v * s + s], start)


@_compile
def store_means(eta, borders, mask, response, allowed, coefficients, start, score, means, weights):
    R = coefficients.shape[0]
    L, c, s, F = eta.shape[0] // R, eta.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c)
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        y = response[r % F, start : start + c]
        may = allowed[0, start : start + c]
        for i in range(c):
            total[i] = may[i]
        for v in range(L):
            e = eta[r * L + v]
            _add_borders(e, borders[j], coefficients[r, v * s : v * s + s], start)
            _powers64(e, allowed[v + 1, start : start + c], total)
        for i in range(c):
            total[i] = 1.0 / total[i]
        for v in range(L):
            e = eta[r * L + v]
            mean = means[r, v, start : start + c]
            w = weights[r, v, start : start + c]
            level = v + 1.0
            for i in range(c):
                mu = e[i] * total[i]
                hit = 1.0 if y[i] == level else 0.0
                mean[i] = mu
                w[i] = np.float32(m[i] * mu * (1.0 - mu))
                e[i] = (hit - mu) * m[i]
            _sum_borders(e, borders[j], score[r, v * s : v * s + s], start)


@_compile
def _curve64(u, means, borders, mask, vector, start, product):
    R = vector.shape[0]
    L, c, s, F = u.shape[0] // R, u.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c)
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        total[:] = 0.0
        for v in range(L):
            e = u[r * L + v]
            mean = means[r, v, start : start + c]
            _add_borders(e, borders[j], vector[r, v * s : v * s + s], start)
            for i in range(c):
                total[i] += mean[i] * e[i]
        for v in range(L):
            e = u[r * L + v]
            mean = means[r, v, start : start + c]
            for i in range(c):
                e[i] = m[i] * mean[i] * (e[i] - total[i])
            _sum_borders(e, borders[j], product[r, v * s : v * s + s], start)


@_compile
def _curve32(u, means, borders, mask, vector, start, product):
    R = vector.shape[0]
    L, c, s, F = u.shape[0] // R, u.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c, dtype=np.float32)
    for r in range(R):
        j = r // F
        m = mask[j, start : start + c]
        total[:] = np.float32(0.0)
        for v in range(L):
            e = u[r * L + v]
            mean = means[r, v, start : start + c]
            _add_borders(e, borders[j], vector[r, v * s : v * s + s], start)
            for i in range(c):
                total[i] += np.float32(mean[i]) * e[i]
        for v in range(L):
            e = u[r * L + v]
            mean = means[r, v, start : start + c]
            for i in range(c):
                e[i] = m[i] * np.float32(mean[i]) * (e[i] - total[i])
            _sum_borders(e, borders[j], product[r, v * s : v * s + s], start)


@_compile
def _move(shift, means, borders, step, start):
    R = step.shape[0]
    L, c, s, F = shift.shape[0] // R, shift.shape[1], borders.shape[1], R // borders.shape[0]
    total = np.empty(c)
    for r in range(R):
        total[:] = 0.0
        for v in range(L):
            h = shift[r * L + v]
            mean = means[r, v, start : start + c]
            _add_borders(h, borders[r // F], step[r, v * s : v * s + s], start)
            for i in range(c):
                total[i] += mean[i] * h[i]
        for v in range(L):
            h = shift[r * L + v]
            mean = means[r, v, start : start + c]
            for i in range(c):
                mean[i] += mean[i] * (h[i] - total[i])


@_compile
def sum_log_likelihoods(means, mask, response, out):
    R, L, n = means.shape
    F = response.shape[0]
    for r in range(R):
        m = mask[r // F]
        y = response[r % F]
        total = 0.0
        product = 1.0  # a logarithm of many probabilities costs what one of one does
        for i in range(n):
            if m[i] == 0.0:
                continue
            level = int(y[i])
            if level > 0:
                mu = means[r, level - 1, i]
            else:
                mu = 1.0
                for v in range(L):
                    mu -= means[r, v, i]
            if m[i] == 1.0 and mu > 1e-100:
                product *= mu
                if product < 1e-200:
                    total += np.log(product)
                    product = 1.0
            else:
                total += m[i] * np.log(mu)
        out[r] = total + np.log(product)


def sum_scores(eta, borders, mask, response, allowed, coefficients, start, score):
    loop = _scores32 if eta.dtype == np.float32 else _scores64
    loop(eta, borders, mask, response, allowed, coefficients, start, score)


def apply_curvature(u, means, borders, mask, vector, start, product):
    loop = _curve32 if u.dtype == np.float32 else _curve64
    loop(u, means, borders, mask, vector, start, product)


def apply_exact_curvature(u, means, borders, mask, vector, start, product):
    _curve64(u, means, borders, mask, vector, start, product)


def apply_first_curvature(u, shift, means, borders, mask, vector, step, start, product):
    _move(shift, means, borders, step, start)
    _curve64(u, means, borders, mask, vector, start, product)
