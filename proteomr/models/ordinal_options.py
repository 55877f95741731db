"""What is asked of regressions of an ordered response beside their models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from proteomr.errors import UsageError, nearest
from proteomr.stats.cumulative_links import LINKS, Link

__all__ = ["ORDER", "OrdinalOptions"]

# What steps of an exposure may be given as well, whatever the family.
ORDER = "an order of levels"


@dataclass(frozen=True, slots=True)
class OrdinalOptions:
    """What is asked of an ordered response.

    Parameters
    ----------
    link : of the cumulative chances.
    levels : columns with their levels from the lowest to the highest, where neither numbers nor the
        column's own categories order them.
    brant : test the parallel slopes of every covariate by Brant's statistic too.

    Raises
    ------
    UsageError
        An unknown link, or levels that give no order.

    Examples
    --------
    >>> OrdinalOptions(levels={"grade": "low,mid,high"}).order_of("grade")
    ('low', 'mid', 'high')
    >>> OrdinalOptions(link="probit").asked
    ('the probit link',)
    """

    link: Link = "logit"
    levels: Mapping[str, str] | tuple[tuple[str, str], ...] = ()
    brant: bool = False

    def __post_init__(self) -> None:
        """Keep the levels as pairs, which stay what they are."""
        pairs = self.levels.items() if isinstance(self.levels, Mapping) else self.levels
        object.__setattr__(self, "levels", tuple((name, text) for name, text in pairs))
        if self.link not in LINKS:
            hint = nearest(self.link, LINKS) or f": one of {', '.join(LINKS)}"
            raise UsageError(f"there is no link {self.link!r}{hint}")
        if self.brant and self.link != "logit":
            raise UsageError(f"Brant's test compares logits: it has no {self.link} link")
        for name, text in self._pairs:
            parts = [part.strip() for part in text.split(",")]
            if len(parts) < 2 or not all(parts):
                raise UsageError(
                    f"--levels {name}: two levels or more are needed with commas between, such as "
                    f'{name}="low,mid,high", not {text!r}'
                )
            repeated = [part for part in parts if parts.count(part) > 1]
            if repeated:
                raise UsageError(f"--levels {name}: {repeated[0]!r} is given twice")

    @property
    def _pairs(self) -> tuple[tuple[str, str], ...]:
        return tuple(self.levels) if not isinstance(self.levels, Mapping) else ()

    @property
    def asked(self) -> tuple[str, ...]:
        """What is asked beyond the defaults, in words."""
        said = (
            (self.link != "logit", f"the {self.link} link"),
            (bool(self.levels), ORDER),
            (self.brant, "Brant's test"),
        )
        return tuple(words for is_asked, words in said if is_asked)

    @property
    def ordered(self) -> tuple[str, ...]:
        """Names of the columns whose levels are given."""
        return tuple(name for name, _ in self._pairs)

    def order_of(self, name: str) -> tuple[str, ...] | None:
        """Return the levels of a column from the lowest to the highest, where they are given."""
        text = dict(self._pairs).get(name)
        return None if text is None else tuple(part.strip() for part in text.split(","))

    def to_dict(self) -> dict[str, object]:
        """Return what is asked as JSON values."""
        levels = [list(pair) for pair in self._pairs]
        return {"link": self.link, "levels": levels, "brant": self.brant}

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> OrdinalOptions:
        """Return what :meth:`to_dict` wrote."""
        return cls(**{**facts, "levels": tuple((name, text) for name, text in facts["levels"])})
