"""Adjustment sets with a covariate more each."""

from __future__ import annotations

from collections.abc import Mapping

from proteomr.design import Formula, parse
from proteomr.errors import UsageError

__all__ = ["add_each"]


def add_each(sets: Mapping[str, Formula], text: str) -> dict[str, tuple[str, Formula]]:
    """Return sets with one covariate more, by label, each with the label of the set it adds to.

    Parameters
    ----------
    sets : adjustment sets by label.
    text : the covariates, in the grammar of sets; empty for none. A range such as PC1..PC20 is
        added as one, and a covariate that a set has already is not added to it.

    Raises
    ------
    FormulaError
        The text is outside the grammar.
    UsageError
        Nothing is added to any set, or a label is taken.

    Examples
    --------
    >>> sets = {"simple": parse("age"), "full": parse("age + bmi")}
    >>> [(label, base, str(each)) for label, (base, each) in add_each(sets, "bmi").items()]
    [('simple + bmi', 'simple', 'age + bmi')]
    """
    if not text:
        return {}
    found: dict[str, tuple[str, Formula]] = {}
    for label, formula in sets.items():
        for term in parse(text).terms:
            if term not in formula.terms:
                name = f"{label} + {term}"
                if name in sets:
                    raise UsageError(
                        f"--add-one makes a set {name!r}, and one has that label: give it another"
                    )
                found[name] = (label, Formula((*formula.terms, term)))
    if not found:
        raise UsageError(f"--add-one {text!r}: every adjustment set has these covariates already")
    return found
