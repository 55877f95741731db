"""The guard of ``make bench-quick``: no family may lose more than 30 % of its speed.

Speed is the CPU time of numpy's own loop over that of proteomr, on the same people in the same run:
a ratio holds on another machine and under other load where seconds do not. ``guard.csv`` keeps the
ratio of each family; ``python -m benchmarks.run --quick --keep-guard`` writes it anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.competitors.numpy_loop import NumpyLoop
from benchmarks.competitors.proteomr_scan import ProteomrScan
from benchmarks.interfaces import Competitor, Family
from benchmarks.machine import describe_machine
from benchmarks.problems import Problem, Size
from benchmarks.records import read_records, write_records
from benchmarks.rows.row import median_ratio

__all__ = ["GUARD", "LEAST", "Guard", "Kept", "measure_ratio"]

GUARD = Path(__file__).with_name("guard.csv")
LEAST = 0.7
# medians of 7 differ by some 5 % between runs on a loaded machine, of 21 by less than 3 %
_ROUNDS, _MORE_ROUNDS = 7, 21
_RENEW = "python -m benchmarks.run --quick --keep-guard"


@dataclass(frozen=True, slots=True)
class Kept:
    """The ratio of a family to numpy's loop, with when, on how many and on what it was measured."""

    family: Family
    ratio: float
    date: str
    people: int
    proteins: int
    processor: str


def measure_ratio(problem: Problem, ours: Competitor, loop: Competitor, *, rounds: int) -> float:
    """Return the CPU time of a fit by the loop over ours: the median of alternating rounds."""
    everyone = range(len(problem.chosen))
    seconds: dict[str, list[float]] = {"loop": [], "ours": []}
    ours.fit(problem, everyone)  # loads what is compiled, and warms the files
    for _ in range(rounds):
        for name, tool in (("loop", loop), ("ours", ours)):
            seconds[name].append(tool.fit(problem, everyone).cpu_seconds)
    return median_ratio(seconds, "loop", "ours")


@dataclass(slots=True)
class Guard:
    """Holds each family to its kept ratio, or keeps the new ones.

    Parameters
    ----------
    path : file of the kept ratios.
    renew : keep what is measured, and let everything pass.
    rounds, more_rounds : of the first look, and of the second that a loss calls for.
    """

    path: Path = GUARD
    renew: bool = False
    rounds: int = _ROUNDS
    more_rounds: int = _MORE_ROUNDS
    measured: list[Kept] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def watch(
        self,
        problem: Problem,
        size: Size,
        family: Family,
        *,
        ours: Competitor | None = None,
        loop: Competitor | None = None,
    ) -> str:
        """Measure a family, remember a failure, and return what was found in a sentence.

        Parameters
        ----------
        ours, loop : what is compared; proteomr and numpy's loop.
        """
        ours, loop = ours or ProteomrScan(family), loop or NumpyLoop(family)
        kept = None if self.renew else self._find(size, family)
        ratio = measure_ratio(problem, ours, loop, rounds=self.rounds)
        if kept is not None and ratio < LEAST * kept.ratio:
            ratio = measure_ratio(problem, ours, loop, rounds=self.more_rounds)
        self.measured.append(
            Kept(
                family=family,
                ratio=ratio,
                date=datetime.now(UTC).date().isoformat(),
                people=size.people,
                proteins=size.proteins,
                processor=describe_machine().processor,
            )
        )
        sentence, passed = self._judge(size, family, ratio, kept)
        if not passed:
            self.failures.append(sentence)
        return sentence

    def keep(self) -> None:
        """Write what was measured, if that was asked for."""
        if self.renew:
            write_records(self.path, self.measured)

    def _find(self, size: Size, family: Family) -> Kept | None:
        kept = read_records(self.path, Kept) if self.path.exists() else []
        wanted = (family, size.people, size.proteins)
        mine = [one for one in kept if (one.family, one.people, one.proteins) == wanted]
        return mine[0] if mine else None

    def _judge(
        self, size: Size, family: Family, ratio: float, kept: Kept | None
    ) -> tuple[str, bool]:
        now = f"the {family} scan is {ratio:.1f} times as fast as numpy's loop"
        if self.renew:
            return f"{now}: kept", True
        if kept is None:
            return f"{now}, and no ratio is kept for {size.label}: {_RENEW} keeps one", False
        before = f"kept are {kept.ratio:.1f} ({kept.date}, {size.label}, {kept.processor})"
        if ratio >= LEAST * kept.ratio:
            return f"{now}; {before}", True
        loss = f"a loss of {1.0 - ratio / kept.ratio:.0%}, more than {1.0 - LEAST:.0%}"
        return f"{now}, but {before}: {loss}; where it is meant, {_RENEW} keeps it", False
