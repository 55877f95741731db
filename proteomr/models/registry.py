"""The families there are, and the refusal of what one of them does not do."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, partial
from typing import cast

from proteomr.errors import UsageError, nearest
from proteomr.families import LISTED_FAMILIES, SURVIVAL_FAMILIES, ListedFamily
from proteomr.models.family import AnyFamily, FitOptions, Support
from proteomr.models.further import OF_LIKELIHOOD, JointTest
from proteomr.models.mixed_options import MixedOptions
from proteomr.models.ordinal_options import ORDER
from proteomr.models.targets import OutcomeTransform, Role

__all__ = ["Asked", "find_family", "list_families", "refuse_unsupported"]


def _import(listed: ListedFamily) -> type[AnyFamily]:
    home = importlib.import_module(f"proteomr.models.{listed.module}")
    return cast("type[AnyFamily]", getattr(home, listed.kind))


@cache
def list_families(*, of_survival: bool = False) -> tuple[type[AnyFamily], ...]:
    """Import and return the families of associations, or those of times, in the order of the list.

    A scan needs one of them, by :func:`find_family`: all together take longer to import than a
    small scan takes to run.

    Examples
    --------
    >>> [family.name for family in list_families()][:2]
    ['linear', 'logistic']
    """
    listed = SURVIVAL_FAMILIES if of_survival else LISTED_FAMILIES
    return tuple(map(_import, listed.values()))


@dataclass(frozen=True, slots=True)
class Asked:
    """What a scan asks of its family, beside a plain model."""

    options: FitOptions = field(default_factory=FitOptions)
    roles: frozenset[Role] = frozenset()
    weights: bool = False
    interaction: bool = False
    own_covariates: bool = False
    absorbed: int = 0
    outcome_transform: OutcomeTransform = "none"
    ordered: bool = False
    baseline: bool = False


def find_family(name: str) -> type[AnyFamily]:
    """Return the family of a name.

    Raises
    ------
    UsageError
        There is none.

    Examples
    --------
    >>> find_family("logistic").ratio
    'OR'
    """
    listed = {**LISTED_FAMILIES, **SURVIVAL_FAMILIES}
    if name not in listed:
        hint = nearest(name, listed) or f": one of {', '.join(listed)}"
        raise UsageError(f"there is no family {name!r}{hint}")
    return _import(listed[name])


def refuse_unsupported(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse what a family does not do, naming the families that do.

    Raises
    ------
    UsageError
        The family has not what is asked.

    Examples
    --------
    >>> refuse_unsupported(find_family("linear"), Asked(FitOptions(firth=True)))
    Traceback (most recent call last):
    ...
    proteomr.errors.UsageError: Firth's estimate is for the logistic family, not for linear
    """
    if asked.options.firth and (asked.options.errors != "classical" or asked.weights):
        raise UsageError("Firth's estimate has neither robust errors nor weights")
    for wanted, what, has in _list_wishes(asked):
        if wanted:
            _require(family, what, has)
    _refuse_beside(family, asked)
    _refuse_moderation(asked)
    _refuse_leverages(asked)
    _refuse_weights(family, asked)
    _refuse_times(asked)


def _list_wishes(asked: Asked) -> list[tuple[bool, str, Callable[[Support], bool]]]:
    """Return what may be asked: whether it is, in words, and which families have it."""
    options, kind = asked.options, asked.options.weight_kind
    moderation = options.moderation
    return [
        ("exposure" in asked.roles, "an exposure", lambda s: "exposure" in s.roles),
        ("outcome" in asked.roles, "an outcome", lambda s: "outcome" in s.roles),
        (asked.weights, "a weight", lambda s: bool(s.weighted_errors)),
        (asked.interaction, "an interaction", lambda s: s.interaction),
        (asked.own_covariates, "a covariate of each protein", lambda s: s.own_covariates),
        (
            asked.outcome_transform != "none",
            "a transform of outcomes",
            lambda s: s.outcome_transform,
        ),
        (options.coefficients, "a table of all coefficients", lambda s: s.coefficients),
        (not options.iv.is_default, "an instrument", lambda s: s.instruments),
        (options.mixed.asked, "a random effect", lambda s: s.random_effects),
        (options.mixed != MixedOptions(), "--ddf", lambda s: s.random_effects),
        (asked.ordered, "an ordered exposure", lambda s: s.ordered),
        *(
            (True, what, partial(_has_ordered, of_steps=what == ORDER and asked.ordered))
            for what in options.ordinal.asked
        ),
        (asked.baseline, "a baseline of each stratum", lambda s: s.baseline),
        *(
            (True, f"--{each.replace('_', '-')}", partial(_has_option, each))
            for each in options.survival.asked
        ),
        (options.survival.ties == "exact", "--ties exact", lambda s: s.exact_ties),
        (bool(options.firth), "Firth's estimate", lambda s: s.firth),
        (moderation.kind is not None, "moderation", lambda s: s.moderation),
        (moderation.block is not None, "a correlation within blocks", lambda s: s.moderation),
        (bool(moderation.contrasts), "a contrast of levels", lambda s: s.moderation),
        (asked.absorbed > 0, "an absorbed effect", lambda s: s.absorbed),
        (
            asked.weights,
            f"a {kind} weight",
            lambda s: bool(s.weighted_errors) and kind in s.weight_kinds,
        ),
        (True, options.errors, lambda s: options.errors in s.errors),
    ]


def _refuse_weights(family: type[AnyFamily], asked: Asked) -> None:
    errors, kind = asked.options.errors, asked.options.weight_kind
    if not asked.weights:
        if kind != "precision":
            raise UsageError(f"weights of kind {kind} need a column of weights (--weights NAME)")
        return
    if kind == "sampling" and errors == "classical":
        raise UsageError(
            "sampling weights have no classical errors: leave --se out for those of the survey "
            "design, or take HC0 to HC3, or CR0 or CR1 with --cluster"
        )
    if errors not in family.supports.weighted_errors:
        others = ", ".join(family.supports.weighted_errors)
        raise UsageError(f"{errors} is for equal weights: with weights {family.name} has {others}")


def _refuse_times(asked: Asked) -> None:
    """Refuse what has no meaning beside models of times."""
    if asked.options.survival.periods and asked.interaction:
        raise UsageError("periods and an interaction go in a run each")
    if asked.options.survival.ties != "exact":
        return
    beside = {
        "case weights": asked.weights,
        f"{asked.options.errors} errors or clusters": asked.options.errors != "classical",
        "Firth's estimate": bool(asked.options.firth),
        "tests of proportional hazards": asked.options.survival.zph is not None,
    }
    for what, given in beside.items():
        if given:
            raise UsageError(
                f"--ties exact goes not with {what}: take --ties efron, or leave the other out"
            )


def _refuse_blocks(asked: Asked) -> None:
    beside = {
        # before the errors, which weights bring with them
        f"weights of kind {asked.options.weight_kind}": asked.weights
        and asked.options.weight_kind != "precision",
        f"errors of kind {asked.options.errors}": asked.options.errors != "classical",
        "absorbed effects": asked.absorbed > 0,
    }
    for what, given in beside.items():
        if given:
            raise UsageError(f"blocks (--block) and {what} go not together: leave one out")
    if "outcome" in asked.roles:
        raise UsageError(
            "blocks (--block) share a correlation over proteins: they need --exposure, where the "
            "protein is the response"
        )


def _refuse_leverages(asked: Asked) -> None:
    """Refuse errors that need more of absorbed effects than what they leave of the columns."""
    errors = asked.options.errors
    if asked.absorbed and (errors == "CR2" or (errors in {"HC2", "HC3"} and asked.absorbed > 1)):
        others = "CR0 or CR1" if errors == "CR2" else "HC0 or HC1"
        several = "" if errors == "CR2" else "several "
        raise UsageError(
            f"{errors} needs leverages, which {several}absorbed effects have not: take {others}, "
            "or C(NAME) in the adjustment set"
        )


def _refuse_moderation(asked: Asked) -> None:
    options, errors = asked.options.moderation, asked.options.errors
    if options.contrasts and (asked.ordered or "outcome" in asked.roles):
        other = "--ordered" if asked.ordered else "--outcome"
        raise UsageError(f"contrasts (--contrast) are of an exposure's levels: leave {other} out")
    if options.block is not None:
        _refuse_blocks(asked)
    if options.kind is None:
        return
    if errors != "classical":
        raise UsageError(f"moderation is of classical errors: {errors} has no variance to moderate")
    if asked.options.weight_kind != "precision":
        raise UsageError(
            f"moderation is of residual variances, with weights of kind precision, not "
            f"{asked.options.weight_kind}"
        )
    if "outcome" in asked.roles:
        raise UsageError(
            "moderation is of the residual variances of proteins: it needs --exposure, where the "
            "protein is the response"
        )


def _refuse_beside(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse what stands beside the estimates and a family has not."""
    options = asked.options
    beside = options.further.is_asked or options.permutations.draws
    if family.supports.joint_tests and (beside or options.coefficients):
        _refuse_modified_rows(family, asked)
    if asked.options.further.is_asked:
        _refuse_further(family, asked)
    if asked.options.permutations.draws:
        _refuse_permutations(family, asked)


def _refuse_modified_rows(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse whole models of rows that are not each a person by itself."""
    modified = {
        "absorbed effects (--absorb)": asked.absorbed > 0,
        "blocks (--block)": asked.options.moderation.block is not None,
        "moderation (--moderate)": asked.options.moderation.kind is not None,
        "frequency weights": asked.options.weight_kind == "frequency"
        and not family.supports.whole_copies,
    }
    for what, given in modified.items():
        if given:
            raise UsageError(
                "joint tests, splines, tables of coefficients, --add-one and permutations are not "
                f"there beside {what}: ask for them in a run of their own"
            )


def _refuse_further(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse what a family does not tell beside its estimates, or has no meaning together."""
    options = asked.options
    further = options.further
    likelihood = [test for test in further.joint_tests if test in OF_LIKELIHOOD]
    if likelihood and options.errors != "classical":
        raise UsageError(
            f"the joint test {likelihood[0]} is of the likelihood, and errors are "
            f"{options.errors}: ask for wald"
        )
    if options.firth == "always" and "score" in further.joint_tests:
        raise UsageError("Firth's estimate has no score test: ask for lr or wald")
    if further.additive and not asked.interaction:
        raise UsageError("the additive scale is of an interaction: name its covariate")
    if further.nonlinear is not None and asked.interaction:
        raise UsageError("a spline and an interaction go in a run each")
    if further.add_one:
        _refuse_add_one(family, asked)
    for test in further.joint_tests:
        has = partial(_has_joint_test, test)
        _require(family, f"the joint test {test}", has)
    if further.nonlinear is not None:
        _require(family, "a spline", lambda s: s.nonlinear)
    if further.additive and family.distribution == "t":
        raise UsageError(
            f"in the {family.name} family the product is the interaction on the additive scale: "
            "its own rows tell it"
        )
    if further.additive:
        _require(family, "interaction on the additive scale", lambda s: s.additive)


def _refuse_add_one(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse changes of estimates that have no joint influence, or no one estimate."""
    _require(family, "a covariate added by itself (--add-one)", lambda s: s.add_one)
    beside = {
        "an interaction": asked.interaction,
        "Firth's estimate in all fits (--firth always)": asked.options.firth == "always",
        "an ordered exposure (--ordered)": asked.ordered,
        "a transform of outcomes": asked.outcome_transform != "none",
    }
    for what, given in beside.items():
        if given:
            raise UsageError(f"--add-one compares plain estimates: leave {what} out")


def _refuse_permutations(family: type[AnyFamily], asked: Asked) -> None:
    """Refuse permutations where people cannot be exchanged, or the score is of another model."""
    _require(family, "a permutation", lambda s: s.permutations)
    if asked.options.errors != "classical":
        errors = asked.options.errors
        raise UsageError(f"permutations are of scores, which have no errors such as {errors}")
    if asked.interaction:
        raise UsageError("permutations are of the main effect: leave the interaction out")
    if asked.outcome_transform != "none":
        raise UsageError(
            "permutations take outcomes as they are: transform them before, in a column"
        )


def _has_ordered(support: Support, *, of_steps: bool) -> bool:
    return support.ordinal or (of_steps and support.ordered)


def _has_option(name: str, support: Support) -> bool:
    return name in support.survival


def _has_joint_test(test: JointTest, support: Support) -> bool:
    return test in support.joint_tests


def _require(family: type[AnyFamily], what: str, has: Callable[[Support], bool]) -> None:
    if has(family.supports):
        return
    kin = list_families(of_survival=family.name in SURVIVAL_FAMILIES)
    able = [other.name for other in kin if has(other.supports)]
    if not able:
        raise UsageError(f"{what} is for no family that there is")
    names = " and ".join(filter(None, (", ".join(able[:-1]), able[-1])))
    plural = "family" if len(able) == 1 else "families"
    raise UsageError(f"{what} is for the {names} {plural}, not for {family.name}")
