"""From a reading and a family to groups of models that share rows, and blocks of proteins."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from proteomr._typing import I64
from proteomr.errors import ColumnError, NothingToDo, UsageError
from proteomr.models import (
    AnyFamily,
    Asked,
    Target,
    refuse_unsupported,
)
from proteomr.scan.drops import count_drops
from proteomr.scan.groups import Group, group_models
from proteomr.scan.plan import Plan, ProteinBlock
from proteomr.scan.reading import Reading
from proteomr.scan.row_sets import ROWS_AT_ONCE, RowSets
from proteomr.stats.tiles import TILE
from proteomr.stats.transforms import Transform

__all__ = ["BLOCK_SIZE", "choose_block_size", "plan_blocks"]

# Proteins fitted together: enough that products with shared covariates run as matrix products at
# full speed, few enough that a block of tens of thousands of people stays in the last-level cache.
BLOCK_SIZE = 48
# 32 MB in double precision: larger arrays go back to the system between blocks, and every page of
# the next one is cleared anew.
_CELLS_AT_ONCE = 4_000_000
# Blocks of everybody that a block of sets of rows has: at 21,000 people and 40 covariates logistic
# fits take 1.3 times the time a row of everybody's with 48 proteins, 1.2 with 96, 1.1 from 144 on.
_OF_SETS = 3


def choose_block_size(people: int, *, most: int = BLOCK_SIZE) -> int:
    """Return how many proteins are fitted together: fewer where there are many people.

    Examples
    --------
    >>> choose_block_size(42_062), choose_block_size(80_000), choose_block_size(500_000)
    (48, 48, 12)
    """
    tiles = _CELLS_AT_ONCE // (TILE * max(people, 1))
    return min(most, TILE * max(tiles, 1))


def _choose_size(reading: Reading, row_sets: RowSets | None) -> int:
    """Return how many proteins are fitted together: more of halves, each with a fit or two.

    Products with the covariates run at full speed from some hundred fits on, which everybody's two
    exposures and halves of one have for as many cells.
    """
    if row_sets is None:
        return choose_block_size(reading.cohort.n)
    people = max(stratum.most for stratum in row_sets.strata)
    return choose_block_size(people, most=_OF_SETS * BLOCK_SIZE)


def plan_blocks(
    reading: Reading,
    family: AnyFamily,
    *,
    targets: Sequence[Target],
    transform: Transform = "rint",
    block_size: int | None = None,
    row_sets: RowSets | None = None,
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
    row_sets : whom the models are fitted to, in place of the strata of the reading.
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
    if family.options.weight_kind == "frequency":
        _refuse_parts_of_people(reading)
    sets = RowSets((reading.strata,)) if row_sets is None else row_sets
    size = _choose_size(reading, row_sets) if block_size is None else block_size
    groups: list[Group] = []
    blocks: list[ProteinBlock] = []
    orders: dict[tuple[bytes, str], I64] = {}
    for proteins in _partition(reading):
        shared = reading.shared_values(int(proteins[0]))
        for strata in sets.chunks():
            first = len(groups)
            groups += group_models(
                reading, family, targets=targets, strata=strata, shared=shared, orders=orders
            )
            members = tuple(range(first, len(groups)))
            runs = _part_groups(groups, first) if row_sets is None else [members]
            for run, start in itertools.product(runs, range(0, proteins.size, size)):
                part = proteins[start : start + size]
                blocks.append(ProteinBlock(len(blocks), part, run))
    if not any(group.rows.size for group in groups):
        raise ColumnError(_describe_nobody(reading, targets))
    return Plan(
        reading=reading,
        family=family,
        targets=tuple(targets),
        transform=transform,
        strata=sets.strata,
        groups=tuple(groups),
        blocks=tuple(blocks),
        drops=count_drops(reading, targets, step=step),
    )


def _part_groups(groups: Sequence[Group], first: int) -> list[tuple[int, ...]]:
    """Part the groups from one on into runs whose rows, together, are not too many to hold."""
    runs: list[list[int]] = []
    rows = 0
    for place in range(first, len(groups)):
        rows += groups[place].rows.size
        if not runs or rows > ROWS_AT_ONCE:
            runs.append([])
            rows = groups[place].rows.size
        runs[-1].append(place)
    return [tuple(run) for run in runs]


def _describe_nobody(reading: Reading, targets: Sequence[Target]) -> str:
    """Say why nobody is in any fit: for the targets, where none of them has anybody."""
    n, first = reading.cohort.n, targets[0]
    if any(target.observed.any() for target in targets):
        return f"nobody has exposures and covariates complete: {reading.describe_missing()}"
    gone = 0 if first.excluded is None else int(first.excluded.sum())
    said = [f"missing in {n - gone:,} of {n:,} people"] if gone < n else []
    if gone:
        said.append(f"exit at or before entry (or 0), or within the lag, in {gone:,} of {n:,}")
    return f"nobody is left for {first.role} {first.name!r}: {'; '.join(said)}"


def _describe_asked(reading: Reading, family: AnyFamily, targets: Sequence[Target]) -> Asked:
    own = any(not reading.is_shared(covariate) for covariate in reading.covariates)
    return Asked(
        options=family.options,
        roles=frozenset(target.role for target in targets),
        weights=reading.weights is not None,
        interaction=bool(reading.modifiers.terms),
        own_covariates=own,
        absorbed=len(reading.absorbed),
        ordered=any(target.steps for target in targets),
        baseline=reading.baseline is not None,
    )


def _refuse_parts_of_people(reading: Reading) -> None:
    weights = reading.modifiers.weights
    if weights is None:
        return
    parts = int(np.sum(weights != np.rint(weights)) - np.sum(np.isnan(weights)))
    if parts:
        raise ColumnError(
            f"weights {reading.weights!r} are no whole numbers for {parts} people: of kind "
            "frequency they count people; --weight-kind precision or sampling takes others"
        )


def _refuse_clashes(reading: Reading, targets: Sequence[Target]) -> None:
    for target in targets:
        if target.name in reading.absorbed:
            raise UsageError(
                f"{target.name!r} is an {target.role} and absorbed: take it out of one"
            )
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
    for label, formula in reading.every_formula:
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
