"""What is kept of each test in each design of ``benchmarks.association_truth``."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["NOMINAL", "Line"]

NOMINAL = (1e-2, 1e-3, 1e-4, 1e-5)


@dataclass(frozen=True, slots=True)
class Line:
    """How a test did in a design; None where it gives no such thing.

    Attributes
    ----------
    effect : 0 for type I error.
    draws, tests, failed : draws of people; tests with a result in them, and without one.
    rejected_05, ... : tests whose p value is at most 0.05, 1e-2, ... 1e-5.
    intervals, covered : 95 % intervals, and those of them that hold the truth.
    spread : variance between draws of the intervals that hold the truth (where there are none, of
        p values below 0.05) over that of independent tests; at least 1. So many times fewer
        independent tests would say as much.
    """

    size: str
    date: str
    family: str
    design: str
    people: int
    test: str
    effect: float
    draws: int
    tests: int
    failed: int
    rejected_05: int
    rejected_2: int
    rejected_3: int
    rejected_4: int
    rejected_5: int
    intervals: int
    covered: int
    spread: float

    @property
    def rejections(self) -> tuple[tuple[float, int], ...]:
        """The levels from 1e-2 on, each with the tests that reject at it."""
        counts = (self.rejected_2, self.rejected_3, self.rejected_4, self.rejected_5)
        return tuple(zip(NOMINAL, counts, strict=True))
