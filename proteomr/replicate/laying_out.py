"""From a request to plans: everybody, the halves, and the same of each imputation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from proteomr.association import Plan
from proteomr.association.opening import plans_of
from proteomr.association.plan import number_from
from proteomr.errors import InputError, UsageError
from proteomr.models import ModerationOptions, Target
from proteomr.replicate.discovery import read_discovery, refuse_mismatch
from proteomr.replicate.division import Division
from proteomr.replicate.request import ReplicateRequest
from proteomr.replicate.schemes import Against, Asked, Dividing, Folds, GivenSplits, RandomHalves
from proteomr.replicate.whole_groups import Groups, count_parted, find_groups
from proteomr.runs.notes import add_note
from proteomr.scan import Reading, RowSets
from proteomr.tables import Drop

__all__ = ["LaidOut", "lay_out"]


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What a run does: plans of everybody and of the halves, and how people are divided.

    Attributes
    ----------
    everybody : of the first imputation.
    plan : of the halves, or of everybody where another cohort is held against them.
    others : lay out what the plan is of the other imputations, whose blocks go on with its numbers.
    whole : columns whose groups were kept in one half each.
    drops : people in no half.
    """

    everybody: Plan
    plan: Plan
    others: tuple[Callable[[], Plan], ...] = ()
    division: Division | None = None
    discovery: pl.DataFrame | None = None
    whole: tuple[str, ...] = ()
    drops: tuple[Drop, ...] = ()

    @property
    def imputations(self) -> int:
        """How many tables of samples there are."""
        return 1 + len(self.others)

    def plan_of(self, imputation: int) -> Plan:
        """Return the plan of an imputation, from 0; of the others it is laid out anew."""
        if imputation == 0:
            return self.plan
        plan = self.others[imputation - 1]()
        if len(plan.blocks) != len(self.plan.blocks):
            raise InputError(f"imputation {imputation + 1} has other proteins than the first")
        return number_from(plan, imputation * len(self.plan.blocks))


def lay_out(request: ReplicateRequest, scratch: Path) -> LaidOut:
    """Read the inputs, and plan the scans of everybody and of the halves.

    Halves are drawn once: who is in which is the same in all imputations.

    Parameters
    ----------
    scratch : folder of what is read from while they serve.

    Raises
    ------
    InputError, UsageError, ColumnError
        What is named is not there, or cannot serve.
    """
    scan, scheme = request.scan, request.scheme
    first, *others = plans_of(scan, scratch)
    if others and scan.specification.moderation != ModerationOptions():
        raise UsageError(
            "samples are multiply imputed: their estimates are pooled, their residual variances "
            "are not; leave --moderate, --block and --contrast out"
        )
    everybody = first()
    if isinstance(scheme, Against):
        discovery = read_discovery(scheme.associations.on_disk(scratch))
        refuse_mismatch(everybody, discovery, name=scheme.associations.name)
        return LaidOut(everybody, everybody, tuple(others), discovery=discovery)
    groups = find_groups(everybody.reading)
    asked = Asked(everybody.reading, everybody.targets, scan.id_column, scratch, groups)
    division, drops = scheme.divide(asked)
    _tell_parted(scheme, division, groups)

    def divide(reading: Reading, targets: Sequence[Target]) -> RowSets:
        _refuse_others(everybody, reading, targets)
        return division.row_sets()

    halves = [partial(plan_of, divide=divide) for plan_of in (first, *others)]
    whole = groups.names if isinstance(scheme, RandomHalves | Folds) else ()
    return LaidOut(everybody, halves[0](), tuple(halves[1:]), division, whole=whole, drops=drops)


def _tell_parted(scheme: Dividing, division: Division, groups: Groups) -> None:
    """Say which groups are in both halves, which are then not independent."""
    if isinstance(scheme, RandomHalves | Folds):
        for name in groups.parted:
            add_note(
                f"rows of one {name!r} come into both halves, which are then not independent: its "
                "groups, whole, would tie more than half of all rows together"
            )
    elif isinstance(scheme, GivenSplits) and groups.names:
        parted = count_parted(division, groups.codes)
        if parted:
            add_note(
                f"given splits part up to {parted:,} groups of {_list(groups.names)}: halves that "
                "share a group are not independent"
            )


def _list(names: Sequence[str]) -> str:
    return " and ".join(map(repr, names))


def _refuse_others(first: Plan, reading: Reading, targets: Sequence[Target]) -> None:
    """Refuse an imputation of other people or targets than the first."""
    ids = [cohort.samples[cohort.id_column] for cohort in (first.cohort, reading.cohort)]
    if not ids[0].equals(ids[1]):
        raise InputError(
            f"an imputation has {ids[1].len():,} people and the first {ids[0].len():,}, or others, "
            "and halves are of one list: choose people by columns that are not imputed"
        )
    if [target.name for target in first.targets] != [target.name for target in targets]:
        raise InputError("an imputation has other targets than the first")
