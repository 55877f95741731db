"""From a reading and a family to groups of models that share rows, and blocks of proteins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import I64, Bool
from proteomr.design import build, columns_of, union
from proteomr.errors import ColumnError, NothingToDo, UsageError
from proteomr.models import (
    Adjustment,
    AnyFamily,
    Asked,
    Factor,
    Model,
    Problem,
    Target,
    refuse_unsupported,
)
from proteomr.scan.groups import Group, group_models
from proteomr.scan.reading import Reading
from proteomr.stats.linalg import condition_columns
from proteomr.stats.tiles import TILE
from proteomr.stats.transforms import Transform
from proteomr.tables import Cohort, Drop

__all__ = ["BLOCK_SIZE", "Plan", "ProteinBlock", "RowKey", "choose_block_size", "plan_blocks"]

# Proteins fitted together: enough that products with shared covariates run as matrix products at
# full speed, few enough that a block of tens of thousands of people stays in the last-level cache.
BLOCK_SIZE = 48
# 32 MB in double precision: larger arrays go back to the system between blocks, and every page of
# the next one is cleared anew.
_CELLS_AT_ONCE = 4_000_000
# Rows of groups that a block is fitted to: their covariates stay in memory, prepared, and beyond
# 300 MB of these, proteins are better read anew for the next groups.
_ROWS_AT_ONCE = 400_000


@dataclass(frozen=True, slots=True)
class ProteinBlock:
    """Proteins fitted together: their positions, and the groups of their panel."""

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
    groups : models that share rows.
    blocks : proteins that are fitted together.
    drops : people that a target or covariate takes out, by step.
    """

    reading: Reading
    family: AnyFamily
    targets: tuple[Target, ...]
    transform: Transform
    groups: tuple[Group, ...]
    blocks: tuple[ProteinBlock, ...]
    drops: tuple[Drop, ...]

    @property
    def cohort(self) -> Cohort:
        """The people and their proteins."""
        return self.reading.cohort

    @property
    def tests_per_protein(self) -> int:
        """Rows of the result for each protein."""
        contrasts = sum(len(target.contrasts) for target in self.targets)
        terms = 1 + len(self.reading.modifiers.terms)
        return contrasts * terms * len(self.reading.labels) * len(self.reading.strata)

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

    def problem(self, group: Group) -> Problem:
        """Build the arrays that the fits of a group share."""
        reading, by = self.reading, self.reading.modifiers
        formula = union(group.formulas.values())
        samples = reading.cohort.samples
        # The identifier keeps the number of rows where the formula is the intercept alone.
        needed = [name for name in formula.variables if name in samples.columns]
        frame = samples.select(reading.cohort.id_column, *needed)[group.rows]
        shared = [pl.Series(name, values[group.rows]) for name, values in group.shared.items()]
        design = build(formula, frame.with_columns(shared))
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
                Adjustment(label, np.array(columns_of(design, group.formulas[a]), dtype=np.int64))
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
            people=group.rows,
            cohort=reading.cohort.n,
        )


def choose_block_size(people: int) -> int:
    """Return how many proteins are fitted together: fewer where there are many people.

    Examples
    --------
    >>> choose_block_size(42_062), choose_block_size(80_000), choose_block_size(500_000)
    (48, 48, 12)
    """
    tiles = _CELLS_AT_ONCE // (TILE * max(people, 1))
    return min(BLOCK_SIZE, TILE * max(tiles, 1))


def plan_blocks(
    reading: Reading,
    family: AnyFamily,
    *,
    targets: Sequence[Target],
    transform: Transform = "rint",
    block_size: int | None = None,
    step: str = "scan",
) -> Plan:
    """Lay out the fits of every protein to every target under every adjustment set.

    Parameters
    ----------
    reading : the cohort met with the adjustment sets.
    family : with what is asked of it.
    targets : of :func:`proteomr.scan.read_target`.
    transform : of the proteins.
    block_size : proteins fitted together; by default as :func:`choose_block_size` has it.
    step : what the people left out are counted under.

    Raises
    ------
    UsageError
        The family does not do what is asked, or a target is in an adjustment set.
    ColumnError
        Nobody is complete.
    """
    if not reading.cohort.proteins.names:
        raise NothingToDo("the cohort has no proteins")
    refuse_unsupported(type(family), _describe_asked(reading, family, targets))
    family.check_targets(targets)
    _refuse_clashes(reading, targets)
    size = choose_block_size(reading.cohort.n) if block_size is None else block_size
    groups: list[Group] = []
    blocks: list[ProteinBlock] = []
    orders: dict[tuple[bytes, str], I64] = {}
    for proteins in _partition(reading):
        first = len(groups)
        shared = reading.shared_values(int(proteins[0]))
        groups += group_models(reading, family, targets=targets, shared=shared, orders=orders)
        for members in _part_groups(groups, first):
            for start in range(0, proteins.size, size):
                part = proteins[start : start + size]
                blocks.append(ProteinBlock(len(blocks), part, members))
    if not any(group.rows.size for group in groups):
        raise ColumnError(
            f"nobody has exposures and covariates complete: {reading.describe_missing()}"
        )
    return Plan(
        reading=reading,
        family=family,
        targets=tuple(targets),
        transform=transform,
        groups=tuple(groups),
        blocks=tuple(blocks),
        drops=_count_drops(reading, targets, step=step),
    )


def _part_groups(groups: Sequence[Group], first: int) -> list[tuple[int, ...]]:
    """Part the groups from one on into runs whose rows, together, are not too many to hold."""
    runs: list[list[int]] = []
    rows = 0
    for place in range(first, len(groups)):
        rows += groups[place].rows.size
        if not runs or rows > _ROWS_AT_ONCE:
            runs.append([])
            rows = groups[place].rows.size
        runs[-1].append(place)
    return [tuple(run) for run in runs]


def _describe_asked(reading: Reading, family: AnyFamily, targets: Sequence[Target]) -> Asked:
    own = any(not reading.is_shared(covariate) for covariate in reading.covariates)
    return Asked(
        options=family.options,
        roles=frozenset(target.role for target in targets),
        weights=reading.weights is not None,
        interaction=bool(reading.modifiers.terms),
        own_covariates=own,
    )


def _refuse_clashes(reading: Reading, targets: Sequence[Target]) -> None:
    for label, formula in zip(reading.labels, reading.formulas, strict=True):
        named = [target for target in targets if target.name not in reading.beside]
        clash = [target for target in named if target.name in formula.variables]
        if clash:
            raise UsageError(
                f"{clash[0].name!r} is an {clash[0].role} and in the adjustment set {label!r}: "
                "take it out of one"
            )
    _refuse_instruments_of_models(reading, targets)


def _refuse_instruments_of_models(reading: Reading, targets: Sequence[Target]) -> None:
    """Refuse a column that is an instrument and in the model itself."""
    made_of = reading.modifiers.instrument_variables
    for target in targets:
        if target.name in made_of:
            raise UsageError(
                f"{target.name!r} is an {target.role} and an instrument: an instrument moves it "
                "from outside; name another column"
            )
    for label, formula in zip(reading.labels, reading.formulas, strict=True):
        both = [name for name in made_of if name in formula.variables]
        if both:
            raise UsageError(
                f"{both[0]!r} is an instrument and in the adjustment set {label!r}: covariates are "
                "instruments of themselves; take it out of one"
            )


def _partition(reading: Reading) -> list[I64]:
    """Split the proteins by the covariate columns that they share, in order of appearance."""
    shared = [
        covariate.column_of for covariate in reading.covariates if reading.is_shared(covariate)
    ]
    panels: dict[tuple[int, ...], list[int]] = {}
    for protein in range(len(reading.cohort.proteins.names)):
        key = tuple(column_of[protein] for column_of in shared)
        panels.setdefault(key, []).append(protein)
    return [np.array(proteins, dtype=np.int64) for proteins in panels.values()]


def _count_drops(reading: Reading, targets: Sequence[Target], *, step: str) -> tuple[Drop, ...]:
    columns, by = reading.columns, reading.stratified_by
    counts: list[tuple[str, str, int]] = []
    if by is not None:
        anywhere = np.logical_or.reduce([stratum.rows for stratum in reading.strata])
        counts = [(step, by, int(np.sum(~anywhere)))]
    named = (reading.weights, reading.cluster, *reading.random)
    names = list(dict.fromkeys(name for name in named if name is not None))
    names += reading.modifiers.instrument_variables
    zero = _find_weightless(reading)
    weightless: list[Drop] = []
    for stratum in reading.strata:
        where = "" if stratum.label is None else f" in {by} {stratum.label}"
        rows = stratum.rows
        counts += [(f"{step}{where}", t.name, int(np.sum(~t.observed & rows))) for t in targets]
        counts += [
            (f"{step}{where}", name, int(np.sum(columns.missing(name) & rows))) for name in names
        ]
        weightless += [Drop(f"{step}{where}", f"{reading.weights} 0", int(np.sum(zero & rows)))]
        counts += [
            (f"{step}, {label}{where}", name, int(np.sum(columns.missing(name) & rows)))
            for label, formula in zip(reading.labels, reading.formulas, strict=True)
            for name in formula.variables
            if name in columns
        ]
    brought = {beside.label: beside.formula for beside in reading.beside.values()}
    counts += [
        (f"{step}, outcomes {label}", name, int(np.sum(columns.missing(name))))
        for label, formula in brought.items()
        for name in formula.variables
    ]
    missing = [Drop(of, f"{name} missing", n) for of, name, n in counts]
    genotyped = reading.modifiers.genotyped
    if genotyped is not None:
        missing.append(Drop(step, "not among the genotypes", int(np.sum(~genotyped))))
    return tuple(drop for drop in (*missing, *weightless) if drop.n)


def _find_weightless(reading: Reading) -> Bool:
    """Return who has a weight of 0 and is left out for it ``(n,)``."""
    if reading.weights is None or reading.modifiers.weights is None:
        return np.zeros(reading.cohort.n, dtype=bool)
    absent = np.isnan(reading.modifiers.weights)
    return np.asarray(absent & ~reading.columns.missing(reading.weights))
