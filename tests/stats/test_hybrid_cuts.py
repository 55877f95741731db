"""Second stages of the hybrid cut, where small branches lie within one another, against R."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.average_linkage import link_average
from proteomr.stats.hybrid_cut import SecondStage, cut_hybrid

STORED = json.loads(Path(__file__).with_name("hybrid_cuts.json").read_text())
PEOPLE, PROTEINS, FACTORS, ABOVE = 60, 160, 12, 3


def _draw(seed: int, n: int) -> F64:
    """Return the numbers that make_hybrid_cuts.R draws: Lehmer's generator, exact in both."""
    out, state = np.empty(n), seed
    for i in range(n):
        state = 16807 * state % 2147483647
        out[i] = state / 2147483647 - 0.5
    return out


def _spread(seed: int) -> F64:
    """Return dissimilarities of proteins of which each has a factor, and factors have others."""
    sizes = (PEOPLE * FACTORS, PEOPLE * ABOVE, PEOPLE * PROTEINS, PEOPLE, PROTEINS, PROTEINS)
    parts = np.split(_draw(seed, sum(sizes)), np.cumsum(sizes)[:-1])
    factors = parts[0].reshape(FACTORS, PEOPLE) + np.resize(
        parts[1].reshape(ABOVE, PEOPLE), (FACTORS, PEOPLE)
    )
    own = np.floor((parts[5] + 0.5) * FACTORS).astype(np.int64)
    x = parts[2].reshape(PROTEINS, PEOPLE) + factors[own] * (parts[4] + 0.5)[:, None] * 1.2
    adjacency: F64 = np.asarray((1.0 + np.corrcoef(x + 0.5 * parts[3])) / 2.0, np.float64) ** 12
    np.fill_diagonal(adjacency, 0.0)
    k = adjacency.sum(axis=0)
    overlap = (adjacency @ adjacency + adjacency) / (np.minimum.outer(k, k) + 1.0 - adjacency)
    apart = 1.0 - (overlap + overlap.T) / 2.0
    np.fill_diagonal(apart, 0.0)
    return np.asarray(apart, np.float64)


@pytest.mark.parametrize("seed", sorted({case["seed"] for case in STORED["cases"]}))
@pytest.mark.parametrize("stage", ["free", "tree"])
def test_partitions_are_those_of_r(seed: int, stage: SecondStage) -> None:
    apart = _spread(seed)
    tree = link_average(apart.copy())
    cases = [c for c in STORED["cases"] if c["seed"] == seed and c["second_stage"] == stage]
    assert len(cases) == 6
    for case in cases:
        found = cut_hybrid(
            tree,
            apart,
            min_size=case["min_size"],
            deep_split=case["deep_split"],
            second_stage=stage,
        )
        pairs = set(zip(found.tolist(), case["labels"], strict=True))
        assert len(pairs) == np.unique(found).size == len(set(case["labels"]))
        assert all((mine == 0) == (theirs == 0) for mine, theirs in pairs)
