"""Moderators of effects in clusters: tested together, or said not to be told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.stats.clustered_effects import estimate_clustered_errors
from proteomr.stats.three_levels import fit_three_levels
from proteomr.status import Status

STORED = Path(__file__).parents[1] / "stats" / "clustered_effects.json"


def clustered(y: Any, v: Any, cluster: Any, **columns: Any) -> pl.DataFrame:
    k = len(y)
    return pl.DataFrame(
        {
            "protein": ["ADM"] * k,
            "trial": [f"s{i:02d}" for i in range(k)],
            "estimate": y,
            "se": np.sqrt(v),
            "group": [f"c{code}" for code in cluster],
            **columns,
        }
    )


def moderate(table: pl.DataFrame, moderators: Any, **asked: Any) -> list[dict[str, Any]]:
    found = proteomr.meta(table, study="trial", cluster="group", moderators=moderators, **asked)
    return found.table("meta_moderators").to_dicts()


def test_moderators_are_tested_together_as_by_clubsandwich() -> None:
    """Wald_test(test = "HTZ"): F of three columns with the degrees that few clusters leave."""
    stored = json.loads(STORED.read_text())
    kind = ["abc"[code % 3] for code in stored["cluster"]]
    table = clustered(stored["y"], stored["v"], stored["cluster"], x=stored["x"], kind=kind)
    row = moderate(table, ["x", "kind"], tau2="DL")[0]
    want = stored["joint"]
    assert [row["qm"], row["qm_p"]] == pytest.approx([want["F"], want["p"]], rel=1e-9)
    assert row["qm_df"] == 3.0


def test_one_moderator_alone_has_the_p_value_of_its_coefficient() -> None:
    stored = json.loads(STORED.read_text())
    table = clustered(stored["y"], stored["v"], stored["cluster"], x=stored["x"])
    rows = moderate(table, "x")
    assert rows[1]["qm_p"] == pytest.approx(rows[1]["p_value"], rel=1e-10)
    assert rows[1]["qm"] == pytest.approx(rows[1]["statistic"] ** 2, rel=1e-10)


def test_a_coefficient_of_one_cluster_alone_has_no_robust_error() -> None:
    """Its residuals are 0 but for rounding, and so would its error be, and its p value."""
    rng = np.random.default_rng(2)
    cluster = [0, 0, 0, 1, 1, 2, 2, 3]
    kind = ["b" if code < 3 else "a" for code in cluster]
    rows = moderate(clustered(rng.normal(size=8), np.full(8, 0.04), cluster, kind=kind), "kind")
    assert [row["status"] for row in rows] == ["not_identified", "ok"]
    assert rows[0]["p_value"] is None
    assert rows[1]["se"] > 0.1


@pytest.mark.parametrize("widest", [1.0, 1e2])
def test_robust_errors_are_those_of_the_model_in_expectation(widest: float) -> None:
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(6), [4, 2, 3, 1, 5, 3])
    variance = (0.1 * widest ** rng.random(cluster.size)) ** 2
    X = np.column_stack([np.ones(cluster.size), rng.normal(size=cluster.size)])
    found = estimate_clustered_errors(X, X[:, 1], variance, cluster, beta=np.array([0.0, 0.5]))
    expected = np.einsum("jka,k,jkb->ab", found.pulled, variance, found.pulled)
    assert expected == pytest.approx(np.linalg.inv(X.T @ (X / variance[:, None])), rel=1e-6)
    assert found.sound
    assert found.told.all()


def test_errors_that_lie_too_far_apart_for_a_root_are_no_number() -> None:
    rng = np.random.default_rng(4)
    cluster = np.repeat(np.arange(5), 4)
    variance = 10.0 ** rng.uniform(-12.0, 4.0, cluster.size)
    rows = moderate(clustered(rng.normal(size=20), variance, cluster, x=rng.normal(size=20)), "x",
        tau2="FE")  # fmt: skip
    assert {row["status"] for row in rows} <= {"not_converged", "ok"}
    X = np.column_stack([np.ones(20), rng.normal(size=20)])
    assert not estimate_clustered_errors(X, X[:, 1], variance, cluster, beta=np.zeros(2)).sound


def test_where_columns_tell_each_cluster_nothing_varies_between_them() -> None:
    rng = np.random.default_rng(5)
    cluster = [0, 0, 0, 0, 1, 1, 1, 1]
    kind = ["a" if code else "b" for code in cluster]
    table = clustered(rng.normal(size=8), rng.uniform(0.01, 0.1, 8), cluster, kind=kind)
    rows = moderate(table, "kind", dependence="three-level")
    assert {row["status"] for row in rows} == {"not_identified"}


@pytest.mark.parametrize("restricted", [True, False])
def test_clusters_of_one_effect_have_one_variance(restricted: bool) -> None:  # noqa: FBT001
    y, v = np.array([0.1, 0.5, 0.3, 0.9]), np.full(4, 0.01)
    fit = fit_three_levels(np.ones((4, 1)), y, v, np.arange(4), restricted=restricted)
    assert fit.status == Status.not_identified


def test_equal_effects_have_no_variance_at_either_level() -> None:
    cluster = np.repeat(np.arange(4), 3)
    v = np.random.default_rng(6).uniform(0.01, 0.1, 12)
    fit = fit_three_levels(np.ones((12, 1)), np.full(12, 0.3), v, cluster)
    assert (fit.status, fit.between, fit.within) == (Status.ok, 0.0, 0.0)
    assert fit.covariance[0, 0] == pytest.approx(1.0 / (1.0 / v).sum(), rel=1e-12)
