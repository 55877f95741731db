"""From files to a finished run folder: what `associate`, `merge` and `demo` have in common."""

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from proteomr.errors import RunFolderError, UsageError

from .console import track
from .journal import keep_journal
from .options import ColumnNames, TableFormat

if TYPE_CHECKING:
    import polars as pl

    from proteomr.association import ModelSpec, Plan
    from proteomr.execute import Executor as BlockExecutor
    from proteomr.execute import Shard
    from proteomr.provenance import InputFile
    from proteomr.runs import RunFolder
    from proteomr.tables import Cohort, ProteinCovariate

__all__ = [
    "FAILED_UNITS",
    "Executor",
    "Outcome",
    "RunOptions",
    "Sources",
    "describe_plan",
    "finish",
    "hold_threads",
    "open_plan",
    "open_scratch",
    "read_shard",
    "record_inputs",
    "refuse_used_folder",
    "run_scan",
]

Executor = Literal["local", "dask"]

FAILED_UNITS = 4
_EFFECTIVE = "effective_tests"


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that a scan reads."""

    samples: Path
    proteins: tuple[Path, ...] = ()
    protein_covariates: Mapping[str, Path] = field(default_factory=dict[str, Path])
    assays: Path | None = None
    id_column: str | None = None
    withdrawn: Path | None = None


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How a scan is run and what it leaves; nothing here changes a number."""

    out: Path
    threads: int
    shard: "Shard | None" = None
    resume: bool = False
    overwrite: bool = False
    format: TableFormat = "parquet"
    columns: ColumnNames = "native"
    allow_failures: bool = False
    seed: int | None = None
    progress: bool = False
    executor: Executor = "local"
    dask_scheduler: str | None = None
    effective_tests: bool = False

    def __post_init__(self) -> None:
        if self.resume and self.overwrite:
            raise UsageError("--resume goes on with a run and --overwrite replaces it: choose one")
        if self.effective_tests and self.shard is not None:
            raise UsageError(
                "--effective-tests counts over all proteins: use it on a run without --shard"
            )
        if self.executor == "dask":
            from proteomr.dask_executor import require_dask

            require_dask()
        elif self.dask_scheduler is not None:
            raise UsageError("--dask-scheduler names Dask's workers: add --executor dask")

    @property
    def fail_status(self) -> int:
        """Exit code of a finished run in which fits have failed."""
        return 0 if self.allow_failures else FAILED_UNITS


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run has come to: its summary, and its fits counted by status."""

    table: Path
    summary: "pl.DataFrame"
    statuses: Mapping[str, int]
    effective: "pl.DataFrame | None" = None

    @property
    def failed(self) -> int:
        """Fits without an ordinary estimate."""
        return sum(count for status, count in self.statuses.items() if status != "ok")


def hold_threads(threads: int | None) -> int:
    """Return how many threads to use, and hold polars to them where it is not loaded yet."""
    from proteomr.execute import available_threads

    count = available_threads() if threads is None else threads
    if "polars" not in sys.modules:
        os.environ.setdefault("POLARS_MAX_THREADS", str(count))
    return count


@contextlib.contextmanager
def open_scratch() -> Iterator[Path]:
    """Make a folder in TMPDIR for converted files, and remove it at the end."""
    from proteomr.files import storage_errors

    with storage_errors(tempfile.gettempdir()):
        scratch = tempfile.TemporaryDirectory(prefix="proteomr-")
    with scratch as name:
        yield Path(name)


@contextlib.contextmanager
def open_plan(
    sources: Sources, spec: "ModelSpec"
) -> Iterator[tuple["Plan", tuple["InputFile", ...]]]:
    """Read the files, lay out the scan and log what it is; the files serve while this is open."""
    from proteomr.association import plan_scan

    log = logging.getLogger("proteomr")
    with open_scratch() as scratch:
        log.info("reading %s", ", ".join(map(str, [sources.samples, *sources.proteins])))
        cohort, covariates, inputs = _read_sources(sources, scratch=scratch)
        plan = plan_scan(cohort, spec, covariates=covariates)
        log.info("%s people, %s proteins", plan.cohort.n, len(plan.cohort.proteins.names))
        for label, found in describe_plan(plan):
            log.info("%s: %s", label, found)
        yield plan, inputs


def describe_plan(plan: "Plan") -> list[tuple[str, str]]:
    """Return the models of a plan and the people it leaves out, as labelled lines."""
    spec = plan.spec
    drops = [drop for drop in (*plan.cohort.drops, *plan.drops) if drop.n]
    return [
        ("model", f"{spec.family}, {spec.direction}, transform {spec.transform}"),
        *((label, str(formula)) for label, formula in spec.formulas().items()),
        *(("left out", f"{drop.n}: {drop.reason} ({drop.step})") for drop in drops),
    ]


def read_shard(text: str | None) -> "Shard | None":
    """Read which share of a run is asked for; None for all of it."""
    from proteomr.execute import Shard

    return None if text is None else Shard.parse(text)


def _read_sources(
    sources: Sources, *, scratch: Path
) -> tuple["Cohort", list["ProteinCovariate"], tuple["InputFile", ...]]:
    """Read the cohort and the covariates of its proteins, and take a record of every file."""
    from proteomr.io import find_files, read_cohort, read_protein_covariate

    cohort = read_cohort(
        sources.samples,
        sources.proteins,
        scratch=scratch,
        id_column=sources.id_column,
        assays=sources.assays,
        withdrawn=sources.withdrawn,
    )
    covariates = [
        read_protein_covariate(
            name, path, cohort=cohort, scratch=scratch, id_column=sources.id_column
        )
        for name, path in sources.protein_covariates.items()
    ]
    proteins = find_files(sources.proteins) if sources.proteins else ()
    others = (sources.assays, sources.withdrawn, *sources.protein_covariates.values())
    return cohort, covariates, record_inputs(sources.samples, *proteins, *others)


def record_inputs(*paths: Path | None) -> tuple["InputFile", ...]:
    """Take the record of every file that was given, for the manifest; None is one that was not."""
    from proteomr.provenance import InputFile

    return tuple(InputFile.read(path) for path in paths if path is not None)


def refuse_used_folder(out: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds a result, unless it is to be replaced."""
    if overwrite or not (out / "manifest.json").exists():
        return
    raise RunFolderError(
        f"{out}: already holds a manifest.json; choose another folder, or replace it with "
        "--overwrite"
    )


def run_scan(
    plan: "Plan",
    *,
    options: RunOptions,
    inputs: tuple["InputFile", ...],
    configuration: Mapping[str, object],
) -> Outcome | None:
    """Compute what the run folder lacks and write the results; None for a shard of a run."""
    from proteomr.association import describe_request
    from proteomr.provenance import utc_now
    from proteomr.runs import RunFolder

    started = utc_now()
    request = describe_request(plan, inputs={str(i): file.sha256 for i, file in enumerate(inputs)})
    with RunFolder.open(
        options.out,
        request=request,
        resume=options.resume,
        overwrite=options.overwrite,
        shard=options.shard,
    ) as folder:
        if folder.finished:
            _check_outputs(options)
            return _read_outcome(folder, options=options)
        log = "log.txt" if options.shard is None else f"log-{options.shard.label}.txt"
        keep_journal(folder.claim(log), again=not options.overwrite)
        _fit_blocks(plan, folder, options=options)
        if options.shard is not None:
            folder.finish()
            return None
        return finish(
            folder,
            options=options,
            inputs=inputs,
            configuration=configuration,
            started=started,
            effective=_count_effective(plan) if options.effective_tests else None,
        )


def _check_outputs(options: RunOptions) -> None:
    tables = [f"associations.{options.format}"]
    tables += [f"{_EFFECTIVE}.tsv"] if options.effective_tests else []
    for wanted in tables:
        if not (options.out / wanted).exists():
            raise RunFolderError(
                f"{options.out}: holds the finished result without {wanted}; --overwrite computes "
                "it again"
            )


def _count_effective(plan: "Plan") -> "pl.DataFrame":
    from proteomr.association import count_effective_tests, set_thresholds

    logging.getLogger("proteomr").info("counting the effective tests")
    found = count_effective_tests(plan.cohort, transform=plan.spec.transform)
    joint = plan.spec.test_family == "joint"
    return set_thresholds(found, exposures=len(plan.targets) if joint else 1)


def _fit_blocks(plan: "Plan", folder: "RunFolder", *, options: RunOptions) -> None:
    from proteomr.scan import run_parts

    def progress(
        stream: Iterable[tuple[int, "pl.DataFrame"]], total: int
    ) -> Iterable[tuple[int, "pl.DataFrame"]]:
        return track(stream, total=total, label="fitting", show=options.progress)

    executor = _choose_executor(options)
    try:
        run_parts(plan, folder, executor=executor, shard=options.shard, progress=progress)
    except KeyboardInterrupt:
        blocks = len(plan.blocks)
        kept = blocks - len(folder.pending(blocks))
        message = f"{kept} of {blocks} blocks are kept; the same command with --resume goes on"
        raise KeyboardInterrupt(message) from None


def _choose_executor(options: RunOptions) -> "BlockExecutor":
    if options.executor == "dask":
        from proteomr.dask_executor import Dask

        return Dask(options.dask_scheduler, options.threads)
    from proteomr.execute import Threads

    return Threads(options.threads)


def finish(
    folder: "RunFolder",
    *,
    options: RunOptions,
    inputs: tuple["InputFile", ...],
    configuration: Mapping[str, object],
    started: str,
    effective: "pl.DataFrame | None" = None,
) -> Outcome:
    """Join the parts of a run folder into its results, unless it holds them already."""
    from proteomr.association import finish_run

    if folder.finished:
        return _read_outcome(folder, options=options)
    finish_run(
        folder,
        arguments=tuple(sys.argv[1:]),
        configuration=configuration,
        inputs=inputs,
        threads=options.threads,
        seed=options.seed,
        started=started,
        format=options.format,
        columns=options.columns,
        fail_status=options.fail_status,
        effective=effective,
    )
    folder.finish()
    return _read_outcome(folder, options=options)


def _read_outcome(folder: "RunFolder", *, options: RunOptions) -> Outcome:
    import polars as pl

    table = folder.path / "associations.parquet"
    status = pl.read_parquet(table, columns=["status"])["status"]
    counts = status.value_counts(sort=True).rows()
    summary = pl.read_csv(folder.path / "summary.tsv", separator="\t")
    effective = None
    if options.effective_tests:
        effective = pl.read_csv(folder.path / f"{_EFFECTIVE}.tsv", separator="\t")
    return Outcome(table, summary, dict(counts), effective)
