"""From the parts of a scan of halves to the tables of their agreement."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from proteomr.association import ModelSpec, Plan, collect, name_effect
from proteomr.replicate.agreement import MODEL, measure_agreement
from proteomr.replicate.division import Division, label_halves
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["Halves", "collect_halves", "describe_halves"]


@dataclass(frozen=True, slots=True)
class Halves:
    """The tables of a division, and how many of its fits failed.

    Attributes
    ----------
    replication : a row for each split and model.
    fits : those of the halves, and of everybody where the division has them, with their split and
        half; None where nobody asks.
    """

    replication: pl.DataFrame
    fits: pl.DataFrame | None
    units: int
    failed: int


def describe_halves(plan: Plan, division: Division) -> dict[str, object]:
    """Return what of a plan of halves :func:`collect_halves` needs, as JSON values."""
    return {
        "splits": list(division.names),
        "chunks": [
            {"sets": [plan.strata[s].label for s in strata], "blocks": blocks}
            for strata, blocks in _chunks(plan).items()
        ],
        "people": [[*model, n] for model, n in _count_people(plan).items()],
    }


def collect_halves(
    facts: Mapping[str, Any],
    spec: ModelSpec,
    load: Callable[[Sequence[int]], Sequence[pl.DataFrame]],
    *,
    keep_fits: bool,
) -> Halves:
    """Join the parts of halves chunk by chunk, as they were fitted, and measure their agreement.

    Parameters
    ----------
    facts : of :func:`describe_halves`.
    spec : of the scan.
    load : returns the parts of some blocks by their index.
    keep_fits : whether the fits are wanted too.
    """
    people = {tuple(model): int(n) for *model, n in facts["people"]}
    named = {label: (name, half) for label, name, half in label_halves(facts["splits"])}
    rows: list[dict[str, object]] = []
    kept: list[pl.DataFrame] = []
    units = failed = 0
    for chunk in facts["chunks"]:
        frame = collect(load(chunk["blocks"]), spec).frame
        units += frame.height
        failed += frame.filter(pl.col(c.STATUS) != "ok").height
        fits = dict(frame.partition_by(c.STRATUM, as_dict=True, maintain_order=True).items())
        labels: list[str] = chunk["sets"]
        if keep_fits:
            kept += [_name_half(fits[label,], named.get(label)) for label in labels]
        for first, second in _pairs(labels):
            name, _ = named[first]
            pair = (fits[label,].with_columns(name_effect()) for label in (first, second))
            for row in measure_agreement(*pair):
                model = [None if row[key] is None else str(row[key]) for key in MODEL[:3]]
                sizes = {c.N1: people[first, *model], c.N2: people[second, *model]}
                rows.append({c.SPLIT: name, **row, **sizes})
    schema = load_schema("replication")
    kinds = dict.fromkeys((c.SPLIT, *MODEL), pl.String)
    frame = pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)
    replication = schema.validate(frame.select(schema.names))
    return Halves(replication, pl.concat(kept) if keep_fits else None, units, failed)


def _chunks(plan: Plan) -> dict[tuple[int, ...], list[int]]:
    """Return the blocks of each chunk of strata, which are fitted together."""
    chunks: dict[tuple[int, ...], list[int]] = {}
    for block in plan.blocks:
        models = (key for g in block.groups for key in plan.groups[g].models)
        strata = tuple(sorted({key.stratum for key in models}))
        chunks.setdefault(strata, []).append(block.index)
    return chunks


def _pairs(labels: Sequence[str]) -> Iterator[tuple[str, str]]:
    halves = [label for label in labels if label != Division.WHOLE]
    yield from zip(halves[::2], halves[1::2], strict=True)


def _name_half(fits: pl.DataFrame, half: tuple[str, int] | None) -> pl.DataFrame:
    """Return fits under their split and half; both empty for those of everybody."""
    split, number = (None, None) if half is None else half
    return fits.select(
        pl.lit(split, dtype=pl.String).alias(c.SPLIT),
        pl.lit(number, dtype=pl.Int64).alias(c.HALF),
        pl.exclude(c.STRATUM),
        pl.lit(None, dtype=pl.String).alias(c.STRATUM),
    ).select(c.SPLIT, c.HALF, *fits.columns)


def _count_people(plan: Plan) -> dict[tuple[str | None, ...], int]:
    """Return who of each half is complete for target and covariates, by model."""
    counts: dict[tuple[str | None, ...], int] = {}
    for group in plan.groups:
        for key in group.models:
            target = plan.targets[key.target]
            names = (target.name, None) if target.role == c.EXPOSURE else (None, target.name)
            label = plan.strata[key.stratum].label
            at = (label, *names, plan.reading.labels[key.adjustment])
            counts[at] = max(counts.get(at, 0), int(group.rows.size))
    return counts
