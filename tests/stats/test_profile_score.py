from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from proteomr._typing import F64
from proteomr.stats import profile_score
from proteomr.stats.bracketing import halve_to_root
from proteomr.stats.line_likelihood import Points
from proteomr.stats.profile_score import (
    Loss,
    influence,
    loss_constants,
    solve_profile_score,
)

LOSSES: list[Loss] = ["l2", "huber", "tukey"]


def make(seed: int, m: int = 60, tau: float = 0.0) -> Points:
    random = np.random.default_rng(seed)
    gamma = random.normal(0.0, 0.1, m)
    s = np.full(m, 0.02)
    y = random.normal(0.4 * gamma, np.hypot(s, tau))
    return Points(random.normal(gamma, s), s, y, s)


@pytest.mark.parametrize("loss", LOSSES)
def test_exact_moments_are_the_integrals_and_those_of_r_lie_near(loss: Loss) -> None:
    def psi(t: float) -> float:
        return float(influence(np.array([t]), loss)[0])

    def weight(t: float) -> float:
        return 2.0 * math.exp(-0.5 * t * t) / math.sqrt(2.0 * math.pi)

    ends = [(0.0, 1.345), (1.345, 4.685), (4.685, 30.0)]
    delta = sum(integrate.quad(lambda t: t * psi(t) * weight(t), *end)[0] for end in ends)
    c1 = sum(integrate.quad(lambda t: psi(t) ** 2 * weight(t), *end)[0] for end in ends)
    exact, package = loss_constants(loss, moments="exact"), loss_constants(loss)
    assert (exact.delta, exact.c1) == pytest.approx((delta, c1), rel=1e-10)
    assert exact.c2 == pytest.approx(package.c2, rel=2e-5)
    assert exact.c3 == pytest.approx(package.c3, rel=1e-4)
    assert exact.delta == pytest.approx(package.delta, rel=1e-6)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("over_dispersion", [False, True])
def test_both_scores_are_zero_at_the_root(loss: Loss, *, over_dispersion: bool) -> None:
    p = make(1, tau=0.05)
    fit = solve_profile_score(p, loss=loss, over_dispersion=over_dispersion)
    assert fit is not None
    v = p.sy**2 + fit.tau2 + fit.slope**2 * p.sx**2
    t = (p.y - fit.slope * p.x) / np.sqrt(v)
    g = (p.x * (p.sy**2 + fit.tau2) + fit.slope * p.y * p.sx**2) / v
    terms = g * influence(t, loss) / np.sqrt(v)
    assert abs(terms.sum()) < 1e-10 * np.abs(terms).sum()
    if over_dispersion:
        assert fit.tau2 > 0.0
        second = (t * influence(t, loss) - loss_constants(loss).delta) / v
        assert abs(second.sum()) < 1e-10 * np.abs(second).sum()


def test_without_a_root_nothing_is_returned() -> None:
    s = np.full(2, 1.0)
    flat = Points(np.array([1e-3, -1e-3]), s, np.array([50.0, 50.0]), s)
    assert solve_profile_score(flat, loss="l2", over_dispersion=False) is None


def test_slope_and_extra_variance_are_recovered() -> None:
    fits = [
        solve_profile_score(make(k, 400, 0.03), loss="huber", over_dispersion=True)
        for k in range(20)
    ]
    assert np.mean([f.slope for f in fits if f]) == pytest.approx(0.4, abs=0.01)
    assert np.mean([f.tau2 for f in fits if f]) == pytest.approx(9e-4, rel=0.06)


def halve_plainly(points: Points, slopes: F64, loss: Loss, tolerance: float) -> F64:
    """The extra variances by the scores as they are written, halved for by numpy."""
    delta = loss_constants(loss).delta

    def rest(tau2: F64) -> F64:
        return profile_score._extra_score(points, slopes, tau2, loss, delta)

    wanted = rest(np.zeros(slopes.size)) > 0.0
    farthest = ((points.y - slopes[:, None] * points.x) ** 2).max(axis=1)
    high = np.where(wanted, farthest * (1.0 + 2.0 / delta), 0.0)
    return halve_to_root(rest, np.zeros(slopes.size), high, tolerance=tolerance)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("m", [1, 2, 3, 7, 8, 9, 31, 64, 65])
def test_compiled_scores_equal_the_plain_ones(loss: Loss, m: int) -> None:
    points = make(m, m, tau=0.05)
    slopes = np.concatenate([np.linspace(-3.0, 3.0, 25), points.y / points.x])
    for wanted in (False, True):
        scores, extra = profile_score._score(
            points, slopes, loss, loss_constants(loss), wanted=wanted, tolerance=0.0
        )
        plain = halve_plainly(points, slopes, loss, 0.0) if wanted else np.zeros(slopes.size)
        np.testing.assert_allclose(extra, plain, rtol=1e-11)
        exact = profile_score._slope_score(points, slopes, plain, loss)
        np.testing.assert_allclose(scores, exact, rtol=1e-9, atol=1e-11 * np.abs(exact).max())


@pytest.mark.parametrize("loss", LOSSES)
def test_a_coarse_extra_variance_is_the_end_of_the_same_halvings(loss: Loss) -> None:
    points, slopes = make(3, tau=0.05), np.linspace(-1.0, 2.0, 40)
    extra = profile_score._score(
        points, slopes, loss, loss_constants(loss), wanted=True, tolerance=1e-6
    )[1]
    np.testing.assert_allclose(extra, halve_plainly(points, slopes, loss, 1e-6), rtol=1e-13)
    assert (extra > 0.0).any()


def test_an_outlying_point_gives_scores_several_roots_and_the_plain_ones_agree() -> None:
    x = np.array([0.1, 0.1, 0.1, 0.1, 0.1])
    y = np.array([0.01, 0.012, 0.008, 0.2, 0.21])
    points = Points(x, np.full(5, 1e-3), y, np.full(5, 3e-3))
    fit = solve_profile_score(points, loss="tukey", over_dispersion=False)
    assert fit is not None
    assert fit.roots > 1
    near = fit.slope + 1e-9 * np.array([-1.0, 1.0])
    plain = profile_score._slope_score(points, near, np.zeros(2), "tukey")
    assert plain[0] > 0.0 > plain[1]
