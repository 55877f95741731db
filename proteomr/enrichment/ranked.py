"""Sets of genes in a ranked list: scores, normalised scores and their p values."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.enrichment.listing import RANK, Listing
from proteomr.enrichment.naming import Units, name_keys, order_ranks, take_best
from proteomr.enrichment.over_representation import tell_names
from proteomr.enrichment.request import EnrichOptions
from proteomr.enrichment.sets import CutSets
from proteomr.enrichment.tables import judge, tabulate
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.runs.notes import add_note
from proteomr.stats.running_sum import (
    SetScores,
    agrees_with_full_walk,
    score_gene_sets,
    weigh_ranks,
)
from proteomr.stats.running_sum_null import NullOptions, SizeNull, judge_size
from proteomr.status import Status
from proteomr.tables import Drop

__all__ = ["RankedGenes", "assess_ranks", "rank_genes"]

_MEANS = {
    Status.not_identified: "all members have rank 0, and there is no weight to share",
    Status.too_few: "every gene of the list is a member",
    Status.not_converged: "independent estimates of the p value do not agree",
}

_WAYS = {1.0: "up", -1.0: "down", 0.0: "any"}  # by the sign of the score


@dataclass(frozen=True, slots=True, eq=False)
class RankedGenes:
    """Genes from the highest rank to the lowest.

    Attributes
    ----------
    units : the N genes.
    ranks : (N,) descending.
    drops : rows that were left out.
    """

    units: Units
    ranks: F64
    drops: tuple[Drop, ...]


def rank_genes(listing: Listing) -> RankedGenes:
    """Return the genes of a table in the order of their ranks.

    Raises
    ------
    InputError
        There are fewer than two genes, or all have one rank.
    """
    naming = name_keys(listing.frame["label"].to_list())
    best, shared = take_best(listing.frame, naming)
    ordered, tied = order_ranks(best)
    if ordered[RANK].n_unique() < 2:
        raise InputError(f"{ordered.height:,} genes of one rank: there is no order to enrich in")
    if shared:
        add_note(
            f"{shared:,} proteins are of a gene that another one has too: the one of the smallest "
            "p value counts, or else of the largest rank"
        )
    tell_names(naming)
    if tied:
        add_note(
            f"{tied:,} of {ordered.height:,} genes share their rank with another: they stand in "
            "the order of the SHA-256 of their symbols"
        )
    drop = Drop("names", "another row of the same gene", shared)
    return RankedGenes(Units.of(ordered), ordered[RANK].to_numpy(), (*listing.drops, drop))


@dataclass(frozen=True, slots=True)
class _Size:
    """The scores of sets of one size."""

    size: int
    es: tuple[float, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Judge:
    """Judges the sets of one size: a unit of work."""

    weights: F64
    options: NullOptions

    def __call__(self, work: _Size) -> SizeNull:
        return judge_size(np.array(work.es), work.size, self.weights, options=self.options)


def assess_ranks(
    cuts: Sequence[CutSets], ranked: RankedGenes, *, options: EnrichOptions, executor: Executor
) -> list[pl.DataFrame]:
    """Return a table for each source: a row for each set within the limits of size.

    Sets of one size share their random sets, whichever source they are of.

    Parameters
    ----------
    cuts : sets, cut to the genes that are ranked.
    ranked : these genes.
    options : weights, random sets and limits of size.
    executor : how sizes are worked through.
    """
    weights = weigh_ranks(ranked.ranks, exponent=options.exponent)
    kept = [_within(cut, options) for cut in cuts]
    sets = [cut.places[i] for cut, some in zip(cuts, kept, strict=True) for i in some]
    scores = score_gene_sets(sets, weights, score_type=options.score_type)
    sizes = np.array([places.size for places in sets], dtype=np.int64)
    status = _first_status(sets, scores, weights, options)
    null = _judge_all(scores.es, sizes, status, weights, options, executor)
    rows = _describe(scores, sizes, status, null, len(ranked.units.labels))
    tables, start = [], 0
    for cut, some in zip(cuts, kept, strict=True):
        stop = start + some.size
        edge = scores.leading[start:stop]
        named = tabulate(cut, some, members=edge, labels=ranked.units.labels)
        tables.append(pl.concat([named, rows[start:stop]], how="horizontal"))
        start = stop
    return tables


def _within(cut: CutSets, options: EnrichOptions) -> I64:
    sizes = np.array([places.size for places in cut.places], dtype=np.int64)
    return np.flatnonzero((sizes >= options.min_size) & (sizes <= options.max_size))


def _first_status(
    sets: Sequence[I64], scores: SetScores, weights: F64, options: EnrichOptions
) -> list[Status]:
    """Return which sets have a score, each held against its sum over the whole list."""
    status = []
    for members, weighed, es in zip(sets, scores.weighed, scores.es, strict=True):
        if not weighed:
            status.append(Status.not_identified)
        elif members.size >= weights.size:
            status.append(Status.too_few)
        elif agrees_with_full_walk(members, weights, es=es, score_type=options.score_type):
            status.append(Status.ok)
        else:
            status.append(Status.not_converged)
    return status


def _judge_all(
    es: F64,
    sizes: I64,
    status: list[Status],
    weights: F64,
    options: EnrichOptions,
    executor: Executor,
) -> pl.DataFrame:
    """Return the p values of all sets; those that do not settle lose their status."""
    sound = np.array([one is Status.ok for one in status], dtype=np.bool_)
    rows = [np.flatnonzero(sound & (sizes == size)) for size in np.unique(sizes[sound])]
    work = _Judge(weights, NullOptions(options.score_type, options.permutations, options.seed))
    blocks = [_Size(int(sizes[some[0]]), tuple(es[some].tolist())) for some in rows]
    found: dict[str, list[float | str | None]] = {
        name: [None] * es.size for name in ("nes", "minus_log", "log2_error", "p_method")
    }
    with contextlib.closing(executor.map(work, blocks)) as finished:
        for position, null in finished:
            for i, place in enumerate(rows[position]):
                found["nes"][place] = float(null.nes[i])
                found["minus_log"][place] = float(null.neg_log10_p[i])
                found["log2_error"][place] = float(null.log2_error[i])
                found["p_method"][place] = null.method[i]
                if not null.settled[i]:
                    status[place] = Status.not_converged
    kinds = {"nes": pl.Float64, "minus_log": pl.Float64, "log2_error": pl.Float64}
    return pl.DataFrame(found, schema={**kinds, "p_method": pl.String})


def _describe(
    scores: SetScores, sizes: I64, status: Sequence[Status], null: pl.DataFrame, n: int
) -> pl.DataFrame:
    sound = pl.Series([one is Status.ok for one in status], dtype=pl.Boolean)
    minus_log = null["minus_log"].fill_null(np.nan).to_numpy()
    told = null.select(pl.when(sound).then(pl.col("nes", "log2_error", "p_method")))
    return pl.DataFrame(
        [
            pl.Series("direction", [_WAYS[float(sign)] for sign in np.sign(scores.es)]),
            pl.Series("n_set", sizes),
            pl.Series("n_background", np.full(sizes.size, n, dtype=np.int64)),
            pl.Series("n_leading", [edge.size for edge in scores.leading], dtype=pl.Int64),
            pl.Series("es", np.where(scores.weighed, scores.es, np.nan)).fill_nan(None),
            *told.get_columns(),
            *judge(minus_log, status, [_MEANS.get(one, "") for one in status]),
        ]
    )
