"""`ctra` as a job: a contrast of genes held against exposures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import polars as pl

from proteomr.ctra.fitting import (
    PeopleModel,
    fit_contrast,
    lay_out_people,
    scale_genes,
    tell_rows,
)
from proteomr.ctra.genes import (
    COMPONENTS,
    Contrast,
    add_transcripts,
    find_contrast,
    read_genes,
)
from proteomr.ctra.specification import (
    CtraErrors,
    CtraModel,
    CtraRequest,
    GeneSet,
    Interaction,
    Scale,
)
from proteomr.design import Formula, parse, parse_sets
from proteomr.design.tokens import quote
from proteomr.errors import UsageError
from proteomr.execute import Executor
from proteomr.io import PeopleChoice, read_cohort
from proteomr.runs import Data, Forecast, Ledger, Outcome, Results, call_job, open_scratch
from proteomr.tables import Drop, load_schema
from proteomr.tables import columns as c

__all__ = ["CtraJob", "ctra"]

_ALL = "all"


@dataclass(frozen=True, slots=True)
class _Read:
    contrast: Contrast
    models: tuple[PeopleModel, ...]
    ids: pl.Series
    drops: tuple[Drop, ...]


@dataclass(frozen=True, slots=True)
class CtraJob:
    """The contrast of every exposure, its components, and the scores of people."""

    main: ClassVar[str] = "ctra"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ("ctra_scores",)

    request: CtraRequest

    @property
    def results(self) -> Sequence[str]:
        """Names of the results."""
        names = ["ctra", "ctra_scores", "ctra_genes"]
        if self.request.leave_one_out:
            names.append("ctra_leave_out")
        return [f"{name}.parquet" for name in names]

    def plan(self, *, threads: int) -> Forecast:
        """Read the inputs, and say what would be fitted."""
        del threads
        started = time.perf_counter()
        read = self._read()
        parts = len(list(self._list_parts(read.contrast)))
        units = {
            "people": read.ids.len(),
            "genes": len(read.contrast.names),
            "models": len(read.models) * parts,
        }
        return Forecast(units=units, seconds=time.perf_counter() - started, parallel=False)

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Fit, and write the tables."""
        del executor
        asked, read = self.request, self._read()
        rows = [row for model in read.models for row in self._fit(read.contrast, model)]
        table = _shape("ctra", rows)
        ledger.write_table("ctra", table)
        ledger.write_table("ctra_scores", self._score(read))
        ledger.write_table("ctra_genes", read.contrast.listed)
        if asked.leave_one_out:
            left = [row for model in read.models for row in self._leave_out(read.contrast, model)]
            ledger.write_table("ctra_leave_out", _shape("ctra_leave_out", left))
        ledger.count_drops([*read.drops, *_count_incomplete(read)])
        failed = table.filter(pl.col(c.STATUS) != "ok").height
        return Outcome(units=table.height, failed=failed, family_of_tests="each row by itself")

    def _read(self) -> _Read:
        asked = self.request
        with open_scratch() as scratch:
            cohort = read_cohort(
                asked.samples.on_disk(scratch),
                [source.on_disk(scratch) for source in asked.expression],
                scratch=scratch,
                id_column=asked.id_column,
                withdrawn=None if asked.withdrawn is None else asked.withdrawn.on_disk(scratch),
                people=asked.people,
            )
            path = None if asked.genes is None else asked.genes.on_disk(scratch)
            contrast = find_contrast(
                cohort, read_genes(path, named=asked.gene_set), log2=asked.log2
            )
            covariates = parse_sets(dict(asked.adjust) or {"unadjusted": "1"})
            formulas = list(covariates.values())
            if asked.interaction is not None:
                formulas.append(parse(quote(asked.interaction.moderator)))
            samples = add_transcripts(cohort, formulas, log2=asked.log2)
        models = tuple(self._lay_out(samples, covariates))
        return _Read(contrast, models, cohort.samples[cohort.id_column], cohort.drops)

    def _lay_out(self, samples: pl.DataFrame, sets: Mapping[str, Formula]) -> Iterator[PeopleModel]:
        """Yield the models: each exposure, one with its product, then all of them together."""
        asked = self.request
        own = asked.interaction
        for label, covariates in sets.items():
            groups = [(name,) for name in asked.exposures]
            for exposures in [*groups, *([asked.exposures] if asked.joint else [])]:
                product = own if own is not None and exposures == (own.exposure,) else None
                yield lay_out_people(
                    samples,
                    exposures,
                    adjustment=label,
                    covariates=covariates,
                    interaction=product,
                )

    def _list_parts(self, contrast: Contrast) -> Iterator[tuple[str, Contrast]]:
        yield _ALL, contrast
        if self.request.components:
            for group in dict.fromkeys(contrast.groups):
                places = [at for at, name in enumerate(contrast.groups) if name == group]
                yield COMPONENTS.get(group, group), contrast.choose(places)

    def _fit(self, contrast: Contrast, model: PeopleModel) -> Iterator[dict[str, Any]]:
        for component, part in self._list_parts(contrast):
            fit, n, genes = fit_contrast(part, model, self.request)
            told: Mapping[str, object] = {"component": component, c.N: n, "genes": genes}
            yield from tell_rows(fit, model, self.request, told)

    def _leave_out(self, contrast: Contrast, model: PeopleModel) -> Iterator[dict[str, Any]]:
        if len(contrast.names) < 2:
            raise UsageError("--leave-one-out needs two genes or more")
        for at, gene in enumerate(contrast.names):
            others = [place for place in range(len(contrast.names)) if place != at]
            fit, n, genes = fit_contrast(contrast.choose(others), model, self.request)
            told = {"gene": gene, c.N: n, "genes": genes}
            yield from tell_rows(fit, model, self.request, told)

    def _score(self, read: _Read) -> pl.DataFrame:
        """Return the mean over signed genes of each person, of all people and in all groups."""
        columns = {}
        scaled = scale_genes(read.contrast.values, scale=self.request.scale)
        groups = np.array(read.contrast.groups)
        for name in (_ALL, *dict.fromkeys(read.contrast.groups)):
            part = scaled if name == _ALL else scaled[:, groups == name]
            there = np.isfinite(part)
            count = there.sum(axis=1)
            mean = np.where(there, part, 0.0).sum(axis=1) / np.maximum(count, 1)
            label = "score" if name == _ALL else f"score_{COMPONENTS.get(name, name)}"
            columns[label] = np.where(count > 0, mean, np.nan)
            if name == _ALL:
                columns["genes"] = count.astype(np.int64)
        frame = pl.DataFrame({"id": read.ids.cast(pl.String), **columns})
        return frame.with_columns(pl.selectors.float().fill_nan(None))


def _count_incomplete(read: _Read) -> list[Drop]:
    """Return who has not all columns of a model, once for each of its sets of people."""
    seen: dict[str, int] = {}
    for model in read.models:
        out = read.ids.len() - model.rows.size
        if out:
            seen[f"{model.exposure}, {model.adjustment}"] = out
    return [
        Drop(f"model {label}", "a column of the model is missing", n) for label, n in seen.items()
    ]


def _shape(name: str, rows: Sequence[Mapping[str, Any]]) -> pl.DataFrame:
    stored = {column.name: column.stored for column in load_schema(name).columns}
    filled = [{label: row.get(label) for label in stored} for row in rows]
    return pl.DataFrame(filled, schema=stored)


def ctra(
    expression: Data | Sequence[Data],
    samples: Data,
    *,
    exposure: str | Sequence[str],
    adjust: Mapping[str, str] | None = None,
    model: CtraModel = "composite",
    genes: Data | None = None,
    gene_set: GeneSet = "ctra53",
    scale: Scale = "z",
    log2: bool = False,
    joint: bool = False,
    interaction: str | None = None,
    slopes: Sequence[float] = (),
    gene_variances: bool = False,
    ml: bool = False,
    errors: CtraErrors = "model",
    components: bool = False,
    leave_one_out: bool = False,
    level: float = 0.95,
    withdrawn: Data | None = None,
    where: str | None = None,
    keep: Data | None = None,
    remove: Data | None = None,
    id_column: str | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    r"""Hold the conserved transcriptional response to adversity, or another contrast, to exposures.

    :math:`y_{ig} = \alpha_g + x_i' \beta + \epsilon_{ig}` for signed genes g of people i: the mean
    of the genes by least squares (composite), all of them with a random intercept (mixed) or with
    compound symmetry (gls). On people who have all genes the estimates are the same.

    Parameters
    ----------
    expression : a row for each person, columns named by genes, logarithms to base 2; or a store.
    samples : a row for each person.
    exposure : columns, each in a model of its own.
    adjust : formulas by label; without, nothing is adjusted for.
    model : composite, mixed or gls.
    genes, gene_set : a table of gene_published, gene_current, group and weight; or the 53 genes, or
        52 without IL6.
    scale : z: genes over their standard deviations among the people of a model; log2: as they are.
    log2 : take logarithms first, of values above 0.
    joint : also all exposures in one model.
    interaction, slopes : ``EXPOSURE:MODERATOR``, and values of the moderator.
    gene_variances, ml, errors : of gls; errors: model, or people (see the command).
    components, leave_one_out : also groups of genes; also without each gene.
    level : coverage of the intervals.
    withdrawn, where, keep, remove, id_column : as the options of the command.
    out : run folder; None keeps the tables in memory.
    resume, overwrite : go on with, or replace, an earlier run in the folder.

    Returns
    -------
    Results with the tables ``ctra``, ``ctra_scores``, ``ctra_genes`` and ``ctra_leave_out``.

    Raises
    ------
    UsageError, ColumnError, InputError, IdentifierError
        The request contradicts itself, a column or a gene is not there, values are no logarithms.

    Examples
    --------
    >>> people = pl.DataFrame({"ID": list("abcdefgh"), "lonely": [0, 1, 0, 1, 0, 1, 0, 1]})
    >>> genes = pl.DataFrame({"ID": list("abcdefgh"), "IL8": [5.0, 7, 6, 8, 5, 8, 6, 7],
    ...     "MX1": [9.0, 7, 8, 7, 9, 8, 9, 7]})
    >>> ctra(genes, people, exposure="lonely").table().select("estimate", "genes").row(0)
    (1.6..., 2)
    """
    product = None if interaction is None else Interaction.of(interaction, slopes=slopes)
    if slopes and product is None:
        raise UsageError("--slopes are of an --interaction")
    request = CtraRequest.of(
        expression,
        samples,
        genes=genes,
        withdrawn=withdrawn,
        exposures=(exposure,) if isinstance(exposure, str) else tuple(exposure),
        adjust=dict(adjust or {}),
        model=model,
        gene_set=gene_set,
        scale=scale,
        log2=log2,
        joint=joint,
        interaction=product,
        gene_variances=gene_variances,
        ml=ml,
        errors=errors,
        components=components,
        leave_one_out=leave_one_out,
        level=level,
        people=PeopleChoice.of(where=where, keep=keep, remove=remove),
        id_column=id_column,
    )
    return call_job(CtraJob(request), out=out, resume=resume, overwrite=overwrite)
