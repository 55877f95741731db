"""Chances of levels between two ends, and their derivatives, also far out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import logistic, norm

from proteomr._typing import F64
from proteomr.stats.cumulative_links import (
    LINKS,
    EndTerms,
    Link,
    evaluate_ends,
    evaluate_log_likelihood,
    quantile_of,
)

links = pytest.mark.parametrize("link", LINKS)
LAWS = {"logit": logistic, "probit": norm}


def draw(n: int = 600) -> tuple[F64, F64, F64]:
    g = np.random.default_rng(0)
    b, gap = 3.0 * g.normal(size=n), np.exp(g.normal(size=n))
    a = b + gap
    a[: n // 4], b[n // 4 : n // 2] = np.inf, -np.inf
    return a, b, np.where(np.arange(n) < n // 2, np.inf, gap)


@links
def test_a_chance_is_the_difference_of_two(link: Link) -> None:
    a, b, gap = draw()
    law = LAWS[link]
    wanted = np.log(law.cdf(a) - law.cdf(b))
    near = wanted > -20.0  # where a difference of chances keeps its digits
    found = evaluate_log_likelihood(a, b, gap, link=link)
    np.testing.assert_allclose(found[near], wanted[near], rtol=1e-8, atol=1e-12)


@links
def test_derivatives_are_those_of_the_log_chance(link: Link) -> None:
    a, b, gap = draw()

    def move(da: float, db: float) -> EndTerms:
        return evaluate_ends(a + da, b + db, gap + da - db, link=link)

    h, terms = 1e-5, evaluate_ends(a, b, gap, link=link)

    def differ(part: str, da: float, db: float) -> F64:
        one, other = getattr(move(da, db), part), getattr(move(-da, -db), part)
        return np.asarray((one - other) / (2.0 * h))

    for found, wanted in (
        (terms.by_upper, differ("log_chance", h, 0.0)),
        (terms.by_lower, differ("log_chance", 0.0, h)),
        (terms.upper + terms.between, -differ("by_upper", h, 0.0)),
        (terms.lower + terms.between, -differ("by_lower", 0.0, h)),
        (-terms.between, -differ("by_upper", 0.0, h)),
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@links
def test_curvature_is_never_negative_and_far_ends_are_numbers(link: Link) -> None:
    b = np.array([-40.0, -9.0, 8.0, 30.0])
    terms = evaluate_ends(b + 0.5, b, np.full(4, 0.5), link=link)
    for part in (terms.upper, terms.lower, terms.between):
        assert np.all(part >= 0.0)
        assert np.all(np.isfinite(part))
    assert np.all(terms.log_chance < -4.0)


@links
def test_a_level_between_ends_out_of_order_has_no_chance(link: Link) -> None:
    ends = np.array([0.0, 1.0]), np.array([0.0, 2.0])
    gap = ends[0] - ends[1]
    assert evaluate_log_likelihood(*ends, gap, link=link).tolist() == [-np.inf, -np.inf]


@links
def test_quantiles_are_where_the_shares_are(link: Link) -> None:
    share = np.array([0.01, 0.5, 0.9])
    np.testing.assert_allclose(LAWS[link].cdf(quantile_of(share, link=link)), share)
