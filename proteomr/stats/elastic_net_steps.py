"""A path of penalties, solution by solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from proteomr._typing import F64
from proteomr.stats.elastic_net import Path, Penalty, list_sequence

__all__ = ["Descent", "Solution", "follow_path"]

_FEWEST = 5  # glmnet's mnlam: penalties before a path may end
_EXPLAINED = 0.999  # glmnet's devmax


@dataclass(frozen=True, slots=True, eq=False)
class Solution:
    """Coefficients (p,) at one penalty in the units of the columns, and what they explain."""

    intercept: float
    coefficients: F64
    explained: float
    certified: bool


class Descent(Protocol):
    """Solutions at falling penalties, each from the one before.

    Attributes
    ----------
    penalty : what is penalised.
    exact : whether solutions are exact, or of the accuracy that choosing a penalty needs.
    """

    penalty: Penalty
    exact: bool

    @property
    def rows(self) -> int:
        """Rows with a weight."""

    @property
    def columns(self) -> int:
        """Columns."""
        ...

    def find_largest(self) -> float:
        """Return the penalty at which no penalised column has a coefficient."""
        ...

    def advance(self, penalty: float) -> Solution:
        """Return the solution at a penalty, at most that before."""
        ...

    def ends(self, explained: list[float]) -> bool:
        """Whether the next penalty would explain too little more."""
        ...


def follow_path(descent: Descent, *, penalties: F64 | None = None) -> Path:
    """Return the solutions at given penalties, or at glmnet's own and no further than it goes.

    Parameters
    ----------
    descent : that has not begun.
    penalties : falling; None for glmnet's sequence and its rules to end it.
    """
    asked = penalties
    if asked is None:
        largest = descent.find_largest()
        asked = list_sequence(largest, n=descent.rows, p=descent.columns)
    found: list[Solution] = []
    explained: list[float] = []
    for size in asked.tolist():
        found.append(descent.advance(size))
        explained.append(found[-1].explained)
        enough = len(found) >= _FEWEST and penalties is None
        if enough and (descent.ends(explained) or explained[-1] > _EXPLAINED):
            break
    return Path(
        asked[: len(found)],
        np.array([one.intercept for one in found]),
        np.array([one.coefficients for one in found]),
        np.array(explained),
        np.array([one.certified for one in found]),
    )
