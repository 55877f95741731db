"""The families there are, and the refusal of what one of them does not do."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from proteomr.errors import UsageError, nearest
from proteomr.families import LISTED_FAMILIES, ListedFamily
from proteomr.models.family import AnyFamily, FitOptions, Support
from proteomr.models.targets import OutcomeTransform, Role

__all__ = ["FAMILIES", "Asked", "find_family", "refuse_unsupported"]


def _import(listed: ListedFamily) -> type[AnyFamily]:
    home = importlib.import_module(f"proteomr.models.{listed.module}")
    return cast("type[AnyFamily]", getattr(home, listed.kind))


FAMILIES: tuple[type[AnyFamily], ...] = tuple(map(_import, LISTED_FAMILIES.values()))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scan asks of its family, beside a plain model."""

    options: FitOptions = field(default_factory=FitOptions)
    roles: frozenset[Role] = frozenset()
    weights: bool = False
    interaction: bool = False
    own_covariates: bool = False
    outcome_transform: OutcomeTransform = "none"
    ordered: bool = False


def find_family(name: str) -> type[AnyFamily]:
    """Return the family of a name.

    Raises
    ------
    UsageError
        There is none.

    Examples
    --------
    >>> find_family("logistic").ratio
    'OR'
    """
    by_name = {family.name: family for family in FAMILIES}
    if name not in by_name:
        hint = nearest(name, by_name) or f": one of {', '.join(by_name)}"
        raise UsageError(f"there is no family {name!r}{hint}")
    return by_name[name]


def refuse_unsupported(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse what a family does not do, naming the families that do.

    Raises
    ------
    UsageError
        The family has not what is asked.

    Examples
    --------
    >>> refuse_unsupported(find_family("linear"), Asked(FitOptions(firth=True)))
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: Firth's estimate is for the logistic family, not for linear
    """
    errors, firth = asked.options.errors, asked.options.firth
    if firth and (errors != "classical" or asked.weights):
        raise UsageError("Firth's estimate has neither robust errors nor weights")
    transformed = asked.outcome_transform != "none"
    needs: tuple[tuple[bool, str, Callable[[Support], bool]], ...] = (
        ("exposure" in asked.roles, "an exposure", lambda s: "exposure" in s.roles),
        ("outcome" in asked.roles, "an outcome", lambda s: "outcome" in s.roles),
        (asked.weights, "a weight", lambda s: bool(s.weighted_errors)),
        (asked.interaction, "an interaction", lambda s: s.interaction),
        (asked.own_covariates, "a covariate of each protein", lambda s: s.own_covariates),
        (asked.options.coefficients, "a table of all coefficients", lambda s: s.coefficients),
        (not asked.options.iv.is_default, "an instrument", lambda s: s.instruments),
        (transformed, "a transform of outcomes", lambda s: s.outcome_transform),
        (asked.ordered, "an ordered exposure", lambda s: s.ordered),
        (firth, "Firth's estimate", lambda s: s.firth),
        (True, errors, lambda s: errors in s.errors),
    )
    for wanted, what, has in needs:
        if wanted:
            _require(family, what, has)
    if asked.weights and errors not in family.supports.weighted_errors:
        others = ", ".join(family.supports.weighted_errors)
        raise UsageError(f"{errors} is for equal weights: with weights {family.name} has {others}")


def _require(family: type[AnyFamily], what: str, has: Callable[[Support], bool]) -> None:
    if has(family.supports):
        return
    able = [other.name for other in FAMILIES if has(other.supports)]
    if not able:
        raise UsageError(f"{what} is for no family that there is")
    names = " and ".join(able)
    plural = "family" if len(able) == 1 else "families"
    raise UsageError(f"{what} is for the {names} {plural}, not for {family.name}")
