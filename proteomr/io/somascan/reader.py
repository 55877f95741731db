"""SomaScan ADAT files to measurements: rows stacked, assays united, controls kept apart."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import FormatError, IdentifierError, InputError, UsageError
from proteomr.io.formats import IngestOptions, Source
from proteomr.io.identifiers import find_id_column, normalise_ids
from proteomr.io.somascan.adat import SEQ_ID, Adat, read_adat
from proteomr.io.somascan.analytes import (
    SEPARATOR,
    collect_assays,
    describe_analytes,
    name_assay,
    note_differences,
)
from proteomr.io.somascan.cells import is_scientific
from proteomr.io.somascan.side_tables import (
    PLATE,
    WELL,
    collect_controls,
    collect_flags,
    collect_plates,
)
from proteomr.io.spreadsheets import restore_groups
from proteomr.io.tables import infer_column
from proteomr.io.text import MARKS
from proteomr.tables import ArrayProteins, Drop, Measurements, Platform
from proteomr.tables import columns as c

__all__ = ["SomaScan"]

_MARK: Final = re.compile(r'^"?\^(HEADER|COL_DATA|ROW_DATA|TABLE_BEGIN)\b', re.IGNORECASE)
_HEADERLESS: Final = re.compile(r'^(?:"")?[\t,;][\t,;"]*SeqId[\t,;"]')
_SAMPLE_ID: Final = "SampleId"
_SAMPLE_TYPE: Final = "SampleType"
_ROW: Final = "row number"
_TIE: Final = "digest of the values"
_NO_SAMPLE: Final = -1
_LEFT_OUT: Final = -2
_STEP: Final = "ingest"
_LARGEST_LOGARITHM: Final = 30.0  # a fluorescence of 2^30 is beyond any scanner
_PARAMETERS: Final = {
    "process_steps": "ProcessSteps",
    "assay_version": "AssayVersion",
    "study_matrix": "StudyMatrix",
    "signal_space": "SignalSpace",
}
_COMPARED: Final = ("AssayVersion", "SignalSpace", "StudyMatrix", "ProcessSteps")


@dataclass(frozen=True, slots=True)
class SomaScan:
    r"""SomaScan: ADAT files as SomaLogic delivers them, also gz, or saved again as csv.

    The key of an assay is the name that SomaDataIO gives its column, ``seq.10000.28``. Analytes
    of other organisms and control analytes stay among the proteins, with their ``kind``. Rows
    whose ``SampleType`` is not Sample (QC, Calibrator, Buffer) go to the controls. Several files
    are stacked, and a SeqId that one of them lacks is missing there. Columns of the samples keep
    their names; those that are empty throughout are left out.

    Of samples with one name, ``first`` keeps the one that comes first by plate, position and the
    further annotations, and ``mean`` averages the values as they are stored (after the
    logarithm); neither depends on the order of rows or files.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.io.formats import open_source
    >>> text = "^TABLE_BEGIN\n\tSeqId\t2597-8\nSampleId\t\t\nA1\t\t1024\n"
    >>> with tempfile.NamedTemporaryFile(suffix=".adat") as file:
    ...     size = file.write(text.encode())
    ...     file.flush()
    ...     sources = (open_source(file.name),)
    ...     measured = SomaScan().read(sources, options=IngestOptions(log2=True), scratch=Path())
    >>> measured.proteins.names, measured.proteins.read(slice(0, 1)).tolist()
    (('seq.2597.8',), [[10.0]])
    """

    name: Platform = "somascan"

    def matches(self, source: Source, /) -> bool:
        r"""Tell whether a file is an ADAT, also one that lost its header.

        Examples
        --------
        >>> head = "!Checksum\tab12\n^HEADER\n!Version\t1.2\n"
        >>> SomaScan().matches(Source(Path("x.txt"), "text", head=head))
        True
        """
        if source.kind != "text":
            return False
        # Files as delivered begin with !Checksum, which is a header entry above ^HEADER.
        lines = (line for line in source.head.splitlines() if line.strip(' \t;,"'))
        line = next((line for line in lines if not line.lstrip('"').startswith("!")), "")
        return bool(_MARK.match(line) or _HEADERLESS.match(line))

    def read(
        self,
        sources: tuple[Source, ...],
        /,
        *,
        options: IngestOptions,
        scratch: Path,  # noqa: ARG002 - asked for by the protocol
    ) -> Measurements:
        """Return the measurements of ADAT files.

        Parameters
        ----------
        sources : the files.
        options : ``id_column`` (None for SampleId), ``log2`` and ``replicates`` apply.
        scratch : not used; the files are read at once.

        Raises
        ------
        FormatError
            A file is cut off, shifted or changed by a spreadsheet; with line and column.
        IdentifierError
            Samples have no name, or share one and ``replicates`` is refuse.
        UsageError
            A logarithm is asked for of values that are logarithms.
        InputError
            There is no sample, or the files are on different scales.
        """
        for source in sources:
            if source.kind != "text":
                message = f"is a {source.kind}; an ADAT is text: use the file as delivered"
                raise FormatError(message, path=source.path)
        adats = [read_adat(source) for source in sources]
        restored = [restore_groups(describe_analytes(adat), separator=SEPARATOR) for adat in adats]
        described = [frame for frame, _ in restored]
        unit, scale_note = _find_unit(adats, described, log2=options.log2)
        assays = collect_assays(described, unit=unit)
        values = _stack(adats, assays[c.PROTEIN], options)
        rows, values_of = _order_rows([_named_rows(adat, options) for adat in adats], values)
        chosen, groups, drops = _choose_samples(rows, options, adats)
        control = groups == _NO_SAMPLE
        return Measurements(
            platform=self.name,
            samples=_describe_samples(rows, chosen),
            proteins=ArrayProteins(
                tuple(assays[c.PROTEIN]), _take(values, values_of, chosen, groups)
            ),
            assays=assays,
            flags=collect_flags(described, rows.filter(pl.Series(groups >= 0))),
            plates=collect_plates(rows[chosen]),
            controls=collect_controls(
                rows.filter(pl.Series(control)), values[values_of[control]], assays
            ),
            drops=(*drops, *_count_controls(control)),
            notes=tuple(
                dict.fromkeys(
                    (
                        *_notes(adats, described),
                        *(note for _, notes in restored for note in notes),
                        *([scale_note] if scale_note else []),
                    )
                )
            ),
            parameters={**_parameters(adats), "log2": options.log2, "files": len(adats)},
        )


def _find_unit(
    adats: Sequence[Adat], described: Sequence[pl.DataFrame], *, log2: bool
) -> tuple[str, str]:
    """Return the unit of the values that are kept, and what to say about their scale."""
    units = sorted({unit for frame in described for unit in frame[c.UNIT]})
    small = [
        _looks_logarithmic(adat.values) or "log" in "".join(frame[c.UNIT].unique()).casefold()
        for adat, frame in zip(adats, described, strict=True)
    ]
    if any(small) and not all(small):
        raise InputError(
            f"{sum(small)} of {len(small)} files hold logarithms and the others do not; ingest "
            "files of one scale together"
        )
    if len(units) > 1:
        raise InputError(f"values in different units: {', '.join(units)}; ingest one at a time")
    if all(small) and log2:
        raise UsageError(
            f"the values are logarithms already (none is above {_LARGEST_LOGARITHM:g}, or the "
            "unit says so); leave out --log2"
        )
    if all(small):
        return units[0], "the values are taken as logarithms: none is as large as RFU are"
    if log2:
        return f"log2 {units[0]}", ""
    return units[0], (
        "RFU are on a linear scale: ranks are unaffected, but linear models need their logarithm "
        "(--log2)"
    )


def _looks_logarithmic(values: F64) -> bool:
    finite = values[np.isfinite(values)]
    return bool(finite.size) and float(finite.max()) < _LARGEST_LOGARITHM


def _stack(adats: Sequence[Adat], assays: pl.Series, options: IngestOptions) -> F64:
    """Return the values of all rows, (n, p), files in the order given, assays in theirs."""
    column = {name: at for at, name in enumerate(assays)}
    values = np.full((sum(adat.rows.height for adat in adats), len(column)), np.nan)
    start = 0
    for adat in adats:
        keys = [column[name_assay(name)] for name in adat.analytes[SEQ_ID]]
        stored = _take_log2(adat) if options.log2 else adat.values
        values[start : start + len(stored), keys] = stored
        start += len(stored)
    return values


def _order_rows(frames: Sequence[pl.DataFrame], values: F64) -> tuple[pl.DataFrame, I64]:
    """Return all rows in an order of their content alone, and where the values of each stand."""
    rows = pl.concat(frames, how="diagonal")
    if len({tuple(frame.columns) for frame in frames}) > 1:
        rows = rows.select(sorted(rows.columns))
    # The values break the ties between rows of equal annotation.
    digests = [hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in values]
    leading = [c.SAMPLE_ID, *(name for name in (PLATE, WELL) if name in rows.columns)]
    further = sorted(set(rows.columns).difference(leading))
    ordered = rows.with_columns(pl.Series(_TIE, digests)).with_row_index(_ROW)
    ordered = ordered.sort(*leading, *further, _TIE)
    return ordered.drop(_ROW, _TIE), ordered[_ROW].to_numpy().astype(np.int64)


def _take_log2(adat: Adat) -> F64:
    low = adat.values <= 0
    if bool(low.any()):
        row, at = (int(positions[0]) for positions in np.nonzero(low))
        message = f"{int(low.sum())} values are zero or negative and have no logarithm; "
        raise FormatError(
            f"{message}the first stands here: leave out --log2, or make them missing",
            path=adat.path,
            line=int(adat.lines[row]),
            column=adat.analytes[SEQ_ID][at],
        )
    logarithms: F64 = np.log2(adat.values)
    return logarithms


def _named_rows(adat: Adat, options: IngestOptions) -> pl.DataFrame:
    """Return the annotation of the rows with ``sample_id`` and ``sample_type`` in front."""
    names = adat.rows.columns
    try:
        column = find_id_column(names, id_column=options.id_column or _SAMPLE_ID)
    except IdentifierError as fault:
        raise IdentifierError(f"{adat.path}: {fault}") from None
    for reserved in (c.SAMPLE_ID, c.SAMPLE_TYPE):
        if reserved in names and reserved != column:
            raise FormatError("a name that is needed; rename it", path=adat.path, column=reserved)
    types = pl.Series([None] * len(adat.lines), dtype=pl.String)
    if _SAMPLE_TYPE in names:
        types = adat.rows[_SAMPLE_TYPE]
        _refuse_cells(adat, types.is_null(), _SAMPLE_TYPE, "no type of sample; write Sample or QC")
    types = types.fill_null("Sample")
    ids = adat.rows[column]
    is_sample = types.str.to_lowercase() == "sample"
    _refuse_cells(adat, ids.is_null() & is_sample, column, "a sample has no name")
    quoted = ids.str.contains(MARKS).fill_null(value=False)
    _refuse_cells(adat, quoted, column, "a quotation mark in the name of a sample; remove it")
    spoilt = pl.Series([is_scientific(name or "") for name in ids], dtype=pl.Boolean)
    _refuse_cells(
        adat, spoilt, column, "a sample name in scientific notation: a spreadsheet cut its digits"
    )
    front = [ids.fill_null(types).alias(c.SAMPLE_ID), types.alias(c.SAMPLE_TYPE)]
    left_out = {column, _SAMPLE_TYPE}
    return pl.DataFrame([*front, *(adat.rows[name] for name in names if name not in left_out)])


def _refuse_cells(adat: Adat, broken: pl.Series, column: str, message: str) -> None:
    count = int(broken.sum())
    if count:
        line = int(adat.lines[broken.arg_max() or 0])
        further = f" (and {count - 1} more)" if count > 1 else ""
        raise FormatError(f"{message}{further}", path=adat.path, line=line, column=column)


def _choose_samples(
    rows: pl.DataFrame, options: IngestOptions, adats: Sequence[Adat]
) -> tuple[I64, I64, tuple[Drop, ...]]:
    """Return the row of each sample, the sample of each row or why it has none, and the drops."""
    is_sample: Bool = (rows[c.SAMPLE_TYPE].str.to_lowercase() == "sample").to_numpy()
    sample_rows = np.flatnonzero(is_sample).astype(np.int64)
    if not sample_rows.size:
        types = ", ".join(rows[c.SAMPLE_TYPE].unique().sort()[:5])
        message = f"no row is a sample: SampleType holds {types}; 'Sample' is needed"
        raise FormatError(message, path=adats[0].path if len(adats) == 1 else None)
    ids = rows[c.SAMPLE_ID].to_numpy()[sample_rows]
    names, first, of_row = np.unique(ids, return_index=True, return_inverse=True)
    groups: I64 = np.full(rows.height, _NO_SAMPLE, dtype=np.int64)
    groups[sample_rows] = of_row
    chosen, repeated = sample_rows[first], sample_rows.size - names.size
    if not repeated:
        return chosen, groups, ()
    if options.replicates == "refuse":
        raise IdentifierError(
            f"{repeated} of {sample_rows.size} samples have the name of another; take the first or "
            "the mean with --replicates, or name another column with --id"
        )
    if options.replicates == "first":
        groups[np.setdiff1d(sample_rows, chosen)] = _LEFT_OUT
        return chosen, groups, (Drop(_STEP, "replicates; the first was kept", repeated),)
    return chosen, groups, (Drop(_STEP, "replicates; averaged", repeated),)


def _count_controls(control: Bool) -> tuple[Drop, ...]:
    n = int(control.sum())
    reason = "rows of calibrators, buffers and other controls; their values are kept in controls"
    return (Drop(_STEP, reason, n),) if n else ()


def _take(values: F64, values_of: I64, chosen: I64, groups: I64) -> F64:
    """Return one row per sample, (n, p): its own, or the mean of what is known of replicates."""
    taken = values[values_of[chosen]]
    counts = np.bincount(groups[groups >= 0], minlength=chosen.size)
    for sample in np.flatnonzero(counts > 1):
        several = values[values_of[groups == sample]]
        is_finite = np.isfinite(several)
        number = is_finite.sum(axis=0)
        total = np.where(is_finite, several, 0.0).sum(axis=0)
        taken[sample] = np.where(number > 0, total / np.maximum(number, 1), np.nan)
    return taken


def _describe_samples(rows: pl.DataFrame, chosen: I64) -> pl.DataFrame:
    samples = rows[chosen].drop(c.SAMPLE_TYPE)
    ids = normalise_ids(samples[c.SAMPLE_ID])
    columns = [column for column in samples.iter_columns() if column.null_count() < column.len()]
    further = [infer_column(column) for column in columns if column.name != c.SAMPLE_ID]
    return pl.DataFrame([ids.alias(c.SAMPLE_ID), *further])


def _notes(adats: Sequence[Adat], described: Sequence[pl.DataFrame]) -> list[str]:
    notes = note_differences(described)
    for key in _COMPARED:
        values = sorted({adat.header.get(key, "none") or "none" for adat in adats})
        if len(values) > 1:
            listed = "; ".join(values)
            notes.append(f"the files differ in {key} ({listed}); values may need bridging")
    without = sum(not adat.header for adat in adats)
    if without:
        notes.append(
            f"{without} of {len(adats)} files without ^HEADER: version and processing are not known"
        )
    if announced := sorted({name for adat in adats for name in adat.undescribed}):
        listed = ", ".join(announced[:5]) + (", ..." if len(announced) > 5 else "")
        notes.append(f"announced by ^COL_DATA or ^ROW_DATA and absent from the table: {listed}")
    if any(_SAMPLE_TYPE not in adat.rows.columns for adat in adats):
        notes.append("no column SampleType: every row is taken as a sample")
    return notes


def _parameters(adats: Sequence[Adat]) -> dict[str, object]:
    """Return what the headers say of the assay: one text, or a list where files differ."""
    parameters: dict[str, object] = {}
    for name, key in _PARAMETERS.items():
        values = sorted({adat.header[key] for adat in adats if adat.header.get(key)})
        if values:
            parameters[name] = values[0] if len(values) == 1 else values
    return parameters
