"""How far long work has come: told to whoever watches, and to nobody where nobody does.

The library knows nothing of a terminal. What takes long goes through its pieces by `follow`; a
command line, or a notebook, watches by a `Watcher` of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, Protocol, TypeVar

__all__ = ["Watcher", "follow", "watched_by"]

Item = TypeVar("Item")


class Watcher(Protocol):
    """Whoever is told how far work has come."""

    def follow(
        self, items: Iterable[Item], *, total: int | None, doing: str, unit: str
    ) -> Iterator[Item]:
        """Yield the items, and notice each as it is done."""
        ...


_watching: Final[ContextVar[Watcher | None]] = ContextVar("watching", default=None)


def follow(
    items: Iterable[Item], *, doing: str, total: int | None = None, unit: str = "blocks"
) -> Iterator[Item]:
    """Yield the items of long work; whoever watches sees how far it has come.

    Parameters
    ----------
    items : what is worked through, one after another.
    doing : what is done, such as ``reading``.
    total : how many items there will be; None where only their end tells.
    unit : what one item is called.

    Examples
    --------
    >>> list(follow([1, 2], doing="counting"))
    [1, 2]
    """
    watcher = _watching.get()
    if watcher is None:
        return iter(items)
    return watcher.follow(items, total=total, doing=doing, unit=unit)


@contextmanager
def watched_by(watcher: Watcher) -> Iterator[None]:
    """Let a watcher see the work inside the block.

    Examples
    --------
    >>> class Counter:
    ...     seen = 0
    ...     def follow(self, items, **_):
    ...         for item in items:
    ...             yield item
    ...             self.seen += 1
    >>> counter = Counter()
    >>> with watched_by(counter):
    ...     done = list(follow("abc", doing="spelling"))
    >>> counter.seen
    3
    """
    token = _watching.set(watcher)
    try:
        yield
    finally:
        _watching.reset(token)
