"""People, trios and R's numbers of the tests of mediation."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np

from proteomr._typing import F64
from proteomr.stats.mediation import Analysis, Trio

_HERE = Path(__file__).parent
EXPECTED: dict[str, Any] = json.loads((_HERE / "mediation.json").read_text())


def read_columns() -> dict[str, F64]:
    """Return the columns of the people that R has analysed."""
    with (_HERE / "mediation_people.csv").open() as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "id"]
    return {name: np.array([float(row[name]) for row in rows]) for name in names}


def make_trio(mediator: str, outcome: str, *, batches: bool = False) -> Trio:
    """Return exposure, mediator and outcome; ``time`` stands for entry, time and event."""
    d = read_columns()
    one = np.ones(d["age"].size)
    covariates = np.column_stack([one, d["age"], d["sex"]])
    levels = [d["batch"] == 1.0, d["batch"] == 2.0] if batches else []
    of_time = np.column_stack([d["entry"], d["time"], d["event"]])
    return Trio.of(
        d["exposure"],
        d[mediator],
        of_time if outcome == "time" else d[outcome],
        for_mediator=np.column_stack([covariates, *levels]),
        for_outcome=covariates,
    )


def change(trio: Trio, **columns: F64) -> Trio:
    """Return a trio with other columns."""
    bench = trio.bench
    known: dict[str, Any] = {
        "exposure": bench.exposure * bench.exposure_unit + bench.exposure_shift,
        "mediator": trio.mediator,
        "outcome": bench.outcome,
        "for_mediator": bench.for_mediator,
        "for_outcome": bench.for_outcome,
    }
    return Trio.of(**{**known, **columns})


def named(analysis: Analysis) -> dict[str, float]:
    """Return the estimates by name."""
    return dict(zip(analysis.effects.names, analysis.estimates.tolist(), strict=True))


def errors_of(analysis: Analysis) -> dict[str, float]:
    """Return the standard errors by name."""
    return dict(zip(analysis.effects.names, analysis.standard_errors().tolist(), strict=True))


def move_counts(analysis: Analysis, person: int, n: int, step: float) -> F64:
    """Return how fast the parameters move with how often a person counts, by refits."""
    ends = []
    for side in (step, -step):
        counts = np.ones(n)
        counts[person] += side
        ends.append(analysis.refit(counts[None])[0])
    return np.asarray((ends[0] - ends[1]) / (2.0 * step))
