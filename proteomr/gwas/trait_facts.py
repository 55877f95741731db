"""What is said of a trait beside its rows: quantitative or of cases, people, spread, cases."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from proteomr.errors import UsageError

__all__ = ["TraitFacts", "TraitKind"]

TraitKind: TypeAlias = Literal["quant", "cc"]
"""A quantitative trait, or one of cases and controls."""


@dataclass(frozen=True, slots=True)
class TraitFacts:
    """What a user says of a trait; it checks itself.

    Parameters
    ----------
    kind : ``quant`` or ``cc``.
    n : people; None where a column tells them, or nothing does.
    sdy : standard deviation of a quantitative trait; None where it is to be estimated.
    case_share : share of cases of a trait of cases and controls.
    suffix : what stands behind the names of options, for messages: ``1`` of ``--n1``.

    Raises
    ------
    UsageError
        A number is out of its range, or does not apply to the kind.

    Examples
    --------
    >>> TraitFacts("cc", n=1000, case_share=0.3).kind
    'cc'
    """

    kind: TraitKind = "quant"
    n: float | None = None
    sdy: float | None = None
    case_share: float | None = None
    suffix: str = ""

    def __post_init__(self) -> None:
        end = self.suffix
        if self.n is not None and not (math.isfinite(self.n) and self.n > 2):
            raise UsageError(f"--n{end} {self.n:g}: a number of people above 2 is needed")
        if self.sdy is not None and not (math.isfinite(self.sdy) and self.sdy > 0):
            raise UsageError(f"--sdy{end} {self.sdy:g}: a standard deviation above 0 is needed")
        if self.case_share is not None and not 0 < self.case_share < 1:
            raise UsageError(
                f"--case-share{end} {self.case_share:g}: between 0 and 1 is needed, ends left out"
            )
        if self.kind == "cc" and self.sdy is not None:
            raise UsageError(f"--sdy{end} is of a quantitative trait; --type{end} cc has none")
        if self.kind == "quant" and self.case_share is not None:
            raise UsageError(f"--case-share{end} is of cases and controls: give --type{end} cc")
