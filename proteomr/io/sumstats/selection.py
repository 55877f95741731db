"""Parts of a genome, and lists of variants, that reading can be limited to."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import polars as pl

from proteomr.errors import UsageError
from proteomr.io.sumstats.cells import parse_chromosomes

__all__ = ["Region", "Selection", "parse_region"]

_REGION: Final = re.compile(r"^(?:chr)?(\w+?)(?::([0-9,]+)-([0-9,]+))?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Region:
    """A stretch of a chromosome.

    Parameters
    ----------
    chromosome : 1 to 22, X, Y or MT.
    start, end : bp, one-based, both included.
    """

    chromosome: str
    start: int = 1
    end: int = 1 << 40


def parse_region(text: str) -> Region:
    """Return a region from ``CHR`` or ``CHR:FROM-TO``, the chromosome as columns may name it.

    Raises
    ------
    UsageError
        The text is no region.

    Examples
    --------
    >>> parse_region("chr7:1,000-2000")
    Region(chromosome='7', start=1000, end=2000)
    >>> parse_region("23:1-9").chromosome, parse_region("M").chromosome
    ('X', 'MT')
    """
    match = _REGION.match(text.strip())
    # 25 is the end of X for PLINK and the mitochondrion for the GWAS Catalog: it names neither.
    spelt = match[1] if match and match[1] != "25" else None
    name = parse_chromosomes(pl.Series([spelt], dtype=pl.String))[0]
    if match is None or name is None:
        raise UsageError(f"region {text!r}: CHR or CHR:FROM-TO is needed, as 7:1000-2000")
    if match[2] is None:
        return Region(name)
    start, end = (int(part.replace(",", "")) for part in (match[2], match[3]))
    if not 0 < start <= end:
        raise UsageError(f"region {text!r}: it ends before it starts")
    return Region(name, start, end)


@dataclass(frozen=True, slots=True)
class Selection:
    """What is read of a file; without regions and variants, all of it.

    Parameters
    ----------
    regions : stretches, on the build of the file.
    variants : names of variants, as the file has them or of dbSNP.
    places : chromosomes and positions of variants, on the build of the file; a variant is read
        where its name is listed or its place is. Some rows at a listed position of another listed
        chromosome may come along.
    """

    regions: tuple[Region, ...] = ()
    variants: frozenset[str] = field(default_factory=frozenset)
    places: frozenset[tuple[str, int]] = field(default_factory=frozenset)

    @property
    def is_list(self) -> bool:
        """Whether single variants are listed."""
        return bool(self.variants or self.places)

    @property
    def chromosomes(self) -> frozenset[str]:
        """Chromosomes that have a part in the selection; empty for all."""
        return frozenset(region.chromosome for region in self.regions)

    def in_regions(self, chromosome: pl.Series, position_bp: pl.Series) -> pl.Series:
        """Return for each variant whether it lies in one of the regions.

        Examples
        --------
        >>> selection = Selection((Region("1", 5, 9),))
        >>> selection.in_regions(pl.Series(["1", "1", "2"]), pl.Series([9, 10, 6])).to_list()
        [True, False, False]
        """
        inside = pl.repeat(value=False, n=chromosome.len(), eager=True)
        for region in self.regions:
            here = chromosome == region.chromosome
            inside |= here & position_bp.is_between(region.start, region.end)
        return inside.fill_null(value=False)

    def is_listed(self, frame: pl.DataFrame) -> pl.Series:
        """Return for each canonical row whether it is one of the variants listed.

        Examples
        --------
        >>> selection = Selection(variants=frozenset({"rs1"}), places=frozenset({("2", 7)}))
        >>> columns = {"variant_id": ["a", "b", "c"], "rsid": ["rs1", None, None]}
        >>> places = {"chromosome": ["1", "2", "3"], "position_bp": [5, 7, 7]}
        >>> selection.is_listed(pl.DataFrame({**columns, **places})).to_list()
        [True, True, False]
        """
        names = pl.Series(list(self.variants), dtype=pl.String)
        listed = pl.col("variant_id").is_in(names.implode()).fill_null(value=False)
        listed |= pl.col("rsid").is_in(names.implode()).fill_null(value=False)
        if self.places:
            chromosomes, positions = zip(*self.places, strict=True)
            near = pl.col("position_bp").is_in(list(set(positions)))
            near &= pl.col("chromosome").is_in(list(set(chromosomes)))
            listed |= near.fill_null(value=False)
        return frame.select(listed.alias("listed")).to_series()
