from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, IdentifierError, NothingToDo
from proteomr.io.withdrawals import read_withdrawn, remove_withdrawn

PEOPLE = pl.DataFrame({"eid": ["1000001", "1000002", "1000003"], "age": [50, 61, 44]})


@pytest.mark.parametrize(
    "content",
    [
        b"1000002\n1000009\n",
        b"eid\r\n1000002\r\n1000009\r\n",
        b"\xef\xbb\xbf1000002,2021-05-01\n1000009,2021-05-02\n\n",
        b"date;eid\n2021;1000002\n2022;1000009\n",
        gzip.compress(b" 1000002 \n1000009\n1000009\n", mtime=0),
    ],
)
def test_withdrawals_are_read_with_and_without_header(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w12345.csv"
    path.write_bytes(content)
    assert read_withdrawn(path).to_list() == ["1000002", "1000009"]


def test_withdrawn_people_are_removed() -> None:
    kept = remove_withdrawn(PEOPLE, pl.Series(["1000002", "9"]), id_column="eid")
    assert kept["age"].to_list() == [50, 44]


def test_withdrawals_spelt_otherwise_are_refused_and_not_passed_over() -> None:
    with pytest.raises(IdentifierError, match="zeros in front") as raised:
        remove_withdrawn(PEOPLE, pl.Series(["001000002"]), id_column="eid")
    assert "1000002" not in str(raised.value)


def test_nobody_left_is_nothing_to_do() -> None:
    with pytest.raises(NothingToDo, match="all 3 people"):
        remove_withdrawn(PEOPLE, PEOPLE["eid"], id_column="eid")


def test_a_list_without_identifiers_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "w.csv"
    path.write_bytes(b"\n \n")
    with pytest.raises(FormatError, match="holds no identifier"):
        read_withdrawn(path)
    PEOPLE.write_parquet(path)
    with pytest.raises(FormatError, match="is parquet"):
        read_withdrawn(path)
