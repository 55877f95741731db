"""What every format passes by having a book: found, read, damaged, and written again."""

from __future__ import annotations

import csv
import gzip
import io
import math
import random
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.gwas.study import read_study
from proteomr.io.sumstats import (
    FormatBook,
    ReadOptions,
    book_names,
    load_book,
    open_sumstats,
    write_sumstats,
)
from proteomr.tables.sumstats import SumStats
from tests.io.sumstats.formats import TRUTH, UNTOLD, fixture_names, fixture_of, read, write

ROOT = Path(__file__).parents[3]
NAMES = book_names()
BOOKS = {name: load_book(name) for name in NAMES}
LIMITS = {"conf_low", "conf_high"}
DELIMITED = [name for name in NAMES if not BOOKS[name].vcf]
WITH_EFFECT = [
    name
    for name in DELIMITED
    if any(rule.to == "beta" and rule.by != "z" for rule in BOOKS[name].columns)
]


def delimiter_of(text: str) -> str:
    head = text.splitlines()[0]
    return next(mark for mark in "\t,; " if mark in head)


def cells_of(text: str) -> list[list[str]]:
    return [line.split(delimiter_of(text)) for line in text.splitlines()]


def join(cells: list[list[str]], delimiter: str) -> str:
    return "".join(delimiter.join(line) + "\n" for line in cells)


def assert_same(made: pl.DataFrame, name: str, rows: pl.DataFrame = TRUTH) -> None:
    """Hold rows against the truth; what a format does not tell is missing, and nothing else."""
    blank = [pl.lit(None, rows.schema[column]).alias(column) for column in UNTOLD.get(name, ())]
    expected = rows.with_columns(blank)
    if name == "ldsc":  # what is told is z, and effects are per standard deviation of the genotype
        z = pl.col("beta") / pl.col("se")
        expected = expected.with_columns(se=1 / (900 + z**2).sqrt()).with_columns(
            beta=rows["beta"] / rows["se"] * pl.col("se")
        )
    made = made.select(expected.columns)
    assert_frame_equal(made, expected, rel_tol=2e-5, abs_tol=1e-12)


def test_every_book_has_a_fixture_of_ten_variants() -> None:
    assert fixture_names() == list(NAMES)
    assert set(UNTOLD) <= set(NAMES)
    for name in NAMES:
        rows = [line for line in fixture_of(name).splitlines() if not line.startswith("##")]
        assert len(rows) == 1 + TRUTH.height


@pytest.mark.parametrize("name", NAMES)
def test_a_book_has_the_name_of_its_file_and_a_row_in_the_docs(name: str) -> None:
    book = BOOKS[name]
    assert book.name == name
    page = (ROOT / "docs" / "summary-statistics.md").read_text(encoding="utf-8")
    written = "read and written" if book.written else "read"
    assert f"\n| `{name}` | {book.title} | {written} |" in page


def test_the_docs_have_no_row_of_a_format_that_is_not_there() -> None:
    page = (ROOT / "docs" / "summary-statistics.md").read_text(encoding="utf-8")
    listed = [
        line for line in page.splitlines() if line.endswith(("| read |", "| read and written |"))
    ]
    assert len(listed) == len(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_found_from_its_header_and_read(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, fixture_of(name))
    assert open_sumstats(path).layout.book.name == name
    assert_same(read(path), name)
    assert_frame_equal(read(path, ReadOptions(format=name)), read(path))


@pytest.mark.parametrize("name", NAMES)
def test_a_study_has_the_estimates_and_counts_the_others(name: str, tmp_path: Path) -> None:
    path = write(tmp_path, fixture_of(name))
    study = read_study(path)
    by_place = TRUTH.with_columns(read(path)["variant_id"]).sort("variant_id")
    estimated = by_place.filter(pl.col("se").is_not_null())
    expected = by_place if study.from_twosamplemr else estimated
    assert_same(study.rows.sort("variant_id"), name, expected.select(TRUTH.columns))
    assert sum(drop.n for drop in study.drops) == TRUTH.height - expected.height


@pytest.mark.parametrize("name", NAMES)
def test_how_text_is_stored_changes_nothing(name: str, tmp_path: Path) -> None:
    text = fixture_of(name)
    expected = read(write(tmp_path, text))
    for content in (
        gzip.compress(text.encode()),
        text.replace("\n", "\r\n"),
        b"\xef\xbb\xbf" + text.encode(),
        text.removesuffix("\n"),
    ):
        assert_frame_equal(read(write(tmp_path, content)), expected)


@pytest.mark.parametrize("name", DELIMITED)
def test_the_order_of_columns_and_quotes_change_nothing(name: str, tmp_path: Path) -> None:
    text = fixture_of(name)
    expected, delimiter, cells = read(write(tmp_path, text)), delimiter_of(text), cells_of(text)
    for seed in range(3):
        order = random.Random(seed).sample(range(len(cells[0])), len(cells[0]))
        mixed = join([[line[i] for i in order] for line in cells], delimiter)
        assert_frame_equal(read(write(tmp_path, mixed)), expected)
    quoted = io.StringIO()
    csv.writer(quoted, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(cells)
    assert_frame_equal(read(write(tmp_path, quoted.getvalue())), expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_cut_off_is_refused_or_loses_its_end_alone(
    name: str, tmp_path: Path
) -> None:
    text = fixture_of(name)
    expected = read(write(tmp_path, text))
    whole = gzip.compress(text.encode())
    for share in (0.1, 0.5, 0.9):
        with pytest.raises(InputError):
            read(write(tmp_path, whole[: int(share * len(whole))]))
    messages: list[str] = []
    for at in range(1, len(text), 29):
        try:
            made = read(write(tmp_path, text[:at]))
        except InputError as fault:
            messages.append(str(fault))
            continue
        complete = text[:at].count("\n") - text.count("\n##") - 1 - text.startswith("##")
        assert made.height <= complete + 1
        rows = min(made.height, complete)
        assert_frame_equal(made.head(rows), expected.head(rows), check_dtypes=False)
    assert messages
    assert not any("\n" in message for message in messages)


@pytest.mark.parametrize("name", DELIMITED)
def test_a_line_with_too_few_fields_is_named(name: str, tmp_path: Path) -> None:
    text = fixture_of(name)
    lines = text.splitlines()
    lines[5] = delimiter_of(text).join(cells_of(text)[5][:-1])
    with pytest.raises(
        FormatError, match=f"fields where the header has {len(cells_of(text)[0])}"
    ) as caught:
        read(write(tmp_path, "\n".join(lines) + "\n"))
    assert caught.value.line == 6


@pytest.mark.parametrize("name", DELIMITED)
def test_a_renamed_column_is_lacking_where_it_is_needed_and_may_be_mapped(
    name: str, tmp_path: Path
) -> None:
    path = write(tmp_path, fixture_of(name))
    expected, layout = read(path), open_sumstats(path).layout
    cells = cells_of(fixture_of(name))
    effect = layout.get("effect_allele") or layout.get("variant_id")
    assert effect is not None
    cells[0][cells[0].index(effect.source)] = "mine"
    renamed = write(tmp_path, join(cells, delimiter_of(fixture_of(name))))
    with pytest.raises(FormatError) as caught:
        read(renamed, ReadOptions(format=name))
    assert (caught.value.line, "\n" in str(caught.value)) == (1, False)
    mapped = ReadOptions(format=name, columns={effect.to: "mine"})
    assert_frame_equal(read(renamed, mapped), expected)


@pytest.mark.parametrize("name", WITH_EFFECT)
def test_an_odds_ratio_may_stand_for_the_effect_and_the_other_way_about(
    name: str, tmp_path: Path
) -> None:
    text = fixture_of(name)
    path = write(tmp_path, text)
    expected, beta = read(path), open_sumstats(path).layout.get("beta")
    assert beta is not None
    ratio = beta.by == "log"
    cells = cells_of(text)
    at = cells[0].index(beta.source)
    for line, effect in zip(cells[1:], TRUTH["beta"], strict=True):
        if effect is not None:
            line[at] = repr(effect if ratio else math.exp(effect))
    mapped = {"beta" if ratio else "odds_ratio": beta.source}
    options = ReadOptions(format=name, columns=mapped)
    made = read(write(tmp_path, join(cells, delimiter_of(text))), options)
    assert_frame_equal(made, expected, rel_tol=1e-12, abs_tol=1e-15)


@pytest.mark.parametrize("name", NAMES)
def test_a_format_is_written_and_read_again_or_refused(name: str, tmp_path: Path) -> None:
    made = SumStats(read(write(tmp_path, fixture_of(name))))
    target = tmp_path / "written.txt"
    if not BOOKS[name].written:
        with pytest.raises(UsageError, match="is read, not written"):
            write_sumstats(made, target, format=name)
        return
    write_sumstats(made, target, format=name)
    assert open_sumstats(target).layout.book.name == name
    again = read(target)
    assert_same(again, name)
    expected = made.frame.select(_held(BOOKS[name]))
    assert_frame_equal(again.select(expected.columns), expected, rel_tol=1e-12, abs_tol=1e-15)


def _held(book: FormatBook) -> list[str]:
    """Return what a written file holds: what the book names, save guesses of a name or number."""
    return sorted({rule.to for rule in book.columns if rule.written} - {"rsid", "n_case", *LIMITS})
