"""What every platform passes by being listed: found, read, damaged, and stored."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from proteomr.errors import FormatError, InputError
from proteomr.io import PLATFORMS, read_store, write_store
from proteomr.io.formats import open_source
from proteomr.io.ingest import detect_platform
from proteomr.tables import Measurements
from tests.io.deliveries import (
    DELIVERIES,
    Cells,
    Delivery,
    read_delivery,
    values_of,
)

ROOT = Path(__file__).parents[2]
NAMES = [platform.name for platform in PLATFORMS]
TEXTS = ("", "NA", "high", "5,5", "Jan-75", '"', "x\ny", "\t")
each_delivery = pytest.mark.parametrize(
    "delivery", DELIVERIES, ids=[f"{one.platform}-{one.form}" for one in DELIVERIES]
)


def assert_same(made: Measurements, expected: Measurements) -> None:
    """Hold every table and every bit of the values against each other."""
    assert (made.platform, made.precision) == (expected.platform, expected.precision)
    assert made.proteins.names == expected.proteins.names
    everything = slice(0, len(made.proteins.names))
    np.testing.assert_array_equal(
        made.proteins.read(everything), expected.proteins.read(everything)
    )
    for table in ("samples", "assays", "plates", "flags", "limits", "controls", "time_gap"):
        one, other = getattr(made, table), getattr(expected, table)
        assert (one is None) == (other is None)
        if one is not None:
            assert_frame_equal(one, other)
    assert made.drops == expected.drops


def test_every_platform_has_a_delivery_and_none_else() -> None:
    assert {delivery.platform for delivery in DELIVERIES} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_every_platform_has_a_row_on_the_page_of_files(name: str) -> None:
    page = (ROOT / "docs" / "input-files.md").read_text(encoding="utf-8")
    section = page.partition("## What it reads")[2]
    assert f"| `{name}` |" in section.partition("\n## ")[0]


@each_delivery
def test_a_file_is_known_by_its_content_and_read(delivery: Delivery, tmp_path: Path) -> None:
    made = read_delivery(delivery, delivery.cells, tmp_path)
    assert made.platform == delivery.platform
    assert values_of(made) == delivery.truth
    assert detect_platform([open_source(tmp_path / "delivered")]).name == delivery.platform


@each_delivery
def test_how_text_is_stored_changes_nothing(delivery: Delivery, tmp_path: Path) -> None:
    expected = read_delivery(delivery, delivery.cells, tmp_path)
    content = delivery.encode()
    for stored in (
        gzip.compress(content),
        content.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + content,
        delivery.encode_quoted(),
    ):
        assert_same(read_delivery(delivery, stored, tmp_path), expected)


@each_delivery
def test_a_file_without_a_last_line_break_is_refused_or_said(
    delivery: Delivery, tmp_path: Path
) -> None:
    expected = read_delivery(delivery, delivery.cells, tmp_path)
    try:
        made = read_delivery(delivery, delivery.encode().removesuffix(b"\n"), tmp_path)
    except FormatError as fault:
        said = str(fault)
    else:
        assert_same(made, expected)
        said = " ".join(made.notes)
    assert "line break" in said


@each_delivery
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_the_order_of_samples_and_columns_changes_nothing(
    data: st.DataObject, delivery: Delivery
) -> None:
    rows = data.draw(st.permutations(range(len(delivery.samples))))
    columns = data.draw(st.permutations(range(len(delivery.columns))))
    with tempfile.TemporaryDirectory() as folder:
        expected = read_delivery(delivery, delivery.cells, Path(folder))
        mixed = delivery.permute(rows=rows, columns=columns)
        assert_same(read_delivery(delivery, mixed, Path(folder)), expected)


@each_delivery
def test_a_value_that_is_no_number_is_named_by_file_line_and_column(
    delivery: Delivery, tmp_path: Path
) -> None:
    for text in ("high", "inf"):
        with pytest.raises(FormatError) as caught:
            read_delivery(delivery, delivery.change(delivery.value, text), tmp_path)
        assert caught.value.line == delivery.value[0] + 1
        assert caught.value.column
        assert str(tmp_path / "delivered") in str(caught.value)
        assert_clean(caught.value, delivery)


@each_delivery
def test_a_line_with_a_field_too_few_is_named(delivery: Delivery, tmp_path: Path) -> None:
    cells = [list(line) for line in delivery.cells]
    at = delivery.samples[-2]
    del cells[at][-1]
    with pytest.raises(FormatError) as caught:
        read_delivery(delivery, cells, tmp_path)
    assert caught.value.line == at + 1
    assert_clean(caught.value, delivery)


@each_delivery
def test_a_repeated_sample_is_refused_with_its_count(delivery: Delivery, tmp_path: Path) -> None:
    at = delivery.samples[0]
    cells = [*delivery.cells[:at], delivery.cells[at], *delivery.cells[at:]]
    with pytest.raises(InputError, match="1") as caught:
        read_delivery(delivery, cells, tmp_path)
    assert_clean(caught.value, delivery)


@each_delivery
def test_a_repeated_column_is_refused_or_changes_nothing(
    delivery: Delivery, tmp_path: Path
) -> None:
    expected = read_delivery(delivery, delivery.cells, tmp_path)
    at = delivery.value[1]
    cells = [
        line if number < delivery.header else [*line[:at], line[at], *line[at:]]
        for number, line in enumerate(delivery.cells)
    ]
    with pytest.raises(InputError) as caught:
        assert_same(read_delivery(delivery, cells, tmp_path), expected)
    assert_clean(caught.value, delivery)


@each_delivery
def test_a_renamed_column_of_samples_is_asked_for(delivery: Delivery, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_delivery(delivery, delivery.change(delivery.identifier, "mine"), tmp_path)
    assert str(tmp_path / "delivered") in str(caught.value)
    assert_clean(caught.value, delivery)


@each_delivery
def test_a_store_gives_back_every_bit(delivery: Delivery, tmp_path: Path) -> None:
    made = read_delivery(delivery, delivery.cells, tmp_path)
    write_store(made, tmp_path / "store")
    assert_same(read_store(tmp_path / "store"), made)


def _delete_line(cells: Cells, at: int, _: str) -> None:
    del cells[at]


def _repeat_line(cells: Cells, at: int, _: str) -> None:
    cells.insert(at, list(cells[at]))


def _swap_lines(cells: Cells, at: int, _: str) -> None:
    cells[at], cells[-1 - at] = cells[-1 - at], cells[at]


def _delete_column(cells: Cells, at: int, _: str) -> None:
    for line in cells:
        del line[at : at + 1]


def _repeat_column(cells: Cells, at: int, _: str) -> None:
    for line in cells:
        line.append(line[at % len(line)])


def _delete_cell(cells: Cells, at: int, _: str) -> None:
    line = cells[at]
    del line[(at * 7) % len(line)]


def _replace_cell(cells: Cells, at: int, text: str) -> None:
    line = cells[at]
    line[(at * 5) % len(line)] = text


MUTATIONS: list[Callable[[Cells, int, str], None]] = [
    *(_delete_line, _repeat_line, _swap_lines, _delete_column, _repeat_column),
    *(_delete_cell, _replace_cell),
]


@each_delivery
@given(
    mutations=st.lists(
        st.tuples(st.sampled_from(MUTATIONS), st.integers(0, 99), st.sampled_from(TEXTS)),
        min_size=1,
        max_size=3,
    )
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_a_damaged_file_gives_no_other_number(
    mutations: list[tuple[Callable[[Cells, int, str], None], int, str]], delivery: Delivery
) -> None:
    cells = [list(line) for line in delivery.cells]
    for mutate, at, text in mutations:
        mutate(cells, at % len(cells), text)
        if not all(cells):
            return
    check(delivery, delivery.encode(cells))


@each_delivery
@given(share=st.floats(0, 1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_a_file_cut_anywhere_is_refused_or_its_loss_is_said(
    share: float, delivery: Delivery
) -> None:
    content = delivery.encode()
    cut = content[: int(share * len(content))]
    check(delivery, cut, cut_off=not cut.endswith(b"\n"))
    whole = gzip.compress(content)
    with tempfile.TemporaryDirectory() as folder, pytest.raises(InputError) as caught:
        read_delivery(delivery, whole[: int(share * (len(whole) - 1))], Path(folder))
    assert_clean(caught.value, delivery)


@each_delivery
@given(noise=st.binary(max_size=40), share=st.floats(0, 1))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_foreign_bytes_are_refused_in_one_line_or_stand_in_names(
    noise: bytes, share: float, delivery: Delivery
) -> None:
    content = delivery.encode()
    at = int(share * len(content))
    with tempfile.TemporaryDirectory() as folder:
        try:
            read_delivery(delivery, content[:at] + noise + content[at:], Path(folder))
        except InputError as fault:
            assert_clean(fault, delivery)


def check(delivery: Delivery, content: bytes, *, cut_off: bool = False) -> None:
    """Read, and hold every value against the truth; a refusal is one line that names nobody.

    A sample or an assay may have got another name, but not another value: what stands under a
    known name is what was there, and what stands under a new one was there under another. Only
    the last value of a file without a last line break may be cut, and then a note says so.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = read_delivery(delivery, content, Path(folder))
            values = values_of(made)
        except InputError as fault:
            assert_clean(fault, delivery)
            return
    there = set(delivery.truth.values())
    differing = [
        pair
        for pair, value in values.items()
        if value != delivery.truth.get(pair, value) or value not in there
    ]
    assert len(differing) <= int(cut_off)
    if differing:
        assert any("line break" in note for note in made.notes)


def assert_clean(fault: InputError, delivery: Delivery) -> None:
    """Hold a message to one line that has the name of no sample."""
    message = str(fault)
    assert "\n" not in message
    assert not any(person in message for person in delivery.people)
