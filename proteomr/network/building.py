"""From a matrix of proteins to a network, its tree and its modules."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.sparse.csgraph import connected_components

from proteomr._typing import F64, I64, Bool
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.network.keeping import KeptStretches
from proteomr.network.merging import Eigenproteins, Parts, merge_modules
from proteomr.network.options import NetworkOptions
from proteomr.network.reading import Matrix
from proteomr.network.spreading import spread_by
from proteomr.runs.notes import add_note
from proteomr.stats.average_linkage import Tree, link_average
from proteomr.stats.correlation_cutoff import find_cutoffs
from proteomr.stats.hybrid_cut import REFERENCE, cut_hybrid
from proteomr.stats.module_components import Component
from proteomr.stats.pair_correlations import PairCorrelations
from proteomr.stats.pair_distances import PairDistances
from proteomr.stats.run_length_cut import cut_run_lengths
from proteomr.stats.soft_threshold import (
    POWERS,
    ScaleFreeFit,
    find_similarity,
    fit_scale_free,
    measure_connectivity,
    raise_similarity,
)
from proteomr.stats.symmetric_tiles import list_stretches, list_tiles, place_tile
from proteomr.stats.topological_overlap import OverlapWork

__all__ = ["Built", "Grown", "Powers", "build_network", "correlate", "find_edges"]

_EDGE_P: Final = 0.05  # of netboost
_LAST_DIGITS: Final = 64.0 * np.finfo(np.float64).eps  # that averages of heights may lose


@dataclass(frozen=True, slots=True)
class Powers:
    """The scale-free fit of each power, and which was chosen."""

    fits: Mapping[int, ScaleFreeFit]
    chosen: int


@dataclass(frozen=True, slots=True, eq=False)
class Grown:
    """A tree of some proteins, by their places."""

    members: I64
    tree: Tree


@dataclass(frozen=True, slots=True, eq=False)
class Built:
    """A network and its modules.

    Attributes
    ----------
    correlations, adjacency, overlap : (p, p).
    powers : what the power was chosen from.
    grown : one tree of all proteins, or one for each connected part.
    labels : (p,) module of each protein, 0 for none, 1 the largest.
    components : the eigenprotein of each module.
    """

    correlations: F64
    adjacency: F64
    overlap: F64
    powers: Powers
    grown: tuple[Grown, ...]
    labels: I64
    components: Mapping[int, Component]


def correlate(
    values: F64,
    options: NetworkOptions,
    executor: Executor,
    *,
    store: KeptStretches,
    with_distances: bool = True,
) -> tuple[F64, PairDistances | None]:
    """Return the correlations (p, p) of all pairs, computed by tiles, and the distances of pairs
    where these are asked for and come with them: of Pearson's, with missing values.

    What earlier processes of the run have kept is taken, and each stretch of tiles is kept.
    """
    p = len(values)
    matrix = np.eye(p)
    replaced = np.zeros(p, dtype=np.bool_)
    waiting: list[int] = []
    for number, rows in enumerate(list_stretches(p)):
        known = store.load(number)
        if known is None:
            waiting.append(number)
        else:
            matrix[rows, rows.start :], replaced[rows] = known
            matrix[rows.start :, rows] = matrix[rows, rows.start :].T
    distances = None
    if waiting:
        pairs = _correlate_waiting(matrix, values, waiting, options, executor, store)
        replaced |= pairs.replaced
        if with_distances:
            distances = pairs.distances(matrix, spread=spread_by(executor))
    if replaced.any():
        add_note(
            f"{int(replaced.sum())} proteins have one value in half of the people or more: "
            "for these bicor is Pearson's correlation"
        )
    apart = int(np.isnan(matrix).sum()) // 2
    if apart:
        add_note(
            f"{'1 pair' if apart == 1 else f'{apart:,} pairs'} of proteins without a correlation, "
            "as fewer than three people, or one value, are shared: no edge"
        )
    return matrix, distances


def _correlate_waiting(
    matrix: F64,
    values: F64,
    waiting: list[int],
    options: NetworkOptions,
    executor: Executor,
    store: KeptStretches,
) -> PairCorrelations:
    """Fill the stretches that wait, and return what they were made of."""
    pairs = PairCorrelations.of(values, options.kind, spread=spread_by(executor))
    stretches = list_stretches(len(values))
    wanted = {stretches[number].start: number for number in waiting}
    tiles = [tile for tile in list_tiles(len(values)) if tile[0].start in wanted]
    left = Counter(tile[0].start for tile in tiles)
    with closing(executor.map(pairs.correlate, tiles)) as results:
        for position, block in results:
            rows = tiles[position][0]
            place_tile(matrix, tiles[position], block)
            left[rows.start] -= 1
            if not left[rows.start]:
                store.save(wanted[rows.start], matrix[rows, rows.start :], pairs.replaced[rows])
    return pairs


def find_edges(
    matrix: Matrix, correlations: F64, options: NetworkOptions
) -> tuple[F64, Bool | None]:
    """Return similarities (p, p), and which edges netboost keeps; None where all are."""
    similarity = find_similarity(correlations, options.type)
    if options.method == "wgcna":
        return similarity, None
    missing = np.isnan(matrix.values)
    n = matrix.values.shape[1]
    counts = np.full(correlations.shape, float(n))
    if missing.any():
        seen = (~missing).astype(np.float32)  # counts below 2^24 are exact in single precision
        counts = np.asarray(seen @ seen.T, dtype=np.float64)
    ranks = options.kind == "spearman"
    chosen = _EDGE_P if options.edge_p is None else options.edge_p
    cutoffs = find_cutoffs(counts, p_value=chosen, ranks=ranks)
    if ranks:
        _use_student_for_ties(matrix.values, counts, cutoffs, p_value=chosen)
    kept: Bool = np.abs(correlations) > cutoffs
    np.fill_diagonal(kept, val=False)
    return np.where(kept, similarity, 0.0), kept


def _use_student_for_ties(values: F64, counts: F64, cutoffs: F64, *, p_value: float) -> None:
    """Take Student's cutoffs where one of a pair has ties, as the exact distribution knows none."""
    tied = np.array([_has_ties(row) for row in values], dtype=np.bool_)
    if tied.any():
        either = tied[:, None] | tied[None, :]
        cutoffs[either] = find_cutoffs(counts, p_value=p_value, ranks=False)[either]


def _has_ties(row: F64) -> bool:
    seen = np.sort(row[~np.isnan(row)])
    return bool((seen[1:] == seen[:-1]).any())


def choose_power(similarity: F64, options: NetworkOptions, executor: Executor) -> Powers:
    """Return the scale-free fits of all powers, and the one given or the first that reaches it.

    Raises
    ------
    InputError
        No power reaches it.
    """
    given = () if options.power is None else (options.power,)
    powers = tuple(sorted({*POWERS, *given}))
    connectivity = measure_connectivity(similarity, powers, spread=spread_by(executor))
    fits = {power: fit_scale_free(row) for power, row in zip(powers, connectivity, strict=True)}
    if options.power is not None:
        return Powers(fits, options.power)
    for power, fit in fits.items():
        if fit.signed_r2 >= options.scale_free:
            return Powers(fits, power)
    known = {power: fit for power, fit in fits.items() if fit.r2 == fit.r2}
    best = max(known, key=lambda power: (known[power].signed_r2, -power), default=None)
    told = "none has a fit"
    if best is not None:
        listed = ", ".join(f"{power}: {fit.signed_r2:.2f}" for power, fit in known.items())
        told = f"the best is {known[best].signed_r2:.2f} at power {best}; by power {listed}"
    raise InputError(
        f"no power gives a signed scale-free r2 of {options.scale_free:g} ({told}); name one with "
        "--power K (6 is usual for unsigned, 12 for signed networks), or lower --scale-free"
    )


def build_network(
    matrix: Matrix, options: NetworkOptions, executor: Executor, *, store: KeptStretches
) -> Built:
    """Return the network of the proteins, its tree and its modules.

    Parameters
    ----------
    matrix, options : of what, and how.
    executor : runs the tiles.
    store : correlations that an earlier process of the run has left, and those of this one.

    Raises
    ------
    InputError
        No power serves, or no edge is left.
    """
    correlations, distances = correlate(matrix.values, options, executor, store=store)
    similarity, kept = find_edges(matrix, correlations, options)
    powers = choose_power(similarity, options, executor)
    adjacency = raise_similarity(similarity, powers.chosen)
    del similarity
    largest = float(adjacency.max())
    # from here on 1 less the overlap is 1 in every digit, and all heights are one
    if not largest > np.finfo(np.float64).eps:
        raise InputError(
            f"power {powers.chosen} leaves no edge: the largest adjacency is {largest:.1g}; lower "
            "--power"
        )
    overlap = _overlap(adjacency, executor)
    if kept is not None:
        overlap[~kept] = 0.0
        np.fill_diagonal(overlap, 1.0)
    dissimilarity = 1.0 - overlap
    grow = _grow_whole if kept is None else _grow_parts
    grown, parts = grow(dissimilarity, adjacency, options)
    if kept is None:
        _refuse_flat(grown[0].tree, powers.chosen)
    eigenproteins = Eigenproteins(
        matrix.values,
        _products_of(matrix, correlations, options),
        distances,
        ranks=options.method == "netboost",
        executor=executor,
    )
    labels, components = merge_modules(parts, eigenproteins, options)
    return Built(correlations, adjacency, overlap, powers, grown, labels, components)


def _refuse_flat(tree: Tree, power: int) -> None:
    """Refuse a tree of which the heights that the cut is held to are 1 in every digit.

    The reference height and the top are one then, and whatever is below them is one module.
    """
    told = float((tree.heights < 1.0 - _LAST_DIGITS).mean())
    if told < REFERENCE:
        raise InputError(
            f"power {power} leaves no edge to most proteins: {1.0 - told:.0%} of the heights of "
            "the tree are 1; lower --power"
        )


def _products_of(matrix: Matrix, correlations: F64, options: NetworkOptions) -> F64 | None:
    """Return the correlations where eigenproteins can be read from them."""
    wanted = "pearson" if options.method == "wgcna" else "spearman"
    whole = options.kind == wanted and not np.isnan(matrix.values).any()
    return correlations if whole else None


def _overlap(adjacency: F64, executor: Executor) -> F64:
    work = OverlapWork.of(adjacency)
    overlap = np.empty_like(adjacency)
    tiles = list_tiles(len(adjacency))
    with closing(executor.map(work.compute, tiles)) as results:
        for position, block in results:
            place_tile(overlap, tiles[position], block)
    return overlap


def _grow_whole(
    dissimilarity: F64, adjacency: F64, options: NetworkOptions
) -> tuple[tuple[Grown, ...], Parts]:
    del adjacency
    tree = link_average(dissimilarity)
    labels = cut_hybrid(
        tree,
        dissimilarity,
        min_size=options.min_size,
        deep_split=2 if options.deep_split is None else options.deep_split,
        second_stage=options.second_stage or "free",
    )
    members = np.arange(len(dissimilarity))
    return (Grown(members, tree),), [(members, labels)]


def _grow_parts(
    dissimilarity: F64, adjacency: F64, options: NetworkOptions
) -> tuple[tuple[Grown, ...], Parts]:
    """Grow a tree of each part that edges connect, and cut each by its own heights."""
    count, part = connected_components(adjacency > 0.0, directed=False)
    grown: list[Grown] = []
    parts: list[tuple[I64, I64]] = []
    for number in range(count):
        members = np.flatnonzero(part == number)
        if members.size < 2:
            continue
        tree = link_average(dissimilarity[np.ix_(members, members)])
        grown.append(Grown(members, tree))
        if members.size >= options.min_size:
            parts.append((members, cut_run_lengths(tree, min_size=options.min_size)))
    return tuple(grown), parts
