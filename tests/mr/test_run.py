"""Analyses from files as functions: the answer of one step is that of several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

import proteomr
from proteomr.errors import InputError, NothingToDo, UsageError
from proteomr.gwas import clump, leads
from proteomr.gwas.clumping import Clumping
from proteomr.gwas.study import read_study, read_variant_list
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.mr.harmonise import harmonise_table, to_harmonised
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.outcome_names import name_outcomes_apart
from proteomr.mr.proxies import find_proxies
from proteomr.mr.repeated import keep_once
from proteomr.mr.request import MrRequest

HEAD = "SNP chr pos effect_allele other_allele eaf beta se samplesize"


def write(folder: Path, name: str, rows: list[str], head: str = HEAD) -> Path:
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    x = [f"rs{i} {i} 1000 A G 0.3 0.{i} 0.01 9000" for i in range(1, 8)]
    y = [f"rs{i} {i} 1000 G A 0.7 -0.0{i} 0.01 9000" for i in range(1, 8)]
    return write(tmp_path, "x.txt", x), write(tmp_path, "y.txt", y)


def test_files_and_their_harmonised_table_give_one_answer(
    tmp_path: Path, files: tuple[Path, Path]
) -> None:
    straight = proteomr.run_mr(*files, methods="ivw")
    pair = proteomr.harmonise(*files)
    pair.table().write_parquet(tmp_path / "h.parquet")
    around = proteomr.run_mr(harmonised=tmp_path / "h.parquet", methods="ivw")
    in_memory = proteomr.run_mr(harmonised=pair.table(), methods="ivw")
    numbers = ["nsnp", "estimate", "se"]
    one, *others = (found.table().select(numbers) for found in (straight, around, in_memory))
    assert all(one.equals(other) for other in others)
    assert one["estimate"][0] == pytest.approx(0.1)
    assert straight.manifest is not None
    assert [entry.name for entry in straight.manifest.inputs] == [str(path) for path in files]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["h.parquet", "x.txt", "y.txt"]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "an exposure and an outcome are needed"),
        ({"exposure": Path("x")}, "an exposure and an outcome are needed"),
        ({"exposure": Path("x"), "harmonised": Path("h")}, "give it alone"),
        ({"harmonised": Path("h"), "reverse": True}, "--reverse needs"),
        ({"harmonised": Path("h"), "methods": ("ivv",)}, "did you mean 'ivw'"),
        ({"harmonised": Path("h"), "methods": ("mv_ivw", "ivw")}, "methods mv_... are for"),
        ({"exposure": Path("x"), "outcomes": [Path("y")], "methods": ("mv_ivw",)}, "mv_... are"),
        (
            {
                "exposure": Path("x"),
                "outcomes": [Path("y")],
                "rule": InstrumentRule(proxies=True),
            },
            "--proxies needs",
        ),
        ({"harmonised": Path("h"), "rule": InstrumentRule(proxies=True)}, "--proxies chooses"),
    ],
)
def test_a_request_that_cannot_be_is_refused_before_anything_is_read(
    asked: dict[str, Any], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        MrRequest.of(**asked)


def test_a_rule_has_a_p_value_that_can_be() -> None:
    for p in (0.0, 1.5, -1.0):
        with pytest.raises(UsageError, match="above 0"):
            InstrumentRule(p=p)


def test_clumps_and_leads_count_every_row(tmp_path: Path) -> None:
    rows = [f"rs{i} 1 {i}000 A G 0.3 0.{i} 0.01 9000" for i in range(1, 8)]
    path = write(tmp_path, "x.txt", [*rows, rows[0], "rs9 1 9 A G 0.3 NA 0.01 9000"])
    ld = write(tmp_path, "ld.csv", ["1,0.9", "0.9,1"], head="rs6,rs7")
    found = clump(path, ld, clumping=Clumping(r2=0.1))
    assert found.table()["variant_id"].to_list() == ["rs7"]
    reasons = {(step, reason): n for step, reason, n in found.table("drops").rows()}
    assert reasons == {
        ("munge", "repeated"): 1,
        ("munge", "effect_missing"): 1,
        ("clump", "clumped"): 1,
        ("clump", "absent_from_panel"): 5,
    }
    lead = leads(path)
    assert lead.table()["variant_id"].to_list() == ["rs7"]
    assert lead.table("drops")["n"].sum() + lead.table().height == 9
    weak = write(tmp_path, "weak.txt", ["rs1 1 1000 A G 0.3 0.01 0.01 9000"])
    with pytest.raises(NothingToDo, match="raise --p"):
        leads(weak)
    with pytest.raises(NothingToDo, match="no variant has p <= 5e-08"):
        clump(weak, write(tmp_path, "one.csv", ["1,0", "0,1"], head="rs1,rs2"))


def make_rows(**columns: Any) -> pl.DataFrame:
    usual = {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"]}
    return pl.DataFrame(usual | {"beta": [0.1], "se": [0.01]} | columns)


@pytest.mark.parametrize("alleles", [("A", "G"), ("G", "A"), ("T", "C"), ("C", "T")])
def test_a_pair_keeps_a_variant_once_whatever_the_alleles_are_called(
    alleles: tuple[str, str],
) -> None:
    sign = 1.0 if alleles in {("A", "G"), ("T", "C")} else -1.0
    again = make_rows(effect_allele=[alleles[0]], other_allele=[alleles[1]], beta=[sign * 0.1])
    both = pl.concat([make_rows(), again])
    for x, y in ((make_rows(), both), (both, make_rows()), (both, both)):
        table = keep_once(harmonise_table(x, y))
        assert int(table["mr_keep"].sum()) == 1
        assert set(table.filter(~pl.col("mr_keep"))["reason"]) == {"repeated"}
        assert to_harmonised(harmonise_table(x, y))[0].m == 1


def test_other_alleles_under_one_name_are_kept() -> None:
    both = pl.concat([make_rows(), make_rows(other_allele=["C"], beta=[0.3])])
    table = keep_once(harmonise_table(both, both))
    assert int(table["mr_keep"].sum()) == 2


def test_of_rows_that_contradict_each_other_none_is_kept() -> None:
    both = pl.concat([make_rows(), make_rows(beta=[0.3])])
    table = keep_once(harmonise_table(make_rows(), both))
    assert table["reason"].to_list() == ["repeated_differently"] * 2
    assert not table["mr_keep"].any()


def test_a_place_is_one_variant_whatever_it_is_called_there() -> None:
    place: dict[str, Any] = {"chromosome": ["1"], "position_bp": [5]}
    names = pl.concat([make_rows(**place), make_rows(variant_id=["1:5:A:G"], **place)])
    table = keep_once(harmonise_table(names, names))
    assert table["reason"].to_list() == ["alleles_agree", "repeated"]
    unplaced = names.with_columns(chromosome=None, position_bp=pl.lit(None, pl.Int64))
    assert keep_once(harmonise_table(unplaced, names))["mr_keep"].sum() == 1


def test_a_proxy_stands_for_one_variant_and_not_beside_itself() -> None:
    names = ["rs1", "rs2", "rs3", "rs4"]
    x = pl.concat([make_rows(variant_id=[name]) for name in names])
    proxies = x.with_columns(proxy_id=pl.Series([None, "rs1", "rs9", "rs9"]))
    table = keep_once(harmonise_table(x, proxies))
    assert table["mr_keep"].to_list() == [True, False, True, False]
    assert table.filter(~pl.col("mr_keep"))["reason"].to_list() == ["repeated"] * 2


def test_nothing_is_marked_where_nothing_repeats() -> None:
    table = harmonise_table(make_rows(), make_rows())
    assert keep_once(table).equals(table)


def test_a_proxy_of_several_alleles_gives_its_own_row() -> None:
    places = {"chromosome": ["1", "1"], "position_bp": [10, 20]}
    names = pl.DataFrame({"variant_id": ["rs1", "rs2"], **places})
    panel = LdMatrix(
        names.with_columns(allele_1=pl.Series(["A", "C"]), allele_2=pl.Series(["G", "T"])),
        pl.DataFrame([[1.0, 0.95], [0.95, 1.0]]).to_numpy(),
    )
    outcome = make_rows(
        variant_id=["rs2", "rs2"], effect_allele=["C", "C"], other_allele=["G", "T"],
        beta=[9.0, 0.2], se=[0.1, 0.1],
    )  # fmt: skip
    assert find_proxies(make_rows(), outcome, panel=panel).rows["beta"].to_list() == [0.2]


def test_a_table_of_twosamplemr_is_taken_as_it_is(tmp_path: Path) -> None:
    head = "SNP,effect_allele.outcome,other_allele.outcome,beta.outcome,se.outcome,outcome,"
    path = tmp_path / "y.csv"
    path.write_text(
        f"{head}mr_keep.outcome\nrs1,A,G,0.1,0.01,CHD,TRUE\nrs2,A,,0.1,0.01,CHD,FALSE\n"
    )
    study = read_study(path)
    assert study.from_twosamplemr
    assert study.rows.select("variant_id", "trait", "mr_keep").rows() == [
        ("rs1", "CHD", True),
        ("rs2", "CHD", False),
    ]


def test_names_tell_files_apart_by_the_least_that_is_needed() -> None:
    rows = pl.DataFrame({"variant_id": ["rs1"], "trait": ["o"]})
    paths = [Path("/a/C/r/o.tsv"), Path("/a/D/r/o.tsv")]
    both = name_outcomes_apart([(path, rows) for path in paths])
    assert [frame["trait"][0] for frame in both.frames] == ["o (C/r/o.tsv)", "o (D/r/o.tsv)"]
    assert len(both.notes) == 1
    alone = name_outcomes_apart(
        [(paths[0], rows), (paths[1], rows.with_columns(trait=pl.lit("p")))]
    )
    assert [frame["trait"][0] for frame in alone.frames] == ["o", "p"]
    assert alone.notes == ()
    assert alone.own_names == {}


def test_a_list_without_names_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(InputError, match="no name of a variant"):
        read_variant_list(tmp_path / "empty.txt")
