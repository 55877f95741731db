from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import proteomr
from proteomr.tables.texts import fill_text


def narrowed(sizes: tuple[int, ...]) -> pl.DataFrame:
    """Return a table filtered to some rows of each of its chunks, of one even to none."""
    each = [
        pl.DataFrame({"a": [f"c{j}" for j in range(50)], "k": [j < size for j in range(50)]})
        for size in sizes
    ]
    return pl.concat(each, rechunk=False).with_row_index("i").filter("k")


@pytest.mark.parametrize("sizes", [(1, 0, 4), (3, 0, 2), (0, 2), (2, 0, 0), (0, 0)])
def test_empty_chunks_change_no_text(sizes: tuple[int, ...]) -> None:
    table = narrowed(sizes)
    found = table.select(fill_text("<{}:{}>", "a", "i").alias("text"))["text"].to_list()
    assert found == [f"<{a}:{i}>" for a, i in table.select("a", "i").rows()]


def test_a_missing_part_has_no_text_and_places_are_counted() -> None:
    table = pl.DataFrame({"a": ["x", None], "b": [1, 2]})
    assert table.select(fill_text("{}{}", "a", "b").alias("t"))["t"].to_list() == ["x1", None]
    with pytest.raises(ValueError, match="has 2 places for 1 parts"):
        fill_text("{} of {}", "a")


def test_no_module_formats_columns_by_polars_itself() -> None:
    root = Path(proteomr.__file__).parent
    files = [*root.rglob("*.py"), *(root.parent / "cli").rglob("*.py")]
    using = [str(f) for f in files if "pl.format(" in f.read_text(encoding="utf-8")]
    assert not using
