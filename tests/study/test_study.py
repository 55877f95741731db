"""Study files: what they say, the order of their stages, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proteomr.errors import FormatError, UsageError
from proteomr.study import From, list_after, order_stages, parse_study, read_study_file
from proteomr.study.defaults import spread_defaults


def study(**stages: Any) -> Any:
    return parse_study({"stages": stages})


def test_stages_go_after_what_they_need_and_else_as_written() -> None:
    read = study(
        d={"samples": {"from": "b"}}, c={}, b={"adjust": {"full": {"from": "a"}}}, a={},
        e={"only-proteins": {"from": "c", "where": "x > 1", "union": [{"from": "d"}, "GDF15"]}},
    )  # fmt: skip
    assert [stage.name for stage in order_stages(read)] == ["c", "a", "b", "d", "e"]
    assert read.stage("e").needs == ("c", "d")
    assert list_after(read, ["b"]) == ("b", "d", "e")


def test_results_are_taken_as_files_and_names_by_a_rule() -> None:
    read = study(a={}, b={"samples": {"from": "a", "table": "samples"}})
    assert not read.stage("b").options["samples"].chooses
    rule = From("a", where=("q_bh < 0.05", "term == x"), column="gene", union=("REN",))
    assert rule.chooses
    assert rule.rule == "gene of a where q_bh < 0.05 and term == x; and REN"


def test_defaults_are_of_the_commands_that_take_them() -> None:
    read = parse_study(
        {
            "defaults": {"samples": {"from": "qc"}, "adjust": {"a": "age"}, "proteins": "p.csv"},
            "stages": {
                "qc": {"command": "qc"},
                "scan": {"adjust": {"b": "sex"}, "proteins": {"from": "qc", "where": "x > 1"}},
            },
        }
    )
    known = {"qc": ["samples"], "scan": ["samples", "proteins", "only-proteins", "adjust"]}
    spread = spread_defaults(read, known.__getitem__)
    assert dict(spread.stages[0].options) == {}  # of itself it takes nothing
    assert spread.stages[1].options["adjust"] == {"b": "sex"}
    assert spread.stages[1].options["proteins"] == "p.csv"
    assert spread.stages[1].options["only-proteins"] == From("qc", where=("x > 1",))


def test_an_empty_option_takes_no_default() -> None:
    defaults = {"adjust": {"a": "age"}, "where": ["x > 1"]}
    read = parse_study({"defaults": defaults, "stages": {"scan": {"adjust": {}, "where": []}}})
    spread = spread_defaults(read, lambda _: ["adjust", "where"])
    assert dict(spread.stages[0].options) == {}


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({}, r"no stage: write \[stages.NAME\]"),
        ({"stages": {}}, "no stage"),
        ({"stages": {"a": 1}}, r"\[stages.a\] is a table of options"),
        ({"stage": {"a": {}}}, r"no key 'stage' \(did you mean 'stages'\?\)"),
        ({"stages": {"a/b": {}}}, "a stage's name has letters"),
        ({"stages": {"Mr": {}, "mr": {}}}, "stages 'Mr' and 'mr' would have one folder"),
        ({"stages": {"a": {"out": "x"}}}, "out is of `run` itself"),
        ({"stages": {"a": {"command": 3}}}, "command and about are text"),
        ({"stages": {"a": {"after": [3]}}}, "text, or a list of texts"),
        ({"stages": {"a": {"x": {"from": "b", "wher": "y"}}}}, "did you mean 'where'"),
        ({"stages": {"a": {"x": {"from": 3}}}}, "from is text"),
        ({"stages": {"a": {"x": {"from": "b", "union": "REN"}}}}, "union is a list"),
        ({"stages": {"a": {"x": {"from": "b", "union": [3]}}}}, "union has names"),
        ({"stages": {"a": {}}, "defaults": []}, r"\[defaults\] is a table"),
    ],
)
def test_what_is_no_study_is_said_in_one_line(facts: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_study(facts)


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ({"a": {"after": ["a"]}}, "stage 'a' takes its own results"),
        ({"assoc": {}, "b": {"after": ["asoc"]}}, r"needs 'asoc', .*did you mean 'assoc'"),
        (
            {"z": {"after": ["c"]}, "a": {"after": ["b"]}}
            | {"b": {"after": ["c"]}, "c": {"after": ["a"]}},
            "in a circle: c needs a needs b needs c",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_ordered_is_said(stages: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        order_stages(study(**stages))


def test_an_option_that_a_command_has_not_is_said_before_anything_runs() -> None:
    read = study(scan={"adjst": {"a": "age"}})
    with pytest.raises(UsageError, match=r"stage 'scan': scan has no option 'adjst' .*'adjust'"):
        spread_defaults(read, {"scan": ["adjust"]}.__getitem__)


def test_a_file_is_named_in_what_is_said_of_it(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text("[stages]\n")
    with pytest.raises(UsageError, match=r"study.toml: no stage"):
        read_study_file(file)
    file.write_text("[stages.a\n")
    with pytest.raises(FormatError, match=r"study.toml"):
        read_study_file(file)
    file.write_text('title = "T"\n[stages.a]\nabout = "why"\n')
    read = read_study_file(file)
    assert (read.title, read.folder, read.stages[0].about) == ("T", tmp_path, "why")
