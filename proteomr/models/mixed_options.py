"""What is asked of a mixed model: its random effects and what its tests refer to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest

__all__ = ["DDF", "Ddf", "MixedOptions"]

Ddf: TypeAlias = Literal["satterthwaite", "kr", "none"]
DDF: Final[tuple[Ddf, ...]] = get_args(Ddf)


@dataclass(frozen=True, slots=True)
class MixedOptions:
    """The random effects of a mixed model.

    Attributes
    ----------
    random : terms such as ``1|subject`` or ``time|subject``; several are independent.
    ddf : denominator degrees of freedom: Satterthwaite's, Kenward and Roger's with their adjusted
        standard errors, or none, for the normal distribution.
    kinship : whether people are related as a matrix beside says.

    Raises
    ------
    UsageError
        There is no such kind of degrees of freedom, or kinship and other random effects together.

    Examples
    --------
    >>> MixedOptions(("1|subject",)).asked
    True
    """

    random: tuple[str, ...] = ()
    ddf: Ddf = "satterthwaite"
    kinship: bool = False

    def __post_init__(self) -> None:
        random: object = self.random
        if isinstance(random, list):
            object.__setattr__(self, "random", tuple(random))
        elif not isinstance(random, tuple) or not all(isinstance(one, str) for one in random):
            raise UsageError('random: terms in a tuple are needed, such as ("1|subject",)')
        if self.ddf not in DDF:
            hint = nearest(self.ddf, DDF) or f": one of {', '.join(DDF)}"
            raise UsageError(f"there are no degrees of freedom {self.ddf!r}{hint}")
        if self.kinship and self.random:
            raise UsageError(
                "kinship and other random effects are two models: give --kinship or --random"
            )

    @property
    def asked(self) -> bool:
        """Whether any random effect is asked for."""
        return bool(self.random) or self.kinship
