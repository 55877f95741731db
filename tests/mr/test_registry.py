"""What a method must have beside its file, because it is listed: R's numbers, a row, a name."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.choice import build_joint_methods, build_methods, list_methods
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS, MultivariableMethod
from proteomr.tables import Harmonised
from tests.mr.data.sample import (
    Expected,
    read_expected_numbers,
    read_one_exposure,
    read_three_exposures,
)
from tests.mr.methods.examples import grow_genome

ROOT = Path(__file__).parents[2]
NUMBERS = read_expected_numbers()
FEW = 12
"""Variants of methods whose work doubles with each; R's numbers are of as many."""

KINDS: tuple[type[Method | MultivariableMethod], ...] = (
    *METHOD_CLASSES,
    *MULTIVARIABLE_METHODS,
)
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)


def key_of(name: str) -> str:
    return name.partition("(")[0]


def estimate(name: str, data: Harmonised) -> tuple[Estimate, ...]:
    random = np.random.default_rng(1)
    if name.startswith("mv_"):
        return build_joint_methods([name])[0].estimate(data, random=random)
    method = build_methods([name])[0]
    most = method.max_variants
    chosen = data if most is None else data.select(np.arange(min(most, FEW)))
    if method.needs_genome:
        chosen = dataclasses.replace(chosen, genome=grow_genome(chosen))
    return (method.estimate(chosen, random=random),)


@each
def test_r_s_numbers_stand_in_the_repository(
    kind: type[Method | MultivariableMethod],
) -> None:
    names = [name for name in NUMBERS if key_of(name) == kind.key]
    assert names, f"tests/mr/data/make_sample.R has no numbers of {kind.key}"
    proven = {quantity for name in names for _, quantity in NUMBERS[name]}
    measures = kind.measures if issubclass(kind, Method) else ("se",)
    given = {"estimate"} if kind.points else {"conf_low", "conf_high"}
    assert proven >= {*given, *({"se"} & set(measures))}


@pytest.mark.parametrize(("name", "numbers"), NUMBERS.items(), ids=list(NUMBERS))
def test_the_numbers_are_those_of_r(name: str, numbers: Expected) -> None:
    data = read_three_exposures() if name.startswith("mv_") else read_one_exposure()
    estimates = dict(zip(data.exposures, estimate(name, data), strict=True))
    for (exposure, quantity), (value, tolerance) in numbers.items():
        found = estimates[exposure]
        assert found.status.name == "ok", found.message
        # A mean over draws is known to some hundredths of its standard error.
        slack = 0.1 * found.se if quantity == "estimate" and tolerance > 0.01 else 0.0
        assert getattr(found, quantity) == pytest.approx(value, rel=tolerance, abs=slack)


def test_no_number_of_r_is_of_a_method_that_is_not_listed() -> None:
    assert {key_of(name) for name in NUMBERS} == {kind.key for kind in KINDS}


@each
def test_the_documentation_has_its_row(kind: type[Method | MultivariableMethod]) -> None:
    page = (ROOT / "docs" / "mendelian-randomisation.md").read_text("utf-8")
    row = re.search(rf"^\| `{kind.key}` \|.*\| doi:(\S+) \|", page, re.MULTILINE)
    assert row, f"docs/mendelian-randomisation.md has no row of {kind.key}"
    assert row[1] == kind.reference


@each
def test_what_it_declares_is_whole(kind: type[Method | MultivariableMethod]) -> None:
    assert kind.label
    assert kind.reference.startswith("10.")
    assert kind.min_variants >= 1
    text = str(kind.__doc__)
    base = "" if not issubclass(kind, Method) else str(kind.__mro__[1].__doc__)
    assert "Source:" in text + base or "R:" in text + base
    assert "Assumptions:" in text
    assert "Limits:" in text
    for field in dataclasses.fields(kind):
        assert re.search(rf"\b{field.name}\b.* : ", text + base), f"{field.name} is not described"


def test_no_name_means_two_methods() -> None:
    names = [name for kind in KINDS for name in (kind.key, *kind.aliases)]
    assert len(set(names)) == len(names)


def test_the_list_has_every_method_once() -> None:
    table = list_methods()
    assert table["key"].to_list() == [kind.key for kind in KINDS]
    assert table.null_count().sum_horizontal().item() == 0


@each
def test_the_sample_sizes_are_asked_for_where_they_are_declared(
    kind: type[Method | MultivariableMethod],
) -> None:
    joint = issubclass(kind, MultivariableMethod)
    data = read_three_exposures() if joint else read_one_exposure()
    unknown = dataclasses.replace(data, n_x=None, n_y=float("nan"))
    found = estimate(kind.key, unknown)[0]
    assert (found.status.name == "needs_sample_size") == kind.needs_sample_size
