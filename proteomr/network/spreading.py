"""Stretches of a matrix run by an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import TypeVar

from proteomr.execute import Executor
from proteomr.stats.symmetric_tiles import Spread

__all__ = ["spread_by"]

Found = TypeVar("Found")


def spread_by(executor: Executor) -> Spread:
    """Return what runs work on stretches by an executor, which is closed when it is left.

    Examples
    --------
    >>> from proteomr.execute import Serial
    >>> list(spread_by(Serial())(lambda rows: rows.stop, [slice(0, 2), slice(2, 3)]))
    [(0, 2), (1, 3)]
    """

    def spread(
        work: Callable[[slice], Found], stretches: Sequence[slice], /
    ) -> Iterator[tuple[int, Found]]:
        with closing(executor.map(work, stretches)) as results:
            yield from results

    return spread
