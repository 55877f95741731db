from __future__ import annotations

import polars as pl
import pytest

from proteomr.errors import ColumnError, IdentifierError
from proteomr.tables import Fields, name_field

ANSWERS = pl.DataFrame(
    {"eid": ["1", "2"], "p2020_i0": [1, -3], "p2020_i2": [0, None], "age": [4, 5]}
)


def test_a_field_is_found_by_its_number_and_instance() -> None:
    fields = Fields(ANSWERS)
    assert fields.n == 2
    assert fields.get(2020).to_list() == [1, -3]
    assert fields.get(2020, 2).to_list() == [0, None]
    assert fields.has(2020, 2)
    assert not fields.has(2020, 1)
    assert name_field(2020, 2) in fields.frame.columns


def test_a_column_of_no_field_keeps_its_name() -> None:
    assert Fields(ANSWERS).column("age").to_list() == [4, 5]


def test_an_absent_field_is_named_with_the_nearest() -> None:
    with pytest.raises(ColumnError, match=r"no column 'p2020_i1' \(did you mean 'p2020_i"):
        Fields(ANSWERS).get(2020, 1)


@pytest.mark.parametrize("ids", [["2", "1"], ["1", "1"], ["1", None], [1, 2]])
def test_identifiers_are_sorted_unique_text(ids: list[object]) -> None:
    frame = ANSWERS.with_columns(pl.Series("eid", ids))
    with pytest.raises(IdentifierError, match="identifiers 'eid' of the participants are"):
        Fields(frame)


def test_the_identifier_may_have_another_name() -> None:
    assert Fields(ANSWERS.rename({"eid": "person"}), id_column="person").n == 2
    with pytest.raises(IdentifierError, match="no identifier column 'eid' among the participants"):
        Fields(ANSWERS.drop("eid"))
