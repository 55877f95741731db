"""Between a study and whatever runs its stages: calls, their ends, and what came of each."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeAlias

from proteomr.runs import Job
from proteomr.study.choosing import Chosen
from proteomr.study.study import Option, Stage

__all__ = [
    "Opened",
    "Progress",
    "Runner",
    "StageCall",
    "StageCost",
    "StageEnd",
    "StageReport",
    "State",
]

State: TypeAlias = Literal["done", "units_failed", "empty", "failed", "blocked", "left"]
"""How a stage ended: ``left`` were not asked for, ``blocked`` need one that has no results,
``empty`` had nothing to do."""


@dataclass(frozen=True, slots=True)
class StageCall:
    """A stage whose options are all at hand.

    Attributes
    ----------
    stage : as the study has it.
    options : as ``--config`` takes them, paths relative to the study's folder.
    folder : that of the stage's results, or of its file.
    base : folder that paths are relative to.
    """

    stage: Stage
    options: Mapping[str, Option]
    folder: Path
    base: Path


class Opened(Protocol):
    """A call that a runner has read."""

    @property
    def job(self) -> Job:
        """The job that the command makes of its options."""
        ...

    @property
    def path(self) -> Path:
        """Folder or file of its results."""
        ...


@dataclass(frozen=True, slots=True)
class StageCost:
    """What the process of a stage took: wall clock, processors, the most memory that it held."""

    seconds: float
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class StageEnd:
    """How the run of a stage ended: its exit code, and the last line that it said of a fault.

    ``cost`` is None where it was run elsewhere, or the system does not tell.
    """

    code: int
    message: str = ""
    cost: StageCost | None = None


class Runner(Protocol):
    """What makes jobs of calls, and runs them."""

    def options(self, command: str) -> Collection[str]:
        """Return the options of a command by their names in a configuration file."""
        ...

    def place(self, command: str, folder: Path) -> Path:
        """Return where results of a command lie: the folder, or a file in it."""
        ...

    def prepare(self, call: StageCall) -> Opened:
        """Return the job of a call; raises what its command would."""
        ...

    def run(self, call: StageCall, *, threads: int, overwrite: bool) -> StageEnd:
        """Run a call; ``overwrite`` replaces what an earlier request left, else it goes on."""
        ...

    def stop(self) -> None:
        """Let what is under way end early, and begin nothing more."""
        ...


class Progress(Protocol):
    """Whoever is told how a study comes along."""

    def begin(self, stage: Stage, *, threads: int) -> None:
        """A stage begins."""
        ...

    def end(self, report: StageReport) -> None:
        """A stage has ended, or was not begun."""
        ...


@dataclass(frozen=True, slots=True)
class StageReport:
    """What came of a stage.

    Attributes
    ----------
    ran : whether it was run now; else its results stood, or there are none.
    path : of its results, where there are any.
    chosen : what was chosen for its options, by option.
    cost : of the run, where there was one that could be measured.
    """

    stage: Stage
    state: State
    ran: bool = False
    message: str = ""
    path: Path | None = None
    units: int = 0
    failed: int = 0
    chosen: Mapping[str, Chosen] = field(default_factory=dict[str, Chosen])
    cost: StageCost | None = None
