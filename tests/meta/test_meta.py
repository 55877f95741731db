"""Tables of studies pooled: what is matched, refused, left out and told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.meta import DoseOptions
from proteomr.runs import Results


def effects(estimates: dict[str, float], *, se: float = 0.1, **more: Any) -> pl.DataFrame:
    return pl.DataFrame(
        {"protein": list(estimates), "estimate": list(estimates.values())}
    ).with_columns(
        pl.lit(se).alias("se"), *(pl.lit(value).alias(name) for name, value in more.items())
    )


def notes_of(results: Results) -> str:
    return " | ".join(results.notes)


ONE, TWO, THREE = (effects({"A": a, "B": b}) for a, b in ((0.1, 0.5), (0.3, 0.4), (0.2, 0.9)))


def test_proteins_are_matched_by_name_whatever_the_order_of_rows() -> None:
    table = proteomr.meta(ONE, TWO.reverse(), THREE, tau2="FE").table()
    assert table["protein"].to_list() == ["A", "B"]
    assert table["estimate"].to_list() == pytest.approx([0.2, 0.6])
    assert table.equals(proteomr.meta(ONE.reverse(), TWO, THREE.reverse(), tau2="FE").table())


def test_a_protein_of_one_study_keeps_its_estimate_and_says_so() -> None:
    more = pl.concat([ONE, effects({"C": 0.7})])
    row = proteomr.meta(more, TWO, hartung="plain").table().row(-1, named=True)
    assert (row["protein"], row["k"], row["tau2"], row["i2"], row["q"]) == ("C", 1, 0.0, 0.0, 0.0)
    assert row["estimate"] == pytest.approx(0.7, rel=1e-15)
    assert row["message"] == "one study: its own estimate"
    assert (row["df"], row["pi_low"], row["status"]) == (None, None, "ok")


@pytest.mark.parametrize("se", [0.0, -1.0, None, float("nan"), float("inf")])
def test_an_error_that_weighs_nothing_or_all_is_left_out_and_counted(se: float | None) -> None:
    odd = TWO.with_columns(pl.when(pl.col("protein") == "A").then(se).otherwise("se").alias("se"))
    results = proteomr.meta(ONE, odd)
    assert results.table()["k"].to_list() == [1, 2]
    if se is not None and se <= 0:
        assert "standard error of 0 or less" in notes_of(results)


def test_estimates_that_are_no_numbers_are_left_out() -> None:
    odd = TWO.with_columns(pl.lit(float("nan")).alias("estimate"))
    assert proteomr.meta(ONE, odd).table()["k"].to_list() == [1, 1]
    with pytest.raises(InputError, match="no row has an estimate"):
        proteomr.meta(odd)


def test_tables_without_a_common_protein_are_refused() -> None:
    with pytest.raises(InputError, match="no protein in common: study1 has A; study2 has P01375"):
        proteomr.meta(ONE, effects({"P01375": 0.1}))


def test_people_are_added_where_every_study_tells_them() -> None:
    table = proteomr.meta(ONE.with_columns(n=pl.Series([10, None])), TWO.with_columns(n=20)).table()
    assert table["n"].to_list() == [30, None]


def test_a_table_given_twice_is_refused(tmp_path: Path) -> None:
    ONE.write_csv(tmp_path / "one.csv")
    with pytest.raises(UsageError, match="given twice"):
        proteomr.meta(tmp_path / "one.csv", tmp_path / "one.csv")


def test_two_tables_with_the_same_numbers_are_told_of() -> None:
    assert "study1 and study2 have the same estimate and error in 2 rows" in notes_of(
        proteomr.meta(ONE, ONE)
    )


def test_two_reviews_with_the_same_study_are_refused_or_merged() -> None:
    first = pl.concat([ONE.with_columns(trial=pl.lit("X")), TWO.with_columns(trial=pl.lit("Y"))])
    other = pl.concat([TWO.with_columns(trial=pl.lit("Y")), THREE.with_columns(trial=pl.lit("Z"))])
    with pytest.raises(InputError, match=r"study Y.* stands twice with the same numbers"):
        proteomr.meta(first, other, study="trial")
    table = proteomr.meta(first, other, study="trial", duplicates="drop", tau2="FE").table()
    assert table["k"].to_list() == [3, 3]


def test_a_study_with_two_numbers_needs_clusters_or_keys() -> None:
    twice = pl.concat([ONE, TWO, THREE]).with_columns(
        trial=pl.Series(["X", "X", "X", "X", "Y", "Y"])
    )
    with pytest.raises(InputError, match="stands twice with different numbers"):
        proteomr.meta(twice, study="trial")
    assert proteomr.meta(twice, study="trial", cluster="trial").table()["k"].to_list() == [3, 3]


def test_one_biobank_under_two_names_is_told_of(tmp_path: Path) -> None:
    for name, frame in (("ukb_ppp", ONE), ("UK-Biobank-2", TWO), ("aric", THREE)):
        frame.write_csv(tmp_path / f"{name}.csv")
    results = proteomr.meta(*sorted(tmp_path.glob("*.csv")))
    assert "UK-Biobank-2, ukb_ppp go by the name of UK Biobank" in notes_of(results)


def test_people_who_are_in_two_studies_widen_the_error() -> None:
    shared = pl.DataFrame({"study1": ["study1"], "study2": ["study2"], "correlation": [0.5]})
    row = proteomr.meta(ONE, TWO, tau2="FE", overlap=shared).table().row(0, named=True)
    assert row["se"] == pytest.approx((0.01 * 1.5 / 2) ** 0.5)
    counts = pl.DataFrame(
        {"study1": ["study1"], "study2": ["study2"], "shared": [50], "n1": [100], "n2": [100]}
    )
    same = proteomr.meta(ONE, TWO, tau2="FE", overlap=counts).table().row(0, named=True)
    assert same["se"] == pytest.approx(row["se"])


def test_correlations_that_cannot_be_are_refused() -> None:
    pairs = {"study1": ["study1", "study1", "study2"], "study2": ["study2", "study3", "study3"]}
    with pytest.raises(InputError, match="contradict one another"):
        proteomr.meta(
            ONE, TWO, THREE, overlap=pl.DataFrame({**pairs, "correlation": [0.9, 0.9, -0.9]})
        )
    with pytest.raises(InputError, match=r"line 2: a correlation of 1.2"):
        proteomr.meta(
            ONE,
            TWO,
            overlap=pl.DataFrame(
                {"study1": ["study1"], "study2": ["study2"], "correlation": [1.2]}
            ),
        )
    with pytest.raises(InputError, match=r"'ukb'.* is none of study1, study2"):
        proteomr.meta(
            ONE,
            TWO,
            overlap=pl.DataFrame({"study1": ["ukb"], "study2": ["study2"], "correlation": [0.1]}),
        )


def test_a_pair_with_two_correlations_is_refused_and_one_told_twice_is_not() -> None:
    pair = {"study1": ["study1", "study2"], "study2": ["study2", "study1"]}
    with pytest.raises(InputError, match=r"study2 and study1 have two correlations, 0.5 and 0.2"):
        proteomr.meta(ONE, TWO, overlap=pl.DataFrame({**pair, "correlation": [0.5, 0.2]}))
    twice = proteomr.meta(ONE, TWO, overlap=pl.DataFrame({**pair, "correlation": [0.5, 0.5]}))
    once = {"study1": ["study1"], "study2": ["study2"], "correlation": [0.5]}
    assert twice.table().equals(proteomr.meta(ONE, TWO, overlap=pl.DataFrame(once)).table())


def test_pairs_of_studies_that_are_not_there_are_told_of() -> None:
    pairs = {"study1": ["study1", "study1"], "study2": ["study2", "stduy3"]}
    overlap = pl.DataFrame({**pairs, "correlation": [0.5, 0.5]})
    notes = notes_of(proteomr.meta(ONE, TWO, THREE, overlap=overlap))
    assert "'stduy3' (did you mean 'study3'" in notes
    assert "is no study of the tables; pairs of it are left out" in notes


def test_ratios_of_several_kinds_are_told_of_and_converted() -> None:
    odds, risk = (
        effects({"A": np.log(2.0)}, measure="OR"),
        effects({"A": np.log(1.5)}, measure="RR"),
    )
    assert "several kinds are pooled: OR, RR" in notes_of(proteomr.meta(odds, risk))
    table = proteomr.meta(odds, risk, tau2="FE", to="RR", baseline_risk=0.2).table()
    first, second = (np.log(2 / 1.2), 0.1 * 0.8 / 1.2), (np.log(1.5), 0.1)
    w = np.array([first[1], second[1]]) ** -2
    assert table["estimate"][0] == pytest.approx((w @ [first[0], second[0]]) / w.sum())
    assert table["measure"][0] == "RR"


def test_what_cannot_be_converted_is_refused() -> None:
    with pytest.raises(UsageError, match="do not say what their estimate is"):
        proteomr.meta(ONE, TWO, to="RR", baseline_risk=0.2)
    with pytest.raises(UsageError, match="needs both"):
        proteomr.meta(ONE, TWO, to="RR")
    slopes = ONE.with_columns(family=pl.lit("linear"))
    with pytest.raises(UsageError, match="no ratio to convert"):
        proteomr.meta(slopes, TWO.with_columns(family=pl.lit("linear")), to="RR", baseline_risk=0.2)


def test_a_factor_among_the_moderators_has_a_row_for_each_level() -> None:
    g = np.random.default_rng(1)
    n = 30
    frame = pl.DataFrame(
        {
            "study": [f"s{i:02d}" for i in range(n)],
            "year": g.integers(1990, 2020, n),
            "kind": ["a", "b", "c"] * 10,
        }
    ).with_columns(
        estimate=0.02 * (pl.col("year") - 2000)
        + 0.5 * (pl.col("kind") == "b")
        + pl.Series(g.normal(0, 0.05, n)),
        se=pl.lit(0.05),
    )
    results = proteomr.meta(frame, study="study", moderators=["year", "kind"])
    table = results.table("meta_moderators")
    assert table["moderator"].to_list() == ["(Intercept)", "year", "kind[b]", "kind[c]"]
    assert table["estimate"][1] == pytest.approx(0.02, abs=0.005)
    assert table["estimate"][2] == pytest.approx(0.5, abs=0.1)
    assert table["qm_df"].to_list() == [3] * 4
    product = proteomr.meta(frame, study="study", moderators=["year:kind", "year", "kind"])
    assert product.table("meta_moderators").height == 6


def test_rows_without_a_moderator_leave_its_model_alone() -> None:
    frame = pl.concat([ONE, TWO, THREE, effects({"A": 0.0, "B": 0.1})]).with_columns(
        study=pl.Series(["a", "a", "b", "b", "c", "c", "d", "d"]),
        year=pl.Series([1, 1, 2, 2, 4, 4, None, None]),
    )
    results = proteomr.meta(frame, study="study", moderators="year")
    assert results.table()["k"].to_list() == [4, 4]
    assert results.table("meta_moderators")["k"].unique().to_list() == [3]
    assert "2 rows have no year" in notes_of(results)


def test_a_moderator_that_no_table_has_is_refused() -> None:
    with pytest.raises(UsageError, match="yeer"):
        proteomr.meta(ONE, TWO, moderators="yeer")


@pytest.mark.parametrize("dependence", ["robust", "three-level"])
def test_few_clusters_are_a_status_and_the_rest_is_pooled(dependence: Any) -> None:
    frame = pl.concat([ONE, TWO, THREE]).with_columns(
        site=pl.Series(["x", "x", "x", "x", "x", "y"]),
        row=pl.Series(["1", "1", "2", "2", "3", "3"]),
    )
    table = proteomr.meta(frame, study="row", cluster="site", dependence=dependence).table()
    assert table["status"].to_list() == ["too_few", "ok"]
    assert table["clusters"].to_list() == [1, 2]
    assert table["estimate"].null_count() == 1


def test_a_request_that_contradicts_itself_is_refused() -> None:
    for asked in (
        {"dependence": "three-level"},
        {"cluster": "x", "dependence": "three-level", "tau2": "DL"},
        {"cluster": "x", "overlap": pl.DataFrame({"study1": ["a"], "study2": ["b"]})},
        {"by": ("protein", "protein")},
        {"level": 0.2},
        {"tau2": "DSL"},
    ):
        with pytest.raises(UsageError):
            proteomr.meta(ONE, TWO, **asked)


def test_columns_that_lack_are_named() -> None:
    with pytest.raises(ColumnError, match="no column 'se'"):
        proteomr.meta(ONE.drop("se"), TWO)
    with pytest.raises(ColumnError, match=r"no column 'proteins'.*did you mean 'protein'"):
        proteomr.meta(ONE, TWO, by="proteins")
    with pytest.raises(ColumnError, match="no column 'exposure', which others have"):
        proteomr.meta(ONE.with_columns(exposure=pl.lit("iso")), TWO)


def test_a_key_named_as_a_result_is_refused() -> None:
    with pytest.raises(UsageError, match="'k' is a column of the results"):
        proteomr.meta(ONE.with_columns(k=pl.lit("a")), TWO.with_columns(k=pl.lit("a")), by="k")


DOSES = pl.DataFrame(
    {
        "study": ["A"] * 4 + ["B"] * 3 + ["C"] * 2,
        "dose": [0.0, 2, 6, 11, 0, 5, 10, 0, 8],
        "cases": [165, 74, 90, 122, 100, 120, 90, 40, 45],
        "n": [337, 167, 186, 212, 300, 320, 200, 100, 90],
        "estimate": [0.0, -0.22, 0.15, 0.45, 0.0, 0.2, 0.45, 0.0, 0.1],
        "se": [None, 0.23, 0.23, 0.23, 0.0, 0.17, 0.19, None, 0.3],
        "design": ["cc"] * 9,
    }
)


def test_doses_give_slopes_that_are_pooled_as_any_effects() -> None:
    results = proteomr.meta(DOSES, study="study", dose=DoseOptions())
    assert results.table()["k"][0] == 3
    line = results.table("meta_dose").row(0, named=True)
    assert line["estimate"] == pytest.approx(results.table()["estimate"][0])
    curve = results.table("meta_dose_curve")
    assert curve["estimate"].to_list() == pytest.approx(
        (curve["dose"] * line["estimate"]).to_list()
    )


def test_one_stage_takes_in_studies_that_have_too_few_doses_for_a_curve() -> None:
    two = proteomr.meta(DOSES, study="study", dose=DoseOptions("spline"))
    one = proteomr.meta(DOSES, study="study", dose=DoseOptions("spline", stages="one"))
    assert (two.table("meta_dose")["k"][0], one.table("meta_dose")["k"][0]) == (2, 3)
    assert "C: fewer doses than the curve" in notes_of(two)
    assert one.table("meta_dose")["coefficient"].to_list() == ["dose", "dose'", "nonlinear"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (pl.col("se").fill_null(0.1), "study A: 0 references"),
        (pl.lit(0.0).alias("se"), "study A"),
        (pl.lit("xx").alias("design"), "holds 'xx'"),
        (pl.col("estimate").fill_null(0.0) * float("nan"), "study A"),
    ],
)
def test_doses_that_cannot_be_pooled_are_refused_by_name(change: pl.Expr, words: str) -> None:
    with pytest.raises((InputError, ColumnError), match=words):
        proteomr.meta(DOSES.with_columns(change), study="study", dose=DoseOptions())


def test_a_study_without_counts_is_left_out_and_told_of() -> None:
    bare = DOSES.with_columns(
        pl.when(pl.col("study") == "B").then(None).otherwise("cases").alias("cases")
    )
    results = proteomr.meta(bare, study="study", dose=DoseOptions())
    assert results.table()["k"][0] == 2
    assert "study B is left out" in notes_of(results)
    free = proteomr.meta(bare, study="study", dose=DoseOptions(covariance="independent"))
    assert free.table()["k"][0] == 3


def test_the_estimator_of_a_spline_is_a_likelihood() -> None:
    with pytest.raises(UsageError, match="--tau2 DL is for lines of two stages"):
        proteomr.meta(DOSES, study="study", tau2="DL", dose=DoseOptions("spline"))


def test_thousands_of_proteins_are_pooled_at_once() -> None:
    g = np.random.default_rng(2)
    names = [f"P{i:04d}" for i in range(3000)]
    tables = [
        pl.DataFrame(
            {
                "protein": names,
                "estimate": 0.1 + g.normal(0, 0.1, 3000),
                "se": g.uniform(0.05, 0.2, 3000),
            }
        )
        for _ in range(5)
    ]
    table = proteomr.meta(*tables, pooled_only=True).table()
    assert (table.height, table["status"].unique().to_list()) == (3000, ["ok"])
    covered = ((table["conf_low"] < 0.1) & (table["conf_high"] > 0.1)).sum()
    assert 0.90 < covered / 3000 < 0.97


def test_a_protein_that_no_study_can_tell_of_is_a_row_with_its_status() -> None:
    lost = effects({"C": 0.4}, se=0.0)
    results = proteomr.meta(pl.concat([ONE, lost]), TWO)
    table = results.table()
    assert table.select("protein", "k", "status").rows() == [
        ("A", 2, "ok"),
        ("B", 2, "ok"),
        ("C", 0, "all_missing"),
    ]
    alone = proteomr.meta(ONE, TWO).table()
    assert table.filter(pl.col("k") > 0)["q_bh"].equals(alone["q_bh"])
