"""Pooled effects: as metafor, as slow loops, and on effects that are known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from proteomr.stats.between_studies import ESTIMATORS, certify_tau2, estimate_tau2, profile_q
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.pooling import measure_heterogeneity, pool_effects
from proteomr.stats.study_effects import StudyEffects
from proteomr.status import Status

R: dict[str, Any] = json.loads((Path(__file__).parent / "pooling.json").read_text())
Y, V = np.array([R["y"]]), np.array([R["v"]])
KIND = {"z": "none", "knha": "plain", "adhoc": "truncated"}


def moderated() -> Any:
    alloc = np.array(R["alloc"])
    return np.column_stack(
        [np.ones(13), R["ablat"], alloc == "random", alloc == "systematic"]
    ).astype(float)


def log_likelihood(y: Any, v: Any, tau2: float, *, restricted: bool) -> float:
    w = 1.0 / (v + tau2)
    mean = (w * y).sum() / w.sum()
    height = 0.5 * np.log(w).sum() - 0.5 * (w * (y - mean) ** 2).sum()
    return float(height - (0.5 * np.log(w.sum()) if restricted else 0.0))


@pytest.mark.parametrize("method", ESTIMATORS)
@pytest.mark.parametrize("test", list(KIND))
def test_means_and_errors_are_those_of_metafor(method: Any, test: str) -> None:
    want = R[test][method]
    effects = StudyEffects.of(Y, V)
    fit = pool_effects(effects, method=method, hartung=KIND[test])  # type: ignore[arg-type]
    spread = measure_heterogeneity(effects, fit.tau2, method=method)
    low, high = fit.limits()
    got = [fit.beta[0, 0], fit.se[0, 0], fit.tau2[0], spread.q[0], spread.i2[0], spread.h2[0]]
    names = ("estimate", "se", "tau2", "q", "i2", "h2")
    assert got == pytest.approx([want[name] for name in names], rel=1e-9)
    assert p_from_neg_log10(fit.neg_log10_p)[0, 0] == pytest.approx(want["p"], rel=1e-8)
    assert [low[0, 0], high[0, 0]] == pytest.approx([want["low"], want["high"]], rel=1e-9)
    if method != "FE":
        assert fit.tau2_se[0] == pytest.approx(want["tau2_se"], rel=1e-8)


@pytest.mark.parametrize("method", [m for m in ESTIMATORS if m != "FE"])
@pytest.mark.parametrize("block", ["moderated", "moderated_knha"])
def test_meta_regressions_are_those_of_metafor(method: Any, block: str) -> None:
    want = R[block][method]
    effects = StudyEffects.of(Y, V, moderated())
    hartung = "none" if block == "moderated" else "plain"
    fit = pool_effects(effects, method=method, hartung=hartung)  # type: ignore[arg-type]
    assert fit.beta[0] == pytest.approx(want["estimate"], rel=1e-8)
    assert fit.se[0] == pytest.approx(want["se"], rel=1e-8)
    assert fit.tau2[0] == pytest.approx(want["tau2"], rel=1e-8)
    assert fit.tau2_se[0] == pytest.approx(want["tau2_se"], rel=1e-7)
    wald, df, minus_log = fit.test_jointly(slice(1, 4))
    assert (wald[0], df[0]) == (pytest.approx(want["qm"], rel=1e-8), 3)
    assert p_from_neg_log10(minus_log)[0] == pytest.approx(want["qm_p"], rel=1e-7)
    spread = measure_heterogeneity(effects, fit.tau2, method=method)
    assert spread.i2[0] == pytest.approx(want["i2"], rel=1e-8)


def test_limits_of_the_variance_are_those_of_metafor() -> None:
    limits = profile_q(StudyEffects.of(Y, V))
    assert [limit[0] for limit in limits] == pytest.approx(R["profile"], rel=1e-8)


def test_limits_of_the_variance_are_where_q_is_a_quantile() -> None:
    low, high = profile_q(StudyEffects.of(Y, V), level=0.9)
    for limit, share in ((low[0], 0.95), (high[0], 0.05)):
        w = 1.0 / (V[0] + limit)
        mean = (w * Y[0]).sum() / w.sum()
        assert (w * (Y[0] - mean) ** 2).sum() == pytest.approx(chi2.ppf(share, 12), rel=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.sampled_from(["REML", "ML"]))
def test_no_variance_of_a_fine_grid_is_likelier(seed: int, k: int, method: Any) -> None:
    g = np.random.default_rng(seed)
    v = g.gamma(0.5, 1.0, k) ** 2 + 1e-6
    y = g.standard_t(2, k)
    found = float(estimate_tau2(StudyEffects.of(y[None], v[None]), method)[0]) * float(
        StudyEffects.of(y[None], v[None]).scale[0] ** 2
    )
    restricted = method == "REML"
    at = log_likelihood(y, v, found, restricted=restricted)
    grid = np.append(0.0, np.geomspace(1e-8, 1e4, 2000))
    best = max(log_likelihood(y, v, t, restricted=restricted) for t in grid)
    assert at >= best - 1e-9 * max(1.0, abs(best))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(ESTIMATORS), st.sampled_from([1e-120, 1e-3, 1e140]))
def test_units_change_no_digit(seed: int, method: Any, unit: float) -> None:
    g = np.random.default_rng(seed)
    y, v = g.normal(size=(3, 6)), g.gamma(1.0, 0.5, (3, 6)) + 1e-3
    power = 2.0 ** np.round(np.log2(unit))
    one = pool_effects(StudyEffects.of(y, v), method=method)
    other = pool_effects(StudyEffects.of(y * power, v * power**2), method=method)
    assert (one.beta * power).tolist() == other.beta.tolist()
    assert (one.status == 0).all()
    assert (other.status == 0).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(ESTIMATORS))
def test_units_pooled_together_are_as_alone(seed: int, method: Any) -> None:
    g = np.random.default_rng(seed)
    y, v = g.normal(size=(5, 7)), g.gamma(1.0, 0.5, (5, 7)) + 1e-3
    y[g.random(y.shape) < 0.3] = np.nan
    y[:, 0] = 0.5
    together = pool_effects(StudyEffects.of(y, v), method=method)
    for unit in range(5):
        there = np.isfinite(y[unit])
        alone = pool_effects(
            StudyEffects.of(y[unit, there][None], v[unit, there][None]), method=method
        )
        assert together.beta[unit] == pytest.approx(alone.beta[0], rel=1e-11)
        assert together.tau2[unit] == pytest.approx(alone.tau2[0], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_one_study_gives_its_own_estimate(method: Any) -> None:
    effects = StudyEffects.of(np.array([[0.7, np.nan]]), np.array([[0.04, np.nan]]))
    fit = pool_effects(effects, method=method, hartung="plain")
    assert [fit.beta[0, 0], fit.se[0, 0]] == pytest.approx([0.7, 0.2], rel=1e-15)
    assert fit.tau2[0] == 0.0
    assert np.isinf(fit.df[0])
    spread = measure_heterogeneity(effects, fit.tau2, method=method)
    assert (spread.q[0], spread.i2[0], spread.h2[0]) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_equal_effects_have_no_variance_between_them(method: Any) -> None:
    fit = pool_effects(StudyEffects.of(np.full((1, 4), 0.3), np.full((1, 4), 0.01)), method=method)
    assert (fit.status[0], fit.tau2[0]) == (Status.ok, 0.0)
    assert fit.beta[0, 0] == pytest.approx(0.3)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_errors_of_many_sizes_have_a_certificate(method: Any) -> None:
    g = np.random.default_rng(4)
    v = np.exp(g.uniform(-30, 30, (200, 6)))
    y = g.normal(size=v.shape) * np.sqrt(v)
    effects = StudyEffects.of(y, v)
    fit = pool_effects(effects, method=method)
    assert (fit.status == Status.ok).mean() == 1.0
    assert np.isfinite(fit.beta).all()
    assert (fit.se > 0).all()


def test_a_wrong_variance_has_no_certificate() -> None:
    effects = StudyEffects.of(Y, V)
    right = estimate_tau2(effects, "REML")
    assert certify_tau2(effects, "REML", right)[0]
    assert not certify_tau2(effects, "REML", right * (1 + 1e-6))[0]
    assert not certify_tau2(effects, "REML", np.zeros(1))[0]


def test_an_aliased_moderator_is_empty_and_the_rest_is_as_without() -> None:
    X = np.column_stack([moderated(), 2.0 * np.array(R["ablat"]) + 1.0])
    fit = pool_effects(StudyEffects.of(Y, V, X), method="REML")
    assert np.isnan(fit.beta[0, 4])
    assert fit.beta[0, :4] == pytest.approx(R["moderated"]["REML"]["estimate"], rel=1e-8)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_correlated_errors_are_generalised_least_squares(method: Any) -> None:
    g = np.random.default_rng(8)
    C = np.full((5, 5), 0.3) + 0.7 * np.eye(5)
    y, v = g.normal(size=5), g.gamma(2, 0.2, 5)
    fit = pool_effects(StudyEffects.of(y[None], v[None], correlation=C), method=method)
    Sigma = np.sqrt(np.outer(v, v)) * C + fit.tau2[0] * np.eye(5)
    weight = np.linalg.inv(Sigma).sum(axis=0)
    assert fit.beta[0, 0] == pytest.approx(weight @ y / weight.sum(), rel=1e-10)
    assert fit.se[0, 0] == pytest.approx(weight.sum() ** -0.5, rel=1e-10)
    assert fit.weights[0] == pytest.approx(weight / weight.sum(), rel=1e-9)


@pytest.mark.parametrize("method", ESTIMATORS)
def test_no_correlation_is_as_independence(method: Any) -> None:
    y, v = Y.copy(), V.copy()
    y[0, 3] = np.nan
    plain = pool_effects(StudyEffects.of(y, v), method=method)
    turned = pool_effects(StudyEffects.of(y, v, correlation=np.eye(13)), method=method)
    assert turned.beta[0, 0] == pytest.approx(plain.beta[0, 0], rel=1e-10)
    assert turned.tau2_se[0] == pytest.approx(plain.tau2_se[0], rel=1e-8, nan_ok=True)


def test_knapp_and_hartungs_intervals_hold_the_truth() -> None:
    g = np.random.default_rng(2)
    m, k = 4000, 6
    v = g.gamma(2, 0.05, (m, k))
    y = 0.4 + g.normal(0, 0.3, (m, k)) + g.normal(size=(m, k)) * np.sqrt(v)
    fit = pool_effects(StudyEffects.of(y, v), method="REML", hartung="plain")
    low, high = fit.limits()
    covered = float(((low[:, 0] <= 0.4) & (high[:, 0] >= 0.4)).mean())
    assert 0.92 < covered < 0.965  # a little below, as known of errors that differ in size
    assert float(np.median(fit.tau2)) == pytest.approx(0.08, abs=0.02)


@pytest.mark.parametrize("away", [0.5, 64.0])
def test_effects_of_millions_of_standard_errors_have_their_regression(away: float) -> None:
    # errors of 1e-6 to 1e-4: in R's metafor these fits come out, and are those of the lines through
    # the effects less their common part, which is taken away without rounding
    random = np.random.default_rng(4)
    v = 10.0 ** random.uniform(-12, -8, (20, 40))
    y = away + random.normal(size=v.shape) * np.sqrt(v)
    x = np.stack([np.ones_like(v), np.sqrt(v)], axis=2)
    fit = pool_effects(StudyEffects.of(y, v, x), method="FE")
    assert (fit.status == Status.ok).all()
    for unit in range(len(y)):
        root = np.sqrt(v[unit])
        rows = np.column_stack([1.0 / root, np.ones(root.size)])
        expected = np.linalg.lstsq(rows, (y[unit] - away) / root, rcond=None)[0]
        reach = 1e-8 + 1e-15 * away / fit.se[unit, 0]
        assert abs(fit.beta[unit, 1] - expected[1]) <= reach * fit.se[unit, 1]


@pytest.mark.parametrize("error", [1e-12, 1e-8, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize(("k", "p"), [(3, 2), (4, 3), (2, 1)])
def test_one_degree_of_freedom_has_its_variance_in_closed_form(
    k: int, p: int, error: float
) -> None:
    """One contrast c is free of the columns: (c'y)^2 - c'Vc over c'c, or 0, is REML, ML and PM."""
    random = np.random.default_rng(k)
    y = random.normal(size=(300, k))
    v = (error * np.exp(random.normal(size=y.shape))) ** 2
    X = np.concatenate([np.ones((*y.shape, 1)), random.normal(size=(*y.shape, p - 1))], axis=2)
    effects = StudyEffects.of(y, v, X)
    c = np.linalg.qr(X, mode="complete")[0][:, :, -1]
    found = np.maximum(np.vecdot(c, y) ** 2 - np.vecdot(c * c, v), 0.0)
    for method in ("REML", "PM"):
        fit = pool_effects(effects, method=method)
        assert set(fit.status) == {Status.ok}
        np.testing.assert_allclose(fit.tau2, found, rtol=1e-8, atol=1e-9 * error**2)


@pytest.mark.parametrize("left", [1e-14, 1e-10, 1e-6, 1e-2])
@pytest.mark.parametrize("error", [1e-10, 1e-4, 1.0])
@pytest.mark.parametrize("method", ["REML", "ML", "PM"])
def test_columns_that_explain_nearly_all_leave_a_certificate(
    method: Any, error: float, left: float
) -> None:
    random = np.random.default_rng(4)
    X = np.concatenate([np.ones((200, 5, 1)), random.normal(size=(200, 5, 2))], axis=2)
    y = np.einsum("mkp,mp->mk", X, random.normal(size=(200, 3)))
    y += left * random.normal(size=y.shape)
    v = (error * np.exp(random.normal(size=y.shape))) ** 2
    effects = StudyEffects.of(y, v, X)
    assert certify_tau2(effects, method, estimate_tau2(effects, method)).all()
