"""The random effects of a problem as arrays: terms of grouping factors, and relatedness."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from proteomr._typing import F64, I64, Bool
from proteomr.stats.relatedness import Relatedness

__all__ = ["RandomEffects", "RandomTerm"]


@dataclass(frozen=True, slots=True)
class RandomTerm:
    """A random intercept of a grouping factor, perhaps with slopes that go with it.

    Attributes
    ----------
    group : name of the grouping factor.
    codes : ``(n,)``, group of each row; -1 where missing.
    effects : ``(n, q)``, the intercept first; NaN where missing.
    names : of the effects.
    """

    group: str
    codes: I64
    effects: F64
    names: tuple[str, ...]

    @property
    def complete(self) -> Bool:
        """Where it has a value ``(n,)``."""
        return np.asarray((self.codes >= 0) & ~np.isnan(self.effects).any(axis=1))

    def take(self, rows: I64 | Bool) -> RandomTerm:
        """Return the term on some rows."""
        return replace(self, codes=self.codes[rows], effects=self.effects[rows])

    def weigh(self, root: F64) -> RandomTerm:
        """Return the term on rows that are multiplied by numbers ``(n,)``."""
        return replace(self, effects=self.effects * root[:, None])


@dataclass(frozen=True, slots=True)
class RandomEffects:
    """The random effects of a model: independent terms, or relatedness.

    Attributes
    ----------
    terms : of grouping factors.
    kinship : of the rows; None without.
    """

    terms: tuple[RandomTerm, ...] = ()
    kinship: Relatedness | None = None

    @property
    def complete(self) -> Bool:
        """Where all have a value ``(n,)``."""
        parts = [term.complete for term in self.terms]
        if self.kinship is not None:
            parts.append(self.kinship.known)
        return np.asarray(np.logical_and.reduce(parts))

    def take(self, rows: I64 | Bool) -> RandomEffects:
        """Return the effects on some rows."""
        kinship = None if self.kinship is None else self.kinship.take(rows)
        return RandomEffects(tuple(term.take(rows) for term in self.terms), kinship)

    def weigh(self, root: F64) -> RandomEffects:
        """Return the effects on rows that are multiplied by numbers ``(n,)``."""
        kinship = None if self.kinship is None else self.kinship.weigh(root)
        return RandomEffects(tuple(term.weigh(root) for term in self.terms), kinship)
