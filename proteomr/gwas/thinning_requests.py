"""All that determines which variants `gwas clump` and `gwas leads` choose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final, Self

from proteomr.gwas.clumping import CLUMP_VERSION, Clumping
from proteomr.gwas.munging import MUNGE_VERSION
from proteomr.gwas.panel import name_panel
from proteomr.gwas.study import name_study
from proteomr.io.genetics.ld_matrices import LdValues
from proteomr.io.sumstats.source import ReadOptions
from proteomr.runs import Data, Request, Source
from proteomr.stats.linkage import LdMeasure
from proteomr.tables import load_schema

__all__ = ["ClumpRequest", "LeadsRequest"]

_LEADS_VERSION: Final = 1  # of how leads are chosen: raised when a file gives others


@dataclass(frozen=True, slots=True)
class ClumpRequest(Request):
    """What is to be clumped, and how.

    Attributes
    ----------
    study : summary statistics, or a table with columns SNP and P.
    ld : panel, see `proteomr.gwas.panel.open_panel`.
    measure : how its genotypes are correlated; None as PLINK does.
    clumping : thresholds.
    read : how the study is read.
    ld_values : what the numbers of a matrix are.
    """

    command: ClassVar[str] = "gwas clump"

    study: Source
    ld: Source
    measure: LdMeasure | None = None
    clumping: Clumping = field(default_factory=Clumping)
    read: ReadOptions = field(default_factory=ReadOptions)
    ld_values: LdValues = "auto"

    @classmethod
    def of(
        cls,
        study: Data,
        ld: Data,
        *,
        measure: LdMeasure | None = None,
        clumping: Clumping | None = None,
        read: ReadOptions | None = None,
        ld_values: LdValues = "auto",
    ) -> Self:
        """Return the request for a study and a panel as a user names them.

        Examples
        --------
        >>> ClumpRequest.of("hits.tsv", "panel").clumping.r2
        0.001
        """
        return cls(
            name_study(study),
            name_panel(ld),
            measure,
            Clumping() if clumping is None else clumping,
            ReadOptions() if read is None else read,
            ld_values,
        )

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading and clumping.

        Examples
        --------
        >>> sorted(ClumpRequest.of("hits.tsv", "panel").formulas())
        ['clump', 'munge', 'sumstats']
        """
        return {**_reading_formulas(), "clump": CLUMP_VERSION}


@dataclass(frozen=True, slots=True)
class LeadsRequest(Request):
    """Where leads are looked for, and how.

    Attributes
    ----------
    study : summary statistics.
    p_value, distance_bp : see `proteomr.gwas.lead_variants.find_leads`.
    read : how the study is read.
    """

    command: ClassVar[str] = "gwas leads"

    study: Source
    p_value: float = 5e-8
    distance_bp: int = 500_000
    read: ReadOptions = field(default_factory=ReadOptions)

    @classmethod
    def of(
        cls,
        study: Data,
        *,
        p_value: float = 5e-8,
        distance_bp: int = 500_000,
        read: ReadOptions | None = None,
    ) -> Self:
        """Return the request for a study as a user names it.

        Examples
        --------
        >>> LeadsRequest.of("hits.tsv").distance_bp
        500000
        """
        reading = ReadOptions() if read is None else read
        return cls(name_study(study), p_value, distance_bp, reading)

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of reading and choosing.

        Examples
        --------
        >>> sorted(LeadsRequest.of("hits.tsv").formulas())
        ['leads', 'munge', 'sumstats']
        """
        return {**_reading_formulas(), "leads": _LEADS_VERSION}


def _reading_formulas() -> dict[str, int]:
    return {"munge": MUNGE_VERSION, "sumstats": load_schema("sumstats").version}
