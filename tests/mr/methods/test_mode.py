from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.base import Convention, Estimate
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.mode import (
    Mode,
    PenalisedMode,
    SimpleMode,
    SimpleModeNome,
    WeightedMode,
    WeightedModeNome,
)
from proteomr.stats.kernel_density import estimate_density
from proteomr.tables import Harmonised
from tests.mr.methods.comparison import entries
from tests.mr.methods.examples import make, run, simulate

KINDS = (SimpleMode, WeightedMode, PenalisedMode, SimpleModeNome, WeightedModeNome)
METHODS = [kind() for kind in KINDS]


def fit(
    data: Harmonised,
    *,
    phi: float = 1.0,
    draws: int = 1000,
    convention: Convention = "twosamplemr",
) -> list[Estimate]:
    """The five modes in TwoSampleMR's order, from the same draws."""
    methods: list[Mode] = [kind(phi=phi, draws=draws, convention=convention) for kind in KINDS]
    return methods[0].estimate_kin(methods, data, random=np.random.default_rng(1))


def test_all_five_modes_equal_twosamplemr_0_7_9(reference: Path) -> None:
    compared, refused = 0, 0
    for method in ("mr_mode", "mr_mode_phi"):
        for name, data, entry in entries(reference, "TwoSampleMR", method):
            found = fit(data, phi=entry["args"].get("phi", 1.0), draws=2)
            if "error" in entry:
                refused += 1
                assert found[0].status.name == "zero_effect"
                continue
            for mode, wanted in zip(found, entry["result"]["b"], strict=True):
                assert mode.estimate == pytest.approx(wanted, rel=1e-10), name
                compared += 1
    assert (compared, refused) == (330, 8)


def test_standard_errors_of_the_modes_agree_with_twosamplemr_0_7_9(reference: Path) -> None:
    ratios = []
    for _name, data, entry in entries(reference, "TwoSampleMR", "mr_mode"):
        if "error" in entry or entry["nboot"] < 1000 or data.m > 120:
            continue
        found = fit(data)
        ratios += [m.se / w for m, w in zip(found, entry["result"]["se"], strict=True)]
    assert len(ratios) == 115
    assert np.median(ratios) == pytest.approx(1.0, abs=0.03)
    assert np.quantile(np.abs(np.array(ratios) - 1.0), 0.9) < 0.15
    assert np.abs(np.array(ratios) - 1.0).max() < 0.3


@pytest.mark.parametrize("weighting", ["unweighted", "weighted"])
@pytest.mark.parametrize("stderror", ["simple", "delta"])
def test_mode_based_estimates_equal_mendelianrandomization_0_10_0(
    reference: Path, weighting: str, stderror: str
) -> None:
    args = {"weighting": weighting, "stderror": stderror}
    kinds = (SimpleModeNome, WeightedModeNome) if stderror == "simple" else KINDS
    method = kinds[int(weighting == "weighted")](draws=2, convention="mendelianrandomization")
    compared = 0
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_mbe", args):
        found = run(method, data)
        if "error" in entry:
            assert found.status.name == "zero_effect"
            continue
        assert found.estimate == pytest.approx(entry["result"]["b"], rel=1e-10), name
        compared += 1
    assert compared == 28


@pytest.mark.parametrize("place", range(5))
def test_a_method_alone_equals_its_part_of_all_five(place: int) -> None:
    data = simulate(np.random.default_rng(3))
    assert run(METHODS[place], data) == fit(data)[place]


def test_the_weighted_mode_is_the_highest_point_of_the_density() -> None:
    data = simulate(np.random.default_rng(4))
    ratio = data.beta_y / data.x
    variance = (data.se_y / data.x) ** 2 + (data.beta_y * data.sx / data.x**2) ** 2
    mad = 1.4826 * np.median(np.abs(ratio - np.median(ratio)))
    h = 0.9 * min(float(ratio.std(ddof=1)), float(mad)) / data.m**0.2
    weights = 1.0 / variance / np.sum(1.0 / variance)
    density = estimate_density(ratio, bandwidth=h, weights=weights)
    assert run(WeightedMode(), data).estimate == pytest.approx(density.x[density.y.argmax()])


def test_the_truth_is_found_where_four_in_ten_variants_are_invalid() -> None:
    found = []
    for seed in range(12):
        random = np.random.default_rng(seed)
        shift = np.where(np.arange(60) < 24, random.uniform(0.05, 0.15, 60), 0.0)
        data = simulate(random, variants=60, pleiotropy=shift)
        found.append(run(WeightedMode(draws=50), data).estimate)
    assert np.mean(found) == pytest.approx(0.4, abs=0.03)


@pytest.mark.parametrize("method", METHODS)
def test_what_cannot_be_fitted_is_a_status(method: Method) -> None:
    one = np.ones(4)
    assert run(method, make(one[:2], one[:2], one[:2], one[:2])).status.name == "too_few"
    zero = make(np.array([0.0, 1.0, 1.0, 1.0]), one, one, one)
    assert run(method, zero).status.name == "zero_effect"
    assert run(method, make(one, one, one, one)).status.name == "not_identified"


def test_the_convention_chooses_the_distribution() -> None:
    data = simulate(np.random.default_rng(5), variants=8)
    by_t = run(WeightedMode(), data)
    by_normal = run(WeightedMode(convention="mendelianrandomization"), data)
    assert by_t.se == by_normal.se
    assert by_t.neg_log10_p < by_normal.neg_log10_p


def test_ratios_whose_errors_are_no_numbers_have_no_mode() -> None:
    x = np.array([1e-160, 2e-160, 3e-160, 5e-160])
    weak = make(x, np.ones(4), np.array([0.1, 0.2, 0.4, 0.3]), np.ones(4))
    found = fit(weak, draws=20)
    assert [each.status.name for each in found[:3]] == ["not_identified"] * 3


def test_a_grid_coarser_than_the_bandwidth_is_told() -> None:
    data = simulate(np.random.default_rng(1), variants=30)
    assert run(WeightedMode(draws=50), data).message is None
    x = data.x.copy()
    x[3] = 1e-5  # a ratio of some thousand
    found = run(WeightedMode(draws=50), make(x, data.sx, data.beta_y, data.se_y))
    assert "bandwidths apart" in str(found.message)
