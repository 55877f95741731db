"""Tails of the hypergeometric distribution against sums of exact integers."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.stats.hypergeometric import (
    certify_tails,
    neg_log10_p_hypergeometric,
    sample_odds_ratio,
)


def exact(k: int, m: int, n: int, N: int) -> float:
    """Return -log10 of the tail, summed over integers without rounding."""
    ways = sum(math.comb(m, j) * math.comb(N - m, n - j) for j in range(k, min(m, n) + 1))
    with localcontext() as context:
        context.prec = 50
        return float(-(Decimal(ways) / Decimal(math.comb(N, n))).log10())


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, int, int, int]:
    N = draw(st.integers(1, 3_000))
    m, n = draw(st.integers(0, N)), draw(st.integers(0, N))
    return draw(st.integers(max(0, m + n - N), min(m, n))), m, n, N


@settings(deadline=None, max_examples=150)
@given(tables())
def test_a_tail_is_that_of_exact_integers_and_has_its_certificate(
    table: tuple[int, int, int, int],
) -> None:
    k, m, n, N = table
    overlap, n_set = np.array([k]), np.array([m])
    found = neg_log10_p_hypergeometric(overlap, n_set, n_hits=n, n_background=N)
    assert found[0] == pytest.approx(exact(k, m, n, N), rel=1e-12, abs=1e-13)
    certified = certify_tails(found, overlap=overlap, n_set=n_set, n_hits=n, n_background=N)
    assert certified.tolist() == [True]


@pytest.mark.parametrize("factor", [1 - 1e-3, 1 + 1e-3])
def test_a_wrong_tail_has_no_certificate(factor: float) -> None:
    k, m = np.array([12]), np.array([12])
    right = neg_log10_p_hypergeometric(k, m, n_hits=200, n_background=3_000)
    counts = {"overlap": k, "n_set": m, "n_hits": 200, "n_background": 3_000}
    assert certify_tails(right, **counts).all()  # type: ignore[arg-type]
    assert not certify_tails(right * factor, **counts).any()  # type: ignore[arg-type]


def test_a_tail_does_not_underflow() -> None:
    found = neg_log10_p_hypergeometric(
        np.array([2_000]), np.array([2_000]), n_hits=2_000, n_background=10_000
    )
    assert found[0] == pytest.approx(exact(2_000, 2_000, 2_000, 10_000), rel=1e-13)
    assert found[0] > 2_000


def test_counts_that_fit_no_table_are_refused() -> None:
    with pytest.raises(ValueError, match="the counts of 1 sets fit no 4 hits of 20"):
        neg_log10_p_hypergeometric(np.array([5]), np.array([5]), n_hits=4, n_background=20)


def test_the_odds_ratio_is_that_of_the_table_and_infinite_at_its_border() -> None:
    found = sample_odds_ratio(np.array([3, 5, 0]), np.array([10, 5, 7]), n_hits=20, n_background=99)
    assert found.tolist() == [3 * (99 - 10 - 20 + 3) / ((10 - 3) * (20 - 3)), math.inf, 0.0]
