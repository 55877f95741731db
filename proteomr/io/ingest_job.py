"""The job of `ingest`: the files of any platform as one store."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final, Self

from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.ingest import read_measurements
from proteomr.io.sources import find_files
from proteomr.io.store_writing import (
    STORE_RESULTS,
    estimate_disk,
    estimate_writing,
    fill_store,
    store_formulas,
)
from proteomr.runs import (
    EVERYTHING,
    Forecast,
    Ledger,
    Outcome,
    Request,
    Results,
    Source,
    TableFormat,
    call_job,
    open_scratch,
)
from proteomr.runs.request import Data
from proteomr.tables import Measurements

__all__ = ["IngestJob", "IngestRequest", "ingest"]

_READING: Final = 2  # version of how platforms are read: raised when a file gives other numbers
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class IngestRequest(Request):
    """All that determines what a store holds.

    Attributes
    ----------
    files : what the laboratory or the biobank delivered.
    platform : name of the platform; auto: the first that knows all of the files.
    options : what the user says about the files.
    withdrawn : identifiers of people who have withdrawn.
    """

    command: ClassVar[str] = "ingest"

    files: tuple[Source, ...]
    platform: str = "auto"
    options: IngestOptions = field(default_factory=IngestOptions)
    withdrawn: Source | None = None

    @classmethod
    def of(
        cls,
        files: Data | Sequence[Data],
        *,
        platform: str = "auto",
        options: IngestOptions | None = None,
        withdrawn: str | Path | None = None,
    ) -> Self:
        """Return the request for files and frames as a user names them.

        Parameters
        ----------
        files : a file, a quoted glob or a frame; or several.
        platform : name of the platform; auto: the first that knows all of the files.
        options : what the user says about the files.
        withdrawn : identifiers of people who have withdrawn, one a line.

        Raises
        ------
        InputError
            A file is absent, unreadable, empty or cut off, or a glob matches none.

        Examples
        --------
        >>> import polars as pl
        >>> frame = pl.DataFrame({"sample_id": ["A1"], "ADM": [1.5]})
        >>> IngestRequest.of(frame).files[0].name
        'table 1'
        """
        return cls(
            _find_sources(files),
            platform,
            IngestOptions() if options is None else options,
            Source.of_people(withdrawn, name="withdrawn"),
        )

    def formulas(self) -> dict[str, int]:
        """Return the versions of the readers and of the store's tables.

        Examples
        --------
        >>> IngestRequest(files=()).formulas()["ingest"]
        2
        """
        return {**store_formulas(), "ingest": _READING}


@dataclass(frozen=True, slots=True)
class IngestJob:
    """Files of a platform to a store.

    Reading is one pass over each file, so that nothing of it is kept where the job is stopped: it
    begins again.
    """

    request: IngestRequest
    main: ClassVar[str] = "assays"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = (EVERYTHING,)

    @property
    def results(self) -> Sequence[str]:
        """Files that a store may have."""
        return STORE_RESULTS

    def plan(self, *, threads: int) -> Forecast:
        """Read the files, and say what the store would hold."""
        del threads
        started = time.perf_counter()
        with open_scratch() as scratch:
            measured = self._read(scratch)
            writing, memory = estimate_writing(measured)
            return Forecast(
                units={"samples": measured.n, "assays": measured.assays.height},
                seconds=time.perf_counter() - started + writing,
                memory_bytes=memory,
                disk_bytes=estimate_disk(measured),
                lines=(
                    ("platform", measured.platform),
                    *(("left out", f"{d.n:,} {d.reason}") for d in measured.drops if d.n),
                    *(("note", note) for note in measured.notes),
                ),
                parallel=False,
            )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Read the files and write the store."""
        del executor
        with open_scratch() as scratch:
            measured = self._read(scratch)
            described = fill_store(measured, ledger)
        return Outcome(configuration={"store": described}, notes=measured.notes)

    def _read(self, scratch: Path) -> Measurements:
        request = self.request
        _log.info("reading %s", ", ".join(source.name for source in request.files))
        measured = read_measurements(
            [source.on_disk(scratch) for source in request.files],
            scratch=scratch,
            platform=request.platform,
            options=request.options,
            withdrawn=None if request.withdrawn is None else request.withdrawn.path,
        )
        _log.info(
            "%s: %s samples, %s assays", measured.platform, measured.n, measured.assays.height
        )
        for drop in measured.drops:
            _log.info("left out: %s %s", drop.n, drop.reason)
        return measured


def ingest(
    files: Data | Sequence[Data],
    *,
    platform: str = "auto",
    options: IngestOptions | None = None,
    withdrawn: str | Path | None = None,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return what a laboratory or a biobank delivered as the tables of a store.

    Parameters
    ----------
    files : a file, a quoted glob or a frame (polars, pandas, pyarrow); or several. What they are
        is told by their content.
    platform : auto, olink, somascan, nulisa, ukb or table.
    options : what is to be known about the files, see :class:`IngestOptions`.
    withdrawn : file with identifiers of people who have withdrawn, one a line.
    out : folder of the store; None keeps the tables in memory.
    formats : of the tables, parquet first; the others stand beside it.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the store of this same request that is there, or replace what is.

    Returns
    -------
    results : tables ``samples``, ``proteins`` (one column per assay), ``assays``, ``qc_flags`` and,
        where the source tells them, ``plates``, ``limits``, ``controls``, ``time_gap``.

    Raises
    ------
    InputError
        A file is absent, unreadable, damaged, or of no platform.
    UsageError
        There is no such platform.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"sample_id": ["A1", "A2"], "ADM": [1.5, 2.5]})
    >>> ingest(frame).table("proteins")["ADM"].to_list()
    [1.5, 2.5]
    """
    request = IngestRequest.of(files, platform=platform, options=options, withdrawn=withdrawn)
    return call_job(
        IngestJob(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def _find_sources(files: Data | Sequence[Data]) -> tuple[Source, ...]:
    """Return the files that paths and globs name, and the frames, in their order."""
    named = files if isinstance(files, list | tuple) else [files]
    sources: list[Source] = []
    for data in named:
        if isinstance(data, str | Path):
            sources += [Source.of(path) for path in find_files(data)]
        else:
            sources.append(Source.of(data, name=f"table {len(sources) + 1}"))
    if not sources:
        raise InputError("no file is named; give one or several")
    for source in sources:
        for file in source.files:
            open_source(file)  # refuses what cannot be read, before anything is digested
    return tuple({source.name: source for source in sources}.values())
