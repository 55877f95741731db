"""Outcomes: each the response to a protein, in any family."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.association import ModelSpec, scan_cohort, summarise
from proteomr.errors import UsageError
from proteomr.models import list_families
from tests.association.cohorts import make_cohort, make_samples, make_values, spec_of

OUTCOMES = [family.name for family in list_families() if "outcome" in family.supports.roles]


def scan(family: str, n: int, **more: Any) -> tuple[pl.DataFrame, pl.DataFrame, F64]:
    samples, values = make_samples(n), make_values(n, 4)
    asked = {"outcomes": ("iso", "lo"), "exposures": (), "adjust": {"aged": "age + C(site)"}}
    spec = spec_of(family, transform="none", **{**asked, **more})
    return scan_cohort(make_cohort(samples, values), spec).frame, samples, values


def design_of(samples: pl.DataFrame, x: F64) -> F64:
    site = [(samples["site"] == level).to_numpy().astype(float) for level in "123"]
    return np.column_stack([x, np.ones(x.size), samples["age"].to_numpy(), *site])


@pytest.mark.parametrize("n", [200, 2300])
@pytest.mark.parametrize("outcome", ["iso", "dose"])
def test_a_linear_outcome_equals_statsmodels(n: int, outcome: str) -> None:
    samples, values = make_samples(n), make_values(n, 4)
    dose = np.random.default_rng(3).normal(size=n) + 0.1 * np.nan_to_num(values[:, 1])
    samples = samples.with_columns(dose=pl.Series(dose))
    spec = ModelSpec("linear", outcomes=(outcome,), adjust={"a": "age + C(site)"}, transform="none")
    frame = scan_cohort(make_cohort(samples, values), spec).frame
    for i, row in enumerate(frame.iter_rows(named=True)):
        rows = ~np.isnan(values[:, i])
        X = design_of(samples, values[:, i])[rows]
        theirs = sm.OLS(samples[outcome].to_numpy()[rows], X).fit()
        assert (row["outcome"], row["exposure"], row["term"]) == (outcome, None, f"P{i:02d}")
        assert row["direction"] == "outcome~protein"
        assert row["estimate"] == pytest.approx(theirs.params[0], rel=1e-9)
        assert row["se"] == pytest.approx(theirs.bse[0], rel=1e-9)
        assert row["df"] == theirs.df_resid
        assert row["p_value"] == pytest.approx(theirs.pvalues[0], rel=1e-8)
        assert (row["n_case"] is None) == (outcome == "dose")
        assert row["ratio"] is None


@pytest.mark.parametrize("options", [{}, {"errors": "HC3"}, {"interaction": "sex"}])
def test_a_logistic_outcome_has_the_numbers_of_the_exposure_of_its_name(
    options: dict[str, Any],
) -> None:
    outcomes, _, _ = scan("logistic", 200, **options)
    exposures, _, _ = scan("logistic", 200, outcomes=(), exposures=("iso", "lo"), **options)
    assert outcomes["outcome"].equals(exposures["exposure"].alias("outcome"))
    assert set(outcomes["direction"]) == {"outcome~protein"}
    sides = ["exposure", "outcome", "direction"]
    assert outcomes.drop(sides).equals(exposures.drop(sides))


@pytest.mark.parametrize("options", [{"errors": "HC1"}, {"interaction": "sex"}])
def test_a_linear_outcome_fitted_by_itself_equals_statsmodels(options: dict[str, Any]) -> None:
    frame, samples, values = scan("linear", 200, outcomes=("iso",), **options)
    for i, protein in enumerate(("P00", "P01", "P02", "P03")):
        found = frame.filter(pl.col("protein") == protein)
        x, rows = values[:, i], ~np.isnan(values[:, i])
        sex = samples["sex"].to_numpy()
        products = [x * sex, sex] if "interaction" in options else []
        X = np.column_stack([design_of(samples, x)[:, :1], *products, design_of(samples, x)[:, 1:]])
        fit = sm.OLS(samples["iso"].to_numpy()[rows], X[rows])
        theirs = fit.fit(cov_type="HC1", use_t=True) if "errors" in options else fit.fit()
        terms = [protein, f"{protein}:sex"][: found.height]
        assert found["term"].to_list() == terms
        np.testing.assert_allclose(found["estimate"], theirs.params[: found.height], rtol=1e-8)
        np.testing.assert_allclose(found["se"], theirs.bse[: found.height], rtol=1e-8)


@pytest.mark.parametrize("family", OUTCOMES)
def test_outcomes_are_summed_up_and_corrected_as_exposures_are(family: str) -> None:
    samples, values = make_samples(200), make_values(200, 4)
    spans: list[tuple[Any, int]] = [("joint", 8), ("exposure", 4)]
    for test_family, tests in spans:
        spec = spec_of(
            family,
            exposures=(),
            adjust={"none": "1"},
            outcomes=("iso", "lo"),
            test_family=test_family,
        )
        table = scan_cohort(make_cohort(samples, values), spec)
        p = table.frame["p_value"].to_numpy()
        np.testing.assert_allclose(table.frame["p_bonferroni"], np.minimum(p * tests, 1))
        summary = summarise(table)
        assert summary["outcome"].to_list() == ["iso", "lo"]
        assert summary["exposure"].null_count() == 2


def test_the_specification_of_outcomes_is_stored_and_read_back() -> None:
    spec = ModelSpec("linear", outcomes=("iso",), adjust={"a": "age"})
    assert ModelSpec.from_dict(spec.to_dict()) == spec
    assert spec.direction == "outcome~protein"


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"exposures": ("iso",), "outcomes": ("lo",)}, "two scans: give one or the other"),
        ({"outcomes": ("lo", "lo")}, "outcome 'lo' is given twice"),
        ({}, "no exposure or outcome given"),
        ({"outcomes": ("sex",), "interaction": "sex"}, "'sex' is an outcome and the interaction"),
    ],
)
def test_targets_that_contradict_one_another_are_refused(
    more: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        ModelSpec("linear", **more)
