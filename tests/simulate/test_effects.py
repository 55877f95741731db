from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import Effects, name_proteins, plant_effects
from proteomr.simulate.measurement import draw_measurement
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import EXPOSURES, SHEN2025, SHEN2025_COUNTS
from proteomr.simulate.truth import tabulate_truth

PROTEINS = 2920


@pytest.fixture(scope="module")
def effects(covariates: Covariates) -> Effects:
    return plant_effects(covariates, PROTEINS, seed=5)


def noiseless(covariates: Covariates, effects: Effects) -> np.ndarray:
    return effects.weights[:40] @ covariates.rows(0, covariates.people.n)


def test_names_are_unique_and_synthetic_after_the_named_ones() -> None:
    names = name_proteins(SHEN2025, 12_000)
    assert len(set(names)) == 12_000
    assert names[: len(SHEN2025.named)] == tuple(protein.name for protein in SHEN2025.named)
    assert all(name[0] == "P" and name[1:].isdigit() for name in names[len(SHEN2025.named) :])


def test_few_proteins_are_the_first_named_ones() -> None:
    assert name_proteins(SHEN2025, 2) == ("GDF15", "CXCL14")


@pytest.mark.parametrize("j", [0, 1])
def test_the_stated_shift_is_the_regression_on_one_exposure_and_all_covariates(
    covariates: Covariates, effects: Effects, j: int
) -> None:
    names = ("intercept", *covariates.simple, *covariates.further, EXPOSURES[j])
    x = covariates.rows(0, covariates.people.n)[covariates.moments().places(names)].T
    estimate = np.linalg.lstsq(x, noiseless(covariates, effects).T)[0][-1]
    assert np.allclose(estimate, effects.shift[:40, j], atol=1e-8)


@pytest.mark.parametrize("j", [0, 1])
def test_the_simple_shift_is_the_regression_on_one_exposure_and_the_simple_set(
    covariates: Covariates, effects: Effects, j: int
) -> None:
    names = ("intercept", *covariates.simple, EXPOSURES[j])
    x = covariates.rows(0, covariates.people.n)[covariates.moments().places(names)].T
    estimate = np.linalg.lstsq(x, noiseless(covariates, effects).T)[0][-1]
    assert np.allclose(estimate, effects.simple_shift[:40, j], atol=1e-8)


def test_the_joint_shift_is_the_coefficient_of_generation(
    covariates: Covariates, effects: Effects
) -> None:
    places = covariates.moments().places(EXPOSURES)
    assert np.array_equal(effects.weights[:, places], effects.joint_shift)


def test_covariates_and_exposures_explain_the_stated_share(
    covariates: Covariates, effects: Effects
) -> None:
    values = noiseless(covariates, effects)
    assert np.allclose(values.mean(axis=1), 0, atol=1e-9)
    assert np.allclose(values.var(axis=1), effects.explained[:40], rtol=1e-8)


def test_the_shift_is_the_log_odds_ratio_times_the_variance_left(effects: Effects) -> None:
    expected = np.log(effects.odds_ratio) * (1 - effects.explained)[:, None]
    assert np.allclose(effects.shift, expected, rtol=1e-12)


def test_named_proteins_carry_their_odds_ratios(effects: Effects) -> None:
    for place, protein in enumerate(SHEN2025.named):
        assert effects.odds_ratio[place].tolist() == [protein.isolation, protein.loneliness]
        assert effects.confounded[place] == protein.confounded


def test_the_numbers_of_planted_and_confounded_proteins_are_near_those_of_the_study(
    effects: Effects,
) -> None:
    planted = (effects.odds_ratio != 1).sum(axis=0)
    assert 140 <= planted[0] <= 230
    assert 20 <= planted[1] <= 60
    assert 600 <= effects.confounded.sum() <= 900
    assert ((effects.odds_ratio < 1).sum(axis=0) <= 15).all()


def test_confounding_points_away_from_zero_in_the_direction_of_the_protein(
    effects: Effects,
) -> None:
    confounded = effects.simple_shift[effects.confounded]
    quiet = ~effects.confounded & (effects.odds_ratio == 1).all(axis=1)
    assert (np.sign(confounded[:, 0]) == np.sign(confounded[:, 1])).mean() > 0.99
    assert (confounded[:, 0] > 0.05).mean() > 0.9
    assert np.abs(effects.simple_shift[quiet]).max() < 0.07
    assert (effects.shift[effects.confounded] == 0).mean() > 0.99


def test_panels_are_of_equal_size(effects: Effects) -> None:
    assert np.bincount(effects.panel).tolist() == [365] * 8


def test_only_the_time_gap_of_its_own_panel_acts_on_a_protein(
    covariates: Covariates, effects: Effects
) -> None:
    names = tuple(f"gap={panel}" for panel in SHEN2025.panels)
    acting = effects.weights[:, covariates.moments().places(names)] != 0
    assert np.array_equal(acting, np.eye(8, dtype=bool)[effects.panel])


def test_the_counts_of_the_paper_are_what_its_size_lets_expect() -> None:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 42_062, seed=2025))
    effects = plant_effects(covariates, 2_920, seed=2025)
    truth = tabulate_truth(effects, draw_measurement(covariates, effects, seed=2025), proteins=2920)
    power, simple = (
        np.asarray(truth[name], float).reshape(-1, 2) for name in ("power", "power_simple")
    )
    # the standard deviation of a count is 3.4 and 2.5 with the full set, 10 with the simple one
    assert power.sum(axis=0) == pytest.approx([175, 26], abs=4)
    assert simple.sum(axis=0) == pytest.approx([776, 519], abs=10)
    either = 1 - (1 - power).prod(axis=1)
    assert either.sum() == pytest.approx(179, abs=6)
    assert power.prod(axis=1).sum() == pytest.approx(22, abs=3)
    assert (power * (effects.shift < 0)).sum(axis=0) == pytest.approx([4, 1], abs=2)


def test_weak_effects_are_neither_planted_nor_null_and_follow_one_another() -> None:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 2_000, seed=3))
    effects = plant_effects(covariates, 2_000, seed=3)
    measured = draw_measurement(covariates, effects, seed=3)
    role = np.array(tabulate_truth(effects, measured, proteins=2_000)["role"]).reshape(-1, 2)
    assert set(np.unique(role)) >= {"planted", "weak"}
    log_odds = np.log(effects.odds_ratio)
    weak = (role == "weak").all(axis=1)
    assert 0.85 < weak.mean() < 0.97
    planting = SHEN2025_COUNTS.planting
    assert log_odds[weak, 0].std() == pytest.approx(planting.weak_effects[0], rel=0.1)
    left = log_odds[weak, 1] - planting.lonely_follows * log_odds[weak, 0]
    assert left.std() == pytest.approx(planting.weak_effects[1], rel=0.1)
    none = plant_effects(Covariates(SHEN2025, covariates.people), 2_000, seed=3)
    assert ((none.odds_ratio != 1.0) == none.planted).all()
