from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.errors import IdentifierError
from proteomr.io.identifiers import find_id_column, locate_ids, match_ids, normalise_ids

NAMES = ("samples", "proteins")


def text(ids: Sequence[object]) -> pl.Series:
    return pl.Series("id", [str(i) for i in ids], dtype=pl.String)


@pytest.mark.parametrize(
    ("columns", "found"),
    [
        (["eid", "sample_id"], "sample_id"),
        (["ID", "IID"], "IID"),
        (["x", "SampleID"], "SampleID"),
        (["participant.eid", "age"], "participant.eid"),
        (["f.eid"], "f.eid"),
        (["participant_eid"], "participant_eid"),
    ],
)
def test_the_first_usual_name_is_found(columns: list[str], found: str) -> None:
    assert find_id_column(columns) == found


def test_a_wrong_name_lists_columns_and_the_nearest() -> None:
    with pytest.raises(IdentifierError) as raised:
        find_id_column(["patient", "age"], id_column="patiant")
    assert str(raised.value) == (
        "no identifier column 'patiant' (did you mean 'patient'?); columns: patient, age"
    )
    with pytest.raises(IdentifierError, match=r"--id.*'sampleid'.*columns: sampleid, age"):
        find_id_column(["sampleid", "age"])


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pl.Series([7, 10**18]), ["7", str(10**18)]),
        (pl.Series([7.0, 1e6]), ["7", "1000000"]),
        (pl.Series([" 007 ", "a b"]), ["007", "a b"]),
        (pl.Series(["x", "y"], dtype=pl.Categorical), ["x", "y"]),
    ],
)
def test_identifiers_become_comparable_text(ids: pl.Series, expected: list[str]) -> None:
    assert normalise_ids(ids).to_list() == expected


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        (pl.Series("ID", [1, None]), "column 'ID': 1 of 2 rows have no identifier"),
        (pl.Series("ID", [1.0, float("nan")]), "1 of 2 rows have no identifier"),
        (pl.Series("ID", ["a", "  "]), "1 of 2 rows have no identifier"),
        (pl.Series("ID", [4217, 4217, 5, 5, 5]), "column 'ID': 3 duplicated identifiers among 5"),
        (pl.Series("ID", ["4217", " 4217"]), "1 duplicated identifiers after trimming"),
        (pl.Series("ID", [1.5, 2.0]), "1 identifiers are not whole numbers below 2^53"),
        (pl.Series("ID", [2.0**53, 2.0]), "1 identifiers are not whole numbers below 2^53"),
        (pl.Series("ID", [True, False]), "holds Boolean; identifiers are text or whole numbers"),
    ],
)
def test_bad_identifiers_are_counted_and_never_shown(ids: pl.Series, message: str) -> None:
    with pytest.raises(IdentifierError) as raised:
        normalise_ids(ids)
    assert message in str(raised.value)
    assert "4217" not in str(raised.value)


@given(st.lists(st.integers(0, 50), unique=True), st.lists(st.integers(0, 50), unique=True))
def test_location_agrees_with_a_dictionary(left: list[int], right: list[int]) -> None:
    place = {value: position for position, value in enumerate(right)}
    found = locate_ids(text(left), among=text(right))
    assert found.tolist() == [place.get(value, -1) for value in left]


def test_a_match_counts_who_stands_alone() -> None:
    match = match_ids(text([5, 1, 9]), text([9, 5, 7, 8]), names=NAMES)
    assert match.left.tolist() == [0, 2]
    assert match.right.tolist() == [1, 0]
    assert (match.only_left, match.only_right) == (1, 2)


def test_a_small_overlap_without_another_spelling_is_accepted() -> None:
    assert match_ids(text(range(10)), text(range(8, 30)), names=NAMES).left.size == 2


@pytest.mark.parametrize(
    ("left", "right", "what"),
    [
        (["0041", "0042"], ["41", "42"], "zeros in front"),
        (["1000000", "42"], ["1e+06", "42.0"], "identifiers written as decimals"),
        (["a 1", "a 2"], ["a1", "a2"], "spaces inside"),
        (["ab", "cd"], ["AB", "CD"], "upper and lower case"),
        (["UKB_41", "UKB_42"], ["41", "42"], "a prefix before the number"),
        (["41_0", "42_0"], ["41", "42"], "a suffix after the number"),
    ],
)
def test_another_spelling_is_named_with_counts(
    left: list[str], right: list[str], what: str
) -> None:
    with pytest.raises(IdentifierError) as raised:
        match_ids(text(left), text(right), names=NAMES)
    assert "0 identifiers are shared: 2 in the samples, 2 in the proteins; 2 would be" in str(
        raised.value
    )
    assert what in str(raised.value)
    assert "41" not in str(raised.value)


def test_no_shared_identifier_is_refused_with_counts() -> None:
    with pytest.raises(IdentifierError, match="no identifier is shared: 2 in the samples, 1 in"):
        match_ids(text([1, 2]), text([77]), names=NAMES)
