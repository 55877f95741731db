"""Files as they arrive: each damage is answered by one line, and leaves nothing behind."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest

INPUT, USAGE, STORAGE = 3, 2, 74
HEADER = "SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;PlateID;QC_Warning;LOD;NPX"
ASSAYS = (("OID01216", "P35318", "ADM"), ("OID01217", "Q99988", "GDF15"))


def long_npx(*, samples: int = 6, mark: str = ";") -> str:
    lines = [HEADER]
    for i in range(samples):
        for j, (oid, uniprot, assay) in enumerate(ASSAYS):
            warning = "Warning" if i == 2 else "Pass"
            cells = [f"A{i}", i, oid, uniprot, assay, 0.1, "Olink Neuro", f"plate{i % 2}"]
            lines.append(";".join(map(str, [*cells, warning, -1.5, f"{i + j / 4:.4f}"])))
    return "\n".join(lines).replace(";", mark) + "\n"


@pytest.fixture
def npx(tmp_path: Path) -> Path:
    path = tmp_path / "from_the_lab.dat"
    path.write_text(long_npx())
    return path


def truncate_gzip(path: Path) -> None:
    packed = gzip.compress((long_npx(samples=4000)).encode())
    path.write_bytes(packed[: len(packed) // 2])


def write_latin_1(path: Path) -> None:
    path.write_bytes(long_npx().replace("Olink Neuro", "Olink Neurologé").encode("latin-1"))


def write_utf_16(path: Path) -> None:
    path.write_text(long_npx(), encoding="utf-16")


def write_decimal_commas(path: Path) -> None:
    path.write_text(long_npx().replace("2.2500", "2,2500"))


def write_text_in_a_value(path: Path) -> None:
    path.write_text(long_npx().replace("2.2500", "below"))


def write_a_ragged_row(path: Path) -> None:
    path.write_text(long_npx().replace(";2.2500", ";2.2500;surplus"))


def write_two_columns_of_one_name(path: Path) -> None:
    path.write_text(long_npx().replace("Index", "Assay"))


def rename_a_needed_column(path: Path) -> None:
    path.write_text(long_npx().replace(";NPX", ";NPXX"))


def repeat_rows(path: Path) -> None:
    lines = long_npx().splitlines()
    path.write_text("\n".join([*lines, *lines[1:4]]) + "\n")


def write_nothing(path: Path) -> None:
    path.write_text("")


def write_a_header_alone(path: Path) -> None:
    path.write_text(HEADER + "\n")


def write_a_nul_byte(path: Path) -> None:
    path.write_bytes(long_npx().encode().replace(b"A3", b"A\x003"))


def break_gzip_inside(path: Path) -> None:
    packed = bytearray(gzip.compress(long_npx(samples=4000).encode(), mtime=0))
    packed[-6] ^= 1  # the checksum
    path.write_bytes(bytes(packed))


def long_frame() -> pl.DataFrame:
    return pl.read_csv(long_npx().encode(), separator=";")


def truncate_parquet(path: Path) -> None:
    long_frame().write_parquet(path)
    path.write_bytes(path.read_bytes()[:-20])


def break_parquet_footer(path: Path) -> None:
    long_frame().write_parquet(path)
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    path.write_bytes(content[: -8 - length] + bytes(length) + content[-8:])


def break_parquet_pages(path: Path) -> None:
    long_frame().write_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + bytes(len(content) // 3) + content[4 + len(content) // 3 :])


def write_an_infinite_value(path: Path) -> None:
    path.write_text(long_npx().replace("2.2500", "inf"))


def write_an_infinite_value_in_parquet(path: Path) -> None:
    long_frame().with_columns(pl.col("NPX").replace(2.25, float("inf"))).write_parquet(path)


def write_text_values_in_parquet(path: Path) -> None:
    long_frame().with_columns(pl.col("NPX").cast(pl.String)).write_parquet(path)


def break_a_line_inside_a_cell(path: Path) -> None:
    path.write_text(long_npx().replace("\nA3;", '\n"A\n3";', 1))


def leave_a_quote_open(path: Path) -> None:
    path.write_text(long_npx().replace(";A2;", ';"A2;').replace("\nA4;", '\n"A4;', 1))


def leave_half_a_quote_in_a_name(path: Path) -> None:
    path.write_text(long_npx().replace("OID01217", 'OID01217"', 1))


def lose_the_header(path: Path) -> None:
    path.write_text(long_npx().partition("\n")[2])


def write_a_name_as_a_date(path: Path) -> None:
    path.write_text(long_npx().replace("\nA3;", "\n1-Mar;"))


def leave_a_sample_without_name(path: Path) -> None:
    path.write_text(long_npx().replace("\nA3;", "\n;", 1))


def write_ids_that_are_not_whole(path: Path) -> None:
    pl.DataFrame({"ID": [1.5, 2.0], "ADM": [0.5, 1.0]}).write_parquet(path)


def repeat_a_sample_of_a_wide_table(path: Path) -> None:
    path.write_text("ID,ADM\n9000001,1.5\n9000001,2.5\n9000002,1.0\n")


def spell_one_id_in_two_ways(path: Path) -> None:
    path.write_text("ID,ADM\n 9000001,1.5\n9000001,2.5\n9000002,1.0\n")


def write_an_overlong_number(path: Path) -> None:
    path.write_text("ID,ADM\n9000001,1e999\n9000002,1.0\n")


def write_an_r_file(path: Path) -> None:
    path.write_bytes(b"RDX3\n" + bytes(40))


FAULTS = {
    break_gzip_inside: "the gzip stream is cut off or damaged",
    truncate_parquet: "the parquet file is cut off (no footer)",
    break_parquet_footer: "the parquet file is damaged",
    break_parquet_pages: "the parquet file is damaged",
    write_an_infinite_value: "line 7, column 'NPX': 1 infinite values",
    write_an_infinite_value_in_parquet: "column 'NPX': row 6: 1 infinite values",
    write_text_values_in_parquet: "column 'NPX': holds text where numbers are needed",
    break_a_line_inside_a_cell: "line 8: a quote opens a cell that does not end on its line",
    leave_a_quote_open: "quote",
    leave_half_a_quote_in_a_name: "column 'OlinkID': 1 names hold a quotation mark or a line break",
    lose_the_header: "line 1: a number where the name of a column is needed; add a header line",
    write_a_name_as_a_date: "line 8, column 'SampleID': 1 names look rewritten by a spreadsheet",
    leave_a_sample_without_name: "line 8, column 'SampleID': 1 of 12 rows have no name",
    write_ids_that_are_not_whole: "'ID'",
    repeat_a_sample_of_a_wide_table: "1 duplicated identifiers among 3 rows",
    spell_one_id_in_two_ways: "1 duplicated identifiers",
    write_an_overlong_number: "line 2, column 'ADM': an infinite value",
    write_an_r_file: "is an R data file; save it with write.csv",
    truncate_gzip: "the gzip stream is cut off or damaged",
    write_latin_1: "is not UTF-8 text",
    write_utf_16: "UTF-16",
    write_decimal_commas: "decimal comma",
    write_text_in_a_value: "line 7",
    write_a_ragged_row: "line 7",
    write_two_columns_of_one_name: "twice",
    rename_a_needed_column: "NPX",
    repeat_rows: "--replicates",
    write_nothing: "the file is empty",
    write_a_header_alone: "",
    write_a_nul_byte: "NUL",
}


@pytest.mark.parametrize("damage", FAULTS, ids=lambda damage: str(damage.__name__))
def test_a_damaged_file_is_one_line_and_leaves_nothing(
    proteomr: Any, npx: Path, damage: Any
) -> None:
    damage(npx)
    ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    assert ending.code == INPUT, ending
    assert FAULTS[damage] in ending.message
    assert str(npx) in ending.message or "--replicates" in ending.message
    assert not any(name in ending.message for name in ("A2", "A3", "9000001"))
    assert not (npx.parent / "store").exists()
