"""Matrices of correlations between variants: every form that is read, and every one refused."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, InputError
from proteomr.io.genetics.ld_matrices import LdMatrix, LdValues, read_ld_matrix

NAMES = ["rs1", "rs2", "rs3"]
R = np.array([[1.0, 0.25, -0.5], [0.25, 1.0, 0.125], [-0.5, 0.125, 1.0]])


def write_square(path: Path, cells: dict[tuple[int, int], str] | None = None) -> Path:
    """Write the square with names on both sides, some cells of it by others."""
    rows = [["", *NAMES], *([name, *map(str, R[i])] for i, name in enumerate(NAMES))]
    for (row, column), text in (cells or {}).items():
        rows[row][column] = text
    path.write_text("\n".join(",".join(row) for row in rows) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("delimiter", [",", "\t", " "])
@pytest.mark.parametrize("named", ["not", "above", "both"])
def test_squares_of_text_are_read_however_they_are_named(
    tmp_path: Path, delimiter: str, named: str
) -> None:
    if named == "both" and delimiter == " ":
        pytest.skip("an empty corner cannot be told between spaces")
    r = np.array([[1.0, 0.25, -0.5], [0.25, 1.0, 0.125], [-0.5, 0.125, 1.0]])
    names = ["rs1", "rs2", "rs3"]
    lines = [delimiter.join(str(value) for value in row) for row in r]
    if named == "both":
        lines = [delimiter.join((name, line)) for name, line in zip(names, lines, strict=True)]
    if named != "not":
        lines.insert(0, delimiter.join(names if named == "above" else ["", *names]))
    place = tmp_path / "r.txt.gz"
    place.write_bytes(gzip.compress("\n".join(lines).encode()))
    given = pl.DataFrame({"variant_id": names}) if named == "not" else None
    found = read_ld_matrix(place, variants=given)
    assert found.variants["variant_id"].to_list() == names
    np.testing.assert_array_equal(found.r, r)


def test_an_npz_file_comes_back_with_its_variants(tmp_path: Path) -> None:
    place = tmp_path / "r.npz"
    np.savez(place, r=np.eye(2), variant_id=["a", "b"], position_bp=[5, 6])
    found = read_ld_matrix(place)
    assert found.variants.select("variant_id", "position_bp").rows() == [("a", 5), ("b", 6)]


def test_shipped_matrices_of_the_field_are_read(reference: Path) -> None:
    folder = reference / "mr" / "data"
    assert read_ld_matrix(folder / "mrb_calcium_fg_rho.csv").variants.height == 6
    assert read_ld_matrix(folder / "gsmr_sub100_ld.csv").r.shape == (100, 100)


def test_names_that_r_has_changed_in_the_header_are_those_of_the_rows(tmp_path: Path) -> None:
    place = tmp_path / "r.csv"
    place.write_text('"","X1.100.A.G","rs2"\n"1:100:A:G",1,0.5\n"rs2",0.5,1\n')
    assert read_ld_matrix(place).variants["variant_id"].to_list() == ["1:100:A:G", "rs2"]


def test_blank_lines_a_byte_order_mark_and_blanks_around_cells_are_no_fault(tmp_path: Path) -> None:
    place = tmp_path / "r.csv"
    place.write_bytes(b"\xef\xbb\xbf\r\nsnp; rs1; rs2\r\nrs1; 1; -.5\r\n\r\nrs2;-0.5;1\r\n;;\r\n")
    np.testing.assert_array_equal(read_ld_matrix(place).r, [[1.0, -0.5], [-0.5, 1.0]])


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({(2, 3): "x"}, r"line 3, column 'rs3': 'x' is no number"),
        ({(2, 3): "NA"}, r"line 3, column 'rs3': holds no number"),
        ({(2, 3): ""}, r"line 3, column 'rs3': holds no number"),
        ({(2, 3): "inf"}, r"line 3, column 'rs3': holds no number"),
        ({(2, 3): "0.13"}, r"line 3, column 'rs3': 0.13, and 0.125 .* not symmetric"),
        ({(2, 3): "1.2", (3, 2): "1.2"}, r"line 3, column 'rs3': 1.2 is no correlation"),
        ({(2, 2): "0.9"}, r"line 3, column 'rs2': 0.9 on the diagonal"),
        ({(2, 0): "rs3", (3, 0): "rs2"}, r"line 3: row 2 is of 'rs3', .* in another order"),
        ({(3, 0): "rs9"}, r"line 4: row 3 is of 'rs9', .* name other variants"),
        ({(0, 3): "rs2", (3, 0): "rs2"}, r"variant 'rs2' stands twice"),
        ({(0, 3): "", (3, 0): ""}, r"line 1: column 3 has no name"),
    ],
)
def test_a_cell_that_is_no_correlation_is_refused_by_its_line_and_column(
    cells: dict[tuple[int, int], str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=message):
        read_ld_matrix(write_square(tmp_path / "r.csv", cells))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rs1\trs2\n1\t0,9\n0,9\t1\n", r"line 2, column 'rs2': '0,9' has a decimal comma"),
        ("rs1 rs2\n1 0,9\n0,9 1\n", r"line 2, column 'rs2': '0,9' has a decimal comma"),
        (";rs1;rs2\nrs1;1;0,9\nrs2;0,9;1\n", r"line 2, column 'rs2': '0,9' has a decimal comma"),
        (",rs1,rs2\nrs1,1,0.9\n", "1 rows of 3 fields are no square"),
        (",rs1,rs2\nrs1,1\nrs2,0.9,1\n", "line 3: 3 fields where the line before has 2"),
        (",rs1,rs2\nrs1,1,0.9,0.1\nrs2,0.9,1,0\nrs3,0.1,0,1\n", "line 1: 2 names of columns for 3"),
        ("1 0.5\n0.5 1\n", "names no variants"),
        ("\n\n", "blank lines only"),
        ("a", "no square"),
    ],
)
def test_text_that_is_no_square_of_numbers_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    place = tmp_path / "r.txt"
    place.write_text(text, encoding="utf-8")
    with pytest.raises(FormatError, match=message):
        read_ld_matrix(place)


def test_text_that_is_not_utf8_is_refused_by_its_line(tmp_path: Path) -> None:
    place = tmp_path / "r.csv"
    place.write_bytes(b",rs1,rs2\nrs1,1,\xe9\nrs2,0.9,1\n")
    with pytest.raises(FormatError, match="line 2: is not UTF-8"):
        read_ld_matrix(place)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"position_bp": [5]}, r"'position_bp' is of shape \(1,\)"),
        ({"position_bp": [5.5, 6, 7]}, "whole numbers"),
        ({"position_bp": ["a", "b", "c"]}, "whole numbers"),
        ({"variant_id": [NAMES]}, r"'variant_id' is of shape \(1, 3\)"),
        ({"variant_id": NAMES[:2]}, r"'variant_id' is of shape \(2,\)"),
        ({"variant_id": [1.0, 2.0, 3.0]}, "float64, no text"),
        ({"variant_id": np.array(NAMES, dtype=object)}, "Python objects"),
        ({"variant_id": ["rs1", "", "rs3"]}, "lacks a name"),
        ({"variant_id": ["rs1", "rs1", "rs3"]}, "'rs1' stands twice"),
        ({"variant_id": ["\ud800", "b", "c"]}, "no text"),
        ({"r": R.astype(str)}, "no square of numbers"),
        ({"r": R[0]}, "no square of numbers"),
        ({"r": np.where(R == 1, 1.0, np.nan)}, "column 'rs2': row 'rs1': holds no number"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(
    arrays: dict[str, Any], message: str, tmp_path: Path
) -> None:
    whole: dict[str, Any] = {"r": R, "variant_id": NAMES} | arrays
    np.savez(tmp_path / "r.npz", **whole)
    with pytest.raises(FormatError, match=message):
        read_ld_matrix(tmp_path / "r.npz")


def test_names_beyond_unicode_are_refused(tmp_path: Path) -> None:
    names = np.array(NAMES)
    names.view(np.uint32)[0] = 0x7FFFFFFF
    np.savez(tmp_path / "r.npz", r=R, variant_id=names)
    with pytest.raises(FormatError, match="no text"):
        read_ld_matrix(tmp_path / "r.npz")


@pytest.mark.parametrize("content", [b"", b"rs1,rs2\n", b"PK\x03\x04nothing"])
def test_what_is_no_npz_file_is_refused(content: bytes, tmp_path: Path) -> None:
    place = tmp_path / "r.npz"
    place.write_bytes(content)
    with pytest.raises(FormatError, match="no npz file"):
        read_ld_matrix(place)


def test_parquet_holds_the_names_of_its_rows_in_the_order_of_its_columns(tmp_path: Path) -> None:
    place = tmp_path / "r.parquet"
    square = pl.DataFrame({"rs1": [1.0, 0.5], "rs2": [0.5, 1.0]})
    square.insert_column(0, pl.Series("snp", ["rs2", "rs1"])).write_parquet(place)
    with pytest.raises(FormatError, match=r"row 1 is of 'rs2', .* in another order"):
        read_ld_matrix(place)


def test_a_matrix_is_checked_wherever_it_comes_from() -> None:
    variants = pl.DataFrame({"variant_id": ["a", "b"]})
    for r, message in (
        ([[1.0, 0.5], [0.4, 1.0]], "variants 'a' and 'b': .* not symmetric"),
        ([[1.0, 2.0], [2.0, 1.0]], "between -1 and 1"),
        ([[0.5, 0.1], [0.1, 0.5]], "diagonal"),
        ([[1.0, np.nan], [np.nan, 1.0]], "holds no number"),
        ([[1.0]], "do not fit"),
    ):
        with pytest.raises(InputError, match=message):
            LdMatrix(variants, np.array(r))


def test_alleles_behind_names_are_those_whose_copies_are_correlated() -> None:
    names = ["rs1_a_G", "rs2_I_D", "rs3", "1_100_A_G", "rs4_T"]
    alleles = LdMatrix(pl.DataFrame({"variant_id": names}), np.eye(5)).variants
    assert alleles["allele_1"].to_list() == ["A", "I", None, None, None]
    assert alleles["allele_2"].to_list() == ["G", "D", None, None, None]


def make_block(m: int) -> Any:
    """Return correlations of which none is negative, as m variants of one haplotype block have."""
    return 0.8 ** np.abs(np.subtract.outer(np.arange(m), np.arange(m)))


def write_block(folder: Path, m: int) -> Path:
    place = folder / "r.csv"
    pl.DataFrame(make_block(m), schema=[f"rs{i}" for i in range(m)]).write_csv(place)
    return place


def test_ten_pairs_of_which_none_is_negative_may_be_squares(tmp_path: Path) -> None:
    matrix = read_ld_matrix(write_block(tmp_path, 5))
    message = r"none of 10 correlations is negative: .*--ld-values"
    with pytest.raises(InputError, match=message):
        matrix.matrix(np.arange(2))
    with pytest.raises(InputError, match=message):
        matrix.correlate(0, np.arange(2))


@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_that_contradict_one_another_are_told_by_the_first_variant(
    sign: int, tmp_path: Path
) -> None:
    r = np.eye(6)
    for i, j, value in ((1, 2, 0.95), (1, 4, 0.95 * sign), (2, 4, -0.95 if sign < 0 else 0.0)):
        r[i, j] = r[j, i] = value
    r[1, 4] = r[4, 1] = 0.95
    place = tmp_path / "r.csv"
    pl.DataFrame(r, schema=[f"rs{i}" for i in range(6)]).write_csv(place)
    assert "variant 'rs4' (number 5) contradict" in read_ld_matrix(place).contradict()
    assert not LdMatrix(pl.DataFrame({"variant_id": ["a", "b"]}), np.ones((2, 2))).contradict()


def test_fewer_pairs_are_taken_as_correlations_and_marked(tmp_path: Path) -> None:
    matrix = read_ld_matrix(write_block(tmp_path, 4))
    assert matrix.doubtful
    np.testing.assert_allclose(matrix.r, make_block(4))


@pytest.mark.parametrize("values", ["r", "r2"])
def test_what_is_said_of_the_numbers_holds(values: LdValues, tmp_path: Path) -> None:
    matrix = read_ld_matrix(write_block(tmp_path, 5), values=values)
    assert not matrix.doubtful
    assert matrix.signed is (values == "r")
    np.testing.assert_allclose(
        matrix.r, np.sqrt(make_block(5)) if values == "r2" else make_block(5)
    )


def test_variants_that_are_not_correlated_tell_nothing_of_squares(tmp_path: Path) -> None:
    place = tmp_path / "r.csv"
    pl.DataFrame(np.eye(9), schema=[f"rs{i}" for i in range(9)]).write_csv(place)
    assert not read_ld_matrix(place).doubtful


def test_squares_are_never_negative(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"line 2, column 'rs3': -0.5 is no square"):
        read_ld_matrix(write_square(tmp_path / "r.csv"), values="r2")


def test_an_array_of_squares_says_so_itself(tmp_path: Path) -> None:
    np.savez(tmp_path / "r.npz", r2=make_block(6), variant_id=[f"rs{i}" for i in range(6)])
    assert read_ld_matrix(tmp_path / "r.npz").r[0, 1] == pytest.approx(np.sqrt(0.8))
    with pytest.raises(FormatError, match="--ld-values r"):
        read_ld_matrix(tmp_path / "r.npz", values="r")
