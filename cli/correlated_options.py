"""Options of `mr` for variants in linkage disequilibrium."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, TypedDict

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Correlated"]

PANEL = "Correlated variants (methods ivw_correlated, pcgmm, clr, gsmr ...)"


class _Chosen(TypedDict):
    ld_people: int | None
    ld_ridge: float
    prune_r2: "Sequence[float]"
    heidi: Literal["off", "v1", "v2"] | None


@dataclass(frozen=True, slots=True)
class Correlated:
    """What methods for correlated variants are told beside their correlations."""

    ld_people: Annotated[
        int | None,
        typer.Option(
            "--ld-n",
            min=1,
            metavar="N",
            rich_help_panel=PANEL,
            help="People behind the correlations of --ld, for gsmr; genotypes tell it themselves.",
        ),
    ] = None
    ld_ridge: Annotated[
        float,
        typer.Option(
            "--ld-ridge",
            metavar="SHARE",
            rich_help_panel=PANEL,
            help="Shrink correlations between variants by this share, where they are "
            "near-singular.",
        ),
    ] = 0.0
    prune_r2: Annotated[
        str | None,
        typer.Option(
            "--prune-r2",
            metavar="R2,R2,...",
            rich_help_panel=PANEL,
            help="Repeat these methods on variants pruned at each threshold, such as "
            "0.8,0.6,0.4,0.2,0.1: table pruning_grid.",
        ),
    ] = None
    heidi: Annotated[
        Literal["off", "v1", "v2"] | None,
        typer.Option(
            "--heidi",
            metavar="off|v1|v2",
            rich_help_panel=PANEL,
            help="Outliers that gsmr leaves out: none, by one variant as in the paper, or by all "
            "as in gsmr2's newer version. Without: v1.",
        ),
    ] = None

    def choose(self) -> _Chosen:
        """Return the options as a request takes them."""
        from proteomr.mr.pruning_grid import parse_thresholds

        return {
            "ld_people": self.ld_people,
            "ld_ridge": self.ld_ridge,
            "prune_r2": parse_thresholds(self.prune_r2),
            "heidi": self.heidi,
        }
