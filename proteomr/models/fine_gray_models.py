"""What all fits of one model of competing risks share: its follow-up, its strata, its errors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.models.base import Problem
from proteomr.models.event_times import EVENT, EventTimes
from proteomr.models.family import FitOptions
from proteomr.stats.censoring import Censoring, CensoringTies, estimate_censoring
from proteomr.stats.fine_gray import Ties
from proteomr.stats.fine_gray_errors import ErrorSums
from proteomr.stats.fine_gray_limits import CompetingRisks
from proteomr.stats.risk_sets import tie_times

__all__ = ["CompetingModel", "choose_errors", "lay_out_competing"]


@dataclass(frozen=True, slots=True)
class CompetingModel:
    """One model of a problem, on the n rows of this.

    Attributes
    ----------
    index : position of the model.
    times : ``(n, 2)``, entry and exit, those that differ by rounding alone being equal.
    event : ``(n,)``, 0 censored, 1 the event, 2 what competes with it.
    baseline : ``(n,)``, stratum of the baseline hazard; None for one.
    ties : of events at one time.
    censoring_ties : of events and censorings.
    censoring : of all whose outcome is known; None where it is estimated on the rows of each fit.
    """

    index: int
    times: F64
    event: I64
    baseline: I64 | None
    ties: Ties
    censoring_ties: CensoringTies
    censoring: Censoring | None = None

    def on(self, rows: Bool | I64) -> CompetingRisks:
        """Return the follow-up of some rows, the censoring estimated on them."""
        times, event = self.times[rows], self.event[rows]
        censoring = self.censoring
        if censoring is None:
            censoring = estimate_censoring(times, event, ties=self.censoring_ties)
        baseline = None if self.baseline is None else self.baseline[rows]
        return CompetingRisks(times, event, censoring, baseline)

    def describe(self, rows: Bool | I64) -> str:
        """Say what is to be said of every fit on some rows."""
        return "" if np.any(self.event[rows] > EVENT) else "nobody has a competing event"


def lay_out_competing(problem: Problem, options: FitOptions) -> tuple[CompetingModel, ...]:
    """Return the models of a problem."""
    ties: Ties = "efron" if options.survival.ties == "efron" else "breslow"
    own: CensoringTies = "events-first" if ties == "efron" else "crr"
    censoring_ties = options.survival.censoring_ties or own
    found = []
    for m, model in enumerate(problem.models):
        target = problem.targets[model.target]
        event = EventTimes.of(target).event.astype(np.int64)
        everyone = np.empty((0, 3)) if target.everyone is None else target.everyone
        tied = tie_times(np.vstack([target.values[:, :2], everyone[:, :2]]))
        times, of_all = tied[: event.size], tied[event.size :]
        censoring = None
        if options.survival.censoring_from == "all":
            codes = everyone[:, 2].astype(np.int64)
            censoring = estimate_censoring(of_all, codes, ties=censoring_ties)
        given = (problem.baseline, ties, censoring_ties, censoring)
        found.append(CompetingModel(m, times, event, *given))
    return tuple(found)


def choose_errors(options: FitOptions, *, clustered: bool) -> ErrorSums:
    """Return what errors are made of."""
    if options.errors == "classical":
        return "censoring"
    return "known" if clustered else "stretches"
