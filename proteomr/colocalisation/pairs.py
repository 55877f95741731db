"""Pairs of traits, region by region: all that a block of them gives, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.colocalisation.linkage import HitLink
from proteomr.colocalisation.pair_tables import (
    Segment,
    tabulate_evidence,
    tabulate_failures,
    tabulate_sensitivity,
    tabulate_sets,
    tabulate_variants,
)
from proteomr.colocalisation.rules import PairRule
from proteomr.colocalisation.signals import Separator, Signal, Signals
from proteomr.colocalisation.stretches import NOWHERE, Stretch
from proteomr.colocalisation.traits import SAME_DATA, Atlas, Trait, is_same
from proteomr.status import Status

__all__ = ["PairBlock", "PairTask", "PairWork"]

# Of a signal that lies on variants which the other study lacks nothing can be said: coloc asks
# for half of it among those shared.
_LEAST_OVERLAP: Final = 0.5
# Signals of one trait serve all its pairs. A region of 1,000 variants with ten signals takes 90 KB.
_KEPT: Final = 512


@dataclass(frozen=True, slots=True)
class PairTask:
    """Two traits of an atlas, and a region; `NOWHERE` where neither has a lead to look around."""

    first: int
    second: int
    stretch: Stretch


@dataclass(frozen=True, slots=True, eq=False)
class PairBlock:
    """Some pairs, and the traits that they are of, by their numbers.

    Attributes
    ----------
    tasks : what is compared.
    traits : all that the tasks name.
    """

    tasks: Sequence[PairTask]
    traits: Mapping[int, Trait]

    @classmethod
    def load(cls, tasks: Sequence[PairTask], atlas: Atlas) -> PairBlock:
        """Return tasks with their traits, which an atlas may keep on disk."""
        numbers = dict.fromkeys(number for task in tasks for number in (task.first, task.second))
        return cls(tasks, {number: atlas.traits[number] for number in numbers})


@dataclass(frozen=True, slots=True, eq=False)
class PairWork:
    """Evidence of shared causal variants for the pairs of a block.

    Attributes
    ----------
    atlas : variants; traits come with the blocks.
    rule : priors and what is written.
    separators : find the signals of first and of second traits.
    weights : (n,) relative prior weights of the atlas's variants for each side, NaN where the file
        has none; None where all are alike.
    link : correlates hits; None without linkage disequilibrium.
    """

    atlas: Atlas
    rule: PairRule
    separators: tuple[Separator, Separator]
    weights: tuple[F64 | None, F64 | None] = (None, None)
    link: HitLink | None = None
    _held: dict[tuple[int, int, int, int], Signals] = field(
        default_factory=dict[tuple[int, int, int, int], Signals]
    )

    def __call__(self, block: PairBlock, /) -> dict[str, pl.DataFrame]:
        """Return the tables of a block: ``coloc``, ``coloc_snps``, ``coloc_sensitivity``, sets."""
        segments: list[Segment] = []
        failures: list[Mapping[str, object]] = []
        sets: dict[tuple[str, str], pl.DataFrame] = {}
        for place, task in enumerate(block.tasks):
            found = self._pair(task, place, block.traits)
            segments += [part for part in found if isinstance(part, Segment)]
            failures += [part for part in found if not isinstance(part, Segment)]
            sets |= self._list_sets(task, block.traits)
        evidence, details = tabulate_evidence(
            segments, self.atlas, self.rule, weights=self.weights, link=self.link
        )
        rows = pl.concat([evidence, tabulate_failures(failures)], how="diagonal_relaxed")
        return {
            "coloc": rows.sort("_place", maintain_order=True).drop("_place"),
            "coloc_snps": tabulate_variants(
                segments, self.atlas, details, self.rule, link=self.link
            ),
            "coloc_sensitivity": tabulate_sensitivity(segments, details, self.rule),
            "credible_sets": tabulate_sets(sets, self.atlas),
        }

    def _pair(
        self, task: PairTask, place: int, known: Mapping[int, Trait]
    ) -> list[Segment | Mapping[str, object]]:
        """Return the segments of a task, or a row that says why there are none."""
        traits = (known[task.first], known[task.second])
        if task.stretch == NOWHERE:
            text = f"no variant of either trait has p <= {self.rule.lead_p:g}"
            return [_refuse(task, traits, place, Status.no_signal, text)]
        sides = [self._signals(task, side, traits[side]) for side in (0, 1)]
        for found in sides:
            if found.status is not Status.ok:
                return [_refuse(task, traits, place, found.status, found.message, sides)]
        return [
            self._meet(task, traits, place, both, sides)
            for both in product(sides[0].signals, sides[1].signals)
        ]

    def _meet(
        self,
        task: PairTask,
        traits: tuple[Trait, Trait],
        place: int,
        signals: tuple[Signal, Signal],
        sides: Sequence[Signals],
    ) -> Segment | Mapping[str, object]:
        """Return what two signals have in common, or why nothing can be said of them."""
        codes, one, two = np.intersect1d(
            signals[0].codes, signals[1].codes, assume_unique=True, return_indices=True
        )
        unweighted = 0
        for weight in self.weights:
            if weight is not None and codes.size:
                told = np.isfinite(weight[codes])
                codes, one, two = codes[told], one[told], two[told]
                unweighted += int((~told).sum())
        labels = (signals[0].label, signals[1].label)
        rows = [np.searchsorted(trait.codes, codes) for trait in traits]
        logs = [signal.logs[at] for signal, at in zip(signals, (one, two), strict=True)]
        reason = _judge(codes, logs, signals, unweighted=unweighted)
        if reason is None and is_same(traits, rows):
            reason = Status.same_data, SAME_DATA
        if reason is not None:
            return _refuse(task, traits, place, *reason, sides, labels)
        words = [found.message for found in sides if found.message]
        if unweighted:
            words.append(f"{unweighted} shared variants have no prior weight and are left out")
        return Segment(
            place, task.stretch, traits, (rows[0], rows[1]), codes,
            (logs[0], logs[1]), labels, (sides[0], sides[1]), tuple(words),
        )  # fmt: skip

    def _signals(self, task: PairTask, side: int, trait: Trait) -> Signals:
        """Return the signals of a side of a task, kept for its further pairs."""
        number = (task.first, task.second)[side]
        low, high = task.stretch.codes(self.atlas)
        key = (side, number, low, high)
        if key not in self._held:
            found = self.separators[side](trait, trait.rows_between(low, high))
            while len(self._held) >= _KEPT:
                self._held.pop(next(iter(self._held)), None)
            self._held[key] = found
        return self._held.get(key) or self._signals(task, side, trait)

    def _list_sets(
        self, task: PairTask, known: Mapping[int, Trait]
    ) -> dict[tuple[str, str], pl.DataFrame]:
        """Return the credible sets of both traits of a task, by trait and region."""
        if task.stretch == NOWHERE:
            return {}
        held: dict[tuple[str, str], pl.DataFrame] = {}
        for side, number in enumerate((task.first, task.second)):
            sets = self._signals(task, side, known[number]).sets
            if sets is not None:
                held[known[number].name, task.stretch.name] = sets
        return held


def _refuse(
    task: PairTask,
    traits: tuple[Trait, Trait],
    place: int,
    status: Status,
    message: str | None,
    sides: Sequence[Signals] = (),
    labels: tuple[int | None, int | None] = (None, None),
) -> Mapping[str, object]:
    """Return the row of a pair without numbers."""
    counts: list[int | None] = [found.n_variants for found in sides]
    counts = counts or [None, None]
    return {
        "_place": place, "stretch": task.stretch,
        "trait1": traits[0].name, "trait2": traits[1].name,
        "set1": labels[0], "set2": labels[1], "nsnps1": counts[0], "nsnps2": counts[1],
        "status": status.name, "message": message,
    }  # fmt: skip


def _judge(
    codes: I64,
    logs: Sequence[F64],
    signals: tuple[Signal, Signal],
    *,
    unweighted: int,
) -> tuple[Status, str] | None:
    """Return why nothing can be said of two signals; None where something can."""
    if not codes.size:
        rest = "" if not unweighted else f" with a prior weight ({unweighted} have none)"
        return Status.nothing_shared, f"the traits share no variant of the region{rest}"
    for signal, own in zip(signals, logs, strict=True):
        if signal.label is not None:
            share = float(np.exp(np.logaddexp.reduce(own) - np.logaddexp.reduce(signal.logs)))
            if share < _LEAST_OVERLAP:
                text = f"{share:.1%} of signal {signal.label} is on variants that both have"
                return Status.nothing_shared, text
    return None
