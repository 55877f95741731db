"""Options of `coloc` for where traits are compared."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from .study_options import CisBuild, CisKb, option

if TYPE_CHECKING:
    from proteomr.colocalisation.stretches import WindowRule

__all__ = ["Regions"]

REGIONS = "Regions"


@dataclass(frozen=True, slots=True)
class Regions:
    """Where traits are compared."""

    region: Annotated[
        str | None,
        option(REGIONS, "CHR:FROM-TO", "One region, instead of windows around leads.", "--region"),
    ] = None
    cis: Annotated[
        str | None,
        option(REGIONS, "GENE", "The region within --cis-kb of a gene, by symbol.", "--cis"),
    ] = None
    cis_kb: CisKb = None
    build: CisBuild = None
    lead_p: Annotated[
        float, option(REGIONS, "P", "Largest p value of a lead; 5e-8 usually.", "--lead-p")
    ] = 5e-8
    window_kb: Annotated[
        float, option(REGIONS, "KB", "On each side of a lead; 500 usually.", "--window-kb")
    ] = 500.0
    lead_kb: Annotated[
        float,
        option(REGIONS, "KB", "Least distance of a trait's leads; 10000 usually.", "--lead-kb"),
    ] = 10_000.0
    lead_r2: Annotated[
        float,
        option(
            REGIONS,
            "R2",
            "With --ld: largest r2 of leads within it; 0.001 usually.",
            "--lead-r2",
        ),
    ] = 0.001
    long_range: Annotated[
        Literal["keep", "drop"],
        option(
            REGIONS,
            "keep|drop",
            "Windows in regions of long-range linkage disequilibrium, such as the MHC: kept and "
            "named, or left out and counted.",
            "--long-range",
        ),
    ] = "keep"

    def windows(self) -> "WindowRule":
        """Return where traits are compared."""
        from proteomr.colocalisation.stretches import WindowRule
        from proteomr.gwas.gene_regions import choose_region

        region = choose_region(self.region, gene=self.cis, build=self.build, kb=self.cis_kb)
        return WindowRule(
            region, self.lead_p, self.window_kb, self.lead_kb, self.lead_r2, self.long_range
        )
