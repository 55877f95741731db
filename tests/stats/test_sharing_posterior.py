"""Posteriors of shared and causal effects: a slow even grid, left-out variants refitted."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.effect_mixtures import EffectMixture, Estimates
from proteomr.stats.model_comparison import compare_left_out
from proteomr.stats.sharing_posterior import Posterior, find_posterior

MIXTURE = EffectMixture(
    np.array([0.0, 0.01, 0.01]), np.array([0.0, 0.0, 0.0025]), np.array([0.6, 0.3, 0.1]), 0.1,
    0.0, 0.0, proven=True,
)  # fmt: skip
SD = 0.6


def draw(m: int, *, gamma: float, eta: float, q: float, seed: int) -> Estimates:
    random = np.random.default_rng(seed)
    beta, s = random.normal(0.0, 0.1, m), np.full(m, 0.02)
    theta = random.normal(0.0, 0.05, m) * (random.random(m) < 0.25)
    y = (gamma + eta * (random.random(m) < q)) * beta + theta
    return Estimates(random.normal(beta, s), s, random.normal(y, s), s)


def middles(low: float, high: float, count: int) -> F64:
    return low + (high - low) * (np.arange(count) + 0.5) / count


class Brute:
    """The posterior summed over an even grid of gamma, gamma + eta and the cube root of q."""

    def __init__(self, data: Estimates, *, causal: bool) -> None:
        self.gamma = middles(-2.4, 2.4, 240) if causal else np.zeros(1)
        self.other = middles(-4.2, 4.2, 300)
        root = middles(0.0, 1.0, 60)
        self.q = root**3
        first = np.exp(MIXTURE.log_densities(data, self.gamma))
        second = np.exp(MIXTURE.log_densities(data, self.other))
        logs = np.zeros((self.gamma.size, self.other.size, self.q.size))
        self.each = []
        for j in range(data.n):
            part = (1 - self.q) * first[:, None, j, None] + self.q * second[None, :, j, None]
            logs += np.log(part)
            self.each.append(part)
        prior = -0.5 * ((self.other - self.gamma[:, None]) ** 2 + self.gamma[:, None] ** 2) / SD**2
        logs += prior[:, :, None] + 9.0 * np.log1p(-self.q)
        weights = np.exp(logs - logs.max()) * root**2
        self.weights = weights / weights.sum()

    def find_gamma(self) -> F64:
        half = 0.5 * (self.gamma[1] - self.gamma[0])
        total = np.cumsum(self.weights.sum(axis=(1, 2)))
        return np.asarray(np.interp([0.025, 0.5, 0.975], total, self.gamma + half))

    def leave_out(self) -> F64:
        return np.asarray(-np.log([float((self.weights / p).sum()) for p in self.each]))


@pytest.fixture(scope="module")
def data() -> Estimates:
    return draw(25, gamma=0.4, eta=-1.0, q=0.2, seed=3)


@pytest.fixture(scope="module")
def causal(data: Estimates) -> Posterior:
    return find_posterior(data, MIXTURE, prior_sd=SD, causal=True)


@pytest.fixture(scope="module")
def sharing(data: Estimates) -> Posterior:
    return find_posterior(data, MIXTURE, prior_sd=SD, causal=False)


def test_quantiles_and_left_out_densities_are_those_of_a_slow_grid(
    data: Estimates, causal: Posterior
) -> None:
    brute = Brute(data, causal=True)
    assert causal.proven
    assert causal.quantiles[0] == pytest.approx(brute.find_gamma(), abs=2e-3)
    assert causal.left_out == pytest.approx(brute.leave_out(), abs=2e-3)


def test_the_sharing_model_has_no_causal_effect_and_the_slow_grid_s_densities(
    data: Estimates, sharing: Posterior
) -> None:
    brute = Brute(data, causal=False)
    assert sharing.proven
    assert sharing.quantiles[0].tolist() == [0.0, 0.0, 0.0]
    assert sharing.left_out == pytest.approx(brute.leave_out(), abs=2e-3)
    below = np.cumsum(brute.weights.sum(axis=(0, 2)))
    half = 0.5 * (brute.other[1] - brute.other[0])
    eta = np.interp([0.025, 0.5, 0.975], below, brute.other + half)
    assert sharing.quantiles[1] == pytest.approx(eta, abs=5e-3)


def test_a_variant_left_out_is_predicted_as_by_a_fit_without_it(
    data: Estimates, causal: Posterior
) -> None:
    """The definition: the mean of its density over the posterior of all others."""
    left = 4
    rest = np.delete(np.arange(data.n), left)
    others = Estimates(data.x[rest], data.sx[rest], data.y[rest], data.sy[rest])
    fitted = find_posterior(others, MIXTURE, prior_sd=SD, causal=True)
    one = Estimates(*(a[[left]] for a in (data.x, data.sx, data.y, data.sy)))
    own = fitted.own
    assert own is not None
    first = np.exp(MIXTURE.log_densities(one, own.nodes))[:, 0]
    second = np.exp(MIXTURE.log_densities(one, fitted.other.nodes))[:, 0]
    q = fitted.share.nodes
    density = (1 - q) * first[:, None, None] + q * second[:, None]
    predicted = math.log(float((fitted.masses * density).sum()))
    assert causal.left_out[left] == pytest.approx(predicted, abs=1e-3)


def test_an_outcome_of_the_other_sign_mirrors_the_posterior(
    data: Estimates, causal: Posterior
) -> None:
    mixture = replace(MIXTURE, rho=-MIXTURE.rho)
    mirrored = find_posterior(replace(data, y=-data.y), mixture, prior_sd=SD, causal=True)
    assert mirrored.quantiles[0] == pytest.approx(-causal.quantiles[0][::-1], abs=1e-8)
    assert mirrored.quantiles[2] == pytest.approx(causal.quantiles[2], abs=1e-8)


def test_draws_with_smoothed_weights_come_to_the_same_difference(
    sharing: Posterior, causal: Posterior
) -> None:
    compared = compare_left_out(sharing, causal, draws=4000, random=np.random.default_rng(1))
    assert compared.delta == pytest.approx(float((sharing.left_out - causal.left_out).sum()))
    assert compared.drawn_delta == pytest.approx(compared.delta, abs=0.3)
    assert compared.moved < 0.01 * compared.error
    assert compared.shapes.shape == (2, 25)


def test_nothing_to_tell_gives_the_priors_back() -> None:
    """Where the mixture has no effects, no slope changes a density."""
    nothing = EffectMixture(np.zeros(1), np.zeros(1), np.ones(1), 0.0, 0.0, 0.0, proven=True)
    data = draw(12, gamma=0.0, eta=0.0, q=0.0, seed=1)
    found = find_posterior(data, nothing, prior_sd=2.0, causal=True)
    assert found.quantiles[0] == pytest.approx([-2 * 1.959964, 0.0, 2 * 1.959964], abs=1e-3)
    assert found.quantiles[1] == pytest.approx([-2 * 1.959964, 0.0, 2 * 1.959964], abs=1e-2)
    beta = 1.0 - np.array([0.975, 0.5, 0.025]) ** 0.1
    assert found.quantiles[2] == pytest.approx(beta, abs=1e-3)
