from __future__ import annotations

import polars as pl
import pytest

from proteomr.errors import ColumnError
from proteomr.tables import load_schema
from proteomr.tables.sumstats import CHROMOSOME_LENGTHS, CHROMOSOMES, SUMSTATS, SumStats


def row(**changes: object) -> pl.DataFrame:
    empty = load_schema("sumstats").empty()
    given = {"variant_id": "rs1", "chromosome": "X", "beta": 0.1, "se": 0.02} | changes
    return pl.DataFrame([{name: given.get(name) for name in empty.columns}], schema=empty.schema)


def test_the_named_columns_are_those_of_the_schema() -> None:
    assert load_schema("sumstats").names == SUMSTATS


@pytest.mark.parametrize(
    ("column", "value"), [("chromosome", "23"), ("build", "hg19"), ("eaf", 1.2), ("se", -0.1)]
)
def test_what_no_column_may_hold_is_refused(column: str, value: object) -> None:
    with pytest.raises(ColumnError, match=column):
        SumStats(row(**{column: value}))


def test_traits_are_told_in_the_order_of_their_first_row() -> None:
    frame = pl.concat([row(trait=name) for name in ("LDL", "ADM", "LDL")])
    assert SumStats(frame).traits == ("LDL", "ADM")


def test_every_chromosome_has_a_length_on_both_builds() -> None:
    for lengths in CHROMOSOME_LENGTHS.values():
        assert tuple(lengths) == CHROMOSOMES
        assert sum(lengths.values()) == pytest.approx(3.09e9, rel=0.01)
