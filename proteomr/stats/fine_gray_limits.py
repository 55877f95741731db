"""Regressions of subdistribution hazards whatever their columns are: aliased ones are left out, and
infinite estimates taken to their limit.

The risk sets are those of Cox's regression in which people stay after a competing event, so that
what separates the one separates the other (:mod:`proteomr.stats.cox_limits`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.censoring import Censoring
from proteomr.stats.cox import centre_within
from proteomr.stats.cox_limits import divide_by, find_recession
from proteomr.stats.fine_gray import FineGrayFit, FineGrayModel, Ties, fit_fine_gray
from proteomr.stats.fine_gray_errors import CensoringTerm, ErrorSums, sum_errors
from proteomr.stats.linalg import find_independent, scale_columns
from proteomr.stats.risk_sets import RiskSets, lay_out_risk_sets
from proteomr.stats.subdistribution import lay_out_risk

__all__ = ["CompetingRisks", "FineGrayLimit", "fit_fine_gray_limit"]

# The share of its length below which what a risk set leaves of a column counts as nothing.
_ALIASED = 1e-9
# Of a robust variance to that of the information, as for fits of blocks together: below, the
# residuals of those who carry an estimate have vanished with what they alone determine.
_LEAST_RATIO = 0.1
# Of a combination of columns whose largest is 1: values apart by less are one.
_MARGIN = 1e-6


@dataclass(frozen=True, slots=True)
class CompetingRisks:
    """The follow-up of n people.

    Attributes
    ----------
    times : ``(n, 2)``, entry (minus infinity where there is none) and exit.
    event : ``(n,)``, 0 where censored, 1 the event of interest, others compete with it.
    censoring : as it was estimated.
    baseline : ``(n,)``, stratum of the baseline hazard; None for one.
    censoring_strata : ``(n,)``, as the censoring has them; None for one.
    """

    times: F64
    event: I64
    censoring: Censoring
    baseline: I64 | None = None
    censoring_strata: I64 | None = None

    @property
    def defined(self) -> bool:
        """Whether everybody with a competing event before another event has a weight."""
        strata = np.zeros(self.event.size, dtype=np.int64)
        strata = strata if self.censoring_strata is None else self.censoring_strata
        last = self.times[self.event == 1, 1].max(initial=-np.inf)
        stays = (self.event > 1) & (self.times[:, 1] < last)
        return all(
            bool(np.all(self.censoring.share(self.times[stays & (strata == c), 1], c) > 0.0))
            for c in np.unique(strata[stays]).tolist()
        )

    def as_cox(self) -> RiskSets:
        """Return the risk sets as Cox's regression has them, people staying after other events."""
        stays = (self.event != 0) & (self.event != 1)
        exit_ = np.where(stays, np.inf, self.times[:, 1])
        rows = np.column_stack([self.times[:, 0], exit_, self.event == 1])
        return lay_out_risk_sets(rows, self.baseline)


@dataclass(frozen=True, slots=True)
class FineGrayLimit:
    """A regression on columns ``X (n, p)``.

    Attributes
    ----------
    coefficients : ``(p,)``; NaN where there is no finite estimate.
    aliased : ``(p,)``, columns that those before them determine in every risk set.
    infinite : ``(p,)``, columns whose estimate is infinite.
    used : positions of the columns with a finite estimate.
    doubt : why there is no certificate; empty where there is one.
    fit : the fit, of a basis of some columns; None where no column is left.
    back : ``(used, basis)``, turns its coefficients into those used.
    risks : at the limit.
    apart : how many people an infinite direction takes out of all risk sets.
    """

    coefficients: F64
    aliased: Bool
    infinite: Bool
    used: I64
    doubt: str
    fit: FineGrayFit | None
    back: F64
    risks: CompetingRisks
    apart: int = 0

    def covariance(self, kind: ErrorSums, clusters: I64 | None = None) -> F64:
        """Return the covariance of the coefficients ``(p, p)``; NaN where there is no estimate."""
        return self.estimate_errors(kind, clusters)[0]

    def estimate_errors(self, kind: ErrorSums, clusters: I64 | None = None) -> tuple[F64, F64]:
        """Return the covariance, and the effective number of people or clusters that carry each
        coefficient ``(p,)``.

        Parameters
        ----------
        clusters : ``(n,)``, cluster of each row; None where every row is by itself.
        """
        whole = np.full((self.coefficients.size,) * 2, np.nan)
        carriers = np.full(self.coefficients.size, np.nan)
        if self.fit is None or self.doubt:
            return whole, carriers
        risks, point = self.risks, self.fit.point
        order = point.model.risk.order
        event, strata = risks.event[order], risks.censoring_strata
        within = np.zeros(order.size, dtype=np.int64) if strata is None else strata[order]
        baseline = np.zeros(order.size, dtype=np.int64)
        if risks.baseline is not None:
            baseline = np.unique(risks.baseline[order], return_inverse=True)[1]
        term = CensoringTerm(risks.censoring, risks.times[order], event == 0, within, baseline)
        whole[np.ix_(self.used, self.used)], carriers[self.used] = sum_errors(
            point,
            self.fit.inverse @ self.back.T,
            term,
            kind=kind,
            clusters=None if clusters is None else clusters[order],
        )
        known = np.einsum("ij,jk,ik->i", self.back, self.fit.inverse, self.back)
        vanishes = np.diagonal(whole)[self.used] < _LEAST_RATIO * known
        carriers[self.used[vanishes]] = 1.0
        return whole, carriers


def fit_fine_gray_limit(
    X: F64, risks: CompetingRisks, *, weights: F64 | None = None, ties: Ties = "breslow"
) -> FineGrayLimit:
    """Maximise the partial likelihood, or go to its limit.

    Parameters
    ----------
    X : ``(n, p)``, without an intercept.
    weights : ``(n,)``, above 0: what each row counts.

    Examples
    --------
    >>> from proteomr.stats.censoring import estimate_censoring
    >>> times = np.column_stack([np.full(6, -np.inf), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    >>> event = np.array([1, 2, 0, 1, 1, 0])
    >>> risks = CompetingRisks(times, event, estimate_censoring(times, event))
    >>> x = np.array([[1.0], [0.0], [0.5], [0.2], [0.9], [0.1]])
    >>> found = fit_fine_gray_limit(x, risks)
    >>> found.coefficients.round(4).tolist(), np.sqrt(found.covariance("known")).round(4).tolist()
    ([2.1423], [[1.2739]])
    """
    counts = np.ones(X.shape[0]) if weights is None else weights / weights.mean()
    scaled, scale = scale_columns(X)
    cox = risks.as_cox()
    p = X.shape[1]
    none = np.zeros(p, dtype=bool)
    kept = find_independent(centre_within(scaled, cox), tolerance=_ALIASED)
    aliased = ~none
    aliased[kept] = False
    blank = FineGrayLimit(
        np.full(p, np.nan), aliased, none, kept, "", None, np.empty((0, 0)), risks
    )
    found = _settle(blank, cox, scaled, counts, ties)
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return replace(
            found,
            coefficients=found.coefficients / scale,
            back=found.back / scale[found.used][:, None] if found.back.size else found.back,
        )


def _settle(
    found: FineGrayLimit, cox: RiskSets, scaled: F64, counts: F64, ties: Ties
) -> FineGrayLimit:
    """Climb, and go to the limit of what is infinite, until nothing is."""
    while found.used.size:
        X = centre_within(scaled[:, found.used], cox)
        Q, R = np.linalg.qr(X)
        unit = np.sqrt(X.shape[0])
        model = _lay_out(Q * unit, found.risks, counts, ties)
        fit = fit_fine_gray(model)
        theta = fit.point.coefficients
        try:
            direction = find_recession(X, cox, Q @ theta * unit)
        except ArithmeticError as fault:
            return replace(found, doubt=str(fault))
        if direction is None:
            return _finish(found, fit, np.linalg.inv(R) * unit)
        cox, found = _take_to_limit(found, X, cox, direction)
    return found


def _lay_out(X: F64, risks: CompetingRisks, counts: F64, ties: Ties) -> FineGrayModel:
    risk = lay_out_risk(
        risks.times,
        risks.event,
        code=1,
        censoring=risks.censoring,
        baseline=risks.baseline,
        censoring_strata=risks.censoring_strata,
    )
    return FineGrayModel(risk, X[risk.order], counts[risk.order], ties)


def _finish(found: FineGrayLimit, fit: FineGrayFit, back: F64) -> FineGrayLimit:
    """Return the estimates; columns that have a part in an infinite direction have none."""
    known = ~found.infinite[found.used]
    used, back = found.used[known], back[known]
    coefficients = found.coefficients.copy()
    coefficients[used] = back @ fit.point.coefficients
    return replace(found, coefficients=coefficients, used=used, doubt=fit.doubt, fit=fit, back=back)


def _take_to_limit(
    found: FineGrayLimit, X: F64, cox: RiskSets, direction: F64
) -> tuple[RiskSets, FineGrayLimit]:
    """Return the model at the limit in a direction, less the column that leads it: what has another
    value of the combination is another stratum.
    """
    infinite = found.infinite.copy()
    infinite[found.used[direction != 0.0]] = True
    lead = int(np.argmax(np.abs(direction)))
    left = np.delete(found.used, lead)
    strata = split_by(X, direction, found.risks.baseline)
    before, cox = cox.at_risk, divide_by(X, cox, direction)
    rest = centre_within(np.delete(X, lead, axis=1), cox)
    independent = find_independent(rest, tolerance=_ALIASED)
    infinite[np.delete(left, independent)] = True
    risks = replace(found.risks, baseline=strata)
    apart = found.apart + int(np.count_nonzero(before & ~cox.at_risk))
    used = left[independent]
    return cox, replace(found, infinite=infinite, used=used, risks=risks, apart=apart)


def split_by(X: F64, direction: F64, baseline: I64 | None) -> I64:
    """Return strata ``(n,)`` of the baseline and of equal values of a combination of columns.

    Examples
    --------
    >>> split_by(np.array([[0.0], [2.0], [0.0]]), np.array([1.0]), np.array([0, 0, 1])).tolist()
    [0, 1, 2]
    """
    values = X / np.maximum(np.abs(X).max(axis=0), np.finfo(np.float64).tiny) @ direction
    order = np.argsort(values, kind="stable")
    group = np.empty(values.size, dtype=np.int64)
    group[order] = np.cumsum(np.diff(values[order], prepend=values[order[:1]]) > _MARGIN)
    strata = np.zeros(values.size, dtype=np.int64) if baseline is None else baseline
    whole = strata * (int(group.max()) + 1) + group
    return np.unique(whole, return_inverse=True)[1].astype(np.int64)
