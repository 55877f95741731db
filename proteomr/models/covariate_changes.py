"""By how much estimates change as covariates are added to an adjustment set, one at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from proteomr._typing import F64, I64
from proteomr.models.base import Adjustment, Block, Problem
from proteomr.models.details import Details
from proteomr.models.family import Distribution, Scans
from proteomr.models.fits import FitBlock
from proteomr.models.targets import Role
from proteomr.models.whole import WholeModel, lay_out_whole
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.stats.linalg import condition_columns
from proteomr.stats.nested_changes import (
    Change,
    Influence,
    influence_linear,
    influence_logistic,
    measure_change,
)
from proteomr.status import Status

__all__ = ["CHANGES", "AddOne"]

CHANGES = "covariate_changes"

_Row: TypeAlias = dict[str, object]
_NUMBERS = (
    "estimate_base", "estimate", "change", "se", "statistic", "neg_log10_p", "p_value", "conf_low",
    "conf_high", "percent", "percent_low", "percent_high",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AddOne:
    """Adds to the fits of a block the changes of models that have one covariate more than others.

    Both models are fitted to the rows of the larger one.

    Parameters
    ----------
    problem : whose adjustment sets say which of their columns are those of the smaller model.
    distribution : of the family: t for least squares, normal for logistic regression.
    side_of_protein : whether the protein is the response or the predictor beside a target.
    level : of the intervals.
    """

    problem: Problem
    distribution: Distribution
    side_of_protein: Callable[[Role], Scans]
    level: float

    def add(self, block: Block, fits: FitBlock) -> FitBlock:
        """Return the fits with the changes, or why there is none."""
        rows: list[tuple[int, int, _Row]] = []
        first = self.problem.first_coefficients.tolist()
        for m, model in enumerate(self.problem.models):
            if self.problem.adjustments[model.adjustment].base is None:
                continue
            for j in range(block.values.shape[0]):
                status = Status(int(fits.status[j, first[m]]))
                found: dict[str, float] | str = fits.messages.get((j, first[m]), "")
                if status == Status.ok:
                    found = self._compare(block, j, m)
                if isinstance(found, str):
                    status = Status.not_identified if status == Status.ok else status
                    told = {**dict.fromkeys(_NUMBERS, np.nan), "message": found or None}
                else:
                    told = {**found, "message": None}
                n = int(fits.n[j, first[m]])
                rows.append((j, m, {"n": n, **told, "status": status.name}))
        return replace(fits, details={**fits.details, CHANGES: Details.of_rows(rows)})

    def _compare(self, block: Block, j: int, m: int) -> dict[str, float] | str:
        """Compare the model of one protein with the one without the covariate."""
        target, a = self.problem.models[m].target, self.problem.models[m].adjustment
        columns, base = _put_base_first(self.problem.adjustments[a])
        side = self.side_of_protein(self.problem.targets[target].role)
        model = lay_out_whole(self.problem, block, j, m, side=side, columns=columns)
        there, last = model.independent, len(model.names) - 1
        added = (there >= base) & (there < columns.size)
        if not added.any():
            return "the covariate follows from the others"
        if not np.isin(np.arange(columns.size, last + 1), there).all():
            return "the term, or a covariate of the protein, follows from the covariate"
        y, unit = self._scale(model)
        first = self._influence(model.X[:, ~added], y, model.weights)
        second = self._influence(model.X, y, model.weights)
        if first is None or second is None:
            return f"no finite estimate {'without' if first is None else 'with'} the covariate"
        change = measure_change(first, second, clusters=model.clusters, level=self.level)
        if change is None:
            return "the covariate changes nothing: it goes with neither side of the model"
        return _tell(first, second, change, unit / float(model.units[1, last]))

    def _scale(self, model: WholeModel) -> tuple[F64, float]:
        """Return the response in a range that loses no digits, and the unit of it."""
        if self.distribution == "normal":
            return model.y, 1.0
        y, scales = condition_columns(model.y[:, None])
        return y[:, 0], float(scales[0])

    def _influence(self, X: F64, y: F64, weights: F64) -> Influence | None:
        estimate = influence_linear if self.distribution == "t" else influence_logistic
        return estimate(X, y, at=X.shape[1] - 1, weights=weights)


def _put_base_first(adjustment: Adjustment) -> tuple[I64, int]:
    """Return the columns with those of the smaller model first, and how many these are.

    Of columns that follow from one another the first stay.
    """
    base = adjustment.columns if adjustment.base is None else adjustment.base
    rest = [column for column in adjustment.columns.tolist() if column not in set(base.tolist())]
    return np.concatenate([base, np.array(rest, dtype=np.int64)]), base.size


def _tell(first: Influence, second: Influence, change: Change, unit: float) -> dict[str, float]:
    """Return the numbers of a row, in the units of the data."""
    statistic = change.change / change.se
    minus_log = neg_log10_p_normal(np.array([statistic]))
    return {
        "estimate_base": first.estimate * unit,
        "estimate": second.estimate * unit,
        "change": change.change * unit,
        "se": change.se * unit,
        "statistic": statistic,
        "neg_log10_p": float(minus_log[0]),
        "p_value": float(p_from_neg_log10(minus_log)[0]),
        "conf_low": change.low * unit,
        "conf_high": change.high * unit,
        "percent": change.percent,
        "percent_low": change.percent_low,
        "percent_high": change.percent_high,
    }
