"""What a score is learnt from, and what a learnt one is applied to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from proteomr.errors import UsageError
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.runs import Request, Source
from proteomr.scan import FollowUp
from proteomr.score.options import Kind, ScoreOptions
from proteomr.tables import load_schema

__all__ = ["ApplyScoreRequest", "ScoreRequest"]

_VERSION = 5  # of how scores are learnt, measured and applied; 5: infinite is missing
_TABLES = (
    *("score_performance", "weights", "weights_ranks", "scores"),
    *("calibration", "decision_curve", "tuning", "gap_associations"),
)


@dataclass(frozen=True, slots=True)
class ScoreRequest(Request):
    """All that determines a score and its performance.

    Attributes
    ----------
    samples : one row per person; or a store, for samples and proteins together.
    proteins : wide protein files, or a store.
    outcome : column of the samples that is predicted; None for an outcome over time.
    follow_up : an outcome over time, by its columns.
    family : of the model; auto: by what the outcome is.
    adjust : adjustment sets by label: covariate models that the score is held against.
    options : how it is learnt and measured.
    sets : lists of genes or proteins, a score each; None for one of all.
    weights : column of the samples with the sampling weight of each person; None for equal ones.
    assays, withdrawn, id_column, sample_columns : as of `associate`.
    people, chosen_proteins : who is analysed, and which proteins.
    event_code : code of the event that is predicted, where an outcome over time has several: who
        has another is under observation until then.

    Raises
    ------
    UsageError
        Outcomes in two ways, or horizons or a clock for an outcome that has none.
    """

    command: ClassVar[str] = "score"

    samples: Source
    proteins: tuple[Source, ...] = ()
    outcome: str | None = None
    follow_up: FollowUp | None = None
    family: Kind = "auto"
    adjust: Mapping[str, str] = field(default_factory=dict[str, str])
    options: ScoreOptions = field(default_factory=ScoreOptions)
    sets: Source | None = None
    weights: str | None = None
    assays: Source | None = None
    withdrawn: Source | None = None
    id_column: str | None = None
    sample_columns: tuple[str, ...] = ()
    people: PeopleChoice = field(default_factory=PeopleChoice)
    chosen_proteins: ProteinChoice | None = None
    event_code: float | None = None

    def __post_init__(self) -> None:
        if (self.outcome is None) == (self.follow_up is None):
            raise UsageError(
                "one outcome is needed: --outcome NAME, or --time NAME with --event NAME"
            )
        if self.follow_up is not None and self.family not in {"auto", "cox"}:
            raise UsageError(f"--time and --event are of cox, and --family is {self.family}")
        if self.event_code is not None and self.options.horizons:
            raise UsageError(
                "--horizon with --event-code: risks by a time need the other events too, of which "
                "a score has no model; leave --horizon out, and concordances are told"
            )
        if self.options.clock and (self.follow_up is not None or self.family not in _CLOCKS):
            raise UsageError("--clock predicts age, a number: give --outcome with its column")

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scores and of their tables."""
        return {"score": _VERSION, **{name: load_schema(name).version for name in _TABLES}}


_CLOCKS = frozenset({"auto", "linear"})


@dataclass(frozen=True, slots=True)
class ApplyScoreRequest(Request):
    """All that determines the scores of people by weights that were learnt elsewhere.

    Attributes
    ----------
    weights : table ``weights`` of a run of `score`.
    ranks : table ``weights_ranks`` of the same run; None where no protein is ranked.
    proteins : wide protein files, or a store.
    max_absent : share of the absolute weights that proteins may have that are not there.
    withdrawn, id_column, sample_columns : as of `associate`.

    Raises
    ------
    UsageError
        The share is outside [0, 1].
    """

    command: ClassVar[str] = "score"

    weights: Source
    proteins: tuple[Source, ...]
    ranks: Source | None = None
    max_absent: float = 0.1
    withdrawn: Source | None = None
    id_column: str | None = None
    sample_columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0.0 <= self.max_absent <= 1.0:
            raise UsageError(f"--max-absent {self.max_absent:g}: a share, 0 to 1, is needed")
        if not self.proteins:
            raise UsageError("no protein file is named: PROTEINS stand after --apply WEIGHTS")

    def formulas(self) -> Mapping[str, int]:
        """Return the versions of the scores and of their tables."""
        return {"score": _VERSION, "scores": load_schema("scores").version}
