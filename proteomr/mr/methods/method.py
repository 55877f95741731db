"""The frame of every estimator of one exposure: what it declares, checks, and must show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import Field, dataclass, replace
from functools import partial
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.linalg import LinAlgError
from numpy.random import Generator

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import Estimate, Measure, certify, refuse
from proteomr.mr.methods.estimate_block import EstimateBlock
from proteomr.mr.methods.units import Powers, find_exponents, restore_units, vanishes
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["Block", "BlockMethod", "Declared", "Draw", "Method", "Stack", "attempt"]

Draw: TypeAlias = Callable[[int], Generator]
"""Gives the source of random numbers of a pair, by its position."""

_NORMAL = float(np.finfo(np.float64).tiny)  # numbers from here on have all their digits
_TOO_WIDE = "effects or standard errors differ by more orders of magnitude than numbers hold"


class Declared(ABC):
    """What every estimator declares; a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    key, label, reference : name of the method, its title, and the DOI of its source.
    aliases : names that the field's R packages have for it.
    min_variants, max_variants : number of variants it takes; None for no upper bound. Each further
        exposure needs one variant more.
    every_effect : it needs an effect on the exposure of every variant, as ratios do.
    stochastic : its standard errors come from draws.
    needs_sample_size : it needs the sample sizes of the studies.
    measures : what it gives beside estimate and p value.
    powers : units of its details; those absent here have none.
    version : counts the changes of its formulas that change numbers.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    key: ClassVar[str]
    label: ClassVar[str]
    reference: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    min_variants: ClassVar[int]
    max_variants: ClassVar[int | None] = None
    every_effect: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    needs_sample_size: ClassVar[bool] = False
    measures: ClassVar[tuple[Measure, ...]] = ("se", "limits")
    powers: ClassVar[Powers] = {}
    version: ClassVar[int] = 1

    @property
    def fewest(self) -> int:
        """Variants needed with these parameters."""
        return self.min_variants


class Method(Declared):
    """An estimator of the effect of one exposure.

    A subclass declares what stands in `Declared` and writes `fit`. `estimate` refuses what the
    declaration excludes, brings the effects to the size of one, and lets no estimate out without
    its certificate.

    Attributes
    ----------
    pure : the estimate is a number without a unit.
    pairs_at_once : pairs in a block of work.
    """

    __slots__ = ()

    pure: ClassVar[bool] = False
    pairs_at_once: ClassVar[int] = 16  # some 0.1 s of work where standard errors are drawn

    @property
    def stream(self) -> str:
        """Name of the random numbers of the method; those of one name are the same."""
        return self.key

    @property
    def kin(self) -> Hashable:
        """What methods have in common that are estimated together; None for a method alone."""
        return None

    def in_units(self, outcome: int, exposure: int) -> Self:
        """Return the method for effects divided by powers of two: its parameters that have units.

        Parameters
        ----------
        outcome, exposure : the powers.
        """
        del outcome, exposure
        return self

    @abstractmethod
    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate of effects that `find_refusal` lets pass, or a refusal."""

    def estimate(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate, or a status; never raises for what the data are like."""
        return self.estimate_many([data], draw=lambda _: random)[0]

    def estimate_many(self, pairs: Sequence[Harmonised], /, *, draw: Draw) -> list[Estimate]:
        """Return the estimates of pairs, each as if it were alone.

        Parameters
        ----------
        pairs : harmonised analyses of one exposure each.
        draw : gives the source of random numbers of a pair.
        """
        return self.estimate_together([self], pairs, draw=draw)[0]

    def estimate_together(
        self, methods: Sequence[Self], pairs: Sequence[Harmonised], /, *, draw: Draw
    ) -> list[list[Estimate]]:
        """Return for each of the methods of one `kin`, this one among them, its estimates of pairs.

        Parameters
        ----------
        methods, pairs : of one kin, and what they are applied to.
        draw : gives the source of random numbers of a pair.
        """
        rows = [
            self.estimate_kin(methods, pair, random=draw(place)) for place, pair in enumerate(pairs)
        ]
        return [[row[place] for row in rows] for place in range(len(methods))]

    def fit_kin(
        self, methods: Sequence[Self], data: Harmonised, /, *, random: Generator
    ) -> list[Estimate]:
        """Return what `fit` gives for methods of one `kin`; those that share work do it here once.

        Parameters
        ----------
        methods, data, random : of one kin, what they are applied to, and their random numbers.
        """
        return [method.fit(data, random=random) for method in methods]

    def estimate_kin(
        self, methods: Sequence[Self], data: Harmonised, /, *, random: Generator
    ) -> list[Estimate]:
        """Return the estimates of methods of one `kin`, this one among them.

        Parameters
        ----------
        methods, data, random : of one kin, what they are applied to, and their random numbers.
        """
        refusal = self.find_refusal(data.m, int(np.count_nonzero(data.x == 0)))
        if refusal is not None:
            return [refusal] * len(methods)
        exposure = int(find_exponents(data.x, data.sx))
        outcome = int(find_exponents(data.beta_y, data.se_y))
        scaled = _scale(data, exposure=exposure, outcome=outcome)
        if scaled is None:
            return [refuse(Status.not_identified, _TOO_WIDE, nsnp=data.m)] * len(methods)
        fitting = [method.in_units(outcome, exposure) for method in methods]
        estimates = attempt(
            lambda: fitting[0].fit_kin(fitting, scaled, random=random),
            count=len(methods),
            m=data.m,
        )
        return [self._finish(estimate, outcome, exposure) for estimate in estimates]

    def _finish(self, estimate: Estimate, outcome: int, exposure: int) -> Estimate:
        unit = (0, 0) if self.pure else (outcome, exposure)
        estimate = restore_units(estimate, outcome=unit[0], exposure=unit[1], powers=self.powers)
        return certify(estimate, measures=self.measures)

    def find_refusal(self, m: int, zeros: int) -> Estimate | None:
        """Return why so many variants, so many of them without effect, cannot be used; or None.

        Parameters
        ----------
        m, zeros : variants, and those whose effect on the exposure is zero.
        """
        if m < self.fewest:
            return refuse(Status.too_few, f"needs {self.fewest} variants, found {m}", nsnp=m)
        if self.max_variants is not None and m > self.max_variants:
            text = f"takes at most {self.max_variants} variants, found {m}"
            return refuse(Status.not_identified, text, nsnp=m)
        if zeros == m:
            text = "no variant has an effect on the exposure"
            return refuse(Status.zero_effect, text, nsnp=m)
        if self.every_effect and zeros:
            text = f"{zeros} variants have no effect on the exposure, so no ratio"
            return refuse(Status.zero_effect, text, nsnp=m)
        return None


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
            for row, estimate in zip(rows, self._estimate_whole(stack.select(rows)), strict=True):
                estimates[row] = estimate
        return [estimate for estimate in estimates if estimate is not None]

    def _estimate_whole(self, stack: Stack) -> list[Estimate]:
        """Return the estimates of pairs that nothing excludes, each with its certificate."""
        fits = _fit_block(self, stack.block)
        if isinstance(fits, list):
            units = zip(stack.outcome.tolist(), stack.exposure.tolist(), strict=True)
            estimates = [self._finish(fit, *unit) for fit, unit in zip(fits, units, strict=True)]
        else:
            if not self.pure:
                fits = fits.restore_units(
                    outcome=stack.outcome, exposure=stack.exposure, powers=self.powers
                )
            estimates = fits.list_certified(measures=self.measures)
        for k in np.flatnonzero(stack.lost):
            estimates[k] = refuse(Status.not_identified, _TOO_WIDE, nsnp=stack.block.m)
        return estimates


def attempt(fit: Callable[[], list[Estimate]], *, count: int, m: int) -> list[Estimate]:
    """Return what an estimator gives; arithmetic that breaks down is a refusal, not an error.

    Overflow and division by zero are not reported one by one: their results have no certificate.

    Parameters
    ----------
    fit : the estimator, applied to its data.
    count : estimates that it would give.
    m : variants.

    Examples
    --------
    >>> attempt(lambda: [] if 1 // 0 else [], count=1, m=0)[0].status.name
    'not_identified'
    """
    try:
        with np.errstate(all="ignore"):
            return fit()
    except (ArithmeticError, LinAlgError) as fault:
        text = f"the arithmetic breaks down: {fault}"
        return [refuse(Status.not_identified, text, nsnp=m)] * count


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


def _stack(pairs: Sequence[Harmonised]) -> Stack:
    shape = (len(pairs), pairs[0].m)
    arrays = (
        np.concatenate([pair.beta_x for pair in pairs]).reshape(shape),
        np.concatenate([pair.se_x for pair in pairs]).reshape(shape),
        np.concatenate([pair.beta_y for pair in pairs]).reshape(shape),
        np.concatenate([pair.se_y for pair in pairs]).reshape(shape),
    )
    exposure = find_exponents(arrays[0], arrays[1])
    outcome = find_exponents(arrays[2], arrays[3])
    lost = np.zeros(exposure.shape, dtype=np.bool_)
    scaled = []
    for array, exponent in zip(arrays, (exposure, exposure, outcome, outcome), strict=True):
        scaled.append(np.ldexp(array, -exponent[:, None]))
        if np.abs(scaled[-1]).min(initial=1.0) < _NORMAL:
            lost |= vanishes(array, scaled[-1])
    zeros = np.count_nonzero(arrays[0] == 0, axis=1).tolist()
    return Stack(Block(*scaled), exposure, outcome, zeros, lost)


def _scale(data: Harmonised, *, exposure: int, outcome: int) -> Harmonised | None:
    """Return the effects divided by powers of two; None where numbers are lost."""
    arrays = (data.beta_x, data.se_x, data.beta_y, data.se_y)
    exponents = (exposure, exposure, outcome, outcome)
    scaled = [np.ldexp(a, -e) for a, e in zip(arrays, exponents, strict=True)]
    if any(vanishes(a.ravel(), b.ravel()) for a, b in zip(arrays, scaled, strict=True)):
        return None
    return replace(data, beta_x=scaled[0], se_x=scaled[1], beta_y=scaled[2], se_y=scaled[3])
