"""Reference panels of genotypes, from which linkage disequilibrium is computed."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
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
from proteomr.stats.linkage import (
    U64,
    LdMeasure,
    correlate_counts,
    correlate_planes,
    count_alleles,
    count_pairs,
    pack_planes,
)

__all__ = ["GenotypePanel", "LdSource", "open_genotypes", "read_bed", "read_pgen"]

_LOW_BITS: Final = np.uint64(0x5555555555555555)
_ONE: Final = np.uint64(1)


class LdSource(Protocol):
    """Anything that knows how its variants are correlated."""

    @property
    def variants(self) -> pl.DataFrame:
        """One row per variant: variant_id, chromosome, position_bp, allele_1, allele_2."""

    @property
    def signed(self) -> bool:
        """Whether the signs of the correlations are known."""

    def correlate(self, row: int, rows: I64) -> F64:
        """Return the correlations of one variant with others, signed by their alleles 1."""

    def matrix(self, rows: I64) -> F64:
        """Return the correlations of all pairs of chosen variants, as a new array."""


@dataclass(frozen=True, slots=True, eq=False)
class GenotypePanel:
    """Genotypes of a reference panel, read from the disk when they are asked for.

    Parameters
    ----------
    variants : m rows in the order of the file: ``variant_id``, ``chromosome`` (1-22, X, Y, MT),
        ``position_bp``, ``allele_1`` (the allele counted) and ``allele_2``.
    n : people used: those without a parent in the panel, as PLINK does.
    measure : correlation of alleles on one chromosome (``haplotype``, as ``plink --clump``), or of
        copies in one person (``genotype``, as ``plink --r2``).

    Examples
    --------
    >>> copies = np.array([[0, 1, 2, 1], [0, 1, 2, 2]], dtype=np.int8)
    >>> variants = pl.DataFrame({"variant_id": ["rs1", "rs2"]})
    >>> panel = GenotypePanel(variants, 4, load=lambda rows: pack_planes(copies[rows]))
    >>> panel.correlate(0, np.array([1])).round(3).tolist()
    [0.775]
    """

    variants: pl.DataFrame
    n: int
    load: Callable[[I64], U64] = field(repr=False)
    measure: LdMeasure = "haplotype"

    @property
    def signed(self) -> bool:
        """Whether the signs of the correlations are known: those of genotypes are."""
        return True

    def planes(self, rows: I64) -> U64:
        """Return genotypes as bits (m, 3, w), see `proteomr.stats.linkage.pack_planes`."""
        return self.load(np.asarray(rows, dtype=np.int64))

    def frequencies(self, rows: I64) -> F64:
        """Return the frequencies of allele 1; NaN where nobody has a genotype.

        Parameters
        ----------
        rows : positions of the variants.
        """
        copies, people = count_alleles(self.planes(rows))
        with np.errstate(invalid="ignore"):
            share: F64 = copies / (2.0 * people)
        return share

    def correlate(self, row: int, rows: I64) -> F64:
        """Return the correlations of one variant with others.

        Parameters
        ----------
        row : position of the variant.
        rows : positions of the others.

        Returns
        -------
        r : positive where the alleles 1 travel together; NaN where a variant does not vary.
        """
        own_planes = self.planes(np.array([row]))[0]
        return correlate_counts(count_pairs(own_planes, self.planes(rows)), measure=self.measure)

    def matrix(self, rows: I64) -> F64:
        """Return the correlations of all pairs of chosen variants.

        Parameters
        ----------
        rows : positions of the variants.
        """
        return correlate_planes(self.planes(rows), measure=self.measure)


@reads
def open_genotypes(path: str | Path, *, measure: LdMeasure = "haplotype") -> GenotypePanel:
    """Return a panel from PLINK 1 (bed, bim, fam) or PLINK 2 files (pgen, pvar, psam).

    Parameters
    ----------
    path : any of the three files, or their common prefix.
    measure : see `GenotypePanel`.

    Raises
    ------
    InputError
        There are no such files.

    Examples
    --------
    >>> open_genotypes("no such panel")
    Traceback (most recent call last):
    proteomr.errors.InputError: no such panel: neither no such panel.bed nor no such panel.pgen \
is there; name the prefix of a panel
    """
    prefix = prefix_of(path)
    if beside(prefix, "bed").is_file():
        return read_bed(prefix, measure=measure)
    if beside(prefix, "pgen").is_file():
        return read_pgen(prefix, measure=measure)
    bed, pgen = beside(prefix, "bed"), beside(prefix, "pgen")
    raise InputError(f"{path}: neither {bed} nor {pgen} is there; name the prefix of a panel")


@reads
def read_bed(path: str | Path, *, measure: LdMeasure = "haplotype") -> GenotypePanel:
    """Return a panel from the bed, bim and fam files of PLINK 1; the bed file stays on the disk.

    Parameters
    ----------
    path : any of the three files, or their common prefix.
    measure : see `GenotypePanel`.

    Raises
    ------
    FormatError
        A file is cut off, of another format or does not fit the others.
    InputError
        There is no such file, or nobody is left who has no parent in it.
    """
    prefix = prefix_of(path)
    variants = read_bim(beside(prefix, "bim"))
    founders = _read_founders(beside(prefix, "fam"))
    bed = beside(prefix, "bed")
    data = map_bed(bed, m=variants.height, n=founders.size)
    mask = _spread_mask(founders)

    def load(rows: I64) -> U64:
        content = np.zeros((rows.size, mask.size * 8), dtype=np.uint8)
        content[:, : data.shape[1]] = data[rows]
        words = content.view("<u8").astype(np.uint64, copy=False)
        low, high = words & mask, (words >> _ONE) & mask
        return np.stack([low & high, high & ~low, mask & ~(low | high)], axis=1)

    return GenotypePanel(variants, int(founders.sum()), load=load, measure=measure)


@reads
def read_pgen(path: str | Path, *, measure: LdMeasure = "haplotype") -> GenotypePanel:
    """Return a panel from the pgen, pvar and psam files of PLINK 2.

    Allele 1, which is counted, is the alternative allele. Variants of more than two alleles keep
    their row and have no genotypes.

    Parameters
    ----------
    path : any of the three files, or their common prefix.
    measure : see `GenotypePanel`.

    Raises
    ------
    UsageError
        The package pgenlib is not installed.
    FormatError
        A file is cut off, of another format or does not fit the others.
    """
    prefix = prefix_of(path)
    try:
        pgenlib: Any = importlib.import_module("pgenlib")
    except ImportError:
        remedy = "install proteomr[geno], or write a bed file with plink2 --make-bed"
        raise UsageError(f"pgen files are read by the package pgenlib: {remedy}") from None
    variants = read_pvar(beside(prefix, "pvar"))
    founders = _read_founders(beside(prefix, "psam"))
    place = beside(prefix, "pgen")
    with place.open("rb") as file:
        head = file.read(2)
    if head != PLINK_MAGIC[:2]:
        raise FormatError("is no pgen file", path=place)
    several = variants["allele_1"].str.contains(",", literal=True).to_numpy()
    try:
        reader = pgenlib.PgenReader(bytes(place), raw_sample_ct=founders.size)
        count = int(reader.get_variant_ct())
    except (OSError, RuntimeError) as fault:
        raise FormatError(f"is not read by pgenlib ({fault})", path=place) from fault
    if count != variants.height:
        raise FormatError(f"{count} variants, the pvar file lists {variants.height}", path=place)

    lock = threading.Lock()  # a reader holds the place in its file

    def load(rows: I64) -> U64:
        copies = np.full((rows.size, founders.size), -9, dtype=np.int8)
        with lock:
            for i, row in enumerate(rows):
                if not several[row]:
                    reader.read(int(row), copies[i])
        return pack_planes(np.where(copies < 0, -1, copies)[:, founders].astype(np.int8))

    return GenotypePanel(variants, int(founders.sum()), load=load, measure=measure)


def _spread_mask(used: Bool) -> U64:
    """Return words with the lower bit of each pair set for the people used."""
    words = -(-used.size // 32)
    pairs = np.zeros((words * 32, 2), dtype=np.uint8)
    pairs[: used.size, 0] = used
    mask = np.packbits(pairs.ravel(), bitorder="little").view("<u8").astype(np.uint64, copy=False)
    return mask & _LOW_BITS


@reads
def _read_founders(path: Path) -> Bool:
    """Return who has no parent named (n,), from a fam or psam file."""
    lines = read_fields(path)
    if str(lines[0, 0]).startswith("#"):
        header = [str(cell) for cell in lines.row(0)]
        lines = lines[1:].rename(dict(zip(lines.columns, header, strict=True)))
        parents = [name for name in header if name in {"PAT", "MAT"}]
    elif lines.width >= 5:
        parents = lines.columns[2:4]
    else:
        raise FormatError(f"{lines.width} columns; a fam file has 6", path=path)
    founders = lines.select(
        pl.all_horizontal(pl.lit(value=True), *(pl.col(name) == "0" for name in parents))
    ).to_series()
    used: Bool = (
        founders.to_numpy() if founders.len() == lines.height else np.ones(lines.height, bool)
    )
    if not used.any():
        raise InputError(f"{path}: everybody has a parent named; founders are needed for LD")
    return used
