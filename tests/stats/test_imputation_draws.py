"""Draws of missing values: donors of the nearest predictions, levels of the drawn coefficients."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.imputation_draws import _choose_donors, draw_levels, draw_matches
from proteomr.stats.least_squares import solve_least_squares
from proteomr.stats.logistic import fit_logistic


def test_donors_are_the_five_nearest_each_as_often() -> None:
    random = np.random.default_rng(1)
    known = random.normal(size=60)
    wanted = np.repeat([-5.0, 0.1, 5.0], 4000)
    found = _choose_donors(known, wanted, random).reshape(3, 4000)
    for value, donors in zip((-5.0, 0.1, 5.0), found, strict=True):
        nearest = np.argsort(np.abs(known - value))[:5]
        which, counts = np.unique(donors, return_counts=True)
        assert set(which) == set(nearest)
        assert np.all(np.abs(counts - 800) < 4.5 * np.sqrt(4000 * 0.2 * 0.8))


def test_of_equal_predictions_every_person_may_be_the_donor() -> None:
    known = np.repeat([0.0, 1.0], 50)
    found = _choose_donors(known, np.full(5000, 0.1), np.random.default_rng(2))
    assert set(found) == set(range(50))


def test_there_may_be_fewer_people_than_donors() -> None:
    found = _choose_donors(np.array([3.0, 1.0]), np.zeros(300), np.random.default_rng(3))
    assert set(found) == {0, 1}


def test_predictions_of_donors_vary_as_the_posterior_of_the_coefficients() -> None:
    random = np.random.default_rng(4)
    x = random.normal(size=1000)
    y = x + random.normal(size=1000)
    X, wanted = np.column_stack([np.ones(1000), x]), np.array([1.0, 0.5])
    fit = solve_least_squares(X, y)
    donors = [
        draw_matches(y, X, wanted[None], random=np.random.default_rng(i))[0] for i in range(400)
    ]
    predicted = X[donors] @ fit.coefficients
    assert predicted.mean() == pytest.approx(wanted @ fit.coefficients, abs=0.008)
    posterior = np.sqrt(fit.rss / fit.df * (wanted @ fit.unscaled @ wanted))
    assert predicted.std() == pytest.approx(posterior, rel=0.15)


def test_an_aliased_column_changes_no_draw() -> None:
    random = np.random.default_rng(5)
    X = np.column_stack([np.ones(80), random.normal(size=(80, 2))])
    y, Z = X.sum(axis=1) + random.normal(size=80), X[:9]
    twice, more = (np.column_stack([part, part[:, 1] - part[:, 2]]) for part in (X, Z))
    plain, aliased = (
        draw_matches(y, rows, wanted, random=np.random.default_rng(6))
        for rows, wanted in ((X, Z), (twice, more))
    )
    np.testing.assert_array_equal(plain, aliased)


def test_two_levels_are_drawn_about_the_logistic_fit_with_its_covariance() -> None:
    random = np.random.default_rng(7)
    X = np.column_stack([np.ones(500), random.normal(size=500)])
    y = (random.random(500) < 1 / (1 + np.exp(-0.5 - X[:, 1]))).astype(np.int64)
    Z = np.column_stack([np.ones(3000), np.full(3000, 1.0)])
    fit = fit_logistic(X, y.astype(float))
    mean, at = 1 / (1 + np.exp(-fit.coefficients.sum())), np.ones(2)
    shares = [draw_levels(y, X, Z, random=np.random.default_rng(i))[0].mean() for i in range(200)]
    spread = mean * (1 - mean) * np.sqrt(at @ fit.covariance @ at)
    assert np.mean(shares) == pytest.approx(mean, abs=0.006)
    assert np.std(shares) == pytest.approx(np.hypot(spread, np.sqrt(0.2 * 0.8 / 3000)), rel=0.2)


def test_levels_that_a_column_tells_apart_are_drawn_from_a_finite_fit() -> None:
    X = np.column_stack([np.ones(60), np.repeat([0.0, 1.0, 2.0], 20)])
    levels = np.repeat([0, 1, 2], 20)
    drawn, coefficients = draw_levels(levels, X, X, random=np.random.default_rng(8))
    assert np.all(np.abs(coefficients) < 60)
    assert np.mean(drawn == levels) > 0.8


def test_a_start_changes_no_level() -> None:
    random = np.random.default_rng(9)
    X = np.column_stack([np.ones(200), random.normal(size=(200, 2))])
    levels = random.integers(0, 4, size=200)
    first, found = draw_levels(levels, X, X, random=np.random.default_rng(1))
    again, same = draw_levels(levels, X, X, random=np.random.default_rng(1), start=found)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(same, found, rtol=1e-9)


def test_without_predictors_levels_are_drawn_by_their_shares() -> None:
    levels = np.repeat([0, 1, 2], [50, 30, 20])
    X, Z = np.ones((100, 1)), np.ones((20000, 1))
    drawn = [draw_levels(levels, X, Z, random=np.random.default_rng(i))[0] for i in range(30)]
    np.testing.assert_allclose(np.bincount(np.concatenate(drawn)) / 6e5, [0.5, 0.3, 0.2], atol=0.03)
