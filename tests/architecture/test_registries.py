"""What stands in a folder stands in its registry once, and the command line offers all of it."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, get_args

import pytest
import typer.main
from proteomr_cli.ingest import Platforms
from proteomr_cli.main import app

from proteomr.families import FAMILY_NAMES, SURVIVAL_NAMES
from proteomr.io import PLATFORMS
from proteomr.models import Role, list_families
from proteomr.models.family import Family
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS, MultivariableMethod
from proteomr.tables import Platform, load_schema

ROOT = Path(__file__).parents[2]
IO = ROOT / "proteomr" / "io"


def test_every_platform_is_listed_once() -> None:
    rooms = {file.parent.name for file in IO.glob("*/reader.py")}
    homes = [type(platform).__module__ for platform in PLATFORMS]
    assert sorted(homes) == sorted(f"proteomr.io.{room}.reader" for room in rooms)


@pytest.mark.parametrize(
    ("room", "base", "registry"),
    [
        ("proteomr.models", Family, (*list_families(), *list_families(of_survival=True))),
        ("proteomr.mr.methods", Method, METHOD_CLASSES),
        ("proteomr.mr.multivariable", MultivariableMethod, MULTIVARIABLE_METHODS),
    ],
    ids=["families", "methods", "multivariable"],
)
def test_every_class_of_a_folder_is_listed_once(
    room: str, base: type, registry: tuple[type, ...]
) -> None:
    folder = importlib.import_module(room)
    modules = [importlib.import_module(f"{room}.{e.name}") for e in iter_modules(folder.__path__)]
    defined = [
        kind
        for module in modules
        for kind in vars(module).values()
        if inspect.isclass(kind)
        and issubclass(kind, base)
        and kind.__module__ == module.__name__
        and (hasattr(kind, "key") or hasattr(kind, "name"))  # without one it is a base of others
    ]
    assert sorted(map(str, defined)) == sorted(map(str, registry))


def test_platforms_have_the_names_that_stores_and_options_know() -> None:
    names = [platform.name for platform in PLATFORMS]
    assert sorted(names) == sorted(get_args(Platform))
    assert sorted(get_args(Platforms)) == sorted(["auto", *names])


def test_any_table_is_asked_last() -> None:
    assert PLATFORMS[-1].name == "table"


def test_families_have_the_names_that_options_tables_and_pages_know() -> None:
    names = [family.name for family in list_families()]
    assert list(FAMILY_NAMES) == names
    allowed = {column.name: column.values for column in load_schema("associations").columns}
    timed = [family.name for family in list_families(of_survival=True)]
    assert list(SURVIVAL_NAMES) == timed
    assert list(allowed["family"]) == [*names, *timed]
    methods = (ROOT / "docs" / "methods.md").read_text()
    assert [name for name in (*names, *timed) if f"\n| {name} |" not in methods] == []


def test_the_help_says_which_way_each_family_goes() -> None:
    group: Any = typer.main.get_command(app)
    options = {entry.name: entry for entry in group.commands["associate"].params}
    shown = options["family"].help
    for family in list_families():
        left, right = family.direction("exposure").split("~")
        assert f"{family.name}: {left} ~ {right}" in shown


def test_directions_of_the_table_are_those_that_families_have() -> None:
    allowed = {column.name: column.values for column in load_schema("associations").columns}
    roles = get_args(Role)
    had = {
        f.direction(role)
        for f in (*list_families(), *list_families(of_survival=True))
        for role in roles
    }
    assert set(allowed["direction"]) == had
