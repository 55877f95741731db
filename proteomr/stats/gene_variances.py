"""Compound symmetry with a variance for each gene: a likelihood of G by G matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from proteomr._typing import F64
from proteomr.stats.linalg import find_independent
from proteomr.stats.repeated_contrasts import ContrastFit
from proteomr.status import Status

__all__ = ["fit_gene_variances"]

_MOST_STEPS = 200  # Newton's take some ten; more have no maximum that is one
_STEP = 1e-30  # of derivatives along the imaginary axis, which cancel no digit
_DECREMENT = 1e-18  # the root is the distance from the maximum in its own errors: 1e-9
_CLOSE = 1e-10  # decrements below which rounding alone decides whether the likelihood rises


@dataclass(frozen=True, slots=True)
class _Sums:
    """What the likelihood needs of the data.

    Attributes
    ----------
    S : ``(G, G)`` products of the genes about their means.
    T : ``(G, G)`` those of their projections on people's columns.
    n, q, ml : people, columns without the intercept, and whether it is plain likelihood.
    """

    S: F64
    T: F64
    n: int
    q: int
    ml: bool


def fit_gene_variances(
    Y: F64, X: F64, *, ml: bool = False, between_people: bool = False
) -> ContrastFit:
    r"""Fit :math:`y_i = \alpha + 1 x_i' \beta + \epsilon_i` with :math:`Var(\epsilon_i) = D C D`.

    D has a standard deviation for each gene, C one correlation for all pairs. With means of genes
    free, all is a function of S, T and the parameters: for :math:`a = V^{-1} 1` twice the negative
    profiled log-likelihood is

    .. math:: (n - 1) \log |V| + q \log 1'a + \mathrm{tr}\,V^{-1}S - a'Ta / 1'a

    (REML; n and no second term for ML), which no number of people makes dearer. Newton's method on
    the logarithms of the deviations and the logit of the correlation; t has N - P degrees of
    freedom. R: ``nlme::gls(correlation = corCompSymm(form = ~ 1 | person), weights =
    varIdent(form = ~ 1 | gene))``.

    The coefficients are those of least squares of people's weighted means :math:`a'y_i / 1'a`, so
    that what these leave of each other tells their errors whatever the covariance of the genes
    is: ``between_people`` takes those, and n - p degrees of freedom (least squares with weights of
    a working covariance, as in Liang and Zeger 1986, doi:10.1093/biomet/73.1.13).

    Parameters
    ----------
    Y : ``(n, G)`` without missing values.
    X : ``(n, p)`` columns, the intercept first.
    ml : maximum likelihood in place of REML.
    between_people : whether errors are those of people's weighted means, not the model's.

    Examples
    --------
    >>> g = np.random.default_rng(1)
    >>> X = np.column_stack([np.ones(60), g.normal(size=60)])
    >>> Y = X[:, 1:] + g.normal(size=(60, 1)) + g.normal(size=(60, 4)) * [0.1, 1.0, 2.0, 3.0]
    >>> fit = fit_gene_variances(Y, X)
    >>> fit.status, bool(abs(fit.beta[1] - 1.0) < 3.0 * fit.covariance[1, 1] ** 0.5)
    (0, True)
    """
    n, G = Y.shape
    p = X.shape[1]
    centred = X[:, 1:] - X[:, 1:].mean(axis=0)
    kept = find_independent(np.column_stack([np.ones(n), centred]))
    kept = kept[kept > 0] - 1
    left = Y - Y.mean(axis=0)
    if G < 2 or n - 1 - kept.size <= 1:
        return _refuse(p, Status.too_few)
    if (np.abs(left).max(axis=0) == 0.0).any():
        return _refuse(p, Status.constant)
    Q, R = np.linalg.qr(centred[:, kept])
    along = Q.T @ left
    sums = _Sums(left.T @ left, along.T @ along, n, kept.size, ml)
    t = _start(sums)
    found = _descend(sums, t)
    if found is None:
        return _refuse(p, Status.not_converged)
    a, total = _weigh(found)
    coefficients = np.linalg.solve(R, along @ a) / total
    back = np.linalg.inv(R)
    free = n * G - G - kept.size
    scale = (n * G / free if ml else 1.0) / total
    rest = left @ a / total - centred[:, kept] @ coefficients
    between = float(rest @ rest) / (n - 1 - kept.size)
    differ = float(np.sqrt(between / scale))
    if between_people:
        free, scale = n - 1 - kept.size, between
    beta, V = np.full(p, np.nan), np.full((p, p), np.nan)
    beta[kept + 1] = coefficients
    V[np.ix_(kept + 1, kept + 1)] = back @ back.T * scale
    e = np.exp(found[-1])
    df = np.full(p, float(free))
    return ContrastFit(beta, V, df, int(Status.ok), float((e - 1.0) / (e + G - 1.0)), differ)


def _refuse(p: int, status: Status) -> ContrastFit:
    nothing = np.full(p, np.nan)
    return ContrastFit(nothing, np.full((p, p), np.nan), nothing, int(status))


def _start(sums: _Sums) -> F64:
    """Return the deviations and the mean correlation of what columns leave of the genes."""
    left = (sums.S - sums.T) / max(sums.n - 1 - sums.q, 1)
    least = 1e-12 * np.diag(sums.S).max() / sums.n
    sd = np.sqrt(np.maximum(np.diag(left), least))
    G = sd.size
    scaled = left / np.outer(sd, sd)
    mean = float((scaled.sum() - np.trace(scaled)) / (G * (G - 1)))
    rho = float(np.clip(mean, -0.5 / (G - 1), 0.95))
    return np.append(np.log(sd), np.log1p(rho * (G - 1)) - np.log1p(-rho))


def _weigh(t: Any) -> tuple[Any, Any]:
    """Return V^-1 1 and its sum."""
    d, e = np.exp(-t[:-1]), np.exp(t[-1])
    G = d.size
    u, kappa = (e + G - 1.0) / G, (e - 1.0) / (G * e)
    a = u * d * (d - kappa * d.sum())
    return a, a.sum()


def _measure(sums: _Sums, t: Any) -> tuple[Any, Any]:
    """Return twice the negative log-likelihood and its gradient; t may be complex."""
    d, e = np.exp(-t[:-1]), np.exp(t[-1])
    G = d.size
    u, kappa = (e + G - 1.0) / G, (e - 1.0) / (G * e)
    du, dkappa = e / G, 1.0 / (G * e)
    total, squares = d.sum(), (d * d).sum()
    Sd, own = sums.S @ d, np.diag(sums.S)
    crossed = d @ Sd
    trace = u * ((d * d * own).sum() - kappa * crossed)
    weight = u * (squares - kappa * total * total)
    b = d * (d - kappa * total)
    h = 2.0 * u * (sums.T @ b)
    pulled = 0.5 * u * (b @ h)
    rows, bend = (sums.n, 0) if sums.ml else (sums.n - 1, sums.q)
    logs = -2.0 * np.log(d).sum() - G * np.log(u) + t[-1]
    value = rows * logs + bend * np.log(weight) + trace - pulled / weight
    # derivatives of each part by d, then by the logit
    by_weight = bend / weight + pulled / weight**2
    d_trace = 2.0 * u * (d * own - kappa * Sd)
    d_weight = 2.0 * u * (d - kappa * total)
    d_pulled = u * (2.0 * d * h - kappa * total * h - kappa * (h @ d))
    by_d = d_trace + by_weight * d_weight - d_pulled / weight
    gradient = np.append(2.0 * rows - d * by_d, 0.0 * t[-1])
    r_trace = du * trace / u - u * dkappa * crossed
    r_weight = du * weight / u - u * dkappa * total * total
    r_pulled = h @ (du * b - u * dkappa * total * d)
    gradient[-1] = rows * (1.0 - G * du / u) + r_trace + by_weight * r_weight - r_pulled / weight
    return value, gradient


def _bend(sums: _Sums, t: F64) -> F64:
    """Return the second derivatives: those of the gradient along the imaginary axis."""
    columns = []
    for at in range(t.size):
        moved = t.astype(np.complex128)
        moved[at] += 1j * _STEP
        columns.append(_measure(sums, moved)[1].imag / _STEP)
    H = np.stack(columns)
    return np.asarray(0.5 * (H + H.T))


def _descend(sums: _Sums, t: F64) -> F64 | None:
    """Return the parameters of the maximum; None where none has a certificate."""
    value, gradient = _measure(sums, t)
    for _ in range(_MOST_STEPS):
        H = _bend(sums, t)
        values, vectors = np.linalg.eigh(H)
        convex = bool(values.min() > 0.0)
        size = np.maximum(np.abs(values), 1e-8 * np.abs(values).max())
        step = -(vectors @ ((vectors.T @ gradient) / size))
        decrement = float(-gradient @ step)
        if convex and decrement <= _DECREMENT:
            return t
        step *= min(1.0, 2.0 / float(np.abs(step).max()))  # a deviation moves by e^2 at most
        for halving in range(60):  # beyond, the step is rounding
            tried = t + step * 0.5**halving
            found, slope = _measure(sums, tried)
            if np.isfinite(found) and (found < value or (convex and decrement < _CLOSE)):
                break
        else:
            return t if convex and decrement <= 1e-14 else None
        if convex and decrement < _CLOSE and np.abs(slope).max() >= np.abs(gradient).max():
            return t if decrement <= 1e-14 else None
        t, value, gradient = tried, found, slope
    return None
