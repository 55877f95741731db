"""Colocalisation from Python: the same request as the command's, with its tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proteomr.colocalisation.choices import SusieRule, TraitChoice
from proteomr.colocalisation.job import make_job
from proteomr.colocalisation.request import ColocMethod, ColocRequest
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.stretches import WindowRule
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Results, TableFormat, call_job
from proteomr.stats.trait_clusters import ClusterRule

__all__ = ["colocalise"]


def colocalise(
    first: Data,
    others: Data | Sequence[Data] = (),
    *,
    method: ColocMethod = "abf",
    choices: tuple[TraitChoice, TraitChoice] | None = None,
    read: tuple[ReadOptions, ReadOptions] | None = None,
    rule: PairRule | None = None,
    windows: WindowRule | None = None,
    ld: Data | tuple[Data, Data] | None = None,
    ld_values: LdValues = "auto",
    weights: tuple[Data | None, Data | None] = (None, None),
    susie: SusieRule | None = None,
    clusters: ClusterRule | None = None,
    configured: tuple[float, ...] = (1e-4, 1e-6, 1e-7, 1e-8),
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return whether traits share causal variants, region by region.

    Parameters
    ----------
    first, others : summary statistics in any known format, or with coloc's own columns (``snp``,
        ``beta``, ``varbeta``, ``MAF``, ``pvalue``, ``N``); paths or frames. A column ``trait``
        parts several in one.
    method : ``abf``, ``susie`` or ``conditional`` for pairs, ``smr`` for the effect of the first,
        ``hyprcoloc`` and ``moloc`` for all at once.
    choices : what is said of the first study's traits, and of the others'.
    read : how the first study is read, and how the others are.
    rule : priors of pairs, and what is written.
    windows : a region, or how windows around leads are found.
    ld : genotypes or a matrix of correlations; a tuple of two where the sides have their own.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    weights : tables of prior weights (``snp``, ``weight``) for each side.
    susie : how credible sets are found.
    clusters : priors and thresholds of hyprcoloc.
    configured : priors of moloc, for one trait, two, three and four.
    out : folder of the results; None keeps the tables in memory.
    formats : of the tables, parquet first.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Returns
    -------
    results : the tables of `proteomr.colocalisation.request.TABLES` for the method, and ``drops``.

    Raises
    ------
    InputError
        A file cannot be read, or two are on two builds of the genome.
    NothingToDo
        No trait has a lead, and no region is given.
    UsageError
        What is asked for does not fit.

    Examples
    --------
    >>> import polars as pl
    >>> one = pl.DataFrame(
    ...     {"snp": ["s1", "s2"], "beta": [0.9, 0.1], "varbeta": [0.01, 0.01], "MAF": [0.3, 0.2]}
    ... )
    >>> two = one.with_columns(beta=pl.Series([0.8, 0.0]))
    >>> quantitative = TraitChoice("quant", n=500)
    >>> found = colocalise(one, two, choices=(quantitative, quantitative))
    >>> found.table().select("hit1", "hit2", pl.col("pp_h4").round(3)).row(0)
    ('s1', 's1', 0.999)
    """
    request = ColocRequest.of(
        first,
        others,
        method=method,
        choices=choices,
        read=read,
        rule=rule,
        windows=windows,
        ld=ld,
        ld_values=ld_values,
        weights=weights,
        susie=susie,
        clusters=clusters,
        configured=configured,
    )
    return call_job(
        make_job(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )
