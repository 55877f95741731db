"""The limits of analyses, drawn as the specification asks."""

from __future__ import annotations

from collections.abc import Sequence

from proteomr._typing import Bool
from proteomr.mediation.specification import MediationSpec
from proteomr.stats.generators import random_of
from proteomr.stats.mediation import Analysis
from proteomr.stats.mediation_draws import (
    Limits,
    draw_by_influence,
    draw_by_law,
    draw_by_refit,
    find_limits,
)
from proteomr.stats.resampling import Resamples

__all__ = ["draw_limits"]


def draw_limits(
    analyses: Sequence[Analysis],
    rows: Sequence[Bool],
    spec: MediationSpec,
    samples: Resamples | None,
) -> list[Limits | None]:
    """Return the limits of each analysis; None where they are those of estimate and error.

    Parameters
    ----------
    rows : ``(n,)`` of each, which people of the problem it is of.
    samples : of these people, where people are drawn.
    """
    if spec.bootstrap is None or not analyses:
        return [None] * len(analyses)
    if samples is None:
        # of the seed alone: all pairs have the same draws, as they have the same samples of people
        drawn = [
            draw_by_law(analysis, spec.draws, random_of(spec.seed, "monte-carlo"))
            for analysis in analyses
        ]
    elif spec.bootstrap == "influence":
        drawn = draw_by_influence(analyses, rows, samples)
    else:
        drawn = draw_by_refit(analyses, rows, samples)
    return [find_limits(each, level=spec.level) for each in drawn]
