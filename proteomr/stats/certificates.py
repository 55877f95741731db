"""Whether an iteration ended at an optimum, judged by what its path did not use."""

from __future__ import annotations

import math

__all__ = ["DISTANCE", "find_doubt"]

DISTANCE = 1e-8
"""Standard errors that a solution may lie from the exact optimum.

Far below what a standard error is worth, and above what rounding leaves of a score in which one
point lies 1e6 standard errors off (some 1e-10).
"""

_RISE = 1e-9  # of an objective in units of -2 log likelihood: 3e-5 standard errors' worth
_ROUNDING = 1e-12  # of a sum of squares, relative: a few hundred terms


def find_doubt(
    *,
    distance: float,
    curvature: float,
    value: float = 0.0,
    rival: float = math.inf,
    bound: float = DISTANCE,
) -> str | None:
    """Return what speaks against a solution being the optimum, or None.

    Parameters
    ----------
    distance : length of a further Newton step in standard errors, from the score and information at
        the solution.
    curvature : smallest eigenvalue of the information there; above zero at an optimum.
    value : objective that was minimised.
    rival : the least value of the objective that was seen anywhere else, starts included.
    bound : of the distance; wider only for a path whose end another package defines.

    Examples
    --------
    >>> find_doubt(distance=1e-12, curvature=2.0) is None
    True
    >>> find_doubt(distance=1e-12, curvature=2.0, value=3.0, rival=1.0)
    'a better solution was seen than the one that the iteration came to'
    """
    if not (math.isfinite(distance) and math.isfinite(curvature) and math.isfinite(value)):
        return "the score, the information or the objective is not a finite number"
    if not curvature > 0.0:
        return "the information at the solution is not above zero"
    if not 0.0 <= distance <= bound:
        return f"the score at the solution is not zero: {distance:.1e} standard errors off"
    if value > rival + _RISE + _ROUNDING * abs(rival):
        return "a better solution was seen than the one that the iteration came to"
    return None
