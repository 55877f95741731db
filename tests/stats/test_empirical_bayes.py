"""Priors of variances against R's limma, and what they are where there is little to learn from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special

from proteomr._typing import F64
from proteomr.stats.empirical_bayes import fit_prior, invert_trigamma, squeeze_variances
from proteomr.stats.robust_prior import fit_robust_prior

STORED = Path(__file__).resolve().parents[1] / "reference" / "linear_options.json"
# uniroot(tol = 1e-8) of limma's robust prior stops at that share of df / (1 + df)
TOLERANCES = {"plain": 1e-10, "trend": 1e-10, "robust": 2e-7, "trend-robust": 2e-7}


def numbers(values: list[Any]) -> F64:
    return np.array([np.inf if value == "Inf" else value for value in values], dtype=np.float64)


def priors() -> dict[str, dict[str, Any]]:
    stored = json.loads(STORED.read_text("utf-8"))
    return {name: case for name, case in stored.items() if name.startswith("prior")}


# limma 3.54 ends in an error for the robust prior of two variances
KNOWN = [(name, kind) for name, case in priors().items() for kind in TOLERANCES if kind in case]


@pytest.mark.parametrize(("name", "kind"), KNOWN)
def test_prior_equals_limma(name: str, kind: str) -> None:
    case = priors()[name]
    s2, df, trend = (numbers(case[part]) for part in ("s2", "df", "over"))
    fit = fit_robust_prior if "robust" in kind else fit_prior
    prior = fit(s2, df, trend=trend if "trend" in kind else None)
    squeezed = squeeze_variances(s2, df, prior)
    tolerance = TOLERANCES[kind]
    np.testing.assert_allclose(prior.variance, numbers(case[kind]["variance"]), rtol=tolerance)
    np.testing.assert_allclose(prior.df, numbers(case[kind]["df"]), rtol=tolerance * 40)
    np.testing.assert_allclose(squeezed.variance, numbers(case[kind]["post"]), rtol=tolerance)


def test_two_variances_have_the_same_prior_robustly_as_not() -> None:
    s2, df = np.array([0.3, 4.0]), np.array([20.0, 30.0])
    assert fit_robust_prior(s2, df).df.tolist() == fit_prior(s2, df).df.tolist()


def test_one_variance_teaches_nothing() -> None:
    prior = fit_prior(np.array([2.0]), np.array([9.0]))
    squeezed = squeeze_variances(np.array([2.0]), np.array([9.0]), prior)
    assert (prior.df[0], squeezed.variance[0], squeezed.df[0]) == (0.0, 2.0, 9.0)


def test_equal_variances_have_a_prior_of_infinite_degrees_and_no_more_than_all_together() -> None:
    s2, df = np.full(5, 1.7), np.full(5, 12.0)
    squeezed = squeeze_variances(s2, df, fit_prior(s2, df))
    assert np.all(np.isinf(squeezed.prior.df))
    np.testing.assert_allclose(squeezed.variance, 1.7, rtol=1e-14)
    assert squeezed.df.tolist() == [60.0] * 5


def test_variances_of_zero_leave_finite_numbers() -> None:
    s2 = np.concatenate([np.linspace(0.5, 2.0, 30), [0.0, 0.0]])
    df = np.full(32, 15.0)
    for fit in (fit_prior, fit_robust_prior):
        squeezed = squeeze_variances(s2, df, fit(s2, df))
        assert np.all(np.isfinite(squeezed.variance))
        assert np.all(squeezed.variance > 0.0)


def test_a_trend_over_one_value_is_none() -> None:
    s2, df = np.linspace(0.5, 2.0, 30), np.full(30, 4.0)
    flat = fit_prior(s2, df, trend=np.full(30, 8.0))
    assert flat.variance.tolist() == fit_prior(s2, df).variance.tolist()


@pytest.mark.parametrize("y", [1e-9, 1e-3, 0.7, 30.0, 5e8])
def test_the_trigamma_function_is_inverted(y: float) -> None:
    assert invert_trigamma(float(special.polygamma(1, y))) == pytest.approx(y, rel=2e-7)


def test_the_prior_is_found_again() -> None:
    draw = np.random.default_rng(3)
    df = np.full(20_000, 10.0)
    s2 = 0.4 * draw.f(10, 6, 20_000)
    prior = fit_prior(s2, df)
    assert prior.df[0] == pytest.approx(6.0, rel=0.08)
    assert prior.variance[0] == pytest.approx(0.4, rel=0.04)
