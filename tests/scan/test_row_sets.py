"""Sets of rows in place of strata: who is in a plan's groups, and which blocks they come in."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import Bool
from proteomr.design import parse_sets
from proteomr.models import Linear
from proteomr.scan import (
    Plan,
    ProteinBlock,
    RowSets,
    Scan,
    Stratum,
    in_turn,
    plan_blocks,
    read_formulas,
    read_target,
)
from proteomr.scan import fitting as fitting_room
from tests.association.cohorts import make_cohort, make_samples, make_values

N = 300


def draw(seed: int, targets: int = 2) -> Bool:
    return np.random.default_rng(seed).random((targets, N)) < 0.5


def make_units(count: int) -> tuple[tuple[Stratum, ...], ...]:
    halves = [draw(k) for k in range(count)]
    return tuple((Stratum(f"{k}/1", h), Stratum(f"{k}/2", ~h)) for k, h in enumerate(halves))


def plan_of(sets: RowSets, *, proteins: int = 5) -> Plan:
    reading = read_formulas(
        make_cohort(make_samples(N), make_values(N, proteins)), parse_sets({"a": "age", "b": "sex"})
    )
    targets = [
        read_target(reading, name, role="exposure", family=Linear()) for name in ("iso", "lo")
    ]
    return plan_blocks(reading, Linear(), targets=targets, row_sets=sets, block_size=3)


def test_each_target_has_its_own_rows() -> None:
    units = make_units(2)
    plan = plan_of(RowSets(units))
    for group in plan.groups:
        for key in group.models:
            wanted = plan.strata[key.stratum].rows[key.target]
            assert np.array_equal(np.sort(group.rows), np.flatnonzero(wanted))
    assert plan.tests_per_protein == 2 * 2 * 4
    assert len(Scan(plan)(plan.blocks[0])) == 3 * plan.tests_per_protein


def test_a_target_that_a_set_does_not_ask_about_has_no_model() -> None:
    only_first = draw(1)
    only_first[1] = False
    plan = plan_of(RowSets(((Stratum("first", only_first),), (Stratum("all", np.ones(N, bool)),))))
    asked = {(key.stratum, key.target) for group in plan.groups for key in group.models}
    assert asked == {(0, 0), (1, 0), (1, 1)}
    assert plan.tests_per_protein == 2 * 3


@pytest.mark.parametrize("at_once", [1, 2 * N, 5 * N, 100 * N])
def test_a_unit_is_never_parted(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proteomr.scan.row_sets._UNITS_AT_ONCE", at_once)
    plan = plan_of(RowSets(make_units(7)))
    chunks: dict[frozenset[int], set[int]] = {}
    for block in plan.blocks:
        strata = frozenset(k.stratum for g in block.groups for k in plan.groups[g].models)
        assert all((s ^ 1) in strata for s in strata)
        chunks.setdefault(strata, set()).update(block.proteins.tolist())
    assert sorted(s for strata in chunks for s in strata) == list(range(14))
    assert all(proteins == set(range(5)) for proteins in chunks.values())
    people = [sum(int(plan.strata[s].rows.sum()) for s in strata) for strata in chunks]
    assert all(n <= max(at_once, 2 * N) for n in people)
    assert [block.index for block in plan.blocks] == list(range(len(plan.blocks)))


def test_panels_of_many_groups_come_one_after_another() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    panels = [tuple(range(first, first + 5)) for first in (0, 0, 5, 5)]
    blocks = [ProteinBlock(i, nobody, groups) for i, groups in enumerate(panels)]
    assert [block.index for block in in_turn(blocks)] == [0, 1, 2, 3]


def test_blocks_begin_at_groups_far_apart_and_leave_none_out() -> None:
    groups, nobody = tuple(range(40, 48)), np.zeros(0, dtype=np.int64)
    turns = [fitting_room._turn(ProteinBlock(i, nobody, groups)) for i in range(8)]
    assert {turn[0] for turn in turns} == set(groups)
    assert abs(turns[1][0] - turns[0][0]) == 4
    assert all(sorted(turn) == list(groups) for turn in turns)
