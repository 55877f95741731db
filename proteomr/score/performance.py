"""How well the models of a fold predict the people who were held out of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.score.options import ScoreOptions
from proteomr.score.outcome import Predicted
from proteomr.score.regressions import BOTH, COVARIATES, Prediction
from proteomr.stats.calibration import Line, fit_calibration, fit_pseudo_calibration
from proteomr.stats.censoring_weights import Censoring, find_pseudo_risks
from proteomr.stats.discrimination import (
    Measured,
    find_auc,
    find_concordance,
    find_unos_concordance,
)
from proteomr.stats.linear_accuracy import find_correlation, find_mae, find_r2
from proteomr.stats.risk_accuracy import (
    Standing,
    find_brier,
    find_explained,
    find_idi,
    find_nri,
    find_weighted_auc,
)
from proteomr.status import Status

__all__ = ["GAIN", "WARNING", "Model", "measure_fold"]

GAIN: Final = "both - covariates"
WARNING: Final = (
    "rewards models that are badly calibrated, also for useless markers: judge what is added by "
    "auc, brier and net benefit"
)
_FAULTS: Final = {
    Status.all_missing: "nobody in this fold is followed beyond the horizon",
    Status.too_few: "too few people of either kind in this fold",
    Status.constant: "the model predicts one value for everybody in this fold",
    Status.not_identified: "no finite line fits what happened in this fold to the risks",
    Status.not_converged: "the model has not reached its maximum in training folds",
    Status.separated: "the model has no finite maximum in training folds",
}
_FEWEST = 2  # events, and people without, that a measure needs

_NOTHING: Final = Measured(np.nan, np.zeros(1))

Model = tuple[str, str | None, Prediction]
"""Kind, adjustment set, and predictions."""


@dataclass(frozen=True, slots=True, eq=False)
class _Row:
    """A measure of one model, or of what one has over another."""

    metric: str
    horizon: float | None
    found: Measured
    message: str = ""
    fault: Status = Status.too_few  # where it has no number


def measure_fold(
    test: Predicted,
    train: Predicted,
    *,
    models: Sequence[Model],
    options: ScoreOptions,
    rows: I64,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the measures of each model with their errors, and the risks of each person.

    Parameters
    ----------
    test, train : the outcome of people held out, and of those the models were fitted to.
    models : each with its predictions of the former.
    options : horizons.
    rows : positions (m,) of the people held out.
    """
    measured = [list(_measure(test, train, one, options)) for _, _, one in models]
    table = [
        _tell(row, test, kind, label, of=one.status)
        for (kind, label, one), own in zip(models, measured, strict=True)
        for row in own
    ]
    for place, (kind, label, one) in enumerate(models):
        if kind != BOTH:
            continue
        before = next(
            k for k, other in enumerate(models) if other[0] == COVARIATES and other[1] == label
        )
        worse = max(one.status, models[before][2].status)
        gains = [*_subtract(measured[place], measured[before])]
        gains += _reclassify(test, one, models[before][2])
        table += [_tell(row, test, GAIN, label, of=worse) for row in gains]
    return pl.DataFrame(table, schema_overrides=_KINDS, infer_schema_length=None), _list_risks(
        models, rows
    )


_KINDS: Final = {
    "model": pl.String,
    "adjustment": pl.String,
    "metric": pl.String,
    "horizon": pl.Float64,
    "value": pl.Float64,
    "se": pl.Float64,
    "n": pl.Int64,
    "n_case": pl.Int64,
    "at_risk": pl.Int64,
    "status": pl.String,
    "message": pl.String,
}


def _tell(
    row: _Row, test: Predicted, kind: str, label: str | None, *, of: Status
) -> dict[str, object]:
    value, se = row.found.value, row.found.se
    good = bool(np.isfinite(value) and np.isfinite(se))
    status = Status.ok if good else row.fault
    message = row.message if good else _FAULTS[row.fault]
    if of != Status.ok:
        status, message = of, _FAULTS[of]
    return {
        "model": kind,
        "adjustment": label,
        "metric": row.metric,
        "horizon": row.horizon,
        "value": value if good else None,
        "se": se if good else None,
        "n": len(test.values),
        **_count(test, row),
        "status": status.name,
        "message": message or None,
    }


def _count(test: Predicted, row: _Row) -> dict[str, int | None]:
    """Count who a measure rests on: by a horizon, the cases until then and who is seen beyond."""
    if test.family == "linear":
        return {"n_case": None, "at_risk": None}
    if row.horizon is None:
        return {"n_case": int(test.case.sum()), "at_risk": None}
    case = test.case & (test.exit <= row.horizon)
    # c_uno ranks a case with all who are seen beyond it, and not beyond the horizon
    beyond = None if row.metric == "c_uno" else int((test.exit > row.horizon).sum())
    return {"n_case": int(case.sum()), "at_risk": beyond}


def _measure(
    test: Predicted, train: Predicted, model: Prediction, options: ScoreOptions
) -> Iterator[_Row]:
    if test.family == "linear":
        yield from _measure_numbers(test, _mean(train), model.eta)
    elif test.family == "logistic":
        standing = Standing.of_levels(test.case, test.weights)
        # DeLong's variance is of people who count alike
        equal = test.weights is None
        auc = find_auc(model.eta, test.case) if equal else find_weighted_auc(model.eta, standing)
        yield _Row("auc", None, auc)
        risk = model.risks[np.inf]
        yield from _measure_risk(risk, standing, _mean(train), None)
        yield from _tell_line(fit_calibration(risk, test.case, weights=test.weights), None, test)
    else:
        yield from _measure_times(test, train, model, options)


def _mean(train: Predicted) -> float:
    return float(np.average(train.values, weights=train.counts))


def _measure_numbers(test: Predicted, mean: float, predicted: F64) -> Iterator[_Row]:
    y, v = test.values, test.weights
    yield _Row("r2", None, find_r2(y, predicted, mean=mean, weights=v))
    same = Status.constant if np.ptp(y) > 0.0 else Status.too_few
    yield _Row("r", None, find_correlation(y, predicted, weights=v), fault=same)
    yield _Row("mae", None, find_mae(y, predicted, weights=v))


def _measure_times(
    test: Predicted, train: Predicted, model: Prediction, options: ScoreOptions
) -> Iterator[_Row]:
    exit_, event, entry, v = test.exit, test.case, test.entry, test.weights
    found = find_concordance(model.eta, exit=exit_, event=event, entry=entry, weights=v)
    yield _Row("c_harrell", None, found)
    if entry is not None:
        return
    # of all people's events the last, which is one for all folds, so that these have a mean
    last = max(float(one.exit[one.case].max(initial=0.0)) for one in (test, train))
    last = max(options.horizons, default=last)
    free = Censoring(exit_, event, v).free_before(exit_)
    uno = find_unos_concordance(
        model.eta, exit=exit_, event=event, until=last, free=free, weights=v
    )
    yield _Row("c_uno", last, uno)
    for horizon in options.horizons:
        if not (exit_ > horizon).any():
            yield from _list_unseen(horizon)
            continue
        standing = Standing.of_times(exit=exit_, event=event, horizon=horizon, weights=v)
        yield _Row("auc", horizon, find_weighted_auc(model.eta, standing))
        before = find_pseudo_risks(train.exit, train.case, horizon, weights=train.weights)
        null = float(np.average(before, weights=train.counts))
        risk = model.risks[horizon]
        yield from _measure_risk(risk, standing, null, horizon)
        pseudo = find_pseudo_risks(exit_, event, horizon, weights=v)
        yield from _tell_line(fit_pseudo_calibration(risk, pseudo, weights=v), horizon, test)


def _list_unseen(horizon: float) -> Iterator[_Row]:
    """Yield measures without numbers: of people who all left before a horizon nobody is without."""
    for metric in ("auc", "brier", "ipa", "calibration_slope", "calibration_intercept"):
        yield _Row(metric, horizon, _NOTHING, fault=Status.all_missing)


def _measure_risk(
    risk: F64, standing: Standing, null: float, horizon: float | None
) -> Iterator[_Row]:
    brier = find_brier(risk, standing)
    yield _Row("brier", horizon, brier)
    average = find_brier(np.full(risk.size, null), standing)
    yield _Row("ipa", horizon, find_explained(brier, average))


def _tell_line(line: Line, horizon: float | None, test: Predicted) -> Iterator[_Row]:
    unit = np.zeros(len(test.values))
    unit[0] = 1.0
    fault = Status.constant if line.flat else Status.not_identified
    for metric, value, se in (
        ("calibration_slope", line.slope, line.slope_se),
        ("calibration_intercept", line.intercept, line.intercept_se),
    ):
        yield _Row(metric, horizon, Measured(value, unit * se), fault=fault)


_DIFFERENT: Final = frozenset({"r2", "r", "mae", "auc", "c_harrell", "c_uno", "brier", "ipa"})


def _subtract(larger: Sequence[_Row], smaller: Sequence[_Row]) -> Iterator[_Row]:
    """Yield what a model has over another, with errors from influences on both."""
    known = {(row.metric, row.horizon): row for row in smaller}
    for row in larger:
        if row.metric in _DIFFERENT:
            before = known[row.metric, row.horizon]
            fault = max(row.fault, before.fault, key=lambda one: one != Status.too_few)
            yield _Row(row.metric, row.horizon, row.found - before.found, fault=fault)


def _reclassify(test: Predicted, after: Prediction, before: Prediction) -> Iterator[_Row]:
    for horizon, risk in after.risks.items():
        own = before.risks[horizon]
        if test.family == "logistic":
            standing, at = Standing.of_levels(test.case, test.weights), None
        elif test.entry is None:
            standing = Standing.of_times(
                exit=test.exit, event=test.case, horizon=horizon, weights=test.weights
            )
            at = horizon
        else:
            continue
        if at is not None and not (test.exit > at).any():
            yield _Row("nri", at, _NOTHING, fault=Status.all_missing)
            yield _Row("idi", at, _NOTHING, fault=Status.all_missing)
            continue
        yield _Row("nri", at, find_nri(risk, own, standing), WARNING)
        yield _Row("idi", at, find_idi(risk, own, standing), WARNING)


def _list_risks(models: Sequence[Model], rows: I64) -> pl.DataFrame:
    frames = [
        pl.DataFrame(
            {
                "row": rows,
                "model": [kind] * rows.size,
                "adjustment": pl.Series([label] * rows.size, dtype=pl.String),
                "horizon": [horizon] * rows.size,
                "risk": risk,
            }
        )
        for kind, label, one in models
        for horizon, risk in one.risks.items()
    ]
    kinds = {
        "row": pl.Int64,
        "model": pl.String,
        "adjustment": pl.String,
        "horizon": pl.Float64,
        "risk": pl.Float64,
    }
    return pl.concat(frames) if frames else pl.DataFrame(schema=kinds)
