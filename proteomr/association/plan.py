"""A specification met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from proteomr import scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import UsageError, nearest
from proteomr.models import AnyFamily, Target
from proteomr.models.targets import LINEAR
from proteomr.scan import Reading, plan_blocks, read_formulas, read_ordered_target, read_target
from proteomr.tables import Cohort, ProteinCovariate

__all__ = ["Plan", "plan_scan"]

_STEP = "associate"


@dataclass(frozen=True, slots=True)
class Plan(scan.Plan):
    """The plan of a scan that knows the specification it is of."""

    spec: ModelSpec


def plan_scan(
    cohort: Cohort,
    spec: ModelSpec,
    *,
    covariates: Sequence[ProteinCovariate] = (),
    block_size: int | None = None,
) -> Plan:
    """Check a specification against a cohort and lay out its groups and blocks.

    Raises
    ------
    UsageError, FormulaError, ColumnError
        What the specification names is not there, or cannot serve.
    """
    reading = read_formulas(
        cohort,
        spec.formulas(),
        covariates=covariates,
        interaction=spec.interaction,
        strata=spec.strata,
        weights=spec.weights,
        cluster=spec.cluster,
    )
    family = spec.build_family()
    targets = _read_targets(reading, family, spec)
    if spec.reference_level is not None:
        _refuse_unknown_reference(targets, spec.reference_level)
    plan = plan_blocks(
        reading,
        family,
        targets=targets,
        transform=spec.transform,
        block_size=block_size,
        step=_STEP,
    )
    return Plan(spec=spec, **{entry.name: getattr(plan, entry.name) for entry in fields(plan)})


def _read_targets(reading: Reading, family: AnyFamily, spec: ModelSpec) -> list[Target]:
    """Read the exposures or outcomes; of an ordered exposure the trend and the steps."""
    targets: list[Target] = []
    for name in spec.targets:
        if spec.ordered:
            targets += read_ordered_target(reading, name, family=family)
        else:
            reference = spec.reference_level
            targets.append(
                read_target(reading, name, role=spec.role, family=family, reference=reference)
            )
    named = [target.name for target in targets if target.contrasts != (LINEAR,)]
    repeated = [name for name in named if named.count(name) > 1]
    if repeated:
        raise UsageError(f"{spec.role} {repeated[0]!r} is given twice, once by C()")
    if spec.ordered and not any(target.steps for target in targets):
        raise UsageError("--ordered: no exposure has three levels or more")
    return targets


def _refuse_unknown_reference(targets: Sequence[Target], reference: str) -> None:
    """Refuse a reference level that no target has."""
    levels = {target.name: target.levels for target in targets if target.levels}
    if any(reference in had for had in levels.values()):
        return
    known = sorted({level for had in levels.values() for level in had})
    had = "; ".join(f"{name!r} has {_join(sorted(of))}" for name, of in levels.items())
    raise UsageError(
        f"no {targets[0].role} has the level {reference!r} to be the reference"
        f"{nearest(reference, known)}: {had or 'none has levels'}"
    )


def _join(levels: Sequence[str]) -> str:
    """Return labels in words.

    Examples
    --------
    >>> _join(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join(filter(None, (", ".join(levels[:-1]), levels[-1])))
