"""Rows of the tables of fine mapping."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.gwas.region_traits import RegionTrait
from proteomr.stats.credible_sets import CredibleSet
from proteomr.status import Status
from proteomr.tables import Drop, load_schema

__all__ = ["Mapped", "tabulate"]


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """What fine mapping a region gave.

    Parameters
    ----------
    trait : the variants analysed.
    status : how it ended.
    facts : cells of the row of the table ``finemap``.
    messages : what was found, in words.
    pip : (p,) probabilities; None where there are none.
    sets : credible sets.
    alpha : (L, p) probability of each variant to carry each effect.
    set_factors : (L,) log Bayes factors of the effects.
    log_bf, expected, flagged : (p,) where there are any.
    drops : variants that left.
    notes : what a user should know.
    """

    trait: RegionTrait
    status: Status
    facts: dict[str, Any]
    messages: tuple[str, ...] = ()
    pip: F64 | None = None
    sets: tuple[CredibleSet, ...] = ()
    alpha: F64 | None = None
    set_factors: F64 | None = None
    log_bf: F64 | None = None
    expected: F64 | None = None
    flagged: Bool | None = None
    drops: tuple[Drop, ...] = ()
    notes: tuple[str, ...] = field(default=())


def tabulate(mapped: Mapped, *, label: str) -> dict[str, pl.DataFrame]:
    """Return the tables of a region, and its drops and notes beside them.

    Parameters
    ----------
    mapped : the region.
    label : its name.
    """
    names = {"trait": mapped.trait.name, "region": label}
    row = {
        **names,
        **mapped.facts,
        "nsnps": mapped.trait.height,
        "sets": None if mapped.pip is None else len(mapped.sets),
        "status": mapped.status.name,
        "message": "; ".join(mapped.messages),
    }
    return {
        "finemap": _frame("finemap", [row]),
        "pips": _tabulate_pips(mapped, names),
        "credible_sets": _frame("credible_sets", _list_members(mapped, names)),
        "drops": pl.DataFrame(
            [(drop.step, drop.reason, drop.n) for drop in mapped.drops],
            schema={"step": pl.String, "reason": pl.String, "n": pl.Int64},
            orient="row",
        ),
        "notes": pl.DataFrame({"note": list(mapped.notes)}, schema={"note": pl.String}),
    }


def _frame(name: str, rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    schema = load_schema(name).empty().schema
    filled = [{column: row.get(column) for column in schema} for row in rows]
    return pl.DataFrame(filled, schema=schema)


def _tabulate_pips(mapped: Mapped, names: dict[str, str]) -> pl.DataFrame:
    empty = load_schema("pips").empty()
    if mapped.pip is None:
        return empty
    p = mapped.trait.height
    inside = np.full(p, -1)
    for place, one in reversed(list(enumerate(mapped.sets))):
        inside[one.members] = place
    labels = [None if place < 0 else _name_set(mapped.sets[place]) for place in inside]
    rows = mapped.trait.rows
    cells = {
        **{name: pl.repeat(text, p, eager=True) for name, text in names.items()},
        "snp": rows["variant_id"],
        "pip": pl.Series(np.clip(mapped.pip, 0.0, 1.0)),
        "set": pl.Series(labels, dtype=pl.String),
        **{name: rows[name] for name in _PLACED},
        "z": pl.Series(mapped.trait.z),
        "log_bf": _series(mapped.log_bf, p),
        "expected_z": _series(mapped.expected, p),
        "flagged": pl.Series([None] * p if mapped.flagged is None else mapped.flagged),
        "status": pl.repeat(mapped.status.name, p, eager=True),
    }
    return pl.DataFrame(cells).cast(empty.schema)


_PLACED = ("chromosome", "position_bp", "effect_allele", "other_allele")


def _series(values: F64 | None, p: int) -> pl.Series:
    return pl.Series([None] * p if values is None else values, dtype=pl.Float64)


def _name_set(one: CredibleSet) -> str:
    return f"L{one.effect + 1}"


def _list_members(mapped: Mapped, names: dict[str, str]) -> list[dict[str, Any]]:
    if mapped.pip is None or mapped.alpha is None:
        return []
    snps = mapped.trait.rows["variant_id"]
    factors = mapped.set_factors
    return [
        {
            **names,
            "set": _name_set(one),
            "snp": snps[int(member)],
            "pip": float(np.clip(mapped.pip[member], 0.0, 1.0)),
            "alpha": float(mapped.alpha[one.effect, member]),
            "coverage": min(one.coverage, 1.0),
            "purity": _unless_nan(one.purity),
            "mean_r": _unless_nan(one.mean_r),
            "median_r": _unless_nan(one.median_r),
            "variants": one.members.size,
            "log_bf": None if factors is None else float(factors[one.effect]),
            "status": mapped.status.name,
        }
        for one in mapped.sets
        for member in sorted(one.members, key=lambda m: (-mapped.pip[m], m))  # type: ignore[index]
    ]


def _unless_nan(value: float) -> float | None:
    return None if np.isnan(value) else min(value, 1.0)
