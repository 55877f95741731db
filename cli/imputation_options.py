"""Options of `phenotype` for covariates that were not answered."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.phenotype import ImputeOptions

__all__ = ["ImputationOptions"]

_ITERATIONS = 10


@dataclass(frozen=True, slots=True)
class ImputationOptions:
    """How often missing values are filled in, which, and from what."""

    impute: Annotated[
        int | None,
        typer.Option(
            min=2,
            metavar="M",
            rich_help_panel=shared.MODELS,
            help="Fill in missing covariates M times by chained equations, as R's mice does "
            "(predictive mean matching, logistic and polytomous regression), drawn by --seed. The "
            "table is then in mice's long form, which associate pools over by Rubin's rules. "
            "Exposures and outcomes are never filled in.",
            show_default=False,
        ),
    ] = None
    impute_columns: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=shared.MODELS,
            help="With --impute: fill in these columns, of whatever role. Without: the covariates.",
            show_default=False,
        ),
    ] = None
    impute_with: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=shared.MODELS,
            help="With --impute: predict from these columns too, such as outcomes, beside "
            "exposures and covariates.",
            show_default=False,
        ),
    ] = None
    impute_iterations: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            rich_help_panel=shared.MODELS,
            help=f"With --impute: passes over the columns. Without: {_ITERATIONS}.",
            show_default=False,
        ),
    ] = None

    def read(self, seed: int) -> "ImputeOptions | None":
        """Return what the library takes; None where nothing is imputed."""
        from proteomr.phenotype import ImputeOptions

        if self.impute is None:
            idle = {
                "--impute-columns": self.impute_columns,
                "--impute-with": self.impute_with,
                "--impute-iterations": self.impute_iterations,
            }
            for option, given in idle.items():
                if given is not None:
                    raise UsageError(f"{option} is about what --impute fills in: add --impute M")
            return None
        return ImputeOptions(
            self.impute,
            _split(self.impute_columns),
            _split(self.impute_with),
            _ITERATIONS if self.impute_iterations is None else self.impute_iterations,
            seed,
        )


def _split(names: str | None) -> tuple[str, ...]:
    return tuple(sorted(filter(None, map(str.strip, (names or "").split(",")))))
