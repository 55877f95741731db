"""The job of `gwas munge`: summary statistics of any format as one canonical table."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Self

import polars as pl

from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.gwas.build import describe
from proteomr.gwas.munging import (
    MUNGE_VERSION,
    Munged,
    MungeOptions,
    MungeReport,
    munge_files,
)
from proteomr.gwas.policy import VariantPolicy
from proteomr.gwas.study import filter_rows, name_studies, read_variant_list
from proteomr.io import find_files
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Request,
    Results,
    Source,
    call_job,
    open_scratch,
)
from proteomr.tables import load_schema
from proteomr.tables.sumstats import GenomeBuild

__all__ = ["MungeJob", "MungeRequest", "munge", "require_parquet"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MungeRequest(Request):
    """All that determines a canonical table.

    Attributes
    ----------
    files : summary statistics, whose rows follow each other.
    read : format, columns, selection, and what holds for all rows.
    policy : for what a variant leaves.
    variants : names of the only variants wanted, one a line; joins those of the selection.
    chain, lift_to : chain file from the build of the files, and the build that it leads to.
    annotation : table of names or frequencies by variant.
    zstd : whether effects are made per standard deviation of the trait.

    Raises
    ------
    UsageError
        A chain is given without the build that it leads to, or a build without a chain.
    """

    command: ClassVar[str] = "gwas munge"

    files: tuple[Source, ...]
    read: ReadOptions = field(default_factory=ReadOptions)
    policy: VariantPolicy = field(default_factory=VariantPolicy)
    variants: Source | None = None
    chain: Source | None = None
    lift_to: GenomeBuild | None = None
    annotation: Source | None = None
    zstd: bool = False

    def __post_init__(self) -> None:
        MungeOptions(chain=None if self.chain is None else self.chain.path, lift_to=self.lift_to)

    @classmethod
    def of(
        cls,
        files: Data | Sequence[Data],
        *,
        read: ReadOptions | None = None,
        policy: VariantPolicy | None = None,
        variants: str | Path | None = None,
        chain: str | Path | None = None,
        lift_to: GenomeBuild | None = None,
        annotation: Data | None = None,
        zstd: bool = False,
    ) -> Self:
        """Return the request for files or frames as a user names them.

        Parameters
        ----------
        files : one or several; a path may be a quoted glob.
        read, policy, variants, chain, lift_to, annotation, zstd : as the attributes.

        Raises
        ------
        UsageError
            No file is named.

        Examples
        --------
        >>> MungeRequest.of(pl.DataFrame({"rsid": ["rs1"]})).files[0].name
        'sumstats'
        """
        studies = name_studies(files)
        if not studies:
            raise UsageError("no file of summary statistics is named; give one or several")
        return cls(
            studies,
            ReadOptions() if read is None else read,
            VariantPolicy() if policy is None else policy,
            None if variants is None else Source.of(variants),
            None if chain is None else Source.of(chain),
            lift_to,
            None if annotation is None else Source.of(annotation, name="annotation"),
            zstd,
        )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the reading and of the table.

        Examples
        --------
        >>> sorted(MungeRequest(files=()).formulas())
        ['munge', 'sumstats']
        """
        return {"munge": MUNGE_VERSION, "sumstats": load_schema("sumstats").version}


@dataclass(frozen=True, slots=True)
class MungeJob:
    """Files of summary statistics to one canonical table.

    Reading is one pass over each file, so that nothing of it is kept where the job is stopped.
    """

    main: ClassVar[str] = "sumstats"
    as_file: ClassVar[bool] = True
    people: ClassVar[tuple[str, ...]] = ()

    request: MungeRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ("report.tsv",)

    def plan(self, *, threads: int) -> Forecast:
        """Read the files as the run does, into the temporary folder, and say what would stay."""
        del threads
        started = time.perf_counter()
        with open_scratch() as scratch:
            report = self._munge(scratch, scratch / "sumstats.parquet").report
        return Forecast(
            units={"rows": report.rows_read, "kept": report.rows_kept},
            seconds=time.perf_counter() - started,
            lines=(
                ("format", ", ".join(dict.fromkeys(report.formats))),
                *(("left out", f"{drop.n:,} {drop.reason}") for drop in report.drops),
                *(("note", note) for note in report.notes),
            ),
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Read the files, and write the rows that stay."""
        del executor
        with open_scratch() as scratch:
            target = ledger.place(f"{self.main}.parquet")
            report = self._munge(scratch, target, stamp=ledger.stamp(self.main)).report
            paths = self._find_paths(scratch)
        ledger.write_table("report", _tabulate(report, paths), formats=("tsv",))
        ledger.count_drops(report.drops)
        builds = [describe(*pair) for pair in zip(paths, report.builds, strict=True)]
        return Outcome(
            filters=filter_rows(report.rows_read, report.drops),
            notes=tuple(note for note in report.notes if note not in builds),
        )

    def _munge(self, scratch: Path, out: Path, stamp: Mapping[str, str] | None = None) -> Munged:
        asked = self.request
        _log.info("reading %s", ", ".join(source.name for source in asked.files))
        options = MungeOptions(
            read=self._select(),
            policy=asked.policy,
            chain=None if asked.chain is None else asked.chain.path,
            lift_to=asked.lift_to,
            annotation=None if asked.annotation is None else asked.annotation.on_disk(scratch),
            zstd=asked.zstd,
        )
        return munge_files(self._find_paths(scratch), options=options, out=out, stamp=stamp)

    def _find_paths(self, scratch: Path) -> tuple[Path, ...]:
        return find_files([source.on_disk(scratch) for source in self.request.files])

    def _select(self) -> ReadOptions:
        """Return how the files are read, the listed variants included."""
        read = self.request.read
        if self.request.variants is None:
            return read
        listed = read.selection.variants.union(read_variant_list(self.request.variants.path))
        return replace(read, selection=replace(read.selection, variants=listed))


def munge(
    files: Data | Sequence[Data],
    *,
    read: ReadOptions | None = None,
    policy: VariantPolicy | None = None,
    variants: str | Path | None = None,
    chain: str | Path | None = None,
    lift_to: GenomeBuild | None = None,
    annotation: Data | None = None,
    zstd: bool = False,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return summary statistics of any known format as one canonical table.

    Parameters
    ----------
    files : a file, a quoted glob or a frame (polars, pandas, pyarrow); or several, whose rows
        follow each other.
    read : format, columns, selection, and what holds for all rows.
    policy : for what a variant leaves.
    variants : file with names of the only variants wanted, one a line.
    chain, lift_to : chain file to another genome build, and that build.
    annotation : table of rsids or frequencies by variant, a path or a frame.
    zstd : make effects and errors anew from z statistics, frequencies and people, per standard
        deviation of the trait; rows without these leave.
    out : file of the table, whose name ends in .parquet; None keeps the tables in memory.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the table of this same request that is there, or replace what is.

    Returns
    -------
    results : tables ``sumstats``, ``report`` (formats, builds, findings, notes) and ``drops``.

    Raises
    ------
    UsageError
        No file is named, or what is asked for does not apply to a file.
    InputError, FormatError
        A file cannot be read, or what it holds cannot be.
    NothingToDo
        No row is left.
    RunFolderError
        The output is in use, or holds what is not this request's.

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"rsid": ["rs1"], "effect_allele": ["a"], "other_allele": ["g"], "beta": [0.1],
    ...      "se": [0.02]}
    ... )
    >>> munge(frame, read=ReadOptions(trait="height")).table()["effect_allele"].to_list()
    ['A']
    """
    request = MungeRequest.of(
        files,
        read=read,
        policy=policy,
        variants=variants,
        chain=chain,
        lift_to=lift_to,
        annotation=annotation,
        zstd=zstd,
    )
    require_parquet(out)
    return call_job(MungeJob(request), out=out, threads=threads, resume=resume, overwrite=overwrite)


def require_parquet(out: str | Path | None) -> None:
    """Refuse a name for a table of variants that does not end in ``.parquet``.

    Raises
    ------
    UsageError
        It does not.

    Examples
    --------
    >>> require_parquet("height.parquet")
    """
    if out is not None and Path(out).suffix != ".parquet":
        raise UsageError(f"{out}: the table is written as parquet; end its name in .parquet")


def _tabulate(report: MungeReport, paths: Sequence[Path]) -> pl.DataFrame:
    """Return the account of the rows as a table of what, name, value."""
    entries: list[tuple[str, str, object]] = [("rows", "read", report.rows_read)]
    entries += [("rows", "kept", report.rows_kept)]
    for what in ("passed_over", "dropped", "found"):
        entries += [(what, name, n) for name, n in getattr(report, what).items()]
    for path, form, build in zip(paths, report.formats, report.builds, strict=True):
        entries += [("format", path.name, form), ("build_declared", path.name, build.declared)]
        entries += [("build_inferred", path.name, build.inferred)]
    entries += [("note", "", note) for note in report.notes]
    cells = [(what, name, None if value is None else str(value)) for what, name, value in entries]
    schema = dict.fromkeys(("what", "name", "value"), pl.String)
    return pl.DataFrame(cells, schema=schema, orient="row")
