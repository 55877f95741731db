"""The table of summary statistics of genome-wide studies, and the genome that it refers to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Literal, TypeAlias

from proteomr.errors import UsageError
from proteomr.tables.table import Table

__all__ = [
    "BUILD_NAMES",
    "CHROMOSOMES",
    "CHROMOSOME_LENGTHS",
    "SUMSTATS",
    "GenomeBuild",
    "SumStats",
    "name_build",
]

GenomeBuild: TypeAlias = Literal["GRCh37", "GRCh38"]

BUILD_NAMES: Final[Mapping[str, GenomeBuild]] = {
    "grch37": "GRCh37",
    "hg19": "GRCh37",
    "b37": "GRCh37",
    "37": "GRCh37",
    "grch38": "GRCh38",
    "hg38": "GRCh38",
    "b38": "GRCh38",
    "38": "GRCh38",
}
"""Names that builds of the genome go by, in small letters."""

CHROMOSOMES: Final[tuple[str, ...]] = (*map(str, range(1, 23)), "X", "Y", "MT")

_LENGTHS_GRCH37: Final = (
    *(249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022),
    *(141213431, 135534747, 135006516, 133851895, 115169878, 107349540, 102531392, 90354753),
    *(81195210, 78077248, 59128983, 63025520, 48129895, 51304566, 155270560, 59373566, 16569),
)
_LENGTHS_GRCH38: Final = (
    *(248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636),
    *(138394717, 133797422, 135086622, 133275309, 114364328, 107043718, 101991189, 90338345),
    *(83257441, 80373285, 58617616, 64444167, 46709983, 50818468, 156040895, 57227415, 16569),
)

CHROMOSOME_LENGTHS: Final[Mapping[GenomeBuild, Mapping[str, int]]] = {
    "GRCh37": dict(zip(CHROMOSOMES, _LENGTHS_GRCH37, strict=True)),
    "GRCh38": dict(zip(CHROMOSOMES, _LENGTHS_GRCH38, strict=True)),
}

SUMSTATS: Final[tuple[str, ...]] = (
    "variant_id",
    "rsid",
    "chromosome",
    "position_bp",
    "build",
    "effect_allele",
    "other_allele",
    "eaf",
    "beta",
    "se",
    "neg_log10_p",
    "n",
    "n_case",
    "info",
    "trait",
    "p_origin",
)


def name_build(text: str) -> GenomeBuild:
    """Return the build of the genome that goes by a name.

    Raises
    ------
    UsageError
        No build does.

    Examples
    --------
    >>> name_build("hg19"), name_build("GRCh38"), name_build("38")
    ('GRCh37', 'GRCh38', 'GRCh38')
    """
    build = BUILD_NAMES.get(text.strip().casefold())
    if build is None:
        known = ", ".join(BUILD_NAMES)
        raise UsageError(f"no genome build {text!r}; known: {known}")
    return build


@dataclass(frozen=True, slots=True)
class SumStats(Table):
    """One row for each variant and trait: effect per effect allele, its error, and -log10 p.

    Parameters
    ----------
    frame : the rows, with the columns of the schema ``sumstats``; others may follow.
    provenance : what made the table.

    Raises
    ------
    ColumnError
        The frame lacks a column, or holds what a column may not hold.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> SumStats(load_schema("sumstats").empty()).traits
    ()
    """

    schema_name: ClassVar[str] = "sumstats"

    @property
    def traits(self) -> tuple[str, ...]:
        """Names of the traits, in the order of their first row."""
        return tuple(self.frame["trait"].drop_nulls().unique(maintain_order=True))
