"""Genes of a contrast and its models: options of `ctra`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.ctra import Interaction

__all__ = ["Contrasts", "Fits"]


@dataclass(frozen=True, slots=True)
class Fits:
    """How the genes are fitted, and which terms there are."""

    model: Annotated[
        Literal["composite", "mixed", "gls"],
        typer.Option(
            metavar="composite|mixed|gls",
            rich_help_panel=shared.MODELS,
            help="composite: least squares of people's means. mixed: a mean of each gene and a "
            "random intercept, by REML. gls: compound symmetry, by REML.",
        ),
    ] = "composite"
    gene_variances: Annotated[
        bool,
        typer.Option(
            "--gene-variances",
            rich_help_panel=shared.MODELS,
            help="With --model gls: a variance for each gene.",
        ),
    ] = False
    ml: Annotated[
        bool,
        typer.Option(
            "--ml",
            rich_help_panel=shared.MODELS,
            help="With --model gls: maximum likelihood in place of REML.",
        ),
    ] = False
    errors: Annotated[
        Literal["model", "people"],
        typer.Option(
            metavar="model|people",
            rich_help_panel=shared.MODELS,
            help="With --model gls. model: of its covariance, N - P degrees of freedom, as nlme "
            "and as published. people: of what people's weighted means leave, whatever the "
            "covariance of genes is; n - p degrees of freedom.",
        ),
    ] = "model"
    joint: Annotated[
        bool,
        typer.Option(
            "--joint",
            rich_help_panel=shared.MODELS,
            help="Also all exposures in one model, beside each alone.",
        ),
    ] = False
    interaction: Annotated[
        str | None,
        typer.Option(
            metavar="A:B",
            rich_help_panel=shared.MODELS,
            help="The model of exposure A has the moderator B and the product of both too.",
            show_default=False,
        ),
    ] = None
    slopes: Annotated[
        str | None,
        typer.Option(
            metavar="B,B,B",
            rich_help_panel=shared.MODELS,
            help="With --interaction: the slope of A at these values of B, such as -1,0,1.",
            show_default=False,
        ),
    ] = None

    def read_interaction(self) -> "Interaction | None":
        """Return the product and its slopes."""
        from proteomr.ctra import Interaction

        if self.interaction is None:
            if self.slopes is not None:
                raise UsageError("--slopes are of an --interaction A:B")
            return None
        try:
            slopes = [float(part) for part in (self.slopes or "").split(",") if part.strip()]
        except ValueError:
            raise UsageError(f"--slopes {self.slopes}: numbers are needed, as -1,0,1") from None
        return Interaction.of(self.interaction, slopes=slopes)


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Which genes, and on which scale."""

    genes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Other genes: a table with gene_published, gene_current, group and weight.",
            show_default=False,
        ),
    ] = None
    gene_set: Annotated[
        Literal["ctra53", "ctra52"],
        typer.Option(
            metavar="ctra53|ctra52",
            rich_help_panel=shared.INPUT,
            help="Without --genes. ctra52: without IL6.",
        ),
    ] = "ctra53"
    scale: Annotated[
        Literal["z", "log2"],
        typer.Option(
            metavar="z|log2",
            rich_help_panel=shared.MODELS,
            help="z: each gene over its standard deviation among the people of a model. log2: as "
            "it is.",
        ),
    ] = "z"
    log2: Annotated[
        bool,
        typer.Option(
            "--log2",
            rich_help_panel=shared.INPUT,
            help="Values are no logarithms yet: take them.",
        ),
    ] = False
    components: Annotated[
        bool,
        typer.Option(
            "--components",
            rich_help_panel=shared.MODELS,
            help="Also the groups of genes by themselves: inflammatory, interferon, antibody.",
        ),
    ] = False
    leave_one_out: Annotated[
        bool,
        typer.Option(
            "--leave-one-out",
            rich_help_panel=shared.MODELS,
            help="Also every model without each gene.",
        ),
    ] = False
