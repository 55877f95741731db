"""The end of a run: its tables from the parts that folds, or shards of them, have left."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr.runs import Account, Ledger, Outcome, Output, Results, finish_shards
from proteomr.score.collecting import (
    calibrate_groups,
    compare_decisions,
    list_scores,
    summarise_folds,
)
from proteomr.score.fitting import Laid, Unit
from proteomr.score.gaps import associate_gaps
from proteomr.score.laying_out import LaidOut
from proteomr.score.options import ScoreOptions
from proteomr.score.outcome import Predicted
from proteomr.tables import ArrayProteins, Drop, load_schema

__all__ = ["MAIN", "PEOPLE", "collect_run", "keep_people", "merge_shards"]

MAIN: Final = "score_performance"
PEOPLE: Final = ("scores",)


def keep_people(ledger: Ledger, out: LaidOut) -> None:
    """Store what the end of the run needs of its people and only its beginning reads.

    Parameters
    ----------
    ledger : of the run; its folder is for its owner alone.
    out : the run, laid out.
    """
    laid = out.laid
    predicted = laid.predicted
    values = predicted.values.reshape(len(predicted.values), -1)
    tables = {
        "people": pl.DataFrame({"id": out.ids, "fold": laid.fold}),
        "outcome": pl.DataFrame({str(k): own for k, own in enumerate(values.T)}),
        "tested": out.samples.select(laid.options.gap_tests),
        "counts": pl.DataFrame({} if predicted.weights is None else {"0": predicted.weights}),
    }
    for place, (_, matrix) in enumerate(laid.designs):
        tables[f"design{place}"] = pl.DataFrame({str(k): own for k, own in enumerate(matrix.T)})
    ledger.parts.save(len(laid.units), tables)
    ledger.parts.keep_facts(
        {
            "units": [[unit.name, unit.fold] for unit in laid.units],
            "outcome": [predicted.name, predicted.family, predicted.label],
            "designs": [label for label, _ in laid.designs],
            "options": dataclasses.asdict(laid.options),
            "drops": [dataclasses.asdict(drop) for drop in out.drops],
        }
    )


def collect_run(ledger: Ledger) -> Outcome:
    """Join the parts of a run, write its tables, and say what came of it."""
    facts = ledger.parts.facts()
    units = len(facts["units"])
    *parts, held = ledger.parts.load_all(units + 1)
    laid = _lay_out(facts, held)
    performance = summarise_folds(parts)
    ledger.write_table(MAIN, performance)
    weights = pl.concat([part["weights"] for part in parts if "weights" in part])
    schema = load_schema("weights")
    ledger.write_table("weights", schema.validate(weights.select(schema.names)))
    ranks = pl.concat([part["ranks"] for part in parts if "ranks" in part])
    ledger.write_table("weights_ranks", ranks.unique(maintain_order=True))
    scores = list_scores(parts, laid, held["people"]["id"])
    ledger.write_table("scores", scores)
    ledger.write_table("tuning", pl.concat([part["tuning"] for part in parts]))
    ledger.write_table("calibration", calibrate_groups(parts, laid.predicted))
    decisions = compare_decisions(parts, laid.predicted, laid.options.thresholds)
    ledger.write_table("decision_curve", decisions)
    if laid.options.gap_tests:
        gaps = associate_gaps(scores, laid, held["tested"], exposures=laid.options.gap_tests)
        ledger.write_table("gap_associations", gaps)
    ledger.count_drops([Drop(**drop) for drop in facts["drops"]])
    failed = performance.filter(pl.col("status") != "ok").height
    return Outcome(units=performance.height, failed=failed)


def merge_shards(
    output: Output,
    *,
    account: Account,
    opened: Callable[[Ledger], object] | None = None,
) -> Results:
    """Join the shards of one run into its results.

    Parameters
    ----------
    output : the folder that the shards wrote to, and the formats of the results.
    account : how the merge was called.
    opened : called with the ledger once it is held.

    Raises
    ------
    RunFolderError
        The folder holds no run of score, or parts are absent or damaged.
    """
    return finish_shards(
        output,
        of=("score",),
        main=MAIN,
        people=PEOPLE,
        collect=collect_run,
        called=account,
        opened=opened,
    )


def _lay_out(facts: Mapping[str, Any], held: Mapping[str, pl.DataFrame]) -> Laid:
    """Return a run as it was laid out, without its proteins."""
    name, family, label = facts["outcome"]
    values = held["outcome"].to_numpy()
    if family != "cox":
        values = values[:, 0]
    options: dict[str, Any] = {
        k: tuple(v) if isinstance(v, list) else v for k, v in facts["options"].items()
    }
    units = [
        Unit(place, str(name), (), None if fold is None else int(fold))
        for place, (name, fold) in enumerate(facts["units"])
    ]
    n = held["people"].height
    counts = held["counts"]
    weights = counts["0"].to_numpy() if counts.width else None
    return Laid(
        ArrayProteins((), np.empty((n, 0))),
        Predicted(name, family, np.asarray(values, dtype=np.float64), label, weights),
        tuple(
            (str(own), held[f"design{place}"].to_numpy().reshape(n, -1))
            for place, own in enumerate(facts["designs"])
        ),
        held["people"]["fold"].to_numpy(),
        ScoreOptions(**options),
        tuple(units),
    )
