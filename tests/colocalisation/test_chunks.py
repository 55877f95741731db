"""Thousands of traits are brought to codes some at a time: the numbers are those of all at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.colocalisation import traits as atlases
from proteomr.colocalisation.calling import colocalise
from proteomr.gwas import regions

TRAITS = [f"T{k}" for k in (3, 1, 2, 10)]


def write(path: Path, traits: list[str]) -> Path:
    rng = np.random.default_rng(len(traits))
    m = 12
    parts = [
        pl.DataFrame(
            {
                "rsid": [f"rs{i + 1000}" for i in range(m)],
                "chr": ["1"] * m,
                "pos": np.arange(m) * 5_000 + 1_000_000,
                "ea": ["A", "G"] * (m // 2) if k % 2 else ["A", "A"] * (m // 2),
                "oa": ["G", "A"] * (m // 2) if k % 2 else ["G", "G"] * (m // 2),
                "eaf": rng.uniform(0.1, 0.9, m).round(3),
                "beta": np.where(np.arange(m) == 5, 0.3, rng.normal(0, 0.02, m)).round(6),
                "se": [0.02] * (m - 1) + [0.0 if k == 1 else 0.02],
                "n": [9_000] * m,
                "trait": [trait] * m,
            }
        )
        for k, trait in enumerate(traits)
    ]
    twice = parts[-1][3:4].with_columns(beta=pl.lit(0.7))
    pl.concat([*parts, twice]).sample(fraction=1.0, shuffle=True, seed=1).write_csv(path)
    return path


def test_traits_read_and_coded_some_at_a_time_are_those_of_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, many = write(tmp_path / "one.csv", ["X"]), write(tmp_path / "many.csv", TRAITS)
    whole = regions.read_region_traits(many)
    results = colocalise(one, many)
    monkeypatch.setattr(regions, "_AT_ONCE", 13)
    monkeypatch.setattr(atlases, "_ROWS", 13)
    parts = regions.read_region_traits(many)
    assert [part.name for part in parts] == [each.name for each in whole] == sorted(TRAITS)
    for part, each in zip(parts, whole, strict=True):
        assert_frame_equal(part.rows, each.rows)
        assert (part.drops, part.notes) == (each.drops, each.notes)
    assert {drop.reason for drop in whole[0].drops} == {"se_not_positive", "repeated_differently"}
    again = colocalise(one, many)
    for name in ("coloc", "coloc_snps", "drops"):
        assert_frame_equal(again.table(name), results.table(name))
