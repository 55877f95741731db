"""What helper tables and participants' records tell about samples and assays, joined to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import polars as pl

from proteomr.io.identifiers import match_ids
from proteomr.io.ukbiobank.helper_tables import (
    DATE,
    INSTANCE,
    LOT,
    VERSION,
    HelperRole,
    HelperTable,
    plate_key,
    squash,
)
from proteomr.tables import Fields, load_schema
from proteomr.tables import columns as c
from proteomr.tables.genes import load_genes

__all__ = ["Laboratory", "describe"]

N_PROTEINS: Final = "n_proteins"
CONSORTIUM: Final = "ppp_consortium"
BLOOD: Final = "blood_date"
DAYS_PER_YEAR: Final = 365.25
FIELDS: Final = (53, 3166, 30900, 30901, 30902, 30903)
_PASSED: Final = ("pass", "passed", "no", "none", "0", "false", "na")
_YES: Final = ("yes", "true", "1", "1.0")


@dataclass(frozen=True, slots=True, eq=False)
class Laboratory:
    """The tables beside a protein matrix, as `Measurements` holds them.

    Parameters
    ----------
    samples, assays, flags, plates, limits, time_gap : see `Measurements`.
    notes : what a user should know, counts of rows that met no other among it.
    parameters : which field the date of the blood is from.
    """

    samples: pl.DataFrame
    assays: pl.DataFrame
    flags: pl.DataFrame
    plates: pl.DataFrame
    limits: pl.DataFrame
    time_gap: pl.DataFrame | None
    notes: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict[str, object])


def describe(
    ids: pl.Series,
    proteins: Sequence[str],
    *,
    helpers: Mapping[HelperRole, HelperTable],
    fields: Fields | None,
    instance: int,
) -> Laboratory:
    """Return what is known about samples and assays.

    The time gap of a person and a panel is (start of processing of the person's plate for the
    panel - date of the blood sample) / 365.25 years.

    Parameters
    ----------
    ids : identifiers of the samples, sorted.
    proteins : keys of the assays, sorted.
    helpers : the helper tables there are.
    fields : participants' records: 30900 to 30903, 53 and 3166, as far as they are there.
    instance : the visit of the measurements.

    Raises
    ------
    IdentifierError
        No participant of the records has proteins.

    Examples
    --------
    >>> ids = pl.Series(["1000001"])
    >>> description = describe(ids, ["GDF15"], helpers={}, fields=None, instance=0)
    >>> description.assays.select("protein", "gene", "unit").row(0)
    ('GDF15', 'GDF15', 'NPX')
    """
    notes = [note for table in helpers.values() for note in table.notes]
    parameters: dict[str, object] = {}
    assays = _describe_assays(proteins, helpers, notes)
    panels = _name_panels(assays, helpers)
    samples = pl.DataFrame({c.SAMPLE_ID: ids})
    if fields is not None:
        samples = _describe_people(ids, fields, instance, notes, parameters)
    samples = _add_batches(samples, helpers, notes)
    time_gap = _find_time_gap(samples, helpers, panels, notes)
    if time_gap is None:
        parameters.pop("blood_date_field", None)
    samples = _add_lots(samples, helpers, panels)
    return Laboratory(
        samples.drop(BLOOD, strict=False),
        assays,
        _find_flags(assays, helpers, instance, notes),
        _list_plates(samples),
        _find_limits(assays, helpers, instance, notes),
        time_gap,
        tuple(notes),
        parameters,
    )


def _describe_assays(
    proteins: Sequence[str], helpers: Mapping[HelperRole, HelperTable], notes: list[str]
) -> pl.DataFrame:
    assays = pl.DataFrame({c.PROTEIN: list(proteins)}, schema={c.PROTEIN: pl.String})
    text = pl.lit(None, dtype=pl.String)
    empty = [text.alias(c.UNIPROT), text.alias(c.PANEL)]
    if "assay" in helpers:
        matched = _match_assays(helpers["assay"].frame, proteins, "assay", notes)
        assays = assays.join(matched, on=c.PROTEIN, how="left", maintain_order="left")
        if unknown := assays[c.PANEL].null_count():
            notes.append(f"{unknown} proteins have no row in the assay table")
    else:
        assays = assays.with_columns(empty)
    assays = assays.select(
        c.PROTEIN,
        pl.col(c.PROTEIN).alias(c.GENE),
        c.UNIPROT,
        c.PANEL,
        pl.lit("ukb").alias(c.PLATFORM),
        pl.lit("NPX").alias(c.UNIT),
        pl.lit(None, dtype=pl.Float64).alias(c.LOD),
        pl.lit("protein").alias(c.KIND),
    )
    if "assay_version" in helpers:
        frame = helpers["assay_version"].frame.select(c.PROTEIN, VERSION)
        matched = _match_assays(frame, proteins, "assay version", notes)
        renamed = matched.rename({VERSION: "assay_version"})
        assays = assays.join(renamed, on=c.PROTEIN, how="left", maintain_order="left")
    return load_genes().label_assays(assays)


def _match_assays(
    frame: pl.DataFrame, proteins: Sequence[str], table: str, notes: list[str]
) -> pl.DataFrame:
    """Return the rows of measured proteins, under their keys, whatever stood between letters."""
    spelt: dict[str, str] = {}
    for key in proteins:
        spelt[squash(key)] = "" if squash(key) in spelt else key
    keys = {
        name: name if name in set_of else spelt.get(squash(name)) or None
        for set_of in [frozenset(proteins)]
        for name in frame[c.PROTEIN].unique().drop_nulls().to_list()
    }
    named = frame.with_columns(pl.col(c.PROTEIN).replace_strict(keys, return_dtype=pl.String))
    unknown = sum(key is None for key in keys.values())
    if unknown:
        notes.append(f"{unknown} assays of the {table} table are not among the proteins")
    return named.filter(pl.col(c.PROTEIN).is_not_null())


def _name_panels(assays: pl.DataFrame, helpers: Mapping[HelperRole, HelperTable]) -> dict[str, str]:
    """Return the one spelling of each panel, that of the assay table where it has the panel."""
    panels = {squash(name): name for name in assays[c.PANEL].drop_nulls().unique().sort()}
    if panels:
        return panels
    named = helpers["start_date"].frame[c.PANEL] if "start_date" in helpers else pl.Series([""])
    return {squash(name): name for name in sorted(named.unique().to_list(), reverse=True) if name}


def _describe_people(
    ids: pl.Series,
    fields: Fields,
    instance: int,
    notes: list[str],
    parameters: dict[str, object],
) -> pl.DataFrame:
    match = match_ids(ids, fields.frame[fields.id_column], names=("proteins", "participants"))
    if match.only_left:
        notes.append(f"{match.only_left} people with proteins are not among the participants")
    columns = {c.SAMPLE_ID: fields.frame[fields.id_column]}
    if fields.has(30901, instance):
        columns[c.PLATE] = _as_plates(fields.get(30901, instance))
    if fields.has(30902, instance):
        columns[c.WELL] = fields.get(30902, instance).cast(pl.String)
    if fields.has(30900, instance):
        columns[N_PROTEINS] = fields.get(30900, instance).cast(pl.Int64, strict=False)
    if fields.has(30903):
        columns[CONSORTIUM] = _as_yes(fields.get(30903))
    for number, visit in ((3166, instance), (53, instance)):
        if BLOOD not in columns and fields.has(number, visit):
            columns[BLOOD] = _as_dates(fields.get(number, visit))
            parameters["blood_date_field"] = number
    people = pl.DataFrame([column.alias(name) for name, column in columns.items()])
    samples = pl.DataFrame({c.SAMPLE_ID: ids})
    return samples.join(people, on=c.SAMPLE_ID, how="left", maintain_order="left")


def _as_plates(plates: pl.Series) -> pl.Series:
    if plates.dtype.is_float():
        plates = plates.cast(pl.Int64)
    text = plates.cast(pl.String)
    spelt = {name: plate_key(name) for name in text.unique().drop_nulls().to_list()}
    return text.replace_strict(spelt, return_dtype=pl.String)


def _as_yes(answers: pl.Series) -> pl.Series:
    text = answers.cast(pl.String).str.to_lowercase()
    return text.is_in(_YES)


def _as_dates(dates: pl.Series) -> pl.Series:
    """Return dates, the earliest where there are several."""
    if isinstance(dates.dtype, pl.List):
        dates = dates.list.drop_nulls().list.min()
    if dates.dtype == pl.String:
        return dates.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    return dates.cast(pl.Date)


def _add_batches(
    samples: pl.DataFrame, helpers: Mapping[HelperRole, HelperTable], notes: list[str]
) -> pl.DataFrame:
    if c.PLATE not in samples.columns:
        if "batch" in helpers or "start_date" in helpers:
            notes.append("no field 30901 (plate) among the participants: no batch, no time gap")
        return samples
    if absent := samples[c.PLATE].null_count():
        notes.append(f"{absent} people with proteins have no plate")
    if "batch" not in helpers:
        return samples
    joined = samples.join(helpers["batch"].frame, on=c.PLATE, how="left", maintain_order="left")
    without = int((joined[c.BATCH].is_null() & joined[c.PLATE].is_not_null()).sum())
    if without:
        notes.append(f"{without} people stand on a plate that the batch table lacks")
    return joined


def _list_plates(samples: pl.DataFrame) -> pl.DataFrame:
    if c.PLATE not in samples.columns:
        return load_schema("plates").empty()
    text = pl.lit(None, dtype=pl.String)
    columns = [pl.col(name) if name in samples.columns else text.alias(name) for name in c.PLATES]
    return load_schema("plates").validate(
        samples.filter(pl.col(c.PLATE).is_not_null()).select(columns)
    )


def _find_time_gap(
    samples: pl.DataFrame,
    helpers: Mapping[HelperRole, HelperTable],
    panels: Mapping[str, str],
    notes: list[str],
) -> pl.DataFrame | None:
    if "start_date" not in helpers or c.PLATE not in samples.columns:
        return None
    if BLOOD not in samples.columns:
        notes.append("neither field 3166 nor 53 among the participants: no time gap")
        return None
    started = _rename_panels(helpers["start_date"].frame, panels, "start date", notes)
    gap = samples.select(c.SAMPLE_ID, c.PLATE, BLOOD)
    names = sorted(set(panels.values()))
    for panel in names:
        of_panel = started.filter(pl.col(c.PANEL) == panel).select(c.PLATE, DATE)
        dated = gap.join(of_panel, on=c.PLATE, how="left", maintain_order="left")
        days = (dated[DATE] - dated[BLOOD]).dt.total_days().cast(pl.Float64).fill_null(np.nan)
        # In numpy: polars multiplies by the reciprocal, which may miss the last digit.
        years = pl.Series(panel, days.to_numpy() / DAYS_PER_YEAR, nan_to_null=True)
        gap = gap.with_columns(years)
    gap = gap.select(c.SAMPLE_ID, *names)
    values = gap.drop(c.SAMPLE_ID)
    unknown = sum(column.null_count() for column in values)
    negative = sum(int((column < 0).sum()) for column in values)
    if unknown:
        notes.append(f"{unknown} time gaps are unknown: no plate, no date of either kind")
    if negative:
        notes.append(f"{negative} time gaps are negative: measured before the blood was drawn")
    return gap


def _rename_panels(
    frame: pl.DataFrame, panels: Mapping[str, str], table: str, notes: list[str]
) -> pl.DataFrame:
    names = frame[c.PANEL].unique().to_list()
    spelt = {name: panels.get(squash(name)) for name in names}
    if unknown := [name for name in sorted(names) if spelt[name] is None]:
        notes.append(f"panels of the {table} table without a protein: {', '.join(unknown)}")
    return frame.with_columns(pl.col(c.PANEL).replace_strict(spelt, return_dtype=pl.String)).filter(
        pl.col(c.PANEL).is_not_null()
    )


def _add_lots(
    samples: pl.DataFrame,
    helpers: Mapping[HelperRole, HelperTable],
    panels: Mapping[str, str],
) -> pl.DataFrame:
    """Add one column per panel: the lot of its reagents in the batch of the sample."""
    if "panel_lot" not in helpers or c.BATCH not in samples.columns:
        return samples
    lots = _rename_panels(helpers["panel_lot"].frame, panels, "panel lot", [])
    for panel in sorted(set(panels.values())):
        of_panel = lots.filter(pl.col(c.PANEL) == panel).select(
            c.BATCH, pl.col(LOT).alias(f"{LOT}_{panel}")
        )
        samples = samples.join(of_panel, on=c.BATCH, how="left", maintain_order="left")
    return samples


def _find_limits(
    assays: pl.DataFrame,
    helpers: Mapping[HelperRole, HelperTable],
    instance: int,
    notes: list[str],
) -> pl.DataFrame:
    schema = load_schema("limits")
    if "limits" not in helpers:
        return schema.empty()
    frame = _of_instance(helpers["limits"].frame, instance)
    if not frame.height:
        notes.append(f"no limit of detection is of instance {instance}")
    limits = _match_assays(frame, assays[c.PROTEIN].to_list(), "limit of detection", notes)
    limits = limits.filter(pl.col(c.LOD).is_not_null())
    return schema.validate(limits.select(c.LIMITS).sort(c.PROTEIN, c.PLATE))


def _find_flags(
    assays: pl.DataFrame,
    helpers: Mapping[HelperRole, HelperTable],
    instance: int,
    notes: list[str],
) -> pl.DataFrame:
    schema = load_schema("qc_flags")
    if "assay_warning" not in helpers:
        return schema.empty()
    frame = _of_instance(helpers["assay_warning"].frame, instance)
    value = pl.col(c.VALUE)
    warned = frame.filter(value.is_not_null() & ~value.str.to_lowercase().is_in(_PASSED))
    flags = _match_assays(warned, assays[c.PROTEIN].to_list(), "assay warning", notes)
    text = pl.lit(None, dtype=pl.String)
    constants = {c.FLAG: pl.lit("assay_warning")}
    columns = [
        (pl.col(name) if name in flags.columns else constants.get(name, text)).alias(name)
        for name in c.FLAGS
    ]
    return schema.validate(flags.select(columns).sort(c.PROTEIN, c.PANEL, c.PLATE, c.VALUE))


def _of_instance(frame: pl.DataFrame, instance: int) -> pl.DataFrame:
    if INSTANCE not in frame.columns:
        return frame
    return frame.filter(pl.col(INSTANCE) == instance)
