"""Tests beside the pooled effect, of studies that depend on one another."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.errors import ColumnError, InputError
from proteomr.meta import DoseOptions

STORED = Path(__file__).with_name("dependent_studies.json")
EFFECTS = pl.DataFrame(
    {
        "study": ["a", "b", "c", "d"],
        "protein": ["ADM"] * 4,
        "estimate": [0.30, 0.25, 0.10, 0.40],
        "se": [0.10, 0.12, 0.15, 0.20],
    }
)
PAIRS = pl.DataFrame({"study1": ["a", "c"], "study2": ["b", "d"], "correlation": [0.5, 0.3]})
R = np.eye(4)
R[0, 1] = R[1, 0] = 0.5
R[2, 3] = R[3, 2] = 0.3


def test_signs_are_those_of_the_studies_whatever_is_shared() -> None:
    alone = proteomr.meta(EFFECTS, study="study").table().row(0, named=True)
    shared = proteomr.meta(EFFECTS, study="study", overlap=PAIRS).table().row(0, named=True)
    assert (shared["positive"], shared["negative"]) == (4, 0)
    assert (alone["positive"], alone["negative"]) == (4, 0)
    assert alone["sign_p"] == pytest.approx(0.125, rel=1e-14)


def test_stouffers_sum_has_the_error_of_its_correlations_and_others_are_empty() -> None:
    z = (EFFECTS["estimate"] / EFFECTS["se"]).to_numpy()
    row = proteomr.meta(EFFECTS, study="study", overlap=PAIRS).table().row(0, named=True)
    assert row["stouffer"] == pytest.approx(z.sum() / np.sqrt(R.sum()), rel=1e-14)
    assert row["sign_p"] is row["fisher"] is row["fisher_p"] is None


def test_people_weigh_stouffers_z_and_their_lack_is_told() -> None:
    people = EFFECTS.with_columns(n=pl.Series([100, 900, 400, 2500]))
    row = proteomr.meta(people, study="study", stouffer_weights="n").table().row(0, named=True)
    z, w = (EFFECTS["estimate"] / EFFECTS["se"]).to_numpy(), np.array([10.0, 30.0, 20.0, 50.0])
    assert row["stouffer"] == pytest.approx(w @ z / np.sqrt(w @ w), rel=1e-14)
    with pytest.raises(ColumnError, match="no column 'n', which --stouffer-weights n"):
        proteomr.meta(EFFECTS, study="study", stouffer_weights="n")
    lacking = people.with_columns(n=pl.Series([100, None, 400, 0]))
    with pytest.raises(InputError, match="study b: 2 rows have no people above 0"):
        proteomr.meta(lacking, study="study", stouffer_weights="n")


def test_stouffers_test_of_studies_that_share_people_keeps_its_level() -> None:
    rng = np.random.default_rng(3)
    z = rng.multivariate_normal(np.zeros(4), R, size=4000)
    frame = pl.DataFrame(
        {
            "study": np.tile(list("abcd"), 4000),
            "protein": np.repeat(np.arange(4000), 4),
            "estimate": (0.1 * z).ravel(),
            "se": 0.1,
        }
    )
    found = proteomr.meta(frame, study="study", overlap=PAIRS, pooled_only=True).table()
    # 2.6 errors of a share of 0.05 in 4,000 draws; without the correlations 0.10 of them
    assert (found["stouffer_p"] < 0.05).mean() == pytest.approx(0.05, abs=0.009)


def test_funnels_of_studies_that_share_people_are_regressed_with_what_they_share() -> None:
    found = proteomr.meta(EFFECTS, study="study", overlap=PAIRS, tau2="FE")
    bias = found.table("meta_bias")
    assert bias["test"].to_list() == ["egger", "egger_mixed"]
    y, se = EFFECTS["estimate"].to_numpy(), EFFECTS["se"].to_numpy()
    X, weight = np.stack([np.ones(4), se], axis=1), np.linalg.inv(np.outer(se, se) * R)
    covariance = np.linalg.inv(X.T @ weight @ X)
    beta = covariance @ X.T @ weight @ y
    left = y - X @ beta
    factor = np.array([left @ weight @ left / 2.0, 1.0])
    assert bias["estimate"].to_list() == pytest.approx([beta[1]] * 2, rel=1e-11)
    assert bias["se"].to_list() == pytest.approx(np.sqrt(factor * covariance[1, 1]), rel=1e-11)
    assert bias["limit"].to_list() == pytest.approx([beta[0]] * 2, rel=1e-11)


def _cluster(dependence: Any) -> tuple[dict[str, Any], Any]:
    stored = json.loads(STORED.read_text())
    k = len(stored["y"])
    frame = pl.DataFrame(
        {
            "protein": ["ADM"] * k,
            "study": [f"s{i:02d}" for i in range(k)],
            "estimate": stored["y"],
            "se": stored["se"],
            "group": [f"c{i % 6}" for i in range(k)],
        }
    )
    found = proteomr.meta(frame, study="study", cluster="group", dependence=dependence)
    return stored, found


@pytest.mark.parametrize("dependence", ["robust", "three-level"])
def test_funnels_and_left_out_effects_of_clusters_are_those_of_r(dependence: Any) -> None:
    stored, found = _cluster(dependence)
    kind = "robust" if dependence == "robust" else "levels"
    # rma.mv ends its search at some 1e-8 of its variances
    close = 1e-9 if dependence == "robust" else 1e-5
    egger, without = stored[f"{kind}_egger"], stored[f"{kind}_without"]
    (row,) = found.table("meta_bias").to_dicts()
    assert row["test"] == "egger_mixed"
    assert (row["limit"], row["estimate"]) == pytest.approx(egger["beta"], rel=close)
    assert (row["limit_se"], row["se"]) == pytest.approx(egger["se"], rel=close)
    left = found.table("meta_influence").row(4, named=True)
    assert (left["study"], left["study_estimate"]) == ("s04", -0.0649)
    assert left["estimate"] == pytest.approx(without["beta"][0], rel=close)
    assert left["se"] == pytest.approx(without["se"][0], rel=close)
    if dependence == "robust":
        assert row["df"] == pytest.approx(egger["df"][1], rel=close)
        assert left["df"] == pytest.approx(without["df"][0], rel=close)
    assert left["hat"] is left["cook"] is left["weight"] is None


def test_effects_in_clusters_have_no_tests_of_independent_ones() -> None:
    row = _cluster("robust")[1].table().row(0, named=True)
    assert (row["positive"], row["negative"]) == (10, 4)
    assert row["sign_p"] is row["stouffer"] is row["stouffer_p"] is row["fisher_p"] is None


def test_a_cluster_alone_says_why_it_has_no_error() -> None:
    frame = EFFECTS.with_columns(cohort=pl.lit("one"))
    row = proteomr.meta(frame, study="study", cluster="cohort").table().row(0, named=True)
    assert (row["status"], row["estimate"]) == ("too_few", None)
    assert row["message"] == "one cluster: nothing tells how clusters differ"


@pytest.mark.parametrize(
    ("shared", "n1", "n2", "said"),
    [
        (-5.0, 100.0, 200.0, "line 2: -5 people are shared by studies of 100 and 200"),
        (150.0, 100.0, 1000.0, "line 2: 150 people are shared by studies of 100 and 1000"),
        (10.0, None, 1000.0, "line 2: shared, n1 and n2 are all needed"),
    ],
)
def test_people_that_cannot_be_shared_are_refused(
    shared: float, n1: float | None, n2: float, said: str
) -> None:
    pairs = {"study1": ["a"], "study2": ["b"], "shared": [shared], "n1": [n1], "n2": [n2]}
    with pytest.raises(InputError, match=said):
        proteomr.meta(EFFECTS, study="study", overlap=pl.DataFrame(pairs))


def test_curves_of_as_many_estimates_as_coefficients_are_a_status() -> None:
    doses = pl.DataFrame(
        {
            "study": ["a", "a", "b", "b"],
            "design": ["cc"] * 4,
            "dose": [0.0, 2.0, 0.0, 3.0],
            "cases": [165, 74, 100, 90],
            "n": [337, 167, 300, 200],
            "estimate": [0.0, -0.22, 0.0, 0.3],
            "se": [None, 0.23, None, 0.2],
        }
    )
    spline = DoseOptions(shape="spline", stages="one")
    both = proteomr.meta(doses, study="study", dose=spline, pooled_only=True)
    assert set(both.table("meta_dose")["status"]) == {"too_few"}
    alone = proteomr.meta(doses[:2], study="study", dose=spline, pooled_only=True)
    assert set(alone.table("meta_dose")["status"]) == {"too_few"}
    line = proteomr.meta(doses, study="study", dose=DoseOptions(), pooled_only=True)
    assert line.table("meta_dose")["status"].to_list() == ["ok"]
