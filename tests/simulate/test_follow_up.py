from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.follow_up import DIRECT_HAZARD_RATIOS, draw_follow_up
from proteomr.simulate.measurement import Measurement, draw_measurement, plan_chunks
from proteomr.simulate.people import People
from proteomr.simulate.study import SHEN2025


@pytest.fixture(scope="module")
def measurement(study_people: People) -> Measurement:
    covariates = Covariates(SHEN2025, study_people)
    return draw_measurement(covariates, plant_effects(covariates, 40, seed=3), seed=3)


@pytest.fixture(scope="module")
def follow_up(measurement: Measurement) -> dict[str, np.ndarray]:
    return draw_follow_up(measurement)


def test_about_as_many_people_die_as_in_the_study(follow_up: dict[str, np.ndarray]) -> None:
    assert follow_up["death"].sum() == pytest.approx(4255, abs=4 * np.sqrt(4255))


def test_the_median_follow_up_is_that_of_the_study(follow_up: dict[str, np.ndarray]) -> None:
    assert np.median(follow_up["follow_up_years"]) == pytest.approx(13.7, abs=0.15)


def test_the_living_are_censored_at_the_end_of_the_study(
    measurement: Measurement, follow_up: dict[str, np.ndarray]
) -> None:
    end = measurement.covariates.people.censored_at_years
    alive = follow_up["death"] == 0
    day = 1 / 365.25
    assert np.abs(follow_up["follow_up_years"] - end)[alive].max() < day + 1e-6
    assert (follow_up["follow_up_years"][~alive] < end[~alive] + day + 1e-6).all()
    assert follow_up["follow_up_years"].min() >= day - 1e-6


def test_times_are_whole_days_and_some_deaths_are_tied(follow_up: dict[str, np.ndarray]) -> None:
    days = follow_up["follow_up_years"] * 365.25
    assert np.abs(days - np.rint(days)).max() < 1e-3
    died = np.rint(days[follow_up["death"] == 1])
    assert np.unique(died).size < died.size


def test_a_cox_model_recovers_the_hazard_ratios(
    measurement: Measurement, follow_up: dict[str, np.ndarray]
) -> None:
    """Proteins enter as one sum weighted by their log hazard ratios: its coefficient is 1."""
    from statsmodels.duration.hazard_regression import PHReg

    people, rows = measurement.covariates.people, 8000
    chunk = plan_chunks(people.n, measurement.panel.size)[0]
    assert chunk.rows > rows
    x = measurement.latent(measurement.scores(chunk), chunk=chunk, block=0)[:, :rows]
    slopes = np.log([protein.mortality for protein in SHEN2025.named])
    design = np.column_stack(
        [people.columns["age"][:rows], slopes @ x[: slopes.size]]
        + [people.columns[name][:rows] for name in DIRECT_HAZARD_RATIOS]
    )
    truth = [0.09, 1.0, *np.log(list(DIRECT_HAZARD_RATIOS.values()))]
    time, death = (column[:rows] for column in follow_up.values())
    fit = PHReg(time, design.astype(float), status=death, ties="breslow").fit(disp=False)
    z = (fit.params - truth) / fit.bse
    assert np.abs(z).max() < 4
    assert np.mean(z**2) < 2.5
    assert (fit.params / fit.bse)[:2].min() > 10
