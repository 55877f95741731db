from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError, NothingToDo
from proteomr.mr.analysis import TraitSize, analyse, measure_direction
from proteomr.mr.estimate import DEFAULT_METHODS, build_methods
from proteomr.mr.harmonised_files import read_harmonised
from proteomr.mr.outputs import list_harmonised, name_like_twosamplemr
from proteomr.tables import Harmonised, load_schema
from tests.mr.reference import find_entry, read_expected, read_set
from tests.mr.test_estimate import make_pair

HEADER = "SNP,beta_exposure,se_exposure,beta_outcome,se_outcome,mr_keep"
ROWS = "\n".join(f"rs{i},0.{i + 1},0.01,0.0{i + 1},0.02,TRUE" for i in range(5))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_every_table_of_an_analysis_keeps_its_schema() -> None:
    pairs = [make_pair("A", m=6), make_pair("B", m=1), make_pair("C", m=2)]
    made = analyse(pairs, build_methods(DEFAULT_METHODS, draws=20))
    for name, table in made.tables.items():
        assert load_schema(name).validate(table).height == table.height, name
    assert made.verdict["outcome"].to_list() == ["A", "B", "C"]


def test_q_values_span_all_pairs_of_a_method() -> None:
    from proteomr.stats.multiple import adjust

    pairs = [make_pair(f"P{i}", m=8, seed=i, effect=0.1 * i) for i in range(9)]
    found = analyse(pairs, build_methods(["ivw", "egger"])).estimates
    for key in ("ivw", "egger"):
        rows = found.filter(method=key)
        expected = adjust(rows["neg_log10_p"].to_numpy(), method="bh")
        np.testing.assert_allclose(rows["q_bh"].to_numpy(), expected)


def test_the_verdict_says_what_speaks_against_an_effect(reference: Path) -> None:
    made = analyse([read_set(reference, "tsmr_bmi_chd")], build_methods(DEFAULT_METHODS, draws=50))
    row = made.verdict.row(0, named=True)
    assert row["main_method"] == "ivw"
    assert row["heterogeneous"] is True
    assert row["pleiotropic"] is False
    assert "3 of 3 other methods have its sign" in row["verdict"]
    assert "against it: variants disagree" in row["verdict"]


def test_no_effect_shown_is_not_called_evidence_of_none() -> None:
    made = analyse([make_pair("none", m=12, effect=0.0)], build_methods(["ivw"]))
    assert made.verdict["verdict"][0] == "no effect shown; that is not evidence of none"


def test_the_direction_needs_sample_sizes_and_says_so() -> None:
    row = measure_direction([make_pair("unknown", m=4)]).row(0, named=True)
    assert row["exposure_first"] is None
    assert "n_exposure is not known" in row["message"]


def test_the_direction_of_a_binary_outcome_is_that_of_twosamplemr(reference: Path) -> None:
    data = read_set(reference, "tsmr_bmi_chd")
    entries = read_expected(reference, "steiger_bmi_chd")
    note = "r.exposure from bsen, r.outcome from lor prevalence 0.1 ncase 60801 ncontrol 123504"
    expected = find_entry(entries, "directionality_test", "TwoSampleMR", {"note": note})["result"]
    size = TraitSize(n_case=60_801, n_control=123_504, prevalence=0.1)
    row = measure_direction([data], outcome_size=size).row(0, named=True)
    assert row["r2_exposure"] == pytest.approx(expected["snp_r2.exposure"][0], rel=1e-10)
    assert row["r2_outcome"] == pytest.approx(expected["snp_r2.outcome"][0], rel=1e-10)
    assert row["p_value"] == pytest.approx(expected["steiger_pval"][0], rel=1e-8)


@pytest.mark.parametrize("mark", ["_", "."])
def test_both_spellings_of_columns_are_read(tmp_path: Path, mark: str) -> None:
    header = HEADER.replace("_exposure", f"{mark}exposure").replace("_outcome", f"{mark}outcome")
    one = read_harmonised(write(tmp_path / "h.csv", f"{header}\n{ROWS}\n"))[0]
    assert one.m == 5
    assert one.x.tolist() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert one.variants["variant_id"].to_list() == [f"rs{i}" for i in range(5)]


def test_pairs_in_one_file_are_parted_and_sorted(tmp_path: Path) -> None:
    text = f"{HEADER},outcome\n" + "\n".join(
        f"{row},{outcome}" for outcome in ("b", "a") for row in ROWS.splitlines()
    )
    found = read_harmonised(write(tmp_path / "h.csv", text + "\n"))
    assert [(pair.exposures, pair.outcome) for pair in found] == [
        (("exposure",), "a"),
        (("exposure",), "b"),
    ]


def test_rows_that_cannot_be_used_are_dropped_with_their_reason(tmp_path: Path) -> None:
    broken = ("rs7,0.1,0,0.1,0.02,TRUE", "rs8,,0.01,0.1,0.02,TRUE", "rs9,0.1,0.01,0.1,0.1,FALSE")
    text = "\n".join((HEADER, ROWS, *broken, ""))
    one = read_harmonised(write(tmp_path / "h.csv", text))[0]
    assert dict(one.dropped.rows()) == {
        "rs7": "se_exposure is missing or not usable",
        "rs8": "beta_exposure is missing or not usable",
        "rs9": "mr_keep is not true",
    }
    listed = list_harmonised([one])
    assert listed["mr_keep"].sum() == 5
    assert listed.height == 8


@pytest.mark.parametrize(
    ("text", "fault", "message"),
    [
        (f"{HEADER}\n{ROWS}\n".replace("beta_outcome", "b_outcome"), ColumnError, "beta_outcome"),
        (f"{HEADER}\n{ROWS}\n".replace("SNP", "marker"), ColumnError, "no column of variants"),
        (f"{HEADER}\n{ROWS}\n".replace("0.03,", "low,"), FormatError, "text where numbers"),
        (f"{HEADER}\n{ROWS}\n".replace("TRUE", "FALSE"), NothingToDo, "none of 5 variants"),
    ],
)
def test_bad_files_are_answered_in_words(
    tmp_path: Path, text: str, fault: type[Exception], message: str
) -> None:
    with pytest.raises(fault, match=message):
        read_harmonised(write(tmp_path / "h.csv", text))


def test_names_of_twosamplemr_are_given_on_request() -> None:
    found = analyse([make_pair("A", m=6)], build_methods(["ivw", "egger"])).estimates
    named = name_like_twosamplemr(found)
    assert named["method"].to_list() == ["Inverse variance weighted", "MR Egger"]
    assert named.columns[-3:] == ["b", "se", "pval"]


def test_the_sign_of_an_allele_changes_nothing() -> None:
    pair = make_pair("flip", m=15)
    turn = np.where(np.arange(15) % 2 == 0, -1.0, 1.0)
    turned = Harmonised(
        pair.exposures,
        pair.outcome,
        pair.variants,
        pair.beta_x * turn[:, None],
        pair.se_x,
        pair.beta_y * turn,
        pair.se_y,
    )
    methods = build_methods(["ivw", "egger", "maxlik", "raps", "divw", "lasso"])
    one, other = (analyse([p], methods).estimates for p in (pair, turned))
    np.testing.assert_allclose(one["estimate"].to_numpy(), other["estimate"].to_numpy(), rtol=1e-9)


def test_an_exposure_in_other_units_scales_the_estimates() -> None:
    pair = make_pair("scale", m=15)
    scaled = Harmonised(
        pair.exposures,
        pair.outcome,
        pair.variants,
        pair.beta_x * 10,
        pair.se_x * 10,
        pair.beta_y,
        pair.se_y,
    )
    methods = build_methods(["ivw", "egger", "maxlik", "divw", "uwr", "ivw_radial"])
    one, other = (analyse([p], methods).estimates for p in (pair, scaled))
    np.testing.assert_allclose(
        one["estimate"].to_numpy(), 10 * other["estimate"].to_numpy(), rtol=1e-7
    )
    assert pl.Series(one["neg_log10_p"] - other["neg_log10_p"]).abs().max() < 1e-6  # type: ignore[operator]
