"""The frame of estimators that are written for many pairs at once."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.linalg import LinAlgError
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import Estimate, refuse
from proteomr.mr.methods.estimate_block import EstimateBlock
from proteomr.mr.methods.method import TOO_WIDE, Draw, Method, attempt
from proteomr.mr.methods.units import find_exponents, loses, vanishes
from proteomr.mr.methods.variant_order import order_numbers
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["Block", "BlockMethod", "Stack"]


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Pairs of m variants each, at the size of one: effects and standard errors, (k, m)."""

    x: F64
    sx: F64
    y: F64
    sy: F64

    @property
    def m(self) -> int:
        """Number of variants of each pair."""
        return int(self.x.shape[1])

    def select(self, rows: I64) -> Block:
        """Return the block of chosen pairs.

        Parameters
        ----------
        rows : their positions.
        """
        return Block(self.x[rows], self.sx[rows], self.y[rows], self.sy[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """Pairs of as many variants: a block, and by pair what `Method.estimate_kin` asks of one.

    Parameters
    ----------
    block : at the size of one.
    exposure, outcome : (k,) powers of two of the units.
    zeros : by pair, variants without effect on the exposure.
    lost : (k,) whether numbers are lost by scaling.
    """

    block: Block
    exposure: I64
    outcome: I64
    zeros: list[int]
    lost: Bool

    def select(self, rows: I64) -> Stack:
        """Return the stack of chosen pairs.

        Parameters
        ----------
        rows : their positions.
        """
        zeros = [self.zeros[row] for row in rows]
        block = self.block.select(rows)
        return Stack(block, self.exposure[rows], self.outcome[rows], zeros, self.lost[rows])


class BlockMethod(Method):
    """An estimator that is written for many pairs at once; a pair is a block of one."""

    __slots__ = ()

    pairs_at_once: ClassVar[int] = 4096  # a few milliseconds of array arithmetic

    @property
    def kin(self) -> Hashable:
        """All that are written for blocks: their pairs are brought into arrays once."""
        return BlockMethod

    @abstractmethod
    def fit_block(self, block: Block, /) -> EstimateBlock:
        """Return the estimate, or a refusal, of every pair of a block."""

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate of a block of one."""
        del random
        arrays = (data.x, data.sx, data.beta_y, data.se_y)
        block = Block(*(array[None, :] for array in arrays))
        return self.fit_block(block).list_estimates()[0]

    def estimate_together(
        self, methods: Sequence[Self], pairs: Sequence[Harmonised], /, *, draw: Draw
    ) -> list[list[Estimate]]:
        """Return for each method its estimates of pairs; those of as many variants in one array.

        There is no padding, and sums run along the variants of one pair, so that a pair's numbers
        do not depend on the others.
        """
        del draw
        groups: dict[int, list[int]] = {}
        for place, pair in enumerate(pairs):
            groups.setdefault(pair.m, []).append(place)
        columns: list[dict[int, Estimate]] = [{} for _ in methods]
        for places in groups.values():
            stack = _stack([pairs[place] for place in places])
            for method, column in zip(methods, columns, strict=True):
                column.update(zip(places, method.estimate_stack(stack), strict=True))
        return [[column[place] for place in range(len(pairs))] for column in columns]

    def estimate_stack(self, stack: Stack) -> list[Estimate]:
        """Return the estimates of pairs of as many variants, or why they cannot be used.

        Parameters
        ----------
        stack : the pairs.
        """
        m = stack.block.m
        refusals = {count: self.find_refusal(m, count) for count in set(stack.zeros)}
        if all(refusal is None for refusal in refusals.values()):
            return self._estimate_whole(stack)
        estimates = [refusals[count] for count in stack.zeros]
        rows = np.array([row for row, refusal in enumerate(estimates) if refusal is None], int)
        if rows.size:
            for row, found in zip(rows, self._estimate_whole(stack.select(rows)), strict=True):
                estimates[row] = found
        return [found for found in estimates if found is not None]

    def _estimate_whole(self, stack: Stack) -> list[Estimate]:
        """Return the estimates of pairs that nothing excludes, each with its certificate."""
        found = _fit_block(self, stack.block)
        if isinstance(found, list):
            units = zip(stack.outcome.tolist(), stack.exposure.tolist(), strict=True)
            estimates = [self.finish(one, *unit) for one, unit in zip(found, units, strict=True)]
        else:
            if not self.pure:
                found = found.restore_units(
                    outcome=stack.outcome, exposure=stack.exposure, powers=self.powers
                )
            estimates = found.list_certified(measures=self.measures)
        for k in np.flatnonzero(stack.lost):
            estimates[k] = refuse(Status.not_identified, TOO_WIDE, nsnp=stack.block.m)
        return estimates


def _fit_block(method: BlockMethod, block: Block) -> EstimateBlock | list[Estimate]:
    """Return the estimates of a block; where one breaks the arithmetic, each is tried alone."""
    try:
        with np.errstate(all="ignore"):
            return method.fit_block(block)
    except (ArithmeticError, LinAlgError):
        return [
            attempt(partial(_fit_one, method, block.select(np.array([k]))), count=1, m=block.m)[0]
            for k in range(block.x.shape[0])
        ]


def _fit_one(method: BlockMethod, block: Block) -> list[Estimate]:
    return method.fit_block(block).list_estimates()


def _stack(pairs: Sequence[Harmonised]) -> Stack:
    shape = (len(pairs), pairs[0].m)
    arrays = (
        np.concatenate([pair.beta_x for pair in pairs]).reshape(shape),
        np.concatenate([pair.se_x for pair in pairs]).reshape(shape),
        np.concatenate([pair.beta_y for pair in pairs]).reshape(shape),
        np.concatenate([pair.se_y for pair in pairs]).reshape(shape),
    )
    order = order_numbers(*arrays)
    ordered = [np.take_along_axis(array, order, axis=1) for array in arrays]
    exposure = find_exponents(ordered[0], ordered[1])
    outcome = find_exponents(ordered[2], ordered[3])
    lost = np.zeros(exposure.shape, dtype=np.bool_)
    scaled = []
    for array, exponent in zip(ordered, (exposure, exposure, outcome, outcome), strict=True):
        scaled.append(np.ldexp(array, -exponent[:, None]))
        if loses(array, scaled[-1]):
            lost |= vanishes(array, scaled[-1])
    zeros = np.count_nonzero(ordered[0] == 0, axis=1).tolist()
    return Stack(Block(*scaled), exposure, outcome, zeros, lost)
