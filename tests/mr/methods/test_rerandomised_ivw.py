from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from scipy import special

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.methods.rerandomised_ivw import RerandomisedIvw
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.examples import cover, make, run, simulate


def draw(random: Generator, *, effect: float) -> Harmonised:
    """Draw 1,500 variants, one in seven with an effect, none of them chosen by it."""
    m = 1500
    truth = random.normal(0.0, 0.03, m) * (random.random(m) < 1 / 7)
    se = np.full(m, 0.01)
    return make(random.normal(truth, se), se, random.normal(effect * truth, se), se)


def choose(data: Harmonised, p: float) -> Harmonised:
    z = np.abs(data.x / data.sx)
    return data.select(np.flatnonzero(2 * special.ndtr(-z) < p))


def test_the_slope_is_the_mean_over_many_draws_of_the_noise() -> None:
    data = choose(draw(np.random.default_rng(1), effect=0.4), 1e-3)
    threshold, noise = -special.ndtri(2.5e-8), 0.5
    random, tops, bottoms = np.random.default_rng(2), [], []
    z, w = data.x / data.sx, data.se_y**-2.0
    above, below = (-z + threshold) / noise, (-z - threshold) / noise

    def density(at: F64) -> F64:
        return np.asarray(np.exp(-0.5 * at**2) / np.sqrt(2 * np.pi))

    chance = 1 - special.ndtr(above) + special.ndtr(below)
    share = (density(above) - density(below)) / chance
    bend = (above * density(above) - below * density(below)) / chance
    effect = data.x - data.sx / noise * share
    variance = data.sx**2 * (1 - bend / noise**2 + share**2 / noise**2)
    for _ in range(4000):  # as the paper has it: one selection by noise, then the ratio
        taken = np.abs(z + random.normal(0.0, noise, z.size)) > threshold
        tops.append(np.sum((w * data.beta_y * effect)[taken]))
        bottoms.append(np.sum((w * (effect**2 - variance))[taken]))
    found = run(RerandomisedIvw(), data)
    assert found.estimate == pytest.approx(np.mean(tops) / np.mean(bottoms), rel=0.01)
    assert found.details["selected"] == pytest.approx(chance.sum())


def test_the_winner_s_curse_of_ivw_is_gone() -> None:
    sets = [draw(np.random.default_rng([3, seed]), effect=0.4) for seed in range(120)]
    cursed, _ = cover(InverseVarianceWeighted(), 0.4, [choose(one, 5e-8) for one in sets])
    mean, inside = cover(RerandomisedIvw(), 0.4, [choose(one, 1e-3) for one in sets])
    assert cursed < 0.375
    assert mean == pytest.approx(0.4, abs=0.012)
    assert inside > 0.88


def test_type_one_errors_are_near_their_level_where_nothing_acts() -> None:
    sets = [choose(draw(np.random.default_rng([4, k]), effect=0.0), 1e-3) for k in range(200)]
    _, inside = cover(RerandomisedIvw(), 0.0, sets)
    assert inside == pytest.approx(0.95, abs=0.05)


def test_variants_that_were_chosen_at_the_threshold_before_are_told_of() -> None:
    data = draw(np.random.default_rng(5), effect=0.4)
    assert "winner's curse stays" in str(run(RerandomisedIvw(), choose(data, 5e-8)).message)
    assert run(RerandomisedIvw(), choose(data, 1e-3)).message is None
    assert run(RerandomisedIvw(), simulate(np.random.default_rng(6), noise_x=0.001)).message is None


def test_noise_alone_on_the_exposure_is_a_status() -> None:
    weak = make(np.full(5, 1e-3), np.full(5, 0.01), np.full(5, 0.1), np.full(5, 0.01))
    assert run(RerandomisedIvw(), weak).status.name == "not_identified"


@pytest.mark.parametrize("changes", [{"p": 0.0}, {"p": 1.0}, {"noise": 0.0}])
def test_thresholds_and_noise_that_are_none_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        RerandomisedIvw(**changes)


@pytest.mark.parametrize("relative", [1e-12, 1e-13, 0.0])
def test_an_error_of_rounding_alone_is_a_status(relative: float) -> None:
    """Effects without errors to speak of, proportional but for the last digits that they have."""
    x = np.array([0.1, 0.2, 0.35, 0.15, 0.27])
    noise = np.array([1.0, -2.0, 1.0, 3.0, -1.0])
    errors = np.full(5, 1e-14), np.full(5, 0.01)
    pair = make(x, errors[0], 0.3 * x * (1 + relative * noise), errors[1])
    found = RerandomisedIvw().estimate(pair, random=np.random.default_rng(1))
    assert found.status is Status.not_identified
    assert np.isnan(found.neg_log10_p)
    told = make(x, errors[0], 0.3 * x * (1 + 1e-4 * noise), errors[1])
    assert RerandomisedIvw().estimate(told, random=np.random.default_rng(1)).status is Status.ok
