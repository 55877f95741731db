"""Permutations of people, as they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proteomr.errors import UsageError

__all__ = ["Permutations"]

# Fewer can give no p value below a tenth.
_FEWEST = 9


@dataclass(frozen=True, slots=True)
class Permutations:
    """How many permutations are drawn, and what is made of them.

    Attributes
    ----------
    draws : how many; 0 for none.
    step_down : correct the largest score by the maximum over all proteins, each further one by
        that over those that are left (Westfall and Young 1993).
    seed : of all draws.

    Examples
    --------
    >>> Permutations(999).draws
    999
    """

    draws: int = 0
    step_down: bool = False
    seed: int = 1

    def __post_init__(self) -> None:
        if self.draws and self.draws < _FEWEST:
            least = 1.0 / (1 + max(self.draws, 1))
            raise UsageError(
                f"{self.draws} permutations give no p value below {least:.2f}: at least {_FEWEST} "
                "are needed, and a thousand are usual"
            )
        if self.step_down and not self.draws:
            raise UsageError("the step-down correction is of permutations: say how many")

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Permutations:
        """Return what was written as a mapping of JSON values."""
        return cls(**facts)
