"""Refusals of what a scan is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from proteomr.errors import UsageError, nearest
from proteomr.models import IvEstimator, IvOptions, Role, find_family

__all__ = ["check_choice", "check_instruments", "refuse_no_sets", "show"]


def check_instruments(iv: IvOptions, *, family: str, role: Role) -> None:
    """Refuse an endogenous variable without instruments, and instruments that are in its model.

    Which columns the terms of an instrument are of is known to the scan, and refused there.
    """
    check_choice("estimator", iv.estimator or "2sls", get_args(IvEstimator))
    if not find_family(family).supports.instruments:
        return
    if not iv.instruments and not iv.by_protein:
        raise UsageError(
            f"the {family} family needs instruments: name one (--instrument NAME), or a "
            "table of each protein's own (--instrument-by-protein FILE)"
        )
    if iv.instruments and iv.by_protein:
        raise UsageError("instruments of all proteins and of each: give one or the other")
    if iv.by_protein and role == "exposure":
        raise UsageError(
            "instruments of each protein are for an outcome ~ protein, where the protein is "
            "endogenous: name an outcome (--outcome NAME)"
        )
    repeated = [name for name in iv.instruments if iv.instruments.count(name) > 1]
    if repeated:
        raise UsageError(f"instrument {repeated[0]!r} is given twice")
    if iv.estimator == "2sri" and role == "exposure":
        raise UsageError(
            "2sri is for an outcome of two levels (--outcome NAME); for exposures there are "
            "2sls, liml and gmm"
        )


def refuse_no_sets(adjust: object) -> None:
    """Refuse adjustment sets that are not texts by their labels.

    Examples
    --------
    >>> refuse_no_sets("age + sex")
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: adjust: sets by their labels are needed, such as ...
    """
    if isinstance(adjust, Mapping) and all(
        isinstance(part, str) for pair in adjust.items() for part in pair
    ):
        return
    example = "{'full': 'age + sex'}"
    raise UsageError(
        f"adjust: sets by their labels are needed, such as {example}, not {show(adjust)}"
    )


def show(value: object) -> str:
    """Return a text as it is, and of anything else what it is, for it may hold people."""
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"


def check_choice(what: str, choice: str, choices: tuple[str, ...]) -> None:
    """Refuse a choice that there is not.

    Examples
    --------
    >>> check_choice("transform", "rint", ("rint", "none"))
    """
    if choice not in choices:
        hint = nearest(choice, choices) or f": one of {', '.join(choices)}"
        raise UsageError(f"there is no {what} {choice!r}{hint}")
