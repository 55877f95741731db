"""Modules of proteins that move with the exposures together, where a study has published them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.random import Generator

from proteomr._typing import F64, I64
from proteomr.simulate.study import Modules, apportion

__all__ = ["assign_modules", "draw_module_loadings"]

_EVENLY: Final = 10_000  # shares as whole numbers


def assign_modules(log_odds: F64, modules: Modules, rng: Generator, /) -> I64:
    """Return (p,) the module of each protein, from 1.

    Proteins with the largest effects of both exposures belong to the first ``modules.both``, those
    of the others that move with isolation more than with loneliness to the next
    ``modules.isolation``, all others to any. A normal error of ``modules.strays`` on effects lets
    some stray.

    Parameters
    ----------
    log_odds : (p, 2) of isolation and loneliness per SD of the protein.
    modules : sizes, and how many modules gather effects.
    rng : generator.

    Examples
    --------
    >>> from proteomr.simulate.study import Modules
    >>> three = Modules(shares=(0.25, 0.25, 0.5), both=1, isolation=1, strays=0.0)
    >>> log_odds = np.array([[0.0, 0.0], [0.1, 0.1], [0.0, 0.0], [0.1, 0.0]])
    >>> assign_modules(log_odds, three, np.random.default_rng(1)).tolist()
    [3, 1, 3, 2]
    """
    p = len(log_odds)
    sizes = _size_modules(modules, p)
    error = rng.standard_normal((2, p)) * modules.strays
    moved = log_odds.sum(axis=1) + error[0]
    alone = log_odds[:, 0] - log_odds[:, 1] + error[1]
    first, last = modules.both, modules.both + modules.isolation
    module = np.zeros(p, dtype=np.int64)
    for score, start, stop in ((moved, 0, first), (alone, first, last)):
        among = np.flatnonzero(module == 0)
        places = among[np.argsort(-score[among], kind="stable")][: sum(sizes[start:stop])]
        module[places] = _shuffle(sizes, start, stop, rng)
    module[module == 0] = _shuffle(sizes, last, len(sizes), rng)
    return module


def draw_module_loadings(log_odds: F64, modules: Modules, rng: Generator, /) -> tuple[F64, I64]:
    """Return (p, modules) the loading of each protein on the factor of its module, and (p,) which.

    Parameters
    ----------
    log_odds, modules, rng : see `assign_modules`.

    Examples
    --------
    >>> from proteomr.simulate.study import Modules
    >>> two = Modules(shares=(0.5, 0.5), both=1, isolation=0)
    >>> loadings, module = draw_module_loadings(np.zeros((6, 2)), two, np.random.default_rng(1))
    >>> loadings.shape, [int((module == k).sum()) for k in (1, 2)]
    ((6, 2), [3, 3])
    """
    module = assign_modules(log_odds, modules, rng)
    mean, spread = modules.loading
    loadings = np.zeros((module.size, len(modules.shares)))
    loadings[np.arange(module.size), module - 1] = rng.normal(mean, spread, module.size)
    return loadings, module


def _size_modules(modules: Modules, p: int) -> tuple[int, ...]:
    """Return how many of p proteins each has: its share, and enough to be found where p allows."""
    fewest = min(modules.fewest / p, 1 / len(modules.shares))
    return apportion([round(_EVENLY * max(share, fewest)) for share in modules.shares], p)


def _shuffle(sizes: Sequence[int], start: int, stop: int, rng: Generator) -> I64:
    """Return the numbers of some modules, each as often as it has proteins, in any order."""
    return rng.permutation(np.repeat(np.arange(start, stop) + 1, sizes[start:stop]))
