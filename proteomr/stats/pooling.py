"""Pooled effects of studies, of many questions at once: means, meta-regressions, their tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.between_studies import Tau2, certify_tau2, estimate_tau2
from proteomr.stats.distributions import neg_log10_p_chi2, neg_log10_p_t, quantile_t
from proteomr.stats.f_tail import neg_log10_p_f
from proteomr.stats.study_effects import StudyEffects, Weighed, weigh_studies
from proteomr.stats.study_sums import (
    add_others,
    add_pairs,
    add_studies,
    combine,
    form_gram,
    measure_forms,
    multiply_each,
    project,
)
from proteomr.status import Status

__all__ = ["Hartung", "Heterogeneity", "Pooled", "measure_heterogeneity", "pool_effects"]

_ROUNDING = 64.0  # last digits of effects, some of which a fit of several columns loses
Hartung: TypeAlias = Literal["none", "plain", "truncated"]


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """How far effects differ beyond their errors, ``(m,)`` each.

    Attributes
    ----------
    q, df : Cochran's Q at fixed weights, and its degrees of freedom.
    neg_log10_p : of Q.
    i2 : percent of the variance that is between studies.
    h2 : total over sampling variance.
    """

    q: F64
    df: F64
    neg_log10_p: F64
    i2: F64
    h2: F64


@dataclass(frozen=True, slots=True)
class Pooled:
    """A pooled fit of m questions with p columns.

    Attributes
    ----------
    beta : ``(m, p)`` coefficients; NaN where aliased or without a fit.
    covariance : ``(m, p, p)`` of them.
    df : ``(m,)`` of Student's t; infinite for the normal.
    tau2, tau2_se : ``(m,)`` variance between studies and its error.
    factor : ``(m,)`` Knapp and Hartung's, by which variances are multiplied; 1 without.
    k : ``(m,)`` studies.
    weights : ``(m, k)`` how far each study's effect moves the first coefficient, by studies.
    leverage : ``(m, k)`` diagonal of the hat matrix.
    fitted : ``(m, k)``.
    status : ``(m,)`` codes of :class:`proteomr.status.Status`.
    """

    beta: F64
    covariance: F64
    df: F64
    tau2: F64
    tau2_se: F64
    factor: F64
    k: I64
    weights: F64
    leverage: F64
    fitted: F64
    status: I64

    @property
    def se(self) -> F64:
        """Standard errors ``(m, p)``."""
        place = np.arange(self.beta.shape[1])
        return np.sqrt(self.covariance[:, place, place])

    @property
    def statistic(self) -> F64:
        """Estimates over their errors ``(m, p)``."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.beta / self.se

    @property
    def neg_log10_p(self) -> F64:
        """Minus log10 of the p values ``(m, p)``."""
        return neg_log10_p_t(self.statistic, self.df[:, None])

    def limits(self, *, level: float = 0.95) -> tuple[F64, F64]:
        """Return the limits of the coefficients ``(m, p)`` each."""
        reach = quantile_t(0.5 + 0.5 * level, self.df)[:, None] * self.se
        return self.beta - reach, self.beta + reach

    def predict(self, *, level: float = 0.95) -> tuple[F64, F64]:
        """Return the limits of the effect of a new study ``(m,)`` each, for a mean alone.

        With the normal distribution or, where Knapp and Hartung's errors are used, Student's t with
        k - 1 degrees of freedom, as ``metafor::predict`` has it.
        """
        total = np.sqrt(self.covariance[:, 0, 0] + self.tau2)
        reach = quantile_t(0.5 + 0.5 * level, self.df) * total
        return self.beta[:, 0] - reach, self.beta[:, 0] + reach

    def test_jointly(self, columns: slice) -> tuple[F64, I64, F64]:
        """Return Wald's statistic of some columns, their number and minus log10 p, ``(m,)`` each.

        The statistic is chi-squared, or F where the degrees of freedom are finite; aliased columns
        count for nothing.
        """
        b, V = self.beta[:, columns], self.covariance[:, columns, columns]
        place = np.arange(b.shape[1])
        errors = np.sqrt(V[:, place, place])
        there = np.isfinite(b) & (errors > 0.0)
        size = np.where(there, errors, 1.0)
        held = np.where(there, b, 0.0) / size  # in standard errors: no scale is too small
        V = V / size[:, :, None] / size[:, None, :]
        V = np.where(there[:, :, None] & there[:, None, :], V, 0.0)
        V[:, place, place] = 1.0
        wald = add_studies(held * np.linalg.solve(V, held[:, :, None])[:, :, 0])
        number = there.sum(axis=1)
        finite = np.isfinite(self.df)
        safe = np.maximum(number, 1)
        statistic = np.where(number == 0, np.nan, np.where(finite, wald / safe, wald))
        p = np.where(
            finite,
            neg_log10_p_f(statistic, safe, np.where(finite, self.df, 1.0)),
            neg_log10_p_chi2(statistic, safe),
        )
        return statistic, number.astype(np.int64), p


def pool_effects(effects: StudyEffects, *, method: Tau2, hartung: Hartung = "none") -> Pooled:
    r"""Pool effects by weights :math:`1 / (v + \tau^2)`.

    :math:`\hat\beta = (X'WX)^{-1} X'Wy`, with covariance :math:`(X'WX)^{-1}`; with Knapp and
    Hartung's errors (2003, doi:10.1002/sim.1482) times :math:`y'Py / (k - p)`, and Student's t with
    k - p degrees of freedom. Truncated, that factor is not below 1; where it is 0, as of effects
    that are all alike, the status is ``constant``. One study gives its own estimate, and as many
    studies as columns do where the variance between them is none (FE). R:
    ``metafor::rma(method = , test = "z" | "knha" | "adhoc")``.

    Parameters
    ----------
    effects : of m questions.
    method : of the variance between studies.
    hartung : whether errors are Knapp and Hartung's.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[0.0, 2.0]]), np.array([[1.0, 1.0]]))
    >>> fit = pool_effects(effects, method="FE")
    >>> fit.beta.tolist(), fit.se.round(4).tolist()
    ([[1.0]], [[0.7071]])
    """
    tau2 = estimate_tau2(effects, method)
    fit = weigh_studies(effects, tau2)
    free = (effects.count - effects.rank).astype(np.float64)
    factor, df = _correct_errors(fit.q, free, hartung)
    status = _judge(effects, method, tau2, fit)
    if method == "FE" and hartung == "none":
        status[(status == Status.too_few) & (effects.count > 0)] = Status.ok
    if hartung == "plain":
        status[(status == Status.ok) & (free > 0) & _is_rounding(effects, fit)] = Status.constant
    unscaled = effects.scale[:, None]
    beta, turned = _to_columns(effects, fit)
    sound = (status == Status.ok)[:, None]
    keep = effects.kept & sound
    covariance = np.where(keep[:, :, None] & keep[:, None, :], turned, np.nan)
    covariance *= (factor * effects.scale**2)[:, None, None]
    weights, leverage, fitted = _tell_studies(effects, fit)
    return Pooled(
        np.where(keep, beta * unscaled, np.nan),
        covariance,
        df,
        np.where(sound[:, 0], tau2 * effects.scale**2, np.nan),
        _error_of_tau2(effects, method, tau2, free) * effects.scale**2,
        factor,
        effects.count,
        weights,
        leverage,
        fitted * unscaled,
        status,
    )


def measure_heterogeneity(effects: StudyEffects, tau2: F64, *, method: Tau2) -> Heterogeneity:
    r"""Measure how far effects differ.

    :math:`I^2 = 100 \tau^2 / (\tau^2 + s^2)` with the method's own variance and the typical error
    :math:`s^2 = (k - p) / \mathrm{tr}\,P` (Higgins and Thompson 2002, doi:10.1002/sim.1186), and
    :math:`H^2 = \tau^2 / s^2 + 1`; of the fixed-effect method :math:`(Q - (k - p)) / Q`, not below
    0, and Q / (k - p). As metafor has it.

    Parameters
    ----------
    effects : of m questions.
    tau2 : ``(m,)`` variance between studies, in the units of the effects.
    method : that it is from.

    Examples
    --------
    >>> effects = StudyEffects.of(np.array([[0.0, 4.0]]), np.array([[1.0, 1.0]]))
    >>> found = measure_heterogeneity(effects, np.array([7.0]), method="DL")
    >>> found.q.tolist(), found.i2.tolist()
    ([8.0], [87.5])
    """
    free = (effects.count - effects.rank).astype(np.float64)
    fit = weigh_studies(effects, np.zeros(free.shape))
    some = free > 0
    typical = np.where(some, free, 1.0) / np.where(some, fit.trace(), 1.0)
    own = tau2 / effects.scale**2
    i2, h2 = 100.0 * own / (own + typical), own / typical + 1.0
    if method == "FE":
        with np.errstate(divide="ignore", invalid="ignore"):
            i2 = np.where(fit.q > 0.0, np.maximum(0.0, 100.0 * (fit.q - free) / fit.q), 0.0)
            h2 = np.where(some, fit.q / free, 1.0)
    q = np.where(some, fit.q, 0.0)
    p = np.where(some, neg_log10_p_chi2(q, np.where(some, free, 1.0)), 0.0)
    return Heterogeneity(q, free, p, np.where(some, i2, 0.0), np.where(some, h2, 1.0))


def _tell_studies(effects: StudyEffects, fit: Weighed) -> tuple[F64, F64, F64]:
    """Return how far studies move the first coefficient, leverages and fitted effects, (m, k)."""
    Q, turn = fit.B, effects.turn
    back = np.asarray(1.0 / fit.C if Q.shape[2] == 1 else np.linalg.inv(fit.C), np.float64)
    first = multiply_each(np.swapaxes(fit.inverse, 1, 2), back[:, 0])
    moving = fit.w * combine(Q, first)
    if turn is None:
        return moving, fit.w * measure_forms(Q, fit.inverse), combine(Q, fit.g)
    own, moved = turn @ Q, turn @ (fit.w[:, :, None] * (Q @ fit.inverse))
    leverage = add_studies(np.moveaxis(own * moved, 2, 1))
    return (turn @ moving[:, :, None])[:, :, 0], leverage, combine(own, fit.g)


def _judge(effects: StudyEffects, method: Tau2, tau2: F64, fit: Weighed) -> I64:
    """Return a status for each unit: what has no certificate is no estimate."""
    p = effects.kept.shape[1]
    status = np.full(tau2.shape, int(Status.ok), dtype=np.int64)
    sound = certify_tau2(effects, method, tau2) & np.isfinite(fit.g).all(axis=1)
    # the weighted residuals are orthogonal to the columns: no inverse is believed
    pulls = np.abs(project(fit.B, fit.w * fit.residual)).max(axis=1)
    size = np.sqrt(project(fit.B**2, fit.w).max(axis=1))
    # effects of many standard errors are held to as many digits as they have themselves
    digits = 4.0 * np.finfo(np.float64).eps * np.sqrt(add_studies(fit.w * effects.y**2))
    sound &= pulls <= size * (1e-9 * np.sqrt(np.maximum(fit.q, 1.0)) + 1e-9 + digits)
    status[~sound] = Status.not_converged
    status[effects.rank < np.minimum(p, 1)] = Status.collinear
    status[(p > 1) & (effects.count <= effects.rank)] = Status.too_few
    status[effects.count == 0] = Status.all_missing
    return status


def _is_rounding(effects: StudyEffects, fit: Weighed) -> Bool:
    """Tell where the residuals are what rounding leaves of the effects: no error is got of them."""
    least = (_ROUNDING * np.finfo(np.float64).eps) ** 2
    return np.asarray(fit.q <= least * effects.count * add_studies(fit.w * effects.y**2))


def _correct_errors(q: F64, free: F64, hartung: Hartung) -> tuple[F64, F64]:
    """Return Knapp and Hartung's factors and degrees of freedom."""
    factor, df = np.ones(q.shape), np.full(q.shape, np.inf)
    if hartung == "none":
        return factor, df
    some: Bool = free > 0
    plain = np.where(some, q / np.where(some, free, 1.0), 1.0)
    factor = np.maximum(plain, 1.0) if hartung == "truncated" else plain
    return factor, np.where(some, free, np.inf)


def _to_columns(effects: StudyEffects, fit: Weighed) -> tuple[F64, F64]:
    """Return coefficients of X, and their covariance, from those of the basis."""
    if fit.C.shape[1] == 1:
        C = fit.C
        return fit.g / C[:, 0], fit.inverse / C**2
    back = np.asarray(np.linalg.inv(fit.C), np.float64)
    beta = np.einsum("mij,mj->mi", back, fit.g)
    kept = np.where(effects.kept[:, :, None] & effects.kept[:, None, :], fit.inverse, 0.0)
    return beta, back @ kept @ np.swapaxes(back, 1, 2)


def _error_of_tau2(effects: StudyEffects, method: Tau2, tau2: F64, free: F64) -> F64:
    """Return the standard error of the variance between studies (Viechtbauer 2005; 2007)."""
    some = free > 0
    df = np.where(some, free, 1.0)
    at = tau2 if method in {"ML", "REML", "PM", "EB"} else np.zeros(tau2.shape)
    fit = weigh_studies(effects, at)
    if method == "FE":
        return np.full(tau2.shape, np.nan)
    square = fit.trace_of_square()
    with np.errstate(divide="ignore", invalid="ignore"):
        if method == "REML":
            variance = 2.0 / square
        elif method == "ML":
            variance = 2.0 / add_studies(fit.w**2)
        elif method in {"PM", "EB"}:
            variance = 2.0 * effects.count**2 / df / add_studies(fit.w) ** 2
        elif method in {"DL", "HS"}:
            trace = fit.trace()
            top = 2.0 * df + 4.0 * tau2 * trace + 2.0 * tau2**2 * square
            below = trace if method == "DL" else add_studies(fit.w)
            variance = top / below**2
        else:
            variance = _variance_of_squares(effects, method, tau2, df)
    return np.where(some, np.sqrt(variance), np.nan)


def _variance_of_squares(effects: StudyEffects, method: Tau2, tau2: F64, df: F64) -> F64:
    """Return the variance of HE's and SJ's estimate, a quadratic form of normal effects."""
    start = effects.spread / effects.count
    flat = method == "HE"
    w = np.where(effects.there, 1.0 if flat else 1.0 / (effects.v + start[:, None]), 0.0)
    v = np.where(effects.there, effects.v, 0.0)
    own, square, middle = _square_forms(effects, w, v)
    top = 2.0 * square + 4.0 * tau2 * middle + 2.0 * tau2**2 * own
    by = 1.0 if flat else start
    return np.asarray((by / df) ** 2 * top)


def _square_forms(effects: StudyEffects, w: F64, v: F64) -> tuple[F64, F64, F64]:
    """Return tr PP, tr PVPV and tr PVP ``(m,)`` at weights w, for V of variances v."""
    Q = effects.Q
    A = form_gram(Q, w)
    for j in range(A.shape[1]):
        A[:, j, j] += ~effects.kept[:, j]
    if A.shape[1] == 1:
        pulled = (w * Q[:, :, 0]) ** 2 / A[:, 0]
        free = (w * add_others(w * Q[:, :, 0] ** 2) / A[:, 0]) ** 2
        return (
            add_studies(free) + add_pairs(pulled, pulled),
            add_studies(free * v**2) + add_pairs(pulled * v, pulled * v),
            add_studies(free * v) + add_pairs(pulled * v, pulled),
        )
    weighted = np.ascontiguousarray(Q * w[:, :, None])
    P = np.eye(v.shape[1]) * w[:, :, None] - weighted @ np.linalg.solve(
        np.ascontiguousarray(A), np.swapaxes(weighted, 1, 2)
    )
    squared = P**2
    by_study = add_studies(squared)
    return (
        add_studies(by_study),
        add_studies(add_studies(squared * v[:, :, None]) * v),
        add_studies(by_study * v),
    )
