"""Options of linear and logistic scans on 4,500 people equal R's, where blocks are fitted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr._typing import F64
from proteomr.runs import Results

STORED = Path(__file__).resolve().parents[1] / "reference" / "large_linear_options.json"
N, PROTEINS = 4_500, 24
ROWS = np.arange(N)


def spread(a: int, b: int) -> F64:
    """Return numbers from 0 to 1, as make_large_linear_options.R makes them."""
    return np.asarray((((ROWS * a + b) * (ROWS % 89 + 7)) % 10_007) / 10_007)


@pytest.fixture(scope="module")
def cohort() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the people and proteins of the script."""
    sex = (spread(7919, 13) < 0.45).astype(np.int64)
    house = np.floor(160 * spread(3571, 29)).astype(np.int64)
    words = np.array(["Current", "Never", "Past"])[np.floor(3 * spread(4517, 5)).astype(int)]
    people = {
        "ID": [f"{i:05d}" for i in range(N)],
        "sex": sex,
        "age": 40 + 30 * spread(6133, 71),
        "smoking": words,
        "house": house,
        "centre": np.floor(9 * spread(2909, 17)).astype(np.int64),
        "cluster": np.floor(40 * spread(1999, 3)).astype(np.int64),
        "precision": 0.3 + np.floor(27 * spread(5003, 41)) / 10,
        "copies": np.floor(4 * spread(6689, 19)).astype(np.int64),
        "ill": (spread(4093, 7) < 0.2 + 0.1 * sex).astype(np.int64),
    }
    columns: dict[str, Any] = {"ID": people["ID"]}
    for j in range(1, PROTEINS + 1):
        noise = spread(7919 + 2 * j, 101 * j) + spread(5237 + 4 * j, 31 * j)
        noise += spread(3259 + 6 * j, 17 * j) - 1.5
        shared = 0.02 * sex + 0.002 * (house % 13) * (j % 3)
        y = 5 + j / 4 + (0.5 + (j * 37) % 11 / 4) * (noise + shared)
        if j % 4:
            y[(ROWS * (2 * j + 1) + j) % 23 == 0] = np.nan
        columns[f"P{j:02d}"] = y
    return pl.DataFrame(people), pl.DataFrame(columns).fill_nan(None)


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(STORED.read_text("utf-8"))
    return values


def scan(cohort: tuple[pl.DataFrame, pl.DataFrame], **options: Any) -> Results:
    given = {"family": "linear", "exposure": "sex", "adjust": {"a": "age"}, "transform": "none"}
    return proteomr.associate(*cohort, threads=1, **{**given, **options})


def gap(found: pl.Series, wanted: list[float], unit: F64 | float = 0.0) -> float:
    target = np.array(wanted, dtype=np.float64)
    return float(np.max(np.abs(found.to_numpy() - target) / np.maximum(np.abs(target), unit)))


def test_the_data_are_those_of_the_script(
    cohort: tuple[pl.DataFrame, pl.DataFrame], stored: dict[str, Any]
) -> None:
    sums = cohort[1].drop("ID").sum().row(0)
    np.testing.assert_allclose(sums, stored["sums"], rtol=1e-11)


MODERATED: dict[str, tuple[dict[str, Any], float]] = {
    "plain": ({"moderate": "plain"}, 1e-9),
    "trend": ({"moderate": "trend"}, 1e-9),
    "robust": ({"moderate": "robust"}, 1e-7),
    "trend-robust": ({"moderate": "trend-robust"}, 1e-7),
    "weights": ({"moderate": "plain", "weights": "precision"}, 1e-9),
}


@pytest.mark.parametrize("name", MODERATED)
def test_moderated_blocks_equal_limma(
    name: str, cohort: tuple[pl.DataFrame, pl.DataFrame], stored: dict[str, Any]
) -> None:
    options, rtol = MODERATED[name]
    rows = scan(cohort, adjust={"a": "age + C(smoking)"}, **options).table()
    _hold_moderated(rows, stored[name], rtol)


@pytest.mark.parametrize("name", ["Past vs Never", "Current vs Never"])
def test_moderated_contrasts_of_blocks_equal_limma(
    name: str, cohort: tuple[pl.DataFrame, pl.DataFrame], stored: dict[str, Any]
) -> None:
    asked = ["Past - Never", "Current - Never", "Current - Past"]
    results = scan(
        cohort, exposure="smoking", adjust={"a": "sex + age"}, contrast=asked, moderate="plain"
    )
    _hold_moderated(results.table().filter(contrast=name), stored[name], 1e-9)


def _hold_moderated(rows: pl.DataFrame, wanted: dict[str, Any], rtol: float) -> None:
    assert gap(rows["estimate"], wanted["estimate"], 1e-3) < rtol
    assert gap(rows["statistic"], wanted["t"], 0.1) < rtol
    assert gap(rows["df"], wanted["df"]) < rtol
    assert gap(rows["p_value"], wanted["p"]) < 100 * rtol


CHOSEN: dict[str, dict[str, Any]] = {
    "linear frequency classical": {"weights": "copies", "weight_kind": "frequency"},
    "linear frequency HC3": {"weights": "copies", "weight_kind": "frequency", "errors": "HC3"},
    "linear sampling linearised": {"weights": "precision", "weight_kind": "sampling"},
    "logistic frequency classical": {"weights": "copies", "weight_kind": "frequency"},
    "logistic frequency HC1": {"weights": "copies", "weight_kind": "frequency", "errors": "HC1"},
    "logistic CR2": {"errors": "CR2", "cluster": "cluster"},
    "absorb house": {"absorb": "house"},
    "absorb house centre": {"absorb": ["house", "centre"]},
    "absorb house weights": {"absorb": "house", "weights": "precision"},
    "absorb house HC1": {"absorb": "house", "errors": "HC1"},
}


@pytest.mark.parametrize("name", CHOSEN)
def test_large_fits_equal_r(
    name: str, cohort: tuple[pl.DataFrame, pl.DataFrame], stored: dict[str, Any]
) -> None:
    proteins = ["P01"] if name == "logistic CR2" else ["P01", "P04", "P07"]
    few = (cohort[0], cohort[1].select("ID", *proteins))
    family = {"family": "logistic", "exposure": "ill"} if name.startswith("logistic") else {}
    rows, wanted = scan(few, **family, **CHOSEN[name]).table(), stored[name]
    assert rows["status"].to_list() == ["ok"] * len(proteins)
    assert gap(rows["estimate"], wanted["estimate"], np.array(wanted["se"])) < 1e-9
    assert gap(rows["se"], wanted["se"]) < 1e-9
    if wanted["df"][0] is None:
        assert rows["df"].null_count() == rows.height
    else:
        assert gap(rows["df"], wanted["df"]) < 1e-9
