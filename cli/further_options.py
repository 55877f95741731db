"""Options of `associate` for what a model tells beside its estimates."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import options as shared

if TYPE_CHECKING:
    from proteomr.models import Further

__all__ = ["FurtherOptions"]

_PANEL = "More of each model"


@dataclass(frozen=True, slots=True)
class FurtherOptions:
    """Tests and tables beside the estimates, as :class:`proteomr.models.Further` has them."""

    joint_tests: Annotated[
        list[str] | None,
        typer.Option(
            metavar="lr,score,wald",
            rich_help_panel=_PANEL,
            help="Also test that the protein (or the exposure) has no effect, by the ratio of "
            "likelihoods, Rao's score or Wald's statistic; the first two are finite under "
            "separation. In joint_tests.parquet.",
            show_default=False,
        ),
    ] = None
    nonlinear: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            rich_help_panel=_PANEL,
            help="Also hold the line in the protein (or, in protein ~ exposure, the exposure) "
            "against a natural spline of K degrees of freedom: the tests nonlinear and spline of "
            "joint_tests.parquet.",
            show_default=False,
        ),
    ] = None
    interaction_scale: Annotated[
        Literal["multiplicative", "additive"],
        typer.Option(
            metavar="multiplicative|additive",
            rich_help_panel=_PANEL,
            help="additive: also RERI, AP and S of the protein and the covariate of --interaction, "
            "in additive_interaction.parquet (logistic).",
        ),
    ] = "multiplicative"

    add_one: Annotated[
        str | None,
        typer.Option(
            metavar="TERMS",
            rich_help_panel=_PANEL,
            help='Also add each of these covariates, such as "bmi + C(education)", by itself to '
            "every adjustment set, and tell by how much the estimate changes on the same people, "
            "in percent with an interval: covariate_changes.parquet (linear, logistic).",
            show_default=False,
        ),
    ] = None

    def read(self) -> "Further":
        """Return what is asked."""
        from proteomr.models import Further

        names: Any = tuple(shared.split_names(self.joint_tests))
        additive = self.interaction_scale == "additive"
        return Further(names, self.nonlinear, additive, self.add_one or "")
