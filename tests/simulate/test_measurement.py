from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.measurement import Chunk, Measurement, draw_measurement, plan_chunks

PROTEINS = 240


@pytest.fixture(scope="module")
def measurement(covariates: Covariates) -> Measurement:
    return draw_measurement(covariates, plant_effects(covariates, PROTEINS, seed=5), seed=5)


@pytest.fixture(scope="module")
def whole() -> Chunk:
    return Chunk(0, 0, 3000)


def all_latent(measurement: Measurement, chunk: Chunk) -> np.ndarray:
    scores = measurement.scores(chunk)
    return np.vstack([measurement.latent(scores, chunk=chunk, block=block) for block in range(4)])


@given(people=st.integers(100, 10**6), proteins=st.integers(1, 20_000))
def test_chunks_follow_each_other_cover_all_people_and_stay_small(
    people: int, proteins: int
) -> None:
    chunks = plan_chunks(people, proteins)
    assert [chunk.index for chunk in chunks] == list(range(len(chunks)))
    assert [chunk.start for chunk in chunks[1:]] == [chunk.stop for chunk in chunks[:-1]]
    assert (chunks[0].start, chunks[-1].stop) == (0, people)
    assert all(1 <= chunk.rows * proteins <= 24_000_000 for chunk in chunks)


def test_latent_values_have_mean_0_and_variance_1(measurement: Measurement, whole: Chunk) -> None:
    x = all_latent(measurement, whole)
    assert x.shape == (PROTEINS, 3000)
    assert x.dtype == np.float32
    assert np.abs(x.mean(axis=1)).max() < 5 / np.sqrt(3000)
    assert np.abs(x.var(axis=1) - 1).max() < 5 * np.sqrt(2 / 3000)


def test_proteins_correlate_by_0_1_to_0_2_on_average(
    measurement: Measurement, whole: Chunk
) -> None:
    r = np.corrcoef(all_latent(measurement, whole))[np.triu_indices(PROTEINS, 1)]
    assert 0.1 < r.mean() < 0.2
    assert np.quantile(r, 0.99) > 0.4


def test_proteins_of_one_panel_correlate_more_than_those_of_two(
    measurement: Measurement, whole: Chunk
) -> None:
    r = np.corrcoef(all_latent(measurement, whole))
    same = measurement.panel[:, None] == measurement.panel[None, :]
    np.fill_diagonal(r, np.nan)
    assert np.nanmean(r[same]) > np.nanmean(r[~same]) + 0.03


def test_npx_keeps_the_order_of_the_latent_values(measurement: Measurement, whole: Chunk) -> None:
    x = measurement.latent(measurement.scores(whole), chunk=whole, block=1)
    npx = measurement.npx(x.copy(), block=1)
    order = np.argsort(x, axis=1)
    assert (np.diff(np.take_along_axis(npx, order, axis=1), axis=1) >= 0).all()


def test_npx_follows_its_formula_to_four_decimals(measurement: Measurement, whole: Chunk) -> None:
    x = measurement.latent(measurement.scores(whole), chunk=whole, block=0)
    npx = measurement.npx(x.copy(), block=0)
    centre, spread, skew = (
        column[:64, None].astype(float)
        for column in (measurement.centre, measurement.spread, measurement.skew)
    )
    exact = centre + spread * np.expm1(skew * x.astype(float)) / skew
    assert np.abs(npx - exact).max() < 1e-4
    assert np.abs(npx - np.round(npx.astype(float), 4)).max() < 1e-6


def test_each_protein_misses_3_to_15_percent(measurement: Measurement, whole: Chunk) -> None:
    missing = np.vstack([gaps for _, _, gaps in measurement.blocks(whole)])
    share = missing.mean(axis=1)
    assert 0.02 < share.min() < 0.07
    assert 0.12 < share.max() < 0.16
    expected = 1 - (1 - measurement.missing) * (1 - measurement.panel_missing[measurement.panel])
    assert 0.03 < expected.min() < expected.max() < 0.15
    assert np.abs(share - expected).max() < 5 * np.sqrt(0.15 / 3000)


def test_part_of_the_missing_values_is_shared_by_a_panel(
    measurement: Measurement, whole: Chunk
) -> None:
    failed = measurement.panel_gaps(whole)
    missing = np.vstack([gaps for _, _, gaps in measurement.blocks(whole)])
    assert 0.005 < failed.mean() < 0.03
    for panel in range(8):
        assert missing[measurement.panel == panel][:, failed[panel]].all()


def test_a_block_is_the_same_whatever_was_drawn_before_it(
    measurement: Measurement, whole: Chunk
) -> None:
    scores = measurement.scores(whole)
    alone = measurement.latent(scores, chunk=whole, block=2)
    assert np.array_equal(alone, all_latent(measurement, whole)[128:192])


def test_chunks_draw_different_noise(measurement: Measurement) -> None:
    chunks = (Chunk(0, 0, 500), Chunk(1, 0, 500))
    first, second = (measurement.scores(chunk)[-1] for chunk in chunks)
    assert not np.array_equal(first, second)
