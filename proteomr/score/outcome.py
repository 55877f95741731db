"""What a score predicts: a number, two levels, or when something happens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.errors import ColumnError, UsageError
from proteomr.models import EVENT, find_family
from proteomr.models.event_times import CENSORED, COMPETING
from proteomr.runs.notes import add_note
from proteomr.scan import (
    FollowUp,
    FollowUpOptions,
    Reading,
    describe_reference,
    read_target,
    read_times,
)
from proteomr.score.request import ScoreRequest
from proteomr.stats.each import Each, in_turn
from proteomr.stats.elastic_net_outcomes import Binary, Continuous, Outcome, TimeToEvent
from proteomr.stats.linalg import find_powers
from proteomr.stats.risk_sets import tie_times
from proteomr.tables import Drop

__all__ = ["Family", "Predicted", "read_predicted"]

Family: TypeAlias = Literal["linear", "logistic", "cox"]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """What is predicted, of n people.

    Attributes
    ----------
    name : of the outcome.
    family : of its model.
    values : (n,), 0 and 1 for two levels; (n, 3) entry, exit, event for times; NaN where missing.
    label : what 1 stands for, or the unit; for messages.
    weights : (n,) sampling weights of the people, above 0; None for equal ones.
    """

    name: str
    family: Family
    values: F64
    label: str = ""
    weights: F64 | None = None

    @property
    def observed(self) -> Bool:
        """Where the outcome is known (n,), whatever the weight."""
        return np.asarray(~np.isnan(self.values.reshape(len(self.values), -1)).any(axis=1))

    @property
    def case(self) -> Bool:
        """Who has the event (n,); nobody where the outcome is a number."""
        if self.family == "linear":
            return np.zeros(len(self.values), dtype=np.bool_)
        of = self.values if self.family == "logistic" else self.values[:, 2]
        return np.asarray(of == EVENT)

    def take(self, rows: I64) -> Predicted:
        """Return the same of some people."""
        own = None if self.weights is None else self.weights[rows]
        return Predicted(self.name, self.family, self.values[rows], self.label, own)

    def as_outcome(self, each: Each = in_turn) -> Outcome:
        """Return what an elastic net is fitted to.

        Parameters
        ----------
        each : how folds are worked on.
        """
        if self.family == "linear":
            return Continuous(self.values, self.weights, each)
        if self.family == "logistic":
            return Binary(self.values, self.weights, each)
        return TimeToEvent(self.exit, self.values[:, 2], self.entry, self.weights, each)

    @property
    def counts(self) -> F64:
        """The weights (n,), 1 where none were given."""
        return np.ones(len(self.values)) if self.weights is None else self.weights

    @property
    def exit(self) -> F64:
        """When follow-up ended (n,)."""
        return np.ascontiguousarray(self.values[:, 1])

    @property
    def entry(self) -> F64 | None:
        """When people came under observation (n,); None where all were from the beginning."""
        entry = np.ascontiguousarray(self.values[:, 0])
        return entry if np.isfinite(entry).any() else None

    def deal(self, folds: int, random: np.random.Generator) -> I64:
        """Deal the people out to folds at random, those with the event apart (n,)."""
        fold = np.empty(len(self.values), dtype=np.int64)
        dealt = 0
        for group in (np.flatnonzero(self.case), np.flatnonzero(~self.case)):
            # where one group ends the next goes on, so that folds differ by one person at most
            fold[random.permutation(group)] = (dealt + np.arange(group.size)) % folds
            dealt += group.size
        return fold


def read_predicted(reading: Reading, request: ScoreRequest) -> tuple[Predicted, tuple[Drop, ...]]:
    """Read the outcome, and who is left out for it.

    Raises
    ------
    ColumnError
        The column is absent or of a kind that nothing predicts, or there are too few events.
    """
    follow_up = request.follow_up or _find_times(reading, request)
    weights = reading.modifiers.weights
    if weights is not None:  # they are shares: in any unit, no product of two overflows
        weights = weights / find_powers(np.nanmax(weights, keepdims=True))
    if follow_up is None:
        if request.event_code is not None:
            raise UsageError("--event-code is of an outcome over time: --time NAME --event NAME")
        return replace(_read_column(reading, request), weights=weights), ()
    options = FollowUpOptions(outcomes=(follow_up,), event_code=request.event_code)
    read = read_times(reading.columns, follow_up, options=options)
    for note in read.notes:
        add_note(note)
    values = read.target.values.copy()
    tied = tie_times(values[:, :2], named=request.options.horizons)
    apart = tied[:, 0] < tied[:, 1]
    values[apart, :2] = tied[apart]
    values[:, 2] = np.where(values[:, 2] == COMPETING, CENSORED, values[:, 2])
    return Predicted(follow_up.event, "cox", values, weights=weights), read.drops


def _find_times(reading: Reading, request: ScoreRequest) -> FollowUp | None:
    """Return an outcome over time that `phenotype` has written; None where it is none."""
    if request.outcome is None or request.family not in {"auto", "cox"}:
        return None
    named = FollowUp.named(request.outcome)
    return named if named.time in reading.columns or request.family == "cox" else None


def _read_column(reading: Reading, request: ScoreRequest) -> Predicted:
    name = str(request.outcome)
    levels = reading.columns[name].drop_nulls().n_unique()
    family = request.family
    if family == "auto":
        family = "linear" if levels != 2 or request.options.clock else "logistic"
    if family == "linear" and not reading.columns.is_numeric(name):
        raise ColumnError(
            f"outcome {name!r} has {levels} level{'s' * (levels != 1)} and is no number: a number, "
            "two levels, or --time with --event are needed"
        )
    target = read_target(reading, name, role="outcome", family=find_family(family))
    numeric = reading.columns.is_numeric(name)
    said = describe_reference(target, numeric=numeric, remedy="make a column of 0 and 1")
    if said:
        add_note(said)
    if family == "logistic" != request.family and _is_coded(reading, name):
        add_note(
            f"outcome {name!r} is taken as two levels, whenever it happened: no column "
            f"{FollowUp.named(name).time!r} says when (--family logistic leaves this note out)"
        )
    label = "" if target.contrasts is None else str(target.contrasts[0]).partition(" vs ")[0]
    chosen: Family = "logistic" if family == "logistic" else "linear"
    values = np.asarray(target.values, dtype=np.float64).reshape(reading.cohort.n)
    return Predicted(name, chosen, values, label)


def _is_coded(reading: Reading, name: str) -> bool:
    """Whether a column is of 0 and 1, as events over time are."""
    if not reading.columns.is_numeric(name):
        return False
    return set(reading.columns[name].drop_nulls().unique().to_list()) <= {0, 1}
