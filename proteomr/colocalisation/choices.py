"""What a user says of traits, and of how their signals are found."""

from __future__ import annotations

from dataclasses import dataclass

from proteomr.gwas.region_traits import TraitOutline
from proteomr.gwas.trait_facts import TraitFacts, TraitKind
from proteomr.stats.susie import SusieOptions

__all__ = ["SusieRule", "TraitChoice"]


@dataclass(frozen=True, slots=True)
class TraitChoice:
    """What is said of the traits of a side; what is not is taken from their files.

    Attributes
    ----------
    kind : ``quant`` or ``cc``; None for cases and controls where a file tells cases.
    n : people; None for those that the file tells.
    sdy : standard deviation of a quantitative trait; None to estimate it.
    case_share : share of cases; None for that of the file.
    suffix : behind the names of options, for messages.

    Raises
    ------
    UsageError
        A number is out of its range, or does not fit the kind.

    Examples
    --------
    >>> TraitChoice("cc", case_share=0.4).case_share
    0.4
    """

    kind: TraitKind | None = None
    n: float | None = None
    sdy: float | None = None
    case_share: float | None = None
    suffix: str = ""

    def __post_init__(self) -> None:
        TraitFacts(self._guess(), self.n, self.sdy, self.case_share, self.suffix)

    def settle(self, trait: TraitOutline) -> TraitFacts:
        """Return what is known of a trait.

        Parameters
        ----------
        trait : whose rows may tell people and cases.
        """
        cases, people = trait.n_case, trait.n
        counted = cases is not None and people is not None and 0 < cases < people
        kind = self.kind or ("cc" if counted and self.sdy is None else self._guess())
        share = self.case_share
        if kind == "cc" and share is None and counted:
            share = trait.case_share
        return TraitFacts(kind, self.n, self.sdy, share if kind == "cc" else None, self.suffix)

    def _guess(self) -> TraitKind:
        """Return the kind that is told, or that the share of cases tells."""
        return self.kind or ("cc" if self.case_share is not None else "quant")


@dataclass(frozen=True, slots=True)
class SusieRule:
    """How the credible sets of a trait are found, see `proteomr.stats.susie.SusieOptions`.

    Attributes
    ----------
    effects : most signals of a trait in a region.
    coverage : of its credible sets.
    min_purity : smallest absolute correlation within a set.

    Raises
    ------
    UsageError
        A number is out of its range.

    Examples
    --------
    >>> SusieRule(effects=5).options().effects
    5
    """

    effects: int = 10
    coverage: float = 0.95
    min_purity: float = 0.5

    def __post_init__(self) -> None:
        self.options()

    def options(self, *, most_rounds: int = 100) -> SusieOptions:
        """Return them as the fit takes them.

        Parameters
        ----------
        most_rounds : after which it gives up.
        """
        return SusieOptions(
            effects=self.effects,
            coverage=self.coverage,
            min_purity=self.min_purity,
            most_rounds=most_rounds,
        )
