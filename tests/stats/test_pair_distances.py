"""Distances of pairs from their correlations: the plain mean of squares, and its stated error."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.knn import impute_knn
from proteomr.stats.module_components import find_component
from proteomr.stats.pair_correlations import PairCorrelations, correlate_all
from proteomr.stats.pair_distances import PairDistances


def _draw(*, centre: float, scale: float, missing: float, seed: int = 5) -> F64:
    random = np.random.default_rng(seed)
    x = random.normal(size=(60, 300)) * random.uniform(0.2, 3.0, size=(60, 1))
    x = scale * (x + random.normal(size=300)) + centre * random.normal(size=(60, 1))
    x[7] = x[6]
    x[8] = x[6]  # the nearest of three are two at the distance of none
    x[random.random(x.shape) < missing] = np.nan
    return x


def _derive(x: F64) -> PairDistances:
    found = PairCorrelations.of(x, "pearson").distances(correlate_all(x))
    assert found is not None
    return found


_KINDS = [
    pytest.param(0.0, 1.0, 0.1, id="centred"),
    pytest.param(5.0, 1.0, 0.3, id="means apart"),
    pytest.param(1e6, 1.0, 0.1, id="means far apart"),
    pytest.param(0.0, 1e150, 0.1, id="huge"),
    pytest.param(1e-150, 1e-150, 0.1, id="tiny"),
    pytest.param(0.0, 1.0, 0.9, id="nearly all missing"),
]


@pytest.mark.parametrize(("centre", "scale", "missing"), _KINDS)
def test_distances_are_means_of_squares_within_their_error(
    centre: float, scale: float, missing: float
) -> None:
    x = _draw(centre=centre, scale=scale, missing=missing)
    found = _derive(x)
    for i, one in enumerate(x):
        for j, other in enumerate(x):
            both = ~(np.isnan(one) | np.isnan(other))
            if not both.any():
                assert found.distance[i, j] == np.inf
                continue
            gap = (one - other)[both]
            assert abs(found.distance[i, j] - gap @ gap / both.sum()) <= found.error[i, j]


def test_few_shared_people_and_shared_constants_have_no_bound() -> None:
    x = _draw(centre=0.0, scale=1.0, missing=0.0)[:20]
    x[0, 2:] = np.nan  # two people
    x[1, :5] = 3.0
    x[1, 9:] += 1.0
    x[2, 5:] = np.nan  # shares with the one before what is constant there
    found = _derive(x)
    assert np.isinf(found.error[0, 5])
    assert np.isinf(found.error[1, 2])
    assert np.isfinite(found.error[3:, 3:]).all()


@pytest.mark.parametrize(("centre", "scale", "missing"), _KINDS[:4])
def test_neighbours_are_the_same_by_either_way(centre: float, scale: float, missing: float) -> None:
    x = _draw(centre=centre, scale=scale, missing=missing)
    x[3, 20:] = np.nan  # mostly missing: nobody's neighbour
    by_gaps, by_correlations = x.copy(), x.copy()
    assert impute_knn(by_gaps) == impute_knn(by_correlations, distances=_derive(x))
    assert np.array_equal(by_gaps, by_correlations)


def test_an_eigenprotein_is_the_same_by_either_way() -> None:
    x = _draw(centre=5.0, scale=1.0, missing=0.1)
    pairs = _derive(x)
    rows = np.arange(10, 40)
    plain, derived = find_component(x[rows]), find_component(x[rows], distances=pairs.among(rows))
    assert np.array_equal(plain.scores, derived.scores)
    x[10:38, 4] = np.nan  # too much for an eigenprotein: the distances of the rest are others
    lacking = _derive(x).among(rows)
    one, other = find_component(x[rows]), find_component(x[rows], distances=lacking)
    assert np.array_equal(one.scores, other.scores, equal_nan=True)
    assert np.isnan(one.scores[4])


def test_whole_variables_have_none() -> None:
    x = _draw(centre=0.0, scale=1.0, missing=0.0)
    assert PairCorrelations.of(x, "pearson").distances(correlate_all(x)) is None
