"""Frailty is mediated by the planted share, and the score says its share of the biomarker."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import Effects, plant_effects
from proteomr.simulate.measurement import Measurement, draw_measurement, plan_chunks
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import SHEN2025
from proteomr.simulate.traits import (
    MEDIATED,
    MEDIATED_SHARE,
    SCORE_WEIGHTS,
    SCORED_SHARE,
    draw_traits,
    paths_of,
)
from proteomr.simulate.truth import tabulate_truth


@pytest.fixture(scope="module")
def cohort() -> tuple[Measurement, Effects]:
    covariates = Covariates(SHEN2025, draw_people(SHEN2025, 30_000, seed=4))
    effects = plant_effects(covariates, 40, seed=4)
    return draw_measurement(covariates, effects, seed=4), effects


def latent(measurement: Measurement) -> np.ndarray:
    chunks = plan_chunks(measurement.covariates.people.n, measurement.panel.size)
    named = len(SHEN2025.named)
    parts = [measurement.latent(measurement.scores(c), chunk=c, block=0)[:named] for c in chunks]
    return np.concatenate(parts, axis=1)


def regress(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients and errors."""
    beta, rss, *_ = np.linalg.lstsq(X, y, rcond=None)
    inverse = np.linalg.inv(X.T @ X)
    return beta, np.sqrt(np.diagonal(inverse) * rss[0] / (y.size - X.shape[1]))


def test_direct_and_indirect_effects_on_frailty_come_back(
    cohort: tuple[Measurement, Effects],
) -> None:
    measurement, effects = cohort
    direct, indirect = paths_of(effects)
    assert indirect / (direct + indirect) == pytest.approx(MEDIATED_SHARE)
    covariates = measurement.covariates
    full = ("intercept", *covariates.simple, *covariates.further, "isolation")
    places = [covariates.names.index(name) for name in full]
    X = np.asarray(covariates.rows(0, covariates.people.n)[places].T, dtype=float)
    m = latent(measurement)[[p.name for p in SHEN2025.named].index(MEDIATED)].astype(float)
    y = draw_traits(measurement, effects)["frailty"]
    (*_, a), (*_, se_a) = regress(X, m)
    (*_, c_prime, b), (*_, se_direct, se_b) = regress(np.column_stack([X, m]), y)
    se_indirect = np.hypot(a * se_b, b * se_a)
    assert abs(c_prime - direct) < 3.5 * se_direct
    assert abs(a * b - indirect) < 3.5 * se_indirect
    assert b == pytest.approx(0.3, abs=4.0 * se_b)


def test_the_score_says_its_share_of_the_biomarker(cohort: tuple[Measurement, Effects]) -> None:
    measurement, effects = cohort
    names = [protein.name for protein in SHEN2025.named]
    x = latent(measurement).astype(float)
    score = sum(w * x[names.index(name)] for name, w in SCORE_WEIGHTS.items())
    y = draw_traits(measurement, effects)["biomarker"]
    assert np.var(y) == pytest.approx(1.0, abs=0.03)
    assert np.corrcoef(score, y)[0, 1] ** 2 == pytest.approx(SCORED_SHARE, abs=0.012)
    fitted = np.column_stack([np.ones(y.size), x.T])
    beta, se = regress(fitted, y)
    others = [1 + i for i, name in enumerate(names) if name not in SCORE_WEIGHTS]
    assert np.abs(beta[others] / se[others]).max() < 4.5


def test_a_tenth_is_frail_and_traits_are_of_the_seed_alone(
    cohort: tuple[Measurement, Effects],
) -> None:
    measurement, effects = cohort
    one, two = (draw_traits(measurement, effects) for _ in range(2))
    assert int(one["frail"].sum()) == 3_000
    assert one["frailty"][one["frail"] == 1].min() >= one["frailty"][one["frail"] == 0].max()
    for name, values in one.items():
        np.testing.assert_array_equal(values, two[name])


def test_the_truth_tells_of_the_mediator_and_of_the_weights(
    cohort: tuple[Measurement, Effects],
) -> None:
    measurement, effects = cohort
    truth = tabulate_truth(effects, measurement, proteins=12)
    direct, indirect = paths_of(effects)
    told = np.array([value is not None for value in truth["frailty_direct"]])
    assert [(truth["protein"][i], truth["exposure"][i]) for i in np.flatnonzero(told)] == [
        (MEDIATED, "isolation")
    ]
    assert np.asarray(truth["frailty_indirect"])[told].tolist() == [indirect]
    assert np.asarray(truth["frailty_direct"])[told].tolist() == [direct]
    weights = dict(zip(truth["protein"], truth["score_weight"], strict=True))
    assert {name: w for name, w in weights.items() if w} == {
        name: w for name, w in SCORE_WEIGHTS.items() if name in weights
    }
