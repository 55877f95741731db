"""A block of proteins whose values are sorted once, for the ranks of many sets of its people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from proteomr._typing import F64, I32, I64, Bool
from proteomr.stats.loops import COMPILED_FROM
from proteomr.stats.transforms import BLOM
from proteomr.stats.workspace import workspace

if TYPE_CHECKING:
    from proteomr.stats.compiled_rank_loops import CompiledRanks

__all__ = ["OrderedBlock", "order_block"]


class OrderedBlock:
    """The order of each protein's values, by which ranks within some of the people need no sort.

    Parameters
    ----------
    ranks : for rows of n values.
    orders : ``(b, n)``, of :meth:`CompiledRanks.order`.
    counts : ``(b,)``, values of each protein that are not NaN.
    """

    def __init__(self, ranks: CompiledRanks, orders: I32, counts: I64) -> None:
        self._ranks = ranks
        self._orders = orders
        self._counts = counts

    def rank_within(self, rows: I64, *, offset: float = BLOM) -> tuple[F64, Bool, tuple[F64, F64]]:
        """Return the normal scores of each protein within some people, where it has a value, and
        the lowest and highest score.

        The bits of :func:`proteomr.stats.transforms.rank_normalise_block` of these people alone.

        Parameters
        ----------
        rows : ``(m,)`` positions of the people, none repeated.

        Returns
        -------
        Two of ``(b, m)``, and the ends ``(b,)``; scores, which lie in the workspace, are 0 where
        there is no value, and the ends infinite where there is none at all.
        """
        b, n = self._orders.shape
        places = np.full(n, -1, dtype=np.int32)
        places[rows] = np.arange(rows.size, dtype=np.int32)
        scores = workspace.take("transformed", (b, rows.size), np.float64)
        observed = np.empty((b, rows.size), dtype=np.bool_)
        low, high = np.empty(b), np.empty(b)
        for j, count in enumerate(self._counts.tolist()):
            order = self._orders[j, :count]
            low[j], high[j] = self._ranks.write_some(
                order, places, scores[j], observed[j], offset=offset
            )
        return scores, observed, (low, high)


def order_block(values: F64) -> OrderedBlock | None:
    """Sort each protein's values; None where ranking anew is as well.

    Parameters
    ----------
    values : ``(b, n)``, NaN where missing.

    Returns
    -------
    None for few people, for infinite values, and where more values than a few are one number of
    single precision.

    Examples
    --------
    >>> values = np.arange(5000.0)[None, :]
    >>> ordered = order_block(values)
    >>> ordered.rank_within(np.array([7, 4000, 3]))[0].round(4).tolist()
    [[0.0, 0.8694, -0.8694]]
    >>> order_block(values[:, :100]) is None
    True
    """
    b, n = values.shape
    if n < COMPILED_FROM or any(np.isinf(row).any() for row in values):
        return None
    from proteomr.stats.compiled_rank_loops import CompiledRanks

    ranks = CompiledRanks(n)
    orders = np.empty((b, n), dtype=np.int32)
    counts = np.array([ranks.order(values[j], orders[j]) for j in range(b)], dtype=np.int64)
    return None if np.any(counts < 0) else OrderedBlock(ranks, orders, counts)
