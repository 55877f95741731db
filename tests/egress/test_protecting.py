"""Components of many sums: every small count is open at both ends, after few programmes."""

from __future__ import annotations

from unittest.mock import Mock

import numpy as np
import pytest
from scipy.optimize import milp

from proteomr.egress import solving
from proteomr.egress.protecting import protect, round_down
from proteomr.egress.relations import Cells, CountTable, Relation, find_relations
from proteomr.egress.solving import Sums
from tests.egress.attacker import Sum, is_open, narrow

SPLITS = 900


@pytest.fixture
def solved(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Count the integer programmes that are solved."""
    counting = Mock(wraps=milp)
    monkeypatch.setattr(solving, "milp", counting)
    return counting


def halves(splits: int, k: int) -> CountTable:
    """Return splits of the same people: all their relations hang together by the total."""
    lost = np.random.default_rng(1).integers(1, 2 * k, splits).tolist()
    counts = {"n": [1203] * splits, "n1": [1203 - one for one in lost], "n2": lost}
    return CountTable("replication", counts, {"split": [str(i) for i in range(splits)]})


def risk_set(rows: int, seed: int) -> CountTable:
    """Return numbers at risk from row to row, nearly all of whose losses are small."""
    rng = np.random.default_rng(seed)
    events, left = (rng.integers(0, 6, rows).tolist() for _ in range(2))
    at_risk = [sum(events) + sum(left) + 40]
    for one, other in zip(events, left, strict=True):
        at_risk.append(at_risk[-1] - one - other)
    counts = {"at_risk": at_risk, "events": [*events, 0], "censored": [*left, 0]}
    return CountTable("curve_times", counts, {"group": ["Q1"] * (rows + 1)})


def attack(cells: Cells, relations: list[Relation], withheld: frozenset[int], asked: int) -> bool:
    """Tell whether a small count stays open against all sums of its component."""
    seen = {}
    for one, value in enumerate(cells.values):
        low = round_down(value, cells.k)
        seen[str(one)] = (0, 1e5) if one in withheld else (low, low + cells.k - 1)
    sums: list[Sum] = [(str(r.total), [str(part) for part in r.parts]) for r in relations]
    return is_open(narrow({str(asked): 1}, seen, sums), cells.k)


def test_nine_hundred_chained_sums_take_few_programmes(solved: Mock) -> None:
    cells = Cells(10)
    relations = find_relations([halves(SPLITS, 10)], cells)
    assert len(relations) > SPLITS / 3
    small = [one for one, value in enumerate(cells.values) if 0 < value < 10]
    assert len(small) > SPLITS / 3
    withheld = protect(cells, relations)
    assert solved.call_count <= 20, solved.call_count
    for one in small[:: len(small) // 3]:
        assert attack(cells, relations, withheld, one)


@pytest.mark.parametrize("seed", range(4))
def test_numbers_at_risk_of_many_rows_stay_open(solved: Mock, seed: int) -> None:
    cells = Cells(5)
    relations = find_relations([risk_set(25, seed)], cells)
    withheld = protect(cells, relations)
    small = [one for one, value in enumerate(cells.values) if 0 < value < 5]
    used = {one for relation in relations for one in (relation.total, *relation.parts)}
    for one in small[::3]:
        if one in used:
            assert attack(cells, relations, withheld, one)
    # two of all together, and for each count withheld the two that showed the need of it
    assert solved.call_count <= 2 + len(small) + 2 * len(withheld)


def test_a_solution_is_checked_against_every_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a solver gives and does not add up proves nothing."""
    sums = Sums([Relation(0, (1, 2))], most=4)
    ranges = {0: (5, 9), 1: (0, 4), 2: (5, 9)}
    assert sums.lower([1], ranges) == {1}
    monkeypatch.setattr(solving, "milp", Mock(return_value=Mock(x=np.array([9.0, 1.0, 9.0]))))
    assert sums.lower([1], ranges) == frozenset()
    assert sums.solved == 2


def test_a_count_of_which_nothing_is_known_is_withheld_where_the_solver_gives_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(solving, "milp", Mock(return_value=Mock(x=None)))
    cells = Cells(5)
    table = CountTable("rates", {"n": [27, 20, 4, 3]}, {"stratum": ["all", "A", "B", "C"]})
    relations = find_relations([table], cells)
    withheld = {cells.values[one] for one in protect(cells, relations)}
    assert {20, 27} <= withheld


def test_what_nobody_was_lost_to_is_no_sum() -> None:
    """Attrition of models without losses: each count would be the sum of any other and of 0."""
    models = 300
    names = ("people", "withdrawn", "not_chosen", "target_missing", "complete")
    counts = {name: [0] * models for name in names}
    counts["people"] = [1000 + i % 7 for i in range(models)]
    counts["complete"] = list(counts["people"])
    table = CountTable("attrition", counts, {"model": [str(i) for i in range(models)]})
    assert find_relations([table], Cells(5)) == []


def test_a_loss_beside_reasons_that_never_applied_is_a_sum_of_two() -> None:
    counts = {"people": [1003], "withdrawn": [3], "not_chosen": [0], "complete": [1000]}
    cells = Cells(5)
    found = find_relations([CountTable("attrition", counts, {})], cells)
    told = {(cells.values[r.total], tuple(sorted(cells.values[p] for p in r.parts))) for r in found}
    assert told == {(1003, (3, 1000))}
