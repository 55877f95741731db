"""What is asked of `meta`: tables of studies, keys, and how they are pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, TypeAlias, get_args

from proteomr.errors import UsageError
from proteomr.io.result_rows import check_rows
from proteomr.runs import Data, Request, Source
from proteomr.stats.between_studies import ESTIMATORS, Tau2
from proteomr.stats.dose_response import DoseCovariance
from proteomr.stats.pooling import Hartung
from proteomr.stats.ratio_measures import Ratio
from proteomr.tables import columns as c
from proteomr.tables import load_schema

__all__ = [
    "FEWEST_KNOTS",
    "Dependence",
    "DoseOptions",
    "DoseShape",
    "Duplicates",
    "MetaRequest",
    "StoufferWeights",
]

Dependence: TypeAlias = Literal["robust", "three-level"]
Duplicates: TypeAlias = Literal["refuse", "drop"]
DoseShape: TypeAlias = Literal["linear", "spline"]
StoufferWeights: TypeAlias = Literal["equal", "n"]
Stages: TypeAlias = Literal["one", "two"]

DEFAULT_KEYS = (c.PROTEIN, c.EXPOSURE, c.ADJUSTMENT, c.TERM)
FEWEST_KNOTS = 3  # knots that a spline has at least


@dataclass(frozen=True, slots=True)
class DoseOptions:
    """How estimates by dose are pooled.

    Attributes
    ----------
    shape : a line, or a restricted cubic spline.
    covariance : of the estimates of a study, which share their reference.
    stages : two: a curve for each study, then their mean; one: all at once.
    knots : places of the spline's knots; empty for the 10th, 50th and 90th percentile of the doses.
    at : doses of the curve; empty for 11 from the least to the largest.
    """

    shape: DoseShape = "linear"
    covariance: DoseCovariance = "greenland"
    stages: Stages = "two"
    knots: tuple[float, ...] = ()
    at: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.knots and self.shape != "spline":
            raise UsageError("knots are of a spline: --dose-shape spline")
        if self.knots and (
            len(self.knots) < FEWEST_KNOTS or sorted(set(self.knots)) != list(self.knots)
        ):
            raise UsageError(f"the knots are {FEWEST_KNOTS} doses or more, in rising order")


def _find_taken() -> set[str]:
    """Return the columns of results that are no keys."""
    columns = (*load_schema("meta").columns, *load_schema("meta_influence").columns)
    own = {"k", "study", "measure", "n"}
    return {one.name for one in columns if not one.optional} | own | {"coefficient", "test", "dose"}


@dataclass(frozen=True, slots=True)
class MetaRequest(Request):
    """All that determines the numbers of pooled effects.

    Attributes
    ----------
    tables : one of each study, or of several with a column that names them.
    by : columns that say what an effect is of; empty for those of protein, exposure, adjustment
        and term that the tables have.
    tau2 : estimator of the variance between studies.
    hartung : whether errors are Knapp and Hartung's.
    level : coverage of the intervals.
    moderators : terms of a meta-regression, in the grammar of formulas.
    study : column that names the studies; None for the names of the tables.
    rows : which rows count.
    cluster : column of clusters of effects that depend on one another.
    dependence : what is done about clusters.
    overlap : table of pairs of studies that share people.
    duplicates : what is done where a study stands twice with the same numbers.
    measure : what the estimates are, where no column says it.
    to, baseline_risk : ratio that all are converted to, at this risk of the unexposed.
    dose : how estimates by dose are pooled; None where they are of one dose.
    pooled_only : neither influence nor tests of bias.
    stouffer_weights : whether studies count alike in Stouffer's sum, or by the root of their ``n``.
    """

    command: ClassVar[str] = "meta"

    tables: tuple[Source, ...]
    by: tuple[str, ...] = ()
    tau2: Tau2 = "REML"
    hartung: Hartung = "none"
    level: float = 0.95
    moderators: tuple[str, ...] = ()
    study: str | None = None
    rows: tuple[str, ...] = ()
    cluster: str | None = None
    dependence: Dependence = "robust"
    overlap: Source | None = None
    duplicates: Duplicates = "refuse"
    measure: Ratio | None = None
    to: Ratio | None = None
    baseline_risk: float | None = None
    dose: DoseOptions | None = None
    pooled_only: bool = False
    stouffer_weights: StoufferWeights = "equal"

    def __post_init__(self) -> None:
        if not self.tables:
            raise UsageError("no table is named")
        names = [source.name for source in self.tables]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise UsageError(f"{twice} is given twice: its people would count twice")
        if self.tau2 not in ESTIMATORS:
            raise UsageError(f"tau2 is {self.tau2!r}, and must be one of {', '.join(ESTIMATORS)}")
        if self.hartung not in get_args(Hartung):
            raise UsageError("hksj is plain or truncated")
        if not 0.5 <= self.level < 1.0:
            raise UsageError(f"the level of the intervals is {self.level}, and must be in [0.5, 1)")
        if len(set(self.by)) < len(self.by):
            raise UsageError("by: each column once")
        taken = [name for name in self.by if name in _find_taken()]
        if taken:
            raise UsageError(
                f"by: {taken[0]!r} is a column of the results; rename it in the tables"
            )
        check_rows(self.rows)
        if self.stouffer_weights == "n" and (self.cluster is not None or self.dose is not None):
            raise UsageError(
                "--stouffer-weights n is for studies of one effect each: it goes without "
                "--cluster and --dose"
            )
        self._check_conversion()
        self._check_dependence()

    def _check_conversion(self) -> None:
        risk = self.baseline_risk
        if (self.to is None) != (risk is None):
            raise UsageError(
                "a conversion needs both the ratio (--to RR) and the risk of the unexposed "
                "(--baseline-risk 0.1)"
            )
        if risk is not None and not 0.0 < risk < 1.0:
            raise UsageError(f"the baseline risk is {risk:g}, and must be between 0 and 1")

    def _check_dependence(self) -> None:
        if self.dependence == "three-level":
            if self.cluster is None:
                raise UsageError("three levels need the clusters: --cluster NAME")
            if self.tau2 not in {"REML", "ML"}:
                raise UsageError("three levels are fitted by --tau2 REML or ML")
        if self.cluster is not None and self.overlap is not None:
            raise UsageError("--cluster and --overlap both say what depends: choose one")
        if self.cluster is not None and self.hartung != "none":
            raise UsageError(
                "--hksj is for independent effects, and --cluster names dependent ones"
            )
        beside = (self.moderators, self.cluster, self.overlap, self.to, self.measure)
        if self.dose is not None and (any(beside) or self.duplicates == "drop"):
            raise UsageError(
                "--dose goes without --moderator, --cluster, --overlap, --measure, --to and "
                "--duplicates"
            )

    @classmethod
    def of(cls, tables: Sequence[Data], *, overlap: Data | None = None, **asked: object) -> Self:
        """Take paths or frames."""
        named = [Source.of(data, name=f"study{i + 1}") for i, data in enumerate(tables)]
        shared = None if overlap is None else Source.of(overlap, name="overlap")
        return cls(tuple(named), overlap=shared, **asked)  # type: ignore[arg-type]

    def formulas(self) -> dict[str, int]:
        """Return the versions of the formulas and the tables."""
        tables = ("meta", "meta_influence", "meta_bias", "meta_moderators", "meta_dose")
        return {"meta": 2, **{name: load_schema(name).version for name in tables}}
