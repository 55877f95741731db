"""Tables that the R package TwoSampleMR has made of a study, read as they are."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, nearest
from proteomr.stats.distributions import neg_log10_p_normal

__all__ = ["PARTS", "Side", "from_twosamplemr"]

Side: TypeAlias = Literal["exposure", "outcome"]

PARTS: Final = {
    "effect_allele": "effect_allele",
    "other_allele": "other_allele",
    "eaf": "eaf",
    "beta": "beta",
    "se": "se",
    "samplesize": "n",
    "ncase": "n_case",
    "mr_keep": "mr_keep",
    "chr": "chromosome",
    "pos": "position_bp",
}
_NUMBERS: Final = ("eaf", "beta", "se", "n", "n_case")
_MISSING: Final = ["", "NA", "NR", "NaN"]


def from_twosamplemr(frame: pl.DataFrame, *, side: Side) -> pl.DataFrame:
    """Return a table of TwoSampleMR (``beta.exposure``, ``SNP``, ...) with the names used here.

    A p value of 0, or none, is computed anew from beta and its standard error.

    Parameters
    ----------
    frame : as ``format_data`` or ``extract_outcome_data`` give it.
    side : whose columns are meant.

    Returns
    -------
    canonical : ``variant_id``, ``effect_allele``, ``other_allele``, ``beta``, ``se``,
        ``neg_log10_p``, ``trait`` and where there ``eaf``, ``n``, ``n_case``, ``mr_keep``,
        ``chromosome``, ``position_bp``.

    Raises
    ------
    ColumnError
        ``SNP``, the alleles, beta or its standard error are absent.

    Examples
    --------
    >>> frame = pl.DataFrame(
    ...     {"SNP": ["rs1"], "effect_allele.outcome": ["A"], "other_allele.outcome": ["G"],
    ...      "beta.outcome": [0.1], "se.outcome": [0.05], "outcome": ["CHD"]}
    ... )
    >>> from_twosamplemr(frame, side="outcome").select("trait", "neg_log10_p").row(0)
    ('CHD', 1.3419...)
    """
    needed = [
        "SNP",
        *(f"{name}.{side}" for name in ("effect_allele", "other_allele", "beta", "se")),
    ]
    for name in needed:
        if name not in frame.columns:
            raise ColumnError(f"{side}: no column {name!r}{nearest(name, frame.columns)}")
    columns = [pl.col("SNP").cast(pl.String).alias("variant_id")]
    for theirs, ours in PARTS.items():
        spellings = (
            [f"{theirs}.{side}", theirs] if theirs in {"chr", "pos"} else [f"{theirs}.{side}"]
        )
        if place := next((name for name in spellings if name in frame.columns), None):
            columns.append(_convert(pl.col(place), ours).alias(ours))
    trait = next((name for name in (side, f"id.{side}") if name in frame.columns), None)
    columns.append(
        (pl.lit(side) if trait is None else pl.col(trait).cast(pl.String)).alias("trait")
    )
    p = f"pval.{side}"
    p_value = _convert(pl.col(p), "p") if p in frame.columns else pl.lit(None, pl.Float64)
    read = frame.select(*columns, p_value.alias("_p"))
    z = (read["beta"] / read["se"]).to_numpy()
    again = pl.Series(neg_log10_p_normal(z)).fill_nan(None)
    stated = pl.when(pl.col("_p") > 0).then(-pl.col("_p").log10())
    return read.with_columns(pl.coalesce(stated, again).alias("neg_log10_p")).drop("_p")


def _convert(column: pl.Expr, name: str) -> pl.Expr:
    text = column.cast(pl.String)
    cells = pl.when(~text.is_in(_MISSING)).then(text)
    if name in _NUMBERS or name == "p":
        return cells.cast(pl.Float64, strict=False)
    if name == "position_bp":
        return cells.cast(pl.Float64, strict=False).cast(pl.Int64, strict=False)
    if name == "mr_keep":
        return cells.str.to_lowercase() == "true"
    return cells
