from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.mr.blocks import Block, JointWork
from proteomr.mr.multivariable import MultivariableIvw, MultivariablePresso
from proteomr.stats.joint_residuals import leave_each_out_of_planes
from tests.mr.multivariable.lipids import simulate

QUICK = MultivariablePresso(simulations=300)


def fit(X: F64, y: F64, w: F64) -> F64:
    return np.asarray(np.linalg.solve(X.T @ (w[:, None] * X), X.T @ (w * y)))


def shifted(seed: int, shift: float) -> tuple[F64, set[int]]:
    direct = np.zeros(40)
    direct[[3, 17, 29]] = shift
    return direct, {3, 17, 29}


def test_the_plane_without_each_variant_is_that_of_an_obvious_loop() -> None:
    data = simulate(20, [0.4, -0.2], seed=1)
    X, y, w = data.beta_x, data.beta_y, data.se_y**-2.0
    left = leave_each_out_of_planes(X, y, weights=w)
    assert left is not None
    for j in range(20):
        others = np.arange(20) != j
        b = fit(X[others], y[others], w[others])
        assert left.coefficients[j] == pytest.approx(b, rel=1e-9)
        assert left.residuals[j] == pytest.approx(y[j] - X[j] @ b, rel=1e-8, abs=1e-12)
    assert left.rss == pytest.approx(float(np.sum(w * left.residuals**2)), rel=1e-12)


def test_the_global_p_is_that_of_an_obvious_simulation() -> None:
    data = simulate(15, [0.4, -0.2], seed=2, pleiotropy=0.02 * np.resize([1.0, -1.0, 0.0], 15))
    X, S, w = data.beta_x, data.se_x, data.se_y**-2.0
    random = np.random.default_rng(3)

    def rss(X: F64, y: F64) -> tuple[F64, float]:
        kept = [np.arange(15) != j for j in range(15)]
        b = np.array([fit(X[i], y[i], w[i]) for i in kept])
        return b, float(np.sum(w * (y - np.sum(b * X, axis=1)) ** 2))

    b, observed = rss(X, data.beta_y)
    mean = np.sum(b * X, axis=1)
    drawn = [rss(random.normal(X, S), random.normal(mean, data.se_y))[1] for _ in range(800)]
    share = float(np.mean(np.array(drawn) >= observed))
    found = MultivariablePresso().estimate(data, random=np.random.default_rng(4))[0]
    assert found.details["rss"] == pytest.approx(observed, rel=1e-9)
    assert found.details["global_p"] == pytest.approx(share, abs=0.07)


def test_outliers_are_left_out_and_the_others_fitted_as_by_lm() -> None:
    direct, invalid = shifted(5, 0.12)
    data = simulate(40, [0.4, -0.2], seed=5, pleiotropy=direct)
    found = QUICK.estimate(data, random=np.random.default_rng(1))
    kept = np.array([k for k in range(40) if k not in invalid])
    assert found[0].used == tuple(kept.tolist())
    X, y, w = data.beta_x[kept], data.beta_y[kept], data.se_y[kept] ** -2.0
    b = fit(X, y, w)
    sigma2 = np.sum(w * (y - X @ b) ** 2) / (kept.size - 2)
    se = np.sqrt(sigma2 * np.diag(np.linalg.inv(X.T @ (w[:, None] * X))))
    assert [one.estimate for one in found] == pytest.approx(b, rel=1e-10)
    assert [one.se for one in found] == pytest.approx(se, rel=1e-10)
    assert found[0].df == 35


def test_without_pleiotropy_the_estimates_are_those_of_all_variants() -> None:
    data = simulate(30, [0.4, -0.2], seed=6)
    found = QUICK.estimate(data, random=np.random.default_rng(1))
    plain = MultivariableIvw().estimate(data, random=np.random.default_rng(1))
    assert found[0].message == "the global test finds no pleiotropy: all variants"
    for one, other in zip(found, plain, strict=True):
        assert one.estimate == pytest.approx(other.estimate, rel=1e-10)


def test_the_tables_have_one_global_test_and_a_distortion_for_each_exposure() -> None:
    direct, _ = shifted(7, 0.12)
    data = simulate(40, [0.4, -0.2], seed=7, pleiotropy=direct)
    tables = JointWork(data, ("mv_presso(simulations=200)",), 1)(Block(0, (0, 1)))
    presso = tables["presso"].select("exposure", "test")
    joined = " + ".join(data.exposures)
    assert presso.rows() == [
        (joined, "global"),
        *((name, "distortion") for name in data.exposures),
    ]
    assert tables["presso"].filter(test="distortion")["p_value"].null_count() == 0
    assert tables["presso_outliers"].filter("outlier").height == 3


def test_a_variant_that_alone_tells_two_exposures_apart_is_a_status() -> None:
    data = simulate(10, [0.4, -0.2], seed=8)
    x = data.beta_x.copy()
    x[1:, 1] = 2 * x[1:, 0]
    x[0] = [0.1, 0.0]
    found = QUICK.estimate(replace(data, beta_x=x), random=np.random.default_rng(1))
    assert {one.status.name for one in found} == {"not_identified"}
    assert "collinear" in str(found[0].message)
