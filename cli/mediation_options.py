"""Options of `mediate`: exposures, outcomes, models and intervals."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .follow_up_options import Entry, Event, Time
from .people_options import People
from .protein_options import ChosenProteins
from .scan_options import ScanFiles, TransformChoice

if TYPE_CHECKING:
    from proteomr.mediation import MediateRequest, MediationSpec

__all__ = ["MediationScan"]

Method = Literal["product", "perm", "counterfactual", "four-way"]
OutcomeFamily = Literal["linear", "logit", "probit", "cox", "aalen"]
_OF_TIMES = {"perm", "counterfactual"}
_LIMITS = "Intervals and tests"


@dataclass(frozen=True, slots=True)
class Pathways:
    """What goes from where to where."""

    exposure: Annotated[
        list[str],
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples, of two levels or of numbers; repeat for several.",
            show_default=False,
        ),
    ]
    method: Annotated[
        Method,
        typer.Option(
            metavar="product|perm|counterfactual|four-way",
            rich_help_panel=shared.MODELS,
            help="product: of two regressions; perm: percentage of the excess hazard that goes "
            "with adjustment for the protein; counterfactual: direct and indirect effects by "
            "weighting; four-way: VanderWeele's components of the total effect.",
            show_default=False,
        ),
    ]
    outcome: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column of the samples; for perm and counterfactual the event (1, else 0), with "
            "its time in NAME_years; repeat for several.",
            show_default=False,
        ),
    ] = None
    time: Time = None
    event: Event = None
    entry: Entry = None
    event_code: Annotated[
        float | None,
        typer.Option(
            metavar="K",
            rich_help_panel=shared.MODELS,
            help="Code of the event of interest where there are several.",
            show_default=False,
        ),
    ] = None
    lag: Annotated[
        float,
        typer.Option(
            min=0.0,
            metavar="TIME",
            rich_help_panel=shared.MODELS,
            help="Time from the beginning in which events do not count.",
        ),
    ] = 0.0
    outcome_family: Annotated[
        OutcomeFamily | None,
        typer.Option(
            metavar="linear|logit|probit|cox|aalen",
            rich_help_panel=shared.MODELS,
            help="Model of the outcome: linear, logit or probit for product and four-way; cox for "
            "perm; aalen (additive hazards) or cox (of a rare outcome) for counterfactual. "
            "Without: the first of each.",
            show_default=False,
        ),
    ] = None
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as full="age + sex + C(site)"; repeat for several. Without: '
            "unadjusted.",
            show_default=False,
        ),
    ] = None
    adjust_mediator: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help="What the model of the protein adjusts for in place of the set of this label, "
            'which it may name: full="full + C(batch) + PC1..PC10".',
            show_default=False,
        ),
    ] = None
    transform: TransformChoice = "rint"
    interaction: Annotated[
        bool,
        typer.Option(
            "--interaction",
            rich_help_panel=shared.MODELS,
            help="The model of the outcome has the product of exposure and protein.",
        ),
    ] = False
    mediator_at: Annotated[
        float | None,
        typer.Option(
            metavar="VALUE",
            rich_help_panel=shared.MODELS,
            help="Where the controlled direct effect holds the protein, on its transformed scale. "
            "Without: its mean.",
            show_default=False,
        ),
    ] = None
    exposure_levels: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            rich_help_panel=shared.MODELS,
            help="Which values of an exposure of numbers are compared. Without: its mean and one "
            "more.",
            show_default=False,
        ),
    ] = None
    reference_level: Annotated[
        str | None,
        typer.Option(
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Level of an exposure that the other is held against. Without: the lower, or the "
            "first in the alphabet.",
            show_default=False,
        ),
    ] = None
    joint: Annotated[
        bool,
        typer.Option(
            "--joint",
            rich_help_panel=shared.MODELS,
            help="All proteins are in one model of the outcome, each a mediator beside the others; "
            "indirect_all is their sum. For product with a linear outcome.",
        ),
    ] = False

    @property
    def compared(self) -> tuple[float, float] | None:
        """The exposures that are compared, where they are named."""
        if self.exposure_levels is None:
            return None
        try:
            low, high = (float(part) for part in self.exposure_levels.split(","))
        except ValueError:
            raise UsageError(
                f"--exposure-levels {self.exposure_levels!r}: two numbers parted by a comma are "
                "needed, such as 20,25"
            ) from None
        return low, high


@dataclass(frozen=True, slots=True)
class Limits:
    """How sure it is."""

    bootstrap: Annotated[
        Literal["influence", "refit", "monte-carlo"] | None,
        typer.Option(
            metavar="influence|refit|monte-carlo",
            rich_help_panel=_LIMITS,
            help="Limits as percentiles of samples of people, by influence functions (one product "
            "of matrices) or by fitting all models anew; or of draws of coefficients. Without: of "
            "estimate and error, or with --bootstraps influence.",
            show_default=False,
        ),
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(
            "--cluster",
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column with the cluster of each person: errors are robust over clusters, and "
            "samples are of clusters.",
        ),
    ] = None
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column with the sampling weight of each person; 0 leaves a person out. Errors "
            "are robust.",
            show_default=False,
        ),
    ] = None
    bootstraps: Annotated[
        int | None,
        typer.Option(
            metavar="B",
            rich_help_panel=_LIMITS,
            help="How many samples; 1000 with --bootstrap alone.",
            show_default=False,
        ),
    ] = None
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=_LIMITS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95
    composite: Annotated[
        Literal["hdmt", "dact"],
        typer.Option(
            metavar="hdmt|dact",
            rich_help_panel=_LIMITS,
            help="False discovery rate over the proteins of the hypothesis that one of the two "
            "paths is none: of Dai, Stanford and LeBlanc, or of Liu et al. Below 200 proteins it "
            "is of the larger p value.",
        ),
    ] = "hdmt"


@dataclass(frozen=True, slots=True)
class MediationScan:
    """All that a mediation analysis is asked: a bundle of bundles."""

    ways: Pathways
    limits: Limits
    files: ScanFiles
    people: People
    chosen: ChosenProteins

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """The options of the form NAME=VALUE, read."""
        return {
            "adjust": shared.parse_sets(self.ways.adjust),
            "adjust-mediator": shared.parse_sets(self.ways.adjust_mediator),
            "protein-covariate": self.files.covariates,
        }

    def specify(self, seed: int) -> "MediationSpec":
        """Return the specification."""
        from proteomr.mediation import MediationSpec, follow_outcomes

        ways, limits = self.ways, self.limits
        named, tables = tuple(ways.outcome or ()), self.tables
        is_of_times = ways.method in _OF_TIMES
        drawn = limits.bootstraps is not None
        return MediationSpec(
            ways.method,
            tuple(ways.exposure),
            () if is_of_times else named,
            follow_up=follow_outcomes(
                named if is_of_times else (),
                time=ways.time,
                event=ways.event,
                entry=ways.entry,
                event_code=ways.event_code,
                lag=ways.lag,
            ),
            adjust=tables["adjust"] or {"unadjusted": "1"},
            adjust_mediator=tables["adjust-mediator"],
            transform=ways.transform,
            outcome_family=ways.outcome_family,
            interaction=ways.interaction,
            mediator_at=ways.mediator_at,
            exposure_levels=ways.compared,
            reference_level=ways.reference_level,
            bootstrap=limits.bootstrap or ("influence" if drawn else None),
            bootstraps=1000 if limits.bootstraps is None else limits.bootstraps,
            seed=seed,
            level=limits.level,
            composite=limits.composite,
            joint=ways.joint,
            cluster=limits.cluster,
            weights=limits.weights,
        )

    def request(self, samples: Path, proteins: Sequence[Path], *, seed: int) -> "MediateRequest":
        """Return the request."""
        from proteomr.mediation import make_request

        inputs = self.files.list_inputs(self.people, self.chosen)
        return make_request(self.specify(seed), samples, list(proteins), **inputs)
