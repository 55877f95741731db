"""A runner of toy stages in this process: it counts what it runs, and fails where it is told to."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from proteomr.errors import NothingToDo, ProteomrError, UsageError
from proteomr.execute import Executor
from proteomr.runs import Forecast, Ledger, Outcome, Output, Request, Source, run_job
from proteomr.study import StageCall, StageEnd

OPTIONS = ("samples", "proteins", "only-proteins", "adjust", "shift")


@dataclass(frozen=True, slots=True)
class ToyRequest(Request):
    command: ClassVar[str] = "toy"

    samples: Source
    names: tuple[str, ...] = ()
    shift: float = 0.0

    def formulas(self) -> Mapping[str, int]:
        return {"toy": 1}


@dataclass(frozen=True, slots=True)
class ToyJob:
    """Writes the values of a table, shifted; those of chosen names alone where some are named."""

    main: ClassVar[str] = "hits"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()
    results: ClassVar[Sequence[str]] = ()

    request: ToyRequest

    def plan(self, *, threads: int) -> Forecast:
        del threads
        return Forecast(units={"rows": 1})

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        del executor
        path = self.request.samples.path
        frame = pl.read_parquet(path / "hits.parquet" if path.is_dir() else path)
        if self.request.names:
            frame = frame.filter(pl.col("protein").is_in(self.request.names))
        if not frame.height:
            raise NothingToDo("no row is left")
        ledger.write_table("hits", frame.with_columns(pl.col("value") + self.request.shift))
        return Outcome(units=frame.height)


@dataclass(frozen=True, slots=True)
class ToyOpened:
    job: ToyJob
    path: Path


@dataclass(slots=True)
class ToyRunner:
    """Runs every command as the toy; ``ran`` lists stages as they begin."""

    fails: set[str] = field(default_factory=set)
    ran: list[str] = field(default_factory=list)
    shares: dict[str, int] = field(default_factory=dict)
    together: int = 0
    stopped: bool = False
    meet: threading.Barrier | None = None
    long: threading.Event | None = None

    def options(self, command: str) -> Sequence[str]:
        if command not in {"toy", "qc", "scan"}:
            raise UsageError(f"no command {command!r}")
        return OPTIONS

    def place(self, command: str, folder: Path) -> Path:
        return folder

    def prepare(self, call: StageCall) -> ToyOpened:
        options: dict[str, Any] = dict(call.options)
        request = ToyRequest(
            Source.of(call.base / options["samples"]),
            tuple(options.get("only-proteins", ())),
            options.get("shift", 0.0),
        )
        return ToyOpened(ToyJob(request), call.folder)

    def run(self, call: StageCall, *, threads: int, overwrite: bool) -> StageEnd:
        name = call.stage.name
        self.ran.append(name)
        self.shares[name] = threads
        if self.meet is not None:
            self.meet.wait(timeout=30)
        if self.long is not None and not self.long.wait(timeout=30):
            raise TimeoutError("nobody has stopped it")
        if name in self.fails:
            return StageEnd(3, "it was told to fail")
        try:
            output = Output(call.folder, resume=not overwrite, overwrite=overwrite)
            run_job(self.prepare(call).job, output)
        except ProteomrError as fault:
            return StageEnd(fault.exit_code, str(fault))
        return StageEnd(0)

    def stop(self) -> None:
        self.stopped = True
        if self.long is not None:
            self.long.set()
