"""The options of instrumental variables, as `proteomr associate` takes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.models import IvOptions

__all__ = ["Instruments"]

Estimator = Literal["2sls", "liml", "gmm", "2sri"]


@dataclass(frozen=True, slots=True)
class Instruments:
    """Instruments of an endogenous variable, and what is made of them."""

    instrument: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="With --family iv: column of the samples that moves the exposure, or with "
            "--outcome the protein, and nothing else of the model; or terms such as C(quarter). "
            "Repeat for several; covariates are instruments of themselves.",
            show_default=False,
        ),
    ] = None
    instrument_by_protein: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.MODELS,
            help="With --family iv and --outcome, instead of --instrument: a table of protein and "
            "variant, the instruments that each protein has for itself, such as variants near its "
            "gene. Missing genotypes take the mean of the people in the fit.",
            show_default=False,
        ),
    ] = None
    genotypes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Dosages of the variants of --instrument-by-protein: bed or pgen files of PLINK "
            "or their prefix, or a table of identifier and one column for each variant. Without: "
            "columns of SAMPLES.",
            show_default=False,
        ),
    ] = None
    estimator: Annotated[
        Estimator | None,
        typer.Option(
            metavar="2sls|liml|gmm|2sri",
            rich_help_panel=shared.MODELS,
            help="With --family iv: two-stage least squares; limited-information maximum "
            "likelihood; two-step efficient GMM; two-stage residual inclusion, a log odds ratio, "
            "for outcomes of two levels. Without: 2sls, and 2sri where an outcome has two levels.",
            show_default=False,
        ),
    ] = None

    def read(self) -> "IvOptions":
        """Return what the models are asked."""
        from proteomr.models import IvOptions

        if self.genotypes is not None and self.instrument_by_protein is None:
            raise UsageError(
                "--genotypes holds the variants of --instrument-by-protein FILE: give that too"
            )
        by_protein = self.instrument_by_protein is not None
        return IvOptions(tuple(self.instrument or ()), self.estimator, by_protein)
