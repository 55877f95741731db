"""What a notebook shows of tables: safe whatever names hold, and what is left out is said."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import polars as pl
import pytest

from proteomr.runs import Results
from proteomr.tables import Associations, load_schema
from proteomr.tables.showing import show_table

HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(1)</script>",
    "</td></tr></table><h1>out",
    '" onmouseover="alert(1)',
    "&lt;b&gt; stays as it is typed",
    "a\nb\x1b[31m\u202e",
]
ALLOWED = {"p", "b", "table", "thead", "tbody", "tr", "th", "td"}


class Parts(HTMLParser):
    """Tags with their attributes, and the texts of cells."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[Any] = []
        self.cells: list[str] = []
        self.inside = False
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[Any]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.inside = tag in {"td", "th"}
        if self.inside:
            self.cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.cells[-1] += data


def make_associations(names: list[str]) -> pl.DataFrame:
    schema = load_schema("associations")
    m = len(names)
    held: dict[str, Any] = {
        "protein": names,
        "exposure": "lonely",
        "adjustment": "full",
        "family": "linear",
        "direction": "protein~exposure",
        "term": "lonely",
        "n": 1_234,
        "estimate": [0.1 * i for i in range(m)],
        "se": 0.1,
        "neg_log10_p": [float(i) for i in range(m)],
        "p_value": [10.0**-i for i in range(m)],
        "status": "ok",
    }
    given = pl.DataFrame({name: held[name] for name in held})
    columns = [
        pl.col(c.name) if c.name in held else pl.lit(None, c.stored).alias(c.name)
        for c in schema.columns
        if not c.optional
    ]
    return given.select(columns)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_of_a_table_becomes_a_tag(name: str) -> None:
    table = Associations(make_associations([name]))
    results = Results(name, name, None, {name: pl.DataFrame({name: [name], "n": [1]})})
    for page in (table._repr_html_(), results._repr_html_()):
        parts = Parts(page)
        assert set(parts.tags) <= ALLOWED
        assert parts.attributes == []
        assert "\x1b" not in page
        assert "\u202e" not in page


@pytest.mark.parametrize("name", HOSTILE[:5])
def test_a_cell_reads_as_the_file_has_it(name: str) -> None:
    cells = Parts(Associations(make_associations([name]))._repr_html_()).cells
    assert name in cells
    assert "1,234" in cells


def test_a_head_of_the_rows_is_shown_and_what_is_left_out_is_said() -> None:
    page = Associations(make_associations([f"P{i}" for i in range(2_920)]))._repr_html_()
    parts = Parts(page)
    assert "10 of 2,920 rows; 12 of " in page
    assert parts.tags.count("tr") == 11
    assert parts.cells.count("P9") == 1
    assert "P10" not in page
    named = page.partition("columns, without ")[2]
    assert {"estimate", "q_bh", "status"} <= set(named.removesuffix("</p>").split(", "))


def test_a_table_that_is_shown_whole_says_no_more_than_its_size() -> None:
    assert show_table(pl.DataFrame({"a": [1]})).endswith("\n<p>1 row</p>")
    assert show_table(pl.DataFrame({"a": [1, 2]})).endswith("\n<p>2 rows</p>")
    assert show_table(pl.DataFrame({"a": []})).endswith("\n<p>0 rows</p>")


def test_what_is_empty_infinite_true_and_long_is_shown_as_such() -> None:
    values = {"a": [None], "b": [float("inf")], "c": [True], "d": [1e-300], "e": ["x" * 10_000]}
    cells = Parts(show_table(pl.DataFrame(values))).cells[5:]
    assert cells[:4] == ["", "inf", "true", "1e-300"]
    assert len(cells[4]) == 60
    many = Parts(show_table(pl.DataFrame({f"c{i}": [i] for i in range(500)}))).tags
    assert many.count("th") == 12


def test_results_of_a_share_have_no_table_to_show() -> None:
    assert Results("associate", "associations", None, {})._repr_html_() == (
        "<p><b>associate</b>: </p>"
    )


def test_tables_and_results_become_frames_of_pandas() -> None:
    frame = make_associations(["ADM", "REN"])
    table = Associations(frame)
    results = Results("associate", "associations", None, {"associations": table.frame})
    for given in (table.to_pandas(), results.to_pandas(), results.to_pandas("associations")):
        assert list(given.columns) == table.frame.columns
        assert given["protein"].to_list() == ["ADM", "REN"]
