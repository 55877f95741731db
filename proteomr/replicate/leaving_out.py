"""What the estimates of everybody owe to one centre: without each, and between all of them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from proteomr.association import collect_joint_tests
from proteomr.association.joint import HETEROGENEITY
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["compare_left_out", "find_influence", "test_heterogeneity"]

_KEYS = (c.PROTEIN, c.GENE, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT, c.TERM, c.CONTRAST)


def compare_left_out(fits: pl.DataFrame) -> pl.DataFrame:
    """Return the estimates without each level, and how far each is from that of everybody.

    Parameters
    ----------
    fits : of everybody (no split), and of each level left out (half 1) and alone (half 2).
    """
    whole = fits.filter(pl.col(c.SPLIT).is_null()).select(
        *_KEYS, pl.col(c.ESTIMATE).alias("whole"), pl.col(c.SE).alias("whole_se")
    )
    without = fits.filter(pl.col(c.HALF) == 1).rename({c.SPLIT: c.LEFT_OUT})
    joined = without.join(whole, on=_KEYS, how="left", nulls_equal=True, maintain_order="left")
    change = pl.col(c.ESTIMATE) - pl.col("whole")
    schema = load_schema("leave_out")
    return schema.validate(
        joined.with_columns(
            change.alias(c.CHANGE), (change / pl.col("whole_se")).alias(c.CHANGE_SE)
        ).select(schema.names)
    )


def find_influence(fits: pl.DataFrame, left_out: pl.DataFrame) -> pl.DataFrame:
    """Return for each estimate of everybody which level changes it most, and by how much.

    Parameters
    ----------
    fits : as of :func:`compare_left_out`.
    left_out : what that gave.
    """
    whole = fits.filter(pl.col(c.SPLIT).is_null()).select(*_KEYS, c.N, c.ESTIMATE, c.SE)
    largest = left_out.group_by(_KEYS, maintain_order=True).agg(
        pl.col(c.ESTIMATE).min().alias("lowest"),
        pl.col(c.ESTIMATE).max().alias("highest"),
        *(
            pl.col(name).sort_by(pl.col(c.CHANGE).abs(), nulls_last=True, descending=True).first()
            for name in (c.LEFT_OUT, c.CHANGE, c.CHANGE_SE)
        ),
    )
    joined = whole.join(largest, on=_KEYS, how="left", nulls_equal=True, maintain_order="left")
    joined = joined.with_columns(
        pl.when(pl.col(c.CHANGE).is_null())
        .then(None)
        .otherwise(pl.col(c.LEFT_OUT))
        .alias(c.LEFT_OUT)
    )
    schema = load_schema("influence")
    return schema.validate(joined.select(schema.names))


def test_heterogeneity(parts: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return Cochran's Q between the levels, each by itself.

    Parameters
    ----------
    parts : of the scan of all halves.
    """
    alone = [part.filter(pl.col(c.STRATUM).str.ends_with("/2")) for part in parts]
    return collect_joint_tests(alone).frame.filter(pl.col(c.TEST) == HETEROGENEITY)
