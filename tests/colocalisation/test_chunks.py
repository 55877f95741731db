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

from proteomr.colocalisation import opening, variant_codes
from proteomr.colocalisation import traits as atlases
from proteomr.colocalisation.calling import colocalise, hyprcoloc
from proteomr.colocalisation.coded_traits import TraitShelf
from proteomr.colocalisation.matching import VARIANT_COLUMNS
from proteomr.colocalisation.stretches import WindowRule
from proteomr.errors import NothingToDo
from proteomr.gwas import munge_run, munging, regions
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.key_store import KeyStore
from proteomr.gwas.row_shelf import RowShelf
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
    monkeypatch.setattr(opening, "RowShelf", partial(RowShelf, at_once=13))
    monkeypatch.setattr(atlases, "RowShelf", partial(RowShelf, at_once=13))
    monkeypatch.setattr(variant_codes, "_AT_ONCE", 13)
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


def write_files(folder: Path, count: int) -> list[Path]:
    """Write files of one trait each: variants that all have, that some have, or one alone."""
    rng = np.random.default_rng(3)
    paths: list[Path] = []
    for k in range(count):
        m = 9
        turned = rng.random(m) < 0.5
        own = {7: f"1:{1_003_000 + k}", 8: f"rs{9_000 + k // 2}"}
        frame = pl.DataFrame(
            {
                "rsid": [own.get(i, f"rs{i + 1000 if i < 5 else i + 2000}") for i in range(m)],
                "chr": ["1"] * m,
                "pos": [1_000_000 + 5_000 * i + (i > 4) for i in range(m)],
                "ea": np.where(turned, "A", "G"),
                "oa": np.where(turned, "G", "A"),
                "eaf": np.where(turned, 0.7, 0.3),
                "beta": np.where(np.arange(m) == 3, 0.3, rng.normal(0, 0.02, m)).round(6),
                "se": [0.02] * m,
                "n": [9_000] * m,
            }
        )
        paths.append(folder / f"t{k}.csv")
        frame.write_csv(paths[-1])
    return paths


@pytest.mark.parametrize("windows", [WINDOWS, REGION])
def test_many_small_files_on_disk_give_the_tables_of_memory_in_any_order(
    tmp_path: Path, windows: WindowRule, request: pytest.FixtureRequest
) -> None:
    one, paths = write(tmp_path / "one.csv", ["X"]), write_files(tmp_path, 7)
    wanted = colocalise(one, paths, windows=windows)
    assert wanted.table()["status"].unique().to_list() == ["ok"]
    assert (wanted.table()["nsnps2"] > wanted.table()["nsnps"]).all()  # not all are shared
    shelves: list[TraitShelf] = request.getfixturevalue("shelves")
    found = colocalise(one, paths, windows=windows)
    turned = colocalise(one, paths[::-1], windows=windows)
    assert [len(shelf) for shelf in shelves] == [1 + len(paths)] * 2
    for name in ("coloc", "coloc_snps", "coloc_sensitivity", "drops"):
        assert_frame_equal(found.table(name), wanted.table(name))
    for name in ("coloc", "coloc_snps", "coloc_sensitivity"):
        ordered = turned.table(name).sort("trait2", maintain_order=True)
        assert_frame_equal(ordered, wanted.table(name).sort("trait2", maintain_order=True))


def list_file(names: list[str], effect: list[str], other: list[str]) -> pl.DataFrame:
    place = {"chromosome": "1", "build": "GRCh37"}
    rows = pl.DataFrame({"variant_id": names, "effect_allele": effect, "other_allele": other})
    places = [int(name.removeprefix("rs")) for name in names]
    return variant_codes.list_once(
        rows.with_columns(rsid="variant_id", position_bp=pl.Series(places), **lits(place)).select(
            VARIANT_COLUMNS
        )
    )


def lits(values: dict[str, str]) -> dict[str, pl.Expr]:
    return {name: pl.lit(value) for name, value in values.items()}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_a_variant_of_several_files_has_one_number_whatever_their_order(
    tmp_path: Path, order: tuple[int, ...], at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(variant_codes, "_AT_ONCE", at_once)
    first = list_file(["rs20", "rs40"], ["A", "C"], ["G", "T"])
    others = [
        list_file(["rs10", "rs20"], ["T", "C"], ["C", "T"]),  # turned, and on the other strand
        list_file(["rs10", "rs30", "rs40"], ["C", "A", "A"], ["T", "T", "G"]),
        list_file(["rs10", "rs30"], ["C", "C"], ["G", "A"]),  # other alleles are other variants
    ]
    frames = [("first", first), *((f"{i}", others[i]) for i in order)]
    coded = variant_codes.code_variants(
        iter(frames), shelf=RowShelf(tmp_path, name="v", at_once=at_once)
    )
    assert coded.variants.select("variant_id", "effect_allele", "other_allele").rows() == [
        ("rs10", "C", "G"), ("rs10", "C", "T"), ("rs20", "A", "G"),
        ("rs30", "A", "T"), ("rs30", "C", "A"), ("rs40", "C", "T"),
    ]  # fmt: skip
    tables = list(coded.tables())
    told = {
        path: sorted(table.select("code", "sign").rows())
        for (path, _), table in zip(frames, tables, strict=True)
    }
    assert told == {
        "first": [(2, 1), (5, 1)],
        "0": [(1, -1), (2, -1)],
        "1": [(1, 1), (3, 1), (5, -1)],
        "2": [(0, 1), (4, 1)],
    }


def test_traits_cluster_on_variants_that_the_first_file_lacks(tmp_path: Path) -> None:
    one, paths = write(tmp_path / "one.csv", ["X"]), write_files(tmp_path, 3)
    for path in paths:  # beyond the variants of the first
        pl.read_csv(path).with_columns(
            pl.col("pos") + 5_000_000, rsid="rs7" + pl.col("rsid").str.slice(2)
        ).write_csv(path)
    table = hyprcoloc(one, paths, windows=WINDOWS).table()
    (row,) = table.filter(pl.col("region").str.starts_with("1:5")).rows(named=True)
    assert (row["traits"], row["snp"]) == ("t0, t1, t2", "rs71003")
    assert row["message"].startswith("left out: X")


def test_a_file_without_rows_in_the_region_stops_no_other(tmp_path: Path) -> None:
    one, paths = write(tmp_path / "one.csv", ["X"]), write_files(tmp_path, 3)
    wanted = colocalise(one, paths[:1] + paths[2:], windows=REGION).table()
    pl.read_csv(paths[1]).with_columns(pl.col("pos") + 5_000_000).write_csv(paths[1])
    found = colocalise(one, paths, windows=REGION)
    table = found.table()
    assert table["trait2"].to_list() == ["t0", "t1", "t2"]
    assert table["status"].to_list() == ["ok", "nothing_shared", "ok"]
    assert_frame_equal(table.filter(pl.col("trait2") != "t1"), wanted)
    (row,) = hyprcoloc(one, paths, windows=REGION).table().rows(named=True)
    assert (row["status"], row["traits_compared"]) == ("ok", 3)
    assert "left out: t1: has no variant in the region" in row["message"]
    with pytest.raises(NothingToDo, match=r"t1\.csv: no row lies in the region"):
        colocalise(one, paths[1], windows=REGION)
    with pytest.raises(NothingToDo, match=r"t1\.csv: no row lies in the region"):
        colocalise(paths[1], one, windows=REGION)


@pytest.mark.parametrize("cases", [0, 9_000])
def test_cases_that_are_all_people_or_none_are_told_of(tmp_path: Path, cases: int) -> None:
    one, (path,) = write(tmp_path / "one.csv", ["X"]), write_files(tmp_path, 1)
    pl.read_csv(path).with_columns(n_case=pl.lit(cases)).write_csv(path)
    found = colocalise(one, path, windows=REGION)
    assert found.table()["status"].to_list() == ["ok"]
    assert any("they are all of its people or none" in note for note in found.notes)
