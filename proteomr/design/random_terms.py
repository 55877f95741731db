"""Random effects as text, ``time|subject``, to the formula of their columns and their group."""

from __future__ import annotations

from dataclasses import dataclass

from proteomr.design.formula import Formula
from proteomr.design.grammar import parse
from proteomr.errors import FormulaError

__all__ = ["RandomFormula", "parse_random"]

_EXAMPLES = 'such as "1|subject", or "time|subject" with a slope'


@dataclass(frozen=True, slots=True)
class RandomFormula:
    """A random intercept of a grouping factor, perhaps with slopes.

    Attributes
    ----------
    effects : formula of the columns, which has the intercept.
    group : columns whose levels together are the groups; of a nested factor the inner one first.
    """

    effects: Formula
    group: tuple[str, ...]

    @property
    def label(self) -> str:
        """Name of the grouping factor, as lme4 has it."""
        return ":".join(self.group)


def parse_random(text: str) -> tuple[RandomFormula, ...]:
    """Return the terms of a text: one, or of nested groups (``1|site/subject``) one for each.

    Raises
    ------
    FormulaError
        The text is no random effect.

    Examples
    --------
    >>> [term.label for term in parse_random("1|site/subject")]
    ['site', 'subject:site']
    """
    inner = text.strip()
    if inner.startswith("(") and inner.endswith(")"):
        inner = inner[1:-1]
    if "||" in inner:
        raise FormulaError(
            f"random effect {text!r}: slopes apart from their intercept are not offered; "
            "a single | has both with their correlation"
        )
    left, bar, right = (part.strip() for part in inner.partition("|"))
    if not bar or not left or not right or "|" in right:
        raise FormulaError(f"random effect {text!r}: one | is needed, {_EXAMPLES}")
    if left.replace(" ", "").startswith(("0", "-1")):
        raise FormulaError(f"random effect {text!r}: its intercept is part of it, {_EXAMPLES}")
    effects = parse(left)
    groups = [name.strip() for name in right.split("/")]
    terms: list[RandomFormula] = []
    outer: tuple[str, ...] = ()
    for group in groups:
        names = tuple(name.strip() for name in group.split(":"))
        if not all(names) or any(set("()+*~,; ") & set(name) for name in names):
            raise FormulaError(
                f"random effect {text!r}: after the | names of columns are needed, {_EXAMPLES}"
            )
        outer = (*names, *outer)
        terms.append(RandomFormula(effects, outer))
    return tuple(terms)
