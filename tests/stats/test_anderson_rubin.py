"""Anderson-Rubin sets: the effects that a grid of tests does not reject, whatever their shape."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from proteomr._typing import F64
from proteomr.stats.anderson_rubin import compute_anderson_rubin, invert_anderson_rubin
from proteomr.stats.instrumental import Triangles

GRID = np.concatenate([np.linspace(-60.0, 60.0, 24_001), [-1e9, -1e6, 1e6, 1e9]])


def draw(seed: int, *, strength: float, wrong: float = 0.0, q: int = 3) -> tuple[Triangles, F64]:
    g, n = np.random.default_rng(seed), 80
    Z, hidden = g.normal(size=(n, q)), g.normal(size=n)
    x = strength * Z.sum(axis=1) + hidden + g.normal(size=n)
    y = 0.5 * x + hidden + wrong * Z[:, 0] + g.normal(size=n)
    whole = np.column_stack([np.ones(n), Z, x, y])
    R = np.linalg.qr(whole)[1]
    R = R * np.sign(np.diag(R))[:, None]
    return Triangles.of(R[None, 1:, 1:], n=np.array([n]), k=np.array([1])), whole


def is_inside(parts: tuple, beta: float) -> bool:  # type: ignore[type-arg]
    return any(part.low <= beta <= part.high for part in parts)


def shape_of(parts: tuple) -> str:  # type: ignore[type-arg]
    if not parts:
        return "empty"
    if len(parts) == 2:
        return "two rays"
    ends = np.isfinite([parts[0].low, parts[0].high])
    return "interval" if ends.all() else "line" if not ends.any() else "ray"


@pytest.mark.parametrize("level", [0.8, 0.95])
@pytest.mark.parametrize("q", [1, 3])
@pytest.mark.parametrize(("strength", "wrong"), [(1.0, 0.0), (0.12, 0.0), (0.02, 0.0), (1.0, 3.0)])
def test_a_set_is_what_its_test_does_not_reject(
    strength: float, wrong: float, q: int, level: float
) -> None:
    for seed in range(6):
        triangles, _ = draw(seed, strength=strength, wrong=wrong, q=q)
        parts = invert_anderson_rubin(triangles, level=level)[0]
        limit = stats.f.ppf(level, q, 80 - 1 - q)
        for beta in GRID[::7]:
            statistic = compute_anderson_rubin(triangles, beta)[0]
            if abs(statistic / limit - 1.0) > 1e-6:
                assert is_inside(parts, float(beta)) == (statistic < limit)


def test_all_shapes_of_a_set_are_met() -> None:
    designs = [(1.0, 0.0), (0.25, 0.0), (0.12, 0.0), (0.02, 0.0), (1.0, 3.0)]
    seen = {
        shape_of(invert_anderson_rubin(draw(seed, strength=s, wrong=w)[0], level=0.95)[0])
        for s, w in designs
        for seed in range(12)
    }
    assert seen == {"empty", "interval", "two rays", "line"}


def test_the_ends_of_a_set_are_where_the_test_reaches_its_limit() -> None:
    triangles, _ = draw(3, strength=1.0)
    (part,) = invert_anderson_rubin(triangles, level=0.95)[0]
    limit = stats.f.ppf(0.95, 3, 76)
    for end in (part.low, part.high):
        assert compute_anderson_rubin(triangles, end)[0] == pytest.approx(limit, rel=1e-9)


def test_the_statistic_is_the_f_of_the_instruments_in_the_reduced_form() -> None:
    triangles, whole = draw(4, strength=0.5)
    for beta in (0.0, 1.5):
        y = whole[:, -1] - beta * whole[:, -2]
        rss = [
            np.sum((y - X @ np.linalg.lstsq(X, y, rcond=None)[0]) ** 2)
            for X in (whole[:, :1], whole[:, :4])
        ]
        wanted = (rss[0] - rss[1]) / 3 / (rss[1] / 76)
        assert compute_anderson_rubin(triangles, beta)[0] == pytest.approx(wanted, rel=1e-10)


def test_without_degrees_of_freedom_there_is_no_statistic() -> None:
    triangles, _ = draw(5, strength=0.5)
    few = Triangles(**{**{f: getattr(triangles, f) for f in "abcdek"}, "n": np.array([4.0])})
    assert np.isnan(compute_anderson_rubin(few)[0])
    assert invert_anderson_rubin(few, level=0.95)[0] == ()
