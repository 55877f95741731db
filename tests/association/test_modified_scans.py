"""What a scan with interactions, weights or clusters refuses, leaves out, counts and reports."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import plan_scan, scan_cohort, summarise
from proteomr.errors import ColumnError, FormulaError, ProteomrError, UsageError
from proteomr.models import find_family
from proteomr.tables import Associations
from tests.association.modified_cohorts import (
    CLUSTERED_FAMILIES,
    FAMILIES,
    PROTEINS,
    N,
    make_cohort,
    make_samples,
    make_values,
    spec_of,
)


def rows_of(frame: pl.DataFrame, protein: str) -> list[dict[str, Any]]:
    return frame.filter(pl.col("protein") == protein).to_dicts()


MISSING = [
    ({"weights": "weight"}, "weight", "associate"),
    ({"errors": "CR1", "cluster": "family"}, "family", "associate"),
    ({"interaction": "sex"}, "sex", "associate, one"),
]


@pytest.mark.parametrize(("options", "name", "step"), MISSING)
@pytest.mark.parametrize("family", CLUSTERED_FAMILIES)
def test_people_without_a_modifier_are_left_out_and_counted(
    family: Any, options: dict[str, Any], name: str, step: str
) -> None:
    if "interaction" in options and not find_family(family).supports.interaction:
        with pytest.raises(UsageError, match="interaction"):
            spec_of(family, **options)
        return
    samples, lost = make_samples(), pl.Series(np.arange(N) % 13 == 5)
    values = make_values(samples)
    column = samples[name].set(lost, None)
    cohort = make_cohort(samples.with_columns(column), values)
    spec = spec_of(family, **options)
    drops = {(d.step, d.reason): d.n for d in plan_scan(cohort, spec).drops}
    assert drops == {(step, f"{name} missing"): int(lost.sum())}
    kept = np.flatnonzero(~lost.to_numpy())
    found = scan_cohort(cohort, spec).frame
    wanted = scan_cohort(make_cohort(samples[kept], values[kept]), spec).frame
    assert found["n"].to_list() == wanted["n"].to_list()
    np.testing.assert_allclose(found["se"], wanted["se"], rtol=1e-9)


@pytest.mark.parametrize("wrong", [-1.0, np.inf, -np.inf])
def test_weights_below_zero_or_infinite_are_refused_with_their_count(wrong: float) -> None:
    samples = make_samples()
    weight = samples["weight"].set(pl.Series(np.arange(N) < 4), wrong)
    cohort = make_cohort(samples.with_columns(weight), make_values(samples))
    with pytest.raises(ColumnError, match="'weight' are below 0 or infinite for 4 people"):
        scan_cohort(cohort, spec_of("linear", weights="weight"))


@pytest.mark.parametrize("nothing", [0.0, None, np.nan])
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_weights_of_nobody_are_refused_as_such(family: str, nothing: float | None) -> None:
    samples = make_samples()
    weight = samples["weight"].set(pl.Series(np.arange(N) < N), nothing)
    cohort = make_cohort(samples.with_columns(weight), make_values(samples))
    with pytest.raises(ColumnError, match="'weight' are 0 or empty for all people"):
        scan_cohort(cohort, spec_of(family, weights="weight"))


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_people_of_weight_zero_are_left_out_and_counted(family: str) -> None:
    samples = make_samples()
    values = make_values(samples)
    zero = np.arange(N) % 7 == 3
    cohort = make_cohort(samples.with_columns(samples["weight"].set(pl.Series(zero), 0.0)), values)
    spec = spec_of(family, weights="weight")
    drops = {(d.step, d.reason): d.n for d in plan_scan(cohort, spec).drops}
    assert drops == {("associate", "weight 0"): int(zero.sum())}
    kept = np.flatnonzero(~zero)
    found = scan_cohort(cohort, spec).frame
    wanted = scan_cohort(make_cohort(samples[kept], values[kept]), spec).frame
    assert found["n"].to_list() == wanted["n"].to_list()
    np.testing.assert_allclose(found["estimate"], wanted["estimate"], rtol=1e-9)
    np.testing.assert_allclose(found["se"], wanted["se"], rtol=1e-9)


def test_weights_that_are_text_are_refused() -> None:
    with pytest.raises(ColumnError, match="'site' are String, and must be numbers"):
        scan_cohort(make_cohort(), spec_of("linear", weights="site"))


def test_one_cluster_alone_is_refused() -> None:
    cohort = make_cohort(
        make_samples().with_columns(family=pl.lit("all")), make_values(make_samples())
    )
    with pytest.raises(ColumnError, match="clusters 'family': at least two are needed"):
        scan_cohort(cohort, spec_of("linear", errors="CR1", cluster="family"))


@pytest.mark.parametrize("errors", ["CR0", "CR1"])
@pytest.mark.parametrize("family", CLUSTERED_FAMILIES)
def test_a_protein_seen_in_one_cluster_alone_has_no_error(family: str, errors: str) -> None:
    samples = make_samples()
    values = make_values(samples)
    values[samples["family"].to_numpy() != 3, 0] = np.nan
    spec = spec_of(family, errors=errors, cluster="family", adjust={"one": "1"})
    found = scan_cohort(make_cohort(samples, values), spec).frame
    assert found["status"].to_list() == ["too_few", "ok", "ok"]
    assert found["message"][0] == "one cluster on the rows of the fit"
    assert found["se"][0] is None


CONTRADICTIONS = [
    ("linear", {"errors": "CR2", "cluster": "family", "weights": "weight"}, "for equal weights"),
    ("linear", {"cluster": "family"}, "for standard errors CR0, CR1, CR2, and these are classical"),
    ("linear", {"cluster": "family", "errors": "HC1"}, "CR0, CR1, CR2, and these are HC1"),
    ("linear", {"errors": "CR1"}, "standard errors CR1 need a column of clusters"),
    ("logistic", {"errors": "HC0", "firth": True}, "neither robust errors nor weights"),
    ("logistic", {"weights": "weight", "firth": True}, "neither robust errors nor weights"),
    ("linear", {"errors": "HC9"}, "no kind of standard error 'HC9'"),
    ("linear", {"interaction": "iso"}, "'iso' is an exposure and the interaction"),
]


@pytest.mark.parametrize(("family", "options", "message"), CONTRADICTIONS)
def test_options_that_contradict_one_another_are_refused(
    family: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        spec_of(family, **options)


UNKNOWN = [
    ({"interaction": "sexx"}, FormulaError, "sex"),
    ({"weights": "wieght"}, ColumnError, "weight"),
    ({"errors": "CR1", "cluster": "famly"}, ColumnError, "family"),
]


@pytest.mark.parametrize(("options", "fault", "near"), UNKNOWN)
def test_an_unknown_column_names_the_nearest(
    options: dict[str, Any], fault: type[ProteomrError], near: str
) -> None:
    with pytest.raises(fault, match=f"did you mean '{near}'"):
        scan_cohort(make_cohort(), spec_of("linear", **options))


@pytest.mark.parametrize("text", ["sex + age", "sex:age", "1"])
def test_an_interaction_is_one_covariate(text: str) -> None:
    with pytest.raises(FormulaError, match="one covariate is needed"):
        scan_cohort(make_cohort(), spec_of("linear", interaction=text))


def test_an_interaction_with_one_value_is_refused() -> None:
    cohort = make_cohort(make_samples().with_columns(site=pl.lit("a")), make_values(make_samples()))
    with pytest.raises(ColumnError, match="the column has one value"):
        scan_cohort(cohort, spec_of("linear", interaction="site", adjust={"one": "age"}))


def wide_scan(family: Any, **more: Any) -> Associations:
    spec = spec_of(family, exposures=("iso", "lo"), adjust={"none": "1", "one": "age"}, **more)
    return scan_cohort(make_cohort(), spec)


@pytest.mark.parametrize("family", FAMILIES)
def test_there_is_one_row_for_each_protein_exposure_adjustment_and_term(family: Any) -> None:
    frame = wide_scan(family, interaction="C(edu)").frame
    assert frame.height == PROTEINS * 2 * 2 * 3
    key = ["protein", "exposure", "adjustment", "term", "contrast"]
    assert frame.select(key).is_unique().all()
    assert frame["status"].to_list() == ["ok"] * frame.height


@pytest.mark.parametrize(("test_family", "exposures"), [("joint", 2), ("exposure", 1)])
def test_interactions_are_corrected_as_a_family_of_their_own(
    test_family: Any, exposures: int
) -> None:
    frame = wide_scan("linear", interaction="C(edu)", test_family=test_family).frame
    product = frame["term"].str.contains(":").to_numpy()
    p = frame["p_value"].to_numpy()
    tests = np.where(product, PROTEINS * exposures * 2, PROTEINS * exposures)
    np.testing.assert_allclose(frame["p_bonferroni"], np.minimum(p * tests, 1.0), rtol=1e-9)


def test_the_summary_tells_main_effects_from_interactions() -> None:
    summary = summarise(wide_scan("linear", interaction="C(edu)"))
    assert summary.height == 2 * 2 * 3
    assert summary["effect"].unique().sort().to_list() == [None, "by edu 2 vs 1", "by edu 3 vs 1"]
    assert summary["proteins"].to_list() == [PROTEINS] * 12
    plain = summarise(wide_scan("logistic", interaction="sex"))
    assert plain["effect"].unique().sort().to_list() == [None, "by sex"]
    assert summarise(wide_scan("logistic"))["effect"].to_list() == [None] * 4


@pytest.mark.parametrize(
    "options", [{"errors": "HC0"}, {"weights": "weight"}, {"interaction": "sex"}]
)
def test_separation_by_covariates_alone_gives_the_limit(options: dict[str, Any]) -> None:
    samples = make_samples()
    apart = (samples["site"] == "c").to_numpy()
    iso = pl.Series(np.where(apart, 0.0, samples["iso"].to_numpy()))
    values = make_values(samples)
    samples = samples.with_columns(iso=iso)
    found = scan_cohort(make_cohort(samples, values), spec_of("logistic", **options)).frame
    left = np.flatnonzero(~apart)
    wanted = scan_cohort(
        make_cohort(samples[left], values[left]), spec_of("logistic", **options)
    ).frame
    assert found["status"].to_list() == wanted["status"].to_list() == ["ok"] * found.height
    np.testing.assert_allclose(found["estimate"], wanted["estimate"], rtol=1e-7)
    np.testing.assert_allclose(found["se"], wanted["se"], rtol=1e-7)
    counts = (~np.isnan(values))[apart].sum(axis=0).tolist()
    for i in range(PROTEINS):
        for row in rows_of(found, f"P{i}"):
            assert row["message"] == f"{counts[i]} people separated by covariates alone"


def test_a_product_that_has_no_finite_estimate_is_separated_and_the_others_are_the_limit() -> None:
    samples, values = make_samples(), make_values(make_samples())
    top = (samples["edu"] == 3).to_numpy()
    samples = samples.with_columns(iso=pl.Series(np.where(top, 0.0, samples["iso"].to_numpy())))
    spec = spec_of("logistic", interaction="C(edu)")
    found = scan_cohort(make_cohort(samples, values), spec).frame
    assert found["status"].to_list() == ["ok", "ok", "separated"] * PROTEINS
    left = np.flatnonzero(~top)
    wanted = scan_cohort(make_cohort(samples[left], values[left]), spec).frame
    ok = found.filter(pl.col("status") == "ok")
    np.testing.assert_allclose(ok["estimate"], wanted["estimate"], rtol=1e-7)
    assert found.filter(pl.col("status") != "ok")["estimate"].null_count() == PROTEINS


@pytest.mark.parametrize("family", FAMILIES)
def test_a_product_without_variation_is_collinear_and_the_main_effect_is_not(family: Any) -> None:
    samples, values = make_samples(), make_values(make_samples())
    values[samples["sex"].to_numpy() == 1, 0] = np.nan
    frame = scan_cohort(make_cohort(samples, values), spec_of(family, interaction="sex")).frame
    main, product = rows_of(frame, "P0")
    assert (main["status"], product["status"]) == ("ok", "collinear")
    assert product["estimate"] is None
    assert "linear combination" in product["message"]
    plain = scan_cohort(make_cohort(samples, values), spec_of(family)).frame.row(0, named=True)
    assert main["estimate"] == pytest.approx(plain["estimate"], rel=1e-8)
    assert main["se"] == pytest.approx(plain["se"], rel=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_proteins_that_cannot_be_fitted_have_their_reason_for_every_term(family: Any) -> None:
    samples, values = make_samples(), make_values(make_samples())
    values[:, 0] = np.nan
    values[:, 1] = 2.5
    values[samples["iso"].to_numpy() == 1, 2] = np.nan
    frame = scan_cohort(make_cohort(samples, values), spec_of(family, interaction="sex")).frame
    assert frame["status"].to_list() == ["all_missing"] * 2 + ["constant"] * 4
    assert frame["estimate"].null_count() == 6
