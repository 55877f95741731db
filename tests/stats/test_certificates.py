"""What counts as a certificate: no bound that a negative or missing number slips through."""

from __future__ import annotations

import math

import numpy as np
import pytest

from proteomr.stats.certificates import (
    certify,
    find_doubt,
    scale_scores,
)


@pytest.mark.parametrize("decrement", [-1e9, -1e-30, 2e-22, np.inf, -np.inf, np.nan])
def test_a_decrement_outside_its_bounds_is_no_certificate(decrement: float) -> None:
    assert not certify(
        decrement=np.array([decrement]),
        scores=np.zeros(1),
        estimate=np.ones(1),
        se=np.ones(1),
        bound=1e-22,
        score_bound=1e-18,
    )[0]


@pytest.mark.parametrize(
    ("scores", "estimate", "se"),
    [
        (1e-17, 1, 1),
        (np.nan, 1, 1),
        (0, np.inf, 1),
        (0, np.nan, 1),
        (0, 1, 0),
        (0, 1, -1),
        (0, 1, np.inf),
        (0, 1, np.nan),
    ],
)
def test_a_large_score_or_a_number_that_is_none_is_no_certificate(
    scores: float, estimate: float, se: float
) -> None:
    assert not certify(
        decrement=np.zeros(1),
        scores=np.array([scores], dtype=float),
        estimate=np.array([estimate], dtype=float),
        se=np.array([se], dtype=float),
        bound=1e-22,
        score_bound=1e-18,
    )[0]


@pytest.mark.parametrize("seed", range(5))
def test_scaled_scores_bound_the_true_decrement_from_below(seed: int) -> None:
    g = np.random.default_rng(seed)
    half = g.normal(size=(4, 5)) * 10.0 ** g.integers(-3, 3, 5)
    information, score = half.T @ half + 1e-6 * np.eye(5), g.normal(size=5)
    decrement = score @ np.linalg.solve(information, score)
    assert scale_scores(score[None], np.diagonal(information)[None])[0] <= decrement * (1 + 1e-9)


def test_scores_of_any_unit_are_scaled_alike() -> None:
    score, curvature = np.array([[3e-200, 1.0]]), np.array([[1e-300, 4.0]])
    assert scale_scores(score, curvature)[0] == pytest.approx(0.25, rel=1e-12)


def test_a_score_that_is_no_number_is_infinite() -> None:
    assert scale_scores(np.array([[np.nan]]), np.ones((1, 1)))[0] == np.inf


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"distance": 1e-3, "curvature": 1.0}, "the score at the solution is not zero"),
        ({"distance": 0.0, "curvature": 0.0}, "the information at the solution is not above"),
        ({"distance": math.nan, "curvature": 1.0}, "is not a finite number"),
        ({"distance": -1.0, "curvature": 1.0}, "the score at the solution is not zero"),
        ({"distance": 0.0, "curvature": 1.0, "value": 2.0, "rival": 1.0}, "a better solution"),
    ],
)
def test_each_thing_that_speaks_against_an_optimum_is_named(
    given: dict[str, float], words: str
) -> None:
    assert words in str(find_doubt(**given))
    assert find_doubt(distance=1e-10, curvature=1.0, value=1.0, rival=1.0) is None
