"""Parts of one or several files to the measurements they make together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import polars as pl

from proteomr.errors import InputError
from proteomr.io.formats import IngestOptions
from proteomr.io.long_form.beyond import FLAGS, find_range
from proteomr.io.long_form.parts import EXTRA, Part, collect
from proteomr.io.long_form.records import (
    describe,
    find_controls,
    find_flags,
    find_limits,
    find_plates,
    plate_of_samples,
)
from proteomr.io.long_form.replicates import Matrix, scatter
from proteomr.io.long_form.scales import settle_scale
from proteomr.io.long_form.stacking import CONTROL_ASSAY, CONTROL_SAMPLE, stack_parts
from proteomr.io.long_form.vocabulary import (
    ASSAY,
    BLOCK,
    COUNT,
    MISSING_FREQ,
    NORMALIZATION,
    RANGE,
    Vocabulary,
)
from proteomr.io.spreadsheets import restore_genes
from proteomr.io.tables import infer_column
from proteomr.tables import ArrayProteins, Drop, Measurements
from proteomr.tables import columns as c
from proteomr.tables.genes import load_genes

__all__ = ["assemble"]

_STEP: Final = "ingest"
_NAMING: Final = (ASSAY, c.GENE, c.UNIPROT, c.PANEL, c.UNIT)


def assemble(
    parts: Sequence[Part], vocabulary: Vocabulary, *, options: IngestOptions
) -> Measurements:
    """Return the measurements of all parts.

    Parameters
    ----------
    parts : the files, in any order; the same rows give the same measurements.
    vocabulary : what the laboratory calls things.
    options : what to do with replicates, and whether quantities are taken to the logarithm.

    Raises
    ------
    InputError
        Every sample or every assay is a control, or an assay is measured in two units.
    IdentifierError
        A sample and an assay are measured more than once and replicates are refused.
    """
    stack = stack_parts(parts, vocabulary)
    rows, unit_notes = settle_scale(stack.rows, vocabulary, options=options, parts=parts)
    ordinary = rows.filter(~pl.col(CONTROL_SAMPLE) & ~pl.col(CONTROL_ASSAY))
    drops = _count_controls(rows)
    if not collect(ordinary.select(pl.len())).item():
        raise InputError("every sample or every assay is a control; nothing is left to analyse")
    notes = [*stack.notes, *unit_notes, *(note for part in parts for note in part.notes)]
    matrix = scatter(ordinary, replicates=options.replicates)
    notes += _incomplete(matrix)
    if matrix.replicated:
        notes.append(
            f"{matrix.replicated} samples have an assay measured more than once: "
            f"the {options.replicates} is taken"
        )
    notes += _beyond(matrix.rows)
    limits, lod, differing = find_limits(rows.filter(~pl.col(CONTROL_ASSAY)))
    limits = limits.filter(pl.col(c.PROTEIN).is_in(matrix.proteins.implode()))
    if differing:
        notes.append("limits of detection differ between plates: an assay's is their median")
    assays, samples, more, undescribing = _describe_both(matrix, vocabulary)
    assays, gene_notes = _complete_assays(assays, lod, vocabulary)
    assays = _add_counts(assays, matrix)
    plates = find_plates(matrix.rows)
    passed_over = {*undescribing, *(name for part in parts for name in part.passed_over)}
    if passed_over:
        notes.append(f"columns not taken over: {', '.join(sorted(passed_over))}")
    return Measurements(
        platform=vocabulary.platform,
        samples=_with_plate(samples, plates),
        proteins=ArrayProteins(tuple(matrix.proteins.to_list()), matrix.values),
        assays=assays,
        precision="float32" if all(part.single for part in parts) else "float64",
        flags=find_flags(matrix.rows),
        plates=plates,
        limits=limits,
        controls=find_controls(rows),
        drops=drops,
        notes=tuple(sorted({*notes, *more, *gene_notes})),
        parameters=_parameters(parts, options),
    )


def _count_controls(rows: pl.LazyFrame) -> tuple[Drop, ...]:
    samples = collect(rows.filter(CONTROL_SAMPLE).select(c.SAMPLE_ID).unique()).height
    assays = collect(rows.filter(CONTROL_ASSAY).select(c.PROTEIN).unique()).height
    counted = (("control samples", samples), ("control assays", assays))
    return tuple(
        Drop(_STEP, f"{what}; their values are kept in controls", n) for what, n in counted if n
    )


def _incomplete(matrix: Matrix) -> list[str]:
    """Say how many values have no row, where a panel was measured in a sample at all."""
    samples, assays = (
        collect(matrix.rows.select(c.PANEL, name).unique()).group_by(c.PANEL).len(name=name)
        for name in (c.SAMPLE_ID, c.PROTEIN)
    )
    panels = samples.join(assays, on=c.PANEL, nulls_equal=True)
    whole = panels.select(pl.col(c.SAMPLE_ID).cast(pl.Int64).dot(pl.col(c.PROTEIN))).item()
    absent = whole - matrix.filled
    return [f"{absent} values of samples and assays of one panel have no row"] * (absent > 0)


def _beyond(rows: pl.LazyFrame) -> list[str]:
    """Say how many values are missing because they lie beyond a limit."""
    if RANGE not in rows.collect_schema():
        return []
    words = collect(rows.select(RANGE).drop_nulls().group_by(RANGE).len())
    counts: Counter[str | None] = Counter()
    for word, n in words.with_columns(pl.col(RANGE).cast(pl.String)).iter_rows():
        counts[find_range(word)] += n
    return [
        f"{counts[flag]} {'values are' if counts[flag] > 1 else 'value is'} {meaning}: missing, "
        f"with the flag {flag}"
        for flag, meaning in FLAGS.items()
        if counts[flag]
    ]


def _describe_both(
    matrix: Matrix, vocabulary: Vocabulary
) -> tuple[pl.DataFrame, pl.DataFrame, list[str], list[str]]:
    """Return what the columns say of assays and of samples, notes, and columns that say neither."""
    rows, held = matrix.rows, matrix.rows.collect_schema()
    fixed = [ASSAY, c.GENE, c.UNIPROT, c.PANEL, c.UNIT, BLOCK, NORMALIZATION]
    fixed += [name for name in vocabulary.describing if name in held]
    further = [name for name in held if name.startswith(EXTRA)]
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
    optional = [BLOCK, NORMALIZATION]
    empty = [name for name in optional if assays[name].null_count() == assays.height]
    assay_columns = [name for name in (*fixed, *of_assays) if name not in (*empty, *neither)]
    sample_type = [c.SAMPLE_TYPE] if samples[c.SAMPLE_TYPE].null_count() < samples.height else []
    described = [*sample_type, *(name for name in of_samples if name not in neither)]
    return (
        _named(assays, c.PROTEIN, assay_columns, vocabulary),
        _named(samples, c.SAMPLE_ID, described, vocabulary),
        notes,
        [name.removeprefix(EXTRA) for name in neither],
    )


def _named(
    frame: pl.DataFrame, key: str, columns: Sequence[str], vocabulary: Vocabulary
) -> pl.DataFrame:
    """Return columns under their own names, numbers where all cells are numbers."""
    series = [frame[key]]
    for name in columns:
        further = name.startswith(EXTRA) or name in vocabulary.describing
        column = frame[name]
        if name == MISSING_FREQ:
            column = _take_percent(column.cast(pl.String))
        elif further:
            column = infer_column(column)
        series.append(column.alias(name.removeprefix(EXTRA)))
    return pl.DataFrame(series)


def _take_percent(cells: pl.Series) -> pl.Series:
    """Return shares as numbers, 10% as 0.1; what is no number stays text, and all else with it."""
    percent = cells.str.ends_with("%")
    numbers = cells.str.strip_chars(" %").cast(pl.Float64, strict=False)
    if numbers.null_count() > cells.null_count():
        return cells
    return numbers.zip_with(~percent.fill_null(value=False), numbers / 100)


def _complete_assays(
    assays: pl.DataFrame, lod: pl.DataFrame, vocabulary: Vocabulary
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return assays with their genes and limits, and what a spreadsheet did to the genes."""
    restored = restore_genes(assays.select(pl.coalesce(c.GENE, ASSAY))[c.GENE], assays[c.UNIPROT])
    completed = assays.with_columns(
        restored.names.alias(c.GENE),
        pl.lit(vocabulary.platform).alias(c.PLATFORM),
        pl.lit("protein").alias(c.KIND),
    ).join(lod, on=c.PROTEIN, how="left", maintain_order="left")
    notes = restored.notes
    if vocabulary.labels_genes:
        completed, added = _add_accessions(load_genes().label_assays(completed))
        notes = (*notes, *added)
    first = [*c.ASSAYS, c.KIND, ASSAY]
    return completed.select(*first, pl.exclude(first)), notes


def _add_accessions(assays: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Return assays with the first accession of their gene where the source tells none."""
    genes = load_genes().frame.select(
        pl.col(c.SYMBOL).alias(c.GENE), pl.col("uniprot").list.first().alias("of gene")
    )
    joined = assays.join(genes, on=c.GENE, how="left", maintain_order="left")
    count = joined.filter(pl.col(c.UNIPROT).is_null() & pl.col("of gene").is_not_null()).height
    told = joined.with_columns(pl.coalesce(pl.col(c.UNIPROT).cast(pl.String), "of gene"))
    note = (f"UniProt accessions of {count} assays are those of their genes",) if count else ()
    return told.drop("of gene"), note


def _add_counts(assays: pl.DataFrame, matrix: Matrix) -> pl.DataFrame:
    """Return assays with the median of their reads, where the source tells them."""
    if COUNT not in matrix.rows.collect_schema():
        return assays
    median = pl.col(COUNT).median().alias(c.MEDIAN_COUNT)
    counts = collect(matrix.rows.group_by(c.PROTEIN).agg(median))
    if counts[c.MEDIAN_COUNT].null_count() == counts.height:
        return assays
    named = counts.with_columns(pl.col(c.PROTEIN).cast(pl.String))
    return assays.join(named, on=c.PROTEIN, how="left", maintain_order="left")


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
