"""What a piece of work took, by the clock and of processors; the most memory held so far."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Spent", "Stopwatch", "peak_memory"]


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds by the clock, and seconds of all processors together.

    Examples
    --------
    >>> (Spent(1.0, 2.0) + Spent(0.5, 0.5)).times(2.0)
    Spent(elapsed=3.0, processors=5.0)
    """

    elapsed: float = 0.0
    processors: float = 0.0

    def __add__(self, other: Spent) -> Spent:
        return Spent(self.elapsed + other.elapsed, self.processors + other.processors)

    def times(self, factor: float) -> Spent:
        """Return so many of it, one after another."""
        return Spent(factor * self.elapsed, factor * self.processors)


@dataclass(slots=True)
class Stopwatch:
    """Measures from when it is made, or last read.

    Examples
    --------
    >>> Stopwatch().read().elapsed < 1.0
    True
    """

    _clock: float = field(default_factory=time.perf_counter)
    _processors: float = field(default_factory=time.process_time)

    def read(self) -> Spent:
        """Return what was spent since, and begin again."""
        clock, processors = time.perf_counter(), time.process_time()
        spent = Spent(clock - self._clock, processors - self._processors)
        self._clock, self._processors = clock, processors
        return spent


def peak_memory() -> float:
    """Return the most bytes of memory that this process has held.

    Linux hands on to a program what the process that started it had held: its own is in ``VmHWM``.

    Examples
    --------
    >>> peak_memory() > 1e6
    True
    """
    status = Path("/proc/self/status")
    for line in status.read_text().splitlines() if status.is_file() else ():
        if line.startswith("VmHWM:"):
            return 1024.0 * float(line.split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(most if sys.platform == "darwin" else 1024 * most)
