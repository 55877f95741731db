"""What is asked of a regression's rows beside its columns: what weights mean, effects absorbed."""

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from . import options as shared

__all__ = ["Rows"]

WeightKindName = Literal["precision", "frequency", "sampling"]


@dataclass(frozen=True, slots=True)
class Rows:
    """What a row weighs, and which effects of its levels are taken out."""

    weight_kind: Annotated[
        WeightKindName,
        typer.Option(
            metavar="precision|frequency|sampling",
            rich_help_panel=shared.MODELS,
            help="What --weights are. precision: inverse variances, as R's lm and glm take them; "
            "frequency: how many people a row stands for; sampling: inverse chances to be in the "
            "sample, with the errors of R's survey::svyglm.",
        ),
    ] = "precision"
    absorb: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Linear: column of the samples with an effect of each level, such as household or "
            "centre, which is taken out without a column for each; repeat for several.",
            show_default=False,
        ),
    ] = None
