from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest

from proteomr.errors import IdentifierError, InputError
from proteomr.tables import (
    ArrayProteins,
    Cohort,
    Drop,
    ProteinCovariate,
    load_schema,
    tabulate_drops,
)
from proteomr.tables.cohort import check_ids

PROTEINS = ArrayProteins(("A", "B"), np.zeros((2, 2)))


def cohort(ids: Sequence[object] = ("1", "2"), *, proteins: ArrayProteins = PROTEINS) -> Cohort:
    return Cohort(
        samples=pl.DataFrame({"eid": ids}),
        id_column="eid",
        proteins=proteins,
        assays=pl.DataFrame({"protein": ["A", "B"]}),
        drops=(Drop("load", "withdrawn", 3),),
    )


def test_drops_become_a_table() -> None:
    assert cohort().drops_table.rows() == [("load", "withdrawn", 3)]
    assert cohort().n == 2


@pytest.mark.parametrize("ids", [["2", "1"], ["1", "1"], [1, 2], ["1", None]])
def test_identifiers_are_sorted_unique_text(ids: Sequence[object]) -> None:
    with pytest.raises(IdentifierError):
        cohort(ids)


def test_samples_proteins_and_assays_fit_each_other() -> None:
    with pytest.raises(InputError, match="3 people in the proteins, 2 in the samples"):
        cohort(proteins=ArrayProteins(("A", "B"), np.zeros((3, 2))))
    with pytest.raises(InputError, match="order of the proteins"):
        cohort(proteins=ArrayProteins(("B", "A"), np.zeros((2, 2))))


def test_a_covariate_tells_whether_proteins_share_a_column() -> None:
    assert ProteinCovariate("gap", PROTEINS, (1, 0)).distinct
    assert not ProteinCovariate("gap", PROTEINS, (1, 1)).distinct
    with pytest.raises(InputError, match="a column beyond the 2 there are"):
        ProteinCovariate("gap", PROTEINS, (0, 2))


def test_ids_that_are_absent_name_the_column_and_the_rows() -> None:
    with pytest.raises(IdentifierError, match="no identifier column 'eid' among the samples"):
        check_ids(pl.DataFrame({"ID": ["1"]}), "eid", among="samples")


def test_no_drops_are_a_table_without_rows() -> None:
    table = tabulate_drops([])
    assert table.schema == load_schema("drops").empty().schema
    assert table.height == 0
