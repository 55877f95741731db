"""What a scan does, before it does it: groups of models that share rows, and blocks of proteins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from proteomr._typing import I64
from proteomr.design import Design, Formula, build, columns_of, union
from proteomr.models import (
    Absorbed,
    Adjustment,
    AnyFamily,
    Factor,
    Model,
    Problem,
    Target,
)
from proteomr.scan.groups import Group, ModelKey
from proteomr.scan.reading import Reading
from proteomr.scan.strata import Stratum
from proteomr.stats.linalg import condition_columns
from proteomr.stats.transforms import Transform
from proteomr.tables import Cohort, Drop

__all__ = ["Plan", "ProteinBlock", "RowKey"]


@dataclass(frozen=True, slots=True)
class ProteinBlock:
    """Proteins fitted together: their positions, and the groups of their panel and strata."""

    index: int
    proteins: I64
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RowKey:
    """What identifies a row of a protein's results, by position.

    Term 0 is the main effect, term i the i-th interaction.
    """

    target: int
    adjustment: int
    stratum: int
    contrast: int
    term: int


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a scan does, before it does it.

    Attributes
    ----------
    reading : the cohort met with the adjustment sets.
    family : with what is asked of it.
    targets : the exposures and outcomes.
    transform : of the proteins, within the complete cases of each fit.
    strata : at least one: those of the reading, or other sets of rows.
    groups : models that share rows.
    blocks : proteins that are fitted together.
    correlations : within the blocks of the reading, of each model, once it is known.
    drops : people that a target or covariate takes out, by step.
    """

    reading: Reading
    family: AnyFamily
    targets: tuple[Target, ...]
    transform: Transform
    strata: tuple[Stratum, ...]
    groups: tuple[Group, ...]
    blocks: tuple[ProteinBlock, ...]
    drops: tuple[Drop, ...]
    correlations: Mapping[ModelKey, float] = field(default_factory=dict, kw_only=True)

    @property
    def cohort(self) -> Cohort:
        """The people and their proteins."""
        return self.reading.cohort

    @property
    def columns_scanned(self) -> tuple[tuple[int, Target], ...]:
        """The targets by position, of those that are of one column the first."""
        first = {target.name: (e, target) for e, target in reversed([*enumerate(self.targets)])}
        return tuple(sorted(first.values(), key=lambda pair: pair[0]))

    @property
    def tests_per_protein(self) -> int:
        """Rows of the result for each protein."""
        contrasts = sum(
            len(target.contrasts)
            for stratum in self.strata
            for e, target in enumerate(self.targets)
            if stratum.asks(e)
        )
        return contrasts * (1 + len(self.reading.modifiers.terms)) * len(self.reading.labels)

    def count_fits(self, block: ProteinBlock) -> int:
        """Return how many rows of the result a block gives."""
        return block.proteins.size * sum(
            len(self.coefficients(self.groups[g])) for g in block.groups
        )

    def coefficients(self, group: Group) -> tuple[RowKey, ...]:
        """Return what the columns of a group's :class:`~proteomr.models.FitBlock` are."""
        return tuple(
            RowKey(key.target, key.adjustment, key.stratum, contrast, term)
            for key in group.models
            for contrast in range(len(self.targets[key.target].contrasts))
            for term in range(1 + len(self.reading.modifiers.terms))
        )

    def problem(self, group: Group, design: Design | None = None) -> Problem:
        """Build the arrays that the fits of a group share.

        Parameters
        ----------
        design : of the group's formulas and rows, which nobody else has; None to build it.
        """
        reading, by = self.reading, self.reading.modifiers
        if design is None:
            design = self._build_design(group)
        position = {a: i for i, a in enumerate(group.formulas)}
        used = sorted({key.target for key in group.models})
        first = design.matrix[0].copy()
        covariates, scales = condition_columns(design.matrix, overwrite=True)
        return Problem(
            covariates=covariates,
            names=design.names,
            factors=tuple(
                Factor(f.name, f.codes, np.array(f.columns, dtype=np.int64)) for f in design.factors
            ),
            targets=tuple(self.targets[e].take(group.rows) for e in used),
            adjustments=tuple(
                self._adjust(design, group.formulas[a], a, label)
                for a, label in enumerate(reading.labels)
                if a in group.formulas
            ),
            models=tuple(
                Model(used.index(key.target), position[key.adjustment]) for key in group.models
            ),
            own_names=tuple(reading.covariates[i].name for i in group.own),
            interaction=by.interaction[group.rows] if by.terms else None,
            weights=None if by.weights is None else by.weights[group.rows],
            clusters=None if by.clusters is None else by.clusters[group.rows],
            instruments=None if by.instruments is None else by.instruments[group.rows],
            instrument_names=by.instrument_names,
            notes=design.notes,
            scales=scales,
            shifts=first - covariates[0] * scales,
            random=None if by.random is None else by.random.take(group.rows),
            weight_kind=self.family.options.weight_kind,
            blocks=None if by.blocks is None else by.blocks[group.rows],
            correlations=np.array([self.correlations.get(key, np.nan) for key in group.models]),
            absorbed=None
            if by.absorbed is None
            else Absorbed(reading.absorbed, by.absorbed[group.rows]),
            people=group.rows,
            cohort=reading.cohort.n,
            baseline=None if by.baseline is None else by.baseline[group.rows],
            persons=None if by.persons is None else by.persons[group.rows],
        )

    def _adjust(self, design: Design, formula: Formula, a: int, label: str) -> Adjustment:
        """Return an adjustment set as columns of a design, and those of the set it adds to."""
        columns = np.array(columns_of(design, formula), dtype=np.int64)
        added = self.reading.added_to(a)
        if added is None:
            return Adjustment(label, columns)
        less = Formula(tuple(term for term in formula.terms if term not in added))
        return Adjustment(label, columns, np.array(columns_of(design, less), dtype=np.int64))

    def _build_design(self, group: Group) -> Design:
        formula = union(group.formulas.values())
        samples = self.cohort.samples
        needed = samples.select(name for name in formula.variables if name in samples.columns)
        shared = [pl.Series(name, values) for name, values in group.shared.items()]
        return build(formula, needed.with_columns(shared), rows=group.rows)
