"""Reports: a page that needs nothing from elsewhere, whose numbers say where they are from."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

from proteomr.errors import InputError
from proteomr.report import Report, make_report, read_reported, write_report
from proteomr.report.blocks import FigureBlock, Section, Sentence, TableBlock
from proteomr.report.markdown import render_markdown
from proteomr.report.page import render_page
from proteomr.report.reading import Reported
from proteomr.report.sections import tell_sections
from proteomr.tables import load_schema
from tests.report.conftest import command

NASTY = "<img src=x onerror=alert(1)>\"&'</script>"
VOID = {"meta", "img", "input", "br", "link"}


class Reader(HTMLParser):
    """Reads a page: whether it is well-formed, and what is in it."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self.headings: list[int] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts.setdefault(self.open[-1], []).append(data)


def read_page(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert reader.open == []
    return reader


def test_a_page_is_well_formed_and_takes_nothing_from_elsewhere(report: Report) -> None:
    page = read_page(report.html)
    for tag, attributes in page.tags:
        assert tag not in {"link", "iframe", "object", "embed", "base"}
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert (attributes.get(name) or "#").startswith("#")
    assert not re.search(r"@import|url\((?!#)", report.html)


def test_the_policy_allows_the_style_and_the_script_of_the_page_alone(report: Report) -> None:
    page = read_page(report.html)
    policy = next(
        attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")
    for tag in ("style", "script"):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", report.html, re.DOTALL)
        assert len(content) == 1
        digest = base64.b64encode(hashlib.sha256(content[0].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "unsafe" not in policy


def test_headings_stand_in_order_and_tables_have_captions_and_scopes(report: Report) -> None:
    page = read_page(report.html)
    assert page.headings[0] == 1
    assert set(page.headings[1:]) == {2}
    tags = [tag for tag, _ in page.tags]
    assert tags.count("caption") == tags.count("table") > 5
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    labelled = [attributes for tag, attributes in page.tags if tag in {"section", "nav"}]
    assert all({"aria-label", "aria-labelledby"} & attributes.keys() for attributes in labelled)
    pictures = [(tag, found) for tag, found in page.tags if found.get("role") == "img"]
    assert len(pictures) == tags.count("figure") == tags.count("figcaption") > 0
    # a figure may hold a picture and may not be one, see the roles that HTML allows each element
    assert all(tag == "div" and found["aria-label"] for tag, found in pictures)


def test_every_identifier_is_there_once(report: Report) -> None:
    page = read_page(report.html)
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names)) > 20
    used = re.findall(r'(?:xlink:)?href="#([^"]+)"|url\(#([^)]+)\)', report.html)
    assert {one or other for one, other in used} <= {*names}


def test_names_are_text_whatever_is_in_them() -> None:
    frame = pl.DataFrame({NASTY: [NASTY] * 300, "n": range(300)})
    sections = [
        Section(NASTY, (Sentence(NASTY, NASTY), TableBlock(NASTY, frame, NASTY))),
        Section("few", (TableBlock(NASTY, frame.head(3), NASTY),)),
    ]
    text = render_page(NASTY, sections)
    page = read_page(text)
    assert not any(tag == "img" for tag, _ in page.tags)
    held = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    assert held is not None
    assert json.loads(held[1]) == [{"t": [NASTY], "i": [0] * 300}, {"n": [*range(300)]}]
    assert "<img" not in render_markdown(NASTY, sections).replace("\\<img", "")


def test_tables_hold_every_row_and_the_exact_numbers(report: Report, runs: Path) -> None:
    table = pl.read_parquet(runs / "associate" / "associations.parquet")
    block = next(
        block
        for section in report.sections
        for block in section.blocks
        if isinstance(block, TableBlock) and block.caption == "associate: every fit"
    )
    assert block.frame.height == table.height
    exact = max(table["neg_log10_p"])
    assert f'data-v="{exact!r}"' in report.html


def test_numbers_of_long_tables_stand_once_and_exactly() -> None:
    special = [None, float("nan"), float("inf"), float("-inf"), 0.1 + 0.2, 5e-324]
    columns = {"x": special * 40, "n": [None, 1, 2**40, 3, 4, 5] * 40, "ok": [True, None] * 120}
    frame = pl.DataFrame(columns)
    page = render_page("t", [Section("s", (TableBlock("c", frame, "f"),))])
    held = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    x, n, ok = json.loads(held[1])
    assert x["f"][:6] == [None, None, "inf", "-inf", 0.1 + 0.2, 5e-324]
    assert n["n"][:6] == [None, 1, 2**40, 3, 4, 5]
    assert (ok["t"], ok["i"][:2]) == (["yes", ""], [0, 1])


def test_numbers_of_many_digits_and_places_stand_as_bytes_and_exactly() -> None:
    rng = np.random.default_rng(1)
    values = [*rng.normal(size=400).tolist(), None, float("nan"), float("inf"), 5e-324]
    names = [f"P{i:04d}" for i in range(404)]
    frame = pl.DataFrame({"protein": names[::-1], "x": values, "short": [0.5, None] * 202})
    page = render_page("t", [Section("s", (TableBlock("c", frame, "f"),))])
    held = re.search(r'<script type="application/json">(.*?)</script>', page, re.DOTALL)
    assert held is not None
    assert "<" not in held[1]
    protein, x, short = json.loads(held[1])
    places = np.frombuffer(base64.b64decode(protein["I"]), "<u2")
    assert [protein["t"][place] for place in places] == names[::-1]
    numbers = np.frombuffer(base64.b64decode(x["F"]), "<f8")
    assert numbers[:400].tolist() == values[:400]
    assert np.isnan(numbers[400:402]).all()
    assert numbers[402:].tolist() == [float("inf"), 5e-324]
    assert short["f"][:2] == [0.5, None]  # eight bytes would be more letters
    assert len(x["F"]) < 0.6 * len(json.dumps(values))


def test_a_figure_of_thousands_of_points_is_raster() -> None:
    block = FigureBlock('Points "and" lines', "<svg></svg>", "a file", b"\x89PNG")
    page = render_page("t", [Section("s", (block,))])
    assert '<img alt="Points &quot;and&quot; lines" src="data:image/png;base64,' in page
    assert "<svg" not in page


def test_every_table_and_figure_says_where_it_is_from(report: Report, runs: Path) -> None:
    digest = json.loads((runs / "associate" / "manifest.json").read_text())["request_sha256"]
    blocks = [block for section in report.sections for block in section.blocks]
    assert all(block.source for block in blocks if isinstance(block, TableBlock | FigureBlock))
    sources = [block.source for block in blocks]
    assert f"associate/associations.parquet; request {digest[:12]}" in sources


def test_figures_are_in_the_page(report: Report) -> None:
    figures = [
        block.caption
        for section in report.sections
        for block in section.blocks
        if isinstance(block, FigureBlock)
    ]
    assert any(caption.startswith("Effects against p values") for caption in figures)
    assert any(caption.startswith("Survival of groups") for caption in figures)
    assert any(caption.startswith("What splits agree in") for caption in figures)
    assert report.html.count("<svg") == len(figures)


def test_methods_name_models_sources_and_versions(report: Report) -> None:
    words = " ".join(
        block.text
        for section in report.sections
        if section.title == "Methods"
        for block in section.blocks
        if isinstance(block, Sentence)
    )
    assert "linear models (doi:10.1007/BF01939321)" in words
    assert "full: age + sex" in words
    assert "proteomr 0.1.0" in words


def test_a_checklist_has_all_items_and_invents_nothing(report: Report) -> None:
    (section,) = (section for section in report.sections if section.title == "Checklists")
    (block,) = section.blocks
    assert isinstance(block, TableBlock)
    items = block.frame["item"].to_list()
    whole = {re.sub("[a-z]", "", item) for item in items}
    assert whole == {str(number) for number in range(1, 23)}
    absent = block.frame.filter(pl.col("text") == "not provided")
    assert set(absent["item"]) >= {"1a", "1b", "2", "3", "18", "19", "20", "21", "22"}
    assert absent["from"].unique().to_list() == [""]
    told = block.frame.filter(pl.col("text") != "not provided")
    assert told.filter(pl.col("from") == "").height == 0
    flow = told.filter(item="13a")["text"][0]
    assert "500 people" in flow


def test_the_same_runs_give_the_same_bytes_wherever_they_lie(
    report: Report, runs: Path, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "moved"
    shutil.copytree(runs, elsewhere)
    again = make_report(elsewhere, title="A study")
    assert again.html == report.html
    assert again.markdown == report.markdown
    assert str(runs) not in report.html


def test_the_twin_says_the_same(report: Report) -> None:
    titles = [section.title for section in report.sections]
    assert re.findall(r"^## (.*)$", report.markdown, re.MULTILINE) == titles


def test_one_run_is_a_report_too_and_a_command_without_a_section_is_told(
    runs: Path, tmp_path: Path
) -> None:
    alone = make_report(runs / "associate")
    assert "Associations" in [section.title for section in alone.sections]
    other = tmp_path / "other"
    shutil.copytree(runs / "associate", other)
    facts = json.loads((other / "manifest.json").read_text())
    (other / "manifest.json").write_text(json.dumps(facts | {"command": "new"}))
    titles = [section.title for section in make_report(other).sections]
    assert titles.index("other: new") < titles.index("Methods")


def test_a_long_table_without_a_section_is_told_by_its_head(runs: Path, tmp_path: Path) -> None:
    (run,) = read_reported(runs / "associate").runs
    long = pl.DataFrame({"variant_id": [f"rs{i}" for i in range(5000)], "n": 1})
    long.write_parquet(tmp_path / "sumstats.parquet")
    finished = replace(
        run.finished,
        command="gwas munge",
        main="sumstats",
        tables={"sumstats": tmp_path / "sumstats.parquet"},
    )
    sections = tell_sections(Reported("x", (replace(run, finished=finished),)))
    (told,) = [section for section in sections if section.title.endswith("gwas munge")]
    (block,) = told.blocks
    assert isinstance(block, TableBlock)
    assert block.frame.height == 100
    assert "the first, 100 of 5,000 rows" in block.caption
    assert "sumstats.parquet" in block.source


def test_stages_without_results_are_said(runs: Path, tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(runs, study)
    rows: list[dict[str, Any]] = [
        {"stage": "associate", "command": "associate", "state": "done", "message": None},
        {"stage": "mr", "command": "mr", "state": "failed", "message": "no such file"},
    ]
    schema = load_schema("stages").empty().schema
    frame = pl.DataFrame([row | {"units": 1, "failed": 0} for row in rows], schema=schema)
    frame.write_parquet(study / "stages.parquet")
    report = make_report(study)
    assert report.missing == ("mr",)
    assert report.sections[0].title == "What is missing"
    assert "mr has no results: no such file." in report.html
    assert [run.name for run in read_reported(study).runs] == ["associate"]


def test_a_large_scan_stays_small() -> None:
    rows = 2_920 * 4
    frame = pl.DataFrame(
        {
            "protein": [f"P{i % 2_920}" for i in range(rows)],
            **{f"x{j}": [i * 1.2345678901234 for i in range(rows)] for j in range(10)},
        }
    )
    page = render_page("t", [Section("s", (TableBlock("c", frame, "f"),))])
    assert len(page) < 15e6
    assert page.count("<tr>") == 1  # its rows are drawn when they are in view


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run lies there"):
        make_report(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        make_report(tmp_path / "nowhere")


def test_the_command_writes_both_and_does_not_replace_them_unasked(
    runs: Path, tmp_path: Path, capsys: Any
) -> None:
    out = tmp_path / "page.html"
    command("report", runs, "-o", out)
    assert out.is_file()
    assert (tmp_path / "page.md").is_file()
    with pytest.raises(SystemExit) as left:
        main.run(["report", str(runs), "-o", str(out)])
    assert left.value.code == 2
    assert "replace it with --overwrite" in capsys.readouterr().err
    command("report", runs, "-o", out, "--overwrite")
    assert write_report(make_report(runs), out)[0] == out


def test_the_sources_of_families_are_those_of_the_page_of_methods() -> None:
    import tomllib

    root = Path(__file__).resolve().parents[2]
    sources = tomllib.loads((root / "data/schemas/sources.toml").read_text())["families"]
    from proteomr.families import LISTED_FAMILIES, SURVIVAL_FAMILIES

    assert set(sources) == {*LISTED_FAMILIES, *SURVIVAL_FAMILIES}
    lines = (root / "docs" / "methods.md").read_text().splitlines()
    for family, doi in sources.items():
        row = next(line for line in lines if line.startswith(f"| {family} |"))
        assert doi in row
