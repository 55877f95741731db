"""Evidence of shared causal variants: sums in logarithms, hypotheses, credible sets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr._typing import F64
from proteomr.stats.colocalisation import (
    mark_credible,
    share_within,
    strongest_within,
    sum_evidence,
    weigh_hypotheses,
)

logs = st.lists(st.tuples(st.floats(-3e4, 3e4), st.floats(-3e4, 3e4)), min_size=1, max_size=7)


def add(terms: list[float]) -> float:
    """Add what some logarithms stand for, the plain way."""
    top = max(terms, default=-math.inf)
    if math.isinf(top):
        return -math.inf
    return top + math.log(math.fsum(math.exp(term - top) for term in terms))


def of(*pairs: tuple[float, float]) -> tuple[F64, F64]:
    values = np.array(pairs)
    return values[:, 0], values[:, 1]


@given(logs)
def test_every_sum_is_that_of_its_terms_however_large(pairs: list[tuple[float, float]]) -> None:
    first, second = of(*pairs)
    found = sum_evidence(first, second, starts=np.array([0, len(pairs)]))
    apart = [a + b for i, (a, _) in enumerate(pairs) for j, (_, b) in enumerate(pairs) if i != j]
    wanted = {
        "first": add([a for a, _ in pairs]),
        "second": add([b for _, b in pairs]),
        "shared": add([a + b for a, b in pairs]),
        "distinct": add(apart),
    }
    for name, value in wanted.items():
        got = float(getattr(found, name)[0])
        assert got == pytest.approx(value, rel=1e-12, abs=1e-12), name
    assert found.residual[0] < 1e-12


def test_a_variant_that_carries_both_sums_leaves_the_others_their_digits() -> None:
    first, second = of((700.0, 650.0), (1.0, 2.0), (0.5, 0.25))
    found = sum_evidence(first, second, starts=np.array([0, 3]))
    apart = add([700.0 + 2.0, 700.0 + 0.25, 1.0 + 650.0, 0.5 + 650.0, 1.0 + 0.25, 0.5 + 2.0])
    assert found.distinct[0] == pytest.approx(apart, rel=1e-15)
    difference = math.expm1(found.shared[0] - found.first[0] - found.second[0])
    assert difference == 0.0  # what a difference of both would be made of


def test_regions_do_not_know_of_one_another() -> None:
    rng = np.random.default_rng(4)
    sizes = rng.integers(1, 400, 300)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    first, second = rng.normal(0, 40, (2, starts[-1]))
    together = sum_evidence(first, second, starts=starts)
    for g in (0, 1, 150, 299):
        own = slice(starts[g], starts[g + 1])
        alone = sum_evidence(first[own], second[own], starts=np.array([0, sizes[g]]))
        for name in ("first", "second", "distinct", "shared"):
            assert getattr(alone, name)[0] == getattr(together, name)[g]


def test_one_variant_cannot_be_two() -> None:
    found = sum_evidence(np.array([30.0]), np.array([20.0]), starts=np.array([0, 1]))
    posterior = weigh_hypotheses(found, p1=1e-4, p2=1e-4, p12=1e-5).probabilities[0]
    assert posterior[3] == 0.0
    assert posterior.sum() == pytest.approx(1.0)


def test_priors_that_make_more_than_one_variant_causal_are_lowered() -> None:
    found = sum_evidence(np.zeros(500), np.zeros(500), starts=np.array([0, 500]))
    posterior = weigh_hypotheses(found, p1=0.005, p2=1e-4, p12=5e-5)
    assert posterior.priors[0].tolist() == [1 / 501, 1e-4, 5e-5]
    assert posterior.lowered[0].tolist() == [True, False, False]


def test_equal_weights_are_no_weights() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.normal(0, 5, (2, 30))
    starts = np.array([0, 12, 30])
    plain = sum_evidence(first, second, starts=starts)
    alike = sum_evidence(first, second, starts=starts, weights=(np.full(30, 7.0), None))
    for name in ("first", "second", "distinct", "shared"):
        assert getattr(alike, name) == pytest.approx(getattr(plain, name), rel=1e-13)


def test_weights_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(6)
    a, b, u, v = np.exp(rng.normal(0, 2, (4, 9)))
    found = sum_evidence(np.log(a), np.log(b), starts=np.array([0, 9]), weights=(u, v))
    p, q = 9 * u / u.sum(), 9 * v / v.sum()
    w = u * v / (u * v).sum() * 9
    apart = sum(p[i] * a[i] * q[j] * b[j] for i in range(9) for j in range(9) if i != j)
    assert np.exp(found.first[0]) == pytest.approx((p * a).sum())
    assert np.exp(found.distinct[0]) == pytest.approx(apart)
    assert np.exp(found.shared[0]) == pytest.approx((w * a * b).sum())


def test_a_region_whose_weights_are_all_zero_has_no_evidence() -> None:
    found = sum_evidence(
        np.ones(2), np.ones(2), starts=np.array([0, 2]), weights=(np.zeros(2), None)
    )
    assert np.isneginf([found.first[0], found.distinct[0], found.shared[0]]).all()
    assert found.residual[0] == 0.0


def test_shares_of_a_region_add_up_to_one_at_any_size() -> None:
    shares = share_within(np.array([5000.0, 4999.0, -9e4, 3.0]), starts=np.array([0, 3, 4]))
    assert shares[:3].sum() == pytest.approx(1.0)
    assert shares[3] == 1.0


def test_a_credible_set_is_the_smallest_that_reaches_its_share() -> None:
    shares = np.array([0.05, 0.5, 0.2, 0.25, 1.0])
    marked = mark_credible(shares, starts=np.array([0, 4, 5]), coverage=0.75)
    assert marked.tolist() == [False, True, False, True, True]
    every = mark_credible(shares[:4], starts=np.array([0, 4]), coverage=1.0 - 1e-17)
    assert every.all()


def test_the_first_of_equals_is_the_strongest() -> None:
    found = strongest_within(np.array([2.0, 9.0, 9.0, 1.0, 1.0]), starts=np.array([0, 3, 5]))
    assert found.tolist() == [1, 3]
