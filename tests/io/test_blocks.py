from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from pyarrow import compute

from proteomr.errors import FormatError
from proteomr.io.blocks import ParquetMatrix
from proteomr.stats.loops import COMPILED_FROM


def test_a_footer_whose_types_disagree_is_refused_and_does_not_end_the_process(
    tmp_path: Path,
) -> None:
    path = tmp_path / "proteins.parquet"
    pl.DataFrame({"ADM": [1.0, 2.0], "REN": [3.0, None]}).write_parquet(path)
    content = path.read_bytes()
    whole, wrong = b"\x15\x0a\x19", b"\x15\x02\x19"  # a chunk of doubles, and one of INT32
    path.write_bytes(wrong.join(content.rsplit(whole, 1)))
    stored = pyarrow.parquet.read_metadata(path).row_group(0)
    assert [stored.column(place).physical_type for place in range(2)] == ["DOUBLE", "INT32"]
    matrix = ParquetMatrix(path)
    with pytest.raises(FormatError, match="the parquet file is damaged"):
        matrix.find_extremes(("ADM", "REN"))
    with pytest.raises(FormatError, match="the parquet file is damaged"):
        matrix.count_empty_cells()


def write_table(path: Path, *, n: int = 1_003, group: int = 97) -> dict[str, list[float | None]]:
    """Write a column of each kind of number, in groups of rows that end within a byte of bits."""
    g = np.random.default_rng(8)
    numbers = [
        None if missing else int(x)
        for x, missing in zip(g.integers(-9, 9, n), g.random(n) < 0.3, strict=True)
    ]
    some = pa.array(numbers)
    columns = {
        "single": compute.divide(some.cast(pa.float32()), pa.scalar(8.0, pa.float32())),
        "double": some.cast(pa.float64()),
        "whole": some,
        "small": some.cast(pa.int8()),
        "decimal": some.cast(pa.decimal128(21, 2)),
        "complete": pa.array(g.normal(size=n)),
        "empty": pa.nulls(n, pa.float32()),
        "nothing": pa.nulls(n),
    }
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=group)
    return {
        name: [None if x is None else float(x) for x in column.to_pylist()]
        for name, column in columns.items()
    }


@pytest.mark.parametrize("order", ["as stored", "turned round", "with people it lacks", "of many"])
def test_every_kind_of_number_is_read_with_nan_where_there_is_none(
    tmp_path: Path, order: str
) -> None:
    path = tmp_path / "proteins.parquet"
    columns = write_table(path)
    n = len(columns["whole"])
    rows = {
        "as stored": np.arange(n),
        "turned round": np.arange(n)[::-1].copy(),
        "with people it lacks": np.array([5, -1, 1_002, 0, -1]),
        "of many": np.random.default_rng(9).integers(-1, n, COMPILED_FROM),
    }[order]
    target = np.zeros((rows.size, len(columns)), order="F")
    ParquetMatrix(path).read_block(list(columns), rows, target)
    for place, (name, values) in enumerate(columns.items()):
        expected = [None if row < 0 else values[row] for row in rows.tolist()]
        there = [None if np.isnan(x) else x for x in target[:, place].tolist()]
        assert there == expected, name
