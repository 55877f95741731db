"""How a score is learnt: the penalty, the folds, and what its performance is measured at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

import numpy as np

from proteomr.errors import UsageError
from proteomr.stats.elastic_net_tuning import Rule
from proteomr.stats.transforms import TRANSFORMS, Transform

__all__ = ["Kind", "PenaltyName", "ScoreOptions"]

Kind: TypeAlias = Literal["auto", "linear", "logistic", "cox"]
PenaltyName: TypeAlias = Literal["elastic-net", "lasso", "ridge"]
_ALPHAS: dict[PenaltyName, tuple[float, ...]] = {
    "elastic-net": (0.5,),
    "lasso": (1.0,),
    "ridge": (0.0,),
}
_MOST_FOLDS = 100
_THRESHOLDS = tuple(round(0.01 * k, 2) for k in (*range(1, 10), *range(10, 51, 5)))


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """How a score is learnt and measured.

    Attributes
    ----------
    penalty : what holds weights down; its alpha may be given.
    alphas : shares of the lasso in an elastic net; of several the one of the least error.
    rule : which penalty is chosen, see :func:`proteomr.stats.elastic_net_tuning.tune_elastic_net`.
    transform : of the proteins, learnt in training folds.
    correct : column of groups, such as plates, whose differences are taken out of the proteins
        before their transform, learnt in training folds; None for none.
    folds, inner_folds : of people, outer ones to measure, inner ones to choose the penalty.
    seed : of the folds.
    horizons : times at which risks are predicted, for outcomes over time.
    thresholds : risks from which one would treat, for net benefits.
    clock : whether the outcome is age, whose residual is told as the gap.
    gap_tests : columns that the gap is held against, at equal age.

    Raises
    ------
    UsageError
        An option is out of its range.

    Examples
    --------
    >>> ScoreOptions(penalty="lasso").alpha_values
    (1.0,)
    """

    penalty: PenaltyName = "elastic-net"
    alphas: tuple[float, ...] = ()
    rule: Rule = "min"
    transform: Transform = "rint"
    correct: str | None = None
    folds: int = 10
    inner_folds: int = 10
    seed: int = 1
    horizons: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = _THRESHOLDS
    clock: bool = False
    gap_tests: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _refuse_choice("penalty", self.penalty, tuple(_ALPHAS))
        _refuse_choice("rule", self.rule, get_args(Rule))
        _refuse_choice("transform", self.transform, TRANSFORMS)
        if self.alphas and self.penalty != "elastic-net":
            raise UsageError(f"--alpha is of an elastic net, and a {self.penalty} has its own")
        for name, values, low, high in (
            ("--alpha", self.alphas, 0.0, 1.0),
            ("--horizon", self.horizons, 0.0, np.inf),
            ("--thresholds", self.thresholds, 0.0, 1.0),
        ):
            _refuse_range(name, values, low, high)
        for name, count in (("--folds", self.folds), ("--inner-folds", self.inner_folds)):
            if not 2 <= count <= _MOST_FOLDS:
                raise UsageError(f"{name} {count}: 2 to {_MOST_FOLDS} are needed")
        if self.gap_tests and not self.clock:
            raise UsageError("--gap-test tests the gap of a clock: add --clock")
        if self.clock and self.horizons:
            raise UsageError("--horizon is of outcomes over time, and --clock is of age")

    @property
    def alpha_values(self) -> tuple[float, ...]:
        """Shares of the lasso to be tried."""
        return self.alphas or _ALPHAS[self.penalty]


def _refuse_choice(what: str, choice: str, choices: tuple[str, ...]) -> None:
    if choice not in choices:
        raise UsageError(f"there is no {what} {choice!r}: one of {', '.join(choices)}")


def _refuse_range(name: str, values: tuple[float, ...], low: float, high: float) -> None:
    ends = name == "--alpha"
    for value in values:
        inside = low <= value <= high if ends else low < value < high
        if not inside:
            told = f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}"
            raise UsageError(f"{name} {value:g}: {told} is needed")
    if len(set(values)) < len(values):
        raise UsageError(f"{name}: each value once")
