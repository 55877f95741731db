"""Moderated, blocked, weighted and absorbed fits equal those of R's packages on a stored cohort."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.runs import Results

STORED = Path(__file__).resolve().parents[1] / "reference"
SAMPLES = str(STORED / "linear_options_samples.csv")
PROTEINS = str(STORED / "linear_options_proteins.csv")
# the prior of limma's robust kinds stops at 1e-8; all else is exact
MODERATED: dict[str, tuple[dict[str, Any], float]] = {
    "plain": ({"moderate": "plain"}, 1e-9),
    "trend": ({"moderate": "trend"}, 1e-9),
    "robust": ({"moderate": "robust"}, 1e-7),
    "trend-robust": ({"moderate": "trend-robust"}, 1e-7),
    "weights": ({"moderate": "plain", "weights": "precision"}, 1e-9),
    "half": ({"moderate": "plain", "strata": "half"}, 1e-9),
    "block": ({"moderate": "plain", "block": "family"}, 1e-9),
    "block weights": ({"moderate": "plain", "block": "family", "weights": "precision"}, 1e-9),
}
WEIGHTED = [
    *((family, "frequency", errors) for family in ("linear", "logistic")
      for errors in ("classical", "HC0", "HC1", "HC2", "HC3")),
    *((family, "sampling", errors) for family in ("linear", "logistic")
      for errors in ("linearised", "CR1")),
]  # fmt: skip


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    values: dict[str, Any] = json.loads((STORED / "linear_options.json").read_text("utf-8"))
    return values


def scan(**options: Any) -> Results:
    given = {"family": "linear", "exposure": "sex", "adjust": {"a": "age"}, "transform": "none"}
    return proteomr.associate(SAMPLES, PROTEINS, threads=1, **{**given, **options})


def hold(found: pl.Series, wanted: list[Any], rtol: float, atol: float = 0.0) -> None:
    numbers = np.array([np.inf if w == "Inf" else w for w in wanted], dtype=np.float64)
    ours = found.to_numpy().astype(np.float64)
    np.testing.assert_allclose(ours[: numbers.size], numbers, rtol=rtol, atol=atol)


@pytest.mark.parametrize("name", MODERATED)
def test_moderated_statistics_equal_limma(name: str, stored: dict[str, Any]) -> None:
    options, rtol = MODERATED[name]
    results = scan(adjust={"a": "age + C(smoking)"}, **options)
    rows, prior = results.table(), results.table("moderation")
    if name == "half":
        rows, prior = (frame.filter(pl.col("stratum") == "b") for frame in (rows, prior))
    wanted = stored[name]
    se = np.abs(np.array(wanted["estimate"]) / np.array(wanted["t"]))
    gap = np.abs(rows["estimate"].to_numpy() - np.array(wanted["estimate"])) / se
    assert gap.max() < rtol
    hold(rows["statistic"], wanted["t"], rtol, atol=rtol)
    hold(rows["p_value"], wanted["p"], 20 * rtol)
    hold(rows["df"], wanted["df"], rtol)
    hold(prior["s2_prior"], wanted["s2_prior"], rtol)
    hold(prior["df_prior"], wanted["df_prior"], 10 * rtol)


@pytest.mark.parametrize(("name", "weights"), [("block", None), ("block weights", "precision")])
def test_the_consensus_correlation_is_limmas_and_is_said(
    name: str, weights: str | None, stored: dict[str, Any]
) -> None:
    notes = scan(adjust={"a": "age + C(smoking)"}, block="family", weights=weights).notes
    said = next(note for note in notes if note.startswith("correlation within family (sex, a)"))
    assert float(said.rpartition(" ")[2]) == pytest.approx(stored[name]["consensus"][0], abs=1e-4)


def test_contrasts_and_their_joint_f_equal_limma(stored: dict[str, Any]) -> None:
    results = scan(
        exposure="smoking",
        adjust={"a": "sex + age"},
        contrast=["Past - Current", "Never - Past", "Never - Current"],
        moderate="plain",
    )
    for name in ("Past vs Current", "Never vs Past"):
        rows, wanted = results.table().filter(contrast=name), stored[name]
        hold(rows["statistic"], wanted["t"], 1e-8, atol=1e-9)
        hold(rows["p_value"], wanted["p"], 1e-8)
    tests = results.table("joint_tests").filter(test="contrasts")
    assert tests.height == rows.height == results.table("moderation").height
    hold(tests["statistic"][10:16], stored["contrasts"]["F"], 1e-8)
    hold(tests["p_value"][10:16], stored["contrasts"]["p"], 1e-7)
    assert tests["df"].unique().to_list() == [2.0]


def test_the_joint_test_of_products_is_moderated(stored: dict[str, Any]) -> None:
    results = scan(interaction="C(smoking)", moderate="plain")
    tests = results.table("joint_tests")[10:16]
    hold(tests["statistic"], stored["products"]["F"], 1e-9)
    hold(tests["p_value"], stored["products"]["p"], 1e-8)


@pytest.mark.parametrize(("family", "kind", "errors"), WEIGHTED)
def test_weights_of_each_kind_equal_r(
    family: str, kind: str, errors: str, stored: dict[str, Any]
) -> None:
    rows = scan(
        family=family,
        exposure="sex" if family == "linear" else "ill",
        weights="copies" if kind == "frequency" else "precision",
        weight_kind=kind,
        errors=None if errors == "linearised" else errors,
        cluster="cluster" if errors == "CR1" else None,
    ).table()
    # svyglm has its errors from the step before the last
    rtol = 1e-7 if (family, kind) == ("logistic", "sampling") else 1e-9
    _hold_single(rows, stored[f"{family} {kind} {errors}"], rtol)


ABSORBED: dict[str, dict[str, Any]] = {
    "absorb family": {"absorb": "family"},
    "absorb family centre": {"absorb": ["family", "centre"]},
    "absorb family weights": {"absorb": "family", "weights": "precision"},
    "absorb centre HC1": {"absorb": "centre", "errors": "HC1"},
    "absorb centre HC3": {"absorb": "centre", "errors": "HC3"},
    "absorb family CR1": {"absorb": "family", "errors": "CR1", "cluster": "family"},
    "logistic CR2": {
        "family": "logistic",
        "exposure": "ill",
        "errors": "CR2",
        "cluster": "cluster",
    },
}


@pytest.mark.parametrize("name", ABSORBED)
def test_absorbed_effects_equal_dummies_in_r_and_cr2_clubsandwich(
    name: str, stored: dict[str, Any]
) -> None:
    _hold_single(scan(**ABSORBED[name]).table(), stored[name])


def _hold_single(rows: pl.DataFrame, wanted: dict[str, Any], rtol: float = 1e-9) -> None:
    rows = rows.head(len(wanted["n"]))
    assert rows["status"].unique().to_list() == ["ok"]
    hold(rows["n"], wanted["n"], 0.0)
    hold(rows["estimate"], wanted["estimate"], 1e-9)
    hold(rows["se"], wanted["se"], rtol)
    hold(rows["p_value"], wanted["p"], 10 * rtol)
    if wanted["df"][0] is None:
        assert rows["df"].null_count() == rows.height
    else:
        hold(rows["df"], wanted["df"], 1e-9)
