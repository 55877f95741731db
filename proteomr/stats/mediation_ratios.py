"""Effects of two regressions as ratios of risks, or in spreads of the outcome, for E-values."""

from __future__ import annotations

import numpy as np

from proteomr.stats.mediation import Analysis, LogRatio, Scaled, measure_error
from proteomr.stats.mediation_regressions import OutcomeLink

__all__ = ["list_ratios"]


def list_ratios(
    analysis: Analysis, scaled: Scaled, *, link: OutcomeLink, four_way: bool
) -> dict[str, LogRatio]:
    """Return direct and indirect effects as ratios of risks, or in spreads of a linear outcome.

    Parameters
    ----------
    analysis : whose first parameters, of an outcome that is not linear, are the mean outcomes
        mu(1,1), mu(1,0), mu(0,1), mu(0,0).
    """
    names, trio = ("nde", "nie") if four_way else ("direct", "indirect"), scaled.trio
    if link == "linear":
        y = scaled.outcome
        spread = float(np.sqrt(trio.shares @ (y - trio.shares @ y) ** 2)) * scaled.outcome_unit
        at = [analysis.effects.names.index(name) for name in names]
        estimates, errors = analysis.estimates[at], analysis.standard_errors()[at]
        return {
            name: LogRatio(float(estimate), float(error), "difference")
            for name, estimate, error in zip(
                names, estimates / spread, errors / spread, strict=True
            )
        }
    means, moves = analysis.parameters[:4], analysis.influence[:, :4]
    with np.errstate(divide="ignore", invalid="ignore"):  # a mean of 0 has no ratio
        relative, logs = moves / means, np.log(means)
    pairs = {names[0]: (1, 3), names[1]: (0, 1)}
    return {
        name: LogRatio(
            float(logs[over] - logs[under]),
            measure_error((relative[:, over] - relative[:, under])[:, None], trio.clusters),
            "RR",
        )
        for name, (over, under) in pairs.items()
    }
