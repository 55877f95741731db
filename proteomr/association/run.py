"""Run a planned scan: in memory, or into a run folder that can be resumed, sharded and merged."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from proteomr.association.collect import collect
from proteomr.association.joint import collect_joint_tests
from proteomr.association.outputs import ColumnStyle, RunFacts, write_results
from proteomr.association.plan import Plan, plan_scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import RunFolderError
from proteomr.execute import Executor, Serial
from proteomr.provenance import InputFile, canonical_json
from proteomr.runs import RunFolder, read_request
from proteomr.runs.folder import TableFormat
from proteomr.scan import BLOCK_SIZE, fit_blocks
from proteomr.tables import Associations, Cohort, ProteinCovariate
from proteomr.tables import columns as c

__all__ = ["associate", "describe_request", "finish_run", "merge_parts"]


def associate(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    executor: Executor | None = None,
    block_size: int = BLOCK_SIZE,
) -> Associations:
    """Fit every protein of a cohort to every exposure or outcome under every adjustment set.

    With ``x`` an exposure, ``P`` a protein transformed within the complete cases of the fit and
    ``Z`` the covariates: linear ``P = b x + Z c + e``; logistic ``logit P(x = 1) = b P + Z c``. An
    outcome ``y`` is the response of either: linear ``y = b P + Z c + e``.
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
    return collect(fit_blocks(plan, executor=executor or Serial()), spec)


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
        "protein_covariates": [covariate.name for covariate in plan.reading.covariates],
        "blocks": len(plan.blocks),
        "drops": [asdict(drop) for drop in (*plan.cohort.drops, *plan.drops)],
    }


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
    parts, spec = _load_parts(folder)
    associations = collect(parts, spec)
    tested = spec.interaction is not None or spec.strata is not None
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
        joint=collect_joint_tests(parts) if tested else None,
    )
    return summary, failed


def merge_parts(folder: RunFolder) -> tuple[Associations, ModelSpec]:
    """Join the parts of a run folder, whichever processes computed them.

    Raises
    ------
    RunFolderError
        Parts are absent or damaged; the message counts them.
    """
    parts, spec = _load_parts(folder)
    return collect(parts, spec), spec


def _load_parts(folder: RunFolder) -> tuple[list[pl.DataFrame], ModelSpec]:
    request = read_request(folder.path)
    spec = ModelSpec.from_dict(_mapping(request["specification"]))
    count = int(str(request["blocks"]))
    loaded = [folder.load_part(index) for index in range(count)]
    parts = [part for part in loaded if part is not None]
    if len(parts) < count:
        raise RunFolderError(
            f"{folder.path}: {count - len(parts)} of {count} parts are absent or damaged; run the "
            "shards that made them again"
        )
    return parts, spec


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise RunFolderError("the stored request has no specification")
    return value
