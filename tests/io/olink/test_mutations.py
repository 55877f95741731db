"""Valid files, mutated at random: the same result, a clean refusal, or a loss that is said."""

from __future__ import annotations

import gzip
import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import InputError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.olink import Olink
from proteomr.tables import Measurements

_COLUMNS = ("SampleID", "OlinkID", "UniProt", "Assay", "NPX", "Panel", "PlateID", "QC_Warning")
_LONG = [
    [f"S{i}", f"OID{j}", f"P{j}", f"G{j}", f"{i + j / 7:.12f}", "CVD", f"P{i % 2}", "PASS"]
    for i in range(4)
    for j in range(3)
]
_WIDE = [
    ["Project", "NPX Signature 1.8", "", "", "", ""],
    ["NPX Data", "", "", "", "", ""],
    ["Panel", "CVD", "CVD", "CVD", "CVD", "CVD"],
    ["Assay", "G0", "G1", "G2", "Plate ID", "QC Warning"],
    ["Uniprot ID", "P0", "P1", "P2", "", ""],
    ["OlinkID", "OID0", "OID1", "OID2", "", ""],
    ["", "", "", "", "", ""],
    *([f"S{i}", *(f"{i + j / 7:.12f}" for j in range(3)), f"P{i % 2}", "Pass"] for i in range(4)),
    ["", "", "", "", "", ""],
    ["LOD", "0.1", "0.2", "0.3", "", ""],
]
_TRUE = {(f"S{i}", f"OID{j}"): float(f"{i + j / 7:.12f}") for i in range(4) for j in range(3)}
_MUTATIONS = ("drop_row", "repeat_row", "drop_column", "repeat_column", "clear_cell", "swap_rows")


def _text(rows: list[list[str]]) -> bytes:
    return "".join(";".join(row) + "\n" for row in rows).encode()


def _read(content: bytes, name: str = "npx.csv") -> Measurements:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        source = open_source(path)
        if not Olink().matches(source):
            raise InputError("no file of Olink")
        return Olink().read((source,), options=IngestOptions(), scratch=Path(folder))


def _check_message(fault: InputError) -> None:
    assert "\n" not in str(fault)
    assert not any(f"S{i}" in str(fault) for i in range(4))


def _check(content: bytes) -> None:
    """Read, and hold every value against the truth; what is missing must be said."""
    try:
        made = _read(content)
    except InputError as fault:
        _check_message(fault)
        return
    values = made.proteins.read(slice(None))
    named = dict(zip(made.proteins.names, made.assays["gene"], strict=True))
    seen = 0
    for i, sample in enumerate(made.samples["sample_id"]):
        for j, protein in enumerate(made.proteins.names):
            value = float(values[i, j])
            if math.isnan(value):
                continue
            seen += 1
            gene = named[protein] or protein
            assert _TRUE[sample, f"OID{gene.removeprefix('G').removeprefix('OID')}"] == value
    assert seen <= len(_TRUE)


def _mutate(rows: list[list[str]], mutation: str, row: int, column: int) -> list[list[str]]:
    rows = [list(cells) for cells in rows]
    row %= len(rows)
    column %= len(rows[0])
    match mutation:
        case "drop_row":
            del rows[row]
        case "repeat_row":
            rows.insert(row, list(rows[row]))
        case "drop_column":
            rows = [[*cells[:column], *cells[column + 1 :]] for cells in rows]
        case "repeat_column":
            rows = [[*cells, cells[column]] for cells in rows]
        case "clear_cell":
            rows[row][column] = ""
        case _:
            other = (row + column) % len(rows)
            rows[row], rows[other] = rows[other], rows[row]
    return rows


@pytest.mark.parametrize("rows", [[list(_COLUMNS), *_LONG], _WIDE], ids=["long", "wide"])
def test_the_files_that_are_mutated_are_valid(rows: list[list[str]]) -> None:
    made = _read(_text(rows))
    assert (made.n, len(made.proteins.names)) == (4, 3)


@given(
    st.booleans(),
    st.lists(
        st.tuples(st.sampled_from(_MUTATIONS), st.integers(0, 99), st.integers(0, 99)),
        min_size=1,
        max_size=3,
    ),
)
@settings(max_examples=60, deadline=None)
def test_mutated_rows_and_columns_give_no_other_number(
    wide: bool,  # noqa: FBT001
    mutations: list[tuple[str, int, int]],
) -> None:
    rows = _WIDE if wide else [list(_COLUMNS), *_LONG]
    for mutation, row, column in mutations:
        rows = _mutate(rows, mutation, row, column)
        if not rows or not rows[0]:
            return
    _check(_text(rows))


@given(st.permutations(_LONG), st.permutations(range(len(_COLUMNS))))
@settings(max_examples=12, deadline=None)
def test_the_order_of_rows_and_columns_changes_nothing(
    rows: list[list[str]], order: list[int]
) -> None:
    expected = _read(_text([list(_COLUMNS), *_LONG]))
    mixed = [[cells[i] for i in order] for cells in ([*_COLUMNS], *rows)]
    made = _read(_text(mixed))
    assert made.samples.equals(expected.samples)
    assert made.assays.equals(expected.assays)
    assert made.plates.equals(expected.plates)
    assert made.notes == expected.notes
    assert (made.proteins.read(slice(None)) == expected.proteins.read(slice(None))).all()


def _as_gzip() -> bytes:
    return gzip.compress(_text([list(_COLUMNS), *_LONG]))


def _as_parquet() -> bytes:
    frame = pl.DataFrame(_LONG, schema=list(_COLUMNS), orient="row")
    target = io.BytesIO()
    frame.with_columns(pl.col("NPX").cast(pl.Float64)).write_parquet(target)
    return target.getvalue()


@pytest.mark.parametrize("make", [_as_gzip, _as_parquet], ids=["gzip", "parquet"])
@given(st.floats(0, 0.999))
@settings(max_examples=15, deadline=None)
def test_a_compressed_file_cut_anywhere_is_refused(make: Callable[[], bytes], part: float) -> None:
    content = make()
    with pytest.raises(InputError):
        _read(content[: int(part * len(content))])


@given(st.booleans(), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_text_cut_anywhere_is_refused_or_its_loss_is_said(
    wide: bool,  # noqa: FBT001
    part: float,
) -> None:
    rows = _WIDE if wide else [list(_COLUMNS), *_LONG]
    content = _text(rows)
    cut = content[: int(part * len(content))]
    _check(cut)


@given(st.binary(max_size=40), st.integers(0, 600))
@settings(max_examples=60, deadline=None)
def test_foreign_bytes_give_a_clean_refusal_or_stand_in_names(noise: bytes, at: int) -> None:
    content = _text([list(_COLUMNS), *_LONG])
    try:
        _read(content[:at] + noise + content[at:])
    except InputError as fault:
        _check_message(fault)
