"""Changes of nested estimates: the intervals of a bootstrap and of Fieller, units, no change."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.nested_changes import (
    Influence,
    influence_linear,
    influence_logistic,
    measure_change,
)

N = 400


@pytest.fixture(scope="module")
def data() -> tuple[F64, F64]:
    g = np.random.default_rng(2)
    c = g.normal(size=N)
    x = (0.6 * c + g.normal(size=N) > 0).astype(float)
    y = x + 0.5 * c + (1 + x) * g.normal(size=N)
    return np.column_stack([np.ones(N), c, x]), y


def test_errors_of_the_change_are_those_of_a_bootstrap_of_people(data: tuple[F64, F64]) -> None:
    X, y = data
    ones = np.ones(N)
    first = influence_linear(X[:, [0, 2]], y, at=1, weights=ones)
    second = influence_linear(X, y, at=2, weights=ones)
    assert first is not None
    assert second is not None
    found = measure_change(first, second)
    assert found is not None
    g = np.random.default_rng(3)
    drawn = []
    for _ in range(2000):
        rows = g.integers(0, N, N)
        both = [np.linalg.lstsq(X[rows][:, at], y[rows])[0][-1] for at in ([0, 2], [0, 1, 2])]
        drawn.append((both[1] - both[0], 100 * (both[1] / both[0] - 1)))
    change, percent = np.array(drawn).T
    assert found.se == pytest.approx(change.std(), rel=0.06)
    low, high = np.percentile(percent, [2.5, 97.5])
    assert found.percent_low == pytest.approx(low, abs=0.08 * (high - low))
    assert found.percent_high == pytest.approx(high, abs=0.08 * (high - low))


def test_limits_of_the_share_are_what_fieller_does_not_reject() -> None:
    g = np.random.default_rng(4)
    first, second = (Influence(b, g.normal(size=50) / 40) for b in (1.0, 0.7))
    found = measure_change(first, second, level=0.9)
    assert found is not None
    z = NormalDist().inv_cdf(0.95)
    shares = np.linspace(-1, 1, 200_001)
    error = np.sqrt(((second.moves - (1 + shares)[:, None] * first.moves) ** 2).sum(axis=1))
    kept = shares[np.abs(second.estimate - (1 + shares) * first.estimate) <= z * error]
    assert 100 * kept.min() == pytest.approx(found.percent_low, abs=2e-3)
    assert 100 * kept.max() == pytest.approx(found.percent_high, abs=2e-3)


def test_a_first_estimate_near_zero_leaves_the_share_without_limits() -> None:
    moves = np.array([1.0, -1.0, 0.5, -0.5])
    found = measure_change(Influence(0.1, moves), Influence(0.2, moves * 0.8))
    assert found is not None
    assert np.isnan(found.percent_low)
    assert np.isnan(found.percent_high)
    assert found.percent == pytest.approx(100.0)
    assert found.low < found.change < found.high


@pytest.mark.parametrize("unit", [1e-300, 1e-20, 1e20, 1e300])
def test_units_change_no_share(unit: float) -> None:
    g = np.random.default_rng(5)
    pair = [Influence(b, g.normal(size=30) / 40) for b in (1.0, 0.7)]
    scaled = [Influence(one.estimate * unit, one.moves * unit) for one in pair]
    plain, other = measure_change(*pair), measure_change(*scaled)
    assert plain is not None
    assert other is not None
    assert other.se / unit == pytest.approx(plain.se, rel=1e-12)
    for name in ("percent", "percent_low", "percent_high"):
        assert getattr(other, name) == pytest.approx(getattr(plain, name), rel=1e-9)


def test_people_of_a_cluster_move_an_estimate_together() -> None:
    g = np.random.default_rng(6)
    pair = [Influence(b, g.normal(size=20)) for b in (9.0, 7.0)]
    twice = [Influence(one.estimate, np.repeat(one.moves / 2, 2)) for one in pair]
    alone, joined = measure_change(*pair), measure_change(*twice, clusters=np.repeat(range(20), 2))
    assert alone is not None
    assert joined is not None
    assert joined.se == pytest.approx(alone.se, rel=1e-12)


def test_equal_influences_and_none_have_no_change() -> None:
    one = Influence(1.0, np.array([0.1, -0.1]))
    assert measure_change(one, one) is None
    assert measure_change(Influence(1.0, np.zeros(2)), Influence(1.0, np.zeros(2))) is None


def test_what_has_no_estimate_has_no_influence() -> None:
    X = np.column_stack([np.ones(6), np.arange(6.0), 2 * np.arange(6.0)])
    y = np.array([0.0, 0.0, 0.0, 1.0, 1.0, 1.0])
    assert influence_linear(X, y, at=2, weights=np.ones(6)) is None
    assert influence_linear(X[:2, :2], y[:2], at=1, weights=np.ones(2)) is None
    assert influence_logistic(X[:, :2], y, at=1, weights=np.ones(6)) is None
