"""Options of `survive --curves`: which people are held against one another, and how."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from .follow_up_options import read_times
from .survival_options import SurvivalScan

if TYPE_CHECKING:
    from proteomr.survival import CurveOptions, CurvesRequest

__all__ = ["CURVES", "CurveChoice"]

CURVES = "Curves of groups"
# What has no meaning for curves, by the name of the option: models have it, and its default.
_OF_MODELS = {
    "adjust": ("--adjust", None),
    "interaction": ("--interaction", None),
    "strata": ("--strata", None),
    "ties": ("--ties", None),
    "firth": ("--firth", None),
    "zph": ("--zph", None),
    "periods": ("--periods", None),
    "coefficients": ("--coefficients", False),
    "concordance": ("--concordance", False),
    "family": ("--family", "cox"),
}


@dataclass(frozen=True, slots=True)
class CurveChoice:
    """Survival of groups instead of a model."""

    curves: Annotated[
        str | None,
        typer.Option(
            metavar="NAME,NAME",
            rich_help_panel=CURVES,
            help="Instead of models: Kaplan-Meier curves, log-rank tests, restricted means and "
            "rates by quantiles of these proteins, or of all of them (all). Groups are of the "
            "values as they stand; a transform that keeps their order changes none.",
            show_default=False,
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=CURVES,
            help="The same by the levels of a column of the samples; PROTEINS may then be left "
            "out.",
            show_default=False,
        ),
    ] = None
    quantiles: Annotated[
        int,
        typer.Option(
            metavar="N",
            rich_help_panel=CURVES,
            help="Number of groups of a protein (quantiles of type 7 of the complete cases); one "
            "with no more distinct values has a group for each.",
        ),
    ] = 4
    conf_type: Annotated[
        Literal["log", "log-log", "plain"] | None,
        typer.Option(
            metavar="log|log-log|plain",
            rich_help_panel=CURVES,
            help="Scale of the limits of survival, medians and cumulative incidence. Without: log, "
            "and log-log of samples that were multiply imputed, which are pooled on it.",
            show_default=False,
        ),
    ] = None
    rho: Annotated[
        float,
        typer.Option(
            metavar="RHO",
            rich_help_panel=CURVES,
            help="Power of survival that weighs the times of the log-rank and Gray's test: 1 for "
            "Peto and Peto's. --strata-baseline NAME compares within levels of a column.",
        ),
    ] = 0.0
    begin: Annotated[
        float,
        typer.Option(
            metavar="TIME",
            rich_help_panel=CURVES,
            help="Follow survival from this time on, of those who are still there: for late entry, "
            "where few are there at first, or for survival after a landmark.",
        ),
    ] = 0.0
    times: Annotated[
        str | None,
        typer.Option(
            metavar="TIME,TIME",
            rich_help_panel=CURVES,
            help="Times at which numbers at risk and survival are told. Without: round ones.",
            show_default=False,
        ),
    ] = None
    survival_levels: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE,SHARE",
            rich_help_panel=CURVES,
            help="Shares of survival whose times stand in medians.parquet beside the median.",
            show_default=False,
        ),
    ] = None
    steps: Annotated[
        Literal["events", "all"],
        typer.Option(
            metavar="events|all",
            rich_help_panel=CURVES,
            help="Rows of curves.parquet: the times of a group's events, or every time at which "
            "somebody leaves, as survfit has them.",
        ),
    ] = "events"

    @property
    def asked(self) -> bool:
        """Whether curves are asked for; refuse their options where they are not."""
        given = self.curves is not None or self.by is not None
        if given:
            return True
        changed = [
            name.replace("_", "-")
            for name, entry in self.__dataclass_fields__.items()
            if getattr(self, name) != entry.default
        ]
        if changed:
            raise UsageError(f"--{changed[0]} is of curves: add --curves NAME, or --by NAME")
        return False

    def choose(self, scan: SurvivalScan) -> "CurveOptions":
        """Return what the library takes."""
        from proteomr.survival import CurveOptions

        models = scan.models
        given = [name.strip() for name in (self.curves or "").split(",")]
        return CurveOptions(
            tuple(name for name in given if name),
            self.by,
            self.quantiles,
            self.conf_type,
            self.rho,
            models.tau,
            read_times(self.times, option="--times"),
            read_times(self.survival_levels, option="--survival-levels"),
            self.steps,
            models.strata_baseline,
            models.weights,
            models.cluster,
            models.errors,
            models.level,
            models.tests,
            self.begin,
        )

    def request(self, scan: SurvivalScan, samples: Path, proteins: list[Path]) -> "CurvesRequest":
        """Return the request of curves."""
        from proteomr.scan import FollowUpOptions
        from proteomr.survival import make_curves_request

        _refuse_models(scan)
        of, files = scan.follow_ups, scan.files
        person = None if of.start is None else files.id_column
        if of.start is not None and person is None:
            raise UsageError(
                "--start is of people with several rows: say whose they are, --id NAME"
            )
        lags = of.lag or [0.0]
        return make_curves_request(
            samples,
            proteins,
            follow_up=FollowUpOptions(of.list(), of.event_code, lags[0], of.lag_rule, person),
            curves=self.choose(scan),
            withdrawn=files.withdrawn,
            id_column=files.id_column,
            sample_columns=tuple(files.sample_column or ()),
            assays=files.assays,
            people=scan.people.choose(),
            chosen_proteins=scan.chosen.choose(),
            lags=lags,
        )


def _refuse_models(scan: SurvivalScan) -> None:
    """Refuse what models are asked and curves cannot do."""
    for name, (option, default) in _OF_MODELS.items():
        if getattr(scan.models, name) != default:
            why = "curves adjust for nothing" if name == "adjust" else "it is of models"
            raise UsageError(f"{option} with --curves or --by: {why}; leave it out")
    if scan.files.covariates:
        raise UsageError("--protein-covariate with --curves or --by: curves adjust for nothing")
