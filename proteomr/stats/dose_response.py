"""Estimates by dose against one reference: their covariance, and curves pooled over studies."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from scipy import optimize, special

from proteomr._typing import F64
from proteomr.status import Status

__all__ = [
    "DoseCovariance",
    "DoseDesign",
    "DoseStudy",
    "PooledCurve",
    "bend_dose",
    "find_covariance",
    "fit_slope",
    "pool_curves",
]

DoseCovariance: TypeAlias = Literal["greenland", "hamling", "independent"]
DoseDesign: TypeAlias = Literal["cc", "ir", "ci"]

_WIDTHS = (0.1, 0.4, 1.5, 5.0, 16.0)  # logarithms on either side of the counts' own odds
_FAR = 300.0  # logarithms of odds: beyond all that counts of people give
# Conditions of the maximum on their own scale; a millionth of a standard deviation of the score.
_CHECK = 1e-6


@dataclass(frozen=True, slots=True)
class DoseStudy:
    """The estimates of one study.

    Attributes
    ----------
    dose : ``(n,)`` doses but for the reference.
    reference : the dose that they are held against.
    y, se : ``(n,)`` logarithms of ratios, and their errors.
    cases, size : ``(n + 1,)`` cases, and people (``cc``, ``ci``) or person-years (``ir``), the
        reference first; NaN where not told.
    design : cc: case-control; ir: incidence rates; ci: cumulative incidence.
    """

    dose: F64
    reference: float
    y: F64
    se: F64
    cases: F64
    size: F64
    design: DoseDesign = "cc"


def find_covariance(study: DoseStudy, method: DoseCovariance) -> F64 | None:
    r"""Return the covariance ``(n, n)`` of the estimates of a study; None where counts have none.

    ``greenland``: cells with the margins of the study that give its adjusted ratios, whose
    correlations :math:`s_0 / \sqrt{(s_0 + s_i)(s_0 + s_j)}` are taken with the errors as told
    (Greenland and Longnecker 1992, doi:10.1093/oxfordjournals.aje.a116237). ``hamling``: cells that
    give ratios and errors, and the shares of unexposed and of cases of the study (Hamling et al.
    2008, doi:10.1002/sim.3013). R: ``dosresmeta::covar.logrr``.

    Examples
    --------
    >>> study = DoseStudy(np.array([2.0, 6.0, 11.0]), 0.0, np.log([0.8, 1.16, 1.57]),
    ...     np.array([0.2324, 0.2332, 0.2342]), np.array([165.0, 74, 90, 122]),
    ...     np.array([337.0, 167, 186, 212]))
    >>> find_covariance(study, "greenland")[0, 1:].round(4).tolist()
    [0.0185, 0.0191]
    """
    if method == "independent":
        return np.diag(study.se**2)
    if not (np.isfinite(study.cases).all() and np.isfinite(study.size).all()):
        return None
    if study.cases.min() <= 0.0 or (study.design != "ir" and (study.size <= study.cases).any()):
        return None
    if method == "hamling":
        shared = _share_of_hamling(study)
        return None if shared is None else np.where(np.eye(study.y.size) == 1, study.se**2, shared)
    s = _variances_of_greenland(study)
    root = np.sqrt(s[0] + s[1:])
    correlation = s[0] / np.outer(root, root)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(correlation * np.outer(study.se, study.se))


def _variances_of_greenland(study: DoseStudy) -> F64:
    """Return the variance of each cell's logarithm of odds or risk, the reference first."""
    log = np.concatenate([[0.0], study.y])
    total = study.cases.sum()
    if study.design == "cc":
        cases = _fit_odds(log, study.size, total)
        return np.asarray(1.0 / cases + 1.0 / (study.size - cases))
    weight = study.size * np.exp(log - log.max())
    cases = total * weight / weight.sum()
    if study.design == "ir":
        return np.asarray(1.0 / cases)
    return np.asarray(np.maximum(1.0 / cases - 1.0 / study.size, 1e-12))


def _fit_odds(log: F64, size: F64, total: float) -> F64:
    """Return cases that add up and whose odds have the given ratios: one rising function's root."""

    def excess(start: float) -> float:
        return float((size * special.expit(start + log)).sum() - total)

    reach = float(np.abs(log).max()) + 40.0  # beyond, all or none are cases
    share = total / size.sum()
    middle = float(np.log(share / (1.0 - share)))
    start = float(optimize.brentq(excess, middle - reach, middle + reach, xtol=1e-14))
    return np.asarray(size * special.expit(start + log))


def _share_of_hamling(study: DoseStudy) -> float | None:
    """Return the variance of the reference that all estimates share."""
    others = study.size - study.cases if study.design == "cc" else study.size
    if study.design == "ir":
        return _share_of_rates(study)
    sign = 1.0 if study.design == "cc" else -1.0
    ratio, squares = np.exp(study.y), study.se**2
    told = others[0] / others.sum(), others.sum() / study.cases.sum()
    # cases per other of the reference; beyond the limit some risk would be above 1
    limit = np.inf if sign > 0.0 else 1.0 / max(1.0, float(ratio.max()))
    near = float(study.cases[0] / others[0])

    def miss(r: float) -> float:
        share = _share_at(r, ratio, squares, told[0], sign)
        a, b = (1.0 + sign * r) / share, (1.0 / r + sign) / share
        cases = a + ((1.0 + sign * r * ratio) / (squares - share)).sum()
        return float(np.log(b / told[0] / cases / told[1]))

    root = _find_near(miss, min(near, 0.5 * limit), limit)
    return None if root is None else _share_at(root, ratio, squares, told[0], sign)


def _find_near(miss: Callable[[float], float], near: float, limit: float) -> float | None:
    """Return a root of a function of (0, limit), sought in growing brackets; None without one."""
    for width in _WIDTHS:
        step = float(np.exp(width))
        # towards the limit by shares of what is left, else by factors
        high = near * step if np.isinf(limit) else limit - (limit - near) / step
        low = near / step
        at_low, at_high = miss(low), miss(high)
        if at_low * at_high <= 0.0:
            return float(optimize.brentq(miss, low, high, xtol=1e-300))
    return None


def _share_at(r: float, ratio: F64, squares: F64, unexposed: float, sign: float) -> float:
    """Return the reference's variance at which its share of the others is as told.

    At r cases per other of the reference the share falls as that variance rises from 0 to the least
    of the estimates'.
    """
    weight = (sign + 1.0 / (r * ratio)) / (1.0 / r + sign)
    least = float(squares.min())

    def miss(log: float) -> float:
        share = least * special.expit(log)
        apart = squares - least + least * special.expit(-log)
        return float(np.log(share * (weight / apart).sum()) - np.log(1.0 / unexposed - 1.0))

    return least * float(special.expit(optimize.brentq(miss, -_FAR, _FAR, xtol=1e-13)))


def _share_of_rates(study: DoseStudy) -> float | None:
    """Return the same for rates, whose errors are those of their cases: one equation."""
    ratio, p = np.exp(study.y), study.size[0] / study.size.sum()
    least = 1.0 / float(study.se.min()) ** 2

    def miss(log: float) -> float:
        a = least + np.exp(log)
        cases = 1.0 / (study.se**2 - 1.0 / a)
        return float(1.0 + (cases / (a * ratio)).sum() - 1.0 / p)

    reach = np.log(least) + np.array([-30.0, 30.0])
    if miss(reach[0]) * miss(reach[1]) > 0.0:
        return None
    a = least + np.exp(optimize.brentq(miss, reach[0], reach[1], xtol=1e-13))
    return float(1.0 / a)


def bend_dose(dose: F64, knots: Sequence[float]) -> F64:
    r"""Return a dose and its restricted cubic spline ``(n, K - 1)``; no knots: the dose alone.

    Lines beyond the outer knots, with Harrell's terms over :math:`(t_K - t_1)^2`; R: ``rms::rcs``.

    Examples
    --------
    >>> bend_dose(np.array([0.0, 5.0, 10.0]), (1.0, 4.0, 9.0)).round(4).tolist()
    [[0.0, 0.0], [5.0, 0.975], [10.0, 6.0]]
    """
    dose = np.asarray(dose, np.float64)
    columns = [dose]
    if knots:
        t = np.asarray(knots, np.float64)
        last, before = t[-1], t[-2]
        for own in t[:-2]:
            cubic = np.maximum(dose - own, 0.0) ** 3
            cubic -= np.maximum(dose - before, 0.0) ** 3 * (last - own) / (last - before)
            cubic += np.maximum(dose - last, 0.0) ** 3 * (before - own) / (last - before)
            columns.append(cubic / (last - t[0]) ** 2)
    return np.column_stack(columns)


def fit_slope(X: F64, y: F64, S: F64) -> tuple[F64, F64] | None:
    """Return the coefficients of one study and their covariance; None where X lacks rank.

    Examples
    --------
    >>> b, V = fit_slope(np.array([[1.0], [2.0]]), np.array([1.0, 2.0]), np.eye(2))
    >>> b.tolist(), V.tolist()
    ([1.0], [[0.2]])
    """
    factor = np.linalg.cholesky(S)
    white, left = np.linalg.solve(factor, X), np.linalg.solve(factor, y)
    if np.linalg.matrix_rank(white) < X.shape[1]:
        return None
    inverse = np.linalg.inv(white.T @ white)
    return inverse @ (white.T @ left), inverse


@dataclass(frozen=True, slots=True)
class PooledCurve:
    """A curve pooled over studies.

    Attributes
    ----------
    beta, covariance : ``(q,)`` and ``(q, q)``.
    between : ``(q, q)`` covariance of the studies' own curves.
    q, df : weighted squares about the fit without variance between studies; degrees of freedom.
    status : code of :class:`proteomr.status.Status`.
    """

    beta: F64
    covariance: F64
    between: F64
    q: float
    df: int
    status: int


def pool_curves(
    X: Sequence[F64], y: Sequence[F64], S: Sequence[F64], *, method: Literal["FE", "ML", "REML"]
) -> PooledCurve:
    r"""Pool curves: :math:`y_j \sim N(X_j \beta, S_j + X_j \Psi X_j')`.

    With the estimates of studies as y it is the model of one stage (Crippa et al. 2019,
    doi:10.1177/0962280218773122), with the studies' coefficients as y and identities as X that of
    two (Jackson et al. 2010); :math:`\Psi` is any positive semidefinite matrix. A maximum counts
    where the derivative G of the likelihood by :math:`\Psi` has no positive direction and
    :math:`G \Psi = 0`, whatever led there. Fewer estimates than coefficients, or several studies
    that have just as many (but for FE), are ``too_few``.

    Examples
    --------
    >>> one, two = np.array([[1.0], [2.0]]), np.array([[1.0], [3.0]])
    >>> fit = pool_curves([one, two], [np.array([1.0, 2.0]), np.array([1.0, 3.0])],
    ...     [np.eye(2), np.eye(2)], method="FE")
    >>> fit.beta.round(6).tolist()
    [1.0]
    """
    stacked, values = np.vstack(X), np.concatenate(y)
    q = stacked.shape[1]
    df = values.size - q
    size = np.abs(stacked).max(axis=0)
    # as many estimates as coefficients leave nothing that tells how studies differ
    short = df < 0 or (df == 0 and len(X) > 1 and method != "FE")
    if short or np.linalg.matrix_rank(stacked / np.where(size > 0.0, size, 1.0)) < q:
        none = np.full((q, q), np.nan)
        return PooledCurve(none[0], none, none, np.nan, max(df, 0), int(Status.too_few))
    model = _CurveModel(tuple(X), stacked, values, tuple(S), method == "REML")
    flat = model.evaluate(np.zeros((q, q)))
    psi, best = np.zeros((q, q)), flat
    if method != "FE" and len(X) > 1:
        psi, best = _maximise(model)
    sound = method == "FE" or len(X) < 2 or model.is_maximum(psi, best)
    status = Status.ok if sound and np.isfinite(best.covariance).all() else Status.not_converged
    return PooledCurve(best.beta, best.covariance, psi, flat.squares, df, int(status))


@dataclass(frozen=True, slots=True)
class _CurvePoint:
    height: float
    gradient: F64
    beta: F64
    covariance: F64
    squares: float


@dataclass(frozen=True, slots=True)
class _CurveModel:
    X: tuple[F64, ...]
    stacked: F64
    y: F64
    S: tuple[F64, ...]
    restricted: bool

    def evaluate(self, psi: F64) -> _CurvePoint:
        """Return the likelihood at a covariance between studies, and its derivative by it."""
        inverses = [np.linalg.inv(S + X @ psi @ X.T) for S, X in zip(self.S, self.X, strict=True)]
        logs = sum(float(np.linalg.slogdet(one)[1]) for one in inverses)
        halves = [one @ X for one, X in zip(inverses, self.X, strict=True)]
        ends = np.cumsum([X.shape[0] for X in self.X])[:-1]
        ys = np.split(self.y, ends)
        A = sum((X.T @ half for X, half in zip(self.X, halves, strict=True)), np.zeros_like(psi))
        covariance = np.asarray(np.linalg.inv(A), np.float64)
        right = sum(half.T @ y for half, y in zip(halves, ys, strict=True))
        beta = covariance @ right
        gradient, squares = np.zeros_like(psi), 0.0
        for X, y, one, half in zip(self.X, ys, inverses, halves, strict=True):
            residual = y - X @ beta
            pulled = half.T @ residual
            squares += float(residual @ one @ residual)
            own = X.T @ half
            gradient += np.outer(pulled, pulled) - own
            if self.restricted:
                gradient += own @ covariance @ own
        height = 0.5 * (logs - squares)
        if self.restricted:
            height -= 0.5 * float(np.linalg.slogdet(A)[1])
        return _CurvePoint(height, 0.5 * gradient, beta, covariance, squares)

    def is_maximum(self, psi: F64, at: _CurvePoint) -> bool:
        """Tell whether no direction of positive semidefinite matrices leads uphill."""
        unit = _unit_of(self)
        G = unit.T @ at.gradient @ unit
        back = np.linalg.inv(unit)
        scaled = back @ psi @ back.T
        size = float(len(self.X))
        uphill = float(np.linalg.eigvalsh(G).max())
        return uphill <= _CHECK * size and float(np.abs(G @ scaled).max()) <= _CHECK * size


def _unit_of(model: _CurveModel) -> F64:
    """Return a root of the studies' middle covariance, in which their curves are of size 1."""
    A = model.stacked.T @ np.linalg.solve(_block(model.S), model.stacked) / len(model.X)
    return np.linalg.cholesky(np.linalg.inv(A))


def _block(parts: Sequence[F64]) -> F64:
    n = sum(part.shape[0] for part in parts)
    out, at = np.zeros((n, n)), 0
    for part in parts:
        end = at + part.shape[0]
        out[at:end, at:end] = part
        at = end
    return out


def _maximise(model: _CurveModel) -> tuple[F64, _CurvePoint]:
    """Return the covariance of the highest likelihood, as L L', from several starts."""
    unit = _unit_of(model)
    q = unit.shape[0]
    place = np.tril_indices(q)

    def spread(parameters: F64) -> F64:
        L = np.zeros((q, q))
        L[place] = parameters
        return unit @ L

    def fall(parameters: F64) -> tuple[float, F64]:
        L = spread(parameters)
        at = model.evaluate(L @ L.T)
        return -at.height, -2.0 * (unit.T @ at.gradient @ L)[place]

    best: tuple[float, F64] | None = None
    for size in (1.0, 0.1, 4.0):
        start = (size * np.eye(q))[place]
        found = optimize.minimize(fall, start, jac=True, method="BFGS", options={"gtol": 1e-10})
        if best is None or found.fun < best[0] - 1e-12:
            best = (float(found.fun), found.x)
    chosen = np.zeros(place[0].size) if best is None else best[1]
    L = spread(chosen)
    return L @ L.T, model.evaluate(L @ L.T)
