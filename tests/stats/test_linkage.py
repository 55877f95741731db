"""Correlation of pairs of variants, with and without phase."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.stats.linkage import (
    correlate_planes,
    count_alleles,
    count_pairs,
    genotype_correlation,
    haplotype_correlation,
    haplotype_frequencies,
    pack_planes,
)

Copies: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.int8]]

TABLES = st.lists(st.integers(0, 30), min_size=9, max_size=9)


def simulate_genotypes(seed: int, *, m: int, n: int, missing: float) -> Copies:
    rng = np.random.default_rng(seed)
    latent = rng.standard_normal((2, m, n))
    latent = np.cumsum(latent, axis=1) / np.sqrt(np.arange(1, m + 1))[None, :, None]
    cut = rng.uniform(-1, 1, m)
    copies: Copies = (latent < cut[None, :, None]).sum(axis=0).astype(np.int8)
    copies[rng.random((m, n)) < missing] = -1
    return copies


def log_likelihood(table: np.ndarray[tuple[int, ...], np.dtype[np.int64]], f: list[float]) -> float:
    """Add up log probabilities of genotype pairs from ordered pairs of haplotypes."""
    shown = [(1, 1), (1, 0), (0, 1), (0, 0)]
    chances = np.zeros((3, 3))
    for one, (a, b) in enumerate(shown):
        for other, (c, d) in enumerate(shown):
            chances[a + c, b + d] += f[one] * f[other]
    with np.errstate(divide="ignore"):
        logs = np.where(table > 0, table * np.log(np.where(table > 0, chances, 1.0)), 0.0)
    return float(logs.sum())


def test_counts_equal_an_obvious_loop_with_missing_genotypes() -> None:
    copies = simulate_genotypes(1, m=5, n=131, missing=0.1)
    planes = pack_planes(copies)
    counts = count_pairs(planes[0], planes)
    for j in range(5):
        slow = np.zeros((3, 3), dtype=int)
        for a, b in zip(copies[0], copies[j], strict=True):
            if a >= 0 and b >= 0:
                slow[a, b] += 1
        assert counts[j].tolist() == slow.tolist()
    total, people = count_alleles(planes)
    assert total.tolist() == [int(row[row >= 0].sum()) for row in copies]
    assert people.tolist() == [int((row >= 0).sum()) for row in copies]


def test_genotype_correlation_is_pearsons() -> None:
    copies = simulate_genotypes(2, m=4, n=200, missing=0.0)
    np.testing.assert_allclose(
        correlate_planes(pack_planes(copies), measure="genotype"), np.corrcoef(copies), rtol=1e-12
    )


@settings(max_examples=150, deadline=None)
@given(TABLES)
def test_haplotype_frequencies_have_the_highest_likelihood_on_a_fine_grid(cells: list[int]) -> None:
    table = np.array(cells).reshape(3, 3)
    if table.sum() == 0:
        return
    f = haplotype_frequencies(table[None])[0]
    assert f.sum() == pytest.approx(1.0, abs=1e-12)
    assert (f >= -1e-15).all()
    total = 2 * table.sum()
    known = haplotype_frequencies(
        np.where(np.eye(3)[1][:, None] * np.eye(3)[1] == 1, 0, table)[None]
    )
    k = np.nan_to_num(known[0]) * (total - 2 * table[1, 1]) / total
    h = table[1, 1] / total
    grid = [
        log_likelihood(table, [k[0] + h * t, k[1] + h * (1 - t), k[2] + h * (1 - t), k[3] + h * t])
        for t in np.linspace(0, 1, 201)
    ]
    assert log_likelihood(table, f.tolist()) >= max(grid) - 1e-9 * max(1.0, abs(max(grid)))


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_correlations_turn_with_the_allele_and_do_not_ask_which_is_first(cells: list[int]) -> None:
    table = np.array(cells).reshape(1, 3, 3)
    for measure in (haplotype_correlation, genotype_correlation):
        r = measure(table)
        np.testing.assert_allclose(measure(table[:, ::-1]) ** 2, r**2, atol=1e-9)
        np.testing.assert_allclose(measure(table.transpose(0, 2, 1)) ** 2, r**2, atol=1e-9)
        assert np.isnan(r).all() or (np.abs(r) <= 1).all()
    np.testing.assert_allclose(
        genotype_correlation(table[:, ::-1]), -genotype_correlation(table), atol=1e-12
    )


def test_frequencies_are_recovered_from_simulated_haplotypes() -> None:
    rng = np.random.default_rng(7)
    truth = np.array([0.4, 0.1, 0.15, 0.35])
    haplotypes = rng.choice(4, size=(2, 200_000), p=truth)
    first, second = (haplotypes < 2).sum(0), (haplotypes % 2 == 0).sum(0)
    counts = np.zeros((1, 3, 3), dtype=int)
    np.add.at(counts[0], (first, second), 1)
    np.testing.assert_allclose(haplotype_frequencies(counts)[0], truth, atol=0.003)


def test_a_variant_that_does_not_vary_has_no_correlation() -> None:
    planes = pack_planes(np.array([[2, 2, 2, -1], [0, 1, 2, 0]], dtype=np.int8))
    for measure in ("haplotype", "genotype"):
        r = correlate_planes(planes, measure=measure)
        assert np.isnan(r[0]).all()
        assert r[1, 1] == 1.0


def test_pairs_without_people_have_no_correlation_and_no_warning() -> None:
    empty = np.zeros((1, 3, 3), dtype=int)
    assert np.isnan(haplotype_correlation(empty)).all()
    assert np.isnan(genotype_correlation(empty)).all()
