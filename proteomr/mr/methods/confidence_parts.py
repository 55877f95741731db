"""Confidence sets that may have several parts, as rows of a table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from proteomr.mr.methods.base import Cell, FurtherRows

__all__ = ["tabulate_parts"]


def tabulate_parts(test: str, parts: Sequence[tuple[float, float]]) -> FurtherRows:
    """Return the parts of a set as rows of the table ``confidence_sets``; an empty set is part 0.

    Parameters
    ----------
    test : whose set it is.
    parts : from low to high, infinite where they are open.

    Examples
    --------
    >>> rows = tabulate_parts("k", [(-math.inf, 1.0)]).columns
    >>> rows["part"], rows["low"], rows["open_low"], rows["high"]
    ([1], [None], [True], [1.0])
    """
    lows: list[Cell] = [low if math.isfinite(low) else None for low, _ in parts]
    highs: list[Cell] = [high if math.isfinite(high) else None for _, high in parts]
    count = len(parts)
    columns: dict[str, Sequence[Cell]] = {
        "test": [test] * max(count, 1),
        "part": list(range(1, count + 1)) or [0],
        "low": lows or [None],
        "high": highs or [None],
        "open_low": [math.isinf(low) for low, _ in parts] or [False],
        "open_high": [math.isinf(high) for _, high in parts] or [False],
    }
    return FurtherRows("confidence_sets", columns, powers=dict.fromkeys(("low", "high"), (1, -1)))
