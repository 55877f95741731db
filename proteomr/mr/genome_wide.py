"""The variants of whole studies that a method rests on, drawn and chosen for each pair."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr._typing import F64, Bool
from proteomr.gwas.clumping import Clumping, clump_traits
from proteomr.gwas.munging import MungeOptions
from proteomr.gwas.study import read_study
from proteomr.io.genetics.genotypes import LdSource
from proteomr.mr.harmonise import describe_outcomes, harmonise_table, to_harmonised
from proteomr.mr.inputs import InstrumentRule, Instruments, read_outcomes
from proteomr.mr.methods.cause import LARGEST_P
from proteomr.mr.repeated import keep_once
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.stats.generators import random_of
from proteomr.tables import Harmonised
from proteomr.tables import columns as c
from proteomr.tables.genome_wide import GenomeWide

__all__ = ["PRUNED_R2", "Genomes", "grow_from_pair", "read_genomes"]

PRUNED_R2: Final = 0.1
"""Squared correlation from which on the less significant of two leaves, as in the paper."""

_STREAM: Final = "genome"  # of the random numbers that draw variants
_RANK, _TOP = "_rank", "_top"

Genomes: TypeAlias = Mapping[tuple[str, str], GenomeWide]
"""What is known of the genome, by the names of exposure and outcome."""


def read_genomes(
    exposure: Path,
    outcomes: Sequence[Path],
    *,
    pairs: Sequence[tuple[str, str]],
    draws: int,
    seed: int,
    rule: InstrumentRule,
    options: tuple[MungeOptions, MungeOptions],
    ld: LdSource | None,
) -> tuple[dict[tuple[str, str], GenomeWide], tuple[str, ...]]:
    """Return the genome of each pair of studies, and what a user should know.

    Of all variants of an exposure some are drawn, by the order of their names and not of the file,
    and those of p < 0.001 by their z are taken besides; both are looked up in the outcomes and
    harmonised as instruments are. The significant ones that an outcome has are pruned for it, from
    the most significant on, at r2 of 0.1 within the distance of the rule; without a panel they are
    taken as independent.

    Parameters
    ----------
    exposure, outcomes : files of summary statistics.
    pairs : names of exposures and outcomes that are wanted.
    draws : variants drawn of each exposure.
    seed : of the random numbers.
    rule : how variants are matched and harmonised.
    options : how the files of exposure and outcomes are read.
    ld : panel for pruning; None for variants that are independent as they stand.

    Raises
    ------
    InputError, FormatError, NothingToDo
        A file cannot be read, or has none of the variants.
    """
    study = read_study([exposure], options=options[0])
    named = study.rows.with_columns(pl.col("trait").fill_null("exposure"))
    wanted = {name for name, _ in pairs}
    parts = [
        _choose(part, draws=draws, random=random_of(seed, str(name), "", _STREAM))
        for (name,), part in named.group_by("trait", maintain_order=True)
        if name in wanted
    ]
    chosen = pl.concat(parts)
    found = read_outcomes(
        outcomes,
        Instruments(chosen.drop(_RANK, _TOP), pl.DataFrame(), (), ()),
        options=options[1],
        match=rule.match,
    )
    clumping = replace(rule.clumping, p1=1.0, p2=1.0, r2=PRUNED_R2)
    genomes, notes = dict[tuple[str, str], GenomeWide](), list[str]()
    pruned: dict[tuple[str, ...], tuple[str, ...]] = {}
    for pair in pairs:
        rows = _harmonise_pair(pair, chosen, found.rows, rule)
        if rows is None:
            continue
        tops = _prune(rows.filter(_TOP), ld, clumping, pruned)
        drawn = rows.filter(pl.col(_RANK).is_not_null()).sort(_RANK)
        genomes[pair] = _assemble(pair, tops, drawn)
        n, asked = drawn.height, min(draws, named.filter(trait=pair[0]).height)
        notes.append(
            f"{pair[0]} on {pair[1]}: {n:,} of {asked:,} variants drawn from the genome are in "
            f"both studies, and {tops.height:,} independent ones of p < {LARGEST_P:g}"
        )
    return genomes, tuple(notes)


def grow_from_pair(pair: Harmonised, *, seed: int) -> GenomeWide:
    """Return the genome that the variants of an analysis are, the significant ones independent.

    Parameters
    ----------
    pair : an analysis of one exposure that was harmonised before.
    seed : of the order in which variants are drawn.

    Examples
    --------
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"variant_id": ["a", "b"]}),
    ...     beta_x=np.array([[0.1], [0.0]]), se_x=np.full((2, 1), 0.01),
    ...     beta_y=np.zeros(2), se_y=np.full(2, 0.02),
    ... )
    >>> genome = grow_from_pair(pair, seed=1)
    >>> genome.n, genome.tops.variants["variant_id"].to_list()
    (2, ['a'])
    """
    names = pair.variants[c.VARIANT_ID].cast(pl.String).to_numpy()
    by_name = np.argsort(names, kind="stable")
    random = random_of(seed, pair.exposures[0], pair.outcome, _STREAM)
    order = by_name[random.permutation(pair.m)]
    tops = np.flatnonzero(_find_significant(pair.x, pair.sx)).astype(np.int64)
    return GenomeWide(
        pair.select(tops), pair.x[order], pair.sx[order], pair.beta_y[order], pair.se_y[order]
    )


def _find_significant(beta: F64, se: F64) -> Bool:
    return np.asarray(neg_log10_p_normal(beta / se) > -np.log10(LARGEST_P))


def _choose(rows: pl.DataFrame, *, draws: int, random: Generator) -> pl.DataFrame:
    """Return the variants drawn of an exposure, by their rank, and the significant ones."""
    ordered = rows.sort(c.VARIANT_ID)
    drawn = random.permutation(ordered.height)[:draws]
    ranks = np.full(ordered.height, -1, dtype=np.int64)
    ranks[drawn] = np.arange(drawn.size)
    beta, se = ordered["beta"].to_numpy(), ordered["se"].to_numpy()
    marked = ordered.with_columns(
        pl.Series(_RANK, ranks).replace(-1, None), pl.Series(_TOP, _find_significant(beta, se))
    )
    return marked.filter(pl.col(_TOP) | pl.col(_RANK).is_not_null())


def _harmonise_pair(
    pair: tuple[str, str], chosen: pl.DataFrame, rows: pl.DataFrame, rule: InstrumentRule
) -> pl.DataFrame | None:
    """Return the variants of a pair that can be used, each with its rank; None where none can."""
    x = chosen.filter(pl.col("trait") == pair[0])
    y = rows.filter(pl.col("trait").fill_null("outcome") == pair[1])
    if not y.height:
        return None
    marks = x.select(c.VARIANT_ID, _RANK, _TOP)
    plain = x.drop(_RANK, _TOP)
    described = describe_outcomes(plain, y)
    table = keep_once(harmonise_table(plain, y, action=rule.action, outcomes=described))
    return table.filter("mr_keep").join(marks, on=c.VARIANT_ID, how="left", maintain_order="left")


def _prune(
    rows: pl.DataFrame,
    ld: LdSource | None,
    clumping: Clumping,
    known: dict[tuple[str, ...], tuple[str, ...]],
) -> pl.DataFrame:
    """Return the significant variants that stand for their neighbours; of one list once."""
    if ld is None or not rows.height:
        return rows
    names = tuple(rows[c.VARIANT_ID])
    if names not in known:
        beta, se = rows["beta_exposure"].to_numpy(), rows["se_exposure"].to_numpy()
        judged = rows.select(
            c.VARIANT_ID,
            "rsid",
            "chromosome",
            "position_bp",
            pl.col("effect_allele_exposure").alias("effect_allele"),
            pl.col("other_allele_exposure").alias("other_allele"),
            pl.Series("neg_log10_p", neg_log10_p_normal(beta / se)),
            pl.lit("exposure").alias("trait"),
        )
        clumps, _ = clump_traits(judged, ld, options=clumping)
        kept = clumps.filter(pl.col("reason") == "index")["row"].sort()
        known[names] = tuple(rows[c.VARIANT_ID][kept])
    return rows.filter(
        pl.col(c.VARIANT_ID).is_in(pl.Series(known[names], dtype=pl.String).implode())
    )


def _assemble(pair: tuple[str, str], tops: pl.DataFrame, drawn: pl.DataFrame) -> GenomeWide:
    arrays = [
        drawn[name].to_numpy()
        for name in ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
    ]
    if tops.height:
        strongest = to_harmonised(tops.drop(_RANK, _TOP))[0]
    else:
        none = np.empty((0, 1))
        strongest = Harmonised(
            (pair[0],), pair[1], tops.select(c.VARIANT_ID), none, none, none[:, 0], none[:, 0]
        )
    return GenomeWide(strongest, *arrays)
