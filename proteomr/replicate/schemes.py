"""How people are divided to see whether what is found in some is found in others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from proteomr._typing import I64, Bool
from proteomr.errors import ColumnError, UsageError
from proteomr.models import NUMBERS, Target
from proteomr.replicate.division import Division
from proteomr.replicate.split_files import read_splits
from proteomr.replicate.whole_groups import Groups, deal_groups, halve_groups
from proteomr.runs import Source
from proteomr.scan import Reading, Stratum, read_strata
from proteomr.stats.generators import random_of
from proteomr.tables import Drop

__all__ = [
    "Against",
    "Asked",
    "Dividing",
    "Folds",
    "GivenSplits",
    "LeaveOut",
    "RandomHalves",
    "Scheme",
]

# More would be kept as lists of people, and tell no more of how the estimates vary.
_MOST_SPLITS = 10_000
# Of splits by targets by people: who is in which half takes ten bytes each.
_MOST_PLACES = 300_000_000


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scheme divides: the people of some targets, and who of them stay together."""

    reading: Reading
    targets: Sequence[Target]
    id_column: str | None
    scratch: Path
    groups: Groups


Divided: TypeAlias = tuple[Division, tuple[Drop, ...]]
"""A division, and who is in no half of it."""


@dataclass(frozen=True, slots=True)
class RandomHalves:
    """Halves drawn at random, for each target by itself and for each of its levels apart.

    The first has floor(n / 2) of the n people of a level; the levels of numbers are not looked at.
    Who has a value of a protein is not known when halves are drawn. Rows that the models say to be
    of one cluster, family or person are in one half, see :func:`.whole_groups.find_groups`.

    Parameters
    ----------
    splits : how often people are divided anew.
    seed : of the draws; each has the generator of its number and its target.
    """

    splits: int = 100
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.splits <= _MOST_SPLITS:
            raise UsageError(f"{self.splits} splits: 1 to {_MOST_SPLITS:,} are needed")

    def divide(self, asked: Asked) -> Divided:
        """Divide people at random."""
        return draw_halves(asked.targets, self, groups=asked.groups), ()


@dataclass(frozen=True, slots=True)
class Folds:
    """Each of K folds, as the second half, against the rest; levels are dealt out evenly."""

    folds: int
    seed: int = 1

    def __post_init__(self) -> None:
        if not 2 <= self.folds <= _MOST_SPLITS:
            raise UsageError(f"{self.folds} folds: 2 to {_MOST_SPLITS:,} are needed")

    def divide(self, asked: Asked) -> Divided:
        """Deal people out to folds, at random."""
        return deal_folds(asked.targets, self, groups=asked.groups), ()


@dataclass(frozen=True, slots=True)
class GivenSplits:
    """Halves that a file tells: the identifier, and a column of 1 and 2 for each split."""

    split_file: Source

    def divide(self, asked: Asked) -> Divided:
        """Divide people as the file says."""
        return read_splits(
            self.split_file.on_disk(asked.scratch),
            cohort=asked.reading.cohort,
            targets=asked.targets,
            id_column=asked.id_column,
        )


@dataclass(frozen=True, slots=True)
class LeaveOut:
    """Everybody but one level of a column, such as a centre, against that level alone."""

    left_out: str

    def divide(self, asked: Asked) -> Divided:
        """Leave out each level."""
        columns, n = asked.reading.columns, asked.reading.cohort.n
        strata = read_strata(columns, n, self.left_out)
        if len(strata) < 2:
            raise ColumnError(f"{self.left_out!r} has one level: two are needed to leave one out")
        without = int(columns.missing(self.left_out).sum())
        lost = (Drop("replicate", f"{self.left_out} missing", without),) if without else ()
        return leave_out(strata, len(asked.targets)), lost


@dataclass(frozen=True, slots=True)
class Against:
    """Everybody here against the associations of another cohort."""

    associations: Source


Dividing: TypeAlias = RandomHalves | Folds | GivenSplits | LeaveOut
Scheme: TypeAlias = Dividing | Against


def draw_halves(
    targets: Sequence[Target], scheme: RandomHalves, *, groups: Groups | None = None
) -> Division:
    """Divide people at random, the groups that are kept whole into one half each.

    Examples
    --------
    >>> lonely = Target("lonely", "exposure", "binary", np.array([0.0, 1, 0, 0, 1, 1, np.nan]))
    >>> first, second = draw_halves([lonely], RandomHalves(1)).halves[0]
    >>> [int(half[0][lonely.values == level].sum()) for half in (first, second) for level in (0, 1)]
    [1, 1, 2, 2]
    """
    n = targets[0].values.shape[0]
    _refuse_many(scheme.splits, targets, n)
    halves = []
    for split in range(scheme.splits):
        first, second = np.zeros((2, len(targets), n), dtype=np.bool_)
        for t, target in enumerate(targets):
            random = random_of(scheme.seed, "half", str(split), target.name)
            if groups is not None and groups.names:
                one, other = halve_groups(_levels(target), groups.codes, random)
                first[t, one] = second[t, other] = True
                continue
            for people in _levels(target):
                drawn = random.permutation(people)
                first[t, drawn[: people.size // 2]] = True
                second[t, drawn[people.size // 2 :]] = True
        halves.append((first, second))
    _refuse_nobody(targets, halves, f"halves{_say_whole(groups)}")
    return Division(tuple(str(split + 1) for split in range(scheme.splits)), tuple(halves))


def deal_folds(
    targets: Sequence[Target], scheme: Folds, *, groups: Groups | None = None
) -> Division:
    """Deal people out to folds, at random, the groups that are kept whole to one fold each."""
    n = targets[0].values.shape[0]
    _refuse_many(scheme.folds, targets, n)
    fold = np.full((len(targets), n), -1, dtype=np.int64)
    for t, target in enumerate(targets):
        random = random_of(scheme.seed, "fold", target.name)
        if groups is not None and groups.names:
            people, dealt_to = deal_groups(_levels(target), groups.codes, scheme.folds, random)
            fold[t, people] = dealt_to
            continue
        dealt = 0
        for people in _levels(target):
            # Where one level ends the next goes on, so that folds differ by one person at the most.
            fold[t, random.permutation(people)] = (dealt + np.arange(people.size)) % scheme.folds
            dealt += people.size
    there = fold >= 0
    halves = tuple((there & (fold != k), fold == k) for k in range(scheme.folds))
    _refuse_nobody(targets, halves, f"{scheme.folds} folds{_say_whole(groups)}")
    return Division(tuple(str(k + 1) for k in range(scheme.folds)), halves)


def leave_out(strata: Sequence[Stratum], targets: int) -> Division:
    """Leave out each of some strata."""
    anybody = np.logical_or.reduce([stratum.rows for stratum in strata])
    halves = tuple(
        (
            np.broadcast_to(anybody & ~stratum.rows, (targets, anybody.size)),
            np.broadcast_to(stratum.rows, (targets, anybody.size)),
        )
        for stratum in strata
    )
    return Division(tuple(str(stratum.label) for stratum in strata), halves, anybody)


def _refuse_many(splits: int, targets: Sequence[Target], n: int) -> None:
    if splits * len(targets) * n > _MOST_PLACES:
        role = targets[0].role
        raise UsageError(
            f"{splits:,} splits of {n:,} people for each of {len(targets):,} {role}s are too many "
            f"for memory: ask for fewer, or name the {role}s in several runs, whose halves are the "
            "same"
        )


def _say_whole(groups: Groups | None) -> str:
    names = () if groups is None else groups.names
    return f" of whole groups of {' and '.join(map(repr, names))}" if names else ""


def _refuse_nobody(
    targets: Sequence[Target], halves: Sequence[tuple[Bool, Bool]], what: str
) -> None:
    for t, target in enumerate(targets):
        if not all(half[t].any() for pair in halves for half in pair):
            raise ColumnError(
                f"{target.role} {target.name!r}: {int(target.observed.sum())} people are too few "
                f"for {what}"
            )


def _levels(target: Target) -> list[I64]:
    """Return the people of each level; of numbers all those who have one."""
    observed = target.observed
    if target.kind == NUMBERS.name:
        return [np.flatnonzero(observed)]
    values = target.values.reshape(observed.size, -1)
    levels = np.unique(values[observed], axis=0)
    return [np.flatnonzero(observed & np.all(values == level, axis=1)) for level in levels]
