"""Matrices of correlations between variants: the noun, and the door to its files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, NoReturn, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.io.genetics.ld_files import Square, read_square
from proteomr.stats.ld_mismatch import find_indefinite

__all__ = ["LdMatrix", "LdValues", "read_ld_matrix"]

LdValues: TypeAlias = Literal["auto", "r", "r2"]
"""What the numbers of a matrix are: correlations, or their squares; ``auto``: as they show."""

_COLUMNS: Final[dict[str, pl.DataType]] = {
    "variant_id": pl.String(),
    "chromosome": pl.String(),
    "position_bp": pl.Int64(),
    "allele_1": pl.String(),
    "allele_2": pl.String(),
}
# Matrices are printed with four digits or more; what differs by less is rounding.
_ROUNDING: Final = 1e-4
# Alleles as PLINK and TwoSampleMR put them behind a name: the one counted, then the other.
_WITH_ALLELES: Final = r"^.*[0-9]_([ACGTacgt]+|[ID])_([ACGTacgt]+|[ID])$"
_PLACE: Final = r"(?i)^(?:chr)?[0-9XYM]+T?[:_-][0-9]+[:_-]"
# Where alleles are named without regard to the signs, five variants of one haplotype block have no
# negative correlation among their ten pairs by chance in 1 of 16 matrices, and seven in 1 of 64.
_ENOUGH_PAIRS: Final = 10
_JUDGED: Final = 5_000  # variants whose correlations are held against one another at once


@dataclass(frozen=True, slots=True, eq=False)
class LdMatrix:
    """Correlations of the copies of variants' alleles.

    Parameters
    ----------
    variants : m rows: ``variant_id``, and where known ``chromosome``, ``position_bp``,
        ``allele_1`` (the allele whose copies are correlated) and ``allele_2``. Alleles are taken
        from names such as ``rs7_A_G`` where no column has them.
    r : (m, m) correlations, not their squares.
    signed : whether the signs are known; not where r is the root of its square.
    doubtful : whether the numbers may as well be squares: too few pairs, none of them negative.
    unclear : why no number may be taken before more is said; empty where all is clear. That the
        variants are strangers is told first by whoever looks for them.

    Raises
    ------
    InputError
        The matrix is not square, lacks a number, is not symmetric, has another diagonal than 1,
        holds numbers beyond -1 and 1, or a variant stands in it twice.

    Examples
    --------
    >>> matrix = LdMatrix(pl.DataFrame({"variant_id": ["a", "b"]}), np.array([[1, 0.3], [0.3, 1]]))
    >>> matrix.correlate(0, np.array([1])).tolist()
    [0.3]
    """

    variants: pl.DataFrame
    r: F64
    signed: bool = True
    doubtful: bool = False
    unclear: str = ""

    def __post_init__(self) -> None:
        m = self.variants.height
        if self.r.shape != (m, m):
            raise InputError(f"{m} variants do not fit a matrix of {self.r.shape}")
        known = {name: dtype for name, dtype in _COLUMNS.items() if name in self.variants.columns}
        absent = {
            name: pl.lit(None, dtype) for name, dtype in _COLUMNS.items() if name not in known
        }
        variants = self.variants.with_columns(pl.col(n).cast(t) for n, t in known.items())
        variants = variants.with_columns(**absent)
        if not {"allele_1", "allele_2"} & {*known}:
            variants = _name_alleles(variants)
        object.__setattr__(self, "variants", variants)
        names = variants["variant_id"].to_list()
        if fault := _find_fault(self.r):
            message, row, column = fault
            raise InputError(f"variants {names[row]!r} and {names[column]!r}: {message}")
        repeated = _find_repeat(variants)
        if repeated is not None:
            raise InputError(f"variant {names[repeated]!r} stands twice in the matrix")

    def correlate(self, row: int, rows: I64) -> F64:
        """Return the correlations of one variant with others.

        Parameters
        ----------
        row : position of the variant.
        rows : positions of the others.

        Raises
        ------
        InputError
            It is not clear what the numbers are.
        """
        self.refuse_unclear()
        correlations: F64 = self.r[row, rows]
        return correlations

    def matrix(self, rows: I64) -> F64:
        """Return the correlations of all pairs of chosen variants.

        Parameters
        ----------
        rows : positions of the variants.

        Raises
        ------
        InputError
            It is not clear what the numbers are.
        """
        self.refuse_unclear()
        correlations: F64 = self.r[np.ix_(rows, rows)]
        return correlations

    def refuse_unclear(self) -> None:
        """Refuse numbers of which it is not clear what they are.

        Raises
        ------
        InputError
            They may be correlations or squares.
        """
        if self.unclear:
            raise InputError(self.unclear)

    def contradict(self) -> str:
        """Return what says that no genotypes have the numbers; empty where nothing does.

        Large matrices are judged by blocks along the diagonal, as the work grows with the cube.
        """
        for low in range(0, self.variants.height, _JUDGED):
            block = self.r[low : low + _JUDGED, low : low + _JUDGED]
            found = find_indefinite(block)
            if found is not None:
                name = self.variants["variant_id"][low + found]
                return (
                    f"no genotypes have these correlations: those of variant {name!r} (number "
                    f"{low + found + 1}) contradict those of the variants before it"
                )
        return ""

    def count_pairs(self) -> int:
        """Return how many pairs of variants are correlated at all."""
        return (int(np.count_nonzero(self.r)) - self.variants.height) // 2


@reads
def read_ld_matrix(
    path: str | Path, *, variants: pl.DataFrame | None = None, values: LdValues = "auto"
) -> LdMatrix:
    r"""Return a matrix of correlations from text (also gz), or from an npz or parquet file.

    Text holds the whole square, separated by tabs, commas, semicolons or blanks, as ``plink --r
    square`` writes it. A first line of names, and a first column of the same in the same order, are
    found. An npz file holds ``r`` (or ``r2``) and ``variant_id``, and may hold ``chromosome``,
    ``position_bp``, ``allele_1``, ``allele_2``. A parquet file has a column for each variant, named
    after it, and may have one of their names before.

    Parameters
    ----------
    path : the file.
    variants : its variants in order, where the file does not name them; see `LdMatrix`.
    values : ``r2`` where the numbers are squares; their roots are taken, without signs. Where
        ``auto``, numbers of which none is negative among ten or more pairs that are not 0 may be
        either: the matrix is ``unclear`` and gives none of them.

    Raises
    ------
    FormatError
        The file is no square of numbers, see `LdMatrix`, with line and column; names no variants
        and none are given; or names them otherwise in its lines than in its columns.

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
    square = read_square(path)
    chosen = variants if variants is not None else square.variants
    if chosen is None:
        raise FormatError(
            "names no variants; add their names, as first line and first column of text or as "
            "array variant_id",
            path=path,
        )
    if square.numbers.shape != (chosen.height, chosen.height):
        raise FormatError(
            f"{chosen.height} variants do not fit {square.numbers.shape} numbers", path=path
        )
    _refuse_faults(square, chosen, path)
    if square.squares and values == "r":
        raise FormatError("array 'r2' is said to hold squares, --ld-values r that not", path=path)
    squares = square.squares or values == "r2"
    if squares and (square.numbers < -_ROUNDING).any():
        row, column = np.argwhere(square.numbers < -_ROUNDING)[0]
        message = f"{square.numbers[row, column]:g} is no square; --ld-values r takes correlations"
        _refuse(square, chosen, path, message, int(row), int(column))
    try:
        matrix = LdMatrix(chosen, square.numbers)
    except InputError as fault:
        raise FormatError(str(fault), path=path) from None
    if squares:
        return replace(matrix, r=np.sqrt(np.maximum(square.numbers, 0.0)), signed=False)
    pairs = matrix.count_pairs()
    if values == "r" or pairs == 0 or (matrix.r < 0).any():
        return matrix
    if pairs >= _ENOUGH_PAIRS:
        # Squares of a positive matrix's numbers make one, too: what this says holds of either.
        why = matrix.contradict()
        why = f"{path}: {why}; " if why else f"{path}: "
        why += (
            f"none of {pairs:,} correlations is negative: say whether they are squares, by "
            "--ld-values r2, or not, by --ld-values r"
        )
        return replace(matrix, unclear=why)
    return replace(matrix, doubtful=True)


def _refuse_faults(square: Square, variants: pl.DataFrame, path: Path) -> None:
    if fault := _find_fault(square.numbers):
        _refuse(square, variants, path, *fault)


def _refuse(
    square: Square, variants: pl.DataFrame, path: Path, message: str, row: int, column: int
) -> NoReturn:
    """Refuse a number of the file by its line and column, or by its two variants."""
    names = variants["variant_id"]
    line = None if square.lines is None else square.lines[row]
    told = "" if line is not None else f"row {names[row]!r}: "
    raise FormatError(f"{told}{message}", path=path, line=line, column=str(names[column]))


def _find_fault(r: F64) -> tuple[str, int, int] | None:
    """Return what is wrong with the first number that no correlation is, and where it stands."""
    checks = (
        (~np.isfinite(r), "holds no number; leave its variant out of the matrix"),
        (np.abs(r) > 1 + _ROUNDING, "{:g} is no correlation: it lies between -1 and 1"),
        (
            np.eye(r.shape[0], dtype=np.bool_) & (np.abs(r - 1.0) > _ROUNDING),
            "{:g} on the diagonal, which is 1 in a matrix of correlations",
        ),
        (
            np.abs(r - r.T) > _ROUNDING,
            "{:g}, and {:g} the other way round: not symmetric; give the whole square",
        ),
    )
    for wrong, message in checks:
        if wrong.any():
            row, column = (int(place) for place in np.unravel_index(np.argmax(wrong), r.shape))
            return message.format(r[row, column], r[column, row]), row, column
    return None


def _find_repeat(variants: pl.DataFrame) -> int | None:
    """Return the row of the first variant that stands a second time; one of no name is none."""
    further = (
        variants["variant_id"].is_not_null()
        & ~variants.select(pl.struct(*_COLUMNS).is_first_distinct()).to_series()
    )
    return int(further.arg_max() or 0) if further.any() else None


def _name_alleles(variants: pl.DataFrame) -> pl.DataFrame:
    """Add the alleles that names tell in order; those of names of places stand in no order."""
    parts = variants["variant_id"].str.extract_groups(_WITH_ALLELES).struct.unnest()
    if parts.width < 2:  # no names at all
        return variants
    ordered = ~variants["variant_id"].str.contains(_PLACE)
    alleles = [part.str.to_uppercase().set(~ordered, None) for part in parts.get_columns()]
    return variants.with_columns(alleles[0].alias("allele_1"), alleles[1].alias("allele_2"))
