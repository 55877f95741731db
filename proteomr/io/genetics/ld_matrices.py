"""Matrices of correlations between variants, read from files."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.io.bounds import check_arrays
from proteomr.io.sources import inspect_file
from proteomr.io.tables import read_table

__all__ = ["LdMatrix", "read_ld_matrix"]

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "variant_id": pl.String(),
    "chromosome": pl.String(),
    "position_bp": pl.Int64(),
    "allele_1": pl.String(),
    "allele_2": pl.String(),
}
_ASYMMETRY: Final = 1e-4


@dataclass(frozen=True, slots=True, eq=False)
class LdMatrix:
    """Correlations of the copies of variants' alleles.

    Parameters
    ----------
    variants : m rows: ``variant_id``, and where known ``chromosome``, ``position_bp``,
        ``allele_1`` (the allele whose copies are correlated) and ``allele_2``.
    r : (m, m) correlations, not their squares.

    Raises
    ------
    InputError
        The matrix is not square, not symmetric, or holds numbers beyond -1 and 1.

    Examples
    --------
    >>> matrix = LdMatrix(pl.DataFrame({"variant_id": ["a", "b"]}), np.array([[1, 0.3], [0.3, 1]]))
    >>> matrix.correlate(0, np.array([1])).tolist()
    [0.3]
    """

    variants: pl.DataFrame
    r: F64

    def __post_init__(self) -> None:
        m = self.variants.height
        if self.r.shape != (m, m):
            raise InputError(f"{m} variants do not fit a matrix of {self.r.shape}")
        if np.nanmax(np.abs(self.r), initial=0.0) > 1 + _ASYMMETRY:
            raise InputError("correlations lie between -1 and 1; the matrix holds larger numbers")
        if np.nanmax(np.abs(self.r - self.r.T), initial=0.0) > _ASYMMETRY:
            raise InputError("the matrix of correlations is not symmetric; give the whole square")
        if m and np.nanmax(np.abs(np.diagonal(self.r) - 1.0), initial=0.0) > _ASYMMETRY:
            raise InputError("the diagonal of the matrix is not 1; correlations are needed")
        absent = {
            name: pl.lit(None, dtype)
            for name, dtype in _COLUMNS.items()
            if name not in self.variants.columns
        }
        object.__setattr__(self, "variants", self.variants.with_columns(**absent))

    def correlate(self, row: int, rows: I64) -> F64:
        """Return the correlations of one variant with others.

        Parameters
        ----------
        row : position of the variant.
        rows : positions of the others.
        """
        correlations: F64 = self.r[row, rows]
        return correlations

    def matrix(self, rows: I64) -> F64:
        """Return the correlations of all pairs of chosen variants.

        Parameters
        ----------
        rows : positions of the variants.
        """
        correlations: F64 = self.r[np.ix_(rows, rows)]
        return correlations


@reads
def read_ld_matrix(path: str | Path, *, variants: pl.DataFrame | None = None) -> LdMatrix:
    r"""Return a matrix of correlations from text (also gz), or from an npz or parquet file.

    Text holds the whole square, separated by tabs, commas or spaces, as ``plink --r square``
    writes it. A first line of names, and a first column of the same, are found. An npz file holds
    ``r`` and ``variant_id``, and may hold ``chromosome``, ``position_bp``, ``allele_1``,
    ``allele_2``. A parquet file has a column for each variant, named after it, and may have one of
    their names before.

    Parameters
    ----------
    path : the file.
    variants : its variants in order, where the file does not name them; see `LdMatrix`.

    Raises
    ------
    FormatError
        The file is no square of numbers, or names no variants and none are given.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     place = Path(folder) / "pair.csv"
    ...     size = place.write_text("rs1,rs2\n1,0.2\n0.2,1\n")
    ...     read_ld_matrix(place).variants["variant_id"].to_list()
    ['rs1', 'rs2']
    """
    path = Path(path)
    if path.suffix == ".npz":
        check_arrays(path)
        named, r = _read_npz(path)
    elif inspect_file(path)[0] == "parquet":
        named, r = _read_parquet(path)
    else:
        named, r = _read_square(path)
    chosen = variants if variants is not None else named
    if chosen is None:
        raise FormatError("names no variants; give them beside the matrix", path=path)
    if r.shape != (chosen.height, chosen.height):
        raise FormatError(f"{chosen.height} variants do not fit {r.shape} numbers", path=path)
    try:
        return LdMatrix(chosen, r)
    except InputError as fault:
        raise FormatError(str(fault), path=path) from None


def _read_npz(path: Path) -> tuple[pl.DataFrame | None, F64]:
    if not path.is_file():
        raise InputError(f"{path}: there is no such file")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            parts = {name: content[name] for name in content.files}
    except (OSError, ValueError, zipfile.BadZipFile) as fault:
        raise FormatError("is no npz file, or is cut off", path=path) from fault
    if "r" not in parts:
        raise FormatError("holds no array 'r'", path=path)
    named = {name: pl.Series(parts[name]) for name in _COLUMNS if name in parts}
    frame = pl.DataFrame(named).cast({name: _COLUMNS[name] for name in named})
    return (frame if "variant_id" in named else None), parts["r"].astype(np.float64)


def _read_parquet(path: Path) -> tuple[pl.DataFrame, F64]:
    frame = read_table(path)
    numbers = frame[:, 1:] if frame.width == frame.height + 1 else frame
    for name, kind in numbers.schema.items():
        if not kind.is_numeric():
            raise FormatError("text where correlations are needed", path=path, column=name)
    if numbers.width != frame.height:
        raise FormatError(
            f"{frame.height} rows of {numbers.width} numbers are no square", path=path
        )
    labels = frame.to_series(0).cast(pl.String).to_list()
    if numbers.width < frame.width and labels != numbers.columns:
        raise FormatError("rows and columns name other variants", path=path)
    r = numbers.cast(pl.Float64).to_numpy()
    return pl.DataFrame({"variant_id": numbers.columns}), np.ascontiguousarray(r)


def _read_square(path: Path) -> tuple[pl.DataFrame | None, F64]:
    inspect_file(path)
    texts = pl.read_csv(
        path,
        has_header=False,
        separator="\x01",
        infer_schema=False,
        quote_char=None,
        glob=False,
    ).to_series()
    delimiter = next((sign for sign in ("\t", ",") if sign in texts[0]), None)
    parted = texts.str.strip_chars('\r "').str.replace_all('"', "", literal=True)
    cells = parted.str.split(delimiter) if delimiter else parted.str.extract_all(r"\S+")
    first = cells[0].to_list()
    headed = any(_is_word(cell) for cell in first)
    body = cells[1:] if headed else cells
    widths = set(body.list.len().to_list())
    if len(widths) != 1:
        raise FormatError("rows of unequal length", path=path)
    width = widths.pop()
    labelled = width == body.len() + 1
    numbers = body.list.slice(1) if labelled else body
    flat = numbers.explode().cast(pl.Float64, strict=False)
    if flat.len() != body.len() ** 2:
        raise FormatError(f"{body.len()} rows of {width} numbers are no square", path=path)
    r = flat.to_numpy().reshape(body.len(), body.len())
    names = first[-body.len() :] if headed else None
    if names is None and labelled:
        names = body.list.first().to_list()
    return (None if names is None else pl.DataFrame({"variant_id": names})), r


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return cell.strip() not in {"", "NA", "nan", "NaN"}
    return False
