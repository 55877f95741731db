"""What the values of each assay show: missing, below detection, spread, plates, controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import InputError
from proteomr.qc.controls import choose_control
from proteomr.qc.placement import Placement, assay_column, variance_shares
from proteomr.qc.summaries import summarise_rows
from proteomr.runs.progress import follow
from proteomr.tables import Measurements, Proteins
from proteomr.tables import columns as c

__all__ = ["BLOCK", "assess_assays", "blocks_of", "find_empty_samples"]

BLOCK = 64


def blocks_of(proteins: Proteins) -> Iterator[tuple[slice, F64]]:
    """Yield all proteins, a block of columns at a time, as rows: positions and values (b, n).

    Raises
    ------
    InputError
        A value is infinite.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> [block.tolist() for _, block in blocks_of(ArrayProteins(("A",), np.array([[1.0], [2.0]])))]
    [[[1.0, 2.0]]]
    """
    p = len(proteins.names)
    for start in follow(range(0, p, BLOCK), doing="measuring", total=-(-p // BLOCK)):
        columns = slice(start, min(p, start + BLOCK))
        block = proteins.read(columns).T
        if np.isinf(block).any():
            counts = np.isinf(block).sum(axis=1)
            first = int((counts > 0).argmax())
            raise InputError(
                f"assay {proteins.names[start + first]!r}: {counts[first]:,} infinite values, as "
                "from the logarithm of 0; correct them, or make them missing, before ingest"
            )
        yield columns, block


def find_empty_samples(proteins: Proteins) -> Bool:
    """Tell which samples have no value of any assay, (n,).

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> find_empty_samples(ArrayProteins(("A",), np.array([[1.0], [np.nan]]))).tolist()
    [False, True]
    """
    empty = np.ones(proteins.n, dtype=np.bool_)
    for _, block in blocks_of(proteins):
        empty &= np.isnan(block).all(axis=0)
        if not empty.any():  # mostly after the first block
            break
    return empty


def assess_assays(
    measured: Measurements, *, plates: Placement | None, controls: pl.DataFrame
) -> pl.DataFrame:
    """Return one row per assay: the columns of the schema ``qc_assays`` up to the decision.

    A value is compared with the limit of detection of its plate, else with that of the assay for
    all plates, else with ``lod`` of the assays, and counts as below when it is smaller. The share
    below is that of the values compared: missing values, and values without a limit, are not.
    Every share is over the samples of ``measured``, whether or not they leave later.

    Parameters
    ----------
    measured : the measurements.
    plates : where the samples stood, for limits and for the share of variance between plates.
    controls : of `assess_controls`.

    Raises
    ------
    InputError
        A value is infinite.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins, load_schema
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> empty = load_schema("qc_controls").empty()
    >>> assess_assays(measured, plates=None, controls=empty)["share_missing"].to_list()
    [0.5]
    """
    limits = _Limits(measured, plates)
    panels = assay_column(measured, c.PANEL).to_list()
    parts = [
        _describe_block(block, panels[columns], columns.start, limits)
        for columns, block in blocks_of(measured.proteins)
    ]
    named = pl.DataFrame(
        {
            c.PROTEIN: list(measured.proteins.names),
            **{name: assay_column(measured, name) for name in (c.GENE, c.PANEL, c.KIND, c.UNIT)},
        }
    )
    table = pl.concat([named, pl.concat(parts).fill_nan(None)], how="horizontal")
    flags = measured.flags.drop_nulls(c.PROTEIN).group_by(c.PROTEIN)
    counted = flags.agg(pl.len().cast(pl.Int64).alias(c.N_FLAGS))
    for other in (counted, choose_control(controls)):
        table = table.join(other, on=c.PROTEIN, how="left", maintain_order="left")
    return table.with_columns(pl.col(c.N_FLAGS).fill_null(0))


def _describe_block(
    block: F64, panels: Sequence[str | None], first: int, limits: _Limits
) -> pl.DataFrame:
    """Summarise assays (b, n), the first of which stands at a position among all."""
    summary = summarise_rows(block)
    b, n = block.shape
    compared, below = np.zeros((2, b), dtype=np.int64)
    between = np.full(b, np.nan)
    for row, panel in enumerate(panels):
        codes = limits.codes_of(panel)
        compared[row], below[row] = limits.compare(block[row], first + row, codes)
        if codes is not None:
            between[row] = variance_shares(block[row : row + 1], codes)[0]
    share = np.full(b, np.nan)
    np.divide(below, compared, out=share, where=compared > 0)
    return pl.DataFrame(
        {
            c.N: summary.n,
            c.N_MISSING: n - summary.n,
            c.SHARE_MISSING: (n - summary.n) / n,
            c.N_COMPARED: compared,
            c.N_BELOW_LOD: below,
            c.SHARE_BELOW_LOD: share,
            c.MEAN: summary.mean,
            c.SD: summary.sd,
            c.MEDIAN: summary.median,
            c.IQR: summary.iqr,
            c.PLATE_SHARE: between,
        }
    )


class _Limits:
    """Limits of detection, by assay and plate.

    Parameters
    ----------
    measured : with limits, or with a column ``lod`` of the assays.
    plates : where the samples stood.
    """

    def __init__(self, measured: Measurements, plates: Placement | None) -> None:
        p = len(measured.proteins.names)
        self.plates = plates
        self.general: F64 = np.full(p, np.nan)
        assays = measured.assays
        if c.LOD in assays.columns:
            self.general = assays[c.LOD].cast(pl.Float64).fill_null(np.nan).to_numpy().copy()
        levels = plates.levels if plates is not None else ()
        self.by_plate: F64 = np.full((p, len(levels) + 1), np.nan)  # the last: plate not known
        limits = measured.limits.drop_nulls(c.LOD)
        limits = limits.join(_numbered(c.PROTEIN, measured.proteins.names), on=c.PROTEIN)
        everywhere = limits.filter(pl.col(c.PLATE).is_null())
        self.general[everywhere[f"{c.PROTEIN}_place"].to_numpy()] = everywhere[c.LOD].to_numpy()
        own = limits.join(_numbered(c.PLATE, levels), on=c.PLATE)
        places = own[f"{c.PROTEIN}_place"], own[f"{c.PLATE}_place"]
        self.by_plate[places[0].to_numpy(), places[1].to_numpy()] = own[c.LOD].to_numpy()

    def codes_of(self, panel: str | None) -> I64 | None:
        """Return the plates of the samples on a panel; None where they are not known."""
        return self.plates.of(panel) if self.plates is not None else None

    def compare(self, values: F64, column: int, codes: I64 | None) -> tuple[int, int]:
        """Return how many values of an assay have a limit, and how many are below it."""
        limit: F64 = np.full(values.size, self.general[column])
        if codes is not None:
            own = self.by_plate[column, codes]  # -1 is the last
            limit = np.where(np.isnan(own), limit, own)
        compared = ~np.isnan(values) & ~np.isnan(limit)
        return int(compared.sum()), int((values[compared] < limit[compared]).sum())


def _numbered(key: str, names: Sequence[str]) -> pl.DataFrame:
    places = pl.int_range(len(names), dtype=pl.Int64, eager=True).alias(f"{key}_place")
    return pl.DataFrame({key: pl.Series(list(names), dtype=pl.String), f"{key}_place": places})
