"""Weights of a score as a file has them: read, and judged before anybody is scored."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import ColumnError
from proteomr.io import read_table
from proteomr.score.request import ApplyScoreRequest
from proteomr.stats.normal_score_table import NormalScores
from proteomr.stats.transforms import TRANSFORMS
from proteomr.tables import load_schema

__all__ = ["read_ranks", "read_weights"]

_WHOSE = "weights.parquet of `proteomr score` is needed"
_RANKS: Final = ("protein", "value", "score")


def read_weights(request: ApplyScoreRequest, scratch: Path) -> pl.DataFrame:
    """Return the rows of a table of weights, each of a protein and a set.

    Raises
    ------
    ColumnError
        A column is not there, or holds what no score has: a scale of 0, two intercepts of a set, a
        weight that is no number, a transform that there is none of, a protein twice.
    """
    path = request.weights.on_disk(scratch)
    frame = read_table(path / "weights.parquet" if path.is_dir() else path)
    told = request.weights.name
    schema = load_schema("weights")
    # All columns up to the family: a later version may have more behind it.
    names = schema.names[:9]
    lacking = [name for name in names if name not in frame.columns]
    if lacking:
        raise ColumnError(f"{told}: no column {lacking[0]!r}; {_WHOSE}")
    for name in ("weight", "centre", "scale", "fill", "intercept"):
        kind = frame.schema[name]
        if not (kind.is_numeric() or kind == pl.Null):
            raise ColumnError(f"{told}: column {name!r} is no column of numbers; {_WHOSE}")
    numbers = pl.col("weight", "centre", "scale", "fill", "intercept")
    frame = frame.with_columns(pl.col("set", "protein").cast(pl.String), numbers.cast(pl.Float64))
    weighted = pl.col("weight").is_not_null() & (pl.col("weight") != 0.0)
    own = ~pl.all_horizontal(pl.col("centre", "scale", "fill").is_finite().fill_null(value=False))
    faults = {
        "has a weight that is no number": ~pl.col("weight").is_finite().fill_null(value=True),
        "has a weight, and no centre, scale or fill": weighted & own,
        "has a scale that is not above 0": weighted & ~(pl.col("scale") > 0.0),
        "has no intercept": ~pl.col("intercept").is_finite().fill_null(value=False),
        "has an intercept of its own": pl.col("intercept").n_unique().over("set") > 1,
        "stands twice": pl.struct("set", "protein").is_duplicated(),
        f"has a transform that is none of {', '.join(TRANSFORMS)}": ~pl.col("transform")
        .cast(pl.String)
        .is_in(list(TRANSFORMS))
        .fill_null(value=False),
    }
    for fault, where in faults.items():
        wrong = frame.filter(where)
        if wrong.height:
            first = wrong["protein"][0]
            raise ColumnError(f"{told}: protein {first!r} {fault} ({wrong.height} rows); {_WHOSE}")
    return frame


def read_ranks(request: ApplyScoreRequest, scratch: Path) -> dict[str, NormalScores]:
    """Return the table of each protein that is ranked; none where no file has them.

    Raises
    ------
    ColumnError
        A column is not there, or scores do not rise with values.
    """
    source = request.ranks
    if source is not None:
        path = source.on_disk(scratch)
    else:
        weights = request.weights.on_disk(scratch)
        path = (weights if weights.is_dir() else weights.parent) / "weights_ranks.parquet"
        if not path.is_file():
            return {}
    told = str(path) if source is None else source.name
    frame = read_table(path)
    for name in _RANKS:
        if name not in frame.columns:
            raise ColumnError(f"{told}: no column {name!r}; weights_ranks.parquet is needed")
    tables: dict[str, NormalScores] = {}
    for key, rows in frame.sort("value", maintain_order=True).group_by(
        "protein", maintain_order=True
    ):
        own = rows.select(pl.col("value", "score").cast(pl.Float64, strict=False))
        rise = own.select(
            pl.all().is_finite().all(),
            rises=(pl.col("value").diff().fill_null(1.0) > 0.0).all(),
            follow=(pl.col("score").diff().fill_null(0.0) >= 0.0).all(),
        )
        if own.null_count().sum_horizontal().item() or not all(rise.row(0)):
            raise ColumnError(
                f"{told}: the ranks of protein {str(key[0])!r} do not rise with its values, each "
                "of which stands once; weights_ranks.parquet of the same run is needed"
            )
        tables[str(key[0])] = NormalScores(own["value"].to_numpy(), own["score"].to_numpy())
    return tables
