"""Limits from draws: of people, of coefficients, and what is lost."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.binary_regression import BinaryLink, evaluate_rows, fit_binary
from proteomr.stats.mediation import Trio
from proteomr.stats.mediation_draws import (
    draw_by_influence,
    draw_by_law,
    draw_by_refit,
    find_limits,
)
from proteomr.stats.mediation_effects import Contrast
from proteomr.stats.mediation_product import ProductOptions, analyse_product
from proteomr.stats.resampling import Resamples
from tests.stats.mediation_trios import EXPECTED, make_trio, read_columns

UNIT = Contrast(0.0, 1.0)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_binary_regressions_are_those_of_glm(link: BinaryLink) -> None:
    d, expected = read_columns(), EXPECTED[link]
    product = d["exposure"] * d["mediator"]
    columns = [np.ones(300), d["age"], d["sex"], d["exposure"], d["mediator"], product]
    fit = fit_binary(np.column_stack(columns), d["case"], link=link)
    assert fit.converged
    assert fit.coefficients == pytest.approx(expected["coefficients"], rel=1e-8)
    # R's information is that of the step before the last
    assert np.sqrt(np.diagonal(fit.covariance)) == pytest.approx(expected["se"], rel=1e-6)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_counts_are_repeated_rows(link: BinaryLink) -> None:
    d = read_columns()
    X = np.column_stack([np.ones(300), d["mediator"]])
    counts = np.random.default_rng(1).integers(0, 3, 300)
    whole = fit_binary(np.repeat(X, counts, axis=0), np.repeat(d["case"], counts), link=link)
    weighted = fit_binary(X, d["case"], link=link, weights=counts.astype(np.float64))
    assert weighted.coefficients == pytest.approx(whole.coefficients, rel=1e-10)
    assert weighted.bread == pytest.approx(whole.bread, rel=1e-9)


@pytest.mark.parametrize("link", ["logit", "probit"])
def test_scores_are_derivatives_far_out(link: BinaryLink) -> None:
    eta = np.array([-30.0, -8.0, -1.0, 0.0, 2.0, 8.0, 30.0])
    for y in (np.zeros(7), np.ones(7)):
        terms = evaluate_rows(eta, y, link)
        ends = [evaluate_rows(eta + step, y, link).log_chance for step in (1e-5, -1e-5)]
        assert terms.score == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6, abs=1e-9)
        assert np.all(terms.curvature >= 0.0)


def test_samples_depend_on_seed_and_place_alone() -> None:
    few, many = Resamples(40, 3, seed=5), Resamples(40, 90, seed=5)
    for b in range(3):
        assert few.counts_of(b).tolist() == many.counts_of(b).tolist()
    assert few.counts_of(0).tolist() != Resamples(40, 3, seed=6).counts_of(0).tolist()


def test_samples_that_are_not_held_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    held = Resamples(40, 70, seed=5)
    monkeypatch.setattr("proteomr.stats.resampling._HELD_BYTES", 0)
    drawn = Resamples(40, 70, seed=5)
    influence = np.random.default_rng(1).normal(size=(40, 2))
    assert drawn.sum_influences(influence).tolist() == held.sum_influences(influence).tolist()


def test_draws_of_one_analysis_do_not_depend_on_the_others() -> None:
    trio = make_trio("mediator", "y")
    analyses = [
        analyse_product(trio, UNIT, options)
        for options in (ProductOptions(), ProductOptions(interaction=True))
    ]
    samples, there = Resamples(trio.n, 50, seed=1), np.ones(trio.n, dtype=bool)
    together = draw_by_influence(analyses, [there, there], samples)
    alone = draw_by_influence(analyses[1:], [there], samples)
    assert together[1] == pytest.approx(alone[0], rel=1e-12)


def test_influences_refits_and_law_agree_on_limits() -> None:
    generator = np.random.default_rng(8)
    n = 1_500
    a = (generator.random(n) < 0.4).astype(np.float64)
    m = 0.3 * a + generator.normal(size=n)
    y = 0.2 * a + 0.3 * m + generator.normal(size=n)
    one = np.ones((n, 1))
    found = analyse_product(
        Trio.of(a, m, y, for_mediator=one, for_outcome=one), UNIT, ProductOptions()
    )
    samples, there = Resamples(n, 800, seed=1), np.ones(n, dtype=bool)
    draws = [
        draw_by_influence([found], [there], samples)[0],
        draw_by_refit([found], [there], samples)[0],
        draw_by_law(found, 800, generator),
    ]
    limits = [find_limits(of, level=0.95) for of in draws]
    se = found.standard_errors()
    for other, reach in ((limits[1], 0.15), (limits[2], 0.4)):
        for ends in ("low", "high"):
            away = np.abs(getattr(limits[0], ends) - getattr(other, ends)) / se
            assert away[:3].max() < reach


def test_limits_are_left_out_where_many_samples_have_none() -> None:
    draws = np.random.default_rng(1).normal(size=(200, 2))
    draws[:15, 0] = np.nan
    draws[:30, 1] = np.inf
    limits = find_limits(draws, level=0.9)
    assert np.isfinite(limits.low[0])
    assert "15 of 200 samples" in limits.describe(0, 0.0)
    assert np.isnan(limits.low[1])
    assert limits.describe(1, 0.0) == "no limits: 30 of 200 samples have no estimate"


def test_limits_that_lack_their_estimate_say_so() -> None:
    draws = np.random.default_rng(2).normal(size=(200, 1))
    draws[:3] = np.nan
    limits = find_limits(draws, level=0.9)
    assert "lack" not in limits.describe(0, 0.1)
    assert "3 of 200 samples" in limits.describe(0, 9.0)
    assert limits.describe(0, 9.0).endswith("lack the estimate: nearly all samples lie below it")
    assert limits.describe(0, -9.0).endswith("lack the estimate: nearly all samples lie above it")


def test_percentile_limits_cover_a_product_as_often_as_they_say() -> None:
    generator = np.random.default_rng(21)
    n, covered, runs = 300, 0, 120
    one, there = np.ones((n, 1)), np.ones(n, dtype=bool)
    samples = Resamples(n, 400, seed=3)
    for _ in range(runs):
        a = (np.arange(n) % 2).astype(np.float64)
        m = 0.4 * a + generator.normal(size=n)
        y = 0.3 * m + generator.normal(size=n)
        found = analyse_product(
            Trio.of(a, m, y, for_mediator=one, for_outcome=one), UNIT, ProductOptions()
        )
        drawn = draw_by_influence([found], [there], samples)[0]
        limits = find_limits(drawn, level=0.95)
        covered += bool(limits.low[2] <= 0.12 <= limits.high[2])
    assert 0.88 <= covered / runs <= 0.99
