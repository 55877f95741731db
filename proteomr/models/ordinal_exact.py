"""One fit of an ordered response at a time, with aliasing, separation and lost levels resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.exact import Regression, Solution
from proteomr.models.fits import Refusal
from proteomr.models.logistic_mass import describe_apart
from proteomr.stats.brant import compare_slopes
from proteomr.stats.cumulative import (
    Ends,
    lay_out_ends,
    start_from_shares,
)
from proteomr.stats.cumulative_limits import (
    CumulativeLimit,
    fit_cumulative_limit,
    maximise_cumulative,
)
from proteomr.stats.cumulative_links import Link
from proteomr.stats.nested_tests import NestedTest, refer_chi2
from proteomr.status import Status

__all__ = [
    "BRANT",
    "LR",
    "PROPORTIONAL_ODDS",
    "OrdinalSolver",
    "compare_likelihoods",
    "describe_lost",
]

LR, PROPORTIONAL_ODDS, BRANT = "lr", "proportional_odds", "brant"


def describe_lost(labels: tuple[str, ...], present: I64) -> str:
    """Say which levels nobody has; empty for none.

    Examples
    --------
    >>> describe_lost(("low", "mid", "high"), np.array([0, 2]))
    'nobody has level mid'
    """
    lost = [label for i, label in enumerate(labels) if i not in set(present.tolist())]
    return f"nobody has level{'' if len(lost) == 1 else 's'} {', '.join(lost)}" if lost else ""


def compare_likelihoods(wider: float, narrower: float, df: int) -> NestedTest | None:
    """Return statistic, degrees of freedom and -log10 p of a likelihood-ratio test.

    None where a likelihood is not known, or nothing is set free.

    Examples
    --------
    >>> compare_likelihoods(-100.0, -103.0, 1)[:2]
    (6.0, 1.0)
    >>> compare_likelihoods(-100.0, -100.0, 0)
    """
    return refer_chi2(2.0 * (wider - narrower), df) if df else None


@dataclass(frozen=True, slots=True)
class _Units:
    """The columns of a regression as they are fitted, and the way back.

    Attributes
    ----------
    X : ``(n, p - 1)``, without the intercept, centred; those before the columns of interest in an
        orthogonal basis.
    back : ``(p - 1, p - 1)``, turns its coefficients into those of the columns.
    mean : ``(p - 1,)``, of the columns.
    """

    X: F64
    back: F64
    mean: F64

    @classmethod
    def of(cls, X: F64, before: int) -> _Units:
        """Return the units of columns whose first, the intercept, the thresholds stand for.

        Parameters
        ----------
        before : columns in an orthogonal basis.
        """
        mean = X[:, 1:].mean(axis=0)
        centred = X[:, 1:] - mean
        unit = np.sqrt(X.shape[0])
        Q, R = np.linalg.qr(centred[:, :before])
        back = np.eye(mean.size)
        back[:before, :before] = np.linalg.inv(R) * unit
        spread = np.sqrt(np.mean(centred[:, before:] ** 2, axis=0))
        spread = np.where(spread > 0.0, spread, 1.0)
        back[before:, before:] = np.diag(1.0 / spread)
        return cls(np.column_stack([Q * unit, centred[:, before:] / spread]), back, mean)

    def restore(self, thresholds: int) -> F64:
        """Return the matrix that turns coefficients into those of thresholds and columns."""
        t, k = thresholds, self.mean.size
        out = np.eye(t + k)
        out[t:, t:] = self.back
        out[:t, t:] = self.mean @ self.back
        return out


@dataclass(slots=True)
class OrdinalSolver:
    """Fits one regression, and keeps what it finds beside the coefficients of the columns.

    Parameters
    ----------
    link : of the cumulative chances.
    labels : of the levels.
    brant : test parallel slopes by Brant's statistic too.
    plain : leave the tests.

    Attributes
    ----------
    tests : likelihood-ratio tests, by name; None for a test that has no result.
    thresholds : names ``LOWER|HIGHER`` of the thresholds.
    coefficients, covariance : of the thresholds, then of the columns of the regression but the
        intercept; NaN where they have no finite estimate, and without `plain` where they go with
        one that has none.
    """

    link: Link
    labels: tuple[str, ...]
    brant: bool = False
    plain: bool = False
    tests: dict[str, NestedTest | None] = field(default_factory=dict)
    thresholds: tuple[str, ...] = ()
    coefficients: F64 = field(default_factory=lambda: np.empty(0))
    covariance: F64 = field(default_factory=lambda: np.empty((0, 0)))

    def solve(self, regression: Regression) -> Solution | Refusal:
        """Fit one regression, and test its columns of interest and their parallel slopes."""
        codes: I64 = regression.y.astype(np.int64)
        present, levels = np.unique(codes, return_inverse=True)
        names = [self.labels[i] for i in present.tolist()]
        self.thresholds = tuple(f"{a}|{b}" for a, b in pairwise(names))
        t = present.size - 1
        coefficients = t + regression.X.shape[1] - 1
        people = round(regression.people)
        if people <= coefficients:
            return Refusal(Status.too_few, f"{people} people for {coefficients} coefficients")
        first = int(regression.asked[0])
        units, limit = self._fit(regression, levels, first)
        if not self.plain:
            ends = lay_out_ends(levels, units.X)
            self._test(regression, levels, units, ends, limit, first)
        said = (describe_apart(limit.apart), describe_lost(self.labels, present))
        message = "; ".join(filter(None, said))
        if limit.separation != "none":
            whole = f"{limit.separation} separation"
            return Refusal(Status.separated, "; ".join(filter(None, (message, whole))))
        if not limit.fit.converged:
            return Refusal(Status.not_converged, "Newton's method did not settle")
        answer = self._answer(regression, units, limit, t, message)
        if self.plain and limit.columns.size < t + regression.X.shape[1] - 1:
            self._tell_limit(regression, levels, first)
        return answer

    def _tell_limit(self, regression: Regression, levels: I64, first: int) -> None:
        """Keep what coefficients of the columns as they are have an estimate.

        Of columns that the rows left cannot tell apart, the earlier ones have it, as with aliased
        ones: a basis of all would lose what the ones lost run along.
        """
        t = int(levels.max())
        units, limit = self._fit_in(_Units.of(regression.X, 0), regression, levels, first)
        if limit.separation != "none" or not limit.fit.converged:
            return
        size = t + units.mean.size
        whole, covariance = np.zeros(size), np.zeros((size, size))
        whole[limit.columns] = limit.fit.coefficients
        covariance[np.ix_(limit.columns, limit.columns)] = limit.fit.covariance
        back = units.restore(t)
        self.coefficients, self.covariance = back @ whole, back @ covariance @ back.T
        lost = np.setdiff1d(np.arange(size), limit.columns)
        self.coefficients[lost] = np.nan
        self.covariance[lost] = self.covariance[:, lost] = np.nan

    def _fit(
        self, regression: Regression, levels: I64, first: int
    ) -> tuple[_Units, CumulativeLimit]:
        """Fit in units that keep the columns of interest, or in a basis of all where that fails."""
        for before in (first - 1, regression.X.shape[1] - 1):
            units = _Units.of(regression.X, before)
            units, limit = self._fit_in(units, regression, levels, first)
            if limit.fit.converged or limit.separation != "none":
                break
        return units, limit

    def _fit_in(
        self, units: _Units, regression: Regression, levels: I64, first: int
    ) -> tuple[_Units, CumulativeLimit]:
        """Fit in some units."""
        t, weights = int(levels.max()), regression.weights
        ends = lay_out_ends(levels, units.X)
        start = start_from_shares(levels, ends.size, link=self.link, counts=weights)
        limit = fit_cumulative_limit(
            ends, start, column=t + first - 1, link=self.link, weights=weights
        )
        return units, limit

    def _test(
        self,
        regression: Regression,
        levels: I64,
        units: _Units,
        ends: Ends,
        limit: CumulativeLimit,
        first: int,
    ) -> None:
        """Test that the columns of interest have no effect, and that the first has one slope."""
        t, k = int(levels.max()), units.mean.size
        link, weights = self.link, regression.weights
        start = start_from_shares(levels, t + k, link=link, counts=weights)
        whole = limit.fit.log_likelihood
        if not limit.fit.converged:
            whole = maximise_cumulative(ends, start, link=link, weights=weights)
        without = lay_out_ends(levels, units.X[:, : first - 1])
        narrower = maximise_cumulative(without, start[: t + first - 1], link=link, weights=weights)
        self.tests[LR] = compare_likelihoods(whole, narrower, k - first + 1)
        self.tests[PROPORTIONAL_ODDS] = None
        if t < 2:
            return
        others = np.delete(units.X, first - 1, axis=1)
        free = lay_out_ends(levels, others, free=units.X[:, [first - 1]])
        begin = np.concatenate([start[:t], np.zeros(t + k - 1)])
        if limit.fit.converged and limit.columns.size == t + k:
            found = limit.fit.coefficients
            slope = np.full(t, found[t + first - 1])
            begin = np.concatenate([found[:t], slope, np.delete(found[t:], first - 1)])
        wider = maximise_cumulative(free, begin, link=link, weights=weights)
        self.tests[PROPORTIONAL_ODDS] = compare_likelihoods(wider, whole, t - 1)
        if self.brant:
            X = np.column_stack([np.ones(levels.size), units.X])
            statistic, df = compare_slopes(X, levels, first, weights)
            self.tests[BRANT] = refer_chi2(statistic, df)

    def _answer(
        self, regression: Regression, units: _Units, limit: CumulativeLimit, t: int, message: str
    ) -> Solution:
        """Return the solution in the columns of the regression, and keep the whole of it."""
        size = t + units.mean.size
        whole, covariance = np.zeros(size), np.zeros((size, size))
        whole[limit.columns] = limit.fit.coefficients
        covariance[np.ix_(limit.columns, limit.columns)] = limit.fit.covariance
        back = units.restore(t)
        self.coefficients = back @ whole
        self.covariance = back @ covariance @ back.T
        lost = np.setdiff1d(np.arange(size), limit.columns)
        if lost.size:  # what some of them run along has no finite coefficient, thresholds neither
            runs = np.any(back[:, lost] != 0.0, axis=1)
            runs[:t] = True
            self.coefficients[runs] = np.nan
            self.covariance[runs] = self.covariance[:, runs] = np.nan
        p = regression.X.shape[1]
        estimate, of_columns = np.full(p, np.nan), np.full((p, p), np.nan)
        estimate[1:] = self.coefficients[t:]
        of_columns[1:, 1:] = self.covariance[t:, t:]
        none = np.full(p, np.nan)
        with np.errstate(invalid="ignore"):
            se = np.sqrt(np.diagonal(of_columns))
        return Solution(estimate, se, np.full(p, np.inf), none, none, of_columns, message=message)
