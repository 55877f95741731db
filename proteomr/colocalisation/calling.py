"""Colocalisation from Python: the same requests as the command's, with their tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from proteomr.colocalisation.choices import SusieRule, TraitChoice
from proteomr.colocalisation.job import make_job
from proteomr.colocalisation.request import CONFIGURED, ColocRequest
from proteomr.colocalisation.rules import PairMethod, PairRule
from proteomr.colocalisation.stretches import WindowRule
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Results, TableFormat, call_job
from proteomr.stats.trait_clusters import ClusterRule

__all__ = ["colocalise", "hyprcoloc", "moloc", "smr"]


def colocalise(
    first: Data,
    others: Data | Sequence[Data],
    *,
    method: PairMethod = "abf",
    choices: tuple[TraitChoice, TraitChoice] | None = None,
    read: tuple[ReadOptions, ReadOptions] | None = None,
    rule: PairRule | None = None,
    windows: WindowRule | None = None,
    ld: Data | tuple[Data, Data] | None = None,
    ld_values: LdValues = "auto",
    weights: tuple[Data | None, Data | None] = (None, None),
    susie: SusieRule | None = None,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return whether pairs of traits share a causal variant, region by region.

    Parameters
    ----------
    first, others : summary statistics in any known format, or with coloc's own columns (``snp``,
        ``beta``, ``varbeta``, ``MAF``, ``pvalue``, ``N``); paths or frames. A column ``trait``
        parts several in one.
    method : ``abf`` for one causal variant a trait, ``susie`` for pairs of credible sets,
        ``conditional`` for pairs of signals given each other.
    choices : what is said of the first study's traits, and of the others'.
    read : how the first study is read, and how the others are.
    rule : priors of pairs, and what is written.
    windows : a region, or how windows around leads are found.
    ld : genotypes or a matrix of correlations; a tuple of two where the sides have their own.
    ld_values : what the numbers of a matrix are: r, r2, or auto, as they show.
    weights : tables of prior weights (``snp``, ``weight``) for each side.
    susie : how credible sets are found.
    out : folder of the results; None keeps the tables in memory.
    formats : of the tables, parquet first.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : go on with, or replace, what an earlier run left.

    Returns
    -------
    results : tables ``coloc``, ``coloc_snps``, ``coloc_sensitivity`` and ``drops``; with susie
        also ``credible_sets``.

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
    ('s1', 's1', 1.0)
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
    )
    return call_job(
        make_job(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def smr(
    first: Data,
    others: Data | Sequence[Data],
    *,
    ld: Data,
    read: tuple[ReadOptions, ReadOptions] | None = None,
    windows: WindowRule | None = None,
    ld_values: LdValues = "auto",
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return the effect of a trait on others by its top variant, with HEIDI, region by region.

    See `proteomr.stats.smr.estimate_smr`.

    Parameters
    ----------
    first : the exposure, such as a protein.
    others : the outcomes.
    ld : genotypes or a matrix of correlations.
    read, windows, ld_values, out, formats, threads, resume, overwrite : see `colocalise`.

    Returns
    -------
    results : tables ``smr`` and ``drops``.

    Raises
    ------
    InputError, NothingToDo, UsageError
        As `colocalise`.

    Examples
    --------
    >>> import polars as pl
    >>> one = pl.DataFrame({"snp": ["s1", "s2"], "beta": [0.9, 0.1], "varbeta": [0.01, 0.01]})
    >>> two = one.with_columns(beta=pl.Series([0.45, 0.0]))
    >>> r = pl.DataFrame({"s1": [1.0, -0.1], "s2": [-0.1, 1.0]})
    >>> smr(one, two, ld=r).table().select("snp", "estimate", "heidi_status").row(0)
    ('s1', 0.5, 'too_few')
    """
    request = ColocRequest.of(
        first, others, method="smr", read=read, windows=windows, ld=ld, ld_values=ld_values
    )
    return call_job(
        make_job(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def hyprcoloc(
    first: Data,
    others: Data | Sequence[Data] = (),
    *,
    clusters: ClusterRule | None = None,
    choices: tuple[TraitChoice, TraitChoice] | None = None,
    read: tuple[ReadOptions, ReadOptions] | None = None,
    windows: WindowRule | None = None,
    coverage: float = 0.95,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return clusters of traits that share a causal variant, region by region.

    See `proteomr.stats.trait_clusters.cluster_traits`.

    Parameters
    ----------
    first, others : studies, of one trait or several each.
    clusters : priors and thresholds.
    coverage : of the credible sets of shared variants.
    choices, read, windows, out, formats, threads, resume, overwrite : see `colocalise`.

    Returns
    -------
    results : tables ``coloc_clusters``, ``coloc_cluster_snps`` and ``drops``.

    Raises
    ------
    InputError, NothingToDo, UsageError
        As `colocalise`.

    Examples
    --------
    >>> import polars as pl
    >>> one = pl.DataFrame({"snp": ["s1", "s2"], "beta": [0.9, 0.1], "varbeta": [0.01, 0.01]})
    >>> two, three = (one.with_columns(beta=k * pl.col("beta")) for k in (0.8, 1.2))
    >>> spread = TraitChoice("quant", sdy=1.0)
    >>> hyprcoloc(one, [two, three], choices=(spread, spread)).table()["n_traits"].to_list()
    [3]
    """
    request = ColocRequest.of(
        first,
        others,
        method="hyprcoloc",
        choices=choices,
        read=read,
        windows=windows,
        rule=PairRule(coverage=coverage),
        clusters=clusters,
    )
    return call_job(
        make_job(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )


def moloc(
    first: Data,
    others: Data | Sequence[Data] = (),
    *,
    priors: tuple[float, ...] = CONFIGURED,
    choices: tuple[TraitChoice, TraitChoice] | None = None,
    read: tuple[ReadOptions, ReadOptions] | None = None,
    windows: WindowRule | None = None,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return the posterior of every way in which up to four traits share causal variants.

    See `proteomr.stats.causal_configurations.weigh_configurations`.

    Parameters
    ----------
    first, others : studies, of two to four traits together.
    priors : that a variant is causal for one trait, two, three and four.
    choices, read, windows, out, formats, threads, resume, overwrite : see `colocalise`.

    Returns
    -------
    results : tables ``coloc_configurations`` and ``drops``.

    Raises
    ------
    InputError, NothingToDo, UsageError
        As `colocalise`.

    Examples
    --------
    >>> import polars as pl
    >>> one = pl.DataFrame({"snp": ["s1", "s2"], "beta": [0.9, 0.1], "varbeta": [0.01, 0.01]})
    >>> two, three = (one.with_columns(beta=k * pl.col("beta")) for k in (0.8, 1.2))
    >>> spread = TraitChoice("quant", sdy=1.0)
    >>> found = moloc(one, [two, three], choices=(spread, spread)).table()
    >>> found.sort("posterior")["configuration"][-1]
    'trait1 + trait2 1 + trait2 2'
    """
    request = ColocRequest.of(
        first,
        others,
        method="moloc",
        choices=choices,
        read=read,
        windows=windows,
        configured=priors,
    )
    return call_job(
        make_job(request),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )
