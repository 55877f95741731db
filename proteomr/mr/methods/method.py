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
from proteomr.mr.methods.base import Estimate, Measure, MethodStatus, certify, refuse
from proteomr.mr.methods.units import Powers, find_exponents, restore_units, vanishes
from proteomr.tables import Harmonised

__all__ = ["Block", "BlockMethod", "Declared", "Draw", "Method", "attempt"]

Draw: TypeAlias = Callable[[int], Generator]
"""Gives the source of random numbers of a pair, by its position."""

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
        return [
            self.estimate_kin([self], pair, random=draw(place))[0]
            for place, pair in enumerate(pairs)
        ]

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
            return [refuse(MethodStatus.not_identified, _TOO_WIDE, nsnp=data.m)] * len(methods)
        fitting = [method.in_units(outcome, exposure) for method in methods]
        estimates = attempt(
            lambda: fitting[0].fit_kin(fitting, scaled, random=random),
            count=len(methods),
            m=data.m,
        )
        return [self._finish(found, outcome, exposure) for found in estimates]

    def _finish(self, found: Estimate, outcome: int, exposure: int) -> Estimate:
        unit = (0, 0) if self.pure else (outcome, exposure)
        found = restore_units(found, outcome=unit[0], exposure=unit[1], powers=self.powers)
        return certify(found, measures=self.measures)

    def find_refusal(self, m: int, zeros: int) -> Estimate | None:
        """Return why so many variants, so many of them without effect, cannot be used; or None.

        Parameters
        ----------
        m, zeros : variants, and those whose effect on the exposure is zero.
        """
        if m < self.fewest:
            return refuse(MethodStatus.too_few, f"needs {self.fewest} variants, found {m}", nsnp=m)
        if self.max_variants is not None and m > self.max_variants:
            text = f"takes at most {self.max_variants} variants, found {m}"
            return refuse(MethodStatus.not_identified, text, nsnp=m)
        if zeros == m:
            text = "no variant has an effect on the exposure"
            return refuse(MethodStatus.zero_effect, text, nsnp=m)
        if self.every_effect and zeros:
            text = f"{zeros} variants have no effect on the exposure, so no ratio"
            return refuse(MethodStatus.zero_effect, text, nsnp=m)
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

    def select(self, row: int) -> Block:
        """Return the block of one pair.

        Parameters
        ----------
        row : its position.
        """
        part = slice(row, row + 1)
        return Block(self.x[part], self.sx[part], self.y[part], self.sy[part])


class BlockMethod(Method):
    """An estimator that is written for many pairs at once; a pair is a block of one."""

    __slots__ = ()

    pairs_at_once: ClassVar[int] = 4096  # a few milliseconds of array arithmetic

    @abstractmethod
    def fit_block(self, block: Block, /) -> list[Estimate]:
        """Return the estimate, or a refusal, of every pair of a block."""

    def fit(self, data: Harmonised, /, *, random: Generator) -> Estimate:
        """Return the estimate of a block of one."""
        del random
        arrays = (data.x, data.sx, data.beta_y, data.se_y)
        return self.fit_block(Block(*(array[None, :] for array in arrays)))[0]

    def estimate_many(self, pairs: Sequence[Harmonised], /, *, draw: Draw) -> list[Estimate]:
        """Return the estimates of pairs; those of as many variants are fitted in one array.

        There is no padding, and sums run along the variants of one pair, so that a pair's numbers
        do not depend on the others.
        """
        del draw
        groups: dict[int, list[int]] = {}
        for place, pair in enumerate(pairs):
            groups.setdefault(pair.m, []).append(place)
        estimates: dict[int, Estimate] = {}
        for places in groups.values():
            made = self._estimate_group([pairs[place] for place in places])
            estimates.update(zip(places, made, strict=True))
        return [estimates[place] for place in range(len(pairs))]

    def _estimate_group(self, pairs: Sequence[Harmonised]) -> list[Estimate]:
        m = pairs[0].m
        x = np.array([pair.x for pair in pairs])
        zeros = np.count_nonzero(x == 0, axis=1)
        refusals = [self.find_refusal(m, int(count)) for count in zeros]
        rows = np.array([k for k, refusal in enumerate(refusals) if refusal is None], dtype=int)
        if not rows.size:
            return [refusal for refusal in refusals if refusal is not None]
        block, exponents, lost = _stack([pairs[row] for row in rows], x[rows])
        fitted = _fit_block(self, block)
        estimates = dict(enumerate(refusals))
        for place, row in enumerate(rows.tolist()):
            outcome, exposure = (int(value) for value in exponents[place])
            found = fitted[place]
            if lost[place]:
                found = refuse(MethodStatus.not_identified, _TOO_WIDE, nsnp=m)
            estimates[row] = self._finish(found, outcome, exposure)
        return [found for found in estimates.values() if found is not None]


def attempt(fit: Callable[[], list[Estimate]], *, count: int, m: int) -> list[Estimate]:
    """Return what an estimator gives; arithmetic that breaks down is a refusal, not an error.

    Overflow and division by zero inside a fit are not reported one by one: what they leave behind
    is not finite, and has no certificate.

    Parameters
    ----------
    fit : the estimator, applied to its data.
    count : estimates that it would give.
    m : variants.

    Examples
    --------
    >>> attempt(lambda: [] if 1 // 0 else [], count=1, m=0)[0].status.value
    'not_identified'
    """
    try:
        with np.errstate(all="ignore"):
            return fit()
    except (ArithmeticError, LinAlgError) as fault:
        text = f"the arithmetic breaks down: {fault}"
        return [refuse(MethodStatus.not_identified, text, nsnp=m)] * count


def _fit_block(method: BlockMethod, block: Block) -> list[Estimate]:
    """Return the estimates of a block; where one breaks the arithmetic, each is tried alone."""
    try:
        with np.errstate(all="ignore"):
            return method.fit_block(block)
    except (ArithmeticError, LinAlgError):
        return [
            attempt(partial(method.fit_block, block.select(k)), count=1, m=block.m)[0]
            for k in range(block.x.shape[0])
        ]


def _stack(pairs: Sequence[Harmonised], x: F64) -> tuple[Block, I64, Bool]:
    """Pairs at the size of one, (k, 2) exponents, and (k,) whether numbers were lost."""
    arrays = (
        x,
        np.array([pair.sx for pair in pairs]),
        np.array([pair.beta_y for pair in pairs]),
        np.array([pair.se_y for pair in pairs]),
    )
    exposure = find_exponents(arrays[0], arrays[1])
    outcome = find_exponents(arrays[2], arrays[3])
    scaled = [
        np.ldexp(array, -exponent[:, None])
        for array, exponent in zip(arrays, (exposure, exposure, outcome, outcome), strict=True)
    ]
    lost = np.zeros(x.shape[0], dtype=np.bool_)
    for before, after in zip(arrays, scaled, strict=True):
        lost |= vanishes(before, after)
    return Block(*scaled), np.column_stack([outcome, exposure]), lost


def _scale(data: Harmonised, *, exposure: int, outcome: int) -> Harmonised | None:
    """Return the effects divided by powers of two; None where numbers are lost."""
    arrays = (data.beta_x, data.se_x, data.beta_y, data.se_y)
    exponents = (exposure, exposure, outcome, outcome)
    scaled = [np.ldexp(a, -e) for a, e in zip(arrays, exponents, strict=True)]
    if any(vanishes(a.ravel(), b.ravel()) for a, b in zip(arrays, scaled, strict=True)):
        return None
    return replace(data, beta_x=scaled[0], se_x=scaled[1], beta_y=scaled[2], se_y=scaled[3])
