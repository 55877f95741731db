from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.errors import UsageError
from proteomr.simulate.study import SHEN2025, STUDIES, apportion, find_study, random_stream

COUNTS = st.lists(st.integers(0, 10**6), min_size=1, max_size=9).filter(sum)


@given(counts=COUNTS, total=st.integers(0, 10**7))
def test_apportioned_shares_add_up_and_stay_within_one_of_proportion(
    counts: list[int], total: int
) -> None:
    shares = apportion(counts, total)
    assert sum(shares) == total
    for share, count in zip(shares, counts, strict=True):
        assert abs(share - count * total / sum(counts)) < 1 + 1e-6


def test_apportioning_the_whole_returns_the_counts() -> None:
    assert apportion(SHEN2025.cells, sum(SHEN2025.cells)) == SHEN2025.cells


def test_the_largest_remainders_are_rounded_up() -> None:
    assert apportion((55, 27, 18), 10) == (5, 3, 2)


@pytest.mark.parametrize(("counts", "total"), [((0, 0), 3), ((-1, 2), 3), ((1, 2), -3)])
def test_impossible_proportions_are_refused(counts: tuple[int, ...], total: int) -> None:
    with pytest.raises(UsageError, match="cannot divide"):
        apportion(counts, total)


def test_the_cells_of_the_study_are_its_margins() -> None:
    neither, isolated, lonely, both = SHEN2025.cells
    assert (isolated + both, lonely + both) == (3905, 2689)
    assert neither * both / (isolated * lonely) == pytest.approx(3.389, abs=5e-4)


def test_the_counts_of_each_factor_add_up_to_the_study() -> None:
    assert sum(SHEN2025.cells) == SHEN2025.people
    assert sum(SHEN2025.ethnicity.values()) == SHEN2025.people
    assert sum(SHEN2025.education.values()) == SHEN2025.people


@pytest.mark.parametrize(
    ("name", "exposure", "low", "high", "n", "cases"),
    [
        ("GDF15", "isolation", 1.17, 1.27, 41_396, 0.0928),
        ("CXCL14", "isolation", 0.81, 0.88, 40_090, 0.0928),
        ("PCSK9", "loneliness", 1.10, 1.20, 41_396, 0.0639),
    ],
)
def test_a_published_interval_gives_the_share_that_covariates_explain(
    name: str, exposure: str, low: float, high: float, n: int, cases: float
) -> None:
    """The intervals are rounded to two decimals, which leaves the share uncertain by about 0.1."""
    protein = next(protein for protein in SHEN2025.named if protein.name == name)
    se = np.log(high / low) / 3.92
    left = 1 / (se**2 * n * cases * (1 - cases))
    assert protein.basis(exposure) == "published"
    assert protein.covariate_share == pytest.approx(1 - left, abs=0.12)


def test_named_proteins_are_named_once_and_fit_in_the_first_block() -> None:
    names = [protein.name for protein in SHEN2025.named]
    assert len(set(names)) == len(names) <= 64
    assert names[:3] == ["GDF15", "CXCL14", "PCSK9"]


def test_an_unknown_study_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean 'shen2025'"):
        find_study("shen2026")


def test_every_study_is_found_by_its_name() -> None:
    assert [find_study(study.name) for study in STUDIES] == list(STUDIES)


def test_streams_of_different_keys_and_seeds_differ() -> None:
    keys = [(1, 0), (1, 1), (1, 0, 0), (2, 0)]
    drawn = {random_stream(seed, *key).integers(2**62) for seed, *key in keys}
    assert len(drawn) == len(keys)
