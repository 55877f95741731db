"""Parts of one or several files to the measurements they make together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import IngestOptions
from proteomr.io.olink.parts import EXTRA, Part
from proteomr.io.olink.records import (
    describe,
    find_controls,
    find_flags,
    find_limits,
    find_plates,
    plate_of_samples,
)
from proteomr.io.olink.replicates import Matrix, scatter
from proteomr.io.olink.spellings import ASSAY, BLOCK, DESCRIBING_ASSAYS, NORMALIZATION
from proteomr.io.olink.stacking import CONTROL_ASSAY, CONTROL_SAMPLE, stack_parts
from proteomr.io.tables import infer_column
from proteomr.tables import ArrayProteins, Drop, Measurements
from proteomr.tables import columns as c

__all__ = ["assemble"]

_STEP: Final = "ingest"
_NAMING: Final = (ASSAY, c.GENE, c.UNIPROT, c.PANEL, c.UNIT)


def assemble(parts: Sequence[Part], *, options: IngestOptions) -> Measurements:
    """Return the measurements of all parts.

    Parameters
    ----------
    parts : the files, in any order; the same rows give the same measurements.
    options : what to do with replicates, and whether quantities are taken to the logarithm.

    Raises
    ------
    InputError
        Every sample or every assay is a control, or an assay is measured in two units.
    IdentifierError
        A sample and an assay are measured more than once and replicates are refused.
    """
    stack = stack_parts(parts)
    rows, unit_note = _take_logarithm(stack.rows, options, parts)
    ordinary = rows.filter(~pl.col(CONTROL_SAMPLE) & ~pl.col(CONTROL_ASSAY))
    drops = _count_controls(rows)
    if not ordinary.height:
        raise InputError("every sample or every assay is a control; nothing is left to analyse")
    notes = [*stack.notes, *unit_note, *(note for part in parts for note in part.notes)]
    matrix = scatter(ordinary, replicates=options.replicates)
    notes += _incomplete(matrix)
    if matrix.replicated:
        notes.append(
            f"{matrix.replicated} samples have an assay measured more than once: "
            f"the {options.replicates} is taken"
        )
    limits, lod, differing = find_limits(rows.filter(~pl.col(CONTROL_ASSAY)))
    limits = limits.filter(pl.col(c.PROTEIN).is_in(matrix.proteins.implode()))
    if differing:
        notes.append("limits of detection differ between plates: an assay's is their median")
    assays, samples, more = _describe_both(matrix)
    plates = find_plates(matrix.rows)
    passed_over = {name for part in parts for name in part.passed_over}
    if passed_over:
        notes.append(f"columns not taken over: {', '.join(sorted(passed_over))}")
    return Measurements(
        platform="olink",
        samples=_with_plate(samples, plates),
        proteins=ArrayProteins(tuple(matrix.proteins.to_list()), matrix.values),
        assays=_complete_assays(assays, lod),
        precision="float32" if all(part.single for part in parts) else "float64",
        flags=find_flags(matrix.rows),
        plates=plates,
        limits=limits,
        controls=find_controls(rows),
        drops=drops,
        notes=tuple(sorted({*notes, *more})),
        parameters=_parameters(parts, options),
    )


def _take_logarithm(
    rows: pl.DataFrame, options: IngestOptions, parts: Sequence[Part]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    units, several = describe(rows, [c.UNIT], by=c.PROTEIN)
    if several[c.UNIT]:
        raise InputError(
            f"{several[c.UNIT]} assays are measured in two units; read NPX and quantities apart"
        )
    untold = units[c.UNIT].null_count()
    note = (f"the unit of {untold} quantified assays is not told",) if untold else ()
    linear = pl.col(c.UNIT).cast(pl.String).ne_missing(pl.lit("NPX"))
    if not options.log2 or not rows.select(linear.any()).item():
        return rows, note
    faulty = rows.select((linear & (pl.col(c.VALUE) <= 0)).sum()).item()
    if faulty:
        message = f"{faulty} quantities are not positive; their logarithm is not taken"
        raise FormatError(message, path=parts[0].path if len(parts) == 1 else None)
    unit = (
        pl.when(linear)
        .then(pl.format("log2 {}", pl.col(c.UNIT).cast(pl.String)))
        .otherwise(pl.col(c.UNIT).cast(pl.String))
    )
    named = rows.select(unit.alias(c.UNIT))[c.UNIT]
    logged = rows.with_columns(
        pl.when(linear).then(pl.col(c.VALUE).log(2)).otherwise(c.VALUE).alias(c.VALUE),
        pl.when(linear & (pl.col(c.LOD) > 0))
        .then(pl.col(c.LOD).log(2))
        .when(~linear)
        .then(c.LOD)
        .alias(c.LOD),
        named.cast(pl.Enum(named.drop_nulls().unique().sort())).alias(c.UNIT),
    )
    return logged, note


def _count_controls(rows: pl.DataFrame) -> tuple[Drop, ...]:
    samples = rows.filter(CONTROL_SAMPLE)[c.SAMPLE_ID].n_unique()
    assays = rows.filter(CONTROL_ASSAY)[c.PROTEIN].n_unique()
    counted = (("control samples", samples), ("control assays", assays))
    return tuple(
        Drop(_STEP, f"{what}; their values are kept in controls", n) for what, n in counted if n
    )


def _incomplete(matrix: Matrix) -> list[str]:
    """Say how many values have no row, where a panel was measured in a sample at all."""
    panels = matrix.rows.group_by(c.PANEL).agg(pl.col(c.SAMPLE_ID, c.PROTEIN).n_unique())
    whole = panels.select(pl.col(c.SAMPLE_ID).cast(pl.Int64).dot(pl.col(c.PROTEIN))).item()
    absent = whole - matrix.filled
    return [f"{absent} values of samples and assays of one panel have no row"] * (absent > 0)


def _describe_both(matrix: Matrix) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Return what the columns say of assays and of samples, and what is left out."""
    rows = matrix.rows
    fixed = [ASSAY, c.GENE, c.UNIPROT, c.PANEL, c.UNIT, BLOCK, NORMALIZATION]
    fixed += [name for name in DESCRIBING_ASSAYS if name in rows.columns]
    further = [name for name in rows.columns if name.startswith(EXTRA)]
    assays, in_assay = describe(rows, [*fixed, *further], by=c.PROTEIN, naming=_NAMING)
    sample_columns = [c.SAMPLE_TYPE, *further]
    samples, in_sample = describe(rows, sample_columns, by=c.SAMPLE_ID)
    notes = [
        f"{count} assays have several values of {name}: "
        + ("the first of the alphabet is taken" if name in _NAMING else "it is left empty")
        for name, count in in_assay.items()
        if count and name in fixed
    ]
    of_samples = [name for name in further if not in_sample[name]]
    of_assays = [name for name in further if in_sample[name] and not in_assay[name]]
    neither = sorted(set(further).difference(of_samples, of_assays))
    reserved = {EXTRA + name for name in (*assays.columns, *samples.columns, c.PLATE, c.LOD)}
    neither += sorted(reserved.intersection(of_samples, of_assays))
    if neither:
        named = ", ".join(name.removeprefix(EXTRA) for name in neither)
        notes.append(f"columns that describe neither samples nor assays are left out: {named}")
    optional = [BLOCK, NORMALIZATION]
    empty = [name for name in optional if assays[name].null_count() == assays.height]
    assay_columns = [name for name in (*fixed, *of_assays) if name not in (*empty, *neither)]
    sample_type = [c.SAMPLE_TYPE] if samples[c.SAMPLE_TYPE].null_count() < samples.height else []
    described = [*sample_type, *(name for name in of_samples if name not in neither)]
    return (
        _named(assays, c.PROTEIN, assay_columns),
        _named(samples, c.SAMPLE_ID, described),
        notes,
    )


def _named(frame: pl.DataFrame, key: str, columns: Sequence[str]) -> pl.DataFrame:
    """Return columns under their own names, numbers where all cells are numbers."""
    series = [frame[key]]
    for name in columns:
        further = name.startswith(EXTRA) or name in DESCRIBING_ASSAYS
        column = infer_column(frame[name]) if further else frame[name]
        series.append(column.alias(name.removeprefix(EXTRA)))
    return pl.DataFrame(series)


def _complete_assays(assays: pl.DataFrame, lod: pl.DataFrame) -> pl.DataFrame:
    assays = assays.with_columns(
        pl.coalesce(c.GENE, ASSAY).alias(c.GENE),
        pl.lit("olink").alias(c.PLATFORM),
        pl.lit("protein").alias(c.KIND),
    ).join(lod, on=c.PROTEIN, how="left", maintain_order="left")
    first = [*c.ASSAYS, c.KIND, ASSAY]
    return assays.select(*first, pl.exclude(first))


def _with_plate(samples: pl.DataFrame, plates: pl.DataFrame) -> pl.DataFrame:
    if not plates.height:
        return samples
    single = plate_of_samples(plates)
    return samples.join(single, on=c.SAMPLE_ID, how="left", maintain_order="left")


def _parameters(parts: Sequence[Part], options: IngestOptions) -> Mapping[str, object]:
    facts: dict[str, set[str]] = {}
    for part in parts:
        for key, value in part.facts.items():
            facts.setdefault(key, set()).add(value)
    return {
        "layouts": sorted({part.layout for part in parts}),
        "replicates": options.replicates,
        "log2": options.log2,
        **{key: sorted(values) for key, values in sorted(facts.items())},
    }
