"""One fold of a score: learnt from the people outside of it, measured in those inside."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.score.correcting import Groups
from proteomr.score.options import ScoreOptions
from proteomr.score.outcome import Predicted
from proteomr.score.performance import measure_fold
from proteomr.score.preparing import ColumnRule, prepare_columns, read_blocks
from proteomr.score.regressions import BOTH, COVARIATES, SCORE, fit_regression
from proteomr.stats.each import Each, in_turn
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_steps import Solution
from proteomr.stats.elastic_net_tuning import Tuned, tune_trial
from proteomr.stats.generators import random_of
from proteomr.status import Status
from proteomr.tables import Proteins

__all__ = ["FoldWork", "Laid", "Unit"]


@dataclass(frozen=True, slots=True)
class Unit:
    """A set of proteins, and the fold that is left out; None to learn from everybody."""

    index: int
    name: str
    columns: tuple[int, ...]
    fold: int | None

    @property
    def label(self) -> str:
        """The fold as tables have it."""
        return "all" if self.fold is None else str(self.fold + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """All that folds are learnt from: the people with an outcome and all covariates.

    Attributes
    ----------
    proteins : of these n people.
    predicted : their outcome.
    designs : covariates (n, k) without an intercept, by label of the adjustment set.
    fold : (n,) of each person.
    options : how scores are learnt and measured.
    units : what is learnt.
    groups : of people, whose differences are taken out of the proteins; None for none.
    """

    proteins: Proteins
    predicted: Predicted
    designs: tuple[tuple[str, F64], ...]
    fold: I64
    options: ScoreOptions
    units: tuple[Unit, ...]
    groups: Groups | None = None


@dataclass(frozen=True, slots=True, eq=False)
class FoldWork:
    """Learns and measures one unit; what it gives is the part of a run.

    Parameters
    ----------
    laid : what it is learnt from.
    each : how pieces of the unit are worked on.
    """

    laid: Laid
    each: Each = in_turn

    def __call__(self, unit: Unit) -> dict[str, pl.DataFrame]:
        """Return the tables of a unit by name."""
        laid, fold = self.laid, unit.fold
        rows = np.arange(laid.fold.size) if fold is None else np.flatnonzero(laid.fold != fold)
        # people of an inner fold stand together
        random = random_of(laid.options.seed, "inner", unit.label)
        inner = laid.predicted.take(rows).deal(laid.options.inner_folds, random)
        order = np.argsort(inner, kind="stable")
        rows, inner = rows[order], inner[order]
        others = np.flatnonzero(laid.fold == fold) if fold is not None else np.empty(0, np.int64)
        learnt = _learn(laid, unit, rows, inner, others=others, each=self.each)
        tables = {"tuning": learnt.describe_tuning(unit)}
        if fold is None:
            return {**tables, **learnt.describe_weights(laid, unit)}
        return {**tables, **_measure(laid, unit, learnt, others)}


@dataclass(frozen=True, slots=True, eq=False)
class _Learnt:
    """Weights of proteins, and the scores of the people they were learnt from and of others.

    The former (``held``) are from the weights of the other inner folds, so that they are no better
    than those of others.
    """

    rows: I64
    rules: Sequence[ColumnRule]
    tuned: Tuned
    tried: Sequence[Tuned]
    held: F64
    others: F64

    def describe_tuning(self, unit: Unit) -> pl.DataFrame:
        """Return the errors by penalty."""
        frames = []
        for one in self.tried:
            count = one.penalties.size
            frames.append(
                pl.DataFrame(
                    {
                        "set": [unit.name] * count,
                        "fold": [unit.label] * count,
                        "alpha": [one.alpha] * count,
                        "penalty": one.penalties,
                        "error": one.errors,
                        "se": one.se,
                        "chosen": (np.arange(count) == one.chosen) & (one is self.tuned),
                    }
                )
            )
        return pl.concat(frames)

    def describe_weights(self, laid: Laid, unit: Unit) -> dict[str, pl.DataFrame]:
        """Return the weights, and the ranks of the proteins that have one."""
        solution, predicted = self.tuned.solution, laid.predicted
        names = [laid.proteins.names[j] for j in unit.columns]
        ok = [rule.status == Status.ok for rule in self.rules]
        settled = Status.ok if solution.certified else Status.not_converged
        status = [settled if rule.status == Status.ok else rule.status for rule in self.rules]
        weights = pl.DataFrame(
            {
                "set": [unit.name] * len(names),
                "protein": names,
                "weight": [
                    float(b) if good else None
                    for b, good in zip(solution.coefficients, ok, strict=True)
                ],
                "centre": [
                    rule.centre if rule.status == Status.ok else None for rule in self.rules
                ],
                "scale": [rule.scale if rule.status == Status.ok else None for rule in self.rules],
                "transform": [laid.options.transform] * len(names),
                "fill": [rule.fill if rule.status == Status.ok else None for rule in self.rules],
                "intercept": [solution.intercept] * len(names),
                "outcome": [predicted.name] * len(names),
                "family": [predicted.family] * len(names),
                "corrected_for": pl.Series([laid.options.correct] * len(names), dtype=pl.String),
                "n": [self.rows.size] * len(names),
                "status": [one.name for one in status],
            },
            schema_overrides={"weight": pl.Float64, "centre": pl.Float64, "scale": pl.Float64},
        )
        entering = np.flatnonzero(solution.coefficients)
        ranked = [(names[j], self.rules[j].ranks) for j in entering.tolist()]
        kept = [(name, table) for name, table in ranked if table is not None]
        ranks = pl.DataFrame(
            {
                "protein": [name for name, table in kept for _ in range(table.values.size)],
                "value": np.concatenate([np.empty(0), *(table.values for _, table in kept)]),
                "score": np.concatenate([np.empty(0), *(table.scores for _, table in kept)]),
            },
            schema_overrides={"protein": pl.String},
        )
        everybody = self.predict(laid, unit, np.arange(laid.fold.size))
        own = pl.DataFrame({"row": np.arange(laid.fold.size), "score": everybody})
        return {"weights": weights, "ranks": ranks, "own": own}

    def predict(self, laid: Laid, unit: Unit, rows: I64) -> F64:
        """Return the scores of people, as they are of people elsewhere, to the last bit."""
        weights = self.tuned.solution.coefficients
        entering = np.flatnonzero(weights)
        codes = None if laid.groups is None else laid.groups.codes[rows]
        eta = np.full(rows.size, self.tuned.solution.intercept)
        chosen = [unit.columns[j] for j in entering]
        for start, block in read_blocks(laid.proteins, chosen, rows=rows):
            for place in range(block.shape[1]):
                j = entering[start + place]
                eta += weights[j] * self.rules[j].apply(block[:, place], codes)
        return eta


def _learn(laid: Laid, unit: Unit, rows: I64, inner: I64, *, others: I64, each: Each) -> _Learnt:
    outcome = laid.predicted.take(rows).as_outcome(each)
    by_sums = laid.predicted.family == "linear" and len(unit.columns) <= rows.size
    cuts = np.flatnonzero(np.diff(inner)) + 1
    ready = prepare_columns(
        laid.proteins,
        columns=unit.columns,
        rows=rows,
        transform=laid.options.transform,
        cuts=cuts.tolist() if by_sums else (),
        others=others,
        groups=laid.groups,
        each=each,
    )
    pieces = ready.pieces
    start = outcome.begin(pieces if by_sums else pieces[0], inner)
    tried = [
        tune_trial(start(Penalty(alpha)), rule=laid.options.rule)
        for alpha in laid.options.alpha_values
    ]
    best = min(tried, key=lambda one: float(one.errors[one.chosen]))
    if not by_sums:
        ends = [0, *cuts.tolist(), rows.size]
        pieces = [pieces[0][slice(*pair)] for pair in itertools.pairwise(ends)]
    held = [_predict(X, own) for X, own in zip(pieces, best.outside, strict=True)]
    return _Learnt(
        rows, ready.rules, best, tried, np.concatenate(held), _predict(ready.others, best.solution)
    )


def _predict(X: F64, solution: Solution) -> F64:
    return np.asarray(solution.intercept + X @ solution.coefficients)


def _measure(laid: Laid, unit: Unit, learnt: _Learnt, rows: I64) -> dict[str, pl.DataFrame]:
    """Measure the score alone, covariates alone, and both, in people who were held out."""
    train, test = laid.predicted.take(learnt.rows), laid.predicted.take(rows)
    held, score = learnt.held, learnt.others
    middle, spread = float(held.mean()), float(held.std())
    spread = spread if spread > 0.0 else 1.0
    designs: list[tuple[str, str | None, F64]] = [(SCORE, None, np.empty((laid.fold.size, 0)))]
    for name, matrix in laid.designs:
        designs += [(COVARIATES, name, matrix), (BOTH, name, matrix)]
    models = []
    for kind, label, matrix in designs:
        A, B = matrix[learnt.rows], matrix[rows]
        if kind != COVARIATES:
            A = np.column_stack([(held - middle) / spread, A])
            B = np.column_stack([(score - middle) / spread, B])
        model = fit_regression(A, train, horizons=laid.options.horizons)
        models.append((kind, label, model.predict(B)))
    performance, risks = measure_fold(test, train, models=models, options=laid.options, rows=rows)
    keys = [pl.lit(unit.name).alias("set"), pl.lit(unit.label).alias("fold")]
    scores = {"row": rows, "score": score, "score_standardised": (score - middle) / spread}
    if laid.options.clock:
        scores["predicted_age"] = score
        scores["gap"] = score - _fit_line(train, held, test.values)
    return {
        "performance": performance.with_columns(*keys),
        "scores": pl.DataFrame(scores).with_columns(*keys),
        "risks": risks.with_columns(*keys),
    }


def _fit_line(train: Predicted, predicted: F64, at: F64) -> F64:
    """Return what is predicted on the average at an age, by the line of training people."""
    age, root = train.values, np.sqrt(train.counts)
    slope, constant = np.polyfit(age - age.mean(), predicted, 1, w=root)
    return np.asarray(constant + slope * (at - age.mean()))
