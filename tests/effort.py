"""How much of a search a run of the tests does: a share that is always the same, or all of it."""

from __future__ import annotations

import os

__all__ = ["choose", "often"]

THOROUGH = bool(os.environ.get("PROTEOMR_THOROUGH"))
"""Whether all is searched, as ``make thorough`` does: some minutes more."""


def often(usual: int, *, thorough: int) -> int:
    """How many designs are drawn: enough to find a fault of a kind, or all that were ever drawn."""
    return thorough if THOROUGH else usual


def choose(count: int, *, usual: int) -> list[int]:
    """Places 1 to count, or some: both ends, and one of each stretch between, where none is fixed.

    The place within its stretch moves on by the golden section, so that what happens every second
    or every tenth time is met as often as it should be.
    """
    if THOROUGH or count <= usual:
        return list(range(1, count + 1))
    width = (count - 2) / (usual - 2)
    inner = (1 + int(width * (k + 0.618034 * k % 1.0)) for k in range(usual - 2))
    return sorted({1, count, *(1 + place for place in inner)})
