"""k-class estimates from triangles: closed forms, and the truth of many simulated studies."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import linalg

from proteomr._typing import F64
from proteomr.stats.anderson_rubin import invert_anderson_rubin
from proteomr.stats.instrumental import (
    Triangles,
    estimate_limited_information,
    estimate_two_stage,
    invert_moments,
)

STUDIES, N, EFFECT = 1500, 150, 0.5


def simulate(strength: float, q: int, *, seed: int = 1) -> Triangles:
    """Return studies of one hidden cause, each with draws of its own."""
    g = np.random.default_rng(seed)
    Z, hidden = g.normal(size=(STUDIES, N, q)), g.normal(size=(STUDIES, N))
    x = strength * Z.sum(axis=2) + hidden + g.normal(size=(STUDIES, N))
    y = EFFECT * x + hidden + g.normal(size=(STUDIES, N))
    one = np.ones((STUDIES, N, 1))
    R = np.linalg.qr(np.concatenate([one, Z, x[..., None], y[..., None]], axis=2), mode="r")
    R = R * np.sign(np.einsum("bii->bi", R))[:, :, None]
    return Triangles.of(R[:, 1:, 1:], n=np.full(STUDIES, N), k=np.ones(STUDIES))


def test_strong_instruments_cover_the_truth_as_often_as_they_say() -> None:
    triangles = simulate(0.5, 3)
    for estimate in (estimate_two_stage, estimate_limited_information):
        found = estimate(triangles)
        se = np.sqrt(found.rss / triangles.df / found.information)
        covered = np.mean(np.abs(found.beta - EFFECT) < 1.96 * se)
        assert covered == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize("strength", [0.0, 0.02, 0.3])
def test_anderson_rubin_sets_cover_the_truth_however_weak_the_instruments(strength: float) -> None:
    sets = invert_anderson_rubin(simulate(strength, 3, seed=2), level=0.9)
    covered = [any(part.low <= EFFECT <= part.high for part in parts) for parts in sets]
    assert np.mean(covered) == pytest.approx(0.9, abs=0.025)


def test_with_many_weak_instruments_liml_is_nearer_the_truth_in_the_middle() -> None:
    triangles = simulate(0.1, 12, seed=3)
    two_stage = np.median(estimate_two_stage(triangles).beta) - EFFECT
    liml = np.median(estimate_limited_information(triangles).beta) - EFFECT
    assert two_stage > 0.1
    assert abs(liml) < 0.3 * two_stage


def test_kappa_is_the_smallest_root_of_the_variance_ratio() -> None:
    triangles = simulate(0.2, 4, seed=4)
    kappa = estimate_limited_information(triangles).kappa
    for i in range(5):
        left = np.array([[triangles.e[i], 0.0], [triangles.d[i], triangles.c[i]]])
        along = np.column_stack([triangles.b[i], triangles.a[i]])
        rest = left.T @ left
        roots = linalg.eigh(rest + along.T @ along, rest, eigvals_only=True)
        assert kappa[i] == pytest.approx(roots[0], rel=1e-10)


def test_residuals_are_those_of_the_rows() -> None:
    g = np.random.default_rng(5)
    W, Z, x = np.ones((60, 1)), g.normal(size=(60, 2)), g.normal(size=60)
    x = x + Z @ [1.0, 0.5]
    y = 2.0 * x + g.normal(size=60)
    R = np.linalg.qr(np.column_stack([W, Z, x, y]), mode="r")
    R = R * np.sign(np.diag(R))[:, None]
    found = estimate_two_stage(Triangles.of(R[None, 1:, 1:], n=np.array([60]), k=np.array([1])))
    rest = y - x * found.beta[0]
    assert found.rss[0] == pytest.approx(np.sum((rest - rest.mean()) ** 2), rel=1e-12)


def test_one_instrument_gives_both_estimates_the_same_bits() -> None:
    triangles = simulate(0.1, 1, seed=6)
    one, other = estimate_two_stage(triangles), estimate_limited_information(triangles)
    np.testing.assert_array_equal(one.beta, other.beta)
    np.testing.assert_allclose(one.beta, triangles.b[:, 0] / triangles.a[:, 0], rtol=1e-14)


def test_moments_of_too_little_rank_have_no_inverse() -> None:
    g = np.random.default_rng(7)
    half: F64 = g.normal(size=(2, 3, 3))
    moments = np.matmul(half, half.transpose(0, 2, 1))
    moments[1, 2] = moments[1, 0]
    moments[1, :, 2] = moments[1, :, 0]
    inverse = invert_moments(moments)
    np.testing.assert_allclose(inverse[0] @ moments[0], np.eye(3), atol=1e-10)
    assert np.isnan(inverse[1]).all()
