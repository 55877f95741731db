"""Loci of which the truth is known: what weak instruments in linkage do to each method."""

from __future__ import annotations

import numpy as np

from proteomr._typing import F64
from proteomr.mr.choice import build_methods
from proteomr.mr.methods.base import Estimate
from proteomr.mr.pruning_grid import prune_greedily
from proteomr.status import Status
from tests.mr.methods.examples import run
from tests.mr.methods.loci import copy_haplotypes, draw_locus

LEVEL = 1.3010299956639813
LOCI: list[F64] = [
    np.asarray(np.corrcoef(copy_haplotypes(np.random.default_rng(seed), m=24, people=500).T))
    for seed in range(5)
]


def analyse(name: str, *, strength: float, effect: float, times: int = 100) -> list[Estimate]:
    method = build_methods([name])[0]
    found = []
    for place in range(times):
        random = np.random.default_rng([place, 3])
        data = draw_locus(random, LOCI[place % 5], strength=strength, effect=effect)
        found.append(run(method, data.select(prune_greedily(data, r2=0.6))))
    assert all(one.status == Status.ok for one in found)
    return found


def reject(found: list[Estimate]) -> float:
    return float(np.mean([one.neg_log10_p > LEVEL for one in found]))


def cover(found: list[Estimate], effect: float) -> float:
    return float(np.mean([one.conf_low <= effect <= one.conf_high for one in found]))


def test_with_strong_instruments_all_that_know_the_linkage_keep_their_level() -> None:
    for name in ("ivw_correlated", "maxlik_correlated", "pcgmm"):
        assert reject(analyse(name, strength=0.05, effect=0.0)) <= 0.12, name
    assert reject(analyse("clr", strength=0.05, effect=0.0, times=30)) <= 0.15
    linked, alone = (analyse(n, strength=0.05, effect=0.0) for n in ("ivw_correlated", "ivw"))
    assert reject(alone) > reject(linked)


def test_with_strong_instruments_the_truth_is_found_and_covered() -> None:
    for name in ("maxlik_correlated", "pcgmm"):
        found = analyse(name, strength=0.05, effect=0.5)
        assert abs(np.mean([one.estimate for one in found]) - 0.5) < 0.01, name
        assert cover(found, 0.5) >= 0.87, name


def test_with_weak_instruments_the_conditional_test_holds_where_gmm_breaks() -> None:
    assert reject(analyse("clr", strength=0.0005, effect=0.0, times=40)) <= 0.15
    assert reject(analyse("pcgmm", strength=0.0005, effect=0.0)) > 0.15


def test_with_weak_instruments_sets_cover_the_truth_or_are_open() -> None:
    found = analyse("clr", strength=0.0005, effect=0.5, times=30)
    inside = []
    for one in found:
        parts = one.further[0].columns
        ends = zip(parts["low"], parts["high"], strict=True)
        inside.append(
            any((a is None or a <= 0.5) and (b is None or b >= 0.5) for a, b in ends)  # type: ignore[operator]
        )
    assert np.mean(inside) >= 0.87
    assert cover(analyse("ivw_correlated", strength=0.0005, effect=0.5, times=60), 0.5) < 0.5
