from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.mixture_spike import MixtureSpike
from proteomr.stats.mixture_derivatives import differentiate_spike
from proteomr.stats.spike_mixtures import fit_spikes
from proteomr.status import Status
from tests.mr.methods.comparison import entries
from tests.mr.methods.examples import make, run, simulate


def test_mrmix_equals_mrmix_0_1_0(reference: Path) -> None:
    names = []
    for name, data, entry in entries(reference, "MRMix", "MRMix"):
        found, wanted = run(MixtureSpike(), data), entry["result"]
        assert found.status.name == "ok"
        assert found.estimate == pytest.approx(wanted["b"], abs=1e-12)
        assert found.se == pytest.approx(wanted["se"], rel=1e-8)
        assert found.details["pi0"] == pytest.approx(wanted["pi0"], abs=1e-9)
        assert found.details["sigma2"] == pytest.approx(wanted["sigma2"], rel=1e-8)
        names.append(name)
    assert len(names) == 0 or len(names) >= 5


def test_the_mixture_at_a_slope_is_the_best_of_a_fine_search() -> None:
    data = simulate(np.random.default_rng(1), variants=30, pleiotropy=0.0)
    y = data.beta_y.copy()
    y[:9] += np.linspace(-0.2, 0.2, 9)
    r, v = (y - 0.4 * data.x)[None], (data.se_y**2 + (0.4 * data.sx) ** 2)[None]
    low = np.array([1.1 * float(np.median(v))])
    found = fit_spikes(r, v, share=0.6, variance=1e-5, lowest=low, highest=0.05)

    def likelihood(share: float, wide: float) -> float:
        spike = np.exp(-0.5 * r**2 / v) / np.sqrt(v)
        other = np.exp(-0.5 * r**2 / wide) / np.sqrt(wide)
        return float(np.log(share * spike + (1 - share) * other).sum())

    at = likelihood(float(found.share[0]), float(found.variance[0]))
    assert at == pytest.approx(float(found.log_likelihood[0]), rel=1e-12)
    around = [
        likelihood(share, wide)
        for share in np.linspace(0.02, 0.98, 97)
        for wide in np.geomspace(low[0], 0.05, 80)
    ]
    assert at >= max(around)
    assert at - max(around) < 0.01


def test_the_derivatives_are_those_of_differences() -> None:
    data = simulate(np.random.default_rng(2), variants=6)
    at = {"p": 0.7, "s": 0.002, "t": 0.3}

    def derive(letters: str, **moved: float) -> F64:
        now = {key: at[key] + moved.get(key, 0.0) for key in at}
        found = differentiate_spike(
            data.x + moved.get("x", 0.0),
            data.beta_y + moved.get("y", 0.0),
            data.sx,
            data.se_y,
            slope=now["t"],
            share=now["p"],
            variance=now["s"],
        )
        return found.each(letters)

    steps = {"p": 1e-5, "s": 1e-8, "t": 1e-5, "y": 1e-6, "x": 1e-6}
    for first in ("p", "s", "t", "ps", "pt", "ss", "st"):
        for last, step in steps.items():
            if set(first + last) == {"t"}:
                continue  # the third by the slope alone is not needed
            change = (derive(first, **{last: step}) - derive(first, **{last: -step})) / (2 * step)
            scale = np.abs(change).max() + 1.0
            np.testing.assert_allclose(derive(first + last), change, atol=2e-5 * scale)


def test_invalid_variants_in_the_majority_are_borne_where_the_valid_agree() -> None:
    found = []
    for seed in range(10):
        random = np.random.default_rng([3, seed])
        shift = np.where(np.arange(90) < 50, random.normal(0.0, 0.1, 90), 0.0)
        found.append(run(MixtureSpike(), simulate(random, variants=90, pleiotropy=shift)))
    assert all(one.status.name == "ok" for one in found)
    assert np.mean([one.estimate for one in found]) == pytest.approx(0.4, abs=0.02)
    assert np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found]) > 0.8


def test_without_a_variant_outside_of_the_spike_the_likeliest_slope_is_taken_and_it_is_said() -> (
    None
):
    x = np.linspace(0.1, 0.3, 30) * np.where(np.arange(30) % 2, 1, -1)
    y = 0.4 * x + np.tile([0.004, -0.004], 15)
    data = make(x, np.full(30, 0.002), y, np.full(30, 0.01))
    found = run(MixtureSpike(), data)
    assert found.details["pi0"] == pytest.approx(1.0)
    assert found.message == (
        "no variant is outside of the spike: the likeliest slope with all valid"
    )

    def loss(slope: float) -> float:
        v = data.se_y**2 + (slope * data.sx) ** 2
        return float(np.sum((y - slope * x) ** 2 / v + np.log(v)))

    grid = -1 + 0.01 * np.arange(201)
    assert found.estimate == pytest.approx(grid[np.argmin([loss(t) for t in grid])])
    h = 1e-4
    t = found.estimate
    curvature = (loss(t + h) - 2 * loss(t) + loss(t - h)) / h**2 / 2
    assert found.se == pytest.approx(curvature**-0.5, rel=1e-4)


def test_a_best_slope_at_an_end_that_is_given_is_none_and_other_ends_move() -> None:
    data = simulate(np.random.default_rng(4), variants=40)
    cut = run(MixtureSpike(highest=0.36), data)
    assert cut.status.name == "not_identified"
    assert "lowest and highest give a wider one" in str(cut.message)
    assert run(MixtureSpike(step=1e-9), data).status.name == "not_identified"
    for effect in (3.0, -6.0):
        steep = simulate(np.random.default_rng(4), variants=40, effect=effect)
        found = run(MixtureSpike(), steep)
        wide = run(MixtureSpike(lowest=-9.0, highest=9.0), steep)
        assert found.status.name == "ok"
        assert found.estimate == pytest.approx(wide.estimate, abs=1e-9)
        assert found.estimate == pytest.approx(effect, abs=0.2)


def test_a_share_that_rises_without_end_has_no_best_slope() -> None:
    # instruments of F about 1: the steeper the slope, the more errors in x cover every residual
    random = np.random.default_rng(11)
    x = random.normal(0.0, 0.01, 40)
    data = make(x, np.full(40, 0.01), random.normal(0.0, 0.5, 40), np.full(40, 0.001))
    found = run(MixtureSpike(), data)
    assert found.status.name != "ok"


@pytest.mark.parametrize(
    "changes", [{"share": 1.0}, {"step": -1.0}, {"variance": 0.0}, {"largest_variance": -1.0}]
)
def test_parameters_that_are_none_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        MixtureSpike(**changes)  # type: ignore[arg-type]


def test_the_grid_is_as_fine_as_the_errors() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(0.1, 0.03, 30)
    sx, sy = rng.uniform(0.004, 0.01, (2, 30))
    y = rng.normal(0.4 * x, sy)
    for size in (1.0, 8.0, 30.0):
        data = make(size * x, size * sx, y, sy)
        coarse, fine = (
            MixtureSpike(step=step).estimate(data, random=rng) for step in (0.01, 2e-3 / size)
        )
        assert abs(size * (coarse.estimate - fine.estimate)) < 1.96 * size * coarse.se
        assert ("divided by" in (coarse.message or "")) == (size > 1.0)
    far = make(1e6 * x, 1e6 * sx, y, sy)
    assert MixtureSpike().estimate(far, random=rng).status is Status.not_identified


@pytest.mark.parametrize("seed", [3, 18, 49])
def test_a_step_wider_than_the_limits_is_made_finer_around_the_best_slope(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, errors = rng.normal(0.0, 0.1, 200), rng.uniform(0.002, 0.006, 200)
    y = 0.31415 * x + rng.normal(0.0, 1.0, 200) * errors
    y[:60] += rng.normal(0.0, 0.05, 60)
    data = make(x, np.full(200, 1e-4), y, errors * rng.choice([0.2, 1.0, 1.0]))
    found, everywhere = (run(MixtureSpike(step=step), data) for step in (0.02, 0.002))
    assert str(found.message).startswith("the step of the grid was divided by 10,")
    assert found.estimate == pytest.approx(everywhere.estimate, abs=1e-12)
    assert found.se == pytest.approx(everywhere.se, rel=1e-9)
