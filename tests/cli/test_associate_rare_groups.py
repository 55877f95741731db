"""Logistic scans with a rare group that a null model without damping runs away in."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, scan_cohort
from proteomr.tables import ArrayProteins, Cohort

N = 3000


def write_cohort(folder: Path) -> list[Path]:
    """Write 3,000 people of whom a group of 50 has 35 cases, the others one in nine."""
    y = [int(i % 9 == 0) if i >= 50 else int(i < 35) for i in range(N)]
    x = [math.sin(7.0 * i) + 0.3 * y[i] for i in range(N)]
    z = [int(i < 50) for i in range(N)]
    tables: dict[str, dict[str, Any]] = {
        "s.csv": {"ID": range(N), "y": y, "z": z},
        "p.csv": {"ID": range(N), "p": x},
    }
    for name, columns in tables.items():
        pl.DataFrame(columns).write_csv(folder / name)
    return [folder / name for name in tables]


def test_a_rare_group_gives_its_estimate_without_a_word(proteomr: Any, tmp_path: Path) -> None:
    options = ["--family", "logistic", "--exposure", "y", "--adjust", "m=z", "--transform", "none"]
    ending = proteomr("associate", *write_cohort(tmp_path), *options, "-o", tmp_path / "out")
    assert (ending.code, ending.err) == (0, "")
    row = pl.read_parquet(tmp_path / "out" / "associations.parquet").row(0, named=True)
    assert row["status"] == "ok"
    # R: glm(y ~ p + z, binomial, control = list(epsilon = 1e-14))
    assert row["estimate"] == pytest.approx(0.58925, abs=1e-4)
    assert row["se"] == pytest.approx(0.08481, abs=1e-5)


def test_a_product_of_factors_equals_columns_made_by_hand() -> None:
    g = np.random.default_rng(3)
    a, b = g.choice(3, N, p=[0.9, 0.08, 0.02]), g.choice(2, N, p=[0.95, 0.05])
    eta = -2.2 + 2.5 * (a == 2) + 2.0 * (b == 1)
    hand = {f"a{i}": (a == i).astype(float) for i in (1, 2)} | {"b1": (b == 1).astype(float)}
    hand |= {f"a{i}b1": hand[f"a{i}"] * hand["b1"] for i in (1, 2)}
    y = (g.random(N) < 1 / (1 + np.exp(-eta))).astype(float)
    samples = pl.DataFrame({"id": [f"{i:05d}" for i in range(N)], "y": y, "a": a, "b": b, **hand})
    proteins = ArrayProteins(("P",), (g.normal(size=N) + 0.3 * y)[:, None])
    cohort = Cohort(samples, "id", proteins, pl.DataFrame({"protein": ["P"]}))
    adjust = {"product": "C(a)*C(b)", "hand": " + ".join(hand)}
    found = scan_cohort(cohort, ModelSpec("logistic", ("y",), adjust, transform="none")).frame
    assert found["status"].to_list() == ["ok", "ok"]
    one, other = found["estimate"].to_list()
    se, other_se = found["se"].to_list()
    assert abs(one - other) < 1e-8 * se
    assert se == pytest.approx(other_se, rel=1e-8)
