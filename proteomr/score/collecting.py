"""The tables of a run, from what its folds gave."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, cast

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.score.fitting import Laid
from proteomr.score.outcome import Predicted
from proteomr.stats.calibration import group_by_risk
from proteomr.stats.censoring_weights import find_pseudo_risks
from proteomr.stats.risk_accuracy import Standing, find_net_benefit
from proteomr.tables import load_schema
from proteomr.tables.texts import fill_text

__all__ = ["MEAN", "calibrate_groups", "compare_decisions", "list_scores", "summarise_folds"]

MEAN: Final = "mean"
_GROUPS = 10
_KEYS = ("set", "model", "adjustment", "metric", "horizon")
_RISKS = ("set", "model", "adjustment", "horizon")

Parts = Sequence[dict[str, pl.DataFrame]]


def summarise_folds(parts: Parts) -> pl.DataFrame:
    """Return the measures of each fold, and their mean over the folds.

    Folds hold different people, so that the variance of a mean over K folds is the sum of theirs by
    K squared, given the models. Predictions of different folds, which come from different models,
    are never ranked together.

    Parameters
    ----------
    parts : of the units.
    """
    folds = pl.concat([part["performance"] for part in parts if "performance" in part])
    good = pl.col("status") == "ok"
    mean = (
        folds.group_by(_KEYS, maintain_order=True)
        .agg(
            pl.col("value").filter(good).mean().alias("value"),
            (pl.col("se").filter(good).pow(2).sum().sqrt() / good.sum()).alias("se"),
            pl.col("n").sum(),
            *(_add(name) for name in ("n_case", "at_risk")),
            pl.col("message").first(),
            good.sum().alias("folds"),
            pl.len().alias("all"),
            pl.col("status").first().alias("why"),
        )
        .with_columns(
            pl.when(pl.col("folds") > 0)
            .then(pl.lit("ok"))
            .otherwise(pl.col("why"))
            .alias("status"),
            pl.when(pl.col("folds") < pl.col("all"))
            .then(fill_text("{} of {} folds have an estimate", "folds", "all"))
            .otherwise(pl.col("message"))
            .alias("message"),
            pl.lit(MEAN).alias("fold"),
            pl.col("se").fill_nan(None),
        )
    )
    schema = load_schema("score_performance")
    return schema.validate(pl.concat([folds.select(schema.names), mean.select(schema.names)]))


def _add(name: str) -> pl.Expr:
    """Return a count of all folds; empty where they have none."""
    return pl.when(pl.col(name).is_not_null().any()).then(pl.col(name).sum()).alias(name)


def list_scores(parts: Parts, laid: Laid, ids: pl.Series) -> pl.DataFrame:
    """Return the scores of each person: by the models of other folds, and by the weights of all."""
    names = {unit.index: unit.name for unit in laid.units}
    frames = []
    for index, part in enumerate(parts):
        if "own" in part:
            frames.append(
                part["own"]
                .rename({"score": "score_in_sample"})
                .with_columns(pl.lit(names[index]).alias("set"))
            )
    own = pl.concat(frames)
    held = pl.concat([part["scores"] for part in parts if "scores" in part])
    joined = held.join(own, on=["set", "row"], how="left").sort("set", "row")
    people = pl.DataFrame({"row": np.arange(ids.len()), "id": ids})
    out = joined.join(people, on="row", how="left", maintain_order="left")
    schema = load_schema("scores")
    return schema.validate(
        out.select([own.name for own in schema.columns if own.name in out.columns])
    )


def calibrate_groups(parts: Parts, predicted: Predicted) -> pl.DataFrame:
    """Return predicted and observed risks in tenths of the risk, each person's by other folds."""
    schema = load_schema("calibration")
    rows: list[dict[str, object]] = []
    for key, frame in _by_model(parts):
        risk, places = frame["risk"].to_numpy(), frame["row"].to_numpy()
        group = group_by_risk(risk, _GROUPS)
        for one in np.unique(group):
            inside = group == one
            own = predicted.take(places[inside])
            seen = _observe(own, cast("float | None", key["horizon"]))
            n, share = seen.size, own.counts / own.counts.sum()
            mean = float(share @ seen)
            squares = float(np.sum((share * (seen - mean)) ** 2))
            se = np.sqrt(squares * n / (n - 1.0)) if n > 1 else np.nan
            rows.append(
                {
                    **key,
                    "group": int(one) + 1,
                    "n": n,
                    "predicted": float(share @ risk[inside]),
                    "observed": mean,
                    "se": se if np.isfinite(se) else None,
                }
            )
    return schema.validate(_frame(rows, schema.names))


def _observe(predicted: Predicted, horizon: float | None) -> F64:
    """Return what is observed of people: cases, or pseudo-observations."""
    if horizon is None:
        return predicted.values
    return find_pseudo_risks(predicted.exit, predicted.case, horizon, weights=predicted.weights)


def compare_decisions(
    parts: Parts, predicted: Predicted, thresholds: Sequence[float]
) -> pl.DataFrame:
    """Return the net benefit of treating by each model, and of treating everybody."""
    schema = load_schema("decision_curve")
    rows: list[dict[str, object]] = []
    treated: set[tuple[object, object]] = set()
    for key, frame in _by_model(parts):
        places = frame["row"].to_numpy()
        standing = _stand(predicted.take(places), cast("float | None", key["horizon"]))
        pairs = [(key, frame["risk"].to_numpy())]
        if (key["set"], key["horizon"]) not in treated:
            treated.add((key["set"], key["horizon"]))
            everybody = {**key, "model": "everybody", "adjustment": None}
            pairs.append((everybody, np.full(places.size, np.inf)))
        for which, risk in pairs:
            for threshold in thresholds:
                found = find_net_benefit(risk, standing, threshold=threshold)
                row = {"threshold": threshold, "net_benefit": found.value, "se": found.se}
                rows.append({**which, **row, "n": places.size})
    return schema.validate(_frame(rows, schema.names))


def _stand(predicted: Predicted, horizon: float | None) -> Standing:
    if horizon is None:
        return Standing.of_levels(predicted.case, predicted.weights)
    return Standing.of_times(
        exit=predicted.exit, event=predicted.case, horizon=horizon, weights=predicted.weights
    )


def _by_model(parts: Parts) -> list[tuple[dict[str, object], pl.DataFrame]]:
    """Return the risks of all people by model, in the order of the rows."""
    held = [part["risks"] for part in parts if "risks" in part]
    if not held:
        return []
    risks = pl.concat(held).sort("row", maintain_order=True)
    groups = risks.partition_by(_RISKS, maintain_order=True, as_dict=True)
    ordered = sorted(groups, key=lambda key: tuple(str(part) for part in key))
    listed = []
    for key in ordered:
        named = dict(zip(_RISKS, key, strict=True))
        if not np.isfinite(named["horizon"]):
            named["horizon"] = None
        listed.append((named, groups[key]))
    return listed


def _frame(rows: list[dict[str, object]], names: Sequence[str]) -> pl.DataFrame:
    texts = dict.fromkeys(("set", "model", "adjustment"), pl.String)
    numbers = {"horizon": pl.Float64, "se": pl.Float64}
    kinds = {k: v for k, v in {**texts, **numbers}.items() if k in names}
    if not rows:
        return pl.DataFrame(schema=dict.fromkeys(names, pl.Null))
    return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None).select(names)
