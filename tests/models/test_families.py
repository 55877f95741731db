"""The registry of families: who is in it, what they say of themselves, and what they refuse."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest

import proteomr.models
from proteomr.errors import ColumnError, UsageError
from proteomr.models import (
    NUMBERS,
    TWO_LEVELS,
    AnyFamily,
    Asked,
    Block,
    Distribution,
    Family,
    FitBlock,
    FitOptions,
    Scans,
    Status,
    Target,
    TargetColumn,
    find_family,
    list_families,
    refuse_unsupported,
)
from proteomr.models.family import Ratio
from proteomr.models.targets import Role
from proteomr.stats.sandwich import ErrorKind

named = pytest.mark.parametrize("family", list_families(), ids=lambda family: str(family.name))


def families_of_the_folder() -> set[type[AnyFamily]]:
    modules = [
        importlib.import_module(f"proteomr.models.{entry.name}")
        for entry in pkgutil.iter_modules(proteomr.models.__path__)
    ]
    return {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Family) and not inspect.isabstract(kind)
    }


def test_every_family_of_the_folder_is_listed_once() -> None:
    listed = (*list_families(), *list_families(of_survival=True))
    assert set(listed) == families_of_the_folder()
    assert len({family.name for family in listed}) == len(listed)


@named
def test_what_a_family_says_of_itself_is_of_the_closed_choices(family: type[AnyFamily]) -> None:
    assert family.scans in get_args(Scans)
    assert family.distribution in get_args(Distribution)
    assert family.ratio is None or family.ratio in get_args(Ratio)
    assert family.takes
    assert set(family.supports.roles) <= set(get_args(Role))
    assert set(family.supports.weighted_errors) <= set(family.supports.errors)
    assert set(family.supports.errors) <= set(get_args(ErrorKind))
    assert family.__doc__


@named
def test_a_family_is_found_by_its_name_and_built_with_what_is_asked(
    family: type[AnyFamily],
) -> None:
    assert find_family(family.name) is family
    options = FitOptions(level=0.9)
    assert family(options).options is options


@named
def test_beside_an_outcome_the_protein_is_the_predictor_in_every_family(
    family: type[AnyFamily],
) -> None:
    assert family.side_of_protein("outcome") == "predictor"
    assert family.direction("outcome") == "outcome~protein"
    assert family.direction("exposure") in {"protein~exposure", "exposure~protein"}
    assert (family.direction("exposure") == "protein~exposure") == (family.scans == "response")


@pytest.mark.parametrize("name", ["", "logitic", "Linear", "tobit", "coxx"])
def test_an_unknown_family_is_refused_and_none_stands_in_for_it(name: str) -> None:
    with pytest.raises(UsageError, match=f"there is no family '{name}'"):
        find_family(name)


@named
def test_no_family_opens_the_last_gate(family: type[AnyFamily]) -> None:
    assert family.fit is Family.fit


class Bare(Family[None]):
    """A family that does nothing beside plain models of exposures."""

    name = "bare"
    scans = "response"
    takes = (NUMBERS,)
    distribution = "t"
    ratio = None
    supports = replace(find_family("linear").supports, roles=("exposure",), errors=("classical",))

    def prepare(self, problem: Any) -> None:
        """Nothing."""

    def fit_block(self, state: None, block: Any) -> Any:
        """Return an estimate without an error, as ok."""
        fits = FitBlock.empty(1, 1)
        fits.accept(np.array([0]), 0, estimate=np.array([1.0]), se=np.array([0.0]))
        return fits

    def describe_path(self, state: None) -> str:
        """Nothing."""
        return ""


def test_an_ok_without_an_error_leaves_no_family() -> None:
    nobody = np.empty((1, 0))
    fits = Bare().fit(None, Block(nobody, nobody[:, None], nobody > 0.0))
    assert fits.status[0, 0] == Status.not_converged
    assert np.isnan(fits.estimate[0, 0])


PLAIN = replace(
    Bare.supports, weighted_errors=(), interaction=False, firth=False, own_covariates=False
)
ASKED: list[tuple[Asked, str]] = [
    (Asked(roles=frozenset({"outcome"})), "an outcome is for the .*, not for bare"),
    (Asked(weights=True), "a weight is for the .*, not for bare"),
    (Asked(interaction=True), "an interaction is for the .*, not for bare"),
    (Asked(own_covariates=True), "a covariate of each protein is for the .*, not for bare"),
    (Asked(FitOptions(firth=True)), "Firth's estimate is for the logistic family, not for bare"),
    (Asked(FitOptions(errors="HC3")), "HC3 is for the .*, not for bare"),
    (Asked(FitOptions(errors="CR2")), "CR2 is for the linear and logistic families, not for bare"),
]


@pytest.mark.parametrize(("asked", "message"), ASKED)
def test_what_a_family_does_not_do_is_refused_by_what_does(
    asked: Asked, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Bare, "supports", PLAIN)
    with pytest.raises(UsageError, match=f"^{message}$"):
        refuse_unsupported(Bare, asked)


@named
@pytest.mark.parametrize("kind", get_args(ErrorKind))
@pytest.mark.parametrize("weights", [False, True])
def test_every_kind_of_error_is_supported_or_refused(
    family: type[AnyFamily], kind: ErrorKind, *, weights: bool
) -> None:
    supports = family.supports
    able = kind in (supports.weighted_errors if weights else supports.errors)
    asked = Asked(FitOptions(errors=kind), weights=weights)
    if able:
        refuse_unsupported(family, asked)
        return
    with pytest.raises(
        UsageError, match="weight" if weights and not supports.weighted_errors else kind
    ):
        refuse_unsupported(family, asked)


def column(values: list[float], *, text: bool = False) -> TargetColumn:
    levels = sorted(set(values))
    return TargetColumn(
        name="x",
        role="exposure",
        numbers=None if text else np.array(values),
        codes=np.array([levels.index(value) for value in values]),
        n_levels=len(levels),
        levels=tuple(f"{level:g}" for level in levels),
    )


def test_two_levels_are_nought_and_one_whatever_they_are_called() -> None:
    target = TWO_LEVELS.read(column([5.0, 2.0, 5.0]))
    assert target is not None
    assert (target.values.tolist(), target.contrasts) == ([1.0, 0.0, 1.0], ("5 vs 2",))
    assert TWO_LEVELS.read(column([1.0, 2.0, 3.0])) is None


def test_numbers_are_as_they_are_and_text_is_none() -> None:
    target = NUMBERS.read(column([5.0, 2.0, 3.5]))
    assert target is not None
    assert (target.values.tolist(), target.contrasts) == ([5.0, 2.0, 3.5], (None,))
    assert NUMBERS.read(column([1.0, 2.0, 3.0], text=True)) is None


@named
def test_a_column_of_no_kind_that_a_family_takes_is_refused_by_what_it_needs(
    family: type[AnyFamily], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "takes", (TWO_LEVELS,))
    needs = f"it needs two levels for the {family.name} family"
    with pytest.raises(ColumnError, match=rf"has 3 levels \(1, 2, 3\): {needs};"):
        family.read_target(column([1.0, 2.0, 3.0]))
    others = "; --family .*multinomial takes groups without an order, .*$"
    with pytest.raises(ColumnError, match=f"has 6 levels: {needs}{others}"):  # and names no level
        family.read_target(column([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    with pytest.raises(ColumnError, match=f"has 30 levels: {needs}$"):
        family.read_target(column(list(range(30))))


def test_a_target_of_several_numbers_is_observed_where_all_are() -> None:
    times = np.array([[0.0, 1.0], [1.0, np.nan], [np.nan, np.nan]])
    target = Target("death", "outcome", "time", times)
    assert target.observed.tolist() == [True, False, False]
    assert target.take(np.array([0])).values.shape == (1, 2)
