"""Composite nulls: shares and false discovery rates, on p values whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr, ndtri

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


@pytest.mark.parametrize("m", [200, 500])
@pytest.mark.parametrize("shares", [(0.6, 0.17, 0.17), (0.9, 0.04, 0.04), (0.9, 0.08, 0.0)])
def test_false_discoveries_are_held_among_a_few_hundred(
    shares: tuple[float, float, float], m: int
) -> None:
    # shares of so few are told to 0.1: where they alone decided, the rate was 0.07 to 0.09
    generator, runs, false = np.random.default_rng(7), 400, []
    for _ in range(runs):
        p_a, p_b, kind = _draw(shares, m, generator)
        hits = false_discovery_rates(p_a, p_b, estimate_null_shares(p_a, p_b)) < 0.05
        false.append(float(np.sum(hits & (kind != 3)) / max(hits.sum(), 1)))
    assert np.mean(false) < 0.05 + 2.0 * np.std(false) / np.sqrt(runs)


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


def _cover(p: list[float], t: float) -> float:
    """Return the least concave majorant of the empirical law at t, as the highest of all chords."""
    x = [0.0, *sorted(p), 1.0]
    y = [0.0, *(sum(q <= at for q in p) / len(p) for at in sorted(p)), 1.0]
    chords = [
        y[j] if x[i] == x[j] else y[i] + (y[j] - y[i]) * (t - x[i]) / (x[j] - x[i])
        for i in range(len(x))
        for j in range(i, len(x))
        if x[i] <= t <= x[j]
    ]
    return max(chords)


def _rate_slowly(p_a: list[float], p_b: list[float]) -> list[float]:
    """Return the rates of Dai, Stanford and LeBlanc, no less than by a count, one by one."""
    m = len(p_a)
    pairs = list(zip(p_a, p_b, strict=True))
    without_a = min(1.0, 2.0 * sum(p > 0.5 for p in p_a) / m)
    without_b = min(1.0, 2.0 * sum(p > 0.5 for p in p_b) / m)
    neither = min(4.0 * sum(a > 0.5 and b > 0.5 for a, b in pairs) / m, without_a, without_b)
    neither = max(neither, without_a + without_b - 1.0)

    def law(p: list[float], t: float, without: float) -> float:
        if without >= 1.0:
            return 1.0
        return min(1.0, max(t, (_cover(p, t) - without * t) / (1.0 - without)))

    larger, rates = [max(pair) for pair in pairs], list[float]()
    for t in larger:
        expected = (without_a - neither) * t * law(p_b, t, without_b)
        expected += (without_b - neither) * t * law(p_a, t, without_a) + neither * t * t
        without = sum((a > 0.5 and b <= t) + (b > 0.5 and a <= t) for a, b in pairs)
        expected = max(expected, t * (2.0 * without / m - neither * t))
        rates.append(min(1.0, m * expected / sum(other <= t for other in larger)))
    return [min(r for r, u in zip(rates, larger, strict=True) if u >= t) for t in larger]


@pytest.mark.parametrize("kind", ["smooth", "tied", "zero", "all"])
def test_rates_are_those_of_the_paper_mediator_by_mediator(kind: str) -> None:
    p_a, p_b, _ = _draw((0.5, 0.2, 0.2), 60, np.random.default_rng(len(kind)))
    if kind == "tied":
        p_a, p_b = np.round(p_a, 1), np.round(p_b, 2)
    if kind == "zero":
        p_a[:4] = p_b[2:6] = 0.0
    if kind == "all":
        p_b /= 2.0  # none above one half
    rates = false_discovery_rates(p_a, p_b, estimate_null_shares(p_a, p_b))
    assert rates == pytest.approx(_rate_slowly(p_a.tolist(), p_b.tolist()), rel=1e-12, abs=1e-300)


def _combine_slowly(p_a: list[float], p_b: list[float]) -> list[float]:
    """Return the corrected p values of Liu and others, by the sums of Jin and Cai."""
    m = len(p_a)

    def share(p: list[float]) -> float:
        z, most, step = [-float(ndtri(q)) for q in p], 0.0, 1
        while 0.1 * step < math.sqrt(math.log(m)):
            above = below = 0.0
            for i in range(101):
                at, weight = 0.1 * step * i / 100, 1.0 - i / 100
                above += weight * math.exp(at**2 / 2.0) * sum(math.cos(at * u) for u in z) / m
                below += weight
            most, step = max(most, 1.0 - above / below), step + 1
        return most

    a, b = 1.0 - share(p_a), 1.0 - share(p_b)
    first, second, third = a * (1.0 - b), (1.0 - a) * b, a * b
    mixed = [first * p + second * q + third * max(p, q) ** 2 for p, q in zip(p_a, p_b, strict=True)]
    z = [-float(ndtri(p / (first + second + third))) for p in mixed]
    for step in range(1, 1001):
        t = step / 200
        real, other = sum(math.cos(t * u) for u in z) / m, sum(math.sin(t * u) for u in z) / m
        if math.hypot(real, other) <= m**-0.1:
            break
    d_real = -sum(u * math.sin(t * u) for u in z) / m
    d_other = sum(u * math.cos(t * u) for u in z) / m
    size = real**2 + other**2
    spread = math.sqrt(-(real * d_real + other * d_other) / (t * size))
    mean = (real * d_other - d_real * other) / size
    return [float(ndtr(-(u - mean) / spread)) for u in z]


def test_dact_is_that_of_the_paper_mediator_by_mediator() -> None:
    for seed in range(3):
        p_a, p_b, _ = _draw((0.5, 0.2, 0.2), 60, np.random.default_rng(seed))
        slow = _combine_slowly(p_a.tolist(), p_b.tolist())
        assert combine_paths(p_a, p_b) == pytest.approx(slow, rel=1e-11)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_counted_only_raises_the_published_rates(seed: int) -> None:
    generator = np.random.default_rng(seed)
    p_a, p_b = generator.uniform(size=(2, 400)) ** generator.choice(
        [1.0, 6.0], (2, 400), p=[0.8, 0.2]
    )
    shares = estimate_null_shares(p_a, p_b)
    rates = false_discovery_rates(p_a, p_b, shares)
    published = false_discovery_rates(p_a, p_b, shares, counted=False)
    assert (rates >= published).all()
    assert (rates > published).any()
    p_max, m = np.maximum(p_a, p_b), 400
    worst = int(np.argmax(p_max))  # where every mediator is reached, all that lack a path are false
    total = shares.pi00 + shares.pi01 + shares.pi10
    assert published[worst] <= min(total, 1.0) + 1.0 / m
