"""Tests and tables beside the estimates, against R 4.2 on people made by the same formulas.

Small enough for fits one by one, and above every switch of paths.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.association import associate
from proteomr.models import Further
from proteomr.runs import Results
from tests.association.formula_people import make_people

R = json.loads((Path(__file__).parent / "data" / "tests.json").read_text())
SIZES = (400, 4500)
COVARIATES = {"m": "age + sex + C(site)"}
PROTEINS = ("P1", "P2", "P3")


@cache
def people(n: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    return make_people(n)


def run(n: int, family: str, further: Further | None = None, **more: Any) -> Results:
    samples, proteins = people(n)
    given = {"adjust": COVARIATES, "transform": "none", "threads": 1, **more}
    return associate(samples, proteins, family=family, further=further, **given)


def row_of(table: pl.DataFrame, **keys: str) -> dict[str, Any]:
    return table.row(
        by_predicate=pl.all_horizontal(pl.col(k) == v for k, v in keys.items()), named=True
    )


@pytest.mark.parametrize("n", SIZES)
def test_firth_in_all_fits_is_that_of_r_with_its_profile_and_its_p(n: int) -> None:
    found = run(n, "logistic", outcome=["y", "rare"], firth="always").table()
    for name, theirs in R[str(n)]["firth"].items():
        outcome, protein = name.split()
        ours = row_of(found, outcome=outcome, protein=protein)
        se = theirs["se"]
        assert ours["status"] == "ok"
        assert ours["estimate"] == pytest.approx(theirs["estimate"], abs=1e-8 * se)
        assert ours["estimate"] == pytest.approx(theirs["brglm2"], abs=1e-6 * se)
        assert ours["se"] == pytest.approx(se, rel=1e-8)
        assert ours["conf_low"] == pytest.approx(theirs["low"], abs=1e-7 * se)
        assert ours["conf_high"] == pytest.approx(theirs["high"], abs=1e-7 * se)
        assert ours["p_value"] == pytest.approx(theirs["p"], rel=1e-7)
        assert ours["statistic"] == pytest.approx(ours["estimate"] / ours["se"], rel=1e-12)


@pytest.mark.parametrize("n", SIZES)
def test_joint_tests_of_a_logistic_model_are_those_of_anova(n: int) -> None:
    further = Further(("lr", "score", "wald"))
    results = run(n, "logistic", further, outcome="y")
    table, main = results.table("joint_tests"), results.table()
    for protein, theirs in R[str(n)]["tests"].items():
        for test in ("lr", "score"):
            ours = row_of(table, protein=protein, test=test)
            assert ours["statistic"] == pytest.approx(theirs[test], rel=1e-7, abs=1e-9)
            assert ours["p_value"] == pytest.approx(theirs[f"{test}_p"], rel=1e-7)
            assert ours["df"] == 1.0
        wald = row_of(table, protein=protein, test="wald")
        z = row_of(main, protein=protein)
        assert wald["statistic"] == pytest.approx(z["statistic"] ** 2, rel=1e-8)
        assert wald["p_value"] == pytest.approx(z["p_value"], rel=1e-8)


@pytest.mark.parametrize("n", SIZES)
def test_joint_tests_of_a_linear_model_are_those_of_lmtest(n: int) -> None:
    results = run(n, "linear", Further(("lr", "score", "wald")), exposure="iso")
    table, main = results.table("joint_tests"), results.table()
    for protein, theirs in R[str(n)]["lm_tests"].items():
        for test in ("lr", "score"):
            ours = row_of(table, protein=protein, test=test)
            assert ours["statistic"] == pytest.approx(theirs[test], rel=1e-8)
        wald = row_of(table, protein=protein, test="wald")
        assert wald["p_value"] == pytest.approx(row_of(main, protein=protein)["p_value"], rel=1e-8)


def check_coefficients(
    table: pl.DataFrame, theirs: dict[str, Any], protein: str, term: str
) -> None:
    ours = table.filter(protein=protein)
    named = [
        name.replace("site", "site[") + "]" if name.startswith("site") else name
        for name in theirs["name"]
    ]
    assert set(named) == set(ours["coefficient"])
    assert term in named
    for name, estimate, se in zip(named, theirs["estimate"], theirs["se"], strict=True):
        row = row_of(ours, coefficient=name)
        assert row["estimate"] == pytest.approx(estimate, abs=1e-8 * se), name
        assert row["se"] == pytest.approx(se, rel=1e-8), name
        assert row["statistic"] == pytest.approx(estimate / se, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("errors", ["classical", "HC3"])
@pytest.mark.parametrize("n", SIZES)
def test_coefficients_of_a_logistic_model_are_those_of_glm(n: int, errors: Any) -> None:
    table = run(n, "logistic", coefficients=True, outcome="y", errors=errors).table("coefficients")
    theirs = R[str(n)]["glm" if errors == "classical" else "glm_hc3"]
    for protein in PROTEINS:
        check_coefficients(table, theirs[protein], protein, protein)
    assert table["df"].null_count() == table.height


@pytest.mark.parametrize("errors", ["classical", "HC3"])
@pytest.mark.parametrize("n", SIZES)
def test_coefficients_of_a_linear_model_are_those_of_lm(n: int, errors: Any) -> None:
    table = run(n, "linear", coefficients=True, exposure="iso", errors=errors).table("coefficients")
    theirs = R[str(n)]["lm" if errors == "classical" else "lm_hc3"]
    for protein in PROTEINS:
        check_coefficients(table, theirs[protein], protein, "iso")
    assert table["df"].null_count() == 0


@pytest.mark.parametrize("n", SIZES)
def test_additive_interaction_is_that_of_the_delta_method(n: int) -> None:
    further = Further(additive=True)
    results = run(n, "logistic", further, outcome="y", interaction="lo", coefficients=True)
    table, joint = results.table("additive_interaction"), results.table("joint_tests")
    for protein in PROTEINS:
        theirs = R[str(n)]["additive"][protein]
        for i, measure in enumerate(("reri", "ap", "s")):
            ours = row_of(table, protein=protein, measure=measure)
            if not isinstance(theirs["estimate"][i], float):
                assert ours["estimate"] is None
                continue
            assert ours["estimate"] == pytest.approx(theirs["estimate"][i], rel=1e-7)
            assert ours["se"] == pytest.approx(theirs["se"][i], rel=1e-7)
        reri = row_of(table, protein=protein, measure="reri")
        test = row_of(joint, protein=protein, test="additive_interaction")
        assert test["statistic"] == pytest.approx((reri["estimate"] / reri["se"]) ** 2, rel=1e-10)
        product = R[str(n)]["glm_product"][protein]
        product = {**product, "name": [f"{protein}:lo" if ":" in x else x for x in product["name"]]}
        check_coefficients(results.table("coefficients"), product, protein, f"{protein}:lo")


@pytest.mark.parametrize("df", [3, 4])
@pytest.mark.parametrize("n", SIZES)
def test_a_spline_is_held_against_a_line_as_anova_does(n: int, df: int) -> None:
    further = Further(nonlinear=df)
    logistic = run(n, "logistic", further, outcome="y").table("joint_tests")
    linear = run(n, "linear", further, exposure="bmi", adjust={"m": "sex + C(site)"}).table(
        "joint_tests"
    )
    level = run(n, "linear", further, outcome="level").table("joint_tests")
    for protein in ("P1", "P2"):
        theirs = R[str(n)]["spline"][f"{protein} {df}"]
        for test in ("nonlinear", "spline"):
            ours = row_of(logistic, protein=protein, test=test)
            assert ours["statistic"] == pytest.approx(theirs[test], rel=1e-7, abs=1e-8)
            assert ours["p_value"] == pytest.approx(theirs[f"{test}_p"], rel=1e-7)
            ours = row_of(linear, protein=protein, test=test)
            assert ours["statistic"] == pytest.approx(theirs[f"lm_{test}"], rel=1e-7)
            assert ours["p_value"] == pytest.approx(theirs[f"lm_{test}_p"], rel=1e-7)
        ours = row_of(level, protein=protein, test="nonlinear")
        assert ours["statistic"] == pytest.approx(theirs["outcome_nonlinear"], rel=1e-7)
    binary = logistic.filter(protein="P3", test="nonlinear")
    assert binary["statistic"].to_list() == [None]
