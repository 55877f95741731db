"""The files of a set of genotypes as PLINK writes them: variants, people, and the bed file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, InputError
from proteomr.io.sources import inspect_file

__all__ = [
    "PLINK_MAGIC",
    "beside",
    "map_bed",
    "prefix_of",
    "read_bim",
    "read_fields",
    "read_pvar",
]

PLINK_MAGIC: Final = b"\x6c\x1b\x01"
"""First bytes of a bed file; a pgen file has the first two."""
_BIM: Final = ("chromosome", "variant_id", "centimorgan", "position_bp", "allele_1", "allele_2")
_CHROMOSOMES: Final = {"23": "X", "24": "Y", "25": "X", "XY": "X", "26": "MT", "M": "MT"}
_SUFFIXES: Final = re.compile(r"\.(bed|bim|fam|pgen|pvar|psam)$")


def prefix_of(path: str | Path) -> Path:
    """Return what the three files of a set of genotypes have in common.

    Examples
    --------
    >>> prefix_of("panel.bim").name
    'panel'
    """
    return Path(_SUFFIXES.sub("", str(path)))


def beside(prefix: Path, suffix: str) -> Path:
    """Return a file of a set of genotypes.

    Examples
    --------
    >>> beside(Path("panel"), "bim").name
    'panel.bim'
    """
    return prefix.with_name(f"{prefix.name}.{suffix}")


def map_bed(path: Path, *, m: int, n: int) -> Any:
    """Return the content of a bed file (m, bytes), mapped from the disk."""
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; bed, bim and fam are needed")
    size, width = path.stat().st_size, -(-n // 4)
    with path.open("rb") as file:
        head = file.read(3)
    if head[:2] == PLINK_MAGIC[:2] and len(head) == 3 and head != PLINK_MAGIC:
        raise FormatError("is ordered by person; write it again with plink --make-bed", path=path)
    if head != PLINK_MAGIC:
        raise FormatError("is no bed file of PLINK 1 (its first bytes differ)", path=path)
    if size != 3 + m * width:
        expected = f"{m} variants in {n} people take {3 + m * width}"
        raise FormatError(f"{size} bytes; {expected}: cut off, or beside another bim", path=path)
    return np.memmap(path, dtype=np.uint8, mode="r", offset=3, shape=(m, width))


@reads
def read_fields(path: Path) -> pl.DataFrame:
    """Return a file of fields without a header, parted by a tab or by blanks, as text columns."""
    inspect_file(path)
    with path.open("rb") as file:
        first = file.readline().strip()
    if b"\t" in first and b" " in first:
        return _part_lines(path)
    separator = "\t" if b"\t" in first else " "
    try:
        lines = pl.read_csv(
            path,
            has_header=False,
            separator=separator,
            infer_schema=False,
            quote_char=None,
            encoding="utf8-lossy",
            glob=False,
        )
    except pl.exceptions.PolarsError:
        return _part_lines(path)
    regular = lines.width > 1 and not any(lines.null_count().row(0))
    return lines if regular else _part_lines(path)


def _part_lines(path: Path) -> pl.DataFrame:
    """Return the fields of lines that any run of blanks parts, or refuse the first that differs."""
    with path.open(encoding="utf-8", errors="replace") as file:
        rows = [line.split() for line in file]
    while rows and not rows[-1]:
        rows.pop()
    width = len(rows[0]) if rows else 0
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            found = f"{len(row)} fields, {width} in the first line" if row else "a blank line"
            raise FormatError(found, path=path, line=number)
    return pl.DataFrame(rows, orient="row", schema=[f"column_{k + 1}" for k in range(width)])


@reads
def read_bim(path: Path) -> pl.DataFrame:
    """Return the variants of a bim file."""
    lines = read_fields(path)
    if lines.width != len(_BIM):
        raise FormatError(f"{lines.width} columns; a bim file has {len(_BIM)}", path=path)
    lines.columns = list(_BIM)
    return _tidy_variants(lines, path=path)


@reads
def read_pvar(path: Path) -> pl.DataFrame:
    """Return the variants of a pvar file."""
    inspect_file(path)
    try:
        lines = pl.read_csv(
            path,
            separator="\t",
            comment_prefix="##",
            infer_schema=False,
            quote_char=None,
            glob=False,
        )
    except pl.exceptions.PolarsError as fault:
        raise FormatError("is no pvar file", path=path) from fault
    names = {"#CHROM": _BIM[0], "ID": _BIM[1], "POS": _BIM[3], "ALT": _BIM[4], "REF": _BIM[5]}
    if absent := [name for name in names if name not in lines.columns]:
        raise FormatError(f"no column {absent[0]!r}; a pvar file has a header", path=path)
    return _tidy_variants(lines.select(list(names)).rename(names), path=path)


def _tidy_variants(lines: pl.DataFrame, *, path: Path) -> pl.DataFrame:
    chromosome = pl.col("chromosome").str.replace("(?i)^chr", "").str.to_uppercase()
    position = pl.col("position_bp").cast(pl.Int64, strict=False)
    variants = lines.select(
        pl.col("variant_id"),
        chromosome.replace(_CHROMOSOMES).alias("chromosome"),
        position,
        pl.col("allele_1", "allele_2").str.to_uppercase(),
    )
    wrong = variants["position_bp"].is_null()
    if wrong.any():
        row = int(wrong.arg_max() or 0)
        found = str(lines["position_bp"][row])[:20]
        raise FormatError(
            f"variant {row + 1}: position {found!r} is no whole number",
            path=path,
            column="position_bp",
        )
    return variants
