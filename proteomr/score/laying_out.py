"""A request met with its files: who takes part, in which folds, and what is learnt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.design import build, parse
from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.io import choose_proteins, read_cohort
from proteomr.io.gene_sets import read_gmt
from proteomr.runs.notes import add_note
from proteomr.scan import Reading, read_formulas
from proteomr.score.correcting import find_groups
from proteomr.score.fitting import Laid, Unit
from proteomr.score.outcome import Predicted, read_predicted
from proteomr.score.preparing import read_blocks
from proteomr.score.request import ScoreRequest
from proteomr.score.sets import EVERYTHING, find_members
from proteomr.stats.generators import random_of
from proteomr.tables import Cohort, Drop, Proteins

__all__ = ["LaidOut", "lay_out"]

_WIDEST = 1e100  # of an outcome
_LOOKED_AT = 32  # proteins at a time: of 42,062 people 11 MB
_FEWEST_EVENTS = 2  # in each inner training fold, and outside of it


@dataclass(frozen=True, slots=True, eq=False)
class LaidOut:
    """What a run does.

    Attributes
    ----------
    laid : what is learnt from.
    ids : of the n people.
    samples : their columns.
    drops : who and what is left out.
    """

    laid: Laid
    ids: pl.Series
    samples: pl.DataFrame
    drops: tuple[Drop, ...]


def lay_out(request: ScoreRequest, scratch: Path) -> LaidOut:
    """Read the inputs, and deal the people out to folds.

    Raises
    ------
    ProteomrError
        A file or a column cannot serve, or there are too few people or events.
    """
    cohort = _read(request, scratch)
    adjust = {k: parse(v) for k, v in request.adjust.items()}
    reading = read_formulas(cohort, adjust or None, weights=request.weights)
    _refuse_circle(request, reading)
    predicted, drops = read_predicted(reading, request)
    known, weighted = predicted.observed, predicted.weights is not None
    complete = known.copy()
    for formula in reading.formulas:
        complete &= reading.complete(formula, {})
    weightless = known & complete & ~np.isfinite(predicted.counts)
    complete &= ~weightless
    correct = request.options.correct
    for name in (*request.options.gap_tests, *(() if correct is None else (correct,))):
        complete &= ~reading.columns.missing(name)
    rows = np.flatnonzero(complete)
    counted = sum(drop.n for drop in drops)
    lost = (
        Drop("score", f"{predicted.name} missing", int((~known).sum()) - counted),
        Drop("score", "covariates missing", int(known.sum()) - rows.size - int(weightless.sum())),
        *((Drop("score", f"{request.weights} missing or 0", int(weightless.sum())),) * weighted),
    )
    own = predicted.take(rows)
    _refuse_few(own, request)
    _refuse_horizons(own, request)
    samples = cohort.samples[rows]
    for name in request.options.gap_tests:
        if samples[name].n_unique() < 2:
            raise ColumnError(f"--gap-test {name!r} has one value among {rows.size} people")
    sets = {EVERYTHING: tuple(range(len(cohort.proteins.names)))}
    if request.sets is not None:
        sets = find_members(cohort, read_gmt(request.sets.on_disk(scratch)))
    proteins = cohort.proteins.select_rows(rows)
    for name, columns in sets.items():
        _tell_empty(proteins, name, columns)
    fold = own.deal(request.options.folds, random_of(request.options.seed, "outer"))
    laid = Laid(
        proteins,
        own,
        _build(request, reading, samples),
        fold,
        request.options,
        _list_units(sets, request.options.folds),
        None if correct is None else find_groups(samples[correct], folds=request.options.folds),
    )
    return LaidOut(laid, samples[cohort.id_column], samples, (*cohort.drops, *drops, *lost))


def _read(request: ScoreRequest, scratch: Path) -> Cohort:
    cohort = read_cohort(
        request.samples.on_disk(scratch),
        tuple(source.on_disk(scratch) for source in request.proteins),
        scratch=scratch,
        id_column=request.id_column,
        assays=None if request.assays is None else request.assays.on_disk(scratch),
        withdrawn=None if request.withdrawn is None else request.withdrawn.on_disk(scratch),
        people=request.people,
        sample_columns=request.sample_columns,
    )
    for note in cohort.notes:
        add_note(note)
    if request.chosen_proteins is not None:
        cohort = choose_proteins(cohort, request.chosen_proteins, scratch=scratch)
    return cohort


def _refuse_circle(request: ScoreRequest, reading: Reading) -> None:
    """Refuse covariate models that hold what they are to predict."""
    names = {request.outcome} if request.follow_up is None else set(request.follow_up.columns)
    if request.weights in names:
        raise UsageError(f"--weights {request.weights!r} is what is predicted: another column is")
    if request.follow_up is None and request.outcome is not None:
        names.add(f"{request.outcome}_years")
    for label, formula in zip(reading.labels, reading.formulas, strict=True):
        inside = sorted(name for name in names if name in formula.variables)
        if inside:
            raise UsageError(f"{inside[0]!r} is what is predicted and is in {label!r}: take it out")


def _tell_empty(proteins: Proteins, name: str, columns: tuple[int, ...]) -> None:
    """Tell how many people have no value of any protein of a set: they are all medians."""
    empty = np.arange(proteins.n)
    # nearly everybody has a value among the first: the others are looked for in the rest
    for first in range(0, len(columns), _LOOKED_AT):
        some = columns[first : first + _LOOKED_AT]
        there = np.zeros(empty.size, dtype=bool)
        for _, block in read_blocks(proteins, some, rows=empty):
            there |= np.isfinite(block).any(axis=1)
        empty = empty[~there]
        if not empty.size:
            return
    whose = "" if name == EVERYTHING else f"set {name!r}: "
    add_note(
        f"{whose}{empty.size:,} of {proteins.n:,} people have no value of any protein; they take "
        "part with the median of each"
    )


def _refuse_few(predicted: Predicted, request: ScoreRequest) -> None:
    options, n = request.options, len(predicted.values)
    least = options.folds * options.inner_folds
    if n < max(least, 2 * options.folds):
        raise InputError(
            f"{n} people have an outcome and all covariates: {options.folds} x "
            f"{options.inner_folds} folds need {least} at least; ask for fewer (--folds, "
            "--inner-folds)"
        )
    if predicted.family == "linear":
        low, high = float(predicted.values.min()), float(predicted.values.max())
        if not high > low:
            raise ColumnError(f"outcome {predicted.name!r} has one value among {n} people")
        # squares of what is neither are no numbers
        if not (high / 2.0 - low / 2.0 > 1.0 / _WIDEST and max(-low, high) < _WIDEST):
            raise ColumnError(
                f"outcome {predicted.name!r} goes from {low:g} to {high:g}: give it in a unit in "
                "which people differ by about one"
            )
        return
    events = int(predicted.case.sum())
    others = n - events
    wanted = _FEWEST_EVENTS * max(options.folds, options.inner_folds)
    few = min(events, others) if predicted.family == "logistic" else events
    if few < wanted:
        one = "event" if few == events else "person without the event"
        several = "events" if few == events else "people without the event"
        raise ColumnError(
            f"outcome {predicted.name!r}: {few} {one if few == 1 else several} among {n} people; "
            f"{options.folds} x {options.inner_folds} folds need {wanted}: ask for fewer (--folds, "
            "--inner-folds)"
        )
    if predicted.family == "cox" and not _has_order(predicted):
        raise ColumnError(
            f"outcome {predicted.name!r}: whoever is under observation at an event has it: nothing "
            "is left that tells who has it first"
        )


def _has_order(predicted: Predicted) -> bool:
    """Whether anybody is there at an event and does not have it."""
    first = predicted.exit[predicted.case].min()
    return bool(np.any((predicted.exit > first) | ((predicted.exit == first) & ~predicted.case)))


def _refuse_horizons(predicted: Predicted, request: ScoreRequest) -> None:
    horizons = request.options.horizons
    if not horizons:
        return
    if predicted.family != "cox":
        what = "has two levels" if predicted.family == "logistic" else "is a number"
        raise UsageError(f"--horizon is of outcomes over time, and {predicted.name!r} {what}")
    if predicted.entry is not None:
        raise UsageError(
            "--horizon needs people who are followed from the beginning: leave out --entry"
        )
    last = float(predicted.exit.max())
    for horizon in horizons:
        if horizon >= last:
            raise UsageError(
                f"--horizon {horizon:g}: nobody is seen beyond it, the follow-up ends at {last:g}"
            )


def _build(
    request: ScoreRequest, reading: Reading, samples: pl.DataFrame
) -> tuple[tuple[str, F64], ...]:
    """Return the columns of each adjustment set, without the intercept."""
    if not request.adjust:
        return ()
    designs = []
    for label, formula in zip(reading.labels, reading.formulas, strict=True):
        design = build(formula, samples)
        for note in design.notes:
            add_note(f"{label}: {note}")
        designs.append((label, np.asarray(design.matrix[:, 1:], dtype=np.float64)))
    return tuple(designs)


def _list_units(sets: dict[str, tuple[int, ...]], folds: int) -> tuple[Unit, ...]:
    wanted: list[int | None] = [*range(folds), None]
    pairs = [(name, columns, fold) for name, columns in sets.items() for fold in wanted]
    return tuple(Unit(place, *pair) for place, pair in enumerate(pairs))
