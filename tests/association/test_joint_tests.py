"""Joint tests: of the products of an interaction, and between strata."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm
from scipy import stats

from proteomr._typing import F64
from proteomr.association import (
    ModelSpec,
    associate,
    collect_joint_tests,
    plan_scan,
    scan_cohort,
)
from proteomr.execute import Serial
from proteomr.models import list_families
from proteomr.scan import fit_blocks
from tests.association.cohorts import make_cohort, make_samples, make_values, spec_of

N = 240
BY_HAND = ["linear", "logistic"]  # those that the oracle fits
ALL = [family.name for family in list_families() if family.supports.interaction]


def joint_of(spec: ModelSpec, samples: pl.DataFrame, values: F64) -> pl.DataFrame:
    """Return the tests that every family has, those of products and of strata."""
    plan = plan_scan(make_cohort(samples, values), spec, block_size=2)
    frame = collect_joint_tests(fit_blocks(plan, executor=Serial())).frame
    return frame.filter(pl.col("test").is_in(["interaction", "heterogeneity"]))


def fit_by_hand(family: str, samples: pl.DataFrame, p: F64, **more: Any) -> tuple[Any, int]:
    """Fit the model with products with site, which come first in the design."""
    rows = ~np.isnan(p)
    iso = samples["iso"].to_numpy()[rows]
    x, y = (iso, p[rows]) if family == "linear" else (p[rows], iso)
    site = [(samples["site"].to_numpy()[rows] == one).astype(float) for one in "123"]
    X = np.column_stack([*(x * one for one in site), x, *site, np.ones(y.size)])
    if family == "linear":
        return sm.OLS(y, X).fit(use_t=True, **more), 3
    return sm.Logit(y, X).fit(disp=0, method="newton", tol=1e-12, **more), 3


@pytest.mark.parametrize("errors", ["classical", "HC1"])
@pytest.mark.parametrize("family", BY_HAND)
def test_an_interaction_with_a_factor_is_tested_as_statsmodels_does(
    family: str, errors: Any
) -> None:
    samples, values = make_samples(N), make_values(N, 3)
    spec = ModelSpec(family, ("iso",), transform="none", interaction="C(site)", errors=errors)
    found = joint_of(spec, samples, values)
    assert set(found["test"]) == {"interaction"}
    more = {} if errors == "classical" else {"cov_type": errors}
    for i, row in enumerate(found.iter_rows(named=True)):
        theirs, q = fit_by_hand(family, samples, values[:, i], **more)
        restriction = np.eye(theirs.params.size)[:q]
        wanted = theirs.wald_test(restriction, scalar=True, use_f=family == "linear")
        factor = 1.0
        if family == "logistic" and errors == "HC1":  # statsmodels leaves the factor out of Logit
            n, p = int(theirs.nobs), theirs.params.size
            factor = (n - p) / n
        assert row["df"] == q
        assert row["statistic"] == pytest.approx(wanted.statistic * factor, rel=1e-7)
        if factor == 1.0:
            assert row["p_value"] == pytest.approx(float(wanted.pvalue), rel=1e-6)


@pytest.mark.parametrize("family", ALL)
def test_one_product_is_tested_as_its_own_row_is(family: str) -> None:
    samples, values = make_samples(N), make_values(N, 3)
    spec = spec_of(family, adjust={"none": "1"}, interaction="sex")
    found = joint_of(spec, samples, values)
    frame = scan_cohort(make_cohort(samples, values), spec).frame
    product = frame.filter(pl.col("term").str.contains(":"))
    assert found["exposure"].equals(product["exposure"])
    np.testing.assert_allclose(found["statistic"], product["statistic"] ** 2, rtol=1e-10)
    np.testing.assert_allclose(found["p_value"], product["p_value"], rtol=1e-9)


@pytest.mark.parametrize("family", ALL)
def test_a_product_without_variation_takes_no_part(family: str) -> None:
    samples, values = make_samples(N), make_values(N, 3)
    values[samples["site"].to_numpy() == "2", 0] = np.nan
    values[:, 1] = np.nan
    spec = spec_of(family, exposures=("iso",), adjust={"none": "1"}, interaction="C(site)")
    found = joint_of(spec, samples, values)
    assert found["df"].to_list() == [2.0, None, 3.0]
    assert found["statistic"].is_null().to_list() == [False, True, False]


def test_errors_without_joint_degrees_of_freedom_give_no_test_of_several() -> None:
    samples, values = make_samples(N), make_values(N, 2)
    samples = samples.with_columns(house=pl.Series(np.arange(N) % 20))
    for by, tested in (("sex", True), ("C(site)", False)):
        spec = ModelSpec("linear", ("iso",), interaction=by, errors="CR2", cluster="house")
        found = joint_of(spec, samples, values)
        assert found["statistic"].is_not_null().to_list() == [tested] * 2


@pytest.mark.parametrize("family", BY_HAND)
@pytest.mark.parametrize(("houses", "tested"), [(3, False), (40, True)])
def test_errors_of_fewer_clusters_than_products_give_no_joint_test(
    family: str, houses: int, *, tested: bool
) -> None:
    samples, values = make_samples(N), make_values(N, 2)
    samples = samples.with_columns(house=pl.Series(np.arange(N) * 7 % houses))
    spec = ModelSpec(family, ("iso",), interaction="C(site)", errors="CR1", cluster="house")
    found = joint_of(spec, samples, values)
    assert found["statistic"].is_not_null().to_list() == [tested] * 2
    rows = scan_cohort(make_cohort(samples, values), spec).frame
    assert rows["se"].is_not_null().all()


@pytest.mark.parametrize("family", BY_HAND)
def test_strata_differ_by_cochran_s_q(family: str) -> None:
    samples, values = make_samples(N), make_values(N, 3)
    spec = ModelSpec(family, ("iso", "lo"), {"none": "1", "aged": "age"}, strata="site")
    found = joint_of(spec, samples, values)
    assert found.select("test", "stratum").unique().rows() == [("heterogeneity", None)]
    frame = scan_cohort(make_cohort(samples, values), spec).frame
    for row in found.iter_rows(named=True):
        keys = {name: row[name] for name in ("protein", "exposure", "adjustment")}
        one = frame.filter(**keys)
        b, w = one["estimate"].to_numpy(), one["se"].to_numpy() ** -2
        q = np.sum(w * (b - np.sum(w * b) / w.sum()) ** 2)
        assert row["df"] == 3
        assert row["statistic"] == pytest.approx(q, rel=1e-12)
        assert row["p_value"] == pytest.approx(stats.chi2(3).sf(q), rel=1e-9)


def test_strata_without_an_estimate_do_not_count_and_a_separated_one_leaves_no_test() -> None:
    samples, values = make_samples(N), make_values(N, 2)
    site, iso = samples["site"].to_numpy(), samples["iso"].to_numpy()
    values[site == "3", 0] = np.nan
    values[site == "1", 1] = 9.0 + 5.0 * iso[site == "1"]
    spec = ModelSpec("logistic", ("iso",), strata="site", transform="none")
    found = joint_of(spec, samples, values)
    assert found.select("protein", "df").rows() == [("P00", 2.0)]


def test_both_kinds_stand_together_by_model() -> None:
    samples, values = make_samples(N), make_values(N, 1)
    spec = ModelSpec("linear", ("iso",), strata="sex", interaction="age")
    found = joint_of(spec, samples, values)
    assert found.select("test", "stratum").rows() == [
        ("interaction", "0"),
        ("interaction", "1"),
        ("heterogeneity", None),
    ]


@pytest.mark.parametrize(("more", "there"), [({}, False), ({"interaction": "sex"}, True)])
def test_a_run_leaves_them_where_there_are_any(
    tmp_path: Path, more: dict[str, Any], *, there: bool
) -> None:
    samples, values = make_samples(N), make_values(N, 3)
    names = [f"P{i:02d}" for i in range(3)]
    proteins = samples.select("id").with_columns(pl.DataFrame(values, schema=names))
    results = associate(
        samples,
        proteins.fill_nan(None),
        family="linear",
        exposure="iso",
        id_column="id",
        out=tmp_path / "run",
        **more,
    )
    assert (tmp_path / "run" / "joint_tests.parquet").exists() == there
    if there:
        spec = ModelSpec("linear", ("iso",), **more)
        assert results.table("joint_tests").equals(joint_of(spec, samples, values))
