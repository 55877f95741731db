"""Options of the mixed family: random effects, degrees of freedom, kinship."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options as shared

__all__ = ["Mixed"]

Ddf = Literal["satterthwaite", "kr", "none"]


@dataclass(frozen=True, slots=True)
class Mixed:
    """The random effects of `associate --family mixed`."""

    random: Annotated[
        list[str] | None,
        typer.Option(
            metavar='"1|NAME"',
            rich_help_panel=shared.MODELS,
            help='Of --family mixed: a random intercept of the groups in a column ("1|subject"), '
            'or with a slope that goes with it ("time|subject"); nested as "1|site/subject"; '
            "repeat for crossed ones. Each sample has an identifier of its own, a person several.",
            show_default=False,
        ),
    ] = None
    ddf: Annotated[
        Ddf,
        typer.Option(
            metavar="satterthwaite|kr|none",
            rich_help_panel=shared.MODELS,
            help="Of --family mixed: degrees of freedom as lmerTest; Kenward and Roger's with "
            "their standard errors, as pbkrtest; none: p values of the normal distribution.",
        ),
    ] = "satterthwaite"
    kinship: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.MODELS,
            help="Of --family mixed, instead of --random: kinship of the people, as pairs (ID1, "
            "ID2, Kinship, as KING) or a square matrix; covariance goes with twice the kinship.",
            show_default=False,
        ),
    ] = None
