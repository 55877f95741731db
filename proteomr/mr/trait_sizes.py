"""Cases and controls of outcomes, told for all of them or by name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import polars as pl

from proteomr.errors import UsageError, nearest
from proteomr.mr.explained import Side, TraitSize
from proteomr.tables import Harmonised

__all__ = ["NamedCases", "check_names", "parse_cases", "tell_cases"]

NamedCases = tuple[tuple[str, float, float], ...]
"""Outcomes, their cases and their controls."""


def parse_cases(
    cases: Sequence[str], controls: Sequence[str], *, prevalence: float
) -> tuple[TraitSize, NamedCases]:
    """Return cases and controls of all outcomes, and those of named ones.

    Parameters
    ----------
    cases, controls : a number for all outcomes, or ``NAME=NUMBER`` for each.
    prevalence : of all.

    Raises
    ------
    UsageError
        What stands there is no number, is told twice, or of one kind alone.

    Examples
    --------
    >>> parse_cases(["asthma=100", "stroke=50"], ["asthma=900", "stroke=950"], prevalence=0.1)[1]
    (('asthma', 100.0, 900.0), ('stroke', 50.0, 950.0))
    >>> parse_cases(["100"], ["900"], prevalence=0.1)[0].n_case
    100.0
    """
    told = [
        _read(texts, option)
        for texts, option in ((cases, "--outcome-cases"), (controls, "--outcome-controls"))
    ]
    if told[0].keys() != told[1].keys():
        lone = sorted(map(str, told[0].keys() ^ told[1].keys()))
        of = ", ".join(name for name in lone if name) or "all outcomes"
        raise UsageError(f"--outcome-cases and --outcome-controls: give both (of {of})")
    if "" in told[0] and len(told[0]) > 1:
        raise UsageError(
            "--outcome-cases: one number for all outcomes, or NAME=N for each; not both"
        )
    if "" in told[0]:
        return TraitSize(told[0][""], told[1][""], prevalence), ()
    named = tuple((name, number, told[1][name]) for name, number in told[0].items())
    return TraitSize(prevalence=prevalence), named


def check_names(named: NamedCases, outcomes: Iterable[str]) -> None:
    """Refuse cases of what is no outcome.

    Raises
    ------
    UsageError
        A name is none of the outcomes'.

    Examples
    --------
    >>> check_names((("asthma", 1.0, 2.0),), ["asthma", "stroke"])
    """
    known = sorted(outcomes)
    for name, _, _ in named:
        if name not in known:
            shown = ", ".join(known[:5]) + (", ..." if len(known) > 5 else "")
            hint = nearest(name, known)
            raise UsageError(f"--outcome-cases: no outcome {name!r}{hint}; outcomes: {shown}")


def tell_cases(
    pair: Harmonised, named: Mapping[str, tuple[float, float]], *, side: Side
) -> Harmonised:
    """Return a pair whose variants tell cases and controls of a trait that is named.

    Parameters
    ----------
    pair : one exposure and one outcome.
    named : cases and controls by trait.
    side : where the trait stands.
    """
    trait = pair.outcome if side == "outcome" else pair.exposures[0]
    if trait not in named:
        return pair
    cases, controls = named[trait]
    told = pair.variants.with_columns(
        pl.lit(cases).alias(f"n_case_{side}"), pl.lit(controls).alias(f"n_control_{side}")
    )
    return replace(pair, variants=told)


def _read(texts: Sequence[str], option: str) -> dict[str, float]:
    told: dict[str, float] = {}
    for text in texts:
        name, equals, number = text.rpartition("=")
        value = _read_number(number)
        if value is None or (equals and not name.strip()):
            raise UsageError(f"{option} {text!r}: people above zero, or NAME=N for one outcome")
        if name.strip() in told:
            raise UsageError(f"{option}: {name.strip() or 'the number of all'} is told twice")
        told[name.strip()] = value
    return told


def _read_number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 < value < math.inf else None
