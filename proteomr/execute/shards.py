"""The share of a run that one of several processes computes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from proteomr.errors import UsageError

__all__ = ["Shard"]

Block = TypeVar("Block")


@dataclass(frozen=True, slots=True)
class Shard:
    """One of several processes that share a run: the ``index``-th of ``count``, counted from 1.

    Parameters
    ----------
    index : which shard this is, from 1 to ``count``.
    count : how many shards there are.

    Raises
    ------
    UsageError
        When ``index`` is not between 1 and ``count``.

    Examples
    --------
    >>> str(Shard(2, 4)), Shard(2, 4).label
    ('2/4', '2-of-4')
    """

    index: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.index <= self.count:
            raise UsageError(
                f"shard {self.index}/{self.count} does not exist: shards are numbered from 1,"
                f" so the first of {max(self.count, 1)} is 1/{max(self.count, 1)}"
            )

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read a shard written as ``i/n``.

        Raises
        ------
        UsageError
            When the text is not of that form, or names a shard that does not exist.

        Examples
        --------
        >>> Shard.parse("2/4")
        Shard(index=2, count=4)
        """
        match = re.fullmatch(r"\s*([0-9]{1,9})\s*/\s*([0-9]{1,9})\s*", text)
        if match is None:
            raise UsageError(
                f"shard {text!r} is not of the form i/n, such as 1/8 for the first of 8"
            )
        return cls(int(match[1]), int(match[2]))

    @property
    def label(self) -> str:
        """The shard as part of a file name."""
        return f"{self.index}-of-{self.count}"

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def select(self, blocks: Sequence[Block], /) -> Sequence[Block]:
        """Take this shard's blocks: every ``count``-th, interleaved, so that all shards cost alike.

        Examples
        --------
        >>> list(Shard(2, 3).select(range(8)))
        [1, 4, 7]
        """
        return blocks[self.index - 1 :: self.count]
