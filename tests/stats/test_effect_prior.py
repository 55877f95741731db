"""The prior of true z statistics: its likelihood, and posterior means by quadrature."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from proteomr.stats.effect_prior import EffectPrior, fit_prior


def log_likelihood(prior: EffectPrior, z: np.ndarray) -> float:
    density = prior.share * stats.norm.pdf(z, 0, np.hypot(1, prior.narrow))
    density += (1 - prior.share) * stats.norm.pdf(z, 0, np.hypot(1, prior.wide))
    return float(np.log(density).sum())


@pytest.mark.parametrize("z", [-7.0, 0.0, 0.3, 4.0])
@pytest.mark.parametrize("spread", [0.4, 1.0])
def test_posterior_means_are_those_of_quadrature(z: float, spread: float) -> None:
    prior = EffectPrior(0.8, 0.5, 4.0)

    true = np.linspace(-40.0, 40.0, 800_001)  # sums over a grid are exact for smooth densities
    weights = 0.8 * stats.norm.pdf(true, 0, 0.5) + 0.2 * stats.norm.pdf(true, 0, 4.0)
    weights = weights * stats.norm.pdf(z, true, spread)
    mean = np.sum(true * weights) / np.sum(weights)
    found, slope = prior.shrink(np.array([z]), np.array([spread]))
    assert found[0] == pytest.approx(mean, rel=1e-6, abs=1e-9)
    step = 1e-5
    around = prior.shrink(np.array([z - step, z + step]), np.full(2, spread))[0]
    assert slope[0] == pytest.approx((around[1] - around[0]) / (2 * step), rel=1e-6)


def test_statistics_beyond_all_densities_keep_their_means() -> None:
    prior = EffectPrior(0.99, 0.01, 2.0)
    mean, slope = prior.shrink(np.array([1e3, 1e6, -1e3]), np.ones(3))
    assert mean == pytest.approx(np.array([800.0, 8e5, -800.0]), rel=1e-9)
    assert slope == pytest.approx(np.full(3, 0.8), rel=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_no_neighbour_of_the_fitted_prior_is_likelier(seed: int) -> None:
    random = np.random.default_rng(seed)
    wide = random.random(300) < 0.3
    z = random.normal(0, np.where(wide, 6.0, 1.2))
    prior = fit_prior(z)
    best = log_likelihood(prior, z)
    for share in (-0.02, 0.0, 0.02):
        for narrow in (0.9, 1.0, 1.1):
            for broad in (0.95, 1.0, 1.05):
                near = EffectPrior(
                    min(max(prior.share + share, 0.01), 0.99),
                    max(prior.narrow * narrow, 0.01),
                    prior.wide * broad,
                )
                assert log_likelihood(near, z) <= best + 1e-6
    flipped = fit_prior(-z[::-1])
    assert flipped.wide == pytest.approx(prior.wide, rel=1e-5)


@pytest.mark.parametrize("z", [np.full(3, 1e3), np.zeros(5), np.array([30.0]), np.full(9, 1e-9)])
def test_any_statistics_have_a_prior(z: np.ndarray) -> None:
    prior = fit_prior(z)
    assert 0.01 <= prior.share <= 0.99
    assert 0.0099 <= prior.narrow <= prior.wide < 1e4
