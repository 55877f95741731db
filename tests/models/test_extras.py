"""Whole models: blocks of them against one at a time, on designs of every kind."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, collect, collect_joint_tests, plan_scan
from proteomr.association.details import collect_details
from proteomr.association.outcome_options import OutcomeOptions
from proteomr.execute import Serial
from proteomr.models import Further, extras
from proteomr.models.whole_linear_blocks import LinearBlocks
from proteomr.models.whole_logistic_blocks import LogisticBlocks
from proteomr.scan import fit_blocks
from tests.association.cohorts import make_cohort, make_samples, make_values

ALL = Further(("lr", "score", "wald"), nonlinear=3)
PRODUCTS = Further(("lr", "score", "wald"))
WALD = Further(("wald",), nonlinear=4)
DESIGNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "rint": {"transform": "rint"},
    "many sets": {"adjust": {"none": "1", "far": "age * year", "cells": "C(site) + sex + age:sex"}},
    "weights": {"weights": "weight"},
    "HC1": {"errors": "HC1", "further": WALD},
    "HC3": {"errors": "HC3", "further": WALD},
    "HC2 with weights": {"errors": "HC2", "weights": "weight", "further": WALD},
    "product": {"interaction": "sex", "further": PRODUCTS},
    "products": {"interaction": "C(site)", "further": PRODUCTS},
    "product with a far one": {"interaction": "age", "further": PRODUCTS},
    "aliased": {"adjust": {"twice": "age + months + C(site)"}},
}


def tables_of(family: str, n: int, **more: Any) -> dict[str, pl.DataFrame]:
    samples = make_samples(n).with_columns(
        (2000 + pl.int_range(pl.len()) % 9 * 1e-3).alias("year"),
        (pl.col("age") * 12 + 3).alias("months"),
        (0.5 + pl.int_range(pl.len()) % 7).alias("weight"),
    )
    values = make_values(n, 3)
    values[:, 0] += 0.2 * (values[:, 0] - 10) ** 2 + 0.3 * samples["iso"].to_numpy()
    exposures = ("iso",) if family == "logistic" else ("iso", "bmi")
    samples = samples.with_columns((20 + pl.col("age") ** 2 / 300).alias("bmi"))
    given = {
        "adjust": {"m": "age + C(site)"},
        "transform": "none",
        "further": ALL,
        "coefficients": True,
        **more,
    }
    spec = ModelSpec(family, exposures, **given)
    plan = plan_scan(make_cohort(samples, values), spec)
    parts = fit_blocks(plan, executor=Serial())
    return {
        "joint": collect_joint_tests(parts).frame,
        "coefficients": collect_details(parts, "coefficients"),
    }


@pytest.mark.parametrize("transform", ["log", "rint", "none"])
@pytest.mark.parametrize("n", [300, 2300])
def test_outcomes_are_transformed_as_for_the_estimate(n: int, transform: Any) -> None:
    samples, values = make_samples(n), make_values(n, 3)
    spec = ModelSpec(
        "linear", (), {"m": "sex"}, outcomes=("age",), coefficients=True, transform="none",
        outcome_options=OutcomeOptions(transform=transform), further=Further(("wald",)),
    )  # fmt: skip
    parts = fit_blocks(plan_scan(make_cohort(samples, values), spec), executor=Serial())
    estimates = collect(parts, spec).frame
    rows = collect_details(parts, "coefficients").filter(pl.col("coefficient").str.starts_with("P"))
    np.testing.assert_allclose(rows["estimate"], estimates["estimate"], rtol=1e-9)
    np.testing.assert_allclose(rows["se"], estimates["se"], rtol=1e-9)
    tests = collect_joint_tests(parts).frame
    np.testing.assert_allclose(tests["neg_log10_p"], estimates["neg_log10_p"], rtol=1e-7)


@pytest.mark.parametrize("name", DESIGNS)
@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_blocks_of_whole_models_are_those_of_one_at_a_time(
    family: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    n, left = 2300, []
    entered = extras.Extras._enter

    def count(self: extras.Extras, block: Any, j: int, m: int, found: Any) -> None:
        left.append((j, m))
        entered(self, block, j, m, found)

    monkeypatch.setattr(extras.Extras, "_enter", count)
    together = tables_of(family, n, **DESIGNS[name])
    assert left == []  # nothing is left to the exact path
    monkeypatch.setattr(LinearBlocks, "prepare", lambda *_: None)
    monkeypatch.setattr(LogisticBlocks, "prepare", lambda *_: None)
    alone = tables_of(family, n, **DESIGNS[name])
    assert left
    for key in ("protein", "exposure", "adjustment", "test", "df"):
        assert together["joint"][key].equals(alone["joint"][key])
    for key in ("statistic", "neg_log10_p"):
        np.testing.assert_allclose(
            together["joint"][key].to_numpy(), alone["joint"][key].to_numpy(), rtol=1e-6, atol=1e-8
        )
    ours, theirs = together["coefficients"], alone["coefficients"]
    for key in ("protein", "exposure", "adjustment", "coefficient", "df"):
        assert ours[key].equals(theirs[key])
    se = theirs["se"].to_numpy()
    np.testing.assert_allclose(ours["se"].to_numpy(), se, rtol=1e-7)
    apart = (ours["estimate"] - theirs["estimate"]).to_numpy() / se
    assert np.nanmax(np.abs(apart)) < 1e-7
    assert ours["estimate"].null_count() == ("aliased" in name) * 3 * ours["exposure"].n_unique()


def test_coefficients_of_a_penalised_fit_hold_its_estimate() -> None:
    samples, values = make_samples(200), make_values(200, 3)
    iso = samples["iso"].to_numpy() * (samples["site"].to_numpy() != "3")  # none in one site
    samples = samples.with_columns(pl.Series("iso", iso))
    values[:, 1] = 4 * iso + 0.1 * values[:, 1]
    spec = ModelSpec(
        "logistic",
        ("iso",),
        {"m": "age + C(site)"},
        firth=True,
        coefficients=True,
        transform="none",
    )
    parts = fit_blocks(plan_scan(make_cohort(samples, values), spec), executor=Serial())
    estimates = collect(parts, spec).frame
    assert estimates["status"].to_list() == ["ok", "separated", "ok"]
    rows = collect_details(parts, "coefficients").filter(pl.col("coefficient").str.starts_with("P"))
    np.testing.assert_allclose(rows["estimate"], estimates["estimate"], rtol=1e-6)
    np.testing.assert_allclose(rows["se"], estimates["se"], rtol=1e-6)


def make_wild(n: int) -> tuple[pl.DataFrame, np.ndarray]:
    g = np.random.default_rng(1)
    samples = make_samples(n).with_columns(
        (1e9 + pl.col("age")).alias("far"),
        (1e-200 * pl.col("age")).alias("tiny"),
        (1e250 * pl.col("lo")).alias("huge"),
        (pl.int_range(pl.len()) == 5).cast(pl.Float64).alias("one"),
    )
    iso = samples["iso"].to_numpy()
    values = g.normal(size=(n, 10))
    values *= [1.0, 1e-250, 1e200, *(7 * [1.0])]
    values[:, 0] += 1e9
    values[:, 3] = 5 * iso + 0.01 * values[:, 3]  # separated
    values[:, 4] = samples["age"]
    values[:, 5], values[:, 6] = 3.0, iso
    values[5:, 7] = np.nan
    values[:, 8] = np.arange(n) == 7
    values[:, 9] += np.where(g.random(n) < 0.5, np.nan, 3 * iso)
    return samples, values


@pytest.mark.parametrize(("family", "n"), [("linear", 30), ("linear", 2100), ("logistic", 60)])
def test_nothing_of_a_wild_design_is_told_that_is_no_finite_number(family: str, n: int) -> None:
    samples, values = make_wild(n)
    sets = {"few": "1", "scales": "far + tiny + huge", "single": "age + one + C(site)"}
    product = replace(PRODUCTS, additive=family == "logistic")
    for more in ({"further": ALL}, {"further": product, "interaction": "sex"}):
        spec = ModelSpec(family, ("iso",), sets, transform="none", coefficients=True, **more)
        plan = plan_scan(make_cohort(samples, values), spec)
        parts = fit_blocks(plan, executor=Serial())
        for name in spec.build_family().tables:
            table = collect_details(parts, name)
            numbers = table.select(pl.col(pl.Float64).drop_nulls().is_finite().all())
            assert all(numbers.row(0))
            assert (
                table.filter(pl.col("estimate").is_not_null() & pl.col("se").is_null()).height == 0
            )
        joint = collect_joint_tests(parts).frame
        told = joint.filter(pl.col("statistic").is_not_null())
        assert told.select(pl.col("statistic", "neg_log10_p").is_finite().all()).row(0) == (
            True,
            True,
        )
        if family == "logistic":  # the likelihood of a separated protein has a bound
            apart = told.filter((pl.col("protein") == "P03") & (pl.col("test") == "lr"))
            assert apart["statistic"].min() > 50  # type: ignore[operator]


ERRORS: list[tuple[str, dict[str, Any]]] = [
    *(("linear", {"errors": kind}) for kind in ("HC0", "HC2", "CR0", "CR1", "CR2")),
    *(("logistic", {"errors": kind}) for kind in ("HC1", "HC3", "CR0", "CR1", "CR2")),
    *((family, {"weights": "weight", "errors": "HC1"}) for family in ("linear", "logistic")),
    *(
        (family, {"weights": "weight", "weight_kind": "sampling", "errors": kind})
        for family in ("linear", "logistic")
        for kind in ("linearised", "HC0", "CR1")
    ),
]


@pytest.mark.parametrize("n", [300, 2300])
@pytest.mark.parametrize(("family", "asked"), ERRORS)
def test_the_coefficient_of_the_term_is_its_estimate_whatever_the_errors(
    family: str, asked: dict[str, Any], n: int
) -> None:
    samples = make_samples(n).with_columns(
        (pl.int_range(pl.len()) // 7).alias("house"),
        (0.5 + pl.int_range(pl.len()) % 7).alias("weight"),
    )  # fmt: skip
    cluster: Any = {"cluster": "house"} if asked.get("errors", "").startswith("CR") else {}
    spec = ModelSpec(
        family, ("iso",), {"m": "age + C(site)"}, coefficients=True,
        further=Further(("wald",)), **asked, **cluster,
    )  # fmt: skip
    plan = plan_scan(make_cohort(samples, make_values(n, 2)), spec)
    parts = fit_blocks(plan, executor=Serial())
    estimates = collect(parts, spec).frame
    assert set(estimates["status"]) == {"ok"}
    name = "P" if family == "logistic" else "iso"
    rows = collect_details(parts, "coefficients")
    rows = rows.filter(pl.col("coefficient").str.starts_with(name))
    for column in ("estimate", "se", "statistic", "neg_log10_p"):
        np.testing.assert_allclose(rows[column], estimates[column], rtol=1e-7, atol=1e-9)
    assert rows["df"].fill_null(-1).to_list() == pytest.approx(estimates["df"].fill_null(-1))
    wald = collect_joint_tests(parts).frame
    np.testing.assert_allclose(wald["neg_log10_p"], estimates["neg_log10_p"], rtol=1e-7)
