"""Firth's penalised Cox estimate, finite also under monotone likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.stats.cox_sums import HazardSums, Ties, sum_hazards, sum_sets
from proteomr.stats.firth import accelerate_step
from proteomr.stats.logistic import certify_one
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.stats.risk_sets import RiskSets

__all__ = ["FirthCox", "compare_penalised_cox", "fit_firth_cox", "profile_cox"]

# As for logits: the iteration is superlinear.
_DECREMENT, _SCORE = 1e-18, 1e-16
# Many steps where the maximum is far; a step is halved to below all digits; of a log-likelihood.
_STEPS, _HALVINGS, _ROUNDING = 300, 40, 1e-13
# A step changes no coefficient by more.
_LARGEST_STEP = 5.0
# Standard errors from the estimate within which a limit is sought.
_FARTHEST = 1e3


@dataclass(frozen=True, slots=True)
class FirthCox:
    """A penalised fit.

    Attributes
    ----------
    coefficients, covariance : ``(p,)``, ``(p, p)``, the latter the inverse information.
    log_likelihood : penalised.
    converged : whether the fit has its certificate.
    """

    coefficients: F64
    covariance: F64
    log_likelihood: float
    converged: bool


@dataclass(frozen=True, slots=True)
class _Place:
    """The penalised likelihood somewhere."""

    value: float
    score: F64
    information: F64


def fit_firth_cox(
    X: F64, risk: RiskSets, *, ties: Ties = "efron", fixed: Mapping[int, float] | None = None
) -> FirthCox:
    """Maximise ``l(b) + log|I(b)| / 2``, l the partial log-likelihood and I its information.

    Firth 1993, doi:10.1093/biomet/80.1.27; Heinze and Schemper 2001,
    doi:10.1111/j.0006-341X.2001.00114.x. Standard errors are those of the inverse information at
    the estimate.

    Parameters
    ----------
    X : ``(n, p)``, independent within the risk sets, of about unit size.
    fixed : values of coefficients that are held, by position, for a profile.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 0.0]])
    >>> x = np.array([[1.0], [1.0], [0.0], [0.0]])
    >>> fit_firth_cox(x, lay_out_risk_sets(rows)).coefficients.round(3).tolist()
    [2.022]
    """
    p = X.shape[1]
    b, free = np.zeros(p), np.ones(p, dtype=bool)
    for column, held in (fixed or {}).items():
        b[column], free[column] = held, False
    here = _look(X, risk, b, ties)
    pairs: list[tuple[F64, F64]] = []
    decrement = np.nan
    for _ in range(_STEPS):
        step = np.zeros(p)
        step[free] = accelerate_step(here.score[free], here.information[np.ix_(free, free)], pairs)
        step *= min(1.0, _LARGEST_STEP / max(float(np.abs(step).max(initial=0.0)), 1e-300))
        decrement = float(here.score @ step)
        moved = _rise(X, risk, b, step, here.value, ties) if decrement >= 0.0 else None
        if moved is None:
            decrement = np.nan
            break
        step, new = moved
        change = here.score[free] - new.score[free]
        if step[free] @ change > 0.0:
            pairs.append((step[free], change))
        b, here = b + step, new
        if decrement < _DECREMENT:
            break
    covariance = np.full((p, p), np.nan)
    if np.all(np.isfinite(here.information)):
        covariance = np.linalg.pinv(here.information, hermitian=True)
    converged = certify_one(
        here.score[free],
        np.diagonal(here.information)[free],
        decrement,
        covariance,
        bound=_DECREMENT,
        score_bound=_SCORE,
    )
    return FirthCox(b, covariance, here.value, bool(converged))


def compare_penalised_cox(
    X: F64, risk: RiskSets, fit: FirthCox, *, columns: Sequence[int], ties: Ties = "efron"
) -> NestedTest | None:
    """Test that coefficients are 0 by the ratio of penalised likelihoods; None without a null fit.

    Parameters
    ----------
    X, risk, fit : the data and their :func:`fit_firth_cox`.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 0.0]])
    >>> x, risk = np.array([[1.0], [1.0], [0.0], [0.0]]), lay_out_risk_sets(rows)
    >>> [round(part, 2) for part in compare_penalised_cox(x, risk, fit_firth_cox(x, risk),
    ...     columns=[0])]
    [2.3, 1.0, 0.89]
    """
    null = fit_firth_cox(X, risk, ties=ties, fixed=dict.fromkeys(columns, 0.0))
    if not null.converged:
        return None
    return refer_chi2(2.0 * (fit.log_likelihood - null.log_likelihood), len(columns))


def profile_cox(
    X: F64,
    risk: RiskSets,
    fit: FirthCox,
    *,
    column: int,
    level: float = 0.95,
    ties: Ties = "efron",
) -> tuple[float, float]:
    """Return the profile interval of a penalised coefficient, infinite on a side without limit.

    NaN on a side on which a fit along the profile has no certificate.

    Parameters
    ----------
    X, risk, fit : the data and their :func:`fit_firth_cox`.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 0.0, 0.0]])
    >>> x, risk = np.array([[1.0], [1.0], [0.0], [0.0]]), lay_out_risk_sets(rows)
    >>> low, high = profile_cox(x, risk, fit_firth_cox(x, risk), column=0)
    >>> low < 0.0 < high
    True
    """
    from scipy.optimize import brentq
    from scipy.special import chdtri

    half_drop = float(chdtri(1, 1.0 - level)) / 2.0
    estimate, se = float(fit.coefficients[column]), float(np.sqrt(fit.covariance[column, column]))

    def drop(value: float) -> float:
        held = fit_firth_cox(X, risk, ties=ties, fixed={column: value})
        if not held.converged:
            raise ArithmeticError("a fit along the profile has not converged")
        return fit.log_likelihood - held.log_likelihood - half_drop

    def find_limit(sign: float) -> float:
        far = 2.0 * se
        while drop(estimate + sign * far) < 0.0:
            far *= 1.6
            if far > _FARTHEST * se:
                return sign * np.inf
        return float(brentq(drop, estimate, estimate + sign * far, xtol=1e-12))

    limits = []
    for sign in (-1.0, 1.0):
        try:
            limits.append(find_limit(sign))
        except ArithmeticError:
            limits.append(np.nan)
    return limits[0], limits[1]


def _rise(
    X: F64, risk: RiskSets, b: F64, step: F64, value: float, ties: Ties
) -> tuple[F64, _Place] | None:
    """Return the step that does not lower the penalised likelihood, and what is where it leads."""
    for halving in range(_HALVINGS):
        shorter = step * 0.5**halving
        new = _look(X, risk, b + shorter, ties)
        if new.value >= value - _ROUNDING * abs(value):
            return shorter, new
    return None


def _look(X: F64, risk: RiskSets, b: F64, ties: Ties) -> _Place:
    """Return penalised likelihood and score, and the information.

    The derivative of ``log|I| / 2`` by b_r is ``tr(V dI / db_r) / 2``, V the inverse of I; that of
    a covariance by the predictors is the third central moment, so that with ``q = x'Vx`` and the
    moments of the risk set of one term of the likelihood it is a sum of ``cov(x_r, q) - 2 (C V
    m)_r``, m the mean of x there and C its covariance.
    """
    sums = sum_hazards(risk, X @ b, np.ones(X.shape[0]), ties=ties)
    first, second = sums.sum_columns(X)
    information = sums.information(X, (first, second))
    sign, logdet = np.linalg.slogdet(information)
    if not (sign > 0.0 and np.isfinite(logdet)):
        return _Place(-np.inf, np.zeros(b.size), information)
    V = np.linalg.inv(information)
    q = np.einsum("ij,ij->i", X @ V, X)
    penalty = _third_moments(
        sums, X, q, np.asarray(V, dtype=np.float64), (first, second), efron=ties == "efron"
    )
    score = X.T @ sums.residuals + 0.5 * penalty
    return _Place(sums.log_likelihood + 0.5 * float(logdet), score, information)


def _third_moments(
    sums: HazardSums, X: F64, q: F64, V: F64, columns: tuple[F64, F64], *, efron: bool
) -> F64:
    """Return the derivative of ``log|I|`` by the coefficients ``(p,)``."""
    risk, w, p = sums.risk, sums.w, X.shape[1]
    rows, others = np.triu_indices(p)
    pairs = X[:, rows] * X[:, others]
    wide = np.column_stack([q, X * q[:, None], pairs]) * w[:, None]
    at = sums.time_of_dead
    of_sets, of_dead = sum_sets(risk, wide), np.zeros((risk.size, wide.shape[1]))
    np.add.at(of_dead, at, wide[sums.dead])
    time = np.repeat(np.arange(risk.size), risk.deaths)
    starts = np.concatenate([[0], np.cumsum(risk.deaths)[:-1]])
    f = (np.arange(time.size) - starts[time]) / risk.deaths[time] if efron else np.zeros(time.size)
    size = sums.S[time] - f * sums.D[time]
    means = (columns[0][time] - f[:, None] * columns[1][time]) / size[:, None]
    moments = (of_sets[time] - f[:, None] * of_dead[time]) / size[:, None]
    mean_q, cross = moments[:, 0], moments[:, 1 : 1 + p]
    C = np.empty((time.size, p, p))
    C[:, rows, others] = C[:, others, rows] = moments[:, 1 + p :]
    C -= means[:, :, None] * means[:, None, :]
    turned = np.einsum("ers,es->er", C, means @ V)
    return np.asarray((cross - means * mean_q[:, None] - 2.0 * turned).sum(axis=0))
