from __future__ import annotations

import itertools
import math

import numpy as np

from proteomr._typing import F64
from proteomr.mr.methods.base import Estimate, certify, refuse
from proteomr.mr.methods.estimate_block import EstimateBlock
from proteomr.status import Status

WILD = (math.nan, -math.inf, math.inf, 0.0, -1.0, 1.0)


def build(rows: F64) -> EstimateBlock:
    estimate, se, minus_log, low, high = rows.T
    return EstimateBlock(
        estimate,
        se,
        minus_log,
        low,
        high,
        nsnp=3,
        details={"scale": np.arange(len(rows), dtype=np.float64)},
        tests={"q": np.full(len(rows), 2.0)},
        tested=np.arange(len(rows)) % 2 == 0,
    )


def test_a_block_is_certified_as_its_estimates_are_one_by_one() -> None:
    rows = np.array(list(itertools.product(WILD, repeat=5)))
    block = build(rows)
    singly = [certify(one) for one in block.list_estimates()]
    together = block.list_certified(measures=("se", "limits"))
    assert [repr(one) for one in together] == [repr(one) for one in singly]
    assert {one.status for one in together} == {Status.ok, Status.not_identified}


def test_details_of_tests_stand_where_there_is_one() -> None:
    estimates = build(np.ones((4, 5))).list_estimates()
    assert [sorted(one.details) for one in estimates] == [["q", "scale"], ["scale"]] * 2


def test_refusals_and_notes_stand_at_their_pairs() -> None:
    block = build(np.ones((3, 5)))
    refusal = refuse(Status.not_converged, "no line", nsnp=3)
    noted = EstimateBlock(
        block.estimate,
        block.se,
        block.neg_log10_p,
        block.conf_low,
        block.conf_high,
        3,
        block.details,
        block.tests,
        block.tested,
        {0: "one left out"},
        {2: refusal},
    )
    first, second, third = noted.list_estimates()
    assert (first.message, second.message) == ("one left out", None)
    assert third is refusal


def test_powers_of_two_come_back_exactly() -> None:
    block = build(np.full((2, 5), 0.3))
    restored = block.restore_units(
        outcome=np.array([3, -3]), exposure=np.array([1, 1]), powers={"scale": (1, 1)}
    )
    one: Estimate = restored.list_estimates()[1]
    assert (one.estimate, one.se, one.neg_log10_p) == (0.3 / 16, 0.3 / 16, 0.3)
    assert one.details["scale"] == 0.25
