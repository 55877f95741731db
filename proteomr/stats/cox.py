"""One Cox regression at a time: the exact maximum of the partial likelihood, or its limit.

The hazard of a row is ``h_stratum(t) exp(x'b)`` (Cox 1972, doi:10.1111/j.2517-6161.1972.tb00899.x).
Mirrors R's ``survival::coxph`` (3.5) at ``eps = 1e-12``: Efron's, Breslow's or exact ties, left
truncation and counting processes, strata, case weights. Beyond it: columns that the risk sets do
not tell from others are found by what they leave in them, infinite estimates by a linear programme.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.certificates import certify, scale_scores
from proteomr.stats.cox_limits import find_recession, group_along
from proteomr.stats.exact_ties import AnyTies, PartialSums, drop_settled, sum_partial
from proteomr.stats.linalg import factor_columns, find_independent, scale_columns
from proteomr.stats.risk_sets import RiskSets

__all__ = ["CoxFit", "centre_within", "fit_cox"]

_DECREMENT = 1e-22  # squared standard errors: 1e-11 of one
# Scores at the end, squared, in units of their own variance: rounding of a million rows leaves
# less.
_SCORE = 1e-18
# A maximum is reached in some ten steps; along an infinite estimate a step adds about 1 to it.
_STEPS, _HALVINGS = 40, 30
# Rounding of a log-likelihood, as a share of it.
_ROUNDING = 1e-12
# The share of its length below which what a risk set leaves of a column counts as nothing.
_ALIASED = 1e-9


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A Cox regression on columns ``X (n, p)``.

    Attributes
    ----------
    coefficients : ``(p,)``; NaN where there is no finite estimate.
    covariance : ``(p, p)``, inverse information; NaN likewise.
    log_likelihood, null : at the estimate (or its limit) and at 0.
    score_test : Rao's statistic of all coefficients at 0.
    rank : number of independent columns.
    aliased : ``(p,)``, columns that those before them determine in every risk set.
    infinite : ``(p,)``, columns whose estimate is infinite.
    converged : whether the fit has its certificate (:mod:`proteomr.stats.certificates`).
    iterations : Newton steps taken.
    risk : the risk sets of the limit; those handed in where nothing is infinite.
    used : positions of the columns with a finite estimate.
    basis : positions ``(b,)`` of the columns of the limit: those, and such as have no estimate of
        their own, since they are infinite, but differ from one another by a finite one, as the
        levels of a factor whose reference has no events.
    limit, limit_covariance : ``(b,)``, ``(b, b)``, of these; predictors and residuals at the limit
        need all of them.
    apart : rows that infinite estimates have taken out of all risk sets.
    place : ``(n,)``, of each row by what infinite estimates make of its hazard, the lowest first:
        at the limit a hazard of a higher place is above any of a lower one; None where nothing is
        infinite.
    doubt : why there is no certificate.
    """

    coefficients: F64
    covariance: F64
    log_likelihood: float
    null: float
    score_test: float
    rank: int
    aliased: Bool
    infinite: Bool
    converged: bool
    iterations: int
    risk: RiskSets
    used: I64
    basis: I64
    limit: F64
    limit_covariance: F64
    apart: int = 0
    doubt: str = ""
    place: I64 | None = None

    @property
    def se(self) -> F64:
        """Standard errors ``(p,)``."""
        return np.sqrt(np.diagonal(self.covariance))

    def rank_hazards(self, X: F64) -> F64:
        """Return what is the higher ``(n,)``, the higher the hazard of a row of the columns fitted.

        The linear predictor; where estimates are infinite, ranks by these and then by what is
        finite beside them.
        """
        finite = np.asarray(X[:, self.basis] @ self.limit)
        if self.place is None:
            return finite
        order = np.lexsort((finite, self.place))
        apart = np.diff(self.place[order], prepend=-1) > 0
        apart[1:] |= np.diff(finite[order]) > 0.0
        ranks = np.empty(order.size)
        ranks[order] = np.cumsum(apart)
        return ranks


@dataclass(frozen=True, slots=True)
class _Climb:
    """Where Newton's method ended, in the basis of the columns; NaN where it did not settle.

    The squared length of its first step is Rao's statistic of all coefficients at 0.
    """

    theta: F64
    sums: PartialSums
    information: F64
    decrement: float
    iterations: int
    score_test: float


def centre_within(X: F64, risk: RiskSets) -> F64:
    """Return columns less their mean over the rows of each part; 0 where a row is never at risk.

    Parts have no risk set in common, so that this changes no fit. What is left of a column that is
    constant in each part, to rounding, is 0.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.array([[-np.inf, 1.0, 1.0], [-np.inf, 2.0, 1.0], [-np.inf, 0.5, 0.0]])
    >>> centre_within(np.array([[1.0], [3.0], [9.0]]), lay_out_risk_sets(rows)).ravel().tolist()
    [-1.0, 1.0, 0.0]
    """
    never, parts = np.flatnonzero(~risk.at_risk), max(risk.parts, 1)
    part = np.maximum(risk.part, 0)
    people = np.bincount(risk.part[risk.at_risk], minlength=parts)
    values = X.copy()
    values[never] = 0.0
    whole = np.einsum("ij,ij->j", values, values)
    for _ in range(2):  # the second takes out what rounding of the first mean has left
        if parts == 1:
            values -= np.ones(part.size) @ values / np.maximum(people, 1)
        else:
            for j in range(X.shape[1]):
                sums = np.bincount(part, weights=values[:, j], minlength=parts)
                values[:, j] -= (sums / np.maximum(people, 1))[part]
        values[never] = 0.0
    left = np.einsum("ij,ij->j", values, values)
    values[:, left <= _ALIASED**2 * whole] = 0.0
    return values


def fit_cox(
    X: F64, risk: RiskSets, *, weights: F64 | None = None, ties: AnyTies = "efron"
) -> CoxFit:
    """Maximise the partial likelihood by Newton's method with step halving.

    Columns that those before them determine are left out, and infinite estimates are taken to their
    limit; whatever else has no certificate says why.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept.
    weights : ``(n,)``, above 0: what each row counts; exact ties have none but 1.

    Raises
    ------
    ValueError
        Exact ties with weights.

    Examples
    --------
    >>> from proteomr.stats.risk_sets import lay_out_risk_sets
    >>> rows = np.column_stack([np.full(4, -np.inf), [1.0, 2.0, 3.0, 4.0], np.ones(4)])
    >>> x = np.array([[0.0], [1.0], [1.0], [0.0]])
    >>> fit_cox(x, lay_out_risk_sets(rows)).coefficients.round(4).tolist()
    [0.4812]
    """
    if ties == "exact":
        if weights is not None and np.any(weights != 1.0):
            raise ValueError("exact ties count whole events: they have no weights")
        risk = drop_settled(risk)
    unit = 1.0 if weights is None else float(weights.mean())
    counts = np.ones(X.shape[0]) if weights is None else weights / unit
    scaled, scale = scale_columns(X)
    centred = centre_within(scaled, risk)
    kept = find_independent(centred, tolerance=_ALIASED)
    at_zero = sum_partial(risk, np.zeros(X.shape[0]), counts, ties=ties)
    p = X.shape[1]
    aliased = np.ones(p, dtype=bool)
    aliased[kept] = False
    blank = CoxFit(
        np.full(p, np.nan),
        np.full((p, p), np.nan),
        at_zero.log_likelihood,
        at_zero.log_likelihood,
        0.0,
        kept.size,
        aliased,
        np.zeros(p, dtype=bool),
        converged=True,
        iterations=0,
        risk=risk,
        used=kept,
        basis=kept[:0],
        limit=np.empty(0),
        limit_covariance=np.empty((0, 0)),
    )
    found = _Search(centred, counts, ties).settle(blank) if kept.size else blank
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return replace(
            found,
            apart=int(np.count_nonzero(risk.at_risk) - np.count_nonzero(found.risk.at_risk)),
            coefficients=found.coefficients / scale,
            covariance=found.covariance / scale[:, None] / scale / unit,
            limit=found.limit / scale[found.basis],
            limit_covariance=found.limit_covariance
            / scale[found.basis, None]
            / scale[found.basis]
            / unit,
            log_likelihood=unit * found.log_likelihood - _units_of(risk, weights, unit),
            null=unit * found.null - _units_of(risk, weights, unit),
            score_test=unit * found.score_test,
        )


def _units_of(risk: RiskSets, weights: F64 | None, unit: float) -> float:
    """Return what dividing weights by their mean has added to a log-likelihood."""
    if weights is None:
        return 0.0
    return float(weights[risk.died].sum() * np.log(unit))


@dataclass(frozen=True, slots=True)
class _Search:
    """The search for a maximum, or for its limit.

    Parameters
    ----------
    X : ``(n, p)``, centred within parts.
    """

    X: F64
    counts: F64
    ties: AnyTies

    def settle(self, fit: CoxFit) -> CoxFit:
        """Return the fit at the maximum, infinite estimates at their limit."""
        null, test, steps = fit.null, np.nan, 0
        while fit.used.size:
            X = self.X if fit.used.size == self.X.shape[1] else self.X[:, fit.used]
            if fit.infinite.any():  # in the risk sets of a limit
                X = centre_within(X, fit.risk)
            basis, R = factor_columns(X)
            basis *= _unit_of(fit.risk)
            climb = _climb(basis, fit.risk, self.counts, self.ties)
            steps += climb.iterations
            if np.isnan(test):
                test = climb.score_test
            try:
                direction = find_recession(
                    X, fit.risk, basis @ climb.theta, exact=self.ties == "exact"
                )
            except ArithmeticError as fault:
                return replace(fit, converged=False, doubt=str(fault), score_test=test)
            if direction is None:
                done = self._finish(fit, climb, basis, R)
                return replace(done, null=null, score_test=test, iterations=steps)
            fit = _take_to_limit(fit, X, direction, exact=self.ties == "exact")
        limit = sum_partial(fit.risk, np.zeros(self.counts.size), self.counts, ties=self.ties)
        return replace(fit, log_likelihood=limit.log_likelihood, score_test=test, iterations=steps)

    def _finish(self, fit: CoxFit, climb: _Climb, basis: F64, R: F64) -> CoxFit:
        """Return the fit with its estimates, certified."""
        covariance, positive = _invert(climb.information)
        score = basis.T @ climb.sums.residuals
        se = np.sqrt(np.abs(np.diagonal(covariance)))
        certified = certify(
            decrement=np.array([climb.decrement]),
            scores=scale_scores(score[None], np.diagonal(climb.information)[None]),
            estimate=climb.theta.sum(keepdims=True),
            se=se.sum(keepdims=True),
            bound=_DECREMENT,
            score_bound=_SCORE,
        )
        back = np.linalg.inv(R) * _unit_of(fit.risk)
        at = fit.used
        known = at[~fit.infinite[at]]
        coefficients, whole = fit.coefficients.copy(), fit.covariance.copy()
        limit, limit_covariance = back @ climb.theta, back @ covariance @ back.T
        coefficients[at] = limit
        whole[np.ix_(at, at)] = limit_covariance
        lost = np.setdiff1d(at, known)
        coefficients[lost] = whole[lost] = whole[:, lost] = np.nan
        converged = bool(certified[0]) and positive
        return replace(
            fit,
            coefficients=coefficients,
            covariance=whole,
            log_likelihood=climb.sums.log_likelihood,
            converged=converged,
            used=known,
            basis=at,
            limit=limit,
            limit_covariance=limit_covariance,
            doubt="" if converged else "Newton's method did not settle",
        )


def _unit_of(risk: RiskSets) -> float:
    """Return the length of a column of about unit size."""
    return math.sqrt(max(int(np.count_nonzero(risk.at_risk)), 1))


def _take_to_limit(fit: CoxFit, X: F64, direction: F64, *, exact: bool) -> CoxFit:
    """Return the model at the limit in a direction, less the column that leads it."""
    infinite = fit.infinite.copy()
    infinite[fit.used[direction != 0.0]] = True
    lead = int(np.argmax(np.abs(direction)))
    group = group_along(X, direction)
    risk = fit.risk.refine(group)
    if exact:
        risk = drop_settled(risk)
    left = np.delete(fit.used, lead)
    # What the strata of the limit determine is of the same direction or of another infinite one.
    rest = centre_within(np.delete(X, lead, axis=1), risk)
    independent = find_independent(rest, tolerance=_ALIASED)
    infinite[np.delete(left, independent)] = True
    place = group if fit.place is None else fit.place * (int(group.max()) + 1) + group
    place = np.unique(place, return_inverse=True)[1].astype(np.int64)
    return replace(fit, infinite=infinite, risk=risk, used=left[independent], place=place)


def _climb(X: F64, risk: RiskSets, counts: F64, ties: AnyTies) -> _Climb:
    """Climb the likelihood by Newton's steps, each halved until it does not lead down."""
    theta = np.zeros(X.shape[1])
    sums = sum_partial(risk, X @ theta, counts, ties=ties)
    information = sums.information(X)
    test, iteration = np.nan, 0
    for iteration in range(1, _STEPS + 1):
        score = X.T @ sums.residuals
        covariance, positive = _invert(information)
        step = covariance @ score
        decrement = float(score @ step)
        test = decrement if iteration == 1 else test
        if not (positive and 0.0 <= decrement < np.inf):
            return _Climb(theta, sums, information, np.nan, iteration, test)
        risen = _rise(X, theta, step, sums, counts, ties)
        if risen is None:
            return _Climb(theta, sums, information, np.nan, iteration, test)
        theta, sums = risen
        information = sums.information(X)
        if decrement < _DECREMENT:
            return _Climb(theta, sums, information, decrement, iteration, test)
    return _Climb(theta, sums, information, np.nan, iteration, test)


def _rise(
    X: F64, theta: F64, step: F64, sums: PartialSums, counts: F64, ties: AnyTies
) -> tuple[F64, PartialSums] | None:
    """Return where a step leads that does not lower the likelihood."""
    least = sums.log_likelihood - _ROUNDING * abs(sums.log_likelihood)
    for halving in range(_HALVINGS):
        new = theta + 0.5**halving * step
        moved = sum_partial(sums.risk, X @ new, counts, ties=ties)
        if moved.log_likelihood >= least:
            return new, moved
    return None


def _invert(information: F64) -> tuple[F64, bool]:
    """Return the inverse of an information matrix, and whether it is positive definite."""
    try:
        root = np.linalg.inv(np.linalg.cholesky(information))
    except np.linalg.LinAlgError:
        return np.full(information.shape, np.nan), False
    return root.T @ root, bool(np.all(np.isfinite(root)))
