"""Where samples stood: their plates or batches as codes, by panel where that matters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.tables import Measurements
from proteomr.tables import columns as c

__all__ = ["Factor", "Placement", "assay_column", "place_samples", "variance_shares"]

Factor: TypeAlias = Literal["plate", "batch"]

_ROUNDING = 64 * np.finfo(np.float64).eps


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """The plates, or batches, of n samples.

    Parameters
    ----------
    factor : which of the two.
    levels : their names, sorted.
    codes : for each panel, or None for all panels, the position of each sample's level, (n,); -1
        where it is not known.
    """

    factor: Factor
    levels: tuple[str, ...]
    codes: Mapping[str | None, I64]

    def of(self, panel: str | None) -> I64 | None:
        """Return the codes that hold for a panel; None where none do.

        Examples
        --------
        >>> Placement("plate", ("P1",), {None: np.array([0, -1])}).of("Oncology").tolist()
        [0, -1]
        """
        for key in (panel, None):
            if key in self.codes:
                return self.codes[key]
        return self.shared()

    def shared(self) -> I64 | None:
        """Return the codes that hold for all panels; None where a sample's panels differ.

        Examples
        --------
        >>> by_panel = {"A": np.array([0, 1]), "B": np.array([1, 1])}
        >>> Placement("plate", ("P1", "P2"), by_panel).shared() is None
        True
        """
        merged: I64 | None = None
        for codes in self.codes.values():
            if merged is None:
                merged = codes
                continue
            if bool(((codes >= 0) & (merged >= 0) & (codes != merged)).any()):
                return None
            merged = np.where(merged >= 0, merged, codes)
        return merged


def place_samples(measured: Measurements, *, by: Factor) -> Placement | None:
    """Return the plates or batches of the samples; None where the source tells none.

    Parameters
    ----------
    measured : with the table ``plates``, else with a column ``plate`` or ``batch`` among the
        samples.
    by : which of the two.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"], "plate": ["P2", "P1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [np.nan]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> place_samples(measured, by="plate").of(None).tolist()
    [1, 0]
    """
    table = measured.plates
    if by not in table.columns or table[by].null_count() == table.height:
        if by not in measured.samples.columns:
            return None
        by_sample = measured.samples.select(c.SAMPLE_ID, pl.col(by).cast(pl.String))
        table = by_sample.with_columns(pl.lit(None, pl.String).alias(c.PANEL))
    named = table.select(c.SAMPLE_ID, c.PANEL, by).drop_nulls(by)
    named = named.sort(c.SAMPLE_ID, c.PANEL, by).unique([c.SAMPLE_ID, c.PANEL], keep="first")
    if not named.height:
        return None
    levels = named[by].unique().sort()
    numbered = pl.DataFrame({by: levels, "code": np.arange(levels.len(), dtype=np.int64)})
    coded = named.join(numbered, on=by)
    ids = measured.samples.select(c.SAMPLE_ID)
    codes = {}
    for panel in named[c.PANEL].unique().sort().to_list():
        part = coded.filter(pl.col(c.PANEL).eq_missing(pl.lit(panel, pl.String)))
        joined = ids.join(part, on=c.SAMPLE_ID, how="left", maintain_order="left")
        codes[panel] = joined["code"].fill_null(-1).to_numpy().astype(np.int64)
    return Placement(by, tuple(levels.to_list()), codes)


def variance_shares(values: F64, codes: I64) -> F64:
    r"""Share of the variance of each row that lies between groups (eta squared).

    With n_g values of mean m_g in group g and m the mean of all,

    .. math:: \eta^2 = \frac{\sum_g n_g (m_g - m)^2}{\sum_i (x_i - m)^2},

    the R squared of the row on dummies of the groups (Fisher 1925), over values that are there and
    have a group. Chance alone gives (g - 1) / (n - 1) on average. NaN with fewer than two groups,
    no more values than groups, or no variance beyond rounding.

    Parameters
    ----------
    values : (b, n), NaN = missing.
    codes : (n,) group of each value; -1 for none.

    Examples
    --------
    >>> values = np.array([[1.0, 1.0, 3.0, 3.0], [1.0, 2.0, 1.0, 2.0]])
    >>> variance_shares(values, np.array([0, 0, 1, 1])).tolist()
    [1.0, 0.0]
    """
    groups = int(codes.max(initial=-1)) + 1
    shares = np.full(values.shape[0], np.nan)
    for place, row in enumerate(values):
        used = ~np.isnan(row) & (codes >= 0)
        x, g = row[used], codes[used]
        count = np.bincount(g, minlength=groups)
        some = count > 0
        if some.sum() < 2 or x.size <= some.sum():
            continue
        mean = x.mean()
        x = x - mean
        total = float(x @ x)
        sums = np.bincount(g, weights=x, minlength=groups)[some]
        if total > x.size * (_ROUNDING * mean) ** 2:
            shares[place] = min(float((sums**2 / count[some]).sum()) / total, 1.0)
    return shares


def assay_column(measured: Measurements, name: str) -> pl.Series:
    """Return a text column of the assays, empty where the source does not tell it.

    Examples
    --------
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"]}),
    ... )
    >>> assay_column(measured, "panel").to_list()
    [None]
    """
    if name in measured.assays.columns:
        return measured.assays[name].cast(pl.String)
    return pl.Series(name, [None] * measured.assays.height, dtype=pl.String)
