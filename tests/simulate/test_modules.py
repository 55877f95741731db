"""Modules of proteins: what is gathered in them, and how many a scan may expect to find."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.expected_modules import draw_found_modules
from proteomr.simulate.measurement import Chunk, draw_measurement
from proteomr.simulate.modules import assign_modules
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import SHEN2025_COUNTS, Modules, random_stream

EXACT = Modules(shares=(0.1, 0.1, 0.2, 0.3, 0.3), both=2, isolation=1, strays=0.0, fewest=1)


def test_modules_have_their_shares_and_gather_the_largest_effects() -> None:
    rng = np.random.default_rng(5)
    log_odds = rng.normal(0.0, 0.1, (200, 2))
    module = assign_modules(log_odds, EXACT, rng)
    assert np.bincount(module).tolist() == [0, 20, 20, 40, 60, 60]
    both, total = module <= 2, log_odds.sum(axis=1)
    assert total[both].min() > total[~both].max()
    alone = log_odds[:, 0] - log_odds[:, 1]
    assert alone[module == 3].min() > alone[module > 3].max()


def test_strays_lie_outside_of_the_modules_that_gather() -> None:
    log_odds = np.zeros((200, 2))
    log_odds[:40] = 0.1
    module = assign_modules(log_odds, replace(EXACT, strays=0.1), np.random.default_rng(5))
    assert 5 < (module[:40] > 2).sum() < 35


def test_small_cohorts_have_modules_that_a_network_can_find() -> None:
    study = SHEN2025_COUNTS.modules
    assert study is not None
    for proteins, fewest in ((200, 6), (2_920, 38), (26, 1)):
        module = assign_modules(np.zeros((proteins, 2)), study, np.random.default_rng(1))
        assert np.bincount(module)[1:].min() == fewest
        assert len(np.unique(module)) == 13


def test_the_modules_of_the_paper_are_expected_at_its_size_and_fewer_in_fewer_people() -> None:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 42_062, seed=2025))
    effects = plant_effects(covariates, 2_920, seed=2025)
    measured = draw_measurement(covariates, effects, seed=2025)
    streams = [random_stream(1, j) for j in (0, 1)]
    found = draw_found_modules(effects, measured, streams, proteins=2_920, draws=2_000)
    # chance of a mean of 2,000 counts: 0.03
    assert found.mean(axis=1) == pytest.approx([4, 3], abs=0.25)
    small = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 3_000, seed=2025))
    few = plant_effects(small, 200, seed=2025)
    measured = draw_measurement(small, few, seed=2025)
    fewer = draw_found_modules(few, measured, streams, proteins=200, draws=2_000)
    assert (fewer.mean(axis=1) < 1).all()


def test_expected_counts_are_those_of_regressions_on_eigenproteins() -> None:
    covariates = Covariates(SHEN2025_COUNTS, draw_people(SHEN2025_COUNTS, 12_000, seed=8))
    effects = plant_effects(covariates, 150, seed=8)
    measured = draw_measurement(covariates, effects, seed=8)
    chunk = Chunk(0, 0, 12_000)
    scores = measured.scores(chunk)
    x = np.vstack([measured.latent(scores, chunk=chunk, block=block) for block in range(3)])
    design = covariates.rows(0, 12_000)[:-1].T  # isolation last, without loneliness
    found = 0
    for number in np.unique(measured.module):
        members = x[measured.module == number].astype(np.float64)
        component = np.linalg.svd(members - members.mean(axis=1)[:, None], full_matrices=False)[2]
        fitted, rss, *_ = np.linalg.lstsq(design, component[0])
        beyond = design[:, -1] - design[:, :-1] @ np.linalg.lstsq(design[:, :-1], design[:, -1])[0]
        error = np.sqrt(rss[0] / 12_000 / (beyond @ beyond))
        found += abs(fitted[-1] / error) > 3.1  # Bonferroni's limit over 26 tests
    counts = draw_found_modules(effects, measured, [random_stream(1)], proteins=150, draws=2_000)
    low, high = np.quantile(counts, (0.005, 0.995))
    assert 0 < high < 13
    assert low <= found <= high


def test_a_study_without_modules_has_weak_ones_that_effects_do_not_follow() -> None:
    plain = replace(SHEN2025_COUNTS, modules=None)
    covariates = Covariates(plain, draw_people(plain, 500, seed=1))
    effects = plant_effects(covariates, 300, seed=1)
    measured = draw_measurement(covariates, effects, seed=1)
    assert 0.3 < (measured.module == 0).mean() < 0.5
    loadings = measured.weights[:, -13:]
    assert ((loadings != 0).sum(axis=1) == (measured.module > 0)).all()
    gathered = draw_measurement(Covariates(SHEN2025_COUNTS, covariates.people), effects, seed=1)
    assert np.array_equal(gathered.missing, measured.missing)  # all else is drawn as before
    assert np.array_equal(gathered.lod, measured.lod)
