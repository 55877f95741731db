"""Run a planned scan: in memory, or into a run folder that can be resumed, sharded and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import polars as pl

from proteomr.association.collect import collect
from proteomr.association.plan import BLOCK_SIZE, Plan, ProteinBlock, plan_scan
from proteomr.association.scan import Scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import RunFolderError
from proteomr.execute import Executor, Serial, Shard
from proteomr.provenance import canonical_json
from proteomr.runs import RunFolder, read_request
from proteomr.tables import Associations, Cohort, ProteinCovariate

__all__ = ["Progress", "associate", "describe_request", "merge_parts", "run_parts"]

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

    With ``x`` an exposure, ``P`` a protein transformed within the complete cases of the fit and ``Z`` the covariates:
    linear ``P = b x + Z c + e``; logistic ``logit P(x = 1) = b P + Z c``. Each protein has its own complete cases,
    over exposure, covariates, the protein and its own covariates. Every protein gets a row for each exposure,
    adjustment set and stratum, with a status.

    Parameters
    ----------
    cohort : people and their proteins.
    spec : the models.
    covariates : those with values of their own for each protein or panel, named in the adjustment sets.
    executor : how blocks of proteins are run; one after another by default.
    block_size : proteins fitted together; results agree to 1e-12 for any size.

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
    >>> found = associate(cohort, ModelSpec("logistic", ("lonely",), {"age": "age"}))
    >>> found.frame.filter(pl.col("q_bh") < 0.05)["protein"].to_list()
    ['ADM']
    """
    plan = plan_scan(cohort, spec, covariates=covariates, block_size=block_size)
    runner = executor if executor is not None else Serial()
    with closing(runner.map(Scan(plan), plan.blocks)) as results:
        parts = dict(results)
    return collect([parts[i] for i in sorted(parts)], spec)


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
    }


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
    todo = [block for block in mine if block.index in waiting]
    with closing(executor.map(Scan(plan), todo)) as results:
        stream = results if progress is None else progress(results, len(todo))
        for position, frame in stream:
            folder.save_part(todo[position].index, frame)
    return PartsDone(len(mine), len(todo))


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
