"""Who comes into which half: counted, repeatable, and by no order of rows or of exposures."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import Bool
from proteomr.errors import ColumnError, UsageError
from proteomr.models import Target
from proteomr.replicate import schemes
from proteomr.replicate.division import Division
from proteomr.replicate.schemes import Folds, RandomHalves, deal_folds, draw_halves

N = 501


def make_targets() -> list[Target]:
    g = np.random.default_rng(1)
    lonely = (g.random(N) < 0.2).astype(float)
    lonely[:7] = np.nan
    groups = np.column_stack([g.integers(0, 2, N), g.integers(0, 2, N)]).astype(float)
    groups[5] = np.nan
    return [
        Target("lonely", "exposure", "binary", lonely, ("1 vs 0",)),
        Target("bmi", "exposure", "continuous", g.normal(size=N)),
        Target("group", "exposure", "levels", groups, ("b vs a", "c vs a")),
    ]


def sizes(halves: tuple[Bool, Bool], t: int, rows: Bool) -> tuple[int, int]:
    first, second = (int(np.sum(half[t] & rows)) for half in halves)
    return first, second


def halves_of(division: Division) -> list[bytes]:
    return [half.tobytes() for pair in division.halves for half in pair]


def test_the_first_half_has_the_floor_of_half_of_each_level() -> None:
    targets = make_targets()
    division = draw_halves(targets, RandomHalves(5))
    assert division.names == ("1", "2", "3", "4", "5")
    for pair in division.halves:
        for t, target in enumerate(targets):
            assert not np.any(pair[0][t] & pair[1][t])
            assert np.array_equal(pair[0][t] | pair[1][t], target.observed)
        for level in (0.0, 1.0):
            n = int(np.sum(targets[0].values == level))
            assert sizes(pair, 0, targets[0].values == level) == (n // 2, n - n // 2)
        assert sizes(pair, 1, np.ones(N, dtype=bool)) == (250, 251)
        for both in ((0, 0), (0, 1), (1, 0), (1, 1)):
            there = np.all(targets[2].values == both, axis=1)
            n = int(there.sum())
            assert sizes(pair, 2, there) == (n // 2, n - n // 2)


def test_a_draw_is_reached_by_its_number_and_its_target_alone() -> None:
    targets = make_targets()
    some = draw_halves(targets, RandomHalves(3))
    more = draw_halves(targets, RandomHalves(7))
    assert halves_of(some) == halves_of(more)[:6]
    alone = draw_halves(targets[1:2], RandomHalves(3))
    for together, single in zip(some.halves, alone.halves, strict=True):
        assert np.array_equal(together[0][1], single[0][0])
    assert halves_of(draw_halves(targets, RandomHalves(3, seed=2))) != halves_of(some)
    assert len(set(halves_of(some))) == 6


def test_everybody_is_as_likely_in_either_half() -> None:
    targets = make_targets()[:1]
    division = draw_halves(targets, RandomHalves(400))
    share = np.mean([pair[0][0] for pair in division.halves], axis=0)
    assert abs(share[targets[0].observed] - 0.5).max() < 0.5 / 20 * 4.5  # 4.5 standard errors


def test_folds_part_everybody_and_deal_levels_out_evenly() -> None:
    targets = make_targets()
    division = deal_folds(targets, Folds(7))
    assert len(division.halves) == 7
    for t, target in enumerate(targets):
        folds = np.array([pair[1][t] for pair in division.halves])
        assert np.array_equal(folds.sum(axis=0), target.observed.astype(int))
        assert np.ptp(folds.sum(axis=1)) <= 1
        for pair in division.halves:
            assert np.array_equal(pair[0][t], target.observed & ~pair[1][t])
    cases = [int(np.sum(pair[1][0] & (targets[0].values == 1.0))) for pair in division.halves]
    assert np.ptp(cases) <= 1


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_numbers_of_splits_that_cannot_be_are_refused(number: int) -> None:
    with pytest.raises(UsageError, match=f"{number} splits: 1 to 10,000 are needed"):
        RandomHalves(number)
    with pytest.raises(UsageError, match="folds: 2 to 10,000 are needed"):
        Folds(min(number, 1) if number < 2 else number)


def test_more_halves_than_memory_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schemes, "_MOST_PLACES", 10 * 3 * N)
    targets, said = make_targets(), "11 splits of 501 people for each of 3 exposures are too many"
    draw_halves(targets, RandomHalves(10))
    with pytest.raises(UsageError, match=said):
        draw_halves(targets, RandomHalves(11))
    with pytest.raises(UsageError, match=said):
        deal_folds(targets, Folds(11))


def test_too_few_people_are_not_halved() -> None:
    two = Target("lonely", "exposure", "binary", np.array([0.0, 1.0]), ("1 vs 0",))
    with pytest.raises(ColumnError, match="exposure 'lonely': 2 people are too few for halves"):
        draw_halves([two], RandomHalves(1))
    with pytest.raises(ColumnError, match="2 people are too few for 3 folds"):
        deal_folds([two], Folds(3))
