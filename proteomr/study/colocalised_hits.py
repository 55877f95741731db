"""Mendelian randomisation whose hits are colocalised in the same run: the gate of drug targets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

import polars as pl

from proteomr.colocalisation.choices import TraitChoice
from proteomr.colocalisation.job import make_job
from proteomr.colocalisation.request import ColocRequest
from proteomr.colocalisation.stretches import WindowRule
from proteomr.errors import NothingToDo, UsageError
from proteomr.execute import Executor
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.mr.analysis import TraitSize
from proteomr.mr.estimate import DEFAULT_METHODS
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.job import MrJob
from proteomr.mr.request import MrRequest
from proteomr.runs import (
    Data,
    Forecast,
    Ledger,
    Outcome,
    Output,
    Request,
    Results,
    call_job,
    run_job,
)
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "ColocalisedMrJob",
    "ColocalisedRequest",
    "add_colocalisation",
    "colocalise_hits",
    "gate_hits",
]

_GATE: Final = "coloc_gate"
_LEVEL: Final = 0.05  # of q over the pairs, as in the verdict
# The field's line: four fifths of the posterior on one shared variant.
_SHARED: Final = 0.8
_KEYS: Final = (c.EXPOSURE, c.OUTCOME)


@dataclass(frozen=True, slots=True)
class ColocalisedRequest(Request):
    """Both analyses on the same studies.

    Attributes
    ----------
    causes : the estimates, and which pairs are hits: those with q below 0.05.
    colocalisation : how hits are compared.

    Raises
    ------
    UsageError
        Variants were harmonised before, of which regions hold too few.
    """

    command: ClassVar[str] = "mr"

    causes: MrRequest
    colocalisation: ColocRequest

    def __post_init__(self) -> None:
        if self.causes.harmonised is not None or self.causes.joint:
            raise UsageError(
                "--coloc compares whole regions: give the studies of exposure and outcome"
            )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of both, and of the gate."""
        return {
            **self.causes.formulas(),
            **self.colocalisation.formulas(),
            f"table {_GATE}": load_schema(_GATE).version,
        }


@dataclass(frozen=True, slots=True)
class ColocalisedMrJob:
    """Estimates of all pairs, the colocalisation of the hits, and one verdict on each.

    Parameters
    ----------
    request : what is asked.
    causes : the job of the estimates.
    """

    main: ClassVar[str] = "estimates"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: ColocalisedRequest
    causes: MrJob

    @property
    def results(self) -> Sequence[str]:
        """Names of the tables of both."""
        further = [f"{name}.parquet" for name in (*self.request.colocalisation.tables, _GATE)]
        return (*self.causes.results, *further)

    def plan(self, *, threads: int) -> Forecast:
        """Plan the estimates; how many hits there are to colocalise they alone can tell."""
        forecast = self.causes.plan(threads=threads)
        return replace(forecast, lines=(*forecast.lines, ("then", "coloc of pairs with q < 0.05")))

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Estimate, colocalise the hits, and write the tables of both and the gate."""
        tables, outcome = self.causes.estimate(ledger, executor)
        verdict = tables["verdict"]
        hits = verdict.filter((pl.col(c.Q_BH) < _LEVEL) & (pl.col(c.DIRECTION) == "forward"))
        found, notes = self._colocalise(hits, executor)
        for name, table in found.items():
            ledger.write_table(name, table)
        ledger.write_table(_GATE, gate_hits(hits, found["coloc"]))
        return replace(outcome, notes=(*outcome.notes, *notes))

    def _colocalise(
        self, hits: pl.DataFrame, executor: Executor
    ) -> tuple[dict[str, pl.DataFrame], tuple[str, ...]]:
        """Return the tables of the hits' colocalisation, empty where nothing is compared."""
        request = self.request.colocalisation
        nothing = {name: load_schema(name).empty() for name in request.tables}
        if not hits.height:
            return nothing, ("coloc: no pair has q < 0.05",)
        pairs = frozenset(hits.select(_KEYS).iter_rows())
        try:
            results = run_job(make_job(request, only=pairs), Output(), executor=executor)
        except NothingToDo as reason:
            return nothing, (f"coloc: {reason}",)
        tables = {name: results.table(name) for name in request.tables}
        return tables, tuple(f"coloc: {note}" for note in results.notes)


def colocalise_hits(
    exposure: Data,
    outcomes: Data | Sequence[Data],
    *,
    methods: str | Sequence[str] = DEFAULT_METHODS,
    rule: InstrumentRule | None = None,
    ld: Data | None = None,
    ld_values: LdValues = "auto",
    read_exposure: ReadOptions | None = None,
    read_outcome: ReadOptions | None = None,
    outcome_size: TraitSize | None = None,
    seed: int = 1,
    out: str | Path | None = None,
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return estimates of all pairs, the colocalisation of the hits, and one verdict on each.

    Parameters
    ----------
    exposure, outcomes, methods, rule, ld, ld_values, read_exposure, read_outcome, outcome_size,
    seed : see `proteomr.run_mr`.
    out : run folder; None keeps the tables in memory.
    threads : blocks of pairs at once; None for all processors.
    resume, overwrite : go on with a run of this same request, or replace what is there.

    Returns
    -------
    results : the tables of `proteomr.run_mr`, those of `proteomr.colocalise`, and ``coloc_gate``.

    Raises
    ------
    InputError, FormatError
        A file cannot be read, or nothing shows that the instruments are independent.
    NothingToDo
        No instrument, or no harmonised variant, is left.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> rows = {"rsid": ["rs1"], "chromosome": ["1"], "position_bp": [5], "effect_allele": ["A"],
    ...     "other_allele": ["G"], "beta": [0.2], "se": [0.01], "eaf": [0.3], "n": [9000]}
    >>> weak = rows | {"se": [0.19]}
    >>> results = colocalise_hits(pl.DataFrame(rows), pl.DataFrame(weak), methods="wald")
    >>> results.table("coloc_gate").height
    0
    """
    request = MrRequest.of(
        exposure,
        outcomes,
        methods=methods,
        rule=rule,
        ld=ld,
        ld_values=ld_values,
        read_exposure=read_exposure,
        read_outcome=read_outcome,
        outcome_size=outcome_size,
        seed=seed,
    )
    job = add_colocalisation(MrJob(request))
    return call_job(job, out=out, threads=threads, resume=resume, overwrite=overwrite)


def add_colocalisation(job: MrJob) -> ColocalisedMrJob:
    """Return a job that does the same and colocalises its hits.

    Studies are read as for the estimates; a region of the instruments is the region compared.
    Outcomes whose cases are told, for all or by name, are traits of cases and controls, and so are
    all whose effects are log odds.

    Parameters
    ----------
    job : of studies.

    Raises
    ------
    UsageError
        Its variants were harmonised before.
    """
    causes = job.request
    if causes.harmonised is not None or causes.exposure is None:
        raise UsageError("--coloc compares whole regions: give the studies of exposure and outcome")
    size = causes.outcome_size
    outcome = TraitChoice("cc" if causes.log_odds else None, suffix="2")
    if size.n_case is not None and size.n_control is not None:
        outcome = _of_cases(size.n_case, size.n_control)
    coloc = ColocRequest(
        (causes.exposure, *causes.outcomes),
        choices=(TraitChoice(suffix="1"), outcome),
        read=(causes.read_exposure, causes.read_outcome),
        windows=WindowRule(region=causes.rule.region),
        ld=(causes.ld, causes.ld),
        ld_values=causes.ld_values,
        named=tuple((name, _of_cases(*sizes)) for name, *sizes in causes.outcome_cases),
    )
    return ColocalisedMrJob(ColocalisedRequest(causes, coloc), job)


def _of_cases(cases: float, controls: float) -> TraitChoice:
    return TraitChoice("cc", case_share=cases / (cases + controls), suffix="2")


def gate_hits(hits: pl.DataFrame, coloc: pl.DataFrame) -> pl.DataFrame:
    """Return the hits with what colocalisation and Steiger's test say of each.

    Of the regions of a pair that is taken which is around a lead of the exposure, where there is
    one, with the largest posterior of a shared variant. A hit passes where that is 0.8 or more and
    the variants do not explain more of the outcome.

    Parameters
    ----------
    hits : rows of the table ``verdict``.
    coloc : the table ``coloc`` of the same pairs.

    Examples
    --------
    >>> gate_hits(load_schema("verdict").empty(), load_schema("coloc").empty()).height
    0
    """
    of_exposure = pl.col("lead_of").fill_null("").str.split(", ").list.contains(pl.col("trait1"))
    best = (
        coloc.with_columns(of_exposure.alias("_own"))
        .sort("_own", "pp_h4", descending=True, nulls_last=True, maintain_order=True)
        .unique(["trait1", "trait2"], keep="first", maintain_order=True)
        .select(
            pl.col("trait1").alias(c.EXPOSURE),
            pl.col("trait2").alias(c.OUTCOME),
            "region",
            "nsnps",
            "pp_h3",
            "pp_h4",
            "pp_h4_of_h3_h4",
            "hit1",
            "hit2",
            pl.col(c.STATUS).alias("coloc_status"),
        )
    )
    joined = hits.join(best, on=_KEYS, how="left", maintain_order="left")
    shared = (pl.col("pp_h4") >= _SHARED).fill_null(value=False)
    forward = pl.col("exposure_first").fill_null(value=True)
    gate = joined.with_columns(
        (shared & forward).alias("passes"),
        pl.when(pl.col("coloc_status").is_null())
        .then(pl.lit("not compared: no region around a lead"))
        .when(~shared & pl.col("pp_h4").is_null())
        .then(pl.lit("not compared: ") + pl.col("coloc_status"))
        .when(~shared & (pl.col("pp_h3") >= _SHARED))
        .then(pl.lit("distinct variants: linkage may stand for the effect"))
        .when(~shared)
        .then(pl.lit("a shared variant is not shown"))
        .when(~forward)
        .then(pl.lit("shared variant, but more of the outcome is explained"))
        .otherwise(pl.lit("shared variant"))
        .alias("gate"),
    )
    schema = load_schema(_GATE)
    return schema.validate(gate.select(schema.names))
