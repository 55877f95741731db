"""A row of the table of goals, and where it is measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

from benchmarks.interfaces import PROTEOMR
from benchmarks.machine import Machine, describe_machine
from benchmarks.records import OK, WRONG, Reading

__all__ = ["MILLI", "Matter", "Row", "Scope", "SizeName", "Standing", "median_ms", "median_ratio"]

SizeName: TypeAlias = Literal["full", "quick", "tiny"]
Standing: TypeAlias = Literal["aim", "must", "short", ""]
MILLI = 1e3


@dataclass(frozen=True, slots=True)
class Row:
    """What is measured, what it is held against, and how good it must be.

    Attributes
    ----------
    key : in files and on the command line.
    title, against : in the table, the second the yardstick of the same run.
    gain : the ratio is the yardstick's time over proteomr's, and more is better; else it is
        proteomr's over the yardstick's, a cost, and less is better.
    must, aim : of the ratio; None where nothing is asked of it.
    quick : whether it has a reduced size.
    """

    key: str
    title: str
    against: str = ""
    gain: bool = True
    must: float | None = None
    aim: float | None = None
    quick: bool = True

    def standing(self, ratio: float | None) -> Standing:
        """Return whether a ratio reaches the aim, only what it must, or neither.

        Examples
        --------
        >>> cost = Row("hc3", "HC3", must=3.0, aim=1.7, gain=False)
        >>> [cost.standing(ratio) for ratio in (1.6, 2.5, 150.0, None)]
        ['aim', 'must', 'short', '']
        """
        if ratio is None or (self.must is None and self.aim is None):
            return ""
        if self._reaches(ratio, self.aim):
            return "aim"
        return "must" if self._reaches(ratio, self.must) else "short"

    def _reaches(self, ratio: float, goal: float | None) -> bool:
        if goal is None:
            return False
        return ratio >= goal if self.gain else ratio <= goal


@dataclass(frozen=True, slots=True)
class Scope:
    """How large, how often and where rows are measured.

    Attributes
    ----------
    folder : for files that are made on the way.
    rounds : in alternation of what is compared.
    peers : whether R is timed beside.
    """

    size: SizeName
    folder: Path
    rounds: int
    peers: bool
    machine: Machine = field(default_factory=describe_machine)

    def read(
        self, row: Row, *, work: str, unit: str, tool: str = PROTEOMR, **measured: Any
    ) -> Reading:
        """Return a reading of this run; wrong where its error is beyond its bound, or not a number.

        Parameters
        ----------
        measured : the fields of :class:`Reading` that were measured.
        """
        error, bound = measured.get("error"), measured.get("bound")
        right = error is None or bound is None or error <= bound
        return Reading(
            row=row.key,
            size=self.size,
            date=datetime.now(UTC).date().isoformat(),
            tool=tool,
            work=work,
            unit=unit,
            state=OK if right else WRONG,
            machine=self.machine,
            rounds=measured.pop("rounds", self.rounds),
            **measured,
        )


class Matter(Protocol):
    """Rows that share their data and their alternating rounds."""

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows that it measures."""
        ...

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield the readings of some of its rows."""
        ...


def median_ms(seconds: Sequence[float]) -> float:
    """Return the median of seconds, in milliseconds."""
    return MILLI * statistics.median(seconds)


def median_ratio(seconds: Mapping[str, Sequence[float]], over: str, under: str) -> float:
    """Return the median over rounds of one time over another of the same round.

    Examples
    --------
    >>> median_ratio({"slow": [8.0, 30.0, 10.0], "fast": [1.0, 3.0, 1.0]}, "slow", "fast")
    10.0
    """
    pairs = zip(seconds[over], seconds[under], strict=True)
    return statistics.median(one / other for one, other in pairs)
