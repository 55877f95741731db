"""Variants found in another file and in a panel: names, rsids, positions, and what contradicts."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, InputError
from proteomr.gwas.clumping import Clumping, assign_clumps, clump_traits
from proteomr.gwas.match import (
    contradict_positions,
    describe_match,
    is_listed,
    match_variants,
    name_keys,
)
from proteomr.gwas.panel import locate_in_panel, name_panel, open_panel
from proteomr.io.genetics.ld_matrices import LdMatrix


def make_rows(names: list[str | None], **columns: Any) -> pl.DataFrame:
    usual: dict[str, Any] = {"variant_id": pl.Series(names, dtype=pl.String)}
    return pl.DataFrame(usual | columns, strict=False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1:100:A:G", "1:100:G:A"),
        ("chr1:100:A:G", "1_100_A_G"),
        ("1-100-a-g", "1:100_A/G"),
        ("01:100:A:G", "1:100:A:G:imp:v1"),
        ("X:7:A:AT", "chrX:7:AT:A"),
        ("M:7:A:G", "MT:7:A:G"),
        ("RS12", "rs12"),
    ],
)
def test_one_name_in_two_spellings_is_one_name(one: str, other: str) -> None:
    found = match_variants(make_rows([one]), make_rows([other]), by="name")
    assert found.rows["variant_id"].to_list() == [one]
    assert found.rows["name_there"].to_list() == [other]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1:100:A:G", "1:100:A:C"),
        ("1:100:A:G", "2:100:A:G"),
        ("1:100:A:G", "1:101:A:G"),
        ("rs1", "rs12"),
        ("rs1_95", "rs1_96"),
        ("Affx-1", "Affx-2"),
    ],
)
def test_different_names_are_not_the_same(one: str, other: str) -> None:
    assert match_variants(make_rows([one]), make_rows([other])).rows.height == 0


@pytest.mark.parametrize(
    "word",
    [
        *(".", "-", "--", ".:.", "*", "?", "", " ", "0", "00", "NA", "N/A", "#N/A", "n.a.", "nan"),
        *(
            "null",
            "None",
            "rs",
            "rs.",
            "rs-",
            "rsNA",
            "rs?",
            "rsXXX",
            "novel",
            "unknown",
            "missing",
        ),
        *("no_rsid", "no id", "noname", "not available", "TBD", "undefined"),
    ],
)
def test_a_placeholder_is_no_name(word: str) -> None:
    assert name_keys(pl.Series([word])).to_list() == [None]
    assert match_variants(make_rows([word]), make_rows([word])).rows.height == 0


@pytest.mark.parametrize("word", ["rs0", "intergenic", "rs77"])
def test_a_name_at_several_places_counts_where_the_places_agree(word: str) -> None:
    wanted = make_rows([word], chromosome=["1"], position_bp=[5])
    rows = make_rows(
        [word] * 3, chromosome=["7", "1", "1"], position_bp=[5, 6, 5], beta=[1.0, 2.0, 3.0]
    )
    assert match_variants(wanted, rows).rows["beta"].to_list() == [3.0]


def test_each_variant_is_found_by_the_first_way_that_finds_it() -> None:
    wanted = make_rows(
        ["rs1", "v2", "v3", "v4"],
        rsid=["rs1", "rs2", None, None],
        chromosome=["1"] * 4,
        position_bp=[1, 2, 3, 4],
        build=["GRCh38"] * 4,
    )
    rows = make_rows(
        ["rs1", "x2", "x3"],
        rsid=["rs1", "rs2", None],
        chromosome=["1"] * 3,
        position_bp=[1, 2, 3],
        build=["GRCh38"] * 3,
    )
    found = match_variants(wanted, rows)
    assert found.counts == {"name": 1, "rsid": 1, "position": 1}
    assert found.rows.select("variant_id", "name_there").rows() == [
        ("rs1", "rs1"),
        ("v2", "x2"),
        ("v3", "x3"),
    ]
    assert describe_match(found) == "3 of 4 variants found (1 by name, 1 by rsid, 1 by position)"
    one_way = match_variants(wanted, rows, by="rsid")
    assert one_way.counts == {"rsid": 2}


@pytest.mark.parametrize(
    ("first", "second"), [("GRCh37", "GRCh38"), (None, None), ("GRCh38", None)]
)
def test_positions_are_not_compared_unasked_unless_the_builds_are_the_same(
    first: str | None, second: str | None
) -> None:
    wanted = make_rows(["a"], chromosome=["1"], position_bp=[5], build=[first])
    rows = make_rows(["b"], chromosome=["chr1"], position_bp=[5], build=[second])
    assert match_variants(wanted, rows).rows.height == 0
    if first == second or second is None:
        assert match_variants(wanted, rows, by="position").counts == {"position": 1}
    else:
        with pytest.raises(InputError, match="is on GRCh38, the variants looked for on GRCh37"):
            match_variants(wanted, rows, by="position")


def test_order_of_rows_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    wanted = make_rows([f"rs{i}" for i in range(40)])
    rows = make_rows([f"rs{i}" for i in range(20, 80)], beta=rng.normal(size=60))
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=2)
    one, other = (
        match_variants(wanted, frame).rows.sort("variant_id") for frame in (rows, shuffled)
    )
    assert one.equals(other)


def test_a_frame_without_names_is_refused() -> None:
    with pytest.raises(ColumnError, match="no column 'variant_id'"):
        match_variants(make_rows(["a"]), pl.DataFrame({"variant": ["a"]}))


def test_lists_name_variants_in_any_spelling() -> None:
    frame = make_rows(["1:5:A:G", "x", "rs9"], rsid=["rs5", None, "rs9"])
    assert is_listed(frame, ["rs5", "rs9"]).to_list() == [True, False, True]
    assert is_listed(frame, ["chr1_5_G_A", "."]).to_list() == [True, False, False]
    assert is_listed(frame, []).to_list() == [False] * 3


def test_a_listed_word_that_stands_at_several_places_names_none() -> None:
    places: dict[str, Any] = {"chromosome": ["1", "2", "3"], "position_bp": [5, 5, 5]}
    frame = make_rows(["intergenic", "intergenic", "Affx-1"], **places)
    assert is_listed(frame, ["intergenic", "Affx-1"]).to_list() == [False, False, True]


@pytest.mark.parametrize("name", ["rs0", "novel1", "1", "nana", "Affx-1", "HLA*01:01", "α1", "rs1"])
def test_what_may_name_a_variant_is_a_name(name: str) -> None:
    assert name_keys(pl.Series([name])).to_list() == [name]


def make_pairs(**columns: Any) -> pl.DataFrame:
    usual: dict[str, Any] = {"chromosome": "1", "position_bp": [5], "build": None}
    usual |= {"chromosome_right": "1", "position_bp_right": [5], "build_right": None}
    frame = pl.DataFrame(usual | {"indel": False} | columns, strict=False)
    return frame.cast({"build": pl.String, "build_right": pl.String})


SAME_BUILD = {"build": "GRCh37", "build_right": "GRCh37"}
OTHER_BUILD = {"build": "GRCh37", "build_right": "GRCh38"}


@pytest.mark.parametrize(
    "columns",
    [
        {"chromosome_right": "2"},
        {"chromosome_right": "2", **OTHER_BUILD},
        {"position_bp_right": [6], **SAME_BUILD},
        {"position_bp_right": [500], "indel": True, **SAME_BUILD},
        {"position_bp_right": [6], "word": True},  # a word may stand for no name in both
    ],
)
def test_places_contradict_a_name(columns: dict[str, Any]) -> None:
    assert contradict_positions(make_pairs(**columns)).to_list() == [True]


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"chromosome_right": "chr1"},
        {"position_bp_right": [6]},  # one pair shows no build
        {"position_bp_right": [6], **OTHER_BUILD},
        {"position_bp_right": [6], "word": True, **OTHER_BUILD},
        {"position_bp_right": [None], **SAME_BUILD},
        {"position_bp_right": [9], "indel": True, **SAME_BUILD},
    ],
)
def test_places_do_not_contradict_a_name(columns: dict[str, Any]) -> None:
    assert contradict_positions(make_pairs(**columns)).to_list() == [False]


def test_positions_that_agree_show_the_build() -> None:
    same = make_pairs(position_bp=list(range(20)), position_bp_right=[*range(19), 99])
    few = make_pairs(position_bp=[1, 2, 3], position_bp_right=[1, 2, 99])
    assert contradict_positions(few).arg_true().to_list() == [2]
    assert not contradict_positions(few[1:]).any()
    lifted = make_pairs(position_bp=list(range(20)), position_bp_right=[*range(100, 120)])
    assert contradict_positions(same).arg_true().to_list() == [19]
    assert not contradict_positions(lifted).any()
    told = lifted.with_columns(one_build=pl.Series([True] * 3 + [False] * 17))
    assert contradict_positions(told, shown="one_build").arg_true().to_list() == [0, 1, 2]


PLACES = {"chromosome": ["1"] * 4, "position_bp": [100, 200, 300, 400]}
ALLELES = {"allele_1": ["A", "C", "G", "A"], "allele_2": ["G", "T", "C", "AT"]}


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ([f"rs{i}" for i in range(1, 5)], "rsid"),
        (["1:100:G:A", "1:200:T:C", "1:300:C:G", "1:400:AT:A"], "name"),
        (["a", "b", "c", "d"], "position"),
    ],
)
def test_a_panel_is_met_by_what_it_knows(named: list[str], key: str) -> None:
    variants = make_rows(
        ["1:100:A:G", "1:200:C:T", "1:300:G:C", "1:400:A:AT"],
        rsid=[f"rs{i}" for i in range(1, 5)],
        effect_allele=ALLELES["allele_2"],
        other_allele=ALLELES["allele_1"],
        **PLACES,
    )
    panel = pl.DataFrame({"variant_id": named, **PLACES, **ALLELES})
    found = locate_in_panel(variants, panel.reverse())
    assert found["panel_row"].to_list() == [3, 2, 1, 0]
    assert found["panel_key"].unique().to_list() == [key]


def test_positions_of_another_build_meet_nothing() -> None:
    variants = make_rows(
        [f"v{i}" for i in range(10)],
        chromosome=["1"] * 10,
        position_bp=list(range(10)),
        effect_allele=["A"] * 10,
        other_allele=["G"] * 10,
    )
    panel = pl.DataFrame(
        {
            "variant_id": ["p"],
            "chromosome": ["1"],
            "position_bp": [3],
            "allele_1": ["A"],
            "allele_2": ["G"],
        }
    )
    assert locate_in_panel(variants, panel)["panel_row"].null_count() == 10


def test_alleles_choose_among_rows_of_one_name() -> None:
    variants = make_rows(["rs1", "rs2"], effect_allele=["T", "A"], other_allele=["A", "G"])
    panel = pl.DataFrame(
        {
            "variant_id": ["rs1", "rs1", "rs2", "rs2"],
            "allele_1": ["A", "A", "G", "C"],
            "allele_2": ["G", "T", "A", "T"],
        }
    )
    found = locate_in_panel(variants, panel)
    assert found["panel_row"].to_list() == [1, None]
    assert found["panel_reason"].to_list() == [None, "repeated_in_panel"]  # C/T is A/G turned


def test_a_panel_variant_at_another_place_is_another_variant() -> None:
    variants = make_rows(
        [f"rs{i}" for i in range(1, 21)], chromosome=["1"] * 20, position_bp=list(range(1, 21))
    )
    panel = variants.with_columns(position_bp=pl.Series([*range(1, 20), 999]))
    found = locate_in_panel(variants, panel)
    assert found["panel_reason"].to_list() == [None] * 19 + ["position_differs"]
    other = panel.with_columns(chromosome=pl.Series(["2"] + ["1"] * 19))
    assert locate_in_panel(variants, other)["panel_reason"][0] == "position_differs"


def test_a_panel_on_another_build_is_met_by_names() -> None:
    variants = make_rows(
        [f"rs{i}" for i in range(8)], chromosome=["1"] * 8, position_bp=list(range(8))
    )
    panel = variants.with_columns(pl.col("position_bp") + 1_000)
    assert locate_in_panel(variants, panel)["panel_row"].to_list() == list(range(8))


def test_clumping_follows_the_same_rule() -> None:
    hits = make_rows(
        ["1:100:A:G", "1:200:C:T"],
        rsid=["rs1", "rs2"],
        chromosome=["1", "1"],
        position_bp=[100, 200],
        neg_log10_p=[9.0, 12.0],
        trait=["x", "x"],
    )
    ld = LdMatrix(pl.DataFrame({"variant_id": ["rs2", "rs1"]}), np.array([[1, 0.5], [0.5, 1]]))
    found = assign_clumps(hits, ld, options=Clumping(r2=0.1))
    assert found.select("variant_id", "reason").rows() == [
        ("1:200:C:T", "index"),
        ("1:100:A:G", "clumped"),
    ]
    assert clump_traits(hits, ld)[1] == ("2 of 2 variants are in the panel by rsid",)


def test_two_variants_of_one_name_are_clumped_by_their_alleles() -> None:
    hits = make_rows(
        ["rs1", "rs1", "rs2"],
        chromosome=["1"] * 3,
        position_bp=[100, 100, 200],
        effect_allele=["A", "A", "C"],
        other_allele=["G", "T", "T"],
        neg_log10_p=[9.0, 12.0, 10.0],
        trait=["x"] * 3,
    )
    r = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
    panel = pl.DataFrame(
        {
            "variant_id": ["rs1", "rs1", "rs2"],
            "allele_1": ["A", "A", "C"],
            "allele_2": ["G", "T", "T"],
        }
    )
    found = clump_traits(hits, LdMatrix(panel, r), options=Clumping(r2=0.1))[0]
    assert found.select("row", "reason").rows() == [(1, "index"), (2, "index"), (0, "clumped")]


def test_a_matrix_may_be_any_file_that_the_help_offers(tmp_path: Path) -> None:
    r = np.array([[1.0, 0.25], [0.25, 1.0]])
    frame = pl.DataFrame({"rs1": r[0], "rs2": r[1]})
    labelled = pl.concat([pl.DataFrame({"SNP": ["rs1", "rs2"]}), frame], how="horizontal")
    frame.write_csv(tmp_path / "a.csv")
    labelled.write_csv(tmp_path / "b.tsv", separator="\t")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress((tmp_path / "a.csv").read_bytes()))
    np.savez(tmp_path / "d.npz", r=r, variant_id=np.array(["rs1", "rs2"]))
    frame.write_parquet(tmp_path / "e.parquet")
    labelled.write_parquet(tmp_path / "f.parquet")
    for path in sorted(tmp_path.iterdir()):
        panel = open_panel(path)
        assert name_panel(path).files == (path,)
        assert panel.variants["variant_id"].to_list() == ["rs1", "rs2"], path
        assert panel.correlate(0, np.array([1]))[0] == 0.25


def test_a_trait_is_matched_beside_others_as_alone() -> None:
    places = {"chromosome": ["1", "2"], "position_bp": [5, 9], "build": ["GRCh37"] * 2}
    wanted = pl.DataFrame({"variant_id": ["rs1", "rs2"], **places})
    parts = [
        pl.DataFrame({"variant_id": names, "trait": [trait] * 2, **places})
        for trait, names in {"a": ["rs1", "2:9:A:G"], "b": ["1:5:A:G", "rs2"]}.items()
    ]
    alone = pl.concat([match_variants(wanted, part).rows for part in parts])
    together = match_variants(wanted, pl.concat(parts))
    assert together.rows.equals(alone)
    assert together.rows.height == 4
    assert together.counts == {"name": 2}
