"""What `check` says of people and proteins before they are scanned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.attrition import describe_people
from proteomr.association.oddities import describe_oddities
from proteomr.association.plan import Plan
from proteomr.models import find_aliased
from proteomr.runs.progress import follow
from proteomr.scan import BLOCK_SIZE, Scan, count_people
from proteomr.tables import Proteins
from proteomr.tables import columns as c

__all__ = ["Finding", "Severity", "inspect_plan", "inspect_proteins"]

Severity: TypeAlias = Literal["error", "warning", "note", "fine"]
_NAMED = 5
_MOSTLY = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is to be said of an input.

    Parameters
    ----------
    severity : error, where nothing can be computed; warning, where numbers may mislead; note,
        what is worth a look; fine, what there is.
    subject : what it is about.
    text : the sentence.
    """

    severity: Severity
    subject: str
    text: str


def inspect_plan(plan: Plan) -> list[Finding]:
    """Return what a scan should know of its people, columns, covariates and proteins."""
    proteins = plan.cohort.proteins
    found = [Finding("fine", "people", said) for said in describe_people(count_people(plan))]
    found += [Finding("warning", "input", said) for said in describe_oddities(plan)]
    found += [
        Finding("warning", "models", f"{names} left the models of {label!r}: others determine it")
        for label, names in _find_aliased(plan)
    ]
    return [*found, *inspect_proteins(proteins)]


def inspect_proteins(proteins: Proteins) -> list[Finding]:
    """Return which proteins have no value, one value, infinite ones, few, or those of another.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> values = np.array([[1.0, 2.0, 2.0], [1.0, 3.0, 3.0]])
    >>> [finding.text for finding in inspect_proteins(ArrayProteins(("A", "B", "C"), values))][1:]
    ['1 of 3 has one value: A', '1 of 3 has the values of another: C']
    """
    kinds: dict[str, list[str]] = {}
    seen: dict[bytes, str] = {}
    names, blocks = proteins.names, range(0, len(proteins.names), BLOCK_SIZE)
    for start in follow(blocks, doing="looking", total=len(blocks)):
        block = proteins.read(slice(start, start + BLOCK_SIZE))
        for place, name in enumerate(names[start : start + BLOCK_SIZE]):
            for kind in _classify(block[:, place], name, seen):
                kinds.setdefault(kind, []).append(name)
    found = [Finding("fine", "proteins", f"{len(names):,}, of {proteins.n:,} people")]
    for kind, which in kinds.items():
        have = "has" if len(which) == 1 else "have"
        more = f", ... ({len(which)})" if len(which) > _NAMED else ""
        text = f"{len(which):,} of {len(names):,} {have} {kind}: {', '.join(which[:_NAMED])}{more}"
        found.append(Finding("warning", "proteins", text))
    return found


def _classify(values: F64, name: str, seen: dict[bytes, str]) -> Iterator[str]:
    present = values[~np.isnan(values)]
    if not present.size:
        yield "no value"
        return
    if np.isinf(present).any():
        yield "infinite values"
    if np.all(present == present[0]):
        yield "one value"
        return
    if present.size < _MOSTLY * values.size:
        yield "a value for fewer than half"
    key = np.ascontiguousarray(values, dtype=np.float64).tobytes()
    if seen.setdefault(key, name) != name:
        yield "the values of another"


def _find_aliased(plan: Plan) -> list[tuple[str, str]]:
    """Return the covariates that leave the models of a set, seen in the fits of one protein."""
    scan, first = Scan(plan), int(plan.blocks[0].proteins[0])
    said: dict[tuple[str, str], None] = {}
    for block in plan.blocks:
        if block.proteins[0] != first:
            continue
        part = scan(replace(block, proteins=block.proteins[:1]))
        for label, message in part.select(c.ADJUSTMENT, pl.col(c.MESSAGE).fill_null("")).rows():
            for name in find_aliased(message):
                said[label, name] = None
    return list(said)
