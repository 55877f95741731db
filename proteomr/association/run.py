"""Run a planned scan: in memory, or into a run folder that can be resumed, sharded and merged."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from itertools import zip_longest

import polars as pl

from proteomr.association.collect import collect
from proteomr.association.outputs import ColumnStyle, RunFacts, write_results
from proteomr.association.plan import BLOCK_SIZE, Plan, ProteinBlock, plan_scan
from proteomr.association.scan import Scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import RunFolderError
from proteomr.execute import Executor, Serial, Shard, one_blas_thread
from proteomr.provenance import InputFile, canonical_json
from proteomr.runs import RunFolder, read_request
from proteomr.runs.folder import TableFormat
from proteomr.tables import Associations, Cohort, ProteinCovariate
from proteomr.tables import columns as c

__all__ = [
    "Cost",
    "PartsDone",
    "Progress",
    "associate",
    "describe_request",
    "estimate_cost",
    "finish_run",
    "merge_parts",
    "run_parts",
]

_TIMED = 8

Progress = Callable[[Iterable[tuple[int, pl.DataFrame]], int], Iterable[tuple[int, pl.DataFrame]]]


def associate(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    executor: Executor | None = None,
    block_size: int = BLOCK_SIZE,
) -> Associations:
    """Fit every protein of a cohort to every exposure under every adjustment set.

    With ``x`` an exposure, ``P`` a protein transformed within the complete cases of the fit and
    ``Z`` the covariates: linear ``P = b x + Z c + e``; logistic ``logit P(x = 1) = b P + Z c``.
    Each protein has its own complete cases, over exposure, covariates, the protein and its own
    covariates. Every protein gets a row for each exposure, adjustment set and stratum, with a
    status.

    Parameters
    ----------
    cohort : people and their proteins.
    spec : the models.
    covariates : those with values of their own for each protein or panel, named in the adjustment
        sets.
    executor : how blocks of proteins are run; one after another by default.
    block_size : proteins fitted together. Another size changes linear and small logistic fits by no
        more than 1e-12 standard errors, logistic fits of over 2,000 people by 1e-8 at the most.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> generator = np.random.default_rng(1)
    >>> samples = pl.DataFrame({
    ...     "id": [f"{i:03d}" for i in range(200)], "lonely": np.arange(200) % 2,
    ...     "age": generator.normal(56, 8, 200)})
    >>> values = generator.normal(size=(200, 2)) + np.outer(np.arange(200) % 2, [1.0, 0.0])
    >>> cohort = Cohort(samples, "id", ArrayProteins(("ADM", "REN"), values),
    ...     pl.DataFrame({"protein": ["ADM", "REN"]}))
    >>> found = associate(cohort, ModelSpec("logistic", ("lonely",), {"simple": "age"}))
    >>> found.frame.filter(pl.col("q_bh") < 0.05)["protein"].to_list()
    ['ADM']
    """
    plan = plan_scan(cohort, spec, covariates=covariates, block_size=block_size)
    runner = executor if executor is not None else Serial()
    with closing(runner.map(Scan(plan), in_turn(plan.blocks))) as results:
        parts = dict(results)
    return collect(parts.values(), spec)


def describe_request(
    plan: Plan, *, inputs: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return everything that determines the numbers of a scan, as JSON values, for a run folder.

    Parameters
    ----------
    plan : the scan.
    inputs : digests of the files read, by what they are.
    """
    names = hashlib.sha256(canonical_json(list(plan.cohort.proteins.names))).hexdigest()
    people = hashlib.sha256(canonical_json(plan.cohort.samples[plan.cohort.id_column].to_list()))
    return {
        "command": "associate",
        "specification": plan.spec.to_dict(),
        "inputs": dict(inputs or {}),
        "people": {"n": plan.cohort.n, "sha256": people.hexdigest()},
        "proteins": {"n": len(plan.cohort.proteins.names), "sha256": names},
        "protein_covariates": [covariate.name for covariate in plan.covariates],
        "blocks": len(plan.blocks),
        "drops": [asdict(drop) for drop in (*plan.cohort.drops, *plan.drops)],
    }


def in_turn(blocks: Sequence[ProteinBlock]) -> list[ProteinBlock]:
    """Order blocks so that two panels take turns, and two workers prepare two panels at once.

    Examples
    --------
    >>> import numpy as np
    >>> none = np.zeros(0, dtype=np.int64)
    >>> blocks = [ProteinBlock(i, none, (panel,)) for i, panel in enumerate([0, 0, 1, 2])]
    >>> [block.index for block in in_turn(blocks)]
    [0, 2, 1, 3]
    """
    panels: dict[tuple[int, ...], list[ProteinBlock]] = {}
    for block in blocks:
        panels.setdefault(block.groups, []).append(block)
    ordered = list(panels.values())
    turns: list[ProteinBlock] = []
    for first in range(0, len(ordered), 2):
        for together in zip_longest(*ordered[first : first + 2]):
            turns += [block for block in together if block is not None]
    return turns


@dataclass(frozen=True, slots=True)
class PartsDone:
    """How far the parts of a run have come: all of them, and those computed now."""

    blocks: int
    computed: int


def run_parts(
    plan: Plan,
    folder: RunFolder,
    *,
    executor: Executor,
    shard: Shard | None = None,
    progress: Progress | None = None,
) -> PartsDone:
    """Compute the parts that a run folder lacks, each written as it finishes.

    Parameters
    ----------
    folder : open for the request of :func:`describe_request`.
    executor : how blocks are run.
    shard : compute only this share of the blocks.
    progress : wraps the stream of finished parts, given their number.
    """
    mine: Sequence[ProteinBlock] = plan.blocks if shard is None else shard.select(plan.blocks)
    waiting = set(folder.pending(len(plan.blocks)))
    todo = in_turn([block for block in mine if block.index in waiting])
    with closing(executor.map(Scan(plan), todo)) as results:
        stream = results if progress is None else progress(results, len(todo))
        for position, frame in stream:
            folder.save_part(todo[position].index, frame)
    return PartsDone(len(mine), len(todo))


def finish_run(
    folder: RunFolder,
    *,
    arguments: tuple[str, ...],
    configuration: Mapping[str, object],
    inputs: tuple[InputFile, ...],
    threads: int,
    seed: int | None,
    started: str,
    format: TableFormat = "parquet",
    columns: ColumnStyle = "native",
    fail_status: int = 4,
    effective: pl.DataFrame | None = None,
) -> tuple[pl.DataFrame, int]:
    """Join the parts of a run folder into its results; return the summary and the failed fits.

    Parameters
    ----------
    folder : open, with all parts computed.
    arguments, configuration, inputs, threads, seed, started : for the manifest.
    format, columns : of the table, see :func:`proteomr.association.outputs.write_results`.
    fail_status : exit code that the manifest records where fits have failed.
    effective : effective tests with their thresholds, to be written and put into the manifest.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged.
    """
    associations, spec = merge_parts(folder)
    request = read_request(folder.path)
    failed = associations.frame.filter(pl.col(c.STATUS) != "ok").height
    drops = request["drops"]
    people = _mapping(request["people"])
    facts = RunFacts(
        command="associate",
        arguments=arguments,
        configuration=configuration,
        inputs=inputs,
        drops=drops if isinstance(drops, list) else [],
        people=int(str(people["n"])),
        threads=threads,
        seed=seed,
        started=started,
    )
    summary = write_results(
        folder,
        associations,
        spec,
        facts=facts,
        format=format,
        columns=columns,
        exit_status=fail_status if failed else 0,
        effective=effective,
    )
    return summary, failed


@dataclass(frozen=True, slots=True)
class Cost:
    """What a scan would take.

    Attributes
    ----------
    fits : number of fits.
    people : complete for exposure and covariates, in words.
    seconds : of one processor.
    timed : proteins that were fitted to know.
    bytes_shared, bytes_per_thread : of memory.
    """

    fits: int
    people: str
    seconds: float
    timed: int
    bytes_shared: float
    bytes_per_thread: float

    def memory_bytes(self, threads: int) -> float:
        """Memory of the arrays for a number of threads."""
        return self.bytes_shared + threads * self.bytes_per_thread


def estimate_cost(plan: Plan, blocks: Sequence[ProteinBlock]) -> Cost:
    """Estimate what some blocks of a scan would take, by fitting the first few proteins of one."""
    sizes = sorted({group.rows.size for group in plan.groups})
    people = str(sizes[0]) if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    proteins = sum(block.proteins.size for block in blocks)
    scan = Scan(plan)
    first = replace(blocks[0], proteins=blocks[0].proteins[:_TIMED])
    with one_blas_thread():
        scan(replace(first, proteins=first.proteins[:1]))
        began = time.process_time()
        scan(first)
        seconds = (time.process_time() - began) / first.proteins.size * proteins
    n = sizes[-1]
    width = max(
        (plan.problem(plan.groups[g]).covariates.shape[1] for g in first.groups[:1]), default=1
    )
    tests = max(len(group.tests) for group in plan.groups)
    shared = 8.0 * n * width * (2 + len(plan.spec.adjust)) * 2
    per_thread = 8.0 * n * _largest_block(plan) * (6 + 2 * tests)
    return Cost(proteins * plan.tests_per_protein, people, seconds, _TIMED, shared, per_thread)


def _largest_block(plan: Plan) -> int:
    """Return the number of proteins in the largest block."""
    return max((int(block.proteins.size) for block in plan.blocks), default=0)


def merge_parts(folder: RunFolder) -> tuple[Associations, ModelSpec]:
    """Join the parts of a run folder, whichever processes computed them.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    request = read_request(folder.path)
    spec = ModelSpec.from_dict(_mapping(request["specification"]))
    count = int(str(request["blocks"]))
    parts = [folder.load_part(index) for index in range(count)]
    found = [part for part in parts if part is not None]
    if len(found) < count:
        raise RunFolderError(
            f"{folder.path}: {count - len(found)} of {count} parts are absent or damaged; run the "
            "shards that made them again"
        )
    return collect(found, spec), spec


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RunFolderError("the stored request has no specification")
    return value
