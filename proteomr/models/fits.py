"""What the fits of a block give: estimates with their statuses, joint tests, further tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.details import Details
from proteomr.status import Status

__all__ = ["Fit", "FitBlock", "JointTests", "Permuted", "Refusal"]

_UNSOUND = "no finite estimate with an error above 0"


@dataclass(frozen=True, slots=True)
class JointTests:
    """A test of several coefficients at once, for each protein and model ``(b, m)``.

    Attributes
    ----------
    statistic : chi-squared, or F where the family's reference distribution is t.
    df : degrees of freedom of the numerator.
    neg_log10_p : minus log10 of the p value, computed in log space.
    models : positions of the models that it is a test of; None for all.
    """

    statistic: F64
    df: F64
    neg_log10_p: F64
    models: frozenset[int] | None = None

    def only(self, has: Sequence[bool]) -> JointTests:
        """Return the tests as those of the models ``(m,)`` that have one."""
        return replace(self, models=frozenset(m for m, each in enumerate(has) if each))

    @classmethod
    def empty(cls, proteins: int, models: int) -> JointTests:
        """Return tests without a result."""
        statistic, df, p = (np.full((proteins, models), np.nan) for _ in range(3))
        return cls(statistic, df, p)

    def enter(self, protein: int, model: int, result: tuple[float, float, float] | None) -> None:
        """Enter statistic, degrees of freedom and -log10 p of a test, or nothing."""
        if result is not None:
            at = protein, model
            self.statistic[at], self.df[at], self.neg_log10_p[at] = result


@dataclass(frozen=True, slots=True)
class Fit:
    """The fit of one coefficient of one protein; limits and p are set where they are not Wald's.

    ``sigma`` is the residual standard deviation of the model, where it has one.
    """

    estimate: float
    se: float
    df: float
    low: float = float("nan")
    high: float = float("nan")
    status: Status = Status.ok
    message: str = ""
    sigma: float = float("nan")
    neg_log10_p: float = float("nan")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a coefficient of a protein has no estimate."""

    status: Status
    message: str


@dataclass(frozen=True, slots=True)
class Permuted:
    """What permutations of people say of the b proteins and m models of a block.

    Attributes
    ----------
    observed : ``(b, m)``, sizes of the scores; NaN for none.
    exceeding : ``(b, m)``, draws whose score is as large.
    maxima : ``(m, draws)``, the largest of the block in each draw; below 0 where there is none.
    draws : ``(b, m, draws)``, all of them, where they are wanted.
    """

    observed: F64
    exceeding: I64
    maxima: F64
    draws: F64 | None = None


@dataclass(frozen=True, slots=True)
class FitBlock:
    """The fits of a block: all ``(b, c)``, c the coefficients of the problem; NaN for none.

    Attributes
    ----------
    estimate, se : of the target (response scan) or the protein (predictor scan).
    df : degrees of freedom of the reference distribution; infinite where it is normal.
    n, n_case : rows of the fit; those of them with the event or the second level, -1 where the
        target has neither.
    status : :class:`Status` values.
    conf_low, conf_high : set only where an interval is not the Wald interval of estimate and se.
    messages : what is to be said of a fit, by (protein, coefficient).
    joint : tests of several coefficients of a model, by name.
    details : rows of further tables, by the table's name.
    neg_log10_p : minus log10 of p values ``(b, c)`` that are not those of estimate over standard
        error; NaN for those that are, None where all are.
    sigma : residual standard deviations ``(b, c)`` of the models, in units of the response; None
        where nobody asks for them.
    permuted : what permutations say, where they are asked for.
    """

    estimate: F64
    se: F64
    df: F64
    n: I64
    n_case: I64
    status: I64
    conf_low: F64
    conf_high: F64
    messages: dict[tuple[int, int], str] = field(default_factory=dict)
    joint: Mapping[str, JointTests] = field(default_factory=dict)
    details: Mapping[str, Details] = field(default_factory=dict)
    neg_log10_p: F64 | None = None
    sigma: F64 | None = None
    permuted: Permuted | None = None

    @classmethod
    def empty(cls, proteins: int, coefficients: int) -> FitBlock:
        """Return a block without estimates, every status ``not_converged``."""
        shape = (proteins, coefficients)
        return cls(
            estimate=np.full(shape, np.nan),
            se=np.full(shape, np.nan),
            df=np.full(shape, np.nan),
            n=np.zeros(shape, dtype=np.int64),
            n_case=np.full(shape, -1, dtype=np.int64),
            status=np.full(shape, int(Status.not_converged), dtype=np.int64),
            conf_low=np.full(shape, np.nan),
            conf_high=np.full(shape, np.nan),
            neg_log10_p=np.full(shape, np.nan),
        )

    def refuse(self, protein: int, coefficient: int, status: Status, message: str) -> None:
        """Give a fit a status other than ok, without an estimate."""
        self.estimate[protein, coefficient] = self.se[protein, coefficient] = np.nan
        self.conf_low[protein, coefficient] = self.conf_high[protein, coefficient] = np.nan
        if self.neg_log10_p is not None:
            self.neg_log10_p[protein, coefficient] = np.nan
        self.status[protein, coefficient] = int(status)
        self.messages[protein, coefficient] = message

    def enter(self, protein: int, coefficient: int, outcome: Fit | Refusal) -> None:
        """Enter what came of one fit."""
        if isinstance(outcome, Refusal):
            self.refuse(protein, coefficient, outcome.status, outcome.message)
            return
        at = protein, coefficient
        self.estimate[at], self.se[at], self.df[at] = outcome.estimate, outcome.se, outcome.df
        self.conf_low[at], self.conf_high[at] = outcome.low, outcome.high
        if self.neg_log10_p is not None:
            self.neg_log10_p[at] = outcome.neg_log10_p
        self.status[at] = int(outcome.status)
        if self.sigma is not None:
            self.sigma[at] = outcome.sigma
        if outcome.message:
            self.messages[at] = outcome.message

    def accept(self, proteins: I64, coefficient: int, *, estimate: F64, se: F64) -> None:
        """Give a coefficient of some proteins its estimates and errors ``(proteins,)``, as ok."""
        self.estimate[proteins, coefficient] = estimate
        self.se[proteins, coefficient] = se
        self.status[proteins, coefficient] = int(Status.ok)

    def seal(self) -> FitBlock:
        """Return the block with every estimate refused that is no finite one with an error.

        The last gate of every family, whatever path a fit took: an estimate, a standard error above
        0 that has all its digits, degrees of freedom above 0, and limits, where they are given,
        that are numbers on both sides of the estimate.
        """
        smallest = np.finfo(np.float64).tiny
        sound = np.isfinite(self.estimate) & np.isfinite(self.se) & (self.se >= smallest)
        sound &= self.df > 0.0
        sound &= ~(np.isinf(self.conf_low) | np.isinf(self.conf_high))
        sound &= ~((self.conf_low > self.estimate) | (self.conf_high < self.estimate))
        claimed = (self.status == Status.ok) | ~np.isnan(self.estimate)
        for j, t in np.argwhere(claimed & ~sound).tolist():
            status = Status(self.status[j, t])
            if status is Status.ok:
                self.refuse(j, t, Status.not_converged, _UNSOUND)
            else:
                said = self.messages.get((j, t), "")
                self.refuse(j, t, status, "; ".join(filter(None, (said, _UNSOUND))))
        return self
