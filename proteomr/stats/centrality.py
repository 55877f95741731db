"""How central the nodes of an undirected network are: degree, strength, betweenness."""

from __future__ import annotations

from collections import deque

import numpy as np

from proteomr._typing import F64, I64

__all__ = ["count_degrees", "find_betweenness", "find_components", "list_neighbours"]


def list_neighbours(edges: I64, n: int) -> list[list[int]]:
    """Return the neighbours of each of n nodes, ascending.

    Parameters
    ----------
    edges : (e, 2) nodes, each pair once, no node with itself.

    Examples
    --------
    >>> list_neighbours(np.array([[0, 1], [2, 1]]), 3)
    [[1], [0, 2], [1]]
    """
    found: list[list[int]] = [[] for _ in range(n)]
    for a, b in edges.tolist():
        found[a].append(b)
        found[b].append(a)
    return [sorted(one) for one in found]


def count_degrees(edges: I64, strength: F64, n: int) -> tuple[I64, F64]:
    """Return how many edges each node has, and the sum of their strengths.

    Examples
    --------
    >>> degree, total = count_degrees(np.array([[0, 1], [1, 2]]), np.array([0.4, 0.9]), 3)
    >>> degree.tolist(), total.round(1).tolist()
    ([1, 2, 1], [0.4, 1.3, 0.9])
    """
    both = np.concatenate([edges[:, 0], edges[:, 1]]) if edges.size else np.zeros(0, dtype=np.int64)
    twice = np.concatenate([strength, strength])
    degree = np.bincount(both, minlength=n).astype(np.int64)
    return degree, np.bincount(both, weights=twice, minlength=n).astype(np.float64)


def find_betweenness(neighbours: list[list[int]]) -> F64:
    r"""Return the share of shortest paths that each node lies on.

    .. math:: b(v) = \sum_{s < t} \sigma_{st}(v) / \sigma_{st} \Big/ \binom{n - 1}{2}

    with :math:`\sigma` the number of shortest paths, edges being of length 1 (Freeman 1977,
    doi:10.2307/3033543; by the algorithm of Brandes 2001, doi:10.1080/0022250X.2001.9990249).

    Examples
    --------
    >>> find_betweenness([[1], [0, 2], [1]]).tolist()
    [0.0, 1.0, 0.0]
    """
    n = len(neighbours)
    between = np.zeros(n)
    for start in range(n):
        order, before, paths = _search(neighbours, start)
        depends = np.zeros(n)
        for node in reversed(order):
            for last in before[node]:
                depends[last] += paths[last] / paths[node] * (1.0 + depends[node])
            if node != start:
                between[node] += depends[node]
    return between / max(1, (n - 1) * (n - 2))  # each pair is met from both ends


def _search(neighbours: list[list[int]], start: int) -> tuple[list[int], list[list[int]], F64]:
    """Return the nodes by distance, who is before each on shortest paths, and their number."""
    n = len(neighbours)
    distance = np.full(n, -1)
    paths = np.zeros(n)
    before: list[list[int]] = [[] for _ in range(n)]
    distance[start], paths[start] = 0, 1.0
    order: list[int] = []
    waiting = deque([start])
    while waiting:
        node = waiting.popleft()
        order.append(node)
        for other in neighbours[node]:
            if distance[other] < 0:
                distance[other] = distance[node] + 1
                waiting.append(other)
            if distance[other] == distance[node] + 1:
                paths[other] += paths[node]
                before[other].append(node)
    return order, before, paths


def find_components(neighbours: list[list[int]]) -> I64:
    """Return the connected part of each node: 1 for the largest; of equals the first comes first.

    Examples
    --------
    >>> find_components([[], [2], [1]]).tolist()
    [2, 1, 1]
    """
    n = len(neighbours)
    part = np.full(n, -1, dtype=np.int64)
    for start in range(n):
        if part[start] < 0:
            for node in _search(neighbours, start)[0]:
                part[node] = start
    starts, sizes = np.unique(part, return_counts=True)
    order = starts[np.argsort(-sizes, kind="stable")]
    rank = {int(start): i + 1 for i, start in enumerate(order)}
    return np.array([rank[int(start)] for start in part], dtype=np.int64)
