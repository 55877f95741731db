"""One multinomial fit: the maximum, its limit under separation, and what tells them apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import statsmodels.api as sm

from proteomr._typing import F64, I64
from proteomr.stats.chunked import chunk_design
from proteomr.stats.logistic import fit_logistic
from proteomr.stats.multinomial import (
    MultinomialLimit,
    choice_probabilities,
    fit_multinomial,
    fit_multinomial_limit,
    log_likelihood,
    score_multinomial,
)
from proteomr.stats.multinomial_base import fit_base


def draw(n: int, K: int, *, seed: int = 0, columns: int = 3) -> tuple[F64, I64]:
    g = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), g.normal(size=(n, columns))])
    eta = 0.6 * g.normal(size=(K, columns + 1)) @ X.T
    shares = np.cumsum(np.exp(eta) / np.exp(eta).sum(axis=0), axis=0)
    return X, (g.random(n) > shares).sum(axis=0)


def ridge(X: F64, levels: I64, K: int, penalty: float) -> F64:
    """Return the coefficients under a small ridge, which holds those back that are infinite."""
    L, p, everything = K - 1, X.shape[1], np.ones((K, levels.size))
    b = np.zeros((L, p))
    hits = levels == np.arange(1, K)[:, None]
    for _ in range(400):
        mu = choice_probabilities(b @ X.T, everything)[1:]
        score = ((hits - mu) @ X - penalty * b).ravel()
        H = penalty * np.eye(L * p)
        for i in range(L):
            for k in range(L):
                w = mu[i] * ((i == k) - mu[k])
                H[i * p : i * p + p, k * p : k * p + p] += (X * w[:, None]).T @ X
        step = np.linalg.solve(H, score)
        b += step.reshape(L, p) * min(1.0, 2.0 / np.abs(step).max())
        if score @ step < 1e-26:
            break
    return b


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("K", [2, 3, 5])
def test_a_fit_is_that_of_statsmodels(K: int, *, weighted: bool) -> None:
    X, levels = draw(400, K, seed=K)
    counts = np.random.default_rng(1).integers(1, 4, 400).astype(float)
    rows = np.repeat(np.arange(400), counts.astype(int)) if weighted else np.arange(400)
    fit = fit_multinomial(X, levels, K, weights=counts if weighted else None)
    other: Any = sm.MNLogit(levels[rows], X[rows]).fit(disp=0, method="newton", tol=1e-14)
    assert fit.converged
    np.testing.assert_allclose(fit.coefficients, np.asarray(other.params).T, atol=1e-11)
    se = np.sqrt(np.diagonal(fit.covariance.reshape((K - 1) * 4, -1))).reshape(K - 1, 4)
    np.testing.assert_allclose(se, np.asarray(other.bse).T, rtol=1e-10)
    assert fit.log_likelihood == pytest.approx(other.llf, rel=1e-13)


def test_two_levels_are_logistic_regression() -> None:
    X, levels = draw(300, 2)
    one, other = fit_multinomial(X, levels, 2), fit_logistic(X, levels.astype(float))
    np.testing.assert_allclose(one.coefficients[0], other.coefficients, rtol=1e-12)
    np.testing.assert_allclose(one.covariance[0, :, 0], other.covariance, rtol=1e-10)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-14)


def test_weights_of_any_size_give_the_same_estimate() -> None:
    X, levels = draw(200, 3)
    one = fit_multinomial(X, levels, 3)
    tiny = fit_multinomial(X, levels, 3, weights=np.full(200, 1e-9))
    np.testing.assert_allclose(one.coefficients, tiny.coefficients, rtol=1e-10)
    np.testing.assert_allclose(tiny.covariance, 1e9 * one.covariance, rtol=1e-9)


def hold_against_ridge(X: F64, levels: I64, K: int, limit: MultinomialLimit) -> list[bool]:
    """Return which coefficients are finite, having compared those with a vanishing ridge."""
    small, smaller = (ridge(X, levels, K, penalty) for penalty in (1e-5, 1e-7))
    finite = []
    for i in range((K - 1) * X.shape[1]):
        unit = np.eye((K - 1) * X.shape[1])[i]
        finite.append(limit.is_finite(unit))
        if finite[-1]:
            found = limit.fit.coefficients.ravel()[i]
            assert abs(smaller.ravel()[i] - found) < 1e-3
            assert abs(smaller.ravel()[i] - found) < 0.1 * abs(small.ravel()[i] - found) + 1e-7
        else:
            assert abs(smaller.ravel()[i]) > abs(small.ravel()[i]) + 0.5
    return finite


def test_a_site_without_one_of_the_groups_leaves_the_others_their_limit() -> None:
    X, levels = draw(300, 3, seed=4)
    site = np.arange(300) % 3
    levels[(site == 2) & (levels == 1)] = 0
    X = np.column_stack([X, site == 1, site == 2]).astype(float)
    limit = fit_multinomial_limit(X, levels, 3)
    assert limit.fit.converged
    assert limit.apart == 100
    assert not limit.complete
    finite = hold_against_ridge(X, levels, 3, limit)
    assert [i for i, each in enumerate(finite) if not each] == [5]  # of group 1 in the third site


def test_a_group_that_a_column_separates_has_no_estimate_and_the_others_have_theirs() -> None:
    X, levels = draw(250, 3, seed=5)
    X[:, 3] = np.where(levels == 2, 3.0 + np.abs(X[:, 3]), np.minimum(X[:, 3], 2.9))
    limit = fit_multinomial_limit(X, levels, 3)
    finite = hold_against_ridge(X, levels, 3, limit)
    assert finite[:4] == [True] * 4
    assert not finite[7]
    rest = levels < 2
    alone = fit_logistic(X[rest], levels[rest].astype(float))
    np.testing.assert_allclose(limit.fit.coefficients[0], alone.coefficients, rtol=1e-8)


def test_separation_that_iterates_quietly_is_found() -> None:
    """One person beyond all others of a group: Newton's decrement shrinks by e a step."""
    g = np.random.default_rng(6)
    x = g.normal(size=120)
    levels = g.integers(0, 2, 120)
    levels[np.argmax(x)] = 2
    limit = fit_multinomial_limit(np.column_stack([np.ones(120), x]), levels, 3)
    assert not limit.is_finite(np.array([0.0, 0.0, 0.0, 1.0]))
    assert limit.is_finite(np.array([0.0, 1.0, 0.0, 0.0]))


def test_complete_separation_leaves_no_choice() -> None:
    x = np.arange(30.0)
    limit = fit_multinomial_limit(np.column_stack([np.ones(30), x]), (x // 10).astype(int), 3)
    assert limit.complete
    assert limit.fit.log_likelihood == 0.0


def test_the_likelihood_of_choices_left_is_that_of_the_whole_at_its_supremum() -> None:
    X, levels = draw(300, 3, seed=4)
    site = np.arange(300) % 3
    levels[(site == 2) & (levels == 1)] = 0
    X = np.column_stack([X, site == 1, site == 2]).astype(float)
    limit = fit_multinomial_limit(X, levels, 3)
    far = limit.fit.coefficients.copy()
    far[0, 5] = -60.0
    whole = log_likelihood(far @ X.T, levels, np.ones((3, 300)), np.ones(300))
    assert limit.fit.log_likelihood == pytest.approx(whole, rel=1e-12)


def test_a_level_of_nobody_in_a_column_of_a_single_person_is_no_trap() -> None:
    X, levels = draw(200, 4, seed=8)
    one = (np.arange(200) == 17).astype(float)
    found = fit_multinomial_limit(np.column_stack([X, one]), levels, 4)
    rest = one == 0.0
    without = fit_multinomial(X[rest], levels[rest], 4)
    np.testing.assert_allclose(found.fit.coefficients[:, :4], without.coefficients, rtol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_fit_of_the_covariates_alone_is_the_maximum(*, weighted: bool) -> None:
    g = np.random.default_rng(2)
    n = 900
    site = np.sort(g.integers(0, 5, n))
    cells = np.column_stack([np.ones(5), np.eye(5)[:, 1:]])
    dense = np.linalg.qr(g.normal(size=(n, 3)))[0] * np.sqrt(n)
    design = chunk_design(dense, cells, site, chunk_rows=100)
    levels = draw(n, 4, seed=3)[1]
    weights = g.exponential(size=n) if weighted else None
    base = fit_base(design, levels.astype(float), np.ones((4, n)), weights)
    assert base is not None
    one = fit_multinomial(design.matrix(), levels, 4, weights=weights)
    np.testing.assert_allclose(base.coefficients, one.coefficients.ravel(), atol=1e-9)
    inverse = one.covariance.reshape(base.inverse_information.shape)
    np.testing.assert_allclose(base.inverse_information, inverse, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(base.residuals.sum(axis=1), 0.0, atol=1e-9)


def test_a_level_of_nobody_or_a_separated_one_has_no_base() -> None:
    n = 60
    design = chunk_design(np.zeros((n, 0)), np.ones((1, 1)), np.zeros(n, dtype=np.int64))
    assert fit_base(design, np.zeros(n), np.ones((3, n))) is None
    x = np.linspace(-1.0, 1.0, n)[:, None]
    design = chunk_design(x, np.ones((1, 1)), np.zeros(n, dtype=np.int64))
    assert fit_base(design, np.repeat([0.0, 1.0, 2.0], 20), np.ones((3, n))) is None


@pytest.mark.parametrize("weighted", [False, True])
def test_the_score_statistic_is_that_of_the_derivatives_at_the_fit_without(
    *, weighted: bool
) -> None:
    X, levels = draw(300, 3, seed=9)
    counts = np.random.default_rng(1).exponential(size=300) if weighted else None
    null = fit_multinomial_limit(X[:, :3], levels, 3, weights=counts)
    found = score_multinomial(X, levels, 3, null, weights=counts)
    at = np.column_stack([null.fit.coefficients, np.zeros(2)]).ravel()
    m = np.ones(300) if counts is None else counts

    def value(b: F64) -> float:
        return log_likelihood(b.reshape(2, 4) @ X.T, levels, np.ones((3, 300)), m)

    h, units = 1e-4, np.eye(8)
    score = np.array([(value(at + h * u) - value(at - h * u)) / (2 * h) for u in units])
    information = np.array(
        [
            [
                (
                    value(at + h * (u - v))
                    + value(at - h * (u - v))
                    - value(at + h * (u + v))
                    - value(at - h * (u + v))
                )
                / (4 * h**2)
                for v in units
            ]
            for u in units
        ]
    )
    assert found == pytest.approx(score @ np.linalg.solve(information, score), rel=1e-4)


def test_the_score_test_of_a_limit_is_that_of_the_choices_left() -> None:
    X, levels = draw(300, 3, seed=4)
    site = (np.arange(300) % 3 == 2).astype(float)
    levels[(site == 1.0) & (levels == 1)] = 0
    C = np.column_stack([X[:, :3], site])
    null = fit_multinomial_limit(C, levels, 3)
    assert null.apart == 100
    found = score_multinomial(np.column_stack([C, X[:, 3]]), levels, 3, null)
    # the same with the coefficient that is infinite far out, in whose direction nothing is known
    b = null.fit.coefficients.copy()
    b[0, 3] = -30.0
    mu = choice_probabilities(b @ C.T, np.ones((3, 300)))[1:]
    whole = np.column_stack([C, X[:, 3]])
    hits = levels == np.arange(1, 3)[:, None]
    score = ((hits - mu) @ whole).ravel()
    H = np.block(
        [
            [(whole * (mu[i] * ((i == k) - mu[k]))[:, None]).T @ whole for k in range(2)]
            for i in range(2)
        ]
    )
    assert found == pytest.approx(score @ np.linalg.pinv(H, rcond=1e-8) @ score, rel=1e-6)
