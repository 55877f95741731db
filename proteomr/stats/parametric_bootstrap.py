"""Effects drawn anew from their sampling distributions, in blocks of draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64
from proteomr.errors import UsageError

__all__ = ["check_draws", "draw_effects", "draw_normals"]

_NUMBERS_PER_BLOCK = 1 << 16  # half a megabyte: what stays in the cache is faster


def check_draws(draws: int) -> None:
    """Refuse a number of draws that has no standard deviation.

    Raises
    ------
    UsageError
        There are fewer than two.

    Examples
    --------
    >>> check_draws(1000)
    """
    if draws < 2:
        raise UsageError(f"{draws} bootstrap draws have no standard deviation: give 2 or more")


def draw_normals(random: Generator, shape: tuple[int, int]) -> F64:
    """Return ``random.standard_normal(shape)``, the same bits from compiled code.

    Examples
    --------
    >>> alike = (np.random.default_rng(1), np.random.default_rng(1))
    >>> bool((draw_normals(alike[0], (2, 3)) == alike[1].standard_normal((2, 3))).all())
    True
    """
    from proteomr.stats.compiled_normal_loops import fill_normals

    out = np.empty(shape)
    fill_normals(random, out.ravel())
    return out


def draw_effects(
    exposure: tuple[F64, F64], outcome: tuple[F64, F64], *, draws: int, random: Generator
) -> Iterator[tuple[F64, F64]]:
    r"""Draws of the effects on an exposure and on an outcome, independent of each other.

    .. math:: x^* \sim N(\hat x, s_x^2), \qquad y^* \sim N(\hat y, s_y^2)

    What is drawn does not depend on the size of the blocks.

    Parameters
    ----------
    exposure, outcome : effects and their standard errors, (m,) each.
    draws : number of draws in all.
    random : source of the normal deviates.

    Yields
    ------
    Pairs of arrays of shape (b, m), the b of all blocks summing to `draws`.

    Examples
    --------
    >>> effects = np.array([0.1, 0.2]), np.array([0.01, 0.01])
    >>> blocks = draw_effects(effects, effects, draws=3, random=np.random.default_rng(1))
    >>> [x.shape for x, _ in blocks]
    [(3, 2)]
    """
    m = exposure[0].size
    centre = np.concatenate([exposure[0], outcome[0]])
    spread = np.concatenate([exposure[1], outcome[1]])
    size = max(1, _NUMBERS_PER_BLOCK // (2 * max(1, m)))
    for start in range(0, draws, size):
        drawn = draw_normals(random, (min(size, draws - start), 2 * m))
        drawn *= spread
        drawn += centre
        yield drawn[:, :m], drawn[:, m:]
