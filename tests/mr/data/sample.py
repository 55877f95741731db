"""The sample that stands in the repository, and R's results on it; make_*.R made both."""

from __future__ import annotations

import csv
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from proteomr.tables import Harmonised

__all__ = ["Expected", "read_expected_numbers", "read_one_exposure", "read_three_exposures"]

FOLDER = Path(__file__).parent

Expected = dict[tuple[str, str], tuple[float, float]]
"""Value and relative tolerance by exposure and quantity."""


def read_expected_numbers() -> dict[str, Expected]:
    """Return R's numbers by the name of the method, as a run would name it."""
    numbers: dict[str, Expected] = defaultdict(dict)
    for path in sorted(FOLDER.glob("expected*.csv")):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                key = (row["exposure"], row["quantity"])
                numbers[row["name"]][key] = (float(row["value"]), float(row["tolerance"]))
    return dict(numbers)


def read_one_exposure() -> Harmonised:
    """Return 24 variants of one exposure, four of them with a direct effect on the outcome.

    They have correlations, which the methods for independent variants do not look at.
    """
    correlations = pl.read_csv(FOLDER / "correlations.csv").to_numpy().astype(np.float64)
    return replace(_read("one_exposure.csv", ("exposure",)), ld=correlations, ld_people=40_000.0)


def read_three_exposures() -> Harmonised:
    """Return 30 variants of three exposures, two of them with a direct effect on the outcome."""
    return _read("three_exposures.csv", ("a", "b", "c"))


def _read(name: str, exposures: tuple[str, ...]) -> Harmonised:
    frame = pl.read_csv(FOLDER / name)
    return Harmonised(
        exposures=exposures,
        outcome="outcome",
        variants=frame,
        beta_x=np.column_stack([frame[f"beta_{name}"] for name in exposures]),
        se_x=np.column_stack([frame[f"se_{name}"] for name in exposures]),
        beta_y=frame["beta_outcome"].to_numpy(),
        se_y=frame["se_outcome"].to_numpy(),
        n_x=np.full(len(exposures), 40_000.0),
        n_y=40_000.0,
    )
