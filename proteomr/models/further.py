"""What a model can be asked beside its estimates: more tests, and other scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

from proteomr.errors import UsageError, nearest

__all__ = ["OF_LIKELIHOOD", "Further", "JointTest"]

JointTest: TypeAlias = Literal["lr", "score", "wald"]
OF_LIKELIHOOD = frozenset({"lr", "score"})
"""Joint tests whose statistic is chi-squared in every family, also in those of F."""

# A spline of one is the line; more than ten bends are what no scan of proteins is asked for.
_FEWEST, _MOST = 2, 10


@dataclass(frozen=True, slots=True)
class Further:
    """What is asked of every model beside its estimates.

    Attributes
    ----------
    joint_tests : tests that the protein (or the exposure) has no effect: by the ratio of
        likelihoods, by Rao's score, by Wald's statistic.
    nonlinear : degrees of freedom of a natural spline to hold its line against; None without.
    additive : whether the interaction is also measured on the additive scale.
    add_one : covariates, such as ``bmi + C(education)``, each of which is added by itself to every
        adjustment set, to tell by how much the estimate changes; empty for none.

    Examples
    --------
    >>> Further(("lr",)).is_asked, Further().is_asked
    (True, False)
    """

    joint_tests: tuple[JointTest, ...] = ()
    nonlinear: int | None = None
    additive: bool = False
    add_one: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "joint_tests", tuple(dict.fromkeys(self.joint_tests)))
        for test in self.joint_tests:
            if test not in get_args(JointTest):
                known = get_args(JointTest)
                hint = nearest(test, known) or f": one of {', '.join(known)}"
                raise UsageError(f"there is no joint test {test!r}{hint}")
        if self.nonlinear is not None and not _FEWEST <= self.nonlinear <= _MOST:
            raise UsageError(
                f"a spline of {self.nonlinear} degrees of freedom: {_FEWEST} to {_MOST} are needed "
                "to hold a line against it"
            )

    @property
    def is_asked(self) -> bool:
        """Whether anything is asked."""
        return self != Further()

    @property
    def is_of_models(self) -> bool:
        """Whether anything is asked of single models, and not of two of them."""
        return replace(self, add_one="") != Further()

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Further:
        """Return what was written as a mapping of JSON values."""
        return cls(**{**facts, "joint_tests": tuple(facts.get("joint_tests", ()))})
