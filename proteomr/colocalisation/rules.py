"""What is asked of pairs of traits: priors, and what is written of their variants."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from proteomr.errors import UsageError

__all__ = ["PairMethod", "PairRule", "WrittenVariants"]

PairMethod: TypeAlias = Literal["abf", "susie", "conditional"]
"""How the signals of a trait in a region are told apart."""
WrittenVariants: TypeAlias = Literal["all", "credible", "none"]
"""Which variants stand in the table ``coloc_snps``."""

_P12: Final = {"abf": 1e-5, "susie": 5e-6, "conditional": 5e-6}
"""Coloc's: half as much for each pair of signals as for two traits."""


@dataclass(frozen=True, slots=True)
class PairRule:
    """Priors of pairs of traits, and what is written.

    Attributes
    ----------
    method : how signals are told apart.
    p1, p2 : prior probabilities that a variant is causal for the first and for the second trait.
    p12 : that it is causal for both; None for the method's own: 1e-5 for abf, else 5e-6.
    coverage : of the credible sets of shared variants.
    variants : which variants are written.
    lead_p : largest p value of a lead, for messages.

    Raises
    ------
    UsageError
        A number is out of its range, or p12 is larger than p1 or p2.

    Examples
    --------
    >>> PairRule().shared, PairRule("susie").shared
    (1e-05, 5e-06)
    """

    method: PairMethod = "abf"
    p1: float = 1e-4
    p2: float = 1e-4
    p12: float | None = None
    coverage: float = 0.95
    variants: WrittenVariants = "all"
    lead_p: float = 5e-8

    def __post_init__(self) -> None:
        for name, value in (("--p1", self.p1), ("--p2", self.p2), ("--p12", self.shared)):
            if not (math.isfinite(value) and 0.0 < value < 1.0):
                raise UsageError(f"{name} {value:g}: a probability between 0 and 1 is needed")
        if self.shared > min(self.p1, self.p2):
            raise UsageError(
                f"--p12 {self.shared:g} is above --p1 {self.p1:g} or --p2 {self.p2:g}: what is "
                "causal for both is causal for each; lower p12"
            )
        if not 0.0 < self.coverage < 1.0:
            raise UsageError(f"--coverage {self.coverage:g}: between 0 and 1 is needed")

    @property
    def shared(self) -> float:
        """The prior probability that a variant is causal for both."""
        return _P12[self.method] if self.p12 is None else self.p12

    @property
    def grid(self) -> tuple[float, ...]:
        """Values of p12 for the sensitivity: from p1 p2, as if by chance, to all that there is.

        Two a decade, both ends among them, as ``coloc::prior.adjust`` has them by default.
        """
        low, high = math.log10(self.p1 * self.p2), math.log10(min(self.p1, self.p2))
        steps = max(1, round(2 * (high - low)))
        return tuple(10 ** (low + (high - low) * i / steps) for i in range(steps + 1))
