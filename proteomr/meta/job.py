"""`meta` as a job: effects of several studies pooled, for thousands of proteins at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.execute import Executor
from proteomr.meta.dependence import Dependent, infer_dependent, leave_out_dependent
from proteomr.meta.dose_studies import DosedStudy, read_dosed_studies, take_slopes
from proteomr.meta.dose_tables import check_dose_method, tabulate_doses
from proteomr.meta.laying_out import Layout, lay_out
from proteomr.meta.moderators import tabulate_moderators
from proteomr.meta.people_twice import read_correlations, settle_repeats, warn_of_biobanks
from proteomr.meta.pooled_tables import (
    Inference,
    add_lost,
    tabulate_bias,
    tabulate_influence,
    tabulate_left_out,
    tabulate_pooled,
)
from proteomr.meta.reading import StudyRows, read_studies
from proteomr.meta.specification import (
    Dependence,
    DoseOptions,
    Duplicates,
    MetaRequest,
    StoufferWeights,
)
from proteomr.runs import Data, Forecast, Ledger, Outcome, Results, call_job, open_scratch
from proteomr.stats.between_studies import Tau2
from proteomr.stats.pooling import Hartung
from proteomr.stats.ratio_measures import Ratio
from proteomr.status import Status
from proteomr.tables import columns as c

__all__ = ["MetaJob", "meta"]


@dataclass(frozen=True, slots=True)
class _Read:
    """What the tables hold, laid out."""

    layout: Layout
    rows: StudyRows
    correlation: F64 | None
    dosed: tuple[DosedStudy, ...] = ()


@dataclass(frozen=True, slots=True)
class MetaJob:
    """Pooled effects, heterogeneity, influence, bias, moderators and doses."""

    main: ClassVar[str] = "meta"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: MetaRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        asked = self.request
        names = ["meta"]
        if not asked.pooled_only:
            names += ["meta_influence", "meta_bias"]
        if asked.moderators:
            names.append("meta_moderators")
        if asked.dose is not None:
            names += ["meta_dose", "meta_dose_curve"]
        return [f"{name}.parquet" for name in names]

    def plan(self, *, threads: int) -> Forecast:
        """Read the tables, and say what would be pooled."""
        del threads
        started = time.perf_counter()
        read = self._read()
        units = {
            "studies": len(read.rows.studies),
            "effects": read.layout.keys.height,
            "estimates": read.rows.frame.height,
        }
        return Forecast(units=units, seconds=time.perf_counter() - started, parallel=False)

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Pool, and write the tables."""
        del executor
        asked, read = self.request, self._read()
        layout, drops = read.layout, list(read.rows.drops)
        replaced = None
        if asked.cluster is not None:
            found = infer_dependent(layout, asked, np.ones((*layout.effects.shape, 1)))
            replaced = (_tell(found, 0), found.describe())
        table = tabulate_pooled(layout, asked, correlation=read.correlation, replaced=replaced)
        table = add_lost(table, read.rows.lost)
        ledger.write_table("meta", table)
        if not asked.pooled_only:
            self._write_further(ledger, read)
        if asked.moderators:
            moderated, further_drops = tabulate_moderators(
                layout, asked, correlation=read.correlation
            )
            drops += further_drops
            ledger.write_table("meta_moderators", moderated)
        failed = table.filter(pl.col(c.STATUS) != "ok").height
        if asked.dose is not None:
            doses, curve = tabulate_doses(read.rows.keys, read.dosed, asked, asked.dose)
            ledger.write_table("meta_dose", doses)
            ledger.write_table("meta_dose_curve", curve)
            lines = doses.filter(pl.col("coefficient") == "dose", pl.col(c.STATUS) != "ok")
            failed = max(failed, lines.height)
        ledger.count_drops(drops)
        spanned = f"all {table.height:,} pooled effects"
        return Outcome(units=table.height, failed=failed, family_of_tests=spanned)

    def _write_further(self, ledger: Ledger, read: _Read) -> None:
        """Write what each study does to the effect, and the tests of funnels."""
        asked, layout = self.request, read.layout
        if asked.cluster is None:
            influence = tabulate_influence(layout, asked, correlation=read.correlation)
            bias = tabulate_bias(layout, asked, correlation=read.correlation)
        else:
            unit, place, without = leave_out_dependent(layout, asked)
            influence = tabulate_left_out(layout, asked, unit, place, _tell(without, 0))

            def regress(X: F64) -> tuple[Inference, Inference]:
                found = infer_dependent(layout, asked, X)
                return _tell(found, 0), _tell(found, 1)

            bias = tabulate_bias(layout, asked, correlation=None, dependent=regress)
        ledger.write_table("meta_influence", influence)
        ledger.write_table("meta_bias", bias)

    def _read(self) -> _Read:
        asked = self.request
        if asked.dose is not None:
            check_dose_method(asked, asked.dose)
            keys, studies, drops = read_dosed_studies(asked, asked.dose)
            slopes = take_slopes(keys, studies, drops)
            warn_of_biobanks(slopes.studies)
            return _Read(lay_out(slopes), slopes, None, tuple(studies))
        rows = settle_repeats(read_studies(asked), asked)
        correlation = None
        if asked.overlap is not None:
            with open_scratch() as scratch:
                file = asked.overlap.on_disk(scratch)
                correlation = read_correlations(file, rows.studies, name=asked.overlap.name)
        else:
            warn_of_biobanks(rows.studies)
        return _Read(lay_out(rows), rows, correlation)


def _tell(found: Dependent, j: int) -> Inference:
    """Return what is said of a column of effects that depend on one another."""
    status = np.where(found.untold[:, j], int(Status.not_identified), found.status)
    return Inference(found.beta[:, j], found.se[:, j], found.df[:, j], status)


def meta(
    *tables: Data,
    by: str | Sequence[str] = (),
    tau2: Tau2 = "REML",
    hartung: Hartung = "none",
    level: float = 0.95,
    moderators: str | Sequence[str] = (),
    study: str | None = None,
    rows: Sequence[str] = (),
    cluster: str | None = None,
    dependence: Dependence = "robust",
    overlap: Data | None = None,
    duplicates: Duplicates = "refuse",
    measure: Ratio | None = None,
    to: Ratio | None = None,
    baseline_risk: float | None = None,
    dose: DoseOptions | None = None,
    pooled_only: bool = False,
    stouffer_weights: StoufferWeights = "equal",
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    r"""Pool effects of several studies, of each protein, exposure, adjustment set and term.

    :math:`y_i = \mu + u_i + e_i` with known variances of e and :math:`u \sim N(0, \tau^2)`; see
    :mod:`proteomr.stats.between_studies` for the estimators of :math:`\tau^2` and
    :func:`proteomr.stats.pooling.pool_effects` for the errors. R: ``metafor``.

    Parameters
    ----------
    tables : paths or frames with ``estimate`` and ``se``, or run folders of `associate`; each is a
        study, unless `study` names a column of studies.
    by : columns that say what an effect is of; without, those of protein, exposure, adjustment and
        term that are there.
    tau2, hartung, level : the estimator, the errors (none, plain, truncated), the coverage.
    moderators : terms of a meta-regression: columns, factors, products.
    study, rows : column of studies; rows that count, each ``COLUMN=VALUE`` or a condition.
    cluster, dependence : column of effects that depend on one another, and whether errors are
        robust (CR2) or the model has three levels.
    overlap : table of ``study1``, ``study2`` and ``correlation``, or ``shared``, ``n1``, ``n2``.
    duplicates : refuse or drop rows of one study that are the same.
    measure, to, baseline_risk : what the estimates are (OR, RR, HR), and what they are converted to
        at which risk of the unexposed.
    dose : how estimates by dose are pooled; the tables then have ``dose``, ``cases`` and ``n`` too.
    pooled_only : neither influence nor tests of bias.
    stouffer_weights : whether studies count alike in Stouffer's sum, or by the root of their ``n``.
    out : run folder; None keeps the tables in memory.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``meta``, ``meta_influence``, ``meta_bias`` and, where asked,
    ``meta_moderators``, ``meta_dose`` and ``meta_dose_curve``.

    Raises
    ------
    UsageError, ColumnError, InputError
        The request contradicts itself, a column is not there, or studies count twice.

    Examples
    --------
    >>> one = pl.DataFrame({"protein": ["ADM"], "estimate": [0.3], "se": [0.1]})
    >>> other = pl.DataFrame({"protein": ["ADM"], "estimate": [0.1], "se": [0.1]})
    >>> meta(one, other, tau2="FE").table().select("k", "estimate", pl.col("q").round(6)).row(0)
    (2, 0.2, 2.0)
    """
    request = MetaRequest.of(
        tables,
        overlap=overlap,
        by=(by,) if isinstance(by, str) else tuple(by),
        tau2=tau2,
        hartung=hartung,
        level=level,
        moderators=(moderators,) if isinstance(moderators, str) else tuple(moderators),
        study=study,
        rows=tuple(rows),
        cluster=cluster,
        dependence=dependence,
        duplicates=duplicates,
        measure=measure,
        to=to,
        baseline_risk=baseline_risk,
        dose=dose,
        pooled_only=pooled_only,
        stouffer_weights=stouffer_weights,
    )
    return call_job(MetaJob(request), out=out, resume=resume, overwrite=overwrite)
