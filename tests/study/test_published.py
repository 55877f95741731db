"""Published numbers beside those found: counts, values, what is expected, and what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.study import parse_study, run_study
from tests.study.toy_runner import ToyRunner

STAGES = {"scan": {"command": "toy", "samples": "people.parquet"}}
COUNT = {"what": "hits", "published": 2, "found": {"from": "scan", "where": "value > 1"}}


def compare(folder: Path, *findings: dict[str, Any]) -> pl.DataFrame:
    names = ["P0", "P1", "P2", "P2"]
    frame = pl.DataFrame({"protein": names, "value": [1.0, 2.0, 3.0, 4.0]})
    frame.write_parquet(folder / "people.parquet")
    study = parse_study({"stages": STAGES, "published": list(findings)}, folder=folder)
    run_study(study, folder / "out", runner=ToyRunner())
    return pl.read_parquet(folder / "out" / "published.parquet")


def test_a_count_is_of_names_and_a_value_is_of_one_row(tmp_path: Path) -> None:
    value = {"from": "scan", "where": "protein == P1", "column": "value"}
    told = compare(
        tmp_path,
        COUNT | {"expected": {"from": "scan", "where": "value > 2", "column": "value"}},
        {"what": "P1", "published": 2.5, "low": 2, "high": 3, "kind": "value", "found": value},
    )
    assert told["found"].to_list() == [2.0, 2.0]
    assert told["expected"].to_list() == [7.0, None]
    assert told["published_low"].to_list() == [None, 2.0]
    assert (tmp_path / "out" / "published.tsv").is_file()


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            {"from": "scan", "where": "protein == P2", "column": "value"},
            "2 rows, and one is needed",
        ),
        (
            {"from": "scan", "where": "protein == P9", "column": "value"},
            "0 rows, and one is needed",
        ),
        ({"from": "scan", "column": "valu"}, "no column 'valu'"),
        ({"from": "scan", "table": "hit", "column": "value"}, "has no table 'hit'"),
    ],
)
def test_what_is_not_found_is_empty_and_says_why(
    found: dict[str, Any], message: str, tmp_path: Path
) -> None:
    told = compare(tmp_path, {"what": "x", "published": 1, "kind": "value", "found": found})
    assert told["found"].to_list() == [None]
    assert message in told["message"][0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"published": "2"}, "published is a number, not '2'"),
        ({"kind": "mean"}, "kind is count or value"),
        ({"kind": "value"}, "needs a column"),
        ({"expected": {"from": "scan"}}, "needs a column"),
        ({"found": "scan"}, "found is taken of a stage"),
        ({"wat": 1}, r"has no key 'wat' \(did you mean 'what'\?\)"),
    ],
)
def test_mistakes_are_named_by_their_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=rf"^\[\[published\]\] 1.*{message}"):
        parse_study({"stages": STAGES, "published": [COUNT | change]})
    with pytest.raises(UsageError, match="published is a list of tables"):
        parse_study({"stages": STAGES, "published": {}})
