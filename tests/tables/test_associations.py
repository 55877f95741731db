from __future__ import annotations

import polars as pl
import pytest

from proteomr.errors import ColumnError, UsageError
from proteomr.tables import Associations, load_schema


def associations(q: list[float | None], *, neg_log10_p: list[float | None]) -> Associations:
    empty = load_schema("associations").empty()
    height = len(q)
    rows = {
        "protein": [f"P{i}" for i in range(height)],
        "exposure": ["isolation"] * height,
        "adjustment": ["simple"] * height,
        "family": ["linear"] * height,
        "direction": ["protein~exposure"] * height,
        "term": ["isolation"] * height,
        "n": [100] * height,
        "q_bh": q,
        "neg_log10_p": neg_log10_p,
        "status": ["ok"] * height,
    }
    return Associations(pl.concat([empty, pl.DataFrame(rows)], how="diagonal_relaxed"), {"seed": 1})


def test_hits_are_at_or_below_the_threshold_strongest_first() -> None:
    table = associations([0.05, 0.2, 0.001, None], neg_log10_p=[2.0, 1.0, 5.0, None])
    hits = table.hits(0.05)
    assert hits.frame["protein"].to_list() == ["P2", "P0"]
    assert hits.provenance == {"seed": 1}


def test_a_threshold_beyond_one_is_refused() -> None:
    with pytest.raises(UsageError, match="threshold 5: a number from 0 to 1"):
        associations([0.05], neg_log10_p=[2.0]).hits(5)


def test_a_frame_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(ColumnError, match="no column 'status'"):
        Associations(load_schema("associations").empty().drop("status"))
