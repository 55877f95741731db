"""Rows of the tables of a mediation analysis, as the fits of a block give them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from proteomr.mediation.specification import MediationSpec
from proteomr.models import Details
from proteomr.stats.distributions import quantile_normal
from proteomr.stats.e_values import e_values_of
from proteomr.stats.mediation import Analysis, PathEstimate, doubt_proportion
from proteomr.stats.mediation_draws import Limits
from proteomr.stats.mediation_effects import four_way_of_means, percentages, product_of_means
from proteomr.stats.mediation_joint import JOINT_EFFECTS
from proteomr.tables import columns as c

__all__ = ["COMPUTED", "MAIN", "Rows", "list_quantities", "main_quantity"]

MAIN = {"product": "indirect", "four-way": "nie", "perm": "perm", "counterfactual": "indirect"}
"""The quantity of each method that is none without mediation."""
COMPUTED = (c.STATISTIC, c.NEG_LOG10_P, c.P_VALUE, c.P_MAX, c.Q_COMPOSITE)
"""Columns that are known once all proteins are."""


def main_quantity(method: str) -> str:
    """Return the quantity of a method that is none without mediation.

    Examples
    --------
    >>> main_quantity("four-way")
    'nie'
    """
    return MAIN[method]


@dataclass(slots=True)
class Rows:
    """The rows of a block, gathered analysis by analysis.

    Parameters
    ----------
    spec : what is asked.
    """

    spec: MediationSpec
    _effects: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)
    _paths: list[tuple[int, int, dict[str, object]]] = field(default_factory=list)

    def add(
        self, at: tuple[int, int], n: int, cases: int, analysis: Analysis, limits: Limits | None
    ) -> None:
        """Add the quantities and paths of an analysis.

        Parameters
        ----------
        at : position of the protein in the block, and of the model in the problem.
        cases : below 0 where the outcome has none.
        """
        estimates, errors = analysis.estimates, analysis.standard_errors()
        told = {**doubt_proportion(analysis), **analysis.said}
        for position, quantity in enumerate(analysis.effects.names):
            estimate, se = float(estimates[position]), float(errors[position])
            drawn = ("", np.nan, np.nan)
            if limits is not None:
                ends = float(limits.low[position]), float(limits.high[position])
                drawn = (limits.describe(position, estimate), *ends)
            said = [told.get(quantity, ""), drawn[0], *analysis.notes]
            sound = bool(np.isfinite(estimate) and np.isfinite(se) and se > 0.0)
            if not sound:
                said.append("no finite estimate with an error above 0")
            row: dict[str, object] = {
                c.METHOD: self.spec.method,
                c.QUANTITY: quantity,
                c.ESTIMATE: estimate if sound else np.nan,
                c.SE: se if sound else np.nan,
                c.CONF_LOW: drawn[1] if sound else np.nan,
                c.CONF_HIGH: drawn[2] if sound else np.nan,
                c.N: n,
                c.N_CASE: None if cases < 0 else cases,
                c.STATUS: "ok" if sound else "not_identified",
                c.MESSAGE: "; ".join(filter(None, said)) or None,
                **_find_e_values(analysis, quantity, self.spec.level),
                **dict.fromkeys(COMPUTED, np.nan),
                **dict.fromkeys((c.DF, *c.POOLED)),
            }
            self._effects.append((*at, row))
        for path in analysis.paths:
            self._paths.append((*at, _describe_path(path)))

    def effects(self) -> Details:
        """Return the rows of the quantities."""
        return Details.of_rows(self._effects)

    def paths(self) -> Details:
        """Return the rows of the path diagrams."""
        return Details.of_rows(self._paths)


def _find_e_values(analysis: Analysis, quantity: str, level: float) -> dict[str, float]:
    """Return the E-value of a quantity that is a ratio, and of its limit nearer to none."""
    if quantity not in analysis.ratios:
        return {c.E_VALUE: np.nan, c.E_VALUE_LIMIT: np.nan}
    ratio = analysis.ratios[quantity]
    reach = float(quantile_normal(0.5 + level / 2.0)) * ratio.se
    log, se = np.array([ratio.log]), np.array([ratio.se])
    _, value, limit = e_values_of(log, se, log - reach, log + reach, ratio.measure)
    return {c.E_VALUE: float(value[0]), c.E_VALUE_LIMIT: float(limit[0])}


def _describe_path(path: PathEstimate) -> dict[str, object]:
    sound = bool(np.isfinite(path.estimate) and path.se > 0.0 and np.isfinite(path.se))
    return {
        c.PATH: path.path,
        c.ESTIMATE: path.estimate if sound else np.nan,
        c.SE: path.se if sound else np.nan,
        c.DF: path.df if np.isfinite(path.df) else np.nan,
        **dict.fromkeys((*COMPUTED[:3], c.CONF_LOW, c.CONF_HIGH), np.nan),
    }


def list_quantities(spec: MediationSpec) -> tuple[str, ...]:
    """Return the quantities of a specification, for fits that have none.

    Examples
    --------
    >>> list_quantities(MediationSpec("product", ("isolation",), ("bmi",)))
    ('total', 'direct', 'indirect', 'proportion', 'difference')
    """
    if spec.method == "perm":
        return percentages().names
    if spec.method == "four-way":
        return four_way_of_means().names
    if spec.joint:
        return JOINT_EFFECTS
    lines = spec.family == "linear" and not spec.interaction
    return (*product_of_means().names, *(("difference",) if lines else ()))
