"""Sums over studies: the same whatever stands beside, and without what differences lose."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from proteomr.stats.between_studies import ESTIMATORS, estimate_tau2, profile_q
from proteomr.stats.pooling import measure_heterogeneity, pool_effects
from proteomr.stats.study_effects import StudyEffects, weigh_studies
from proteomr.stats.study_sums import (
    add_others,
    add_pairs,
    add_studies,
    invert_positive,
    measure_forms,
)


def draw(m: int, k: int, *, columns: int = 1, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    v = np.exp(rng.uniform(-6.0, 0.0, (m, k)))
    y = rng.normal(0.2, np.sqrt(v + 0.1))
    y[rng.random((m, k)) < 0.1] = np.nan
    return y, v, np.column_stack([np.ones(k), rng.normal(size=(k, columns - 1))])


@pytest.mark.parametrize("columns", [1, 3])
@pytest.mark.parametrize("method", ESTIMATORS)
def test_a_question_has_the_same_bytes_alone_and_beside_others(columns: int, method: Any) -> None:
    y, v, X = draw(7, 23, columns=columns)

    def tell(some: Any) -> list[bytes]:
        effects = StudyEffects.of(y[some], v[some], X)
        fit = pool_effects(effects, method=method, hartung="plain")
        spread = measure_heterogeneity(effects, fit.tau2, method=method)
        told = (
            *(fit.beta, fit.covariance, fit.tau2, fit.tau2_se, fit.weights, fit.leverage),
            *(fit.fitted, spread.q, spread.i2, spread.h2, *profile_q(effects)),
        )
        return [np.ascontiguousarray(values[-1:]).tobytes() for values in told]

    assert tell(slice(3, 4)) == tell(slice(0, 4)) == tell(slice(2, 4))


def test_sums_of_others_and_of_pairs_are_those_of_slow_loops() -> None:
    rng = np.random.default_rng(1)
    a, b = (10.0 ** rng.uniform(-12.0, 12.0, (3, 6)) for _ in range(2))
    exact = [[Fraction(x) for x in row] for row in a], [[Fraction(x) for x in row] for row in b]
    for m in range(3):
        one, other = exact[0][m], exact[1][m]
        pairs = sum(one[i] * other[j] for i in range(6) for j in range(6) if i != j)
        assert add_pairs(a, b)[m] == pytest.approx(float(pairs), rel=1e-14)
        others = [float(sum(one) - x) for x in one]
        assert add_others(a)[m] == pytest.approx(others, rel=1e-14)
    squares = add_studies(a) ** 2 - add_studies(a**2)
    assert add_pairs(a, a) == pytest.approx(squares, rel=1e-3)


def test_inverses_and_forms_are_those_of_matrices() -> None:
    rng = np.random.default_rng(2)
    root, Q = rng.normal(size=(4, 3, 3)), rng.normal(size=(4, 5, 3))
    A = root @ np.swapaxes(root, 1, 2) + np.eye(3)
    inverse = invert_positive(A)
    assert inverse == pytest.approx(np.linalg.inv(A), rel=1e-12)
    assert measure_forms(Q, inverse) == pytest.approx(
        np.einsum("mki,mij,mkj->mk", Q, inverse, Q), rel=1e-12
    )
    assert np.isnan(invert_positive(-np.eye(2)[None])[0, 0, 0])


def test_a_study_far_more_exact_than_others_takes_no_digit_of_the_trace() -> None:
    """Where its leverage is nearly 1, 1 less it is noise, and multiplied by the largest weight."""
    v = np.array([[1e-10, 0.3, 0.5, 0.2]])
    X = np.column_stack([np.ones(4), [0.3, -1.1, 0.4, 1.7], [1.0, 0.2, -0.6, 0.1]])
    w = [Fraction(1) / Fraction(x) for x in v[0]]
    # 1 / tr P by the one direction that no column has
    N = _solve_null(X)
    exact = sum(n * n for n in N) / sum(n * n / weight for n, weight in zip(N, w, strict=True))
    effects = StudyEffects.of(np.array([[0.1, 0.9, -0.4, 1.1]]), v, X)
    fit = weigh_studies(effects, np.zeros(1))
    square = effects.scale[0] ** 2
    # what is left are roundings of the largest weight in sums of the others: 5e9 times 2e-16
    assert fit.trace()[0] == pytest.approx(float(exact) * square, rel=1e-6)
    y = [Fraction(value) for value in (0.1, 0.9, -0.4, 1.1)]
    off = sum(n * value for n, value in zip(N, y, strict=True)) ** 2
    q = off / sum(n * n / weight for n, weight in zip(N, w, strict=True))
    found = estimate_tau2(effects, "DL")[0] * square
    assert found == pytest.approx(float(max((q - 1) / exact, Fraction(0))), rel=1e-6)
    assert found > 0.0


def _solve_null(X: Any) -> list[Fraction]:
    """Return what is orthogonal to three columns of four rows, by minors."""
    rows = [[Fraction(float(x)) for x in row] for row in X]

    def minor(skip: int) -> Fraction:
        a, b, c = (rows[i] for i in range(4) if i != skip)
        return (
            a[0] * (b[1] * c[2] - b[2] * c[1])
            - a[1] * (b[0] * c[2] - b[2] * c[0])
            + a[2] * (b[0] * c[1] - b[1] * c[0])
        )

    return [(-1) ** i * minor(i) for i in range(4)]
