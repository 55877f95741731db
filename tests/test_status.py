"""One vocabulary of statuses: what tables may hold is in it, and what is in it some table holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from proteomr.status import Status
from proteomr.tables import load_schema
from proteomr.tables.table import schema_names

ROOT = Path(__file__).parents[1]
LISTED = {
    name: column.values
    for name in schema_names()
    for column in load_schema(name).columns
    if column.name == "status"
}


def test_every_table_with_a_status_lists_those_that_it_may_hold() -> None:
    assert {"associations", "estimates"} <= set(LISTED)
    assert [name for name, values in LISTED.items() if not values] == []


def test_the_statuses_of_all_tables_are_the_vocabulary() -> None:
    assert {value for values in LISTED.values() for value in values} == set(Status.__members__)


def test_estimators_end_as_their_table_says() -> None:
    sources = (file.read_text("utf-8") for file in (ROOT / "proteomr" / "mr").rglob("*.py"))
    named = {name for source in sources for name in re.findall(r"\bStatus\.([a-z_]+)", source)}
    assert named == set(LISTED["estimates"])


def test_estimates_without_altering_variants_end_as_those_with_them() -> None:
    """Methods that rest on a whole genome use no instrument, and have no row there."""
    assert {*LISTED["without_altering"]} == {*LISTED["estimates"]} - {"needs_genome"}


@pytest.mark.parametrize("status", Status)
def test_every_status_says_what_it_means(status: Status) -> None:
    assert status.meaning.startswith(("has", "did", "lacks"))
    assert Status(int(status)) is Status[status.name] is status


def test_no_two_statuses_mean_the_same() -> None:
    assert len({status.meaning for status in Status}) == len(Status)
