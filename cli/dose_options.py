"""Estimates by dose: options of `meta`."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared

if TYPE_CHECKING:
    from proteomr.meta import DoseOptions

__all__ = ["Doses"]


@dataclass(frozen=True, slots=True)
class Doses:
    """Whether, and how, estimates are pooled by dose."""

    dose: Annotated[
        bool,
        typer.Option(
            "--dose",
            rich_help_panel=shared.MODELS,
            help="The tables have a row for each dose: dose, estimate, se (empty for the "
            "reference), cases, n, and design (cc, ir or ci).",
        ),
    ] = False
    dose_shape: Annotated[
        Literal["linear", "spline"],
        typer.Option(
            metavar="linear|spline",
            rich_help_panel=shared.MODELS,
            help="With --dose. spline: restricted cubic, with the test that it is a line.",
        ),
    ] = "linear"
    dose_covariance: Annotated[
        Literal["greenland", "hamling", "independent"],
        typer.Option(
            metavar="greenland|hamling|independent",
            rich_help_panel=shared.MODELS,
            help="With --dose. Covariance of a study's estimates, which share their reference: "
            "Greenland and Longnecker's, Hamling's, or none.",
        ),
    ] = "greenland"
    dose_stages: Annotated[
        Literal["one", "two"],
        typer.Option(
            metavar="one|two",
            rich_help_panel=shared.MODELS,
            help="With --dose. two: a curve of each study, then their mean; one: all at once, "
            "studies of few doses among them.",
        ),
    ] = "two"
    knots: Annotated[
        str | None,
        typer.Option(
            metavar="DOSE,DOSE,DOSE",
            rich_help_panel=shared.MODELS,
            help="With --dose-shape spline. Without: 10th, 50th and 90th percentile of the doses.",
            show_default=False,
        ),
    ] = None
    at: Annotated[
        str | None,
        typer.Option(
            metavar="DOSE,DOSE",
            rich_help_panel=shared.MODELS,
            help="With --dose. Doses of the curve that is written. Without: 11 over their range.",
            show_default=False,
        ),
    ] = None

    def choose(self) -> "DoseOptions | None":
        """Return what the library takes."""
        from proteomr.meta import DoseOptions

        chosen = DoseOptions(
            self.dose_shape,
            self.dose_covariance,
            self.dose_stages,
            _read_doses(self.knots, "--knots"),
            _read_doses(self.at, "--at"),
        )
        if self.dose:
            return chosen
        if chosen != DoseOptions():
            raise UsageError("options of doses are given without --dose")
        return None


def _read_doses(text: str | None, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in (text or "").split(",") if part.strip())
    except ValueError:
        raise UsageError(f"{option} {text}: doses are numbers, such as 0,5,10") from None
