"""Published numbers beside those found: counts, values, what is expected, and what is not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.study import From, parse_study, run_study
from proteomr.study.findings import Finding
from proteomr.study.published import compare_published
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
    ("kind", "more", "found"),
    [
        ("rows", {}, 3.0),
        ("share", {"of": {"from": "scan"}}, 0.75),
        ("mean", {}, 3.0),
        ("least", {}, 2.0),
        ("largest", {}, 4.0),
    ],
)
def test_rows_are_counted_shared_out_and_reduced(
    kind: str, more: dict[str, Any], found: float, tmp_path: Path
) -> None:
    rows = {"from": "scan", "where": "value > 1", "column": "value"}
    told = compare(tmp_path, {"what": "x", "published": 1, "kind": kind, "found": rows} | more)
    assert told["found"].to_list() == [found]


def test_limits_say_whether_numbers_agree(tmp_path: Path) -> None:
    names = ["estimate", "conf_low", "conf_high", "ratio", "hits", "hits_low", "hits_high"]
    values = [0.1, 0.0, 0.2, 1.105, 3.0, 0.0, 1.0]
    frame = pl.DataFrame(
        {"protein": ["P0"], **dict(zip(names, ([v] for v in values), strict=True))}
    )
    place = tmp_path / "table.parquet"
    frame.write_parquet(place)
    taken = {name: From("scan", column=name) for name in names}
    told = compare_published(
        [
            Finding("ratio", 1.3, taken["ratio"], "value", 1.2, 1.4, expected=taken["estimate"]),
            Finding("estimate", None, taken["estimate"], "value", expected=taken["estimate"]),
            Finding("more than", None, taken["estimate"], "value", low=0.05),
            Finding("hits", 2, From("scan"), expected=taken["hits"]),
        ],
        lambda *_: place,
    )
    assert told["found_high"].to_list()[0] == pytest.approx(np.exp(0.2))
    assert told["within_published"].to_list() == [False, None, True, None]
    assert told["holds_expected"].to_list() == [False, True, None, True]
    assert told["expected_high"].to_list() == [None, None, None, 1.0]
    assert told["message"].to_list() == [
        None, "the published number is not known to us", None, None,
    ]  # fmt: skip


def test_numbers_of_a_stage_that_is_not_there_are_refused() -> None:
    with pytest.raises(UsageError, match=r"takes a table of stage 'skan', and there is none"):
        parse_study({"stages": STAGES, "published": [COUNT | {"found": {"from": "skan"}}]})


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
        ({"kind": "meen"}, r"not 'meen' \(did you mean 'mean'"),
        ({"kind": "mean"}, "needs a column"),
        ({"kind": "share"}, 'of \\(rows\\) goes with kind = "share"'),
        ({"of": {"from": "scan"}}, "and with that alone"),
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
