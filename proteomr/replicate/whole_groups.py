"""Rows that stay together when people are divided: clusters, families, rows of one person."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from proteomr._typing import F64, I64, Bool
from proteomr.replicate.division import Division
from proteomr.scan import Reading

__all__ = ["Groups", "count_parted", "deal_groups", "find_groups", "halve_groups"]

# Of all rows: groups that tie more than half of them together leave nothing to halve.
_MOST_TOGETHER = 0.5


@dataclass(frozen=True, slots=True)
class Groups:
    """Which rows stay together, by what, and what had to be parted all the same.

    Attributes
    ----------
    codes : ``(n,)``, group of each row.
    names : of the columns whose groups are kept whole.
    parted : of those that would tie too many rows together.
    """

    codes: I64
    names: tuple[str, ...]
    parted: tuple[str, ...]


def find_groups(reading: Reading) -> Groups:
    """Return which rows of a cohort are not independent by what its models say of them.

    These are clusters of robust errors, groups of random effects, blocks of correlated residuals,
    and relatives. Rows that are together by any of them stay together, in the order of this list as
    far as no group becomes more than half of all rows.
    """
    n = reading.cohort.n
    codes, names, parted = np.arange(n), [], []
    for name, members in _list_groupings(reading):
        joined = _join(codes, members)
        if n and np.bincount(joined).max() > _MOST_TOGETHER * n:
            parted.append(name)
        else:
            codes = joined
            names.append(name)
    return Groups(codes, tuple(names), tuple(parted))


def _list_groupings(reading: Reading) -> Iterator[tuple[str, I64]]:
    """Yield what groups rows: a name, and the group of each ``(n,)``, -1 where it is missing."""
    by = reading.modifiers
    if by.clusters is not None:
        yield str(reading.cluster), by.clusters
    if by.blocks is not None:
        yield str(reading.block), by.blocks
    if by.random is None:
        return
    if by.random.kinship is not None:
        relatives = connected_components(by.random.kinship.matrix, directed=False)[1]
        yield "kinship", relatives.astype(np.int64)
    for term in by.random.terms:
        yield term.group, term.codes


def _join(codes: I64, members: I64) -> I64:
    """Return groups of rows that share a code or a member, whichever links them."""
    n, there = codes.size, np.flatnonzero(members >= 0)
    width = n + int(members.max(initial=-1)) + 1
    edges = (np.ones(there.size), (codes[there], n + members[there]))
    links = sparse.coo_array(edges, shape=(width, width))
    labels = connected_components(links, directed=False)[1][codes]
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def count_parted(division: Division, codes: I64) -> int:
    """Return how many groups have rows in both halves of a split, the most of all splits."""
    most = 0
    for first, second in division.halves:
        for one, other in zip(np.atleast_2d(first), np.atleast_2d(second), strict=True):
            most = max(most, np.intersect1d(codes[one], codes[other]).size)
    return most


@dataclass(frozen=True, slots=True)
class _Composed:
    """Groups by what they are made of.

    Attributes
    ----------
    group : ``(m,)``, of each person, by position.
    counts : ``(g, l)``, people of each level.
    alike : groups of several people that have the same of each level.
    alone : ``(l,)`` of arrays: groups of one person of each level.
    """

    group: I64
    counts: I64
    alike: tuple[I64, ...]
    alone: tuple[I64, ...]

    @classmethod
    def of(cls, levels: Sequence[I64], codes: I64) -> _Composed:
        people = np.concatenate(levels)
        level = np.repeat(np.arange(len(levels)), [each.size for each in levels])
        group = np.unique(codes[people], return_inverse=True)[1]
        counts = np.zeros((int(group.max(initial=-1)) + 1, len(levels)), dtype=np.int64)
        np.add.at(counts, (group, level), 1)
        sizes = counts.sum(axis=1)
        several = np.flatnonzero(sizes > 1)
        patterns, kind = np.unique(counts[several], axis=0, return_inverse=True)
        # the largest first, so that the smaller even out what they leave
        order = np.argsort(-patterns.sum(axis=1), kind="stable")
        alike = tuple(several[kind.ravel() == k] for k in order)
        single = [np.flatnonzero((sizes == 1) & (counts[:, v] == 1)) for v in range(len(levels))]
        return cls(group, counts, alike, tuple(single))

    @property
    def weights(self) -> F64:
        """What a person of each level weighs, so that all levels weigh the same ``(l,)``."""
        return np.asarray(1.0 / np.maximum(self.counts.sum(axis=0), 1))


def halve_groups(levels: Sequence[I64], codes: I64, random: np.random.Generator) -> tuple[I64, I64]:
    """Divide the people of some levels into halves, those of a group in the same.

    Of groups that are alike in their levels each half gets as many; of what is over, and of groups
    that nothing is like, the next goes to the half that lacks its levels more, or to either.
    People who are alone come last: as far as they reach, the first half has the floor of half of
    each level.

    Parameters
    ----------
    levels : of each the positions of its people.
    codes : ``(n,)``, group of each person.

    Examples
    --------
    >>> pairs = np.repeat(np.arange(4), 2)
    >>> first, second = halve_groups([np.arange(8)], pairs, np.random.default_rng(1))
    >>> len({*pairs[first]} & {*pairs[second]}), first.size, second.size
    (0, 4, 4)
    """
    made = _Composed.of(levels, codes)
    in_first = np.zeros(made.counts.shape[0], dtype=bool)
    over: list[int] = []
    for alike in made.alike:
        drawn = random.permutation(alike)
        in_first[drawn[: alike.size // 2]] = True
        over += drawn[2 * (alike.size // 2) :].tolist()
    lead = np.zeros(len(levels))
    for at in random.permutation(np.array(over, dtype=np.int64)).tolist():
        own = made.counts[at]
        ahead = float(own * made.weights @ lead)
        in_first[at] = ahead < 0.0 or (ahead == 0.0 and random.random() < 0.5)
        lead += own if in_first[at] else -own
    for v, alone in enumerate(made.alone):
        drawn = random.permutation(alone)
        wanted = int(made.counts[:, v].sum()) // 2 - int(made.counts[in_first, v].sum())
        in_first[drawn[: max(wanted, 0)]] = True
    people = np.concatenate(levels)
    half: Bool = in_first[made.group]
    return people[half], people[~half]


def deal_groups(
    levels: Sequence[I64], codes: I64, folds: int, random: np.random.Generator
) -> tuple[I64, I64]:
    """Deal the people of some levels out to folds, those of a group to the same.

    Groups that are alike are dealt out in rounds; what is over goes to the fold that has least of
    its levels, people who are alone last.

    Returns
    -------
    The people, and the fold of each.
    """
    made = _Composed.of(levels, codes)
    fold = np.full(made.counts.shape[0], -1, dtype=np.int64)
    load = np.zeros((folds, len(levels)))
    over: list[int] = []
    for alike in made.alike:
        drawn = random.permutation(alike)
        rounds = alike.size // folds * folds
        fold[drawn[:rounds]] = np.arange(rounds) % folds
        load += made.counts[alike[0]] * (rounds // folds)
        over += drawn[rounds:].tolist()
    for at in over:  # the largest first, as they were dealt
        own = made.counts[at]
        to = int(np.argmin(load @ (own * made.weights)))
        fold[at], load[to] = to, load[to] + own
    for v, alone in enumerate(made.alone):
        waiting = [(load[k, v], load[k].sum(), k) for k in range(folds)]
        heapq.heapify(waiting)
        for at in random.permutation(alone).tolist():
            of_level, of_all, k = heapq.heappop(waiting)
            fold[at] = k
            heapq.heappush(waiting, (of_level + 1, of_all + 1, k))
        for of_level, _, k in waiting:
            load[k, v] = of_level
    return np.concatenate(levels), fold[made.group]
