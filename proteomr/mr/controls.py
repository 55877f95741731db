"""Positive and negative controls: pairs of which the answer is known before."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import ColumnError, FormatError, nearest
from proteomr.io.tables import read_table
from proteomr.mr.verdict import is_main_estimate
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = ["check_controls", "read_controls"]

_EXPECTED: Final = ("up", "down", "none")


def read_controls(path: str | Path) -> pl.DataFrame:
    r"""Return pairs with the effect that is expected of them.

    Parameters
    ----------
    path : columns exposure, outcome and expected: up or down for positive controls, none for
        negative ones.

    Raises
    ------
    ColumnError
        A column is absent.
    FormatError
        Something else than up, down or none is expected.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("exposure,outcome,expected\nPCSK9,LDL,up\n")
    ...     file.flush()
    ...     read_controls(file.name).row(0)
    ('PCSK9', 'LDL', 'up')
    """
    frame = read_table(path)
    for name in (c.EXPOSURE, c.OUTCOME, "expected"):
        if name not in frame.columns:
            raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
    chosen = frame.select(pl.col(c.EXPOSURE, c.OUTCOME, "expected").cast(pl.String))
    if not bool(chosen["expected"].is_in(list(_EXPECTED)).all()):
        raise FormatError("up, down or none are expected", path=path, column="expected")
    return chosen


def check_controls(
    estimates: pl.DataFrame, controls: pl.DataFrame, *, alpha: float = 0.05
) -> pl.DataFrame:
    """Return whether each control came out as expected; schema ``controls_checked``.

    A positive control agrees where the inverse-variance weighted estimate (the Wald ratio of a
    single variant) has the sign expected and p below alpha, a negative one where p is not.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> controls = pl.DataFrame({"exposure": ["x"], "outcome": ["y"], "expected": ["up"]})
    >>> check_controls(load_schema("estimates").empty(), controls).row(0)[-1]
    'not among the pairs'
    """
    keys = [c.EXPOSURE, c.OUTCOME]
    usable = estimates.filter(is_main_estimate() & pl.col(c.P_VALUE).is_not_null())
    linked = pl.col(c.METHOD).str.starts_with("ivw_correlated")
    ranked = usable.sort(linked, descending=True, maintain_order=True)
    main = ranked.unique(keys, keep="first", maintain_order=True)
    wanted = [*keys, c.METHOD, c.ESTIMATE, c.NEG_LOG10_P, c.P_VALUE]
    joined = controls.join(main.select(wanted), on=keys, how="left", maintain_order="left")
    shown = pl.col(c.P_VALUE) < alpha
    up = shown & (pl.col(c.ESTIMATE) > 0)
    down = shown & (pl.col(c.ESTIMATE) < 0)
    direction = (
        pl.when(up).then(pl.lit("up")).when(down).then(pl.lit("down")).otherwise(pl.lit("none"))
    )
    has_estimate = pl.col(c.METHOD).is_not_null()
    message = (
        pl.when(~has_estimate)
        .then(pl.lit("not among the pairs"))
        .when(direction == pl.col("expected"))
        .then(pl.lit("as expected"))
        .otherwise(pl.concat_str(pl.lit("found "), direction))
    )
    agrees = pl.when(has_estimate).then(direction == pl.col("expected"))
    checked = joined.with_columns(agrees.alias("agrees"), message.alias(c.MESSAGE))
    return load_schema("controls_checked").validate(checked)
