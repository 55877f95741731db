"""Options of `score`: what is predicted, how, and what the score is held against."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from proteomr.errors import UsageError

from . import options as shared
from .follow_up_options import OUTCOMES, Entry, Event, Time, read_times
from .people_options import People
from .protein_options import ChosenProteins
from .scan_options import Transform

if TYPE_CHECKING:
    from proteomr.scan import FollowUp
    from proteomr.score import ApplyScoreRequest, ScoreOptions, ScoreRequest

__all__ = ["Applied", "ScoreAsked"]

_FOLDS = "Folds and penalty"
_APPLYING = "Applying weights"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is predicted."""

    outcome: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=OUTCOMES,
            help="Column of the samples: numbers, two levels, or, where a column NAME_years stands "
            "beside it, an event over time (1 the event, 0 none).",
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
            rich_help_panel=OUTCOMES,
            help="Code of the event that is predicted, where there are several: who has another is "
            "under observation until then. Without --horizon.",
            show_default=False,
        ),
    ] = None
    family: Annotated[
        Literal["auto", "linear", "logistic", "cox"],
        typer.Option(
            metavar="auto|linear|logistic|cox",
            rich_help_panel=OUTCOMES,
            help="Of the model; auto: by what the outcome is.",
        ),
    ] = "auto"
    horizon: Annotated[
        str | None,
        typer.Option(
            metavar="TIME,TIME",
            rich_help_panel=OUTCOMES,
            help="Times by which the risk of an event is predicted: time-dependent AUC, Brier "
            "score, calibration and net benefit, with weights for censoring.",
            show_default=False,
        ),
    ] = None
    clock: Annotated[
        bool,
        typer.Option(
            "--clock",
            rich_help_panel=OUTCOMES,
            help="The outcome is age: scores.parquet gets the predicted age and the gap, what is "
            "beyond that of training people of the same age.",
        ),
    ] = False
    gap_test: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=OUTCOMES,
            help="With --clock: column that the gap is held against at equal age, in "
            "gap_associations.parquet; repeat for several.",
            show_default=False,
        ),
    ] = None

    def find(self) -> "str | FollowUp":
        """Return the outcome, by name or by its columns."""
        from proteomr.scan import FollowUp

        by_columns = self.time is not None or self.event is not None
        if self.outcome is not None and by_columns:
            raise UsageError(
                "--outcome and --time with --event name outcomes in two ways: give one"
            )
        if self.outcome is not None:
            if self.entry is None:
                return self.outcome
            return FollowUp.named(self.outcome, entry=self.entry)
        if self.time is None or self.event is None:
            raise UsageError(
                "no outcome is named: --outcome NAME, or --time NAME and --event NAME together"
            )
        return FollowUp(self.event, self.time, self.entry)


@dataclass(frozen=True, slots=True)
class _Learning:
    """How the score is learnt."""

    penalty: Annotated[
        Literal["elastic-net", "lasso", "ridge"],
        typer.Option(
            metavar="elastic-net|lasso|ridge",
            rich_help_panel=_FOLDS,
            help="What holds the weights down.",
        ),
    ] = "elastic-net"
    alpha: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE,SHARE",
            rich_help_panel=_FOLDS,
            help="Share of the lasso in an elastic net, glmnet's alpha; of several the one of the "
            "least error in inner folds. Without: 0.5.",
            show_default=False,
        ),
    ] = None
    rule: Annotated[
        Literal["min", "1se"],
        typer.Option(
            metavar="min|1se",
            rich_help_panel=_FOLDS,
            help="Which penalty is chosen: that of the least error in inner folds, or the largest "
            "whose error is within a standard error of it.",
        ),
    ] = "min"
    folds: Annotated[
        int,
        typer.Option(
            metavar="K",
            rich_help_panel=_FOLDS,
            help="Outer folds, each predicted by what was learnt outside of it; people with the "
            "event are dealt out evenly, from --seed.",
        ),
    ] = 10
    inner_folds: Annotated[
        int,
        typer.Option(
            metavar="K",
            rich_help_panel=_FOLDS,
            help="Folds within the training people, which choose the penalty.",
        ),
    ] = 10
    transform: Annotated[
        Transform,
        typer.Option(
            metavar="rint|log2|zscore|none",
            rich_help_panel=_FOLDS,
            help="Of each protein, learnt from training people alone; rint: normal scores of "
            "ranks, kept as a table.",
        ),
    ] = "rint"
    correct: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=_FOLDS,
            help="Column of groups, such as the plate, whose differences in mean are taken out of "
            "each protein before its transform, learnt from training people alone.",
            show_default=False,
        ),
    ] = None
    adjust: Annotated[
        list[str] | None,
        typer.Option(
            metavar='LABEL="TERMS"',
            rich_help_panel=shared.MODELS,
            help="Covariate model that the score is held against, such as "
            'clinical="age + sex + bmi": alone, and with the score; repeat for several.',
            show_default=False,
        ),
    ] = None
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.MODELS,
            help="Column with the sampling weight of each person, in learning and in all measures; "
            "0 leaves a person out.",
        ),
    ] = None
    thresholds: Annotated[
        str | None,
        typer.Option(
            metavar="RISK,RISK",
            rich_help_panel=shared.MODELS,
            help="Risks from which one would treat, for the net benefit. Without: 1 % to 50 %.",
            show_default=False,
        ),
    ] = None
    sets: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.gmt",
            rich_help_panel=shared.INPUT,
            help="Lists of genes or proteins, a score each, such as those of organs: name, "
            "description and members, parted by tabs.",
            show_default=False,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class _Files:
    """What is read beside people and proteins, and how."""

    assays: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            rich_help_panel=shared.INPUT,
            help="Table of the assays with the gene of each protein, for --sets. Without: that of "
            "the store.",
        ),
    ] = None
    id_column: shared.IdColumn = None
    sample_column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            rich_help_panel=shared.INPUT,
            help="Column of PROTEINS that is no protein; repeat for several.",
            show_default=False,
        ),
    ] = None
    withdrawn: shared.Withdrawn = None


@dataclass(frozen=True, slots=True)
class Applied:
    """Weights that were learnt elsewhere."""

    apply: Annotated[
        Path | None,
        typer.Option(
            "--apply",
            metavar="WEIGHTS.parquet",
            rich_help_panel=_APPLYING,
            help="Score people by these weights, or those of this run folder, with the training "
            "centres, scales and ranks: proteomr score --apply WEIGHTS PROTEINS -o DIR.",
            show_default=False,
        ),
    ] = None
    max_absent: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            rich_help_panel=_APPLYING,
            help="Share of the absolute weights that absent proteins may have.",
        ),
    ] = 0.1


@dataclass(frozen=True, slots=True)
class ScoreAsked:
    """All that a score is asked: a bundle of bundles."""

    what: _Outcome
    learning: _Learning
    files: _Files
    people: People
    chosen: ChosenProteins

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """The options of the form NAME=VALUE, read."""
        return {"adjust": shared.parse_sets(self.learning.adjust)}

    def options(self, *, seed: int) -> "ScoreOptions":
        """Return how the score is learnt and measured."""
        from proteomr.score import ScoreOptions

        learning = self.learning
        more = {}
        if learning.thresholds is not None:
            more["thresholds"] = read_times(learning.thresholds, option="--thresholds")
        return ScoreOptions(
            penalty=learning.penalty,
            alphas=read_times(learning.alpha, option="--alpha"),
            rule=learning.rule,
            transform=learning.transform,
            correct=learning.correct,
            folds=learning.folds,
            inner_folds=learning.inner_folds,
            seed=seed,
            horizons=read_times(self.what.horizon, option="--horizon"),
            clock=self.what.clock,
            gap_tests=tuple(self.what.gap_test or ()),
            **more,
        )

    def request(self, samples: Path, proteins: Sequence[Path], *, seed: int) -> "ScoreRequest":
        """Return the request of a score."""
        from proteomr.score import make_score_request

        return make_score_request(
            samples,
            list(proteins),
            outcome=self.what.find(),
            event_code=self.what.event_code,
            family=self.what.family,
            adjust=self.tables["adjust"],
            options=self.options(seed=seed),
            sets=self.learning.sets,
            weights=self.learning.weights,
            assays=self.files.assays,
            withdrawn=self.files.withdrawn,
            id_column=self.files.id_column,
            sample_columns=tuple(self.files.sample_column or ()),
            people=self.people.choose(),
            chosen_proteins=self.chosen.choose(),
        )

    def request_applied(
        self, weights: Path, proteins: Sequence[Path], *, max_absent: float
    ) -> "ApplyScoreRequest":
        """Return the request of scores by weights that were learnt elsewhere."""
        from proteomr.score import make_apply_request

        if self.what.outcome is not None or self.what.event is not None:
            raise UsageError("--apply learns nothing: leave out --outcome, --time and --event")
        if self.learning.weights is not None:
            raise UsageError("--apply learns nothing that --weights could count for: leave it out")
        return make_apply_request(
            weights,
            list(proteins),
            max_absent=max_absent,
            withdrawn=self.files.withdrawn,
            id_column=self.files.id_column,
            sample_columns=tuple(self.files.sample_column or ()),
        )
