from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.stats.line_likelihood import Points, fit_line
from proteomr.stats.trimmed_lines import fit_by_turns, fit_globally


def draw(seed: int, m: int, invalid: int) -> Points:
    random = np.random.default_rng([seed, 31])
    truth = random.uniform(0.05, 0.2, m) * random.choice([-1.0, 1.0], m)
    direct = np.where(np.arange(m) < invalid, random.normal(0.0, 0.15, m), 0.0)
    sx, sy = random.uniform(0.004, 0.01, m), random.uniform(0.008, 0.02, m)
    return Points(random.normal(truth, sx), sx, random.normal(0.4 * truth + direct, sy), sy)


def take_turns(points: Points, count: int) -> tuple[float, set[int]]:
    """The package's turns for one number of points left out, point by point."""
    theta, mu = 0.0, [0.0] * points.x.size
    rows = list(zip(points.x, points.sx, points.y, points.sy, strict=True))
    for _ in range(100):
        residual = [y - theta * u for (_, _, y, _), u in zip(rows, mu, strict=True)]
        order = sorted(range(len(rows)), key=lambda j: -((residual[j] / rows[j][3]) ** 2))
        free = set(order[:count])
        rest = [row[2] - residual[j] if j in free else row[2] for j, row in enumerate(rows)]
        mu = [
            (x / sx**2 + theta * v / sy**2) / (1 / sx**2 + theta**2 / sy**2)
            for (x, sx, _, sy), v in zip(rows, rest, strict=True)
        ]
        above = sum(v * u / row[3] ** 2 for v, u, row in zip(rest, mu, rows, strict=True))
        new = above / sum(u**2 / row[3] ** 2 for u, row in zip(mu, rows, strict=True))
        moved, theta = abs(new - theta), new
        if moved <= 1e-7:
            break
    return theta, free


@pytest.mark.parametrize("seed", range(3))
def test_turns_are_those_of_an_obvious_loop(seed: int) -> None:
    points = draw(seed, 15, 4)
    fits = fit_by_turns(points, price=10.0, tolerance=1e-7, least=1e-13)
    looked_at = np.flatnonzero(~fits.prolonged & (fits.weights > 1e-13))
    assert looked_at.size > 3
    for count in looked_at.tolist():
        slope, free = take_turns(points, count)
        assert fits.slopes[count] == pytest.approx(slope, rel=1e-12)
        assert set(np.flatnonzero(~fits.valid[count])) == free


def test_what_is_certified_is_an_optimum_of_its_points() -> None:
    points = draw(4, 30, 8)
    for fits in (
        fit_by_turns(points, price=10.0, tolerance=1e-7, least=1e-13),
        fit_globally(points, price=10.0),
    ):
        for k in np.flatnonzero(fits.weights > 1e-13):
            assert fits.doubts[k] is None
            exact = fit_line(points.select(fits.valid[k]), start=float(fits.slopes[k]))
            assert abs(fits.slopes[k] - exact.slope) < 1e-4 * fits.se[k]
            assert fits.se[k] == pytest.approx(math.sqrt(2 / exact.curvature), rel=1e-3)


def test_numbers_do_not_depend_on_how_many_counts_are_looked_at() -> None:
    points = draw(5, 60, 10)
    all_counts = fit_by_turns(points, price=1e-9, tolerance=1e-7, least=1.0)
    few = fit_by_turns(points, price=9.0, tolerance=1e-7, least=1.0)
    size = few.slopes.size
    assert size < all_counts.slopes.size == 59
    assert (few.slopes == all_counts.slopes[:size])[few.weights > 1e-13].all()
    priced = all_counts.criteria + 9.0 * np.arange(59)
    assert (priced[size:] > few.criteria[few.best] + 80.0).all()  # weights below exp(-40)
    dear = fit_by_turns(draw(5, 400, 10), price=60.0, tolerance=1e-7, least=1.0)
    assert dear.slopes.size < 100  # a dearer count has no weight whatever its loss
    assert dear.weights[-1] < math.exp(-40.0)


@pytest.mark.parametrize("seed", range(4))
def test_the_global_search_is_no_worse_than_every_choice_of_points(seed: int) -> None:
    points = draw(seed, 7, 2)
    fits = fit_globally(points, price=10.0)
    grid: F64 = np.tan(np.linspace(-1.57, 1.57, 4001))[:, None]
    q = (points.y - grid * points.x) ** 2 / (points.sy**2 + grid**2 * points.sx**2)
    for count in range(5):  # any two points have an optimum between them; not all are looked at
        least = min(
            float(q[:, list(kept)].sum(axis=1).min())
            for kept in itertools.combinations(range(7), 7 - count)
        )
        assert fits.criteria[count] - 10.0 * count <= least + 1e-9


def test_a_vertical_line_is_no_fit() -> None:
    one = np.ones(4)
    points = Points(np.array([1e-12, -1e-12, 1e-12, -1e-12]), one, 5.0 * one, 0.01 * one)
    fits = fit_globally(points, price=1.0)
    assert fits.list_doubtful(least=1e-13).size


@pytest.mark.parametrize("m", [3, 8, 9, 40])
def test_of_points_that_fit_equally_ill_the_first_are_left_out(m: int) -> None:
    y = np.where(np.arange(m) % 2, 0.3, -0.3)
    points = Points(np.full(m, 0.1), np.full(m, 0.01), y, np.full(m, 0.02))
    fits = fit_by_turns(points, price=0.0, tolerance=1e-7, least=1e-13)
    first = [set(np.flatnonzero(~kept)) for kept in fits.valid]
    assert first[1] == {0}
    for count in range(min(3, m - 1)):
        assert take_turns(points, count)[1] == first[count]
