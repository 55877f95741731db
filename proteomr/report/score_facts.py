"""What runs of protein scores say to the items of a checklist."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import polars as pl

from proteomr.report.reading import Reported, ReportedRun, Said, largest, say_each

__all__ = ["SCORE_FACTS"]

_Of = Callable[[ReportedRun], Said]
_MEASURES: Final = 8  # of which a reader takes in a line


def _asked(run: ReportedRun, text: str) -> Said:
    return text, f"{run.name}/manifest.json, request"


def _tell_people(run: ReportedRun) -> Said:
    rules = [f"{key}: {value}" for key, value in run.people.items() if value]
    return _asked(run, "; ".join(rules)) if rules else None


def _tell_outcome(run: ReportedRun) -> Said:
    outcome, timed = run.asked("outcome"), run.asked("follow_up")
    if isinstance(timed, dict) and timed.get("event"):
        return _asked(run, f"{timed['event']}, over {timed['time']}")
    return _asked(run, str(outcome)) if isinstance(outcome, str) else None


def _tell_predictors(run: ReportedRun) -> Said:
    frame = run.rows("weights", "weight", "protein")
    if frame is None:
        return None
    used = frame.filter(pl.col("weight") != 0)["protein"].n_unique()
    text = f"{frame['protein'].n_unique():,} proteins, {used:,} of them with a weight"
    return text, run.source("weights", "protein and weight")


def _tell_missing(run: ReportedRun) -> Said:
    frame = run.rows("weights", "fill")
    if frame is None:
        return None
    return "a protein that a person lacks has its fill", run.source("weights", "fill")


def _tell_transform(run: ReportedRun) -> Said:
    transform = run.asked("options", "transform")
    return _asked(run, f"proteins {transform}") if transform else None


def _tell_model(run: ReportedRun) -> Said:
    penalty, folds = run.asked("options", "penalty"), run.asked("options", "folds")
    if penalty is None:
        return None
    frame = run.table("weights")
    families = [] if frame is None else frame["family"].drop_nulls().unique().sort().to_list()
    inner = run.asked("options", "inner_folds")
    said = f"{penalty}, {' and '.join(families)}; penalty by {inner} folds within"
    return _asked(run, f"{said}; performance in {folds} folds that the fit has not seen")


def _tell_measures(run: ReportedRun) -> Said:
    frame = run.rows("score_performance", "metric")
    if frame is None:
        return None
    names = frame["metric"].unique(maintain_order=True).to_list()
    return ", ".join(names), run.source("score_performance", "metric")


def _tell_performance(run: ReportedRun) -> Said:
    frame = run.rows("score_performance", "value", "se", "fold", "model", "metric", "horizon")
    if frame is None:
        return None
    rows = frame.drop_nulls("value")
    rows = rows.filter(pl.col("fold") == "mean") if "mean" in rows["fold"].to_list() else rows
    rows = rows.unique(["model", "metric", "horizon"], keep="first", maintain_order=True)
    said = [_write_measure(row) for row in rows.head(_MEASURES).iter_rows(named=True)]
    if not said:
        return None
    more = f"; {rows.height - _MEASURES:,} more" if rows.height > _MEASURES else ""
    return "; ".join(said) + more, run.source("score_performance", "value and se")


def _write_measure(row: dict[str, Any]) -> str:
    at = "" if row["horizon"] is None else f" at {row['horizon']:g}"
    error = "" if row["se"] is None else f" (se {row['se']:.2g})"
    return f"{row['model']} {row['metric']}{at} {row['value']:.3g}{error}"


def _tell_flow(run: ReportedRun) -> Said:
    frame = run.rows("scores", "id")
    if frame is None:
        return None
    return f"{frame['id'].n_unique():,} people have a score", run.source("scores", "id")


def _tell_events(run: ReportedRun) -> Said:
    frame = run.rows("score_performance", "n", "n_case")
    if frame is None:
        return None
    n, cases = largest(frame, "n") or 0, largest(frame, "n_case")
    events = "" if cases is None else f", {cases:,.0f} of them with the outcome"
    text = f"up to {n:,.0f} people{events}"
    return text, run.source("score_performance", "largest n and n_case")


def _tell_weights(run: ReportedRun) -> Said:
    frame = run.rows("weights")
    if frame is None:
        return None
    text = "weight, centre, scale and fill of each protein, and the intercept"
    return text, run.source("weights")


def _tell_apply(run: ReportedRun) -> Said:
    frame = run.rows("weights")
    if frame is None:
        return None
    return "proteomr score --apply with the weights, on new people", run.source("weights")


SCORE_FACTS: Final[dict[str, Callable[[Reported], Said]]] = {
    "score_people": say_each(("score",), _tell_people),
    "score_outcome": say_each(("score",), _tell_outcome),
    "score_predictors": say_each(("score",), _tell_predictors),
    "score_missing": say_each(("score",), _tell_missing),
    "score_transform": say_each(("score",), _tell_transform),
    "score_model": say_each(("score",), _tell_model),
    "score_measures": say_each(("score",), _tell_measures),
    "score_flow": say_each(("score",), _tell_flow),
    "score_events": say_each(("score",), _tell_events),
    "score_weights": say_each(("score",), _tell_weights),
    "score_apply": say_each(("score",), _tell_apply),
    "score_performance": say_each(("score",), _tell_performance),
}
"""By the names that ``data/schemas/checklists`` asks by."""
