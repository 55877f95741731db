"""Files of variants that were harmonised before: what is taken, and what they are refused for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import InputError, UsageError
from proteomr.gwas.clumping import Clumping
from proteomr.gwas.gene_regions import Region
from proteomr.mr.frequencies import note_frequencies
from proteomr.mr.harmonised_files import judge_harmonised, read_harmonised, refuse_harmonised
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.multivariable.tables import read_joint
from proteomr.mr.request import MrRequest

NUMBERS = "beta_exposure,se_exposure,beta_outcome,se_outcome"
ALLELES = "effect_allele_exposure,other_allele_exposure,effect_allele_outcome,other_allele_outcome"


def write(folder: Path, header: str, *rows: str) -> Path:
    place = folder / "h.csv"
    place.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return place


def write_alleles(folder: Path, alleles: str, keep: str = "TRUE") -> Path:
    header = f"SNP,{ALLELES},{NUMBERS},mr_keep"
    good = "rs1,A,G,A,G,0.1,0.01,0.05,0.02,TRUE"
    return write(folder, header, good, f"rs2,{alleles},0.1,0.01,0.05,0.02,{keep}")


@pytest.mark.parametrize(
    "alleles", ["a,g,A,G", "A,G,T,C", "A,,A,G", "A,G,A,", ",,,", "A,T,A,T", "AT,A,I,D", "D,I,A,AT"]
)
def test_alleles_that_agree_in_some_spelling_are_taken(alleles: str, tmp_path: Path) -> None:
    assert read_harmonised(write_alleles(tmp_path, alleles))[0].m == 2


@pytest.mark.parametrize(
    "alleles", ["A,G,G,A", "A,G,C,T", "A,G,A,C", "A,T,T,A", "A,,T,", "AT,A,D,I", "A,G,C,G"]
)
def test_alleles_that_disagree_are_refused_by_the_line(alleles: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"h\.csv, line 3: not harmonised, 1 of 2 .* 'rs2'"):
        read_harmonised(write_alleles(tmp_path, alleles))
    left_out = read_harmonised(write_alleles(tmp_path, alleles, keep="FALSE"))
    assert left_out[0].m == 1


def test_a_line_is_told_whatever_stands_before_it(tmp_path: Path) -> None:
    header = f"SNP,{ALLELES},{NUMBERS},note"
    rows = ['rs1,A,G,A,G,0.1,0.01,0.05,0.02,"two\nlines"', "", "rs2,A,G,G,A,0.1,0.01,0.05,0.02,x"]
    with pytest.raises(InputError, match="line 5: not harmonised"):
        read_harmonised(write(tmp_path, header, *rows))


@pytest.mark.parametrize("word", ["", ".", "-", "NA", "rs"])
def test_variants_without_a_name_are_told_apart_by_their_numbers(word: str, tmp_path: Path) -> None:
    rows = [f"{word},0.1,0.01,{beta},0.02" for beta in (0.05, 0.06, 0.05)]
    judged = judge_harmonised(write(tmp_path, f"SNP,{NUMBERS}", *rows))
    assert judged["reason"].to_list() == [None, None, "repeated"]
    assert judged["variant_id"].to_list() == ["row 1", "row 2", "row 3"]


@pytest.mark.parametrize("places", ["chromosome,position_bp", "chr.exposure,pos.exposure"])
def test_a_place_is_one_variant_under_any_name(places: str, tmp_path: Path) -> None:
    header = f"SNP,{places},{ALLELES},{NUMBERS}"
    rows = [f"{name},1,5,A,G,A,G,0.1,0.01,0.05,0.02" for name in ("rs1", "1:5:A:G", ".")]
    rows.append("rs1,1,5,A,T,A,T,0.1,0.01,0.05,0.02")
    reasons = judge_harmonised(write(tmp_path, header, *rows))["reason"].to_list()
    assert reasons == [None, "repeated", "repeated", None]


def make_frequencies(alleles: str, x: float, y: float) -> pl.DataFrame:
    columns: dict[str, Any] = {"exposure": ["x"], "outcome": "y", "variant_id": "rs1"}
    columns |= {"effect_allele_exposure": alleles[0], "other_allele_exposure": alleles[1]}
    return pl.DataFrame(columns | {"eaf_exposure": x, "eaf_outcome": y})


@pytest.mark.parametrize(
    ("alleles", "x", "y", "told"),
    [("AT", 0.2, 0.8, 1), ("CG", 0.7, 0.4, 1), ("AT", 0.2, 0.3, 0), ("AT", 0.2, 0.55, 0)],
)
def test_palindromes_of_opposite_frequencies_are_told(
    alleles: str, x: float, y: float, told: int
) -> None:
    assert len(note_frequencies(make_frequencies(alleles, x, y))) == told


def test_frequencies_of_the_other_allele_throughout_are_told() -> None:
    rows = pl.concat([make_frequencies("AG", x / 20, 1 - x / 20) for x in range(1, 7)])
    assert "frequency of the other allele" in note_frequencies(rows)[0]


@pytest.mark.parametrize("dot", ["_", "."])
def test_harmonised_variants_are_no_summary_statistics(dot: str, tmp_path: Path) -> None:
    place = write(tmp_path, f"SNP,{NUMBERS}".replace("_", dot), "rs1,0.1,0.01,0.05,0.02")
    frame = pl.read_csv(place)
    frame.write_parquet(tmp_path / "h.parquet")
    for study in (place, str(tmp_path / "h.parquet"), frame):
        with pytest.raises(UsageError, match="--harmonised FILE"):
            refuse_harmonised(study)
    with pytest.raises(UsageError, match="--harmonised FILE"):
        MrRequest.of(place)
    with pytest.raises(UsageError, match="--harmonised FILE"):
        MrRequest.of(pl.DataFrame(), [place])


def test_what_chooses_instruments_has_no_use_for_harmonised_variants(tmp_path: Path) -> None:
    given: dict[str, dict[str, Any]] = {
        "--ld": {"ld": tmp_path / "x"},
        "--instruments": {"instruments": tmp_path / "x"},
        "--pair-by": {"pair_by": "name"},
        "--instruments-p": {"rule": InstrumentRule(p=1e-5)},
        "--region": {"rule": InstrumentRule(region=Region("1", 5, 9))},
        "--clump-r2": {"rule": InstrumentRule(clumping=Clumping(r2=0.5))},
        "--clump-kb": {"rule": InstrumentRule(clumping=Clumping(kb=5))},
        "--match": {"rule": InstrumentRule(match="rsid")},
        "--unproven": {"rule": InstrumentRule(unproven="flag")},
        "--action": {"rule": InstrumentRule(action=1)},
    }
    for option, arguments in given.items():
        with pytest.raises(UsageError, match=f"^{option} "):
            MrRequest.of(harmonised=tmp_path / "h.csv", **arguments)
    assert MrRequest.of(harmonised=tmp_path / "h.csv", rule=InstrumentRule(outcome_p=0.1))


def test_variants_of_several_exposures_count_once(tmp_path: Path) -> None:
    header = "SNP,beta_a,se_a,beta_b,se_b,beta_outcome,se_outcome"
    rows = ["rs1,0.1,0.01,0.2,0.01,0.3,0.02", "RS1,0.1,0.01,0.2,0.01,0.3,0.02"]
    rows += ["rs2,0.1,0.01,0.2,0.01,0.3,0.02", "rs2,0.1,0.01,0.2,0.01,0.4,0.02"]
    joint = read_joint(write(tmp_path, header, *rows, "rs3,0.2,0.01,0.2,0.01,0.3,0.02"))
    assert joint.variants["variant_id"].to_list() == ["rs1", "rs3"]
    reasons = ["repeated", "repeated_differently", "repeated_differently"]
    assert joint.dropped["reason"].to_list() == reasons


@pytest.mark.parametrize("alleles", ["TRUE,G,T,G", "T,G,TRUE,G", "TRUE,G,TRUE,G"])
def test_a_t_that_r_took_for_logical_is_a_t(tmp_path: Path, alleles: str) -> None:
    head = "SNP,beta.exposure,se.exposure,beta.outcome,se.outcome"
    for side in ("exposure", "outcome"):
        head += f",effect_allele.{side},other_allele.{side}"
    path = tmp_path / "h.csv"
    path.write_text(f"{head}\nrs1,0.1,0.01,0.05,0.02,{alleles}\n")
    assert judge_harmonised(path)["reason"].to_list() == [None]
