"""Copies of alleles by person and variant, from genotypes of PLINK or a table of dosages."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.border import reads
from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io.genetics.plink_files import (
    PLINK_MAGIC,
    beside,
    map_bed,
    prefix_of,
    read_bim,
    read_fields,
    read_pvar,
)
from proteomr.io.identifiers import normalise_ids
from proteomr.io.proteins import open_proteins
from proteomr.tables import Proteins, find_columns

__all__ = ["PLINK_ENDINGS", "Dosages", "GenotypeMatrix", "is_plink", "open_dosages"]

PLINK_ENDINGS: Final = (".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam")
"""Endings of the files of PLINK 1 and PLINK 2."""
# Columns of PLINK's recoded tables that are no variants.
_NO_VARIANTS: Final = ("FID", "PAT", "MAT", "SEX", "PHENOTYPE")
# Two bits of a bed file: copies of allele 1.
_COPIES: Final = np.array([2.0, np.nan, 1.0, 0.0])
_MISSING: Final = -9.0  # of pgenlib


class _Load(Protocol):
    """Reads the copies of one variant for all people of a file."""

    def __call__(self, variant: int, /) -> F64: ...


@dataclass(frozen=True, slots=True, eq=False)
class GenotypeMatrix:
    """Copies of allele 1 of m variants, read from the disk when they are asked for.

    Parameters
    ----------
    names : of the variants.
    variants : positions of them in the file.
    rows : positions of the n people in the file; -1 for a person who is not in it.
    load : reads one variant.

    Examples
    --------
    >>> copies = np.array([[0.0, 1.0, 2.0]])
    >>> matrix = GenotypeMatrix(("rs1",), np.array([0]), np.array([2, -1]), copies.__getitem__)
    >>> matrix.read(slice(0, 1)).T
    array([[ 2., nan]])
    """

    names: tuple[str, ...]
    variants: I64
    rows: I64
    load: _Load = field(repr=False)

    @property
    def n(self) -> int:
        """Number of people."""
        return int(self.rows.size)

    def read(self, columns: slice, /) -> F64:
        """Return the copies of a slice of variants, (n, b), Fortran-ordered."""
        chosen = self.variants[columns]
        out = np.empty((self.n, chosen.size), order="F")
        for place, variant in enumerate(chosen.tolist()):
            out[:, place] = self.load(variant)[self.rows]
        out[self.rows < 0] = np.nan
        return out

    def select_rows(self, rows: I64) -> GenotypeMatrix:
        """Return the same variants for chosen people, in the order given; -1 is nobody."""
        chosen = np.where(rows < 0, -1, self.rows[rows])
        return GenotypeMatrix(self.names, self.variants, chosen, self.load)

    def select_columns(self, names: Sequence[str]) -> GenotypeMatrix:
        """Return chosen variants, in the order given."""
        at = np.array(find_columns(self.names, names), dtype=np.int64)
        return GenotypeMatrix(tuple(names), self.variants[at], self.rows, self.load)


@dataclass(frozen=True, slots=True, eq=False)
class Dosages:
    """Genotypes of people.

    Parameters
    ----------
    ids : identifiers of the people as text, in the order of the file.
    values : people by variants.
    """

    ids: pl.Series
    values: Proteins


def is_plink(path: str | Path) -> bool:
    """Whether a path names genotypes of PLINK: one of their files, or their common prefix.

    Examples
    --------
    >>> is_plink("chr1.bed"), is_plink("dosages.parquet")
    (True, False)
    """
    prefix = prefix_of(path)
    if Path(path).suffix in PLINK_ENDINGS:
        return True
    return beside(prefix, "bed").is_file() or beside(prefix, "pgen").is_file()


def open_dosages(
    path: str | Path, variants: Sequence[str], *, scratch: Path, id_column: str | None = None
) -> Dosages:
    """Return the variants of a list that genotypes or a table of dosages have.

    Which allele is counted changes no instrumental-variable estimate.

    Parameters
    ----------
    path : bed, bim, fam or pgen, pvar, psam, or their prefix; or a table of identifier and one
        column of dosages for each variant, as parquet or text.
    variants : names wanted.
    scratch : folder for a converted text file; the caller removes it after the last read.
    id_column : name of the identifier of a table; None for the usual names. PLINK's is IID.

    Raises
    ------
    InputError
        There are no such files, or one of the variants stands twice in them.
    FormatError
        A file is cut off, of another format or does not fit the others.

    Examples
    --------
    >>> open_dosages("nowhere.bed", ["rs1"], scratch=Path("."))
    Traceback (most recent call last):
    proteomr.errors.InputError: nowhere.bed: neither nowhere.bed nor nowhere.pgen is there
    """
    if not is_plink(path):
        opened = open_proteins(path, scratch=scratch, id_column=id_column, exclude=_NO_VARIANTS)
        wanted = set(variants)
        there = [name for name in opened.proteins.names if name in wanted]
        return Dosages(opened.ids, opened.proteins.select_columns(there))
    prefix = prefix_of(path)
    if beside(prefix, "bed").is_file():
        ids, listed, load = _open_bed(prefix)
    elif beside(prefix, "pgen").is_file():
        ids, listed, load = _open_pgen(prefix)
    else:
        bed, pgen = beside(prefix, "bed"), beside(prefix, "pgen")
        raise InputError(f"{path}: neither {bed} nor {pgen} is there")
    names, at = _find_variants(listed, variants, path=path)
    return Dosages(ids, GenotypeMatrix(names, at, np.arange(ids.len()), load))


def _find_variants(
    listed: pl.Series, variants: Sequence[str], *, path: str | Path
) -> tuple[tuple[str, ...], I64]:
    """Return the names and positions of the wanted variants that are there."""
    wanted = set(variants)
    rows = pl.DataFrame({"name": listed}).with_row_index("row")
    found = rows.filter(pl.col("name").is_in(list(wanted)))
    twice = found.filter(pl.col("name").is_duplicated())
    if twice.height:
        raise InputError(
            f"{path}: variant {twice['name'][0]!r} stands in several rows; keep one of each "
            "(plink2 --rm-dup, --set-all-var-ids)"
        )
    return tuple(found["name"].to_list()), found["row"].cast(pl.Int64).to_numpy()


class _BedVariants:
    """The variants of a bed file, mapped anew by whichever process reads them."""

    def __init__(self, path: Path, m: int, n: int) -> None:
        self._made_of = path, m, n
        self._data = map_bed(path, m=m, n=n)

    def __reduce__(self) -> tuple[type[_BedVariants], tuple[Path, int, int]]:
        return _BedVariants, self._made_of

    def __call__(self, variant: int, /) -> F64:
        bits = np.unpackbits(self._data[variant], bitorder="little").reshape(-1, 2)
        pairs = bits[: self._made_of[2]]
        return np.asarray(_COPIES[pairs[:, 0] + 2 * pairs[:, 1]])


class _PgenVariants:
    """The variants of a pgen file, opened anew by whichever process reads them."""

    def __init__(self, path: Path, m: int, n: int) -> None:
        self._made_of = path, m, n
        try:
            pgenlib: Any = importlib.import_module("pgenlib")
        except ImportError:
            remedy = "install proteomr[geno], or write a bed file with plink2 --make-bed"
            raise UsageError(f"pgen files are read by the package pgenlib: {remedy}") from None
        with path.open("rb") as file:
            if file.read(2) != PLINK_MAGIC[:2]:
                raise FormatError("is no pgen file", path=path)
        try:
            self._reader = pgenlib.PgenReader(bytes(path), raw_sample_ct=n)
        except (OSError, RuntimeError) as fault:
            raise FormatError(f"is not read by pgenlib ({fault})", path=path) from fault
        count = int(self._reader.get_variant_ct())
        if count != m:
            raise FormatError(f"{count} variants, the pvar file lists {m}", path=path)
        self._turn = threading.Lock()  # a reader has one place in its file

    def __reduce__(self) -> tuple[type[_PgenVariants], tuple[Path, int, int]]:
        return _PgenVariants, self._made_of

    def __call__(self, variant: int, /) -> F64:
        dosages = np.empty(self._made_of[2], dtype=np.float32)
        with self._turn:
            self._reader.read_dosages(variant, dosages)
        return np.where(dosages == _MISSING, np.nan, dosages).astype(np.float64)


@reads
def _open_bed(prefix: Path) -> tuple[pl.Series, pl.Series, _Load]:
    variants = read_bim(beside(prefix, "bim"))
    ids = _read_people(beside(prefix, "fam"))
    load = _BedVariants(beside(prefix, "bed"), variants.height, ids.len())
    return ids, variants["variant_id"], load


@reads
def _open_pgen(prefix: Path) -> tuple[pl.Series, pl.Series, _Load]:
    variants = read_pvar(beside(prefix, "pvar"))
    ids = _read_people(beside(prefix, "psam"))
    load = _PgenVariants(beside(prefix, "pgen"), variants.height, ids.len())
    return ids, variants["variant_id"], load


@reads
def _read_people(path: Path) -> pl.Series:
    """Return the identifiers of people within families (IID) of a fam or psam file."""
    lines = read_fields(path)
    column = 1
    if str(lines[0, 0]).startswith("#"):
        header = [str(cell).removeprefix("#") for cell in lines.row(0)]
        if "IID" not in header:
            raise FormatError("has no column IID", path=path)
        column, lines = header.index("IID"), lines[1:]
    elif lines.width < 2:
        raise FormatError(f"{lines.width} columns; a fam file has 6", path=path)
    return normalise_ids(lines[:, column].alias("IID"))
