"""The frame of every estimator of one exposure: what it declares, checks, and must show."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from dataclasses import Field
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.linalg import LinAlgError
from numpy.random import Generator

from proteomr.mr.methods.base import Estimate, Measure, certify, note_contradiction, refuse
from proteomr.mr.methods.units import Powers, find_exponents, restore_units, scale_effects
from proteomr.mr.methods.variant_order import order_variants, place_back
from proteomr.status import Status
from proteomr.tables import Harmonised

__all__ = ["TOO_WIDE", "Declared", "Draw", "Method", "attempt"]

Draw: TypeAlias = Callable[[int], Generator]
"""Gives the source of random numbers of a pair, by its position."""

TOO_WIDE = "effects or standard errors differ by more orders of magnitude than numbers hold"
"""Why effects cannot be brought to the size of one."""


class Declared(ABC):
    """What every estimator declares; a frozen dataclass whose fields are its parameters.

    Attributes
    ----------
    key, label, reference : name of the method, its title, and the DOI of its source.
    aliases : names that the field's R packages have for it.
    min_variants, max_variants : number of variants it takes; None for no upper bound. Each further
        exposure needs one variant more.
    optional : pairs of more variants than it takes have no row of it, where others have theirs.
    every_effect : it needs an effect on the exposure of every variant, as ratios do.
    stochastic : its standard errors come from draws.
    needs_sample_size : it needs the sample sizes of the studies.
    needs_correlations : it needs the correlations of the variants.
    needs_genome : it rests on variants of the whole genome, not on the instruments.
    points : it gives an estimate; otherwise a p value and confidence sets alone.
    measures : what it gives beside estimate and p value.
    powers : units of its details; those absent here have none.
    version : counts the changes of its formulas that change numbers.
    contradiction : why its limits and its p value may disagree on zero; the message says so where
        they do. Empty where they cannot.
    """

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    key: ClassVar[str]
    label: ClassVar[str]
    reference: ClassVar[str]
    aliases: ClassVar[tuple[str, ...]] = ()
    min_variants: ClassVar[int]
    max_variants: ClassVar[int | None] = None
    optional: ClassVar[bool] = False
    every_effect: ClassVar[bool] = False
    stochastic: ClassVar[bool] = False
    needs_sample_size: ClassVar[bool] = False
    needs_correlations: ClassVar[bool] = False
    needs_genome: ClassVar[bool] = False
    points: ClassVar[bool] = True
    measures: ClassVar[tuple[Measure, ...]] = ("se", "limits")
    powers: ClassVar[Powers] = {}
    version: ClassVar[int] = 2
    contradiction: ClassVar[str] = ""
    tables: ClassVar[tuple[str, ...]] = ()

    @property
    def fewest(self) -> int:
        """Variants needed with these parameters."""
        return self.min_variants

    @property
    def drawing(self) -> bool:
        """Whether random numbers are drawn with these parameters."""
        return self.stochastic

    @property
    def further_tables(self) -> tuple[str, ...]:
        """Names of the further tables that it gives with these parameters."""
        return self.tables


class Method(Declared):
    """An estimator of the effect of one exposure.

    A subclass declares what stands in `Declared` and writes `fit`. `estimate` refuses what the
    declaration excludes, brings the effects to the size of one, and lets no estimate out without
    its certificate.

    Attributes
    ----------
    pure : the estimate is a number without a unit.
    pairs_at_once : pairs in a block of work.
    by_rows : variants are taken in the order of the rows; else in that of
        `proteomr.mr.methods.variant_order`, so that no number hangs on rows.
    """

    __slots__ = ()

    pure: ClassVar[bool] = False
    by_rows: ClassVar[bool] = False
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
        if not any(method.drawing for method in methods):
            unused = np.random.default_rng(0)  # making one for each pair costs as much as a fit
            rows = [self.estimate_kin(methods, pair, random=unused) for pair in pairs]
        else:
            rows = [
                self.estimate_kin(methods, pair, random=draw(place))
                for place, pair in enumerate(pairs)
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
        order = np.arange(data.m) if self.by_rows else order_variants(data)
        scaled = scale_effects(data.select(order), exposure=exposure, outcome=outcome)
        if scaled is None:
            return [refuse(Status.not_identified, TOO_WIDE, nsnp=data.m)] * len(methods)
        fitting = [method.in_units(outcome, exposure) for method in methods]
        estimates = attempt(
            lambda: fitting[0].fit_kin(fitting, scaled, random=random),
            count=len(methods),
            m=data.m,
        )
        return [
            place_back(self.finish(estimate, outcome, exposure), order) for estimate in estimates
        ]

    def finish(self, estimate: Estimate, outcome: int, exposure: int) -> Estimate:
        """Return an estimate of scaled effects in their own units, with its certificate.

        Parameters
        ----------
        estimate : what `fit` gave.
        outcome, exposure : powers of two by which effects were divided.
        """
        unit = (0, 0) if self.pure else (outcome, exposure)
        estimate = restore_units(estimate, outcome=unit[0], exposure=unit[1], powers=self.powers)
        certified = certify(estimate, measures=self.measures, points=self.points)
        if not self.contradiction:
            return certified
        return note_contradiction(certified, self.contradiction)

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
