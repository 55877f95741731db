"""`proteomr fields` prints or writes the list of fields of one or several definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer
from proteomr_cli import main
from proteomr_cli.fields import fields
from proteomr_cli.help import GroupedCommand

OWN = """
title = "Own"

[rule.lives_alone]
title = "Lives alone"
kind = "threshold"
field = 709
at_most = 1
missing = [-1, -3]

[follow_up]
end = 2022-11-30

[[outcome]]
name = "stroke"
event = [131360]
"""
MORE = """
title = "More"

[rule.age]
title = "Age"
kind = "copy"
field = 21003
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.toml"
    path.write_text(OWN)
    return path


@pytest.fixture(autouse=True)
def only_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
    app.command(cls=GroupedCommand)(fields)
    app.callback()(lambda: None)
    monkeypatch.setattr(main, "app", app)


def test_the_list_is_printed_a_name_per_line(proteomr: Any, own: Path) -> None:
    ending = proteomr("fields", "--definition", own)
    assert (ending.code, ending.err) == (0, "")
    names = ["eid", "p53_i0", "p709_i0", "p40000_i0", "p40000_i1", "p131360", "p131361"]
    assert ending.out.split() == names


def test_several_definitions_are_put_together(proteomr: Any, own: Path) -> None:
    more = own.with_name("more.toml")
    more.write_text(MORE)
    style = ("--style", "extract-dataset", "--instance", "2")
    ending = proteomr("fields", "--definition", own, "--definition", more, *style)
    assert ending.code == 0
    assert ending.out.startswith("participant.eid,participant.p53_i2,participant.p709_i2,")
    assert ending.out.count("\n") == 1
    assert "participant.p21003_i2" in ending.out


def test_a_file_is_written_once_and_then_only_on_request(proteomr: Any, own: Path) -> None:
    out = own.with_name("fields.txt")
    arguments = ("fields", "--definition", own, "--style", "ukb-format", "-o", out)
    ending = proteomr(*arguments)
    assert (ending.code, ending.out) == (0, f"{out}\n")
    assert out.read_text() == "53\n709\n40000\n131360\n131361\n"
    refused = proteomr(*arguments)
    assert refused.code == 3
    assert refused.message.endswith("already there; choose another name, or give --overwrite")
    assert proteomr(*arguments, "--overwrite").code == 0


def test_titles_and_needs_are_a_table(proteomr: Any, own: Path) -> None:
    ending = proteomr("fields", "--definition", own, "--style", "titles")
    assert ending.out.split("\n")[0].split() == ["field", "title", "needed", "by"]
    assert "lives_alone" in ending.out


def test_the_study_is_the_default(proteomr: Any) -> None:
    ending = proteomr("fields")
    assert ending.code == 0
    asked = set(ending.out.split())
    assert {"eid", "p31", "p2020_i0", "p6160_i0", "p22009_a20", "p131296", "p131297"} <= asked


def test_a_definition_that_does_not_exist_is_answered_with_the_nearest(proteomr: Any) -> None:
    ending = proteomr("fields", "--definition", "shen2052")
    assert ending.code == 2
    assert "shen2025" in ending.message


def test_a_definition_of_own_columns_alone_asks_for_nothing(proteomr: Any, own: Path) -> None:
    own.write_text(MORE.replace("field = 21003", 'column = "age_years"'))
    ending = proteomr("fields", "--definition", own)
    assert ending.code == 5
    assert "reads no field" in ending.message


def test_the_help_shows_how_the_platform_takes_the_list(proteomr: Any) -> None:
    shown = proteomr("fields", "--help").out
    assert 'dx extract_dataset "$DATASET" -o participants.csv\n' in shown
    assert "-ientity=participant -ifield_names_file_txt=fields.txt\n" in shown
