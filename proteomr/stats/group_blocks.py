"""Sums within groups for a block of proteins: what they share once, what is their own in passes.

A protein that lacks rows changes the groups of these rows alone. What such groups add to the sums
that all share is taken out and summed anew from the rows that it has; all other groups are those of
everybody (:mod:`proteomr.stats.reml_sums` says what the sums are for).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.group_sums import find_patterns, number_rows, turn_groups
from proteomr.stats.reml_sums import Sums

__all__ = ["GroupedColumns", "group_columns"]

# Rows of a group up to which those that are left of it are a pattern of bits in one number.
_MOST_PLACES = 32


@dataclass(frozen=True, slots=True, eq=False)
class GroupedColumns:
    """K columns that all proteins share, summed within groups; rows of a group together.

    Attributes
    ----------
    columns : ``(n, K)``.
    effects : ``(n, Q)``, the random effects.
    starts : ``(g,)``, first row of each group.
    basis : ``(n, Q)``, an orthogonal basis of each group's random effects.
    rest : ``(n, K)``, what these leave.
    turned : ``(g, Q, K)``, what they carry.
    patterns : ``(S, Q, Q)``, and ``kind (g,)``, which of them each group has.
    within : ``(K, K)``; ``between (S, Q K, Q K)``; ``counts (S,)``.
    places : ``(n,)``, of each row in its group; None where groups have too many.
    shape_of : ``(g,)``, which groups have the same rows of effects.
    factors : of the patterns that missing values have left so far; threads may find one twice, and
        find the same.
    """

    columns: F64
    effects: F64
    starts: I64
    basis: F64
    rest: F64
    turned: F64
    patterns: F64
    kind: I64
    within: F64
    between: F64
    counts: F64
    places: I64 | None
    shape_of: I64
    factors: dict[int, tuple[F64, F64]] = field(default_factory=dict)

    @property
    def group_of(self) -> I64:
        """Group of each row ``(n,)``."""
        sizes = np.diff(np.append(self.starts, self.columns.shape[0]))
        return np.repeat(np.arange(self.starts.size), sizes)

    def sum_block(
        self, own: F64, observed: Bool, missing: Sequence[I64], *, order: I64
    ) -> tuple[Sums, Bool]:
        """Return the sums of b proteins, and whether what missing values took out left digits.

        Parameters
        ----------
        own : ``(b, o, n)``, columns of each protein, 0 where not observed.
        observed : ``(b, n)``.
        missing : positions of the rows that each protein lacks.
        order : ``(K + o,)``, where the shared and then the own columns are to come from.
        """
        b, o, n = own.shape
        K, Q = self.columns.shape[1], self.effects.shape[1]
        group_of = self.group_of
        touched = np.zeros((b, self.starts.size), dtype=bool)
        for j, rows in enumerate(missing):
            touched[j, group_of[rows]] = True
        hurt = np.flatnonzero(touched.any(axis=1))
        within, between = self._sum_shared(own, touched, hurt, group_of)
        counts = np.broadcast_to(self.counts, (b, self.counts.size)).copy()
        pieces = {
            j: self._sum_again(own[j], observed[j], touched[j], group_of) for j in hurt.tolist()
        }
        sound = np.ones(b, dtype=bool)
        for j, piece in pieces.items():
            before = np.diagonal(within[j])[:K].copy()
            within[j] += piece.within
            between[j, :, :, :, :] += piece.taken.reshape(between.shape[1:])
            counts[j] -= piece.left
            left = np.diagonal(within[j])[:K]
            # half of the digits are left of what was taken out, or nothing was there
            sound[j] = bool(np.all((left > 1e-7 * before) | (before <= 1e-18 * n)))
        return self._join(within, between, counts, pieces, observed, order, (b, K + o, Q)), sound

    def _sum_shared(self, own: F64, touched: Bool, hurt: I64, group_of: I64) -> tuple[F64, F64]:
        """Return the sums over groups that nobody's missing values touch."""
        b, o, n = own.shape
        K, Q, S = self.columns.shape[1], self.effects.shape[1], self.patterns.shape[0]
        whole = K + o
        y = own
        if hurt.size:
            y = own.copy()
            for j in hurt.tolist():
                y[j][:, touched[j][group_of]] = 0.0
        carried = np.stack(
            [np.add.reduceat(y * self.basis[:, a], self.starts, axis=-1) for a in range(Q)], axis=2
        )  # (b, o, Q, g)
        rest = y.copy() if y is own else y
        for a in range(Q):
            rest -= self.basis[:, a] * carried[:, :, a][:, :, group_of]
        within = np.empty((b, whole, whole))
        within[:, :K, :K] = self.within
        within[:, K:, :K] = (rest.reshape(b * o, n) @ self.rest).reshape(b, o, K)
        within[:, :K, K:] = within[:, K:, :K].transpose(0, 2, 1)
        within[:, K:, K:] = rest @ rest.transpose(0, 2, 1)
        between = np.zeros((b, S, Q, whole, Q, whole))
        between[:, :, :, :K, :, :K] = self.between.reshape(S, Q, K, Q, K)
        for s in range(S):
            groups = np.flatnonzero(self.kind == s)
            mine = carried[:, :, :, groups].transpose(0, 2, 1, 3)  # (b, Q, o, g)
            flat = np.ascontiguousarray(mine).reshape(b * Q * o, groups.size)
            shared = self.turned[groups].reshape(groups.size, Q * K)
            cross = (flat @ shared).reshape(b, Q, o, Q, K)
            between[:, s, :, K:, :, :K] = cross
            between[:, s, :, :K, :, K:] = cross.transpose(0, 3, 4, 1, 2)
            square = flat.reshape(b, Q * o, groups.size)
            between[:, s, :, K:, :, K:] = (square @ square.transpose(0, 2, 1)).reshape(
                b, Q, o, Q, o
            )
        return within, between

    def _sum_again(self, own: F64, observed: Bool, touched: Bool, group_of: I64) -> _Piece:
        """Sum the groups that a protein's missing values touch: taken out, and put back."""
        K, Q, S = self.columns.shape[1], self.effects.shape[1], self.patterns.shape[0]
        whole = K + own.shape[0]
        rows = np.flatnonzero(touched[group_of])
        groups = np.flatnonzero(touched)
        within = np.zeros((whole, whole))
        gone = self.rest[rows]
        within[:K, :K] -= gone.T @ gone
        taken = np.zeros((S, Q, whole, Q, whole))
        kind = self.kind[groups]
        for s in np.unique(kind).tolist():
            H = self.turned[groups[kind == s]].reshape(-1, Q * K)
            taken[s, :, :K, :, :K] -= (H.T @ H).reshape(Q, K, Q, K)
        left = np.bincount(kind, minlength=S).astype(np.float64)
        kept = rows[observed[rows]]
        if kept.size == 0:
            return _Piece(within, taken, left, {})
        D = np.column_stack([self.columns[kept], own[:, kept].T])
        starts = np.flatnonzero(np.diff(group_of[kept], prepend=-1))
        added: dict[bytes, tuple[F64, float, F64]] = {}
        for R, H, rest in self._turn_again(D, kept, starts, group_of):
            within += rest.T @ rest
            flat = H.reshape(-1, Q * whole)
            block = (flat.T @ flat).reshape(Q, whole, Q, whole)
            key = R.tobytes()
            if key in added:
                block, number = block + added[key][2], added[key][1] + H.shape[0]
                added[key] = R, number, block
            else:
                added[key] = R, float(H.shape[0]), block
        return _Piece(within, taken, left, added)

    def _turn_again(
        self, D: F64, kept: I64, starts: I64, group_of: I64
    ) -> Iterator[tuple[F64, F64, F64]]:
        """Turn rows that are left of groups: root, turned rows and rest of each pattern.

        Groups that were one kind and of which the same places are left are one pattern.
        """
        sizes = np.diff(np.append(starts, kept.size))
        if self.effects.shape[1] == 1 and np.all(self.effects[kept] == self.effects[0]):
            yield from _turn_intercepts(D, starts, sizes, float(self.effects[0, 0]))
            return
        groups = group_of[kept[starts]]
        if self.places is None:
            again = turn_groups(D, self.effects[kept], starts)
            patterns, kind = find_patterns(again.roots)
            for s, R in enumerate(patterns):
                one = kind == s
                yield R, again.turned[one], again.rest[np.repeat(one, sizes)]
            return
        mask = np.bitwise_or.reduceat(np.left_shift(1, self.places[kept]), starts)
        keys = (self.shape_of[groups] << _MOST_PLACES) | mask
        order = np.argsort(keys, kind="stable")
        first = np.flatnonzero(np.diff(keys[order], prepend=-1))
        for one in np.split(order, first[1:]):
            rows = starts[one][:, None] + np.arange(sizes[one[0]])
            chosen = D[rows]
            basis, R = self._factor(int(keys[one[0]]), kept[rows[0]])
            H = basis.T @ chosen
            yield R, H, (chosen - basis @ H).reshape(-1, D.shape[1])

    def _factor(self, key: int, rows: I64) -> tuple[F64, F64]:
        """Return the basis ``(m, Q)`` and root of a pattern of rows, from what is known or anew."""
        if key not in self.factors:
            found, R = np.linalg.qr(self.effects[rows])
            Q = self.effects.shape[1]
            basis, root = np.zeros((rows.size, Q)), np.zeros((Q, Q))
            basis[:, : found.shape[1]], root[: R.shape[0]] = found, R
            self.factors[key] = basis, root + 0.0  # -0 is 0
        return self.factors[key]

    def _join(
        self,
        within: F64,
        between: F64,
        counts: F64,
        pieces: dict[int, _Piece],
        observed: Bool,
        order: I64,
        shape: tuple[int, int, int],
    ) -> Sums:
        """Put shared patterns and those that missing values made together."""
        b, whole, Q = shape
        S = self.patterns.shape[0]
        found = {pattern.tobytes(): pattern for pattern in self.patterns}
        for piece in pieces.values():
            found.update({key: R for key, (R, _, _) in piece.added.items() if key not in found})
        place = {key: s for s, key in enumerate(found)}
        roots = np.stack(list(found.values()))
        if len(found) > S:
            further = len(found) - S
            between = np.concatenate([between, np.zeros((b, further, *between.shape[2:]))], axis=1)
            counts = np.concatenate([counts, np.zeros((b, further))], axis=1)
        for j, piece in pieces.items():
            for key, (_, number, block) in piece.added.items():
                counts[j, place[key]] += number
                between[j, place[key]] += block
        between[counts == 0.0] = 0.0
        within = within[:, order[:, None], order]
        turned = between.transpose(0, 1, 2, 4, 3, 5)[..., order[:, None], order]
        flat = turned.reshape(b, len(found) * Q * Q, whole * whole)
        n = np.count_nonzero(observed, axis=1).astype(np.int64)
        return Sums(roots, counts, within, flat, None, n)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What the groups that a protein's missing values touch change in the sums.

    Attributes
    ----------
    within : is added.
    taken, left : are added to, and taken from, the patterns that all share.
    added : root, number of groups and sums of the patterns that remain.
    """

    within: F64
    taken: F64
    left: F64
    added: dict[bytes, tuple[F64, float, F64]]


def _turn_intercepts(
    D: F64, starts: I64, sizes: I64, effect: float
) -> Iterator[tuple[F64, F64, F64]]:
    """Turn the rows of groups of which all have one and the same effect."""
    root = np.sqrt(sizes)
    H = np.add.reduceat(D, starts, axis=0) / root[:, None]
    rest = D - np.repeat(H / root[:, None], sizes, axis=0)
    for size in np.unique(sizes).tolist():
        one = sizes == size
        R = np.full((1, 1), np.sqrt(size) * effect)
        yield R, H[one][:, None], rest[np.repeat(one, sizes)]


def group_columns(columns: F64, effects: F64, starts: I64) -> GroupedColumns:
    """Sum shared columns ``(n, K)`` within groups.

    Parameters
    ----------
    effects : ``(n, Q)``.
    starts : ``(g,)``, first row of each group.

    Examples
    --------
    >>> shared = group_columns(np.ones((4, 1)), np.ones((4, 1)), np.array([0, 2]))
    >>> shared.counts.tolist(), shared.between.round(3).ravel().tolist()
    ([2.0], [4.0])
    """
    K, Q = columns.shape[1], effects.shape[1]
    both = turn_groups(columns, effects, starts)
    patterns, kind = find_patterns(both.roots)
    turned = both.turned
    between = np.empty((patterns.shape[0], Q * K, Q * K))
    for s in range(patterns.shape[0]):
        H = turned[kind == s].reshape(-1, Q * K)
        between[s] = H.T @ H
    rest = both.rest
    return GroupedColumns(
        columns,
        effects,
        starts,
        _spread_basis(effects, starts),
        rest,
        turned,
        patterns,
        kind,
        rest.T @ rest,
        between,
        np.bincount(kind, minlength=patterns.shape[0]).astype(np.float64),
        *_number_places(effects, starts),
    )


def _number_places(effects: F64, starts: I64) -> tuple[I64 | None, I64]:
    """Return the place of each row in its group, and a number for each group's rows of effects."""
    n = effects.shape[0]
    sizes = np.diff(np.append(starts, n))
    shapes = np.zeros(starts.size, dtype=np.int64)
    if sizes.max() > _MOST_PLACES:
        return None, shapes
    known = 0
    for size in np.unique(sizes).tolist():
        groups = np.flatnonzero(sizes == size)
        rows = starts[groups][:, None] + np.arange(size)
        kind = number_rows(effects[rows].reshape(groups.size, -1))
        shapes[groups] = known + kind
        known += int(kind.max()) + 1
    return np.arange(n) - np.repeat(starts, sizes), shapes


def _spread_basis(effects: F64, starts: I64) -> F64:
    """Return the orthogonal basis of each group, by its rows ``(n, Q)``."""
    n, Q = effects.shape
    sizes = np.diff(np.append(starts, n))
    basis = np.zeros((n, Q))
    for size in np.unique(sizes).tolist():
        rows = starts[sizes == size][:, None] + np.arange(size)
        found = np.linalg.qr(effects[rows])[0]
        basis[rows, : found.shape[2]] = found
    return basis
