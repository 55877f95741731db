"""One regression of ordered levels: its maximum, and its limit where columns separate levels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit, ndtr

from proteomr._typing import F64, I64
from proteomr.stats.cumulative import fit_cumulative, lay_out_ends, start_from_shares
from proteomr.stats.cumulative_limits import fit_cumulative_limit, maximise_cumulative
from proteomr.stats.cumulative_links import LINKS, Link
from proteomr.stats.nested_cumulative import compare_cumulative, score_cumulative

links = pytest.mark.parametrize("link", LINKS)


def draw(n: int = 200, *, seed: int = 0) -> tuple[F64, I64]:
    g = np.random.default_rng(seed)
    X = g.normal(size=(n, 2))
    latent = 0.7 * X[:, 0] + g.logistic(size=n)
    return X, (latent[:, None] > np.array([-1.0, 0.3, 1.5])).sum(axis=1)


def start_of(levels: I64, size: int, link: Link) -> F64:
    return start_from_shares(levels, size, link=link, counts=np.ones(levels.size))


@links
@pytest.mark.parametrize("free", [False, True])
def test_a_fit_is_the_maximum_that_a_search_finds(link: Link, *, free: bool) -> None:
    X, levels = draw()
    ends = lay_out_ends(levels, X[:, 1:], X[:, :1]) if free else lay_out_ends(levels, X)
    fit = fit_cumulative(ends, start_of(levels, ends.size, link), link=link)
    assert fit.converged
    cdf = {"logit": expit, "probit": ndtr}[link]

    def value(theta: F64) -> float:
        a = np.where(ends.is_closed_above, ends.upper @ theta, 50.0)
        b = np.where(ends.is_closed_below, ends.lower @ theta, -50.0)
        chance = cdf(a) - cdf(b)
        return -float(np.sum(np.log(chance))) if np.all(chance > 0.0) else np.inf

    found = minimize(value, fit.coefficients + 0.01, method="Nelder-Mead", options={"xatol": 1e-7})
    assert -found.fun <= fit.log_likelihood + 1e-9
    assert value(fit.coefficients) == pytest.approx(-fit.log_likelihood, rel=1e-12)


@links
def test_rows_counted_twice_are_rows_repeated(link: Link) -> None:
    X, levels = draw()
    counts = np.random.default_rng(1).integers(1, 4, levels.size)
    twice = np.repeat(np.arange(levels.size), counts)
    ends, more = lay_out_ends(levels, X), lay_out_ends(levels[twice], X[twice])
    start = start_of(levels, ends.size, link)
    one = fit_cumulative(ends, start, link=link, weights=counts.astype(float))
    other = fit_cumulative(more, start, link=link)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-9)
    np.testing.assert_allclose(one.se, other.se, rtol=1e-9)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


@links
def test_what_covariates_separate_leaves_the_others_a_limit(link: Link) -> None:
    X, levels = draw()
    group = (np.arange(levels.size) < 20).astype(float)
    levels[:20] = 3
    whole = lay_out_ends(levels, np.column_stack([group, X]))
    start = start_of(levels, whole.size, link)
    limit = fit_cumulative_limit(whole, start, column=4, link=link)
    assert (limit.separation, limit.apart, limit.fit.converged) == ("none", 20, True)
    rest = lay_out_ends(levels[20:], X[20:])
    alone = fit_cumulative(rest, start_of(levels[20:], rest.size, link), link=link)
    np.testing.assert_allclose(limit.fit.coefficients[-2:], alone.coefficients[-2:], rtol=1e-8)
    value = maximise_cumulative(whole, start, link=link)
    assert value == pytest.approx(alone.log_likelihood, rel=1e-10)


@links
def test_a_separated_column_of_interest_has_no_estimate(link: Link) -> None:
    X, levels = draw()
    column = np.where((levels == 3) & (np.arange(levels.size) % 2 == 0), 1.0, 0.0)
    ends = lay_out_ends(levels, np.column_stack([X, column]))
    limit = fit_cumulative_limit(ends, start_of(levels, ends.size, link), column=5, link=link)
    assert limit.separation == "quasi"


@links
def test_nested_tests_are_of_the_likelihood_whatever_the_units(link: Link) -> None:
    X, levels = draw()
    ones = np.ones(levels.size)
    for test in (compare_cumulative, score_cumulative):
        plain = test(X, levels, tested=np.array([1]), link=link, weights=ones)
        scaled = test(
            X * np.array([1e3, 1e-9]) + np.array([5.0, 0.0]),
            levels,
            tested=np.array([1]),
            link=link,
            weights=ones,
        )
        assert plain is not None
        assert scaled is not None
        assert scaled[0] == pytest.approx(plain[0], rel=1e-6)
