"""What a competitor is asked and gives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from benchmarks.problems import Problem
from proteomr._typing import F64

__all__ = ["PROTEOMR", "Competitor", "Family", "Fitted"]

Family: TypeAlias = Literal["logistic", "linear"]
PROTEOMR = "proteomr"


@dataclass(frozen=True, slots=True)
class Fitted:
    """The fits of some proteins ``(b, t)``, t the problem's tests, and what one of them cost.

    Attributes
    ----------
    estimate, se : of the protein (logistic) or the exposure (linear).
    cpu_seconds : of one fit, user and system, on average.
    timed : number of fits that were timed.
    """

    estimate: F64
    se: F64
    cpu_seconds: float
    timed: int


class Competitor(Protocol):
    """A way of fitting the scan's models, one file each."""

    @property
    def name(self) -> str:
        """Name in the tables."""
        ...

    @property
    def family(self) -> Family:
        """The regression family that it fits."""
        ...

    @property
    def needs(self) -> str:
        """What it must find on the machine."""
        ...

    @property
    def includes(self) -> str:
        """What its seconds hold."""
        ...

    def available(self) -> bool:
        """Whether the machine has what it needs."""
        ...

    def fit(self, problem: Problem, proteins: Sequence[int]) -> Fitted:
        """Fit all tests of the problem to some of its chosen proteins, by position."""
        ...
