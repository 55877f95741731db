"""netboost step by step, against slow loops over the definitions of its paper.

Schlosser et al. 2020, doi:10.1186/s12859-020-03618-0: edges that are told from none, topological
overlap on these, a tree for each part they connect, its cut, eigenproteins of ranks, and merging of
modules whose profiles go together, again and again.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl
import pytest
from scipy.stats import rankdata, spearmanr

from proteomr.network import NetworkOptions, network
from proteomr.runs import Results
from proteomr.stats.correlation_cutoff import spearman_p_value
from tests.stats.networks import rand_index

POWER, MIN_SIZE, HEIGHT = 2, 6, 0.25


def make(seed: int) -> np.ndarray:
    """Return (p, n): four factors, two of them close to each other, and proteins of none."""
    random = np.random.default_rng(seed)
    factors = random.normal(size=(4, 90))
    factors[1] = factors[0] + 0.5 * factors[1]
    sizes = (14, 10, 12, 9)
    x = np.repeat(factors, sizes, axis=0)
    x = x * random.uniform(0.8, 1.6, (len(x), 1)) * random.choice([-1.0, 1.0], (len(x), 1))
    x = np.vstack([x, np.zeros((20, 90))]) + random.normal(size=(65, 90))
    return np.exp(0.3 * x)  # ranks alone count


def find(x: np.ndarray) -> Results:
    names = [f"P{j:02d}" for j in range(len(x))]
    ids = [f"S{i:03d}" for i in range(x.shape[1])]
    frame = pl.DataFrame({"ID": ids, **dict(zip(names, x, strict=True))})
    options = NetworkOptions(method="netboost", power=POWER, min_size=MIN_SIZE, edges=10_000)
    return network(frame, options=options)


def keep_edges(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rank correlations, and adjacencies of pairs whose p value is below 0.05."""
    p = len(x)
    r, a = np.eye(p), np.zeros((p, p))
    for i in range(p):
        for j in range(p):
            if i != j:
                r[i, j] = spearmanr(x[i], x[j])[0]
                # held against R's cor.test in tests/stats/test_network_r.py
                if spearman_p_value(r[i, j], x.shape[1]) < 0.05:
                    a[i, j] = abs(r[i, j]) ** POWER
    return r, a


def overlap_slowly(a: np.ndarray) -> np.ndarray:
    """Return overlaps of kept edges; none of others."""
    p = len(a)
    k = a.sum(axis=1)
    overlap = np.zeros((p, p))
    for i in range(p):
        for j in range(p):
            if i != j and a[i, j] > 0.0:
                shared = sum(a[i, u] * a[u, j] for u in range(p) if u not in (i, j))
                overlap[i, j] = (shared + a[i, j]) / (min(k[i], k[j]) + 1.0 - a[i, j])
    return overlap


def list_parts(a: np.ndarray) -> list[list[int]]:
    """Return what edges connect, by walks from each protein."""
    parts: list[list[int]] = []
    for start in range(len(a)):
        if any(start in part for part in parts):
            continue
        part, waiting = {start}, [start]
        while waiting:
            near = {int(i) for i in np.flatnonzero(a[waiting.pop()])} - part
            part |= near
            waiting += near
        parts.append(sorted(part))
    return parts


def link_slowly(d: np.ndarray, members: list[int]) -> list[float]:
    """Return heights of average linkage over the pairs themselves, ascending."""
    clusters = [[i] for i in members]
    heights = []
    while len(clusters) > 1:
        pairs = [(d[np.ix_(c, e)].mean(), c, e) for c in clusters for e in clusters if c < e]
        height, one, other = min(pairs, key=lambda pair: pair[0])
        heights.append(float(height))
        clusters = [c for c in clusters if c not in (one, other)] + [one + other]
    return heights


def profile(x: np.ndarray, members: Iterable[int]) -> np.ndarray:
    """Return the first principal component of standardised ranks."""
    ranks = np.array([rankdata(x[i]) for i in members])
    z = ranks - ranks.mean(axis=1, keepdims=True)
    z /= np.linalg.norm(z, axis=1, keepdims=True)
    return np.asarray(np.linalg.svd(z, full_matrices=False)[2][0])


@pytest.fixture(scope="module", params=[1, 2, 3])
def both(request: pytest.FixtureRequest) -> tuple[np.ndarray, Results]:
    x = make(request.param)
    return x, find(x)


def test_edges_and_overlaps_are_those_of_the_definition(both: tuple[np.ndarray, Results]) -> None:
    x, found = both
    r, a = keep_edges(x)
    overlap = overlap_slowly(a)
    edges = found.table("edges")
    assert edges.height > 100
    for row in edges.iter_rows(named=True):
        i, j = int(row["protein1"][1:]), int(row["protein2"][1:])
        assert row["correlation"] == pytest.approx(r[i, j], abs=1e-13)
        assert row["adjacency"] == pytest.approx(a[i, j], abs=1e-13)
        assert row["overlap"] == pytest.approx(overlap[i, j], abs=1e-13)
    np.testing.assert_allclose(found.table()["connectivity"].to_numpy(), a.sum(axis=1), rtol=1e-12)


def test_each_part_has_the_tree_of_its_own_overlaps(both: tuple[np.ndarray, Results]) -> None:
    x, found = both
    a = keep_edges(x)[1]
    d = 1.0 - overlap_slowly(a)
    wanted = sorted(h for part in list_parts(a) for h in link_slowly(d, part))
    np.testing.assert_allclose(found.table("tree")["height"].to_numpy(), wanted, atol=1e-12)


def test_profiles_are_components_of_ranks_and_no_two_of_them_are_near(
    both: tuple[np.ndarray, Results],
) -> None:
    x, found = both
    labels = found.table()["module"].to_numpy()
    profiles = found.table("eigenproteins").drop("id").to_numpy().T
    assert len(profiles) == labels.max() >= 3
    for label, own in enumerate(profiles, start=1):
        members = np.flatnonzero(labels == label)
        assert members.size >= MIN_SIZE
        assert abs(own @ profile(x, members)) == pytest.approx(1.0, abs=1e-12)
    for i, one in enumerate(profiles):
        for other in profiles[:i]:
            assert 1.0 - abs(spearmanr(one, other)[0]) > HEIGHT


def test_close_modules_are_one_whatever_the_signs_of_their_proteins(
    both: tuple[np.ndarray, Results],
) -> None:
    x, found = both
    labels = found.table()["module"].to_numpy()
    # factors 1 and 2 have a rank correlation of 0.87, within the height of 0.25
    truth = np.repeat([1, 1, 2, 3], (14, 10, 12, 9))
    assert rand_index(labels[:45], truth) > 0.9
    turned = x.copy()
    turned[::2] = -turned[::2]
    assert find(turned).table()["module"].to_numpy().tolist() == labels.tolist()
