"""Limits of detection, from control samples without plasma or from a file of fixed ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError
from proteomr.io import read_table
from proteomr.qc.controls import scale_of_unit
from proteomr.qc.placement import assay_column
from proteomr.tables import Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["MINIMUM_CONTROLS", "find_limits_of_controls", "read_limits", "set_limits"]

MINIMUM_CONTROLS: Final = 10
"""Negative controls that Olink asks for before limits are estimated from them."""
_FLOOR: Final = 0.2
_DEVIATIONS: Final = 3.0
_ROBUST_DEVIATIONS: Final = 3.3
_MAD_OF_NORMAL: Final = 1.4826
_MINIMUM_BUFFERS: Final = 3  # of fewer, half lie at the median itself and the MAD says nothing
_WITHOUT_PLASMA: Final = r"(?i)^(neg(ative)?([ _-]?(control|ctrl))?|nc|buffer|blank)$"
_NAMES: Final = ("protein", "olinkid", "olink_id", "seqid", "assay", "target")
_LIMITS: Final = ("lod", "lodnpx", "elod", "limit_of_detection")
_METHOD: Final = "lodmethod"


def find_limits_of_controls(measured: Measurements) -> pl.DataFrame:
    r"""Return a limit of detection for each assay, from its values in controls without plasma.

    On a log2 scale (NPX), with m the median and s the standard deviation of the negative controls
    of the project,

    .. math:: LOD = m + \max(0.2, 3 s),

    of at least 10 of them (``olink_lod`` of OlinkAnalyze, its limits in NPX; those that it derives
    from counts of reads, for assays of which no negative control has more than 150, need the
    counts, which a store does not hold). Of SomaScan's RFU, also where their logarithm is stored,

    .. math:: eLOD = m + 3.3 \cdot 1.4826 \cdot MAD

    of the buffer wells, in RFU (``calc_eLOD`` of SomaDataIO).

    Assays whose values are normalised by intensity have none: negative controls tell the limit
    before that, plate by plate.

    Returns
    -------
    frame : schema ``limits``, without a plate.

    Raises
    ------
    InputError
        There are too few such controls, or no assay has a limit.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> controls = pl.DataFrame({"sample_id": [f"N{i}" for i in range(10)],
    ...     "sample_type": ["NEGATIVE_CONTROL"] * 10, "plate": ["P1"] * 10, "protein": ["ADM"] * 10,
    ...     "kind": ["protein"] * 10, "value": [-1.0, -1.1, -0.9, -1.0, -1.0] * 2})
    >>> measured = Measurements(
    ...     platform="olink", samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "unit": ["NPX"]}), controls=controls)
    >>> find_limits_of_controls(measured)["lod"].round(9).to_list()
    [-0.8]
    """
    controls = measured.controls.filter(
        pl.col(c.SAMPLE_TYPE).str.contains(_WITHOUT_PLASMA),
        pl.col(c.PROTEIN).is_in(list(measured.proteins.names)),
        pl.col(c.VALUE).is_finite(),
    )
    wells = controls.select(c.SAMPLE_ID, c.PLATE).unique().height
    soma = measured.platform == "somascan"
    needed, what = (_MINIMUM_BUFFERS, "buffer wells") if soma else (MINIMUM_CONTROLS, "of them")
    if wells < needed:
        raise InputError(
            f"{wells} negative controls in the store; limits of detection from controls need "
            f"{needed} {what}: give a file of fixed limits (--lod FILE)"
        )
    units = dict(zip(measured.proteins.names, assay_column(measured, c.UNIT), strict=True))
    by_intensity = _list_normalised_by_intensity(measured)
    rows: list[tuple[str, float]] = []
    values_of = controls.sort(c.PROTEIN, c.VALUE).group_by(c.PROTEIN, maintain_order=True)
    for (name,), group in values_of:
        protein, values = str(name), group[c.VALUE].to_numpy()
        scale = scale_of_unit(units[protein])
        if values.size < needed or protein in by_intensity:
            continue
        if soma and scale is not None:
            rows.append((protein, _estimate_of_buffers(values, logarithmic=scale == "log2")))
        elif scale == "log2":
            spread = max(_FLOOR, _DEVIATIONS * float(np.std(values, ddof=1)))
            rows.append((protein, float(np.median(values)) + spread))
    if not rows:
        raise InputError(
            "no assay has a limit of detection by its negative controls: values normalised by "
            "intensity, of no known scale, or too few; give a file of fixed limits (--lod FILE)"
        )
    frame = pl.DataFrame(rows, schema=[c.PROTEIN, c.LOD], orient="row")
    return _as_limits(frame)


def _estimate_of_buffers(values: F64, *, logarithmic: bool) -> float:
    linear = np.exp2(values) if logarithmic else values
    median = float(np.median(linear))
    spread = _MAD_OF_NORMAL * float(np.median(np.abs(linear - median)))
    limit = median + _ROBUST_DEVIATIONS * spread
    return float(np.log2(limit)) if logarithmic else limit


def _list_normalised_by_intensity(measured: Measurements) -> set[str]:
    if "normalization" not in measured.assays.columns:
        return set()
    by_intensity = pl.col("normalization").cast(pl.String).str.contains("(?i)intensity")
    return set(measured.assays.filter(by_intensity)[c.PROTEIN])


def read_limits(path: str | Path, *, measured: Measurements) -> pl.DataFrame:
    """Return limits of detection from a file: one of an assay, or of an assay and a plate, a row.

    The assays are named in a column protein, OlinkID, SeqId, assay or target, by their names or
    their genes; the limits stand in a column LOD or, as in Olink's files of fixed limits, LODNPX,
    of which rows whose LODMethod is lod_count are passed over (they are in counts of reads).

    Parameters
    ----------
    path : parquet or delimited text.
    measured : with the assays.

    Returns
    -------
    frame : schema ``limits``; of assays that are not in the file there is none.

    Raises
    ------
    ColumnError
        The columns are not there, or a limit is no number.
    InputError
        An assay has two limits, or none of the file's is among the measurements.
    """
    table = read_table(path)
    by_name = {name.casefold(): name for name in table.columns}
    named = next((by_name[name] for name in _NAMES if name in by_name), None)
    limit = next((by_name[name] for name in _LIMITS if name in by_name), None)
    if named is None or limit is None:
        wanted = "a column of assays (protein, OlinkID, SeqId)" if named is None else "a column LOD"
        raise ColumnError(f"{path}: {wanted} is needed; there are {', '.join(table.columns)}")
    if not table[limit].dtype.is_numeric():
        raise ColumnError(f"{path}: the limits in column {limit!r} are no numbers")
    if _METHOD in by_name:
        counted = pl.col(by_name[_METHOD]).cast(pl.String).str.contains("(?i)count")
        table = table.filter(~counted.fill_null(value=False))
    plate = by_name.get(c.PLATE) or by_name.get("plateid")
    frame = table.select(
        pl.col(named).cast(pl.String).alias(c.PROTEIN),
        (pl.lit(None, pl.String) if plate is None else pl.col(plate).cast(pl.String)).alias(
            c.PLATE
        ),
        pl.col(limit).cast(pl.Float64).alias(c.LOD),
    ).drop_nulls([c.PROTEIN, c.LOD])
    limits = _as_limits(_name_assays(frame, measured).unique())
    twice = limits.filter(limits.select(c.PROTEIN, c.PLATE).is_duplicated())
    if twice.height:
        raise InputError(f"{path}: assay {twice[c.PROTEIN][0]!r} has two limits of detection")
    if not limits.height:
        raise InputError(
            f"{path}: names no assay of the measurements; theirs are such as "
            f"{measured.proteins.names[0]!r}"
        )
    return limits


def _name_assays(frame: pl.DataFrame, measured: Measurements) -> pl.DataFrame:
    """Take the assays by their names; by their genes where no name fits and the gene is one's."""
    names = measured.proteins.names
    fitting = frame.filter(pl.col(c.PROTEIN).is_in(list(names)))
    if fitting.height or c.GENE not in measured.assays.columns:
        return fitting
    genes = measured.assays.select(c.PROTEIN, c.GENE).drop_nulls()
    single = genes.filter(genes[c.GENE].is_unique())
    joined = frame.rename({c.PROTEIN: c.GENE}).join(single, on=c.GENE)
    return joined.select(c.PROTEIN, c.PLATE, c.LOD)


def _as_limits(frame: pl.DataFrame) -> pl.DataFrame:
    schema = load_schema("limits")
    if c.PLATE not in frame.columns:
        frame = frame.with_columns(pl.lit(None, pl.String).alias(c.PLATE))
    return schema.validate(frame.select(schema.names).sort(schema.names, nulls_last=True))


def set_limits(measured: Measurements, limits: pl.DataFrame, *, source: str) -> Measurements:
    """Return the measurements with other limits of detection; the old ones are gone.

    Parameters
    ----------
    measured : the measurements.
    limits : schema ``limits``; an assay of several plates has their median as its own.
    source : where they come from, for the notes.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="olink", samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "lod": [0.5]}))
    >>> limits = pl.DataFrame({"protein": ["ADM"], "plate": [None], "lod": [-0.8]},
    ...                       schema_overrides={"plate": pl.String})
    >>> set_limits(measured, limits, source="a file").assays["lod"].to_list()
    [-0.8]
    """
    single = limits.group_by(c.PROTEIN).agg(pl.col(c.LOD).median())
    assays = measured.assays.drop(c.LOD, strict=False)
    assays = assays.join(single, on=c.PROTEIN, how="left", maintain_order="left")
    without = assays[c.LOD].null_count()
    note = f"limits of detection are those of {source}"
    return replace(
        measured,
        assays=assays.select(
            *(name for name in measured.assays.columns if name != c.LOD and name in c.ASSAYS),
            c.LOD,
            *(name for name in measured.assays.columns if name not in c.ASSAYS),
        ),
        limits=limits,
        notes=(*measured.notes, note + (f"; {without:,} assays have none" if without else "")),
        parameters={**measured.parameters, "limits_of_detection": source},
    )
