"""The disease has the hazards that are planted, among the living."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.disease import DISEASE_HAZARD_RATIOS, EARLY_YEARS, draw_disease
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.follow_up import draw_follow_up
from proteomr.simulate.measurement import Measurement, draw_measurement, plan_chunks
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import SHEN2025
from proteomr.stats.cox import fit_cox
from proteomr.stats.risk_sets import lay_out_risk_sets


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    covariates = Covariates(SHEN2025, draw_people(SHEN2025, 20_000, seed=3))
    return draw_measurement(covariates, plant_effects(covariates, 40, seed=3), seed=3)


def latent(measurement: Measurement) -> np.ndarray:
    n, named = measurement.covariates.people.n, len(SHEN2025.named)
    chunks = plan_chunks(n, measurement.panel.size)
    parts = [measurement.latent(measurement.scores(c), chunk=c, block=0)[:named] for c in chunks]
    return np.concatenate(parts, axis=1)


def test_who_dies_first_has_no_disease_and_times_are_those_of_the_follow_up(
    measurement: Measurement,
) -> None:
    follow_up = draw_follow_up(measurement)
    found = draw_disease(measurement, follow_up)
    event, years = found["disease"], found["disease_years"]
    apart = event != 1
    np.testing.assert_array_equal(years[apart], follow_up["follow_up_years"][apart])
    np.testing.assert_array_equal(event[apart], 2 * follow_up["death"][apart])
    assert (years[~apart] < follow_up["follow_up_years"][~apart]).all()
    assert 0.05 < np.mean(event == 1) < 0.08


def test_planted_hazard_ratios_come_back_before_and_after_five_years(
    measurement: Measurement,
) -> None:
    found = draw_disease(measurement, draw_follow_up(measurement))
    years, event = found["disease_years"], (found["disease"] == 1) * 1.0
    columns = measurement.covariates.people.columns
    names = list(DISEASE_HAZARD_RATIOS)
    acts = [p for p in SHEN2025.named if (p.disease, p.early_disease) != (1.0, 1.0)]
    x = latent(measurement)[[SHEN2025.named.index(p) for p in acts]]
    X = np.column_stack([columns["age"], *(columns[name] for name in names), *x])
    for low, high in ((0.0, EARLY_YEARS), (EARLY_YEARS, np.inf)):
        rows = years > low
        end = np.minimum(years, high)[rows]
        happened = (event * (years <= high))[rows]
        outcome = np.column_stack([np.full(end.size, -np.inf), end, happened])
        fit = fit_cox(X[rows].astype(float), lay_out_risk_sets(outcome))
        early = low == 0.0
        planted = [p.disease * (p.early_disease if early else 1.0) for p in acts]
        wanted = np.log([np.exp(0.06), *(DISEASE_HAZARD_RATIOS[name] for name in names), *planted])
        assert np.abs((fit.coefficients - wanted) / fit.se).max() < 3.5
