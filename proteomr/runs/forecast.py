"""What a job would do, and what it would take: told before any of it is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Forecast"]


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a job would do.

    Attributes
    ----------
    units : how many of what would be estimated or made, by name: people, proteins, fits, pairs.
    path : on which path the work would go, in words; empty where there is one.
    seconds : of one processor; None where nothing was timed.
    memory_bytes : at the peak, with the threads asked for; None where not known.
    disk_bytes : at the peak, of the results and what is kept until they are whole; None where not
        known.
    lines : whatever else the job says of itself, as labelled lines.
    parallel : whether more threads shorten the time.
    elapsed : by the clock, with the threads asked for, where that was tried out; else it follows
        from the seconds.
    """

    units: Mapping[str, int]
    path: str = ""
    seconds: float | None = None
    memory_bytes: float | None = None
    lines: tuple[tuple[str, str], ...] = ()
    parallel: bool = True
    elapsed: float | None = None
    disk_bytes: float | None = None

    def estimate_elapsed(self, *, threads: int) -> float | None:
        """Return the seconds by the clock that threads take; None where nothing was timed.

        Examples
        --------
        >>> Forecast({"fits": 10}, seconds=8.0).estimate_elapsed(threads=2)
        4.0
        """
        if self.elapsed is not None or self.seconds is None:
            return self.elapsed
        return self.seconds / threads if self.parallel else self.seconds
