"""What stands in a folder stands in its registry once, and the command line offers all of it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from proteomr_cli.ingest import Platforms

from proteomr.io import PLATFORMS
from proteomr.tables import Platform

IO = Path(__file__).parents[2] / "proteomr" / "io"


def test_every_platform_is_listed_once() -> None:
    rooms = {file.parent.name for file in IO.glob("*/reader.py")}
    homes = [type(platform).__module__ for platform in PLATFORMS]
    assert sorted(homes) == sorted(f"proteomr.io.{room}.reader" for room in rooms)


def test_platforms_have_the_names_that_stores_and_options_know() -> None:
    names = [platform.name for platform in PLATFORMS]
    assert sorted(names) == sorted(get_args(Platform))
    assert sorted(get_args(Platforms)) == sorted(["auto", *names])


def test_any_table_is_asked_last() -> None:
    assert PLATFORMS[-1].name == "table"
