"""Squares of numbers and the names of their variants, as files hold them."""

from __future__ import annotations

import re
import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.io.bounds import check_arrays, read_whole
from proteomr.io.sources import inspect_file
from proteomr.io.tables import read_table

__all__ = ["Square", "read_square"]

_DELIMITERS: Final = ("\t", ";", ",", None)
_NO_NUMBER: Final = ("", "na", "nan", "n/a", "null", "none", ".", "inf", "-inf")
_DECIMAL_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+(?:[eE][+-]?[0-9]+)?")
_SAMPLED: Final = 20
_MOST_MEGABYTES: Final = 8_192  # a matrix of 30,000 variants
_LAST: Final = 0x10FFFF  # of the code points of Unicode; what is beyond aborts a conversion
_BLANK: Final = ' \t\r,;"'
_TEXTS: Final = ("chromosome", "allele_1", "allele_2")
_NAMES: Final = ("variant_id", "snp", "SNP", "rsid", "names", "variants")


@dataclass(frozen=True, slots=True, eq=False)
class Square:
    """What a file of correlations holds.

    Parameters
    ----------
    numbers : (m, m); NaN where a cell says that there is none.
    variants : m rows with ``variant_id`` and whatever the file tells; None without names.
    lines : line of each row in a file of text.
    squares : whether the file itself says that the numbers are squares.
    """

    numbers: F64
    variants: pl.DataFrame | None
    lines: Sequence[int] | None = None
    squares: bool = False


@reads
def read_square(path: Path) -> Square:
    """Return the numbers and names of a file of text (also gz), npz or parquet.

    Raises
    ------
    FormatError
        The file is no square of numbers, or its lines name other variants than its columns.
    """
    if path.suffix == ".npz":
        return _read_npz(path)
    kind, compressed = inspect_file(path)
    return _read_parquet(path) if kind == "parquet" else _read_text(path, compressed=compressed)


def _read_npz(path: Path) -> Square:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    check_arrays(path)
    if not zipfile.is_zipfile(path):
        raise FormatError("is no npz file, or is cut off", path=path)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            parts: dict[str, Any] = {name: content[name] for name in content.files}
    except (
        OSError,
        EOFError,
        ValueError,
        MemoryError,
        RuntimeError,  # encrypted, or of a later version of zip
        SyntaxError,
        tokenize.TokenError,
        zlib.error,
        zipfile.BadZipFile,
    ) as fault:
        if "pickle" in str(fault):
            message = "an array of Python objects; save names as text (numpy's str)"
            raise FormatError(message, path=path) from fault
        raise FormatError("is no npz file, or is cut off", path=path) from fault
    key = next((name for name in ("r", "r2") if name in parts), None)
    if key is None:
        raise FormatError("holds no array 'r' (or 'r2')", path=path)
    numbers = parts[key]
    if numbers.ndim != 2 or numbers.shape[0] != numbers.shape[1] or numbers.dtype.kind not in "fiu":
        shape = f"{numbers.dtype} of shape {numbers.shape}"
        raise FormatError(f"array {key!r} is {shape}, no square of numbers", path=path)
    named = next((name for name in _NAMES if name in parts), None)
    variants = None if named is None else _gather_variants(parts, named, numbers.shape[0], path)
    return Square(numbers.astype(np.float64), variants, squares=key == "r2")


def _gather_variants(parts: dict[str, Any], named: str, m: int, path: Path) -> pl.DataFrame:
    """Return the arrays of an npz file that describe its variants, as columns."""
    found = {"variant_id": _take_texts(parts[named], named, m, path)}
    for name in _TEXTS:
        if name in parts:
            found[name] = _take_texts(parts[name], name, m, path)
    if "position_bp" in parts:
        places = _refuse_shape(parts["position_bp"], "position_bp", m, path)
        if places.dtype.kind not in "fiu" or not (np.mod(places, 1) == 0).all():
            raise FormatError("array 'position_bp' holds no whole numbers", path=path)
        found["position_bp"] = pl.Series(places.astype(np.int64))
    frame = pl.DataFrame(found)
    if frame["variant_id"].null_count():
        raise FormatError(f"array {named!r} lacks a name", path=path)
    return frame


def _take_texts(array: Any, name: str, m: int, path: Path) -> pl.Series:
    _refuse_shape(array, name, m, path)
    if array.dtype.kind not in "USTiu":
        raise FormatError(f"array {name!r} is {array.dtype}, no text", path=path)
    if array.dtype.kind == "U" and (np.ascontiguousarray(array).view(np.uint32) > _LAST).any():
        raise FormatError(f"array {name!r} holds what is no text", path=path)
    try:
        texts = [
            each.decode("utf-8") if isinstance(each, bytes) else str(each)
            for each in array.tolist()
        ]
        "".join(texts).encode("utf-8")
    except UnicodeError as fault:
        raise FormatError(f"array {name!r} holds what is no text", path=path) from fault
    stripped = [text.strip() for text in texts]
    return pl.Series([text or None for text in stripped], dtype=pl.String)


def _refuse_shape(array: Any, name: str, m: int, path: Path) -> Any:
    if array.shape != (m,):
        raise FormatError(
            f"array {name!r} is of shape {array.shape} beside {m} rows of numbers", path=path
        )
    return array


def _read_parquet(path: Path) -> Square:
    frame = read_table(path)
    labelled = frame.width == frame.height + 1
    numbers = frame[:, 1:] if labelled else frame
    for name, kind in numbers.schema.items():
        if not (kind.is_numeric() or kind == pl.Null):
            raise FormatError("text where correlations are needed", path=path, column=name)
    if numbers.width != frame.height:
        raise FormatError(
            f"{frame.height} rows of {numbers.width} numbers are no square", path=path
        )
    names = numbers.columns
    if labelled:
        names = _compare_names(frame.to_series(0).cast(pl.String).to_list(), names, path)
    r = numbers.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    return Square(np.ascontiguousarray(r), pl.DataFrame({"variant_id": names}))


def _read_text(path: Path, *, compressed: bool) -> Square:
    texts, lines = _read_lines(path, compressed=compressed)
    delimiter = _find_delimiter(texts)
    cells = _split(texts, delimiter)
    first = cells[0].to_list()
    headed = any(_is_word(cell) for cell in first[1:] or first)
    body = cells.slice(1) if headed else cells
    header, lines = (lines[0], lines[1:]) if headed else (None, lines)
    m = body.len()
    width = len(body[0]) if m else 0
    ragged = body.list.len() != width
    if ragged.any():
        row = int(ragged.arg_max() or 0)
        message = f"{len(body[row])} fields where the line before has {width}"
        raise FormatError(f"{message}; give the whole square", path=path, line=lines[row])
    if m == 0 or width not in (m, m + 1) or (headed and len(first) not in (m, m + 1)):
        raise FormatError(f"{m} rows of {width} fields are no square of numbers", path=path)
    if headed and len(first) == m and not first[0]:
        message = f"{m - 1} names of columns for {m} rows of numbers"
        raise FormatError(message, path=path, line=header)
    labelled = width == m + 1
    columns = first[len(first) - m :] if headed else None
    labels = body.list.first().to_list() if labelled else None
    if columns is not None and labels is not None:
        labels = columns = _compare_names(labels, columns, path, lines=lines)
    names = columns if columns is not None else labels
    flat = (body.list.slice(1) if labelled else body).explode()
    r = _take_numbers(flat, names, path, lines=lines)
    if names is not None:
        _refuse_nameless(names, path, line=header)
    return Square(r, None if names is None else pl.DataFrame({"variant_id": names}), lines)


def _read_lines(path: Path, *, compressed: bool) -> tuple[pl.Series, list[int]]:
    """Return the lines that hold something, and their numbers."""
    content = read_whole(path, compressed=compressed, megabytes=_MOST_MEGABYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        line = content[: fault.start].count(b"\n") + 1
        raise FormatError("is not UTF-8 text", path=path, line=line) from fault
    numbered = [
        (line, at) for at, line in enumerate(text.split("\n"), start=1) if line.strip(_BLANK)
    ]
    if not numbered:
        raise FormatError("the file holds blank lines only", path=path)
    return pl.Series([line for line, _ in numbered]), [at for _, at in numbered]


def _find_delimiter(texts: pl.Series) -> str | None:
    """Return the sign that parts all lines alike, a header without a corner; None for blanks."""
    sample = texts.slice(1, _SAMPLED).to_list() or texts.to_list()
    for sign in _DELIMITERS:
        parted = [line.split(sign) for line in sample]
        widths = {len(fields) for fields in parted}
        width = max(widths)
        alike = len(widths) == 1 and len(texts[0].split(sign)) in (width, width - 1)
        whole = not any(re.search(r"\S\s+\S", field) for fields in parted for field in fields)
        if alike and whole and width > 1:
            return sign
    return next((sign for sign in _DELIMITERS if sign is not None and sign in texts[0]), None)


def _split(texts: pl.Series, delimiter: str | None) -> pl.Series:
    """Return the fields of each line, without the quotes and blanks around them."""
    bare = texts.str.strip_chars("\r").str.replace_all('"', "", literal=True)
    if delimiter is None:
        return bare.str.extract_all(r"\S+")
    trimmed = bare.str.replace_all(rf" *{re.escape(delimiter)} *", delimiter)
    return trimmed.str.strip_chars(" ").str.split(delimiter)


def _take_numbers(
    flat: pl.Series, names: Sequence[str] | None, path: Path, *, lines: Sequence[int]
) -> F64:
    """Return the cells as a square of numbers; NaN where a cell says that there is none."""
    m = len(lines)
    numbers = flat.cast(pl.Float64, strict=False)
    failed = numbers.is_null().arg_true()
    for at, cell in zip(failed, flat.gather(failed), strict=True):
        text = str(cell or "").strip()
        if text.lower() in _NO_NUMBER:
            continue
        message = f"{text[:20]!r} is no number"
        if _DECIMAL_COMMA.fullmatch(text):
            message = f"{text!r} has a decimal comma; write numbers with a point"
        column = names[at % m] if names is not None else str(at % m + 1)
        raise FormatError(message, path=path, line=lines[at // m], column=column)
    filled: F64 = numbers.fill_null(float("nan")).to_numpy().reshape(m, m)
    return filled


def _compare_names(
    labels: Sequence[str | None],
    columns: Sequence[str],
    path: Path,
    *,
    lines: Sequence[int] | None = None,
) -> list[str]:
    """Return the names of the lines, which the columns have in the same order."""
    names = [str(label) for label in labels]
    for row, (label, column) in enumerate(zip(names, columns, strict=True)):
        if column in (label, _mangle(label)):
            continue
        message = f"row {row + 1} is of {label!r}, column {row + 1} of {column!r}"
        if sorted(names) == sorted(columns):
            message += ": the same variants in another order; bring both into one"
        else:
            message += ": rows and columns name other variants"
        raise FormatError(message, path=path, line=None if lines is None else lines[row])
    return names


def _mangle(name: str) -> str:
    """Return a name as R's ``make.names`` turns it into that of a column."""
    plain = re.sub(r"[^A-Za-z0-9._]", ".", name)
    return plain if re.match(r"[A-Za-z]|\.(?![0-9])", plain) else f"X{plain}"


def _refuse_nameless(names: Sequence[str], path: Path, *, line: int | None) -> None:
    seen: dict[str, int] = {}
    for column, name in enumerate(names, start=1):
        if not (name or "").strip():
            raise FormatError(f"column {column} has no name", path=path, line=line)
        if name in seen:
            raise FormatError(
                f"variant {name!r} stands twice, as number {seen[name]} and {column}", path=path
            )
        seen[name] = column


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        text = cell.strip()
        return text.lower() not in _NO_NUMBER and not _DECIMAL_COMMA.fullmatch(text)
    return False
