"""A specification met with a cohort: what its scan does, before it does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from proteomr import scan
from proteomr.association.specification import ModelSpec
from proteomr.errors import UsageError, nearest
from proteomr.models import Target
from proteomr.scan import plan_blocks, read_formulas, read_target
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
    targets = [
        read_target(reading, name, role=spec.role, family=family, reference=spec.reference_level)
        for name in spec.targets
    ]
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
