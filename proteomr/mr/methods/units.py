"""Effects brought to the size of one by powers of two, and estimates brought back.

A power of two changes no digit of a number, so that every estimate is exactly equivariant: effects
in other units give the estimate in other units, and squares of effects of 1e-150 do not vanish.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.mr.methods.base import Cell, Estimate, FurtherRows
from proteomr.tables import Harmonised

__all__ = [
    "Powers",
    "bring_to_size",
    "find_exponents",
    "loses",
    "restore_units",
    "scale_effects",
    "scale_positive",
    "vanishes",
]

_NORMAL = float(np.finfo(np.float64).tiny)  # numbers from here on have all their digits
_LEAST, _MOST = 5e-324, float(np.finfo(np.float64).max)  # what a scaled number above zero stays in

Powers: TypeAlias = Mapping[str, tuple[int, int]]
"""By name of a detail, the powers of the outcome's and of the exposure's unit that it is in."""


def find_exponents(effects: F64, se: F64) -> I64:
    """Return the power of two that the largest effect or standard error of each set reaches.

    Parameters
    ----------
    effects, se : (..., m), the standard errors above zero.

    Returns
    -------
    (...) exponents; dividing by 2 to that power leaves numbers below one.

    Examples
    --------
    >>> int(find_exponents(np.array([0.3, -5.0]), np.array([0.1, 0.1])))
    3
    """
    if not effects.shape[-1]:
        return np.zeros(effects.shape[:-1], dtype=np.int64)
    largest = np.maximum(np.abs(effects).max(axis=-1), se.max(axis=-1))
    return np.asarray(np.frexp(largest)[1], dtype=np.int64)


def vanishes(before: F64, after: F64) -> Bool:
    """Whether a number of a set that is not zero became zero, or lost digits, when it was scaled.

    Examples
    --------
    >>> bool(vanishes(np.array([1.0, 1e-200]), np.array([1e-200, 0.0])))
    True
    """
    return np.asarray(((before != 0) & (np.abs(after) < _NORMAL)).any(axis=-1))


def scale_positive(value: float, power: int) -> float:
    """Return a parameter above zero times a power of two, kept finite and above zero.

    Examples
    --------
    >>> scale_positive(3.0, -1), scale_positive(1e-300, -200)
    (1.5, 5e-324)
    """
    with np.errstate(over="ignore"):
        return float(np.clip(np.ldexp(value, power), _LEAST, _MOST))


def loses(before: F64, after: F64) -> bool:
    """Whether a number of an array vanishes; most have none so small that each is looked at.

    Parameters
    ----------
    before, after : scaling, of any shape.

    Examples
    --------
    >>> loses(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    False
    """
    small = np.abs(after).min(initial=1.0) < _NORMAL
    return bool(small and vanishes(before.ravel(), after.ravel()))


def scale_effects(data: Harmonised, *, exposure: int, outcome: int) -> Harmonised | None:
    """Return the effects divided by powers of two; None where numbers are lost."""
    arrays = (data.beta_x, data.se_x, data.beta_y, data.se_y)
    exponents = (exposure, exposure, outcome, outcome)
    scaled = [np.ldexp(a, -e) for a, e in zip(arrays, exponents, strict=True)]
    if any(loses(before, after) for before, after in zip(arrays, scaled, strict=True)):
        return None
    genome = data.genome
    return replace(
        data,
        beta_x=scaled[0],
        se_x=scaled[1],
        beta_y=scaled[2],
        se_y=scaled[3],
        genome=None if genome is None else genome.scale(outcome=outcome, exposure=exposure),
    )


def bring_to_size(data: Harmonised) -> tuple[Harmonised, int] | None:
    """Return effects of the size of one, and the power of two of their ratios' unit.

    None where numbers are lost, so far apart are they. What stands beside the estimates of methods,
    which are scaled already, is found from these.

    Examples
    --------
    >>> import polars as pl
    >>> y, s = np.array([1e-200, 2e-200]), np.full(2, 1e-200)
    >>> named = pl.DataFrame({"variant_id": [1, 2]})
    >>> data = Harmonised(("x",), "y", named, np.ones((2, 1)), np.ones((2, 1)), y, s)
    >>> sized, unit = bring_to_size(data)
    >>> bool(np.all(np.ldexp(sized.beta_y / sized.x, unit) == y))
    True
    """
    exposure = int(find_exponents(data.x, data.sx))
    outcome = int(find_exponents(data.beta_y, data.se_y))
    sized = scale_effects(data, exposure=exposure, outcome=outcome)
    return None if sized is None else (sized, outcome - exposure)


def restore_units(found: Estimate, *, outcome: int, exposure: int, powers: Powers) -> Estimate:
    """Return an estimate of scaled effects in the units of the effects themselves.

    Parameters
    ----------
    found : of effects divided by powers of two.
    outcome, exposure : these powers.
    powers : of the details that have a unit.

    Examples
    --------
    >>> from proteomr.mr.methods.base import conclude
    >>> scaled = conclude(0.5, 0.25, nsnp=3)
    >>> restore_units(scaled, outcome=3, exposure=1, powers={}).estimate
    2.0
    """
    unit = outcome - exposure
    if not (outcome or exposure):
        return found
    details = {
        name: _scale(value, powers[name][0] * outcome + powers[name][1] * exposure)
        if name in powers
        else value
        for name, value in found.details.items()
    }
    return replace(
        found,
        estimate=_scale(found.estimate, unit),
        se=_scale(found.se, unit),
        conf_low=_scale(found.conf_low, unit),
        conf_high=_scale(found.conf_high, unit),
        intervals=tuple((_scale(low, unit), _scale(high, unit)) for low, high in found.intervals),
        details=details,
        further=tuple(_restore_rows(rows, outcome, exposure) for rows in found.further),
    )


def _restore_rows(rows: FurtherRows, outcome: int, exposure: int) -> FurtherRows:
    """Return rows whose columns with a unit are in that of the effects themselves."""

    def restore(cell: Cell, name: str) -> Cell:
        of_outcome, of_exposure = rows.powers[name]
        if not isinstance(cell, float):
            return cell
        return _scale(cell, of_outcome * outcome + of_exposure * exposure)

    columns = {
        name: [restore(cell, name) for cell in cells] if name in rows.powers else cells
        for name, cells in rows.columns.items()
    }
    return replace(rows, columns=columns)


def _scale(value: float, exponent: int) -> float:
    try:
        return math.ldexp(value, exponent)
    except OverflowError:
        return math.copysign(math.inf, value)
