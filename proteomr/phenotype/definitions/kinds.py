"""The kinds of rule that a definition may use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Protocol

from proteomr.phenotype.answers import Answers, Parts, Summary, Takes
from proteomr.phenotype.definitions.combining import AllOf, AnyOf, Cross, Linear, Product, Sum
from proteomr.phenotype.definitions.one_question import Component, Copy, Cut, Recode, Threshold
from proteomr.phenotype.keys import Keys

__all__ = ["KINDS", "Kind"]


class Kind(Protocol):
    """What every kind of rule provides.

    `kind` is its name in a definition, `summary` how its result is counted, `takes` what its
    sources hold (one value each, numbers, one or several codes, lists of numbers), `parts` how
    many of them there are at least and at most (None: any number).
    """

    kind: ClassVar[str]
    summary: ClassVar[Summary]
    takes: ClassVar[Takes]
    parts: ClassVar[tuple[int, int | None]]

    @classmethod
    def parse(cls, keys: Keys, /) -> Kind:
        """Take the keys of the kind from the table of a rule."""
        ...

    def apply(self, parts: Parts) -> Answers:
        """Return the value of each person from the named answers of the sources."""
        ...


_ALL: Final[tuple[type[Kind], ...]] = (
    Copy,
    Recode,
    Threshold,
    Cut,
    Component,
    Sum,
    Product,
    Linear,
    AllOf,
    AnyOf,
    Cross,
)
KINDS: Final[Mapping[str, type[Kind]]] = {kind.kind: kind for kind in _ALL}
