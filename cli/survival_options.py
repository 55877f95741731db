"""Options of `survive`: which models of outcomes over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from proteomr.errors import UsageError
from proteomr.families import SURVIVAL_NAMES

from . import options as shared
from .follow_up_options import FollowUps, read_times
from .further_options import FurtherOptions
from .people_options import People
from .protein_options import ChosenProteins
from .scan_options import Firth, ScanFiles, Tests, Transform

if TYPE_CHECKING:
    from proteomr.association import ModelSpec
    from proteomr.survival import SurviveRequest

    Family = str
else:
    Family = Literal[SURVIVAL_NAMES]

__all__ = ["SurvivalScan"]


@dataclass(frozen=True, slots=True)
class SurvivalModels:
    """What is fitted."""

    family: Annotated[
        Family,
        typer.Option(
            metavar="|".join(SURVIVAL_NAMES),
            rich_help_panel=shared.MODELS,
            help="What a protein changes: see docs/survival.md.",
        ),
    ] = "cox"
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help='Adjustment set, such as simple="age + sex + C(site)"; repeat for several. '
            "Without: unadjusted.",
            show_default=False,
        ),
    ] = None
    transform: Annotated[
        Transform,
        typer.Option(
            metavar="rint|log2|zscore|none",
            rich_help_panel=shared.MODELS,
            help="Of each protein, within the complete cases of each fit; rint: rank-based "
            "inverse normal.",
        ),
    ] = "rint"
    interaction: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Covariate whose product with the protein is in every model and gets rows of its "
            "own.",
        ),
    ] = None
    strata: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|EXPR",
            rich_help_panel=shared.MODELS,
            help="Column whose levels are analysed one by one, or a condition, which makes two.",
        ),
    ] = None
    strata_baseline: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column whose levels have a baseline hazard each, in one model.",
        ),
    ] = None
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column with the weight of each person; 0 leaves a person out.",
        ),
    ] = None
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column with the cluster of each person, for robust errors.",
        ),
    ] = None
    errors: Annotated[
        Literal["classical", "robust"] | None,
        typer.Option(
            "--se",
            metavar="classical|robust",
            rich_help_panel=shared.MODELS,
            help="Standard errors: the model's, or robust ones over people or clusters. Without: "
            "classical, but robust with clusters and with weights other than 0 and 1.",
            show_default=False,
        ),
    ] = None
    ties: Annotated[
        Literal["efron", "breslow", "exact"] | None,
        typer.Option(
            metavar="efron|breslow|exact",
            rich_help_panel=shared.MODELS,
            help="How events at one time are counted. Without: the family's way (cox: efron; "
            "finegray: breslow). exact: of all sets that could have had them, for small data; "
            "classical errors, no weights.",
            show_default=False,
        ),
    ] = None
    censoring_ties: Annotated[
        Literal["events-first", "crr"] | None,
        typer.Option(
            metavar="events-first|crr",
            rich_help_panel=shared.MODELS,
            help="For the weights of the finegray family: events come before censorings of the "
            "same time, as in survival::finegray, or are at risk of them, as in cmprsk::crr. "
            "Without: crr with --ties breslow, events-first with efron.",
            show_default=False,
        ),
    ] = None
    censoring_from: Annotated[
        Literal["complete", "all"],
        typer.Option(
            metavar="complete|all",
            rich_help_panel=shared.MODELS,
            help="On whom the finegray family estimates censoring: the complete cases of each "
            "protein, or all whose outcome is known (with --se robust).",
        ),
    ] = "complete"
    firth: Firth = None
    tests: Annotated[
        Tests,
        typer.Option(
            metavar="joint|exposure",
            rich_help_panel=shared.MODELS,
            help="What multiple testing spans in each adjustment set: all outcomes jointly, or "
            "each by itself.",
        ),
    ] = "joint"
    level: Annotated[
        float,
        typer.Option(
            min=0.5,
            max=0.9999,
            metavar="LEVEL",
            rich_help_panel=shared.MODELS,
            help="Coverage of the confidence intervals.",
        ),
    ] = 0.95
    coefficients: Annotated[
        bool,
        typer.Option(
            "--coefficients",
            rich_help_panel=shared.MODELS,
            help="Write coefficients.parquet too: every coefficient of every model.",
        ),
    ] = False
    zph: Annotated[
        Literal["km", "rank", "identity", "log"] | None,
        typer.Option(
            metavar="km|rank|identity|log",
            rich_help_panel=shared.MODELS,
            help="Test proportional hazards by term and GLOBAL, against this transform of time, "
            "with the model's own information whatever --se: proportional_hazards.parquet.",
            show_default=False,
        ),
    ] = None
    periods: Annotated[
        str | None,
        typer.Option(
            metavar="TIME,TIME",
            rich_help_panel=shared.MODELS,
            help="Times at which the hazard ratio may change: ratios by period, and the test that "
            "they are equal, in periods.parquet.",
            show_default=False,
        ),
    ] = None
    concordance: Annotated[
        bool,
        typer.Option(
            "--concordance",
            rich_help_panel=shared.MODELS,
            help="Write concordance.parquet too: Harrell's C of each model with its error.",
        ),
    ] = False

    tau: Annotated[
        float | None,
        typer.Option(
            metavar="TIME",
            rich_help_panel=shared.MODELS,
            help="Of models: write concordance.parquet with Uno's C too, of events up to this "
            "time. With --curves or --by: end of the restricted mean; without, the smallest of the "
            "groups' last times.",
            show_default=False,
        ),
    ] = None
    distribution: Annotated[
        Literal["weibull", "exponential", "lognormal", "loglogistic"] | None,
        typer.Option(
            metavar="weibull|exponential|lognormal|loglogistic",
            rich_help_panel=shared.MODELS,
            help="aft: of the times. Without: weibull.",
            show_default=False,
        ),
    ] = None
    scale: Annotated[
        Literal["hazard", "odds", "normal"] | None,
        typer.Option(
            metavar="hazard|odds|normal",
            rich_help_panel=shared.MODELS,
            help="royston-parmar: on which survival is a spline of log time. Without: hazard.",
            show_default=False,
        ),
    ] = None
    knots: Annotated[
        int | None,
        typer.Option(
            metavar="K",
            rich_help_panel=shared.MODELS,
            help="royston-parmar: inner knots of the spline, 0 to 10. Without: 2.",
            show_default=False,
        ),
    ] = None

    @property
    def sets(self) -> dict[str, str]:
        """The adjustment sets by label."""
        return shared.parse_sets(self.adjust)

    def specify(self, **more: Any) -> "ModelSpec":
        """Return the specification of the scan, with what other bundles say of it."""
        from proteomr.association import ModelSpec
        from proteomr.models import SurvivalOptions

        return ModelSpec(
            self.family,
            adjust=self.sets or {"unadjusted": "1"},
            transform=self.transform,
            test_family=self.tests,
            interaction=self.interaction,
            strata=self.strata,
            errors=self.errors,
            firth=self.firth or False,
            cluster=self.cluster,
            weights=self.weights,
            level=self.level,
            coefficients=self.coefficients,
            baseline=self.strata_baseline,
            survival=SurvivalOptions(
                ties=self.ties,
                zph=self.zph,
                periods=read_times(self.periods, option="--periods"),
                concordance=self.concordance,
                tau=self.tau,
                distribution=self.distribution,
                scale=self.scale,
                knots=self.knots,
                censoring_ties=self.censoring_ties,
                censoring_from=self.censoring_from,
            ),
            **more,
        )


@dataclass(frozen=True, slots=True)
class SurvivalScan:
    """All that a scan of outcomes over time is asked: a bundle of bundles."""

    follow_ups: FollowUps
    models: SurvivalModels
    further: FurtherOptions
    files: ScanFiles
    people: People
    chosen: ChosenProteins

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """The options of the form NAME=VALUE, read."""
        return {"adjust": self.models.sets, "protein-covariate": self.files.covariates}

    def request(self, samples: Path, proteins: Sequence[Path]) -> "SurviveRequest":
        """Return the request of a scan."""
        from proteomr.association import make_request
        from proteomr.scan import FollowUpOptions
        from proteomr.survival import SurviveRequest

        of, files = self.follow_ups, self.files
        if of.start is not None and files.id_column is None:
            raise UsageError(
                "--start is of people with several rows: say whose they are, --id NAME"
            )
        follow_up = FollowUpOptions(
            of.list(),
            event_code=of.event_code,
            lag_rule=of.lag_rule,
            person=files.id_column if of.start is not None else None,
        )
        scan = make_request(
            self.models.specify(follow_up=follow_up, further=self.further.read()),
            samples,
            list(proteins),
            protein_covariates={name: Path(path) for name, path in files.covariates.items()},
            assays=files.assays,
            withdrawn=files.withdrawn,
            id_column=files.id_column,
            sample_columns=tuple(files.sample_column or ()),
            people=self.people.choose(),
            chosen_proteins=self.chosen.choose(),
        )
        return SurviveRequest(scan, tuple(of.lag or (0.0,)))
