"""Whether instruments are independent of each other, as most estimators take them to be."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import ColumnError, InputError, nearest
from proteomr.gwas.panel import locate_in_panel
from proteomr.io.genetics.genotypes import LdSource

__all__ = ["Unproven", "check_pruning"]

Unproven: TypeAlias = Literal["refuse", "flag"]
"""What is done where nothing shows that instruments are independent."""


def check_pruning(
    instruments: pl.DataFrame,
    *,
    ld: LdSource | None = None,
    kb: float = 10_000.0,
    r2: float = 0.001,
    unproven: Unproven = "refuse",
) -> pl.DataFrame:
    """Return instruments with what shows that each is independent of the others.

    Parameters
    ----------
    instruments : ``variant_id``, ``chromosome``, ``position_bp``, and ``trait`` or ``exposure``
        where there are several exposures, each of which stands alone; ``rsid`` and alleles serve
        to find them in the panel, see `proteomr.gwas.panel.locate_in_panel`.
    ld : correlations of the variants; None where there are none.
    kb : distance beyond which variants of a chromosome are independent, in 1,000 bp.
    r2 : squared correlation from which on they are not independent.
    unproven : whether unproven and correlated instruments are an error, or flagged.

    Returns
    -------
    checked : the same rows and ``pruning``: ``alone`` (no other within kb), ``proven`` (r2 with
        all others within kb is below the threshold), ``correlated``, ``unproven``.

    Raises
    ------
    ColumnError
        A column is absent.
    InputError
        Instruments are unproven or correlated, and refused.

    Examples
    --------
    >>> close = pl.DataFrame(
    ...     {"variant_id": ["a", "b"], "chromosome": ["1", "1"], "position_bp": [100, 5_000]}
    ... )
    >>> check_pruning(close, unproven="flag")["pruning"].to_list()
    ['unproven', 'unproven']
    """
    for name in ("variant_id", "chromosome", "position_bp"):
        if name not in instruments.columns:
            hint = nearest(name, instruments.columns)
            raise ColumnError(f"instruments: no column {name!r}{hint}")
    group = next((name for name in ("exposure", "trait") if name in instruments.columns), None)
    in_panel = [-1] * instruments.height
    if ld is not None:
        in_panel = locate_in_panel(instruments, ld.variants)["panel_row"].fill_null(-1).to_list()
    rows = instruments.select(
        pl.int_range(pl.len()).alias("_row"),
        pl.Series("_panel_row", in_panel, dtype=pl.Int64),
        pl.col("variant_id"),
        pl.col("chromosome").cast(pl.String).str.replace("(?i)^chr", "").str.to_uppercase(),
        pl.col("position_bp").cast(pl.Float64),
        (pl.lit("") if group is None else pl.col(group).cast(pl.String)).alias("group"),
    ).sort("group", "chromosome", "position_bp", "_row")
    pruning = np.full(instruments.height, "unproven", dtype=object)
    placed = rows.filter(pl.col("chromosome").is_not_null() & pl.col("position_bp").is_not_null())
    for part in placed.partition_by("group", "chromosome", maintain_order=True):
        _judge_neighbours(part, pruning, ld=ld, width=kb * 1000.0, r2=r2)
    for part in rows.partition_by("group"):
        if part.height == 1:
            pruning[part["_row"][0]] = "alone"
    checked = instruments.with_columns(pl.Series("pruning", pruning.tolist(), dtype=pl.String))
    doubtful = checked.filter(pl.col("pruning").is_in(["unproven", "correlated"])).height
    if doubtful and unproven == "refuse":
        raise InputError(
            f"{doubtful} of {checked.height} instruments may be correlated with another within "
            f"{kb / 1000:g} Mb: clump them by a panel that has them all (--ld), take leads further "
            f"apart (gwas leads --distance-kb {kb:g}), lower --clump-kb where that is far enough, "
            "or give --unproven flag"
        )
    return checked


def _judge_neighbours(
    part: pl.DataFrame,
    pruning: np.ndarray[tuple[int, ...], np.dtype[np.object_]],
    *,
    ld: LdSource | None,
    width: float,
    r2: float,
) -> None:
    """Fill in what is known of the variants of one chromosome, sorted by position."""
    places: F64 = part["position_bp"].to_numpy()
    target: I64 = part["_row"].to_numpy()
    rows = part["_panel_row"].to_list()
    low = np.searchsorted(places, places - width, side="left")
    high = np.searchsorted(places, places + width, side="right")
    for i in range(part.height):
        near = [j for j in range(int(low[i]), int(high[i])) if j != i]
        if not near:
            pruning[target[i]] = "alone"
        elif ld is not None and rows[i] >= 0:
            in_panel = np.array([rows[j] for j in near if rows[j] >= 0], dtype=np.int64)
            squares = ld.correlate(rows[i], in_panel) ** 2
            if (squares >= r2).any():
                pruning[target[i]] = "correlated"
            elif in_panel.size == len(near) and np.isfinite(squares).all():
                pruning[target[i]] = "proven"
