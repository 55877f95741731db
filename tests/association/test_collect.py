"""The table of associations: statistics, corrections over a named family, and the summary."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from proteomr._typing import F64
from proteomr.association import ModelSpec, describe_family_of_tests, scan_cohort, summarise
from proteomr.tables import ArrayProteins, Associations, Cohort

N, PROTEINS = 200, 130


def scan(spec: ModelSpec) -> Associations:
    """Scan proteins of which five follow isolation, up or down, and two cannot be fitted."""
    g = np.random.default_rng(4)
    iso, lo = g.integers(0, 2, N).astype(float), g.integers(0, 2, N).astype(float)
    values = g.normal(size=(N, PROTEINS))
    values[:, :5] += np.array([1.2, 1.2, -1.2, 1.2, -1.2]) * iso[:, None]
    values[:, 7] = np.nan
    values[:, 9] = 1.0
    samples = pl.DataFrame(
        {"id": [f"{i:04d}" for i in range(N)], "iso": iso, "lo": lo, "sex": np.arange(N) % 2}
    )
    names = tuple(f"P{i:03d}" for i in range(PROTEINS))
    cohort = Cohort(samples, "id", ArrayProteins(names, values), pl.DataFrame({"protein": names}))
    return scan_cohort(cohort, spec)


@pytest.fixture(scope="module")
def linear() -> Associations:
    return scan(ModelSpec("linear", ("iso", "lo"), {"none": "1"}))


@pytest.fixture(scope="module")
def logistic() -> Associations:
    return scan(ModelSpec("logistic", ("iso", "lo"), {"none": "1"}, test_family="exposure"))


def numbers(frame: pl.DataFrame, name: str) -> F64:
    return np.array(frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy(), dtype=np.float64)


def test_linear_statistics_follow_t_with_the_residual_degrees_of_freedom(
    linear: Associations,
) -> None:
    frame = linear.frame.filter(pl.col("status") == "ok")
    t, df = numbers(frame, "estimate") / numbers(frame, "se"), numbers(frame, "df")
    assert set(df) == {198.0}
    np.testing.assert_allclose(numbers(frame, "statistic"), t, rtol=1e-15)
    np.testing.assert_allclose(numbers(frame, "p_value"), 2 * stats.t.sf(abs(t), df), rtol=1e-10)
    half = stats.t.ppf(0.975, df) * numbers(frame, "se")
    np.testing.assert_allclose(numbers(frame, "conf_high"), numbers(frame, "estimate") + half)
    np.testing.assert_allclose(numbers(frame, "conf_low"), numbers(frame, "estimate") - half)
    assert frame["ratio"].null_count() == frame.height


def test_logistic_statistics_are_normal_and_come_with_an_odds_ratio(logistic: Associations) -> None:
    frame = logistic.frame.filter(pl.col("status") == "ok")
    z = numbers(frame, "estimate") / numbers(frame, "se")
    p = 2 * stats.norm.sf(abs(z))
    np.testing.assert_allclose(numbers(frame, "p_value"), p, rtol=1e-12)
    np.testing.assert_allclose(numbers(frame, "neg_log10_p"), -np.log10(p), rtol=1e-12)
    half = stats.norm.ppf(0.975) * numbers(frame, "se")
    np.testing.assert_allclose(numbers(frame, "conf_high"), numbers(frame, "estimate") + half)
    np.testing.assert_allclose(numbers(frame, "ratio"), np.exp(numbers(frame, "estimate")))
    assert frame["df"].null_count() == frame.height


METHODS = {"p_bonferroni": "bonferroni", "q_bh": "fdr_bh", "p_holm": "holm", "q_by": "fdr_by"}


@pytest.mark.parametrize(("column", "method"), METHODS.items())
def test_joint_corrections_span_all_exposures_and_leave_out_what_has_no_p_value(
    linear: Associations, column: str, method: str
) -> None:
    fitted = linear.frame.filter(pl.col("p_value").is_not_null())
    assert fitted.height == 2 * (PROTEINS - 2)
    wanted = multipletests(numbers(fitted, "p_value"), method=method)[1]
    np.testing.assert_allclose(numbers(fitted, column), wanted, rtol=1e-9)
    failed = linear.frame.filter(pl.col("p_value").is_null())
    assert failed[column].null_count() == failed.height == 4


@pytest.mark.parametrize(("column", "method"), METHODS.items())
def test_corrections_by_exposure_span_one_exposure_each(
    logistic: Associations, column: str, method: str
) -> None:
    for exposure in ("iso", "lo"):
        fitted = logistic.frame.filter(
            (pl.col("exposure") == exposure) & pl.col("p_value").is_not_null()
        )
        wanted = multipletests(numbers(fitted, "p_value"), method=method)[1]
        np.testing.assert_allclose(numbers(fitted, column), wanted, rtol=1e-9)


def test_strata_are_corrected_one_by_one() -> None:
    found = scan(ModelSpec("linear", ("iso",), {"none": "1"}, strata="sex")).frame
    for level in ("0", "1"):
        fitted = found.filter((pl.col("stratum") == level) & pl.col("p_value").is_not_null())
        wanted = np.minimum(numbers(fitted, "p_value") * fitted.height, 1.0)
        np.testing.assert_allclose(numbers(fitted, "p_bonferroni"), wanted, rtol=1e-9)


def test_storey_q_values_want_a_hundred_p_values(linear: Associations) -> None:
    assert linear.frame["q_storey"].drop_nulls().len() == 2 * (PROTEINS - 2)
    few = scan(ModelSpec("linear", ("iso",), {"none": "1"}, strata="sex", test_family="exposure"))
    assert few.frame["q_storey"].drop_nulls().len() > 0
    small = few.frame.filter(pl.col("protein") < "P050")
    assert small["q_bh"].drop_nulls().len() == 2 * 48


def test_the_family_of_tests_is_said_in_words(linear: Associations, logistic: Associations) -> None:
    joint = ModelSpec("linear", ("iso", "lo"), {"none": "1"})
    assert describe_family_of_tests(linear, joint).startswith("all exposures and proteins jointly")
    assert "none 256" in describe_family_of_tests(linear, joint)
    each = ModelSpec("logistic", ("iso", "lo"), {"none": "1"}, test_family="exposure")
    assert describe_family_of_tests(logistic, each).startswith("all proteins within each exposure")


def test_the_summary_counts_fits_and_hits_up_and_down(linear: Associations) -> None:
    rows = {row["exposure"]: row for row in summarise(linear).iter_rows(named=True)}
    assert rows["iso"]["proteins"] == PROTEINS
    assert (rows["iso"]["fitted"], rows["iso"]["failed"]) == (PROTEINS - 2, 2)
    assert (rows["iso"]["bonferroni_up"], rows["iso"]["bonferroni_down"]) == (3, 2)
    assert (rows["lo"]["bonferroni_up"], rows["lo"]["bonferroni_down"]) == (0, 0)
    strongest = linear.frame.sort("neg_log10_p", descending=True, nulls_last=True).row(
        0, named=True
    )
    assert rows["iso"]["top_protein"] == strongest["protein"]


def test_lambda_is_the_median_chi_square_over_its_expectation(linear: Associations) -> None:
    fitted = linear.frame.filter((pl.col("exposure") == "lo") & pl.col("p_value").is_not_null())
    chi = stats.chi2.isf(numbers(fitted, "p_value"), 1)
    wanted = np.median(chi) / stats.chi2.ppf(0.5, 1)
    row = summarise(linear).filter(pl.col("exposure") == "lo").row(0, named=True)
    assert row["lambda"] == pytest.approx(wanted, rel=1e-9)


def test_the_level_sets_the_width_of_the_intervals() -> None:
    spec = ModelSpec("logistic", ("iso",), {"none": "1"}, level=0.99)
    frame = scan(spec).frame.filter(pl.col("status") == "ok")
    width = (numbers(frame, "conf_high") - numbers(frame, "conf_low")) / numbers(frame, "se")
    np.testing.assert_allclose(width, 2 * stats.norm.ppf(0.995), rtol=1e-10)
