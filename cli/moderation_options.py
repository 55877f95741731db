"""Options of statistics that proteins teach each other, in the way of R's limma."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from . import options as shared

if TYPE_CHECKING:
    from proteomr.models import ModerationOptions

__all__ = ["Moderation"]

ModerationName = Literal["plain", "trend", "robust", "trend-robust"]


@dataclass(frozen=True, slots=True)
class Moderation:
    """Empirical Bayes over proteins, correlated blocks, contrasts of levels."""

    moderate: Annotated[
        ModerationName | None,
        typer.Option(
            metavar="plain|trend|robust|trend-robust",
            rich_help_panel=shared.MODELS,
            help="Linear: t and F with residual variances drawn towards what those of all proteins "
            "teach (limma). trend: as a function of the proteins' averages; robust: outlying "
            "variances teach less.",
            show_default=False,
        ),
    ] = None
    block: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Linear: column of the samples, such as family or person, within whose levels "
            "residuals are correlated, by one correlation for all proteins (limma's "
            "duplicateCorrelation).",
            show_default=False,
        ),
    ] = None
    contrast: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"B - A"',
            rich_help_panel=shared.MODELS,
            help="Linear: contrast of two levels of an exposure, in place of each level against "
            "the first; repeat for several, which are tested jointly too.",
            show_default=False,
        ),
    ] = None

    def read(self) -> "ModerationOptions":
        """Return what the library takes."""
        from proteomr.models import ModerationOptions

        return ModerationOptions(self.moderate, self.block, tuple(self.contrast or ()))
