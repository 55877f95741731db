"""How a fit or an estimate ended: one vocabulary for every table of results."""

from __future__ import annotations

from enum import IntEnum
from typing import Self

__all__ = ["Status"]


class Status(IntEnum):
    """The outcome of one fit; only ``ok`` comes with an ordinary estimate.

    The name is what stands in a table, ``meaning`` what it says of the row, and the number what
    arrays of fits hold. A table's schema lists those that it can have.

    Examples
    --------
    >>> Status.collinear.meaning
    'has a term that the others determine'
    >>> Status["too_few"] is Status(2)
    True
    """

    meaning: str

    ok = 0, "has an estimate"
    all_missing = 1, "has nobody with all that the fit needs"
    too_few = 2, "has fewer people or variants than it needs"
    infinite = 3, "has infinite values on its rows"
    untransformed = 4, "has values that the transform cannot take"
    constant = 5, "has a protein, an exposure or an outcome of one value"
    collinear = 6, "has a term that the others determine"
    separated = 7, "has an infinite maximum-likelihood estimate"
    not_converged = 8, "did not reach the accuracy that is asked of all"
    zero_effect = 9, "has an exposure on which no variant acts"
    not_identified = 10, "has data that do not determine the estimate"
    needs_sample_size = 11, "lacks the sample sizes that the method needs"
    needs_correlations = 12, "lacks the correlations of variants that the method needs"
    needs_genome = 13, "lacks the variants of the whole genome that the method needs"
    no_signal = 21, "has no significant variant to look around"
    same_data = 22, "has the same numbers in both of its studies"
    nothing_shared = 30, "has no variant in common with what it needs"
    not_positive = 31, "has correlations that nobody's genotypes can have"
    prior_too_large = 32, "has an effect beyond what its statistics allow"
    mismatched = 33, "has statistics that its correlations do not let expect"
    implausible_size = 34, "has a number of people that its statistics contradict"

    unchecked = (
        35,
        "has statistics of which it is not known whether their correlations let expect them",
    )

    def __new__(cls, code: int, meaning: str = "") -> Self:
        """Make a member of its number and what it means."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
