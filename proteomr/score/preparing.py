"""Proteins made ready for a score: transformed, filled in and scaled by training people alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64
from proteomr.score.correcting import Groups, find_shifts
from proteomr.stats.each import Each, in_turn
from proteomr.stats.normal_score_table import NormalScores
from proteomr.stats.transforms import Transform
from proteomr.status import Status
from proteomr.tables import Proteins

__all__ = ["ColumnRule", "Ready", "prepare_columns", "read_blocks"]

_COLUMNS = 64  # read at a time
_FLAT = 1e-9  # relative: a standard deviation that is rounding


@dataclass(frozen=True, slots=True, eq=False)
class ColumnRule:
    """How the values of one protein enter a score.

    Attributes
    ----------
    status : whether they can.
    transform : of the values.
    ranks : values and their normal scores, where the transform is of ranks.
    centre, scale : of transformed values, missing ones filled in.
    fill : the transformed value that stands for a missing one: the median.
    shifts : (g,) what each group's values are above all others', before the transform (with log2
        after it); None where nothing is taken out.
    """

    status: Status
    transform: Transform
    ranks: NormalScores | None = None
    centre: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    shifts: F64 | None = None

    @classmethod
    def learn(
        cls, values: F64, transform: Transform, groups: Groups | None = None
    ) -> tuple[ColumnRule, F64]:
        """Return the rule of training people's values (n,), and what :meth:`apply` makes of them.

        Missing values are NaN; a protein that cannot enter gives zeros. Of groups the differences
        between means are taken out.

        Examples
        --------
        >>> rule, ready = ColumnRule.learn(np.array([1.0, 3.0, np.nan]), "none")
        >>> rule.fill, ready.round(4).tolist(), rule.apply(np.array([3.0])).round(4).tolist()
        (2.0, [-1.2247, 1.2247, 0.0], [1.2247])
        """
        nothing = np.zeros(values.size)
        seen = values[~np.isnan(values)]
        fault = _find_fault(seen, transform)
        if fault is not None:
            return cls(fault, transform), nothing
        shifts = None
        if groups is not None:
            shifts = find_shifts(np.log2(values) if transform == "log2" else values, groups)
            values = _take_out(values, transform, shifts[groups.codes])
            left = values[~np.isnan(values)]
            if np.ptp(left) <= _FLAT * np.abs(seen).max():
                return cls(Status.constant, transform), nothing
            seen = left
        ranks: NormalScores | None = None
        if transform == "rint":
            ranks, found, fill = NormalScores.learn(values)
        else:
            found = _transform(values, transform, None)
            fill = float(np.nanmedian(found))
        ready = np.array(found) if found is values else found  # from here on in place
        largest = max(float(np.nanmax(ready)), -float(np.nanmin(ready)))
        # by a power of two, which changes no digit, so that no square is beyond all numbers
        unit = float(np.ldexp(1.0, np.frexp(largest)[1] - 1)) if largest > 0.0 else 1.0
        if seen.size < values.size:
            ready[np.isnan(ready)] = fill
        ready /= unit
        middle = float(ready.mean())
        ready -= middle
        spread = float(np.sqrt(np.dot(ready, ready) / ready.size))
        if not spread * unit > _FLAT * largest:
            return cls(Status.constant, transform), nothing
        ready /= spread
        return cls(Status.ok, transform, ranks, middle * unit, spread * unit, fill, shifts), ready

    def apply(self, values: F64, codes: I64 | None = None) -> F64:
        """Return what enters the score, of anybody's values (n,), in groups of some codes (n,).

        Without codes values are those of people whose own groups' differences are out. An infinite
        value is none: it would have the highest of ranks.
        """
        endless = np.isinf(values)
        if endless.any():
            values = np.where(endless, np.nan, values)
        if self.shifts is not None and codes is not None:
            values = _take_out(values, self.transform, self.shifts[codes])
        found = _transform(values, self.transform, self.ranks)
        ready = np.array(found) if found is values else found
        ready[~np.isfinite(ready)] = self.fill
        ready -= self.centre
        ready /= self.scale
        return ready


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """Proteins as they enter a score.

    Attributes
    ----------
    pieces : (m, p) of training people, in their order.
    rules : (p,) that were learnt from them.
    others : (k, p) of other people.
    """

    pieces: list[F64]
    rules: Sequence[ColumnRule]
    others: F64


def _find_fault(seen: F64, transform: Transform) -> Status | None:
    """Return why values that are not missing cannot enter; None where they can."""
    if not seen.size:
        return Status.all_missing
    if not np.isfinite(seen).all():
        return Status.infinite
    if transform == "log2" and (seen <= 0.0).any():
        return Status.untransformed
    return Status.constant if seen.min() == seen.max() else None


def _take_out(values: F64, transform: Transform, shift: F64) -> F64:
    """Return values less a shift, which with log2 is one of logarithms."""
    return np.asarray(values * np.exp2(-shift) if transform == "log2" else values - shift)


def _transform(values: F64, transform: Transform, ranks: NormalScores | None) -> F64:
    if ranks is not None:
        return ranks.apply(values)
    if transform == "log2":
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log2(values))
    return values


def prepare_columns(
    proteins: Proteins,
    *,
    columns: Sequence[int],
    rows: I64,
    transform: Transform,
    cuts: Sequence[int] = (),
    others: I64 | None = None,
    groups: Groups | None = None,
    each: Each = in_turn,
) -> Ready:
    """Make the proteins of training people ready, and by the same rules those of others.

    A protein that cannot enter is a column of zeros, and its rule says why.

    Parameters
    ----------
    proteins : of everybody.
    columns : positions of the proteins.
    rows : of training people.
    transform : of the values.
    cuts : places among the rows where a piece ends and the next begins.
    others : rows of people from whom nothing is learnt; None for nobody.
    groups : of everybody, whose differences are taken out.
    each : how blocks of columns are worked on.
    """
    ends = [0, *cuts, rows.size]
    pieces = [slice(*pair) for pair in itertools.pairwise(ends)]
    out = [np.zeros((piece.stop - piece.start, len(columns)), order="F") for piece in pieces]
    beside = np.empty(0, dtype=np.int64) if others is None else others
    apart = np.zeros((beside.size, len(columns)), order="F")
    own_groups = None if groups is None else Groups(groups.codes[rows], groups.count)
    codes = None if groups is None else groups.codes[beside]
    chosen = _choose(proteins, columns).select_rows(np.concatenate([rows, beside]))

    def learn(block: slice) -> list[ColumnRule]:
        rules: list[ColumnRule] = []
        values = chosen.read(block)
        for place in range(values.shape[1]):
            train, test = np.split(values[:, place], [rows.size])
            rule, ready = ColumnRule.learn(train, transform, own_groups)
            rules.append(rule)
            for piece, own in zip(pieces, out, strict=True):
                own[:, block.start + place] = ready[piece]
            if rule.status == Status.ok:
                apart[:, block.start + place] = rule.apply(test, codes)
        return rules

    learnt = [rule for rules in each(learn, _cut(len(columns))) for rule in rules]
    return Ready(out, learnt, apart)


def read_blocks(
    proteins: Proteins, columns: Sequence[int], *, rows: I64 | None = None
) -> Iterator[tuple[int, F64]]:
    """Yield some columns in blocks, of some people, each with the place of its first column.

    Without rows the people are all there are.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> proteins = ArrayProteins(("ADM", "REN"), np.array([[1.0, 2.0]]))
    >>> [(start, block.tolist()) for start, block in read_blocks(proteins, [1])]
    [(0, [[2.0]])]
    """
    chosen = _choose(proteins, columns)
    chosen = chosen if rows is None else chosen.select_rows(rows)
    for block in _cut(len(columns)):
        yield block.start, chosen.read(block)


def _choose(proteins: Proteins, columns: Sequence[int]) -> Proteins:
    names = proteins.names
    consecutive = list(columns) == list(range(len(names)))
    return proteins if consecutive else proteins.select_columns([names[j] for j in columns])


def _cut(count: int) -> list[slice]:
    return [slice(start, start + _COLUMNS) for start in range(0, count, _COLUMNS)]
