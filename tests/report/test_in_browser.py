"""Reports in a browser: what a reader does with keys, words and paper. No name is looked up."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import polars as pl
import pytest

from proteomr.report import Report
from proteomr.report.blocks import Section, TableBlock
from proteomr.report.page import render_page
from tests.report.browser import Browser, open_browser, tell_what_is_missing

MISSING: Final = tell_what_is_missing()
pytestmark = pytest.mark.skipif(MISSING is not None, reason=str(MISSING))

ROWS: Final = 1_000  # more than the page draws at once
MANY: Final = 100_000
NASTY: Final = "<img src=x onerror=document.title='run'>"
HELPERS: Final = """
const box = document.querySelectorAll(".sheet")[at];
const cells = [...box.querySelectorAll("tbody tr:not([aria-hidden])")]
  .map(r => [...r.cells].map(c => c.textContent));
const type = words => { const field = box.querySelector("input"); field.value = words;
  field.dispatchEvent(new Event("input")); };
const told = () => box.querySelector("output").textContent;
const head = j => box.querySelectorAll("thead button")[j];
"""


TO_END: Final = """const s = box.querySelector(".scroll"); s.scrollTop = s.scrollHeight;
return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


def write_page(file: Path, rows: int) -> Path:
    """Write a page of a table of many rows and one of few."""
    special = [None, float("inf"), float("-inf"), float("nan"), 5e-324]
    values = [*special, *(shuffle(i, rows) / 7 for i in range(5, rows))]
    frame = pl.DataFrame(
        {
            "protein": [NASTY, *(f"P{i:06d}" for i in range(1, rows))],
            "x": values,
            "n": [shuffle(i, rows) + 1 for i in range(rows)],
        }
    )
    few = pl.DataFrame({"name": ["b", "ä", "a"], "x": [2.0, None, 10.0]})
    blocks = (TableBlock("many", frame, "f"), TableBlock("few", few, "f"))
    file.write_text(render_page("A page", [Section("s", blocks)]), encoding="utf-8")
    return file


def shuffle(i: int, rows: int) -> int:
    """Return another place for each of some rows."""
    return (i * 7919) % rows


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_page(tmp_path_factory.mktemp("page") / "page.html", ROWS)


@pytest.fixture
def shown(browser: Browser, page: Path) -> Browser:
    browser.show(page, width=1440)
    return browser


def ask(browser: Browser, script: str, *, at: int = 0) -> object:
    return browser.run(f"const at = {at};{HELPERS}{script}")


def test_a_hundred_thousand_rows_are_shown_sorted_and_filtered(
    browser: Browser, tmp_path: Path
) -> None:
    browser.show(write_page(tmp_path / "page.html", MANY), width=1440)
    assert ask(browser, "return told()") == "100,000 rows"
    assert ask(browser, "return cells.length") < 200  # type: ignore[operator]
    ask(browser, TO_END)
    assert ask(browser, "return [cells.at(-1)[0], cells.length < 200]") == ["P099999", True]
    ask(browser, "head(2).click()")
    assert ask(browser, "return cells.slice(0, 3).map(c => c[2])") == ["1", "2", "3"]
    ask(browser, "head(0).click()")
    assert ask(browser, "return cells.slice(0, 2).map(c => c[0])") == [NASTY, "P000001"]
    ask(browser, "type('p09999')")
    assert ask(browser, "return told()") == "10 rows"
    ask(browser, "type('')")
    assert len(read_pages(browser.print())) <= 4


def test_a_name_is_text_whatever_is_in_it(shown: Browser) -> None:
    assert ask(shown, "return cells[0][0]") == NASTY
    assert shown.run("return [document.title, document.images.length]") == ["A page", 0]
    assert shown.read_faults() == []


def test_numbers_sort_as_numbers_and_what_is_missing_stays_last(shown: Browser) -> None:
    ask(shown, "head(1).click()")
    assert ask(shown, "return cells.slice(0, 3).map(c => c[1])") == ["-inf", "4.941e-324", "0.1429"]
    ask(shown, "head(1).click()")
    assert ask(shown, "return cells.slice(0, 2).map(c => c[1])") == ["inf", "142.7"]
    ask(shown, TO_END)
    assert ask(shown, "return cells.slice(-2).map(c => c[1])") == ["", ""]
    sorts = "return [...box.querySelectorAll('th[aria-sort]')].map(h => h.ariaSort)"
    assert ask(shown, sorts) == ["none", "descending", "none"]


def test_texts_sort_as_a_reader_does(shown: Browser) -> None:
    ask(shown, "head(0).click()", at=1)
    assert ask(shown, "return cells.map(c => c[0])", at=1) == ["a", "ä", "b"]


def test_what_is_filtered_stays_sorted_and_is_copied(shown: Browser) -> None:
    ask(shown, "head(2).click(); type('p0009');")
    assert ask(shown, "return told()") == "100 rows"
    firsts = sorted(shuffle(i, ROWS) + 1 for i in range(900, 1_000))
    assert ask(shown, "return cells.map(c => Number(c[2]))") == firsts
    shown.command("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    ask(shown, "box.querySelector('.copy').click()")
    lines = shown.run("return navigator.clipboard.readText()").split("\n")
    assert lines[0].split("\t") == ["protein", "x", "n"]
    assert [int(line.split("\t")[2]) for line in lines[1:]] == firsts
    assert ask(shown, "return told()") == "100 rows copied"
    ask(shown, "type('p000999')")
    assert ask(shown, "return [told(), cells[0][0]]") == ["1 row", "P000999"]
    ask(shown, "type('nothing of this')")
    assert ask(shown, "return [told(), cells.length]") == ["0 rows", 0]
    sorts = "return [...box.querySelectorAll('th[aria-sort]')].map(h => h.ariaSort)"
    assert ask(shown, sorts) == ["none", "none", "ascending"]


def test_a_copy_that_is_refused_is_told(shown: Browser) -> None:
    ask(
        shown,
        "navigator.clipboard.writeText = () => Promise.reject(new Error('no'));"
        "box.querySelector('.copy').click()",
    )
    assert ask(shown, "return told()") == "Not copied: the browser does not allow it here"


def test_a_table_is_sorted_by_keys_alone(shown: Browser) -> None:
    focus = "const e = document.activeElement; return [e.tagName, e.textContent.trim()]"
    order = []
    for _ in range(12):
        shown.press("Tab")
        order.append(tuple(shown.run(focus)))
        if order[-1] == ("BUTTON", "n"):
            break
    tags = [tag for tag, _ in order]
    assert tags.index("INPUT") < tags.index("DIV")  # the filter, then what scrolls
    assert order[-3:] == [("BUTTON", "protein"), ("BUTTON", "x"), ("BUTTON", "n")]
    shown.press("Enter")
    assert ask(shown, "return cells[0][2]") == "1"


def test_what_is_printed_is_the_head_of_each_table_and_no_blank_page(shown: Browser) -> None:
    ask(shown, "type('p000')")
    assert 1 <= len(read_pages(shown.print())) <= 4
    assert ask(shown, "return [told(), cells.length > 50]") == ["999 rows", True]  # as before


def read_pages(pdf: bytes) -> list[bytes]:
    return re.findall(rb"/Type\s*/Page\b", pdf)


@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("dark", [False, True])
def test_a_report_fits_its_view_and_is_read_in_light_and_dark(
    browser: Browser, report: Report, tmp_path: Path, width: int, *, dark: bool
) -> None:
    file = tmp_path / "report.html"
    file.write_text(report.html, encoding="utf-8")
    browser.show(file, width=width, dark=dark)
    assert browser.run("return [innerWidth, document.documentElement.scrollWidth]") == [width] * 2
    colours = "const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]"
    ink, paper = (read_luminance(text) for text in browser.run(colours))
    assert (ink > paper) == dark
    # the contrast that WCAG 2.2 asks for at level AA, 1.4.3
    assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5
    assert browser.read_faults() == []
    assert browser.run("return performance.getEntriesByType('resource').length") == 0


def read_luminance(colour: str) -> float:
    """Return the relative luminance of ``rgb(r, g, b)``, as WCAG 2.2 defines it."""
    parts = [int(text) / 255 for text in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
