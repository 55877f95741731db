"""Centralities against all shortest paths, found by trying every path."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from proteomr.stats.centrality import (
    count_degrees,
    find_betweenness,
    find_components,
    list_neighbours,
)


def shortest(neighbours: list[list[int]], start: int, end: int) -> list[tuple[int, ...]]:
    """Return all shortest paths, by trying all paths of each length."""
    n = len(neighbours)
    for between in range(n - 1):
        others = [node for node in range(n) if node not in {start, end}]
        paths = [
            (start, *middle, end)
            for middle in itertools.permutations(others, between)
            if all(b in neighbours[a] for a, b in itertools.pairwise((start, *middle, end)))
        ]
        if paths:
            return paths
    return []


@pytest.mark.parametrize("seed", range(5))
def test_betweenness_is_the_share_of_shortest_paths(seed: int) -> None:
    rng, n = np.random.default_rng(seed), 6
    edges = np.array([pair for pair in itertools.combinations(range(n), 2) if rng.random() < 0.4])
    neighbours = list_neighbours(edges, n)
    want = np.zeros(n)
    for start, end in itertools.combinations(range(n), 2):
        paths = shortest(neighbours, start, end)
        for path in paths:
            want[list(path[1:-1])] += 1.0 / len(paths)
    np.testing.assert_allclose(find_betweenness(neighbours), want / ((n - 1) * (n - 2) / 2))


def test_degree_and_strength_count_each_edge_at_both_ends() -> None:
    degree, strength = count_degrees(np.array([[0, 1], [0, 2]]), np.array([0.5, 2.0]), 4)
    assert degree.tolist() == [2, 1, 1, 0]
    assert strength.tolist() == [2.5, 0.5, 2.0, 0.0]


def test_the_largest_part_is_the_first() -> None:
    neighbours = list_neighbours(np.array([[0, 1], [2, 3], [3, 4]]), 6)
    assert find_components(neighbours).tolist() == [2, 2, 1, 1, 1, 3]
