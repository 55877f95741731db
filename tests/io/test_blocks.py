from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet
import pytest

from proteomr.errors import FormatError
from proteomr.io.blocks import ParquetMatrix


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
