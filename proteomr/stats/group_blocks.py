"""Sums within groups for a block of proteins: what they share once, what is their own in passes.

A protein that lacks rows changes the groups of these rows alone. What such groups add to the sums
that all share is taken out and summed anew from the rows that it has; all other groups are those of
everybody (:mod:`proteomr.stats.reml` says what the sums are for).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.group_sums import find_patterns, turn_groups
from proteomr.stats.reml import Sums

__all__ = ["GroupedColumns", "group_columns"]


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
        within[:K, :K] -= self.rest[rows].T @ self.rest[rows]
        taken = np.zeros((S, Q, whole, Q, whole))
        for s in np.unique(self.kind[groups]).tolist():
            H = self.turned[groups[self.kind[groups] == s]].reshape(-1, Q * K)
            taken[s, :, :K, :, :K] -= (H.T @ H).reshape(Q, K, Q, K)
        left = np.bincount(self.kind[groups], minlength=S).astype(np.float64)
        kept = rows[observed[rows]]
        if kept.size == 0:
            return _Piece(within, taken, left, np.empty((0, Q, Q)), np.empty((0,)), None)
        D = np.column_stack([self.columns[kept], own[:, kept].T])
        starts = np.flatnonzero(np.diff(group_of[kept], prepend=-1))
        again = turn_groups(D, self.effects[kept], starts)
        within += again.rest.T @ again.rest
        patterns, kind = find_patterns(again.roots)
        added = np.empty((patterns.shape[0], Q, whole, Q, whole))
        for s in range(patterns.shape[0]):
            H = again.turned[kind == s].reshape(-1, Q * whole)
            added[s] = (H.T @ H).reshape(Q, whole, Q, whole)
        counts = np.bincount(kind, minlength=patterns.shape[0]).astype(np.float64)
        return _Piece(within, taken, left, patterns, counts, added)

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
        keys = {pattern.tobytes(): s for s, pattern in enumerate(self.patterns)}
        for piece in pieces.values():
            for pattern in piece.patterns:
                keys.setdefault(pattern.tobytes(), len(keys))
        roots = np.empty((len(keys), Q, Q))
        roots[:S] = self.patterns
        if len(keys) > S:
            between = np.concatenate(
                [between, np.zeros((b, len(keys) - S, *between.shape[2:]))], axis=1
            )
            counts = np.concatenate([counts, np.zeros((b, len(keys) - S))], axis=1)
        for j, piece in pieces.items():
            for pattern, number, block in zip(
                piece.patterns, piece.counts, piece.added if piece.added is not None else (),
                strict=True,
            ):  # fmt: skip
                s = keys[pattern.tobytes()]
                roots[s] = pattern
                counts[j, s] += number
                between[j, s] += block
        between[counts == 0.0] = 0.0
        within = within[:, order][:, :, order]
        ordered = between[:, :, :, order][..., order].transpose(0, 1, 2, 4, 3, 5)
        flat = np.ascontiguousarray(ordered).reshape(b, len(keys) * Q * Q, whole * whole)
        n = np.count_nonzero(observed, axis=1).astype(np.int64)
        return Sums(roots, counts, within, flat, None, n)


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What the groups that a protein's missing values touch change in the sums."""

    within: F64
    taken: F64
    left: F64
    patterns: F64
    counts: F64
    added: F64 | None


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
    )


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
