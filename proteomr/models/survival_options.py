"""What is asked of a model of times beside its terms."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Final, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest
from proteomr.stats.accelerated import DISTRIBUTIONS, DistributionName
from proteomr.stats.censoring import CENSORING_TIES, CensoringTies
from proteomr.stats.survival_links import SCALES, ScaleName

__all__ = ["TIES", "ZPH_TIMES", "SurvivalOptions", "Ties", "ZphTime"]

Ties: TypeAlias = Literal["efron", "breslow", "exact"]
TIES: Final[tuple[Ties, ...]] = get_args(Ties)
CensoringFrom: TypeAlias = Literal["complete", "all"]
CENSORING_FROM: Final[tuple[CensoringFrom, ...]] = get_args(CensoringFrom)
ZphTime: TypeAlias = Literal["km", "rank", "identity", "log"]
ZPH_TIMES: Final[tuple[ZphTime, ...]] = get_args(ZphTime)
# More follow what the times of a sample happen to be.
_MOST_KNOTS = 10


@dataclass(frozen=True, slots=True)
class SurvivalOptions:
    """The options of models of times; a family names those that it has in its `Support.survival`.

    Attributes
    ----------
    ties : how events at one time are counted; None for the family's own way.
    zph : transform of time in the test of proportional hazards; None without the test.
    periods : times at which a hazard ratio may change, ascending, above 0.
    concordance : whether Harrell's concordance of each model is told.
    tau : time up to which Uno's concordance is told too; None without.
    distribution : of accelerated failure times; None for the Weibull one.
    scale : of a Royston-Parmar model; None for that of hazards.
    knots : inner knots of its splines; None for the family's own number.
    censoring_ties : of events and censorings, for the weights of competing risks; None for the way
        of the package whose ties of events are asked for.
    censoring_from : on whom that censoring is estimated: the complete cases of each fit, or all
        whose outcome is known.

    Raises
    ------
    UsageError
        A choice that there is not, or periods that do not ascend.

    Examples
    --------
    >>> SurvivalOptions(ties="breslow", zph="km").asked
    ('ties', 'zph')
    """

    ties: Ties | None = None
    zph: ZphTime | None = None
    periods: tuple[float, ...] = ()
    concordance: bool = False
    tau: float | None = None
    distribution: DistributionName | None = None
    scale: ScaleName | None = None
    knots: int | None = None
    censoring_ties: CensoringTies | None = None
    censoring_from: CensoringFrom = "complete"

    def __post_init__(self) -> None:
        if self.ties is not None:
            _check_choice("way of counting ties", self.ties, TIES)
        if self.censoring_ties is not None:
            _check_choice("way of censoring ties", self.censoring_ties, CENSORING_TIES)
        _check_choice("choice of people for the censoring", self.censoring_from, CENSORING_FROM)
        if self.zph is not None:
            _check_choice("transform of time", self.zph, ZPH_TIMES)
        if self.tau is not None and not 0.0 < self.tau < float("inf"):
            raise UsageError(f"a concordance up to {self.tau:g}: a time above 0 is needed")
        if self.distribution is not None:
            _check_choice("distribution of times", self.distribution, tuple(DISTRIBUTIONS))
        if self.scale is not None:
            _check_choice("scale of survival", self.scale, tuple(SCALES))
        if self.knots is not None and not 0 <= self.knots <= _MOST_KNOTS:
            raise UsageError(f"{self.knots} inner knots; needed: 0 to {_MOST_KNOTS}")
        object.__setattr__(self, "periods", tuple(map(float, self.periods)))
        ends = (0.0, *self.periods, float("inf"))
        if any(not low < high for low, high in pairwise(ends)):
            raise UsageError(f"periods {self.periods}: times above 0 that ascend are needed")

    @property
    def asked(self) -> tuple[str, ...]:
        """Names of the options that are not their defaults."""
        return tuple(
            entry.name for entry in fields(self) if getattr(self, entry.name) != entry.default
        )


def _check_choice(what: str, choice: str, choices: tuple[str, ...]) -> None:
    if choice not in choices:
        hint = nearest(choice, choices) or f": one of {', '.join(choices)}"
        raise UsageError(f"there is no {what} {choice!r}{hint}")
