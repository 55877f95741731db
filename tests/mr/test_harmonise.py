"""Effects on exposure and outcome brought to one allele."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, NothingToDo, UsageError
from proteomr.gwas.twosamplemr import from_twosamplemr
from proteomr.mr import harmonise
from proteomr.mr.frequencies import check_frequencies
from proteomr.mr.harmonise import Action, describe_outcomes, harmonise_table, to_harmonised
from proteomr.mr.sensitivity import leave_one_out, split_variants
from proteomr.mr.twosamplemr import to_twosamplemr
from tests.mr.reference import read_expected

CASES = ["harm_alleles", "harm_bmi_chd", "harm_edgeA", "harm_telbladder"]
COMPARED = [
    *(f"{name}.{side}" for side in ("exposure", "outcome")
      for name in ("effect_allele", "other_allele", "beta", "eaf", "se")),
    "remove", "palindromic", "ambiguous", "mr_keep",
]  # fmt: skip


def make_study(**columns: Any) -> pl.DataFrame:
    usual: dict[str, Any] = {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"]}
    usual |= {"eaf": [0.3], "beta": [0.1], "se": [0.01]}
    changed = {
        name: value if isinstance(value, list) else [value] for name, value in columns.items()
    }
    return pl.DataFrame(usual | changed, strict=False)


def harmonise_one(
    exposure: dict[str, Any], outcome: dict[str, Any], *, action: Action = 2
) -> dict[str, Any]:
    return harmonise_table(make_study(**exposure), make_study(**outcome), action=action).row(
        0, named=True
    )


def read_pair(folder: Path, case: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    sides: tuple[Literal["exposure"], Literal["outcome"]] = ("exposure", "outcome")
    first, second = (
        from_twosamplemr(
            pl.read_csv(folder / "mr" / "data" / f"{case}_{side}.csv", infer_schema=False),
            side=side,
        )
        for side in sides
    )
    return first, second


@pytest.mark.parametrize("action", [1, 2, 3])
@pytest.mark.parametrize("case", CASES)
def test_rows_equal_twosamplemr(reference: Path, case: str, action: Action) -> None:
    entries = [e for e in read_expected(reference, case) if e["args"]["action"] == action]
    result = entries[0]["result"]
    columns = {
        name: [values] if not isinstance(values, list) else values
        for name, values in result["columns"].items()
    }
    expected = pl.DataFrame(columns, infer_schema_length=None).sort("SNP", "beta.outcome")
    exposure, outcome = read_pair(reference, case)
    table = harmonise_table(exposure, outcome, action=action)
    found = to_twosamplemr(table).sort("SNP", "beta.outcome")
    assert found.height == result["n"]
    assert int(found["mr_keep"].sum()) == result["n_keep"]
    assert found["SNP"].to_list() == expected["SNP"].to_list()
    for name in COMPARED:
        ours, theirs = found[name], expected[name]
        if ours.dtype == pl.Float64:
            np.testing.assert_allclose(
                ours.to_numpy(), theirs.cast(pl.Float64).to_numpy(), rtol=1e-12, err_msg=name
            )
        else:
            assert ours.to_list() == theirs.to_list(), name


@pytest.mark.parametrize(
    ("case", "name"),
    [("harm_telcardio", "tsmr_telomere_cardiogram"), ("harm_bmimdd", "mrmix_bmi_mdd")],
)
def test_published_harmonised_sets_are_reproduced(reference: Path, case: str, name: str) -> None:
    exposure, outcome = read_pair(reference, case)
    found = to_twosamplemr(harmonise_table(exposure, outcome))
    path = reference / "mr" / "data" / f"{name}.csv"
    published = pl.read_csv(path, null_values=["", "NA"], infer_schema_length=None).sort("SNP")
    assert found["SNP"].to_list() == published["SNP"].to_list()
    for column in ("beta_exposure", "beta_outcome", "eaf_outcome"):
        ours = found[column.replace("_", ".")].to_numpy()
        np.testing.assert_allclose(ours, published[column].to_numpy(), rtol=1e-12)
    kept = published["mr_keep"].cast(pl.String).str.to_lowercase() == "true"
    assert found["mr_keep"].to_list() == kept.to_list()


def test_every_row_has_a_reason_that_tells_whether_it_is_kept(reference: Path) -> None:
    for case in CASES:
        exposure, outcome = read_pair(reference, case)
        for action in (1, 2, 3):
            table = harmonise_table(exposure, outcome, action=action)
            per_reason = table.group_by("reason").agg(pl.col("mr_keep").n_unique())
            assert (per_reason["mr_keep"] == 1).all()
            assert not (table["remove"] & table["mr_keep"]).any()


@pytest.mark.parametrize(
    ("alleles", "eaf", "beta", "reason"),
    [
        (("A", "G"), 0.3, 0.05, "alleles_agree"),
        (("a", "g"), 0.3, 0.05, "alleles_agree"),
        (("G", "A"), 0.7, -0.05, "exchanged"),
        (("T", "C"), 0.3, 0.05, "strand_changed"),
        (("C", "T"), 0.7, -0.05, "strand_changed_and_exchanged"),
    ],
)
def test_all_ways_to_write_a_variant_give_the_same_effect(
    alleles: tuple[str, str], eaf: float, beta: float, reason: str
) -> None:
    first, other = alleles
    row = harmonise_one(
        {}, {"effect_allele": first, "other_allele": other, "eaf": eaf, "beta": beta}
    )
    assert row["beta_outcome"] == pytest.approx(0.05)
    assert row["eaf_outcome"] == pytest.approx(0.3)
    assert (row["reason"], row["mr_keep"]) == (reason, True)


@pytest.mark.parametrize(
    ("eaf", "reason"),
    [
        (0.42, "palindromic_by_frequency"),
        (0.4200001, "palindromic_ambiguous"),
        (0.5799999, "palindromic_ambiguous"),
        (0.58, "palindromic_by_frequency"),
        (0.59, "palindromic_turned_by_frequency"),
        (None, "palindromic_ambiguous"),
    ],
)
def test_the_band_of_palindromic_frequencies_is_open(eaf: float | None, reason: str) -> None:
    pair = {"effect_allele": "A", "other_allele": "T"}
    row = harmonise_one({**pair, "eaf": 0.2}, {**pair, "eaf": eaf})
    assert row["reason"] == reason


def test_actions_differ_in_palindromic_variants_alone() -> None:
    pair = {"effect_allele": "C", "other_allele": "G"}
    exposure, outcome = {**pair, "eaf": 0.2}, {**pair, "eaf": 0.8, "beta": 0.05}
    found = [harmonise_one(exposure, outcome, action=action) for action in (1, 2, 3)]
    assert [row["beta_outcome"] for row in found] == [0.05, -0.05, 0.05]
    assert [row["mr_keep"] for row in found] == [True, True, False]
    assert [row["reason"] for row in found] == [
        "palindromic_taken_as_forward",
        "palindromic_turned_by_frequency",
        "palindromic",
    ]


def test_one_allele_that_fits_neither_is_dropped_in_every_action() -> None:
    for action in (1, 2, 3):
        row = harmonise_one(
            {"effect_allele": "AT", "other_allele": "A"},
            {"effect_allele": "GGG", "other_allele": None},
            action=action,
        )
        assert (row["remove"], row["reason"]) == (True, "incompatible_alleles")


def test_insertions_are_read_by_the_lengths_of_the_other_study() -> None:
    spelt = {"effect_allele": "ATTG", "other_allele": "A"}
    for first, second, beta in (("I", "D", 0.05), ("D", "I", -0.05)):
        coded = {"effect_allele": first, "other_allele": second, "beta": beta}
        coded["eaf"] = 0.3 if first == "I" else 0.7
        row = harmonise_one(spelt, coded)
        assert row["beta_outcome"] == pytest.approx(0.05)
        assert row["effect_allele_outcome"] == "ATTG"


def test_absent_variants_and_numbers_are_rows_with_a_reason() -> None:
    exposure = make_study(
        variant_id=["rs1", "rs2", "rs3", "rs4"],
        effect_allele=["A", "A", "A", None],
        other_allele=["G"] * 4,
        eaf=[0.3] * 4,
        beta=[0.1] * 4,
        se=[0.01] * 4,
    )
    outcome = make_study(
        variant_id=["rs1", "rs2", "rs4"],
        effect_allele=["A"] * 3,
        other_allele=["G"] * 3,
        eaf=[0.3] * 3,
        beta=[None, 0.1, 0.1],
        se=[0.01, 0.0, 0.1],
    )
    table = harmonise_table(exposure, outcome)
    assert dict(table.select("variant_id", "reason").iter_rows()) == {
        "rs1": "no_beta_or_se",
        "rs2": "no_beta_or_se",
        "rs3": "absent_from_outcome",
        "rs4": "no_effect_allele",
    }
    assert not table["mr_keep"].any()


def test_results_do_not_depend_on_the_order_of_rows(reference: Path) -> None:
    for case in CASES:
        exposure, outcome = read_pair(reference, case)
        table = harmonise_table(exposure, outcome)
        again = harmonise_table(
            exposure.sample(fraction=1.0, shuffle=True, seed=1),
            outcome.sample(fraction=1.0, shuffle=True, seed=2),
        )
        assert table.equals(again)


def test_simulated_studies_written_in_any_way_agree_with_the_truth() -> None:
    rng = np.random.default_rng(5)
    m = 400
    pairs = np.array([("A", "G"), ("C", "T"), ("A", "C"), ("G", "T"), ("A", "T"), ("C", "G")])
    first, second = pairs[rng.integers(0, 6, m)].T
    eaf, beta = rng.uniform(0.05, 0.35, m), rng.standard_normal(m)
    base = pl.DataFrame(
        {"variant_id": [f"rs{i:04}" for i in range(m)], "effect_allele": first,
         "other_allele": second, "eaf": eaf, "beta": beta, "se": 0.1}
    )  # fmt: skip
    strand, exchange = rng.random(m) < 0.5, rng.random(m) < 0.5
    other = {"A": "T", "T": "A", "C": "G", "G": "C"}
    one = np.where(strand, [other[a] for a in first], first)
    two = np.where(strand, [other[a] for a in second], second)
    written = base.with_columns(
        effect_allele=pl.Series(np.where(exchange, two, one)),
        other_allele=pl.Series(np.where(exchange, one, two)),
        eaf=pl.Series(np.where(exchange, 1 - eaf, eaf)),
        beta=pl.Series(np.where(exchange, -beta, beta)),
    )
    table = harmonise_table(base, written)
    assert table["mr_keep"].all()
    np.testing.assert_allclose(table["beta_outcome"], beta, rtol=1e-12)
    np.testing.assert_allclose(table["eaf_outcome"], eaf, rtol=1e-9)


def test_each_exposure_and_outcome_is_an_analysis_of_its_own() -> None:
    exposure = pl.concat(
        [
            make_study(trait="X2", n=100),
            make_study(trait="X1", n=50),
            make_study(variant_id="rs9", trait="X1", n=70),
        ]
    )
    outcome = pl.concat([make_study(trait="Y", n=10), make_study(variant_id="rs9", trait="Z", n=9)])
    analyses = to_harmonised(harmonise_table(exposure, outcome))
    assert [(one.exposures[0], one.outcome, one.m) for one in analyses] == [
        ("X1", "Y", 1), ("X1", "Z", 1), ("X2", "Y", 1), ("X2", "Z", 0),
    ]  # fmt: skip
    first = analyses[0]
    assert first.n_x is not None
    assert (float(first.n_x[0]), first.n_y) == (50.0, 10.0)
    assert first.dropped.rows() == [("rs9", "absent_from_outcome")]


def test_without_shared_variants_every_variant_is_dropped_with_the_reason() -> None:
    table = harmonise_table(make_study(), make_study(variant_id="rs2"))
    assert table["reason"].to_list() == ["absent_from_outcome"]
    analysis = to_harmonised(table)[0]
    assert (analysis.m, analysis.dropped.height) == (0, 1)
    assert harmonise_table(make_study().clear(), make_study()).height == 0


def test_exchanged_allele_columns_are_named_by_the_frequencies(reference: Path) -> None:
    exposure, outcome = read_pair(reference, "harm_bmi_chd")
    straight = check_frequencies(harmonise_table(exposure, outcome))[0]
    assert not straight.swapped
    exchanged = outcome.rename({"effect_allele": "other_allele", "other_allele": "effect_allele"})
    found = check_frequencies(harmonise_table(exposure, exchanged))[0]
    assert found.swapped
    assert found.message is not None
    assert "effect_allele and other_allele are likely exchanged" in found.message


def test_a_frequency_far_from_the_other_is_flagged() -> None:
    table = harmonise_table(make_study(), make_study(eaf=0.51))
    assert table["eaf_differs"].to_list() == [True]
    assert not harmonise_table(make_study(), make_study(eaf=0.49))["eaf_differs"][0]


def test_columns_of_twosamplemr_are_read_and_p_of_zero_is_computed_anew() -> None:
    frame = pl.DataFrame(
        {"SNP": ["rs1"], "effect_allele.exposure": ["A"], "other_allele.exposure": ["G"],
         "beta.exposure": [1.0], "se.exposure": [0.02], "pval.exposure": [0.0],
         "eaf.exposure": ["NR"], "exposure": ["X"]}
    )  # fmt: skip
    row = from_twosamplemr(frame, side="exposure").row(0, named=True)
    assert row["neg_log10_p"] == pytest.approx(544.6653058663, rel=1e-10)
    assert (row["eaf"], row["trait"]) == (None, "X")


def test_faults_are_named() -> None:
    study = make_study()
    with pytest.raises(ColumnError, match=r"exposure: no column 'effect_allele' \(did you mean"):
        harmonise_table(study.rename({"effect_allele": "effect_alele"}), study)
    with pytest.raises(ColumnError, match="outcome: column 'beta' holds String"):
        harmonise_table(study, study.with_columns(beta=pl.lit("x")))
    with pytest.raises(UsageError, match="no action 4"):
        harmonise_table(study, study, action=4)  # type: ignore[arg-type] # a caller without types
    with pytest.raises(NothingToDo):
        to_harmonised(harmonise_table(study, study).clear())


def test_a_word_that_stands_for_no_name_joins_nothing() -> None:
    study = pl.DataFrame(
        {"variant_id": [".", "-", "rs1"], "effect_allele": "A", "other_allele": "G", "beta": 0.1,
         "se": 0.01}
    )  # fmt: skip
    assert harmonise_table(study, study)["variant_id"].to_list() == ["rs1"]


def test_rs_numbers_come_from_either_study_or_from_the_name() -> None:
    names = ["10:64887856:C:T:imp:v1", "rs3_A_G", "1:5:A:G", "rs8"]
    x = pl.DataFrame(
        {"variant_id": names, "effect_allele": ["C", "A", "A", "A"], "beta": 0.1, "se": 0.01,
         "other_allele": ["T", "G", "G", "G"], "rsid": ["rs10822143", None, None, None]}
    )  # fmt: skip
    y = x[:3].with_columns(rsid=pl.Series([None, None, "rs5"]))
    table = harmonise_table(x, y)
    told = dict(table.select("variant_id", "rsid").iter_rows())
    assert told == dict(zip(names, ["rs10822143", "rs3", "rs5", "rs8"], strict=True))
    pair = to_harmonised(table)
    for tabulated in (split_variants(pair), leave_one_out(pair)):
        rows = tabulated.filter(pl.col("variant_id") != "all")
        assert rows["rsid"].to_list() == [told[name] for name in rows["variant_id"]]
        assert tabulated.filter(variant_id="all")["rsid"].null_count() > 0
    assert to_twosamplemr(table)["rsid"].to_list() == ["rs10822143", "rs5", "rs3"]


@pytest.mark.parametrize("together", [1, 50, 10_000])
def test_what_outcomes_show_of_their_build_does_not_depend_on_those_beside_them(
    together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(3)
    names = [f"1:{1000 * i}:A:G" for i in range(1, 21)]

    def place(trait: str, moved: int, kept: int) -> pl.DataFrame:
        shift = np.where(np.arange(20) < moved, 7, 0)
        frame = pl.DataFrame(
            {
                "variant_id": names,
                "effect_allele": "A",
                "other_allele": "G",
                "beta": 0.1,
                "se": 0.01,
                "trait": trait,
                "chromosome": "chr1",
                "position_bp": 1000 * np.arange(1, 21) + shift,
            }
        )
        return frame.head(kept)

    exposures = pl.concat([place(f"x{k}", 0, 20) for k in range(2)])
    counts = [(int(random.integers(0, 21)), int(random.integers(1, 21))) for _ in range(30)]
    counts[0] = (0, 1)  # too few to tell
    parts = {f"y{k:02}": place(f"y{k:02}", *count) for k, count in enumerate(counts)}
    alone = [describe_outcomes(exposures, part).row(0) for part in parts.values()]
    monkeypatch.setattr(harmonise, "_ROWS_TOGETHER", together)
    mixed = pl.concat(parts.values()).sample(fraction=1.0, shuffle=True, seed=1)
    assert describe_outcomes(exposures, mixed).rows() == alone
    assert {shown for _, shown in alone} == {True, False, None}
