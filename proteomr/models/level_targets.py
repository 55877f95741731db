"""Targets of several levels as the columns that stand for them in a linear predictor."""

from __future__ import annotations

import numpy as np

from proteomr.models.targets import Target, TargetColumn, TargetKind

__all__ = ["LEVELS"]


def _read_levels(column: TargetColumn) -> Target | None:
    """Return a 0/1 column for each level but the reference, else the alphabetically first."""
    if column.role != "exposure" or column.numbers is not None:
        return None
    if column.n_levels > len(column.levels):
        return None
    labels = list(column.levels)
    first = labels.index(column.reference) if column.reference in labels else 0
    others = [place for place in range(len(labels)) if place != first]
    values = (column.codes[:, None] == np.array(others)).astype(np.float64)
    values[column.codes < 0] = np.nan
    contrasts = tuple(f"{labels[place]} vs {labels[first]}" for place in others)
    return Target(column.name, column.role, LEVELS.name, values, contrasts)


LEVELS = TargetKind("levels", "levels as text", _read_levels)
