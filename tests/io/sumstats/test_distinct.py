from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.io.sumstats.cells import parse_alleles, parse_chromosomes, parse_names, parse_rsids
from proteomr.io.sumstats.distinct import find_distinct, map_letters, map_runs, put_cells

LETTERS = st.sampled_from(["a", "C", "T", "-", "", "AT", "TRUE", " g", "ß", "0", None])
SHORT = st.lists(LETTERS, max_size=40)
LONG = st.builds(
    lambda cells, repeat: [cell for cell in cells for _ in range(repeat)],
    st.lists(LETTERS, max_size=4),
    st.integers(1, 30),
)
NAMES = st.lists(
    st.sampled_from(
        ["rs1", "rs22", "RS3", " rs4", "rs5,rs6", "rs7_8", "rs+9", "rs", "1:5:A:G", ".", "", None]
    ),
    max_size=30,
)


def spell(cells: pl.Series) -> pl.Series:
    return cells.str.to_uppercase().fill_null("none")


def text(cells: Sequence[str | None]) -> pl.Series:
    return pl.Series("cells", cells, dtype=pl.String)


@pytest.mark.parametrize("by", [map_runs, map_letters])
@given(cells=SHORT | LONG)
def test_a_function_worked_out_once_is_that_of_each_cell(
    by: Callable[..., pl.Series], cells: list[str | None]
) -> None:
    found = by(text(cells), spell)
    assert found.to_list() == spell(text(cells)).to_list()
    assert found.name == "cells"


@given(cells=SHORT | LONG)
def test_distinct_cells_stand_for_all(cells: list[str | None]) -> None:
    distinct = find_distinct(text(cells))
    assert distinct.cells.gather(distinct.place).to_list() == cells
    assert set(distinct.cells.to_list()) == set(cells)


def test_long_runs_and_letters_are_looked_at_once() -> None:
    assert find_distinct(text(["chr1"] * 50 + ["chr2"] * 50)).cells.to_list() == ["chr1", "chr2"]
    assert find_distinct(text(["A", "C", "GT"] * 20)).cells.len() == 2 + 20
    assert find_distinct(text(["AA", "CC"] * 20)).cells.len() == 40


@given(cells=SHORT, rows=st.sets(st.integers(0, 39)))
def test_cells_are_put_where_they_belong(cells: list[str | None], rows: set[int]) -> None:
    places = sorted(row for row in rows if row < len(cells))
    values = [f"new {row}" for row in places]
    expected = [f"new {row}" if row in rows else cell for row, cell in enumerate(cells)]
    found = put_cells(text(cells), pl.Series(places, dtype=pl.UInt32), text(values))
    assert found.to_list() == expected


@pytest.mark.parametrize("parse", [parse_alleles, parse_chromosomes])
@given(cells=SHORT | LONG)
def test_a_cell_is_read_alike_beside_any_others(
    parse: Callable[[pl.Series], pl.Series], cells: list[str | None]
) -> None:
    alone = [parse(text([cell])).item() for cell in cells]
    assert parse(text(cells)).to_list() == alone


@given(cells=NAMES)
def test_a_name_is_read_alike_beside_any_others(cells: list[str | None]) -> None:
    assert parse_names(text(cells)).to_list() == [parse_names(text([c])).item() for c in cells]
    rsids, several = parse_rsids(text(cells))
    alone = [parse_rsids(text([cell])) for cell in cells]
    assert rsids.to_list() == [series.item() for series, _ in alone]
    assert several.tolist() == [bool(flags[0]) for _, flags in alone]
