"""People of a known truth, again and again: what scores, their measures and intervals do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import polars as pl
from numpy.random import Generator
from scipy.special import expit

from proteomr._typing import F64, Bool
from proteomr.score import ScoreOptions, score
from proteomr.stats.censoring_weights import Censoring
from proteomr.stats.discrimination import (
    Measured,
    find_auc,
    find_concordance,
    find_unos_concordance,
)
from proteomr.stats.elastic_net import Penalty
from proteomr.stats.elastic_net_outcomes import Binary, Outcome, TimeToEvent
from proteomr.stats.elastic_net_tuning import tune_elastic_net
from proteomr.stats.linear_accuracy import find_r2
from proteomr.stats.risk_accuracy import Standing, find_brier, find_weighted_auc

__all__ = [
    "INTERVALS",
    "LEARNT",
    "NESTED",
    "IntervalDesign",
    "LearntDesign",
    "measure_intervals",
    "measure_learnt",
    "measure_nested",
]

Z95 = 1.959963984540054
HORIZON = 1.0
_LARGE = 400_000  # people of whom a truth is read off that is no closed form
_PAIRED, _TIMES = 6_000, 12  # of truths that count pairs: people, and how often
_RATE = 0.5  # hazard of people whose predictor is 0


@dataclass(frozen=True, slots=True, eq=False)
class Followed:
    """People: two predictors, one of them without its last term, and what happened."""

    both: F64
    less: F64
    case: Bool
    exit: F64
    event: Bool


@dataclass(frozen=True, slots=True)
class IntervalDesign:
    """A measure of a fixed score, in a situation.

    Attributes
    ----------
    metric : as `score_performance` names it.
    what : in words.
    n : people.
    effect : log odds or log hazard ratio of a SD of what the larger predictor has more.
    intercept : logit of a case whose predictor is 0.
    lost : hazard of being censored.
    taken : weight of the last term in the larger predictor; None for its effect.
    """

    metric: str
    what: str
    n: int
    effect: float = 0.7
    intercept: float = 0.0
    lost: float = 0.5
    taken: float | None = None


INTERVALS = (
    IntervalDesign("auc", "half are cases", 300),
    IntervalDesign("auc", "half are cases", 100),
    IntervalDesign("auc", "5 % are cases (25 of 500)", 500, intercept=-3.4),
    IntervalDesign("auc", "the last term says nothing", 300, effect=0.0, taken=0.4),
    IntervalDesign("r2", "a number", 300),
    IntervalDesign("c_harrell", "a third are censored", 300),
    IntervalDesign("c_uno", "a third are censored", 300),
    IntervalDesign("c_uno", "two thirds are censored", 300, lost=1.5),
    IntervalDesign("auc at a time", "a third are censored", 300),
    IntervalDesign("auc at a time", "two thirds are censored", 300, lost=1.5),
    IntervalDesign("brier at a time", "a third are censored", 300),
)


def _draw(g: Generator, design: IntervalDesign, n: int, *, lost: float | None = None) -> Followed:
    x = g.standard_normal((2, n))
    less = 0.8 * x[0]
    truth = less + design.effect * x[1]
    both = less + (design.effect if design.taken is None else design.taken) * x[1]
    if design.metric == "r2":
        y = truth + g.standard_normal(n)
        return Followed(both, less, np.ones(n, dtype=np.bool_), y, np.ones(n, dtype=np.bool_))
    case = g.random(n) < expit(design.intercept + truth)
    rate = design.lost if lost is None else lost
    time = g.exponential(1.0 / (_RATE * np.exp(truth)))
    end = g.exponential(1.0 / rate, n) if rate > 0.0 else np.full(n, np.inf)
    return Followed(both, less, case, np.minimum(time, end), time <= end)


def _measure(design: IntervalDesign, people: Followed, predictor: F64) -> Measured:
    exit_, event = people.exit, people.event
    if design.metric == "auc":
        return find_auc(predictor, people.case)
    if design.metric == "r2":
        return find_r2(exit_, predictor, mean=0.0)
    if design.metric == "c_harrell":
        return find_concordance(predictor, exit=exit_, event=event)
    if design.metric == "c_uno":
        free = Censoring(exit_, event).free_before(exit_)
        return find_unos_concordance(predictor, exit=exit_, event=event, until=HORIZON, free=free)
    standing = Standing.of_times(exit=exit_, event=event, horizon=HORIZON)
    if design.metric == "auc at a time":
        return find_weighted_auc(predictor, standing)
    # the smaller model knows its own hazards, but no more: it need not be right to have an error
    risk = -np.expm1(-_RATE * HORIZON * np.exp(predictor))
    return find_brier(risk, standing)


@cache
def _find_truth(design: IntervalDesign) -> tuple[float, float]:
    """Return the measure of the larger predictor and its difference, of very many people.

    Harrell's C is that of people who are censored as those of the design are; all other measures
    are of people of whom nobody is censored.
    """
    paired = design.metric.startswith("c_")
    n, times = (_PAIRED, _TIMES) if paired else (_LARGE, 1)
    lost = None if design.metric == "c_harrell" else 0.0
    found = []
    for k in range(times):
        people = _draw(np.random.default_rng([77, k, n]), design, n, lost=lost)
        both, less = (_measure(design, people, one).value for one in (people.both, people.less))
        found.append((both, both - less))
    value, gain = np.mean(found, axis=0).tolist()
    return value, gain


def measure_intervals(design: IntervalDesign, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return how often the 95 % intervals of a measure and of a difference hold the truth."""
    truth, gain = _find_truth(design)
    held = apart = 0
    values, errors = [], []
    for draw in range(draws):
        people = _draw(np.random.default_rng([seed, draw, design.n]), design, design.n)
        both, less = (_measure(design, people, one) for one in (people.both, people.less))
        more = both - less
        held += int(abs(both.value - truth) <= Z95 * both.se)
        apart += int(abs(more.value - gain) <= Z95 * more.se)
        values.append(both.value)
        errors.append(both.se)
    return {
        "coverage": held / draws,
        "of the difference": apart / draws,
        "mean": float(np.mean(values)),
        "truth": truth,
        "error": float(np.mean(errors)),
        "spread": float(np.std(values, ddof=1)),
    }


@dataclass(frozen=True, slots=True)
class LearntDesign:
    """A score that is learnt from people and proteins by `score`.

    Attributes
    ----------
    family : of the model.
    what : in words.
    metric : that is held against what the truth itself would have.
    effect : of each of five proteins; 0: the outcome is shuffled.
    n, p : people, proteins.
    """

    family: str
    what: str
    metric: str
    effect: float
    n: int = 500
    p: int = 40


LEARNT = (
    LearntDesign("linear", "five proteins of 40", "r2", 0.5),
    LearntDesign("logistic", "five proteins of 40", "auc", 0.5),
    LearntDesign("cox", "five proteins of 40", "c_harrell", 0.5),
    LearntDesign("linear", "shuffled", "r2", 0.0),
    LearntDesign("logistic", "shuffled", "auc", 0.0),
    LearntDesign("cox", "shuffled", "c_harrell", 0.0),
    LearntDesign("logistic", "shuffled, more proteins than people", "auc", 0.0, 150, 300),
)
_TRUE = np.array([1.0, -1.0, 1.0, -1.0, 1.0])


def _grow(g: Generator, design: LearntDesign) -> tuple[F64, F64, pl.DataFrame]:
    """Return proteins (n, p) that share a factor, the truth (n,), and the outcome."""
    X = np.sqrt(0.8) * g.standard_normal((design.n, design.p))
    X += np.sqrt(0.2) * g.standard_normal((design.n, 1))
    eta = design.effect * X[:, :5] @ _TRUE
    time, end = g.exponential(np.exp(-eta)), g.uniform(0.5, 2.0, design.n)
    outcome = pl.DataFrame(
        {
            "y": eta + g.standard_normal(design.n),
            "case": (g.random(design.n) < expit(eta)).astype(np.int64),
            "event": (time <= end).astype(np.int64),
            "event_years": np.minimum(time, end),
        }
    )
    return X, eta, outcome


def measure_learnt(design: LearntDesign, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return what a score that was learnt says of people held out, beside what the truth says."""
    name = {"linear": "y", "logistic": "case", "cox": "event"}[design.family]
    rows = []
    for draw in range(draws):
        X, eta, outcome = _grow(np.random.default_rng([seed, draw, design.n]), design)
        ids = pl.Series("id", [f"{i:05d}" for i in range(design.n)])
        proteins = pl.DataFrame({"id": ids, **{f"P{j}": X[:, j] for j in range(design.p)}})
        horizons = (HORIZON,) if design.family == "cox" else ()
        options = ScoreOptions(folds=5, inner_folds=5, seed=draw + 1, horizons=horizons)
        samples = outcome.insert_column(0, ids)
        found = score(samples, proteins, outcome=name, options=options, threads=1)
        rows.append(_read(found.table(), found.table("scores"), design, eta, outcome))
    values, errors, best, near, slope = np.array(rows).T
    return {
        "mean": float(values.mean()),
        "error of the mean": float(values.std(ddof=1) / np.sqrt(draws)),
        "told error": float(errors.mean()),
        "inside": float(np.mean(np.abs(values - 0.5) <= Z95 * errors)),
        "truth": float(best.mean()),
        "correlation": float(near.mean()),
        "slope": float(np.nanmean(slope)) if np.isfinite(slope).any() else np.nan,
    }


def _read(
    table: pl.DataFrame, scores: pl.DataFrame, design: LearntDesign, eta: F64, outcome: pl.DataFrame
) -> tuple[float, float, float, float, float]:
    """Return the measure, its error, that of the truth, their correlation, and the slope."""
    mean = table.filter(pl.col("fold") == "mean")
    row = mean.row(by_predicate=pl.col("metric") == design.metric, named=True)
    slopes = mean.filter(pl.col("metric") == "calibration_slope")["value"].to_list()
    slope = slopes[0] if slopes and slopes[0] is not None else np.nan
    held = scores.sort("id")["score_standardised"].to_numpy()
    spread = float(eta.std()) * float(held.std())
    near = float(np.cov(held, eta)[0, 1] / spread) if spread > 0.0 else np.nan
    if design.family == "linear":
        best = find_r2(outcome["y"].to_numpy(), eta, mean=0.0)
    elif design.family == "logistic":
        best = find_auc(eta, outcome["case"].to_numpy() == 1)
    else:
        exit_, event = outcome["event_years"].to_numpy(), outcome["event"].to_numpy() == 1
        best = find_concordance(eta, exit=exit_, event=event)
    return row["value"], row["se"], best.value, near, slope


NESTED = (
    LearntDesign("logistic", "five proteins of 20", "auc", 0.4, 400, 20),
    LearntDesign("cox", "five proteins of 20", "c_harrell", 0.4, 400, 20),
)
_NEW = 2_500  # people whom the models of folds are held against


def measure_nested(design: LearntDesign, *, draws: int, seed: int = 1) -> dict[str, float]:
    """Return how often the interval of a mean over folds holds the truth of the folds' models.

    Each fold's model is held against 2,500 new people; the truth of a mean is the mean of these.
    """
    held, values, truths = 0, [], []
    fold = np.arange(design.n) % 5
    for draw in range(draws):
        g = np.random.default_rng([seed, draw, design.n])
        X, _, outcome = _grow(g, design)
        new_X, _, new = _grow(g, replace(design, n=_NEW))
        found = []
        for k in range(5):
            inside = np.flatnonzero(fold == k)
            b = _learn(design.family, X[fold != k], outcome.filter(fold != k))
            own = _discriminate(design.family, X[inside] @ b, outcome[inside])
            found.append((own.value, own.se, _discriminate(design.family, new_X @ b, new).value))
        value, _, truth = np.mean(found, axis=0)
        se = float(np.sqrt(np.sum(np.square(found)[:, 1]))) / 5.0
        held += int(abs(value - truth) <= Z95 * se)
        values.append(value)
        truths.append(truth)
    return {
        "coverage": held / draws,
        "mean": float(np.mean(values)),
        "truth": float(np.mean(truths)),
    }


def _learn(family: str, X: F64, outcome: pl.DataFrame) -> F64:
    """Return the coefficients of an elastic net whose penalty is chosen by five folds."""
    X, folds = np.asfortranarray(X), np.sort(np.arange(len(X)) % 5)
    of: Outcome
    if family == "logistic":
        of = Binary(outcome["case"].to_numpy().astype(np.float64))
    else:
        exit_, event = outcome["event_years"].to_numpy(), outcome["event"].to_numpy()
        of = TimeToEvent(exit_, event.astype(np.float64))
    return tune_elastic_net(X, of, folds=folds, penalty=Penalty(0.5)).solution.coefficients


def _discriminate(family: str, predictor: F64, outcome: pl.DataFrame) -> Measured:
    if family == "logistic":
        return find_auc(predictor, outcome["case"].to_numpy() == 1)
    exit_, event = outcome["event_years"].to_numpy(), outcome["event"].to_numpy() == 1
    return find_concordance(predictor, exit=exit_, event=event)
