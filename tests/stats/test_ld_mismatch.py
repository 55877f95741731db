"""Mismatch of statistics and correlations against susieR, by plain algebra, where it is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import multivariate_normal

from proteomr._typing import F64
from proteomr.stats.ld_mismatch import Kriging, decompose, estimate_mismatch, krige
from proteomr.stats.mixture_weights import fit_mixture_weights
from proteomr.stats.susie import shrink_z

STORED = json.loads((Path(__file__).parent / "susie.json").read_text())


def _hold(ours: Kriging, theirs: dict[str, list[float]]) -> None:
    np.testing.assert_allclose(ours.expected, theirs["condmean"], atol=1e-6)
    np.testing.assert_allclose(ours.variance, theirs["condvar"], rtol=1e-6)
    np.testing.assert_allclose(ours.difference, theirs["z_std_diff"], atol=1e-5)
    # mixsqp stops with this accuracy of the weights
    np.testing.assert_allclose(ours.log_ratio, theirs["logLR"], atol=2e-4, rtol=2e-4)


@pytest.mark.parametrize("case", STORED["mismatch"], ids=lambda case: str(case["locus"]))
def test_mismatch_and_expected_statistics_are_those_of_susier(case: dict[str, Any]) -> None:
    locus = STORED["loci"][case["locus"]]
    z, spectrum = np.array(locus["z"]), decompose(np.array(locus["r"]))
    s = estimate_mismatch(z, spectrum, n=case["n"])
    assert s == pytest.approx(case["result"]["s"], rel=1e-5, abs=1e-7)
    _hold(krige(z, spectrum, n=case["n"], s=s), case["result"])


def test_the_turned_variant_of_susiers_example_is_flagged(reference: Path) -> None:
    data = reference / "mr" / "data"
    z = pl.read_csv(data / "susie_sumconsistency.csv")["z"].to_numpy()
    r = pl.read_csv(data / "susie_sumconsistency_R.csv", infer_schema_length=None).to_numpy()
    entries = json.loads((reference / "mr/expected/susie_sumconsistency.json").read_text())
    theirs = {entry["method"]: entry["result"] for entry in entries}
    spectrum = decompose(r.astype(np.float64))
    s = estimate_mismatch(z, spectrum, n=10_000)
    assert s == pytest.approx(theirs["estimate_s_rss"]["s"], rel=1e-6)
    kriging = krige(z, spectrum, n=10_000, s=s)
    _hold(kriging, theirs["kriging_rss"])
    meta = json.loads((data / "susie_sumconsistency_meta.json").read_text())
    assert np.flatnonzero(kriging.flagged).tolist() == [meta["flip_id"] - 1]


def _correlations(p: int, decay: float) -> F64:
    places = np.arange(p)
    return np.asarray(decay ** np.abs(places[:, None] - places[None, :]))


def test_conditional_moments_are_those_of_the_joint_normal() -> None:
    random = np.random.default_rng(1)
    r, s, p = _correlations(12, 0.7), 0.2, 12
    z = random.normal(size=p) * 2
    kriging = krige(z, decompose(r), n=None, s=s)
    joint = (1 - s) * r + s * np.eye(p)
    for i in range(p):
        others = np.arange(p) != i
        solved = np.linalg.solve(joint[np.ix_(others, others)], joint[others, i])
        assert kriging.expected[i] == pytest.approx(solved @ z[others], abs=1e-10)
        assert kriging.variance[i] == pytest.approx(1 - solved @ joint[others, i], rel=1e-10)


def test_the_mismatch_is_where_the_joint_density_is_highest() -> None:
    r, n = _correlations(10, 0.8), 300.0
    z = np.random.default_rng(2).normal(size=10) * 1.5
    s = estimate_mismatch(z, decompose(r), n=n)
    grid = np.linspace(0.001, 0.999, 999)
    densities = [
        multivariate_normal.logpdf(shrink_z(z, n), cov=(1 - g) * r + g * np.eye(10)) for g in grid
    ]
    assert s == pytest.approx(grid[int(np.argmax(densities))], abs=2e-3)


def test_statistics_drawn_from_the_correlations_show_no_mismatch_and_others_do() -> None:
    random = np.random.default_rng(3)
    r = _correlations(150, 0.95)
    root = np.linalg.cholesky(r)
    matched = [estimate_mismatch(root @ random.normal(size=150), decompose(r)) for _ in range(8)]
    foreign = [estimate_mismatch(random.normal(size=150), decompose(r)) for _ in range(3)]
    assert max(matched) < 0.02
    assert min(foreign) > 0.5


def test_a_matrix_of_no_people_is_told() -> None:
    r = np.array([[1, 0.9, -0.9], [0.9, 1, 0.9], [-0.9, 0.9, 1.0]])
    assert not decompose(r).is_positive
    assert decompose(np.ones((3, 3))).is_positive


def test_weights_of_a_mixture_have_the_highest_likelihood_of_all() -> None:
    random = np.random.default_rng(4)
    spreads = np.array([0.5, 1.0, 2.0, 4.0])
    x = random.normal(size=400) * np.where(random.random(400) < 0.7, 1.0, 4.0)
    logs = -0.5 * (x[:, None] / spreads) ** 2 - np.log(spreads)
    weights, proven = fit_mixture_weights(logs)
    plain = np.full(4, 0.25)
    for _ in range(20_000):  # expectation and maximisation, slow and obvious
        shares = np.exp(logs) * plain
        plain = (shares / shares.sum(axis=1, keepdims=True)).mean(axis=0)
    assert proven
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)
    best, other = (np.log(np.exp(logs) @ w).sum() for w in (weights, plain))
    assert best >= other - 1e-7
    np.testing.assert_allclose(weights, plain, atol=1e-3)


def test_one_component_and_densities_that_no_double_holds_are_weighed() -> None:
    assert fit_mixture_weights(np.array([[-5000.0], [3.0]]))[0].tolist() == [1.0]
    weights, proven = fit_mixture_weights(np.array([[-9000.0, -8000.0], [-1.0, -2000.0]]))
    assert proven
    np.testing.assert_allclose(weights, 0.5, atol=1e-6)
