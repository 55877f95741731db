"""Options of regressions of an ordered response."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from . import options as shared

__all__ = ["OrderedLevels"]

Link = Literal["logit", "probit"]


@dataclass(frozen=True, slots=True)
class OrderedLevels:
    """What is asked of ordered levels, beside their models."""

    link: Annotated[
        Link,
        typer.Option(
            metavar="logit|probit",
            rich_help_panel=shared.MODELS,
            help="Of the cumulative chances in the ordinal family; logit: proportional odds.",
        ),
    ] = "logit"
    levels: Annotated[
        list[str] | None,
        typer.Option(
            metavar='NAME="LOW,...,HIGH"',
            rich_help_panel=shared.MODELS,
            help="Levels of a column from the lowest to the highest, for the ordinal family "
            "and --ordered; repeat for several. Without: as numbers or the categories of the "
            "column order them, else the alphabet.",
            show_default=False,
        ),
    ] = None
    brant: Annotated[
        bool,
        typer.Option(
            "--brant",
            rich_help_panel=shared.MODELS,
            help="Brant's test of one slope of the protein in the ordinal family, into "
            "joint_tests; each protein is fitted by itself.",
        ),
    ] = False

    def named(self) -> dict[str, str]:
        """Return the levels as they were given, by column."""
        return shared.parse_pairs(self.levels, option="--levels", example='NAME="LOW,...,HIGH"')
