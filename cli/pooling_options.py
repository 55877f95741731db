"""What depends among pooled effects, and what kind of ratios they are."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from . import options as shared

__all__ = ["Dependencies", "Ratios"]

RatioName = Literal["OR", "RR", "HR"]


@dataclass(frozen=True, slots=True)
class Dependencies:
    """Effects that are not independent of one another."""

    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of effects that depend on one another, such as several of one study.",
            show_default=False,
        ),
    ] = None
    dependence: Annotated[
        Literal["robust", "three-level"],
        typer.Option(
            metavar="robust|three-level",
            rich_help_panel=shared.MODELS,
            help="With --cluster. robust: CR2 errors, Satterthwaite's degrees of freedom. "
            "three-level: a variance of clusters and one within them, by --tau2 REML or ML.",
        ),
    ] = "robust"
    overlap: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Pairs of studies that share people: study1, study2 and correlation of their "
            "errors, or shared, n1 and n2.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Ratios:
    """Odds, risk and hazard ratios as one."""

    measure: Annotated[
        RatioName | None,
        typer.Option(
            metavar="OR|RR|HR",
            rich_help_panel=shared.INPUT,
            help="What the estimates are the logarithms of, where no column measure or family "
            "says it.",
            show_default=False,
        ),
    ] = None
    to: Annotated[
        RatioName | None,
        typer.Option(
            metavar="OR|RR|HR",
            rich_help_panel=shared.MODELS,
            help="Convert all ratios to this one, at --baseline-risk.",
            show_default=False,
        ),
    ] = None
    baseline_risk: Annotated[
        float | None,
        typer.Option(
            metavar="P",
            rich_help_panel=shared.MODELS,
            help="Risk of the unexposed, for --to.",
            show_default=False,
        ),
    ] = None
