"""`simulate` as a job: a cohort of known truth, its export and its summary statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO, ClassVar, Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.runs import (
    EVERYTHING,
    Account,
    Forecast,
    Ledger,
    Outcome,
    Output,
    Request,
    Results,
    run_job,
)
from proteomr.simulate.cohort import count_cells, describe_model, list_tables, write_cohort
from proteomr.simulate.export import EXPORT_FILES, check_export, write_ukb_export
from proteomr.simulate.measurement import plan_chunks
from proteomr.simulate.study import find_study
from proteomr.simulate.summary_statistics import simulate_causes, simulate_summary

__all__ = ["ExportForm", "SimulateJob", "SimulateRequest", "simulate"]

ExportForm: TypeAlias = Literal["ukb"]

_FEWEST_PEOPLE, _MOST_PEOPLE = 100, 5_000_000
_SUMMARY_TABLES: Final = ("exposure", "outcomes", "truth")
_COHORT_FORMULA, _EXPORT_FORMULA, _SUMMARY_FORMULA = 4, 1, 2

# Measured on one processor of 2.5 GHz, between 20,000 x 1,000 and 42,062 x 2,920: seconds for each
# person and for each value, drawing and exporting; libraries, then bytes for each person.
_SECONDS_PERSON, _SECONDS_VALUE = 4e-6, 3.5e-8
_EXPORT_SECONDS_PERSON, _EXPORT_SECONDS_VALUE = 4e-6, 6.5e-8
_SUMMARY_SECONDS = 0.4
_LIBRARY_BYTES, _PERSON_BYTES = 2e8, 1_200
_CHUNK_COPIES = 2  # the values of a chunk as drawn and as encoded
_VALUE_BYTES = 4  # float32
# On the disk, of 300 x 50 to 3,000 x 200: a value of the table and of the text of an export; a
# person's row of samples and time gaps, and the same as answers; the summary statistics.
_DISK_VALUE, _DISK_EXPORT_VALUE = 4.2, 7.2
_DISK_PERSON, _DISK_EXPORT_PERSON, _DISK_SUMMARY = 285.0, 235.0, 5.5e5


@dataclass(frozen=True, slots=True)
class SimulateRequest(Request):
    """The cohort that is asked for; checks itself.

    Parameters
    ----------
    people : 100 to 5 million.
    proteins : at least 1.
    like : key of the study that the cohort resembles.
    seed : not negative.
    export : ukb: the same people in the form of UK Biobank's exports as well.
    summary_statistics : whether those of loneliness and of outcomes of known truth are made too.

    Raises
    ------
    UsageError
        For a size, seed, study or export that cannot be simulated.

    Examples
    --------
    >>> SimulateRequest(people=12)
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: cannot simulate 12 people: choose from 100 to 5000000
    """

    command: ClassVar[str] = "simulate"

    people: int = 42_062
    proteins: int = 2_920
    like: str = "shen2025"
    seed: int = 1
    export: ExportForm | None = None
    summary_statistics: bool = False

    def __post_init__(self) -> None:
        find_study(self.like)
        if not _FEWEST_PEOPLE <= self.people <= _MOST_PEOPLE:
            raise UsageError(
                f"cannot simulate {self.people} people: choose from {_FEWEST_PEOPLE} to "
                f"{_MOST_PEOPLE}"
            )
        if self.proteins < 1:
            raise UsageError(f"cannot simulate {self.proteins} proteins: choose 1 or more")
        if self.seed < 0:
            raise UsageError(f"seed {self.seed} is negative: choose 0 or more")
        if self.export is not None:
            check_export(self.export, proteins=self.proteins)

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of what the tables are drawn by, of those that are asked for."""
        return {
            "cohort": _COHORT_FORMULA,
            **({} if self.export is None else {"export": _EXPORT_FORMULA}),
            **({"summary_statistics": _SUMMARY_FORMULA} if self.summary_statistics else {}),
        }


@dataclass(frozen=True, slots=True)
class SimulateJob:
    """The job that draws and writes what a request asks for."""

    main: ClassVar[str] = "samples"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = (EVERYTHING,)

    request: SimulateRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the files, formats beside parquet left out."""
        asked = self.request
        return (
            *(f"{name}.parquet" for name in list_tables(find_study(asked.like))),
            *(EXPORT_FILES.values() if asked.export is not None else ()),
            *(f"gwas/{name}.parquet" for name in _SUMMARY_TABLES if asked.summary_statistics),
        )

    def plan(self, *, threads: int) -> Forecast:
        """Say how large the cohort is, and what drawing it takes in one thread."""
        del threads
        asked = self.request
        rows = max(chunk.rows for chunk in plan_chunks(asked.people, asked.proteins))
        seconds = asked.people * (_SECONDS_PERSON + asked.proteins * _SECONDS_VALUE)
        if asked.export is not None:
            per_person = _EXPORT_SECONDS_PERSON + asked.proteins * _EXPORT_SECONDS_VALUE
            seconds += asked.people * per_person
        held = _CHUNK_COPIES * _VALUE_BYTES * rows * asked.proteins + _PERSON_BYTES * asked.people
        return Forecast(
            {"people": asked.people, "proteins": asked.proteins, "files": len(self.results)},
            seconds=seconds + (_SUMMARY_SECONDS if asked.summary_statistics else 0.0),
            memory_bytes=_LIBRARY_BYTES + held,
            disk_bytes=_estimate_disk(asked),
            parallel=False,
        )

    def run(self, ledger: Ledger, _executor: Executor) -> Outcome:
        """Draw the cohort in one thread, and write it chunk by chunk."""
        asked = self.request
        study = find_study(asked.like)
        files = write_cohort(
            ledger.place,
            study=study,
            people=asked.people,
            proteins=asked.proteins,
            seed=asked.seed,
            after_chunk=ledger.show_life,
        )
        samples = pl.read_parquet(
            files["samples"], columns=["isolation", "loneliness", "death"], glob=False
        )
        facts = {
            **describe_model(study),
            "cells": count_cells(samples),
            "deaths": int(samples["death"].sum()),
        }
        if asked.export is not None:
            exported = {name: ledger.place(file) for name, file in EXPORT_FILES.items()}
            write_ukb_export(files, exported, seed=asked.seed)
        if asked.summary_statistics:
            causes = study.causes
            drawn = (
                simulate_summary(seed=asked.seed)
                if causes is None
                else simulate_causes(causes, seed=asked.seed)
            )
            facts["summary_statistics"] = drawn.facts
            for name, frame in drawn.tables.items():
                ledger.write_file(f"gwas/{name}.parquet", frame.write_parquet)
                files[f"gwas/{name}"] = ledger.place(f"gwas/{name}.parquet")
        _write_text(ledger, files)
        return Outcome(configuration=facts)


def _estimate_disk(asked: SimulateRequest) -> float:
    values = float(asked.people * asked.proteins)
    disk = _DISK_VALUE * values + _DISK_PERSON * asked.people
    if asked.export is not None:
        disk += _DISK_EXPORT_VALUE * values + _DISK_EXPORT_PERSON * asked.people
    return disk + (_DISK_SUMMARY if asked.summary_statistics else 0.0)


def _write_text(ledger: Ledger, files: Mapping[str, Path]) -> None:
    """Write the tables as text too where that is asked for, without holding any in memory."""
    for format in ledger.formats:
        if format == "parquet":
            continue
        for name, path in files.items():
            ledger.write_file(f"{name}.{format}", partial(_copy_rows, path, format))


def _copy_rows(table: Path, format: str, file: BinaryIO) -> None:
    pl.scan_parquet(table, glob=False).sink_csv(file, separator="," if format == "csv" else "\t")


def simulate(
    out: str | Path | None = None,
    *,
    people: int = 42_062,
    proteins: int = 2_920,
    like: str = "shen2025",
    seed: int = 1,
    export: ExportForm | None = None,
    summary_statistics: bool = False,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return a cohort of known truth in the shape of a study: ``proteomr simulate``.

    Its tables are samples (exposures, covariates, follow-up), proteins, timegap (years between
    blood draw and processing), assays and truth; :func:`proteomr.simulate.cohort.write_cohort` has
    the model. ``manifest.json`` says for which adjustment sets the truth holds. The same seed and
    size give the same bytes with the same versions of the libraries on the same kind of processor.

    Parameters
    ----------
    out : folder of the files, made if absent; None keeps the tables in memory.
    people : 100 to 5 million.
    proteins : at least 1.
    like : key of the study.
    seed : not negative.
    export : ukb: also the folder ``export``, the same people in the form of UK Biobank's exports,
        see :func:`proteomr.simulate.export.write_ukb_export`.
    summary_statistics : also the folder ``gwas``, summary statistics of loneliness and of outcomes
        of known causal truth, see
        :func:`proteomr.simulate.summary_statistics.simulate_summary`.
    resume : take what an earlier run of the same request has finished.
    overwrite : replace what an earlier run left.

    Raises
    ------
    UsageError
        For a size, seed or study that cannot be simulated.
    RunFolderError
        The folder is in use, or holds another run or files that are not proteomr's.
    StorageError
        The disk refused a file.

    Examples
    --------
    >>> cohort = simulate(people=200, proteins=10)
    >>> cohort.names
    ('samples', 'assays', 'proteins', 'timegap', 'truth', 'drops')
    >>> cohort.table("proteins").shape
    (200, 11)
    """
    request = SimulateRequest(people, proteins, like, seed, export, summary_statistics)
    output = Output(None if out is None else Path(out), resume=resume, overwrite=overwrite)
    return run_job(SimulateJob(request), output, account=Account(seed=seed))
