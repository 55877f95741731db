"""Every column of every schema says what it tells of people."""

from __future__ import annotations

import pytest

from proteomr.errors import InputError
from proteomr.tables import ColumnSchema, load_schema, schema_names

COUNTS = {"n", "n_case", "people", "at_risk", "events", "withdrawn", "n_left", "n_left_out"}
PERSONS = {"id", "sample_id"}
# n of genes, proteins or variants, under the name that R's tables have.
NO_PEOPLE = {
    *("module_summary", "preservation", "tree"),
    *("estimates", "without_altering", "cluster_estimates"),
}


@pytest.mark.parametrize("name", schema_names())
def test_every_column_has_a_class_of_disclosure(name: str) -> None:
    without = [column.name for column in load_schema(name).columns if not column.disclosure]
    assert without == []


@pytest.mark.parametrize("name", schema_names())
def test_people_are_counts_and_identifiers_are_persons(name: str) -> None:
    for column in load_schema(name).columns:
        if column.name in PERSONS:
            assert column.disclosure == "person", column.name
        if column.name in COUNTS and name not in NO_PEOPLE:
            assert column.disclosure in {"count", "person"}, column.name
        if column.name == "message":
            assert column.disclosure in {"count", "person"}


@pytest.mark.parametrize("name", schema_names())
def test_the_error_of_a_share_is_a_share(name: str) -> None:
    """Both are functions of the same counts."""
    classes = {column.name: column.disclosure for column in load_schema(name).columns}
    if "se" in classes and "estimate" not in classes and "share" in classes.values():
        assert classes["se"] in {"share", "person"}


def test_a_class_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match=r"no disclosure 'counts' \(did you mean 'count'\?\)"):
        ColumnSchema("n", "integer", "people", disclosure="counts")  # type: ignore[arg-type]
