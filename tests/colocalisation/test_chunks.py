"""Thousands of traits are brought to codes some at a time: the numbers are those of all at once.

Also where their rows, keys and numbers stand on disk meanwhile.
"""

from __future__ import annotations

import gc
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.colocalisation import traits as atlases
from proteomr.colocalisation.calling import colocalise, hyprcoloc
from proteomr.colocalisation.coded_traits import TraitShelf
from proteomr.colocalisation.stretches import WindowRule
from proteomr.gwas import munge_run, munging, regions
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.key_store import KeyStore
from proteomr.gwas.trait_piles import TraitSink

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


@pytest.fixture
def shelves(monkeypatch: pytest.MonkeyPatch) -> list[TraitShelf]:
    """Let everything stand on disk; return the shelves that are made."""
    made: list[TraitShelf] = []

    def make(path: Path) -> TraitShelf:
        made.append(TraitShelf(path))
        return made[-1]

    monkeypatch.setattr(munging, "TraitSink", partial(TraitSink, at_once=13))
    monkeypatch.setattr(munge_run, "KeyStore", partial(KeyStore, at_once=5, sorted_at_once=7))
    monkeypatch.setattr(regions, "_AT_ONCE", 13)
    monkeypatch.setattr(atlases, "_ROWS", 13)
    monkeypatch.setattr(atlases, "TraitShelf", make)
    return made


WINDOWS = WindowRule(p=1e-3, kb=20)
REGION = WindowRule(region=Region("1", 1_005_000, 1_045_000))


@pytest.mark.parametrize("windows", [WINDOWS, REGION])
def test_traits_on_disk_give_the_tables_of_memory(
    tmp_path: Path, windows: WindowRule, request: pytest.FixtureRequest
) -> None:
    one, many = write(tmp_path / "one.csv", ["X"]), write(tmp_path / "many.csv", TRAITS)
    wanted = colocalise(one, many, windows=windows)
    clusters = hyprcoloc(one, many, windows=windows)
    shelves: list[TraitShelf] = request.getfixturevalue("shelves")
    found = colocalise(one, many, windows=windows, threads=2)
    assert [len(shelf) for shelf in shelves] == [1 + len(TRAITS)]
    assert wanted.table().height == len(TRAITS)
    for name in ("coloc", "coloc_snps", "coloc_sensitivity", "drops"):
        assert_frame_equal(found.table(name), wanted.table(name))
    again = hyprcoloc(one, many, windows=windows)
    assert_frame_equal(again.table(), clusters.table())
    gc.collect()  # files that nobody closed would be told of
