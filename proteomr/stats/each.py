"""Pieces of work that do not depend on one another, in turn or by whoever is free."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

__all__ = ["Each", "in_turn"]

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Each(Protocol):
    """Does one thing to each of some items, several at once perhaps; results in their order."""

    def __call__(
        self, work: Callable[[_Item], _Result], items: Iterable[_Item], /
    ) -> list[_Result]:
        """Return ``work(item)`` for each item."""
        ...


def in_turn(work: Callable[[_Item], _Result], items: Iterable[_Item], /) -> list[_Result]:
    """Do one thing to each item, one after another.

    Examples
    --------
    >>> in_turn(abs, [-3, 4])
    [3, 4]
    """
    return [work(item) for item in items]
