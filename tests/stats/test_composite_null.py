"""Composite nulls: shares and false discovery rates, on p values whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from proteomr._typing import F64, I64
from proteomr.stats.composite_null import (
    adjust_p_max,
    estimate_null_shares,
    false_discovery_rates,
    find_envelope,
)
from proteomr.stats.divide_aggregate import combine_paths


def _draw(
    shares: tuple[float, float, float], m: int, generator: np.random.Generator
) -> tuple[F64, F64, I64]:
    """Draw p values of both paths, and of what kind each mediator is: 3 mediates."""
    kind = generator.choice(4, m, p=[*shares, 1.0 - sum(shares)])
    effects = [np.isin(kind, kinds) * generator.normal(0.0, 4.0, m) for kinds in ((2, 3), (1, 3))]
    p_a, p_b = (2.0 * ndtr(-np.abs(generator.normal(size=m) + effect)) for effect in effects)
    return p_a, p_b, kind


@pytest.mark.parametrize(
    "shares", [(0.6, 0.17, 0.17), (0.9, 0.03, 0.03), (0.99, 0.003, 0.003), (0.8, 0.15, 0.02)]
)
def test_false_discoveries_are_held_and_found_by_more_power(
    shares: tuple[float, float, float],
) -> None:
    generator = np.random.default_rng(11)
    false, found = {"hdmt": 0.0, "max": 0.0}, {"hdmt": 0, "max": 0}
    runs = 60
    for _ in range(runs):
        p_a, p_b, kind = _draw(shares, 1500, generator)
        rates = {
            "hdmt": false_discovery_rates(p_a, p_b, estimate_null_shares(p_a, p_b)),
            "max": adjust_p_max(np.maximum(p_a, p_b)),
        }
        for name, q in rates.items():
            hits = q < 0.05
            false[name] += float(np.sum(hits & (kind != 3)) / max(hits.sum(), 1)) / runs
            found[name] += int(np.sum(hits & (kind == 3)))
    assert false["hdmt"] < 0.075  # 0.05, and what sixty runs of a few hits leave to chance
    assert found["hdmt"] > found["max"]


def test_shares_are_those_that_the_mediators_were_drawn_with() -> None:
    p_a, p_b, _ = _draw((0.7, 0.15, 0.1), 50_000, np.random.default_rng(2))
    shares = estimate_null_shares(p_a, p_b)
    # effects near zero count as none
    assert 0.7 < shares.pi00 < 0.78
    assert shares.pi01 == pytest.approx(0.15, abs=0.04)
    assert shares.pi10 == pytest.approx(0.10, abs=0.04)


def test_shares_add_up_to_at_most_one() -> None:
    generator = np.random.default_rng(5)
    for _ in range(50):
        first, second = generator.uniform(0.2, 3.0, 2).tolist()
        p_a, p_b = generator.beta(first, second, size=(2, 200))
        shares = estimate_null_shares(p_a, p_b)
        parts = (shares.pi00, shares.pi01, shares.pi10)
        assert min(parts) >= 0.0
        assert sum(parts) <= 1.0 + 1e-12


def test_rates_never_fall_with_the_larger_p_value_nor_depend_on_order() -> None:
    p_a, p_b, _ = _draw((0.8, 0.1, 0.05), 800, np.random.default_rng(7))
    shares = estimate_null_shares(p_a, p_b)
    rates = false_discovery_rates(p_a, p_b, shares)
    order = np.argsort(np.maximum(p_a, p_b))
    assert np.all(np.diff(rates[order]) >= 0.0)
    turned = np.random.default_rng(1).permutation(800)
    again = false_discovery_rates(p_a[turned], p_b[turned], shares)
    assert again == pytest.approx(rates[turned], rel=1e-12)


def test_the_envelope_is_concave_and_above_the_empirical_law() -> None:
    p = np.random.default_rng(3).beta(0.3, 1.0, 300)
    t = np.linspace(0.0, 1.0, 401)
    envelope = find_envelope(p, t)
    assert np.all(np.diff(envelope, 2) <= 1e-12)
    assert np.all(envelope >= (p <= t[:, None]).mean(axis=1) - 1e-12)


def test_p_values_of_zero_are_the_first_discoveries() -> None:
    p_a, p_b, _ = _draw((0.9, 0.05, 0.03), 500, np.random.default_rng(9))
    p_a[0] = p_b[0] = 0.0
    assert false_discovery_rates(p_a, p_b, estimate_null_shares(p_a, p_b))[0] == 0.0


def test_dact_is_uniform_where_nothing_is_there() -> None:
    p_a, p_b, _ = _draw((1.0, 0.0, 0.0), 4000, np.random.default_rng(4))
    p = combine_paths(p_a, p_b)
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.02)
