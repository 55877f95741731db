"""Sums over spans are those of a loop over rows and places, and lose no digit of small ones."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats.compiled_span_loops import collect_spans, sum_spans
from proteomr.stats.spans import lay_out_spans


@pytest.mark.parametrize("places", [1, 2, 3, 8, 13, 64, 65])
def test_sums_are_those_of_a_loop(places: int) -> None:
    g = np.random.default_rng(places)
    low, high = g.integers(0, places + 1, (2, 300))
    v, values = g.normal(size=300), g.normal(size=places)
    spans = lay_out_spans(low, high)
    assert spans.levels <= 1 + places.bit_length()
    room, out, seen = spans.make_room(places), np.empty(places), np.empty(300)
    sum_spans(v, spans, room, out)
    collect_spans(values, spans, room, seen)
    there = (low[:, None] <= np.arange(places)) & (np.arange(places) < high[:, None])
    np.testing.assert_allclose(out, v @ there, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(seen, there @ values, rtol=1e-12, atol=1e-12)


def test_few_before_many_keep_their_digits() -> None:
    low, high = np.array([0, 0, 2, 2]), np.array([1, 2, 3, 4])
    spans = lay_out_spans(low, high)
    out = np.empty(4)
    sum_spans(np.array([1.0, 2.0, 1e16, 3e16]), spans, spans.make_room(4), out)
    assert out.tolist() == [3.0, 2.0, 4e16, 3e16]


def test_nobody_is_anywhere() -> None:
    spans = lay_out_spans(np.zeros(3, int), np.zeros(3, int))
    room, out, seen = spans.make_room(2), np.empty(2), np.empty(3)
    sum_spans(np.ones(3), spans, room, out)
    collect_spans(np.ones(2), spans, room, seen)
    assert out.tolist() == [0.0, 0.0]
    assert seen.tolist() == [0.0, 0.0, 0.0]
