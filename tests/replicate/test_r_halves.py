"""Fits of given halves are R's, with halves above the switch to compiled loops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtri

import proteomr
from proteomr._typing import F64
from proteomr.association import ModelSpec
from proteomr.replicate import GivenSplits
from proteomr.runs import Source
from proteomr.stats.loops import COMPILED_FROM

STORED = pl.DataFrame(json.loads((Path(__file__).parent / "halves.json").read_text()))
N = 9_400
KEYS = ["half", "protein", "adjustment"]


def unit(k: int) -> F64:
    x = np.sin(np.arange(1, N + 1) * 12.9898 + k * 78.233) * 43758.5453
    return np.asarray(x - np.floor(x))


def make_study() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    age = 40 + 30 * unit(1)
    lonely = (unit(4) < 0.1 + 0.003 * (age - 40)).astype(float)
    ids = pl.Series("ID", [f"{i:05d}" for i in range(N)])
    sites = np.array(["a", "b", "c"])[np.floor(3 * unit(2)).astype(int)]
    people = pl.DataFrame({"ID": ids, "age": age, "site": sites, "lo": lonely})
    values = {}
    for j in range(1, 6):
        y = ndtri(np.clip(unit(10 + j), 1e-6, 1 - 1e-6)) + (j - 2) * 0.1 * lonely + 0.01 * age
        y = np.round(y, 1) if j == 5 else y
        values[f"P{j}"] = np.where(unit(20 + j) < 0.04 * j, np.nan, y)
    splits = pl.DataFrame({"ID": ids, "s": 1 + (unit(3) < 0.5)})
    return people, pl.DataFrame({"ID": ids, **values}, nan_to_null=True), splits


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_fits_of_halves_are_those_of_r(family: str) -> None:
    people, proteins, splits = make_study()
    results = proteomr.replicate(
        people,
        proteins,
        models=ModelSpec(family, ("lo",), {"few": "age", "full": "age + site"}),
        scheme=GivenSplits(Source.of(splits, name="splits")),
        keep_fits=True,
        threads=1,
    )
    fits = results.table("replication_fits").sort(KEYS)
    wanted = STORED.filter(family=family).sort(KEYS)
    assert fits.select(KEYS).equals(wanted.select(KEYS))
    assert fits["n"].equals(wanted["n"])
    assert (fits["n"] > 3_500).all()
    assert splits.filter(s=1).height > COMPILED_FROM
    assert np.allclose(fits["estimate"], wanted["estimate"], rtol=1e-8, atol=0)
    assert np.allclose(fits["se"], wanted["se"], rtol=1e-8, atol=0)
