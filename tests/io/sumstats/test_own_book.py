"""A format of the user's own: a book in TOML, checked, read by, written by, part of the request."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io.sumstats import ReadOptions, book_names, load_book, write_sumstats
from proteomr.tables.sumstats import SumStats
from tests.io.sumstats.formats import read, write

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "summary-statistics.md").read_text(encoding="utf-8")
SNPTEST = PAGE.partition("```toml\n")[2].partition("```")[0]
HEAD = (
    "rsid chromosome position alleleA alleleB all_total frequentist_add_pvalue "
    "frequentist_add_beta_1 frequentist_add_se_1 comment\n"
)
ROWS = "rs1 X 500 G A 900 1e-400 2.0 0.05 NA\nrs2 1 7 C T 900 NA NA NA method_fail\n"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return write(tmp_path, SNPTEST, "mine.toml")


def test_the_book_of_the_docs_reads_a_file_of_its_format(book: Path, tmp_path: Path) -> None:
    path = write(tmp_path, HEAD + ROWS)
    row = read(path, ReadOptions(format=str(book))).row(0, named=True)
    assert [row[name] for name in ("rsid", "chromosome", "position_bp")] == ["rs1", "X", 500]
    assert [row[name] for name in ("effect_allele", "beta", "se", "n")] == ["A", 2.0, 0.05, 900]
    assert row["neg_log10_p"] == 400
    assert read(path, ReadOptions(format=str(book))).height == 1  # the fit that failed is gone
    assert read(path, ReadOptions(format=load_book(str(book)))).row(0, named=True) == row


def test_a_book_of_ones_own_is_written_as_well(book: Path, tmp_path: Path) -> None:
    options = ReadOptions(format=str(book), trait="ADM")
    made = read(write(tmp_path, HEAD + ROWS), options)
    write_sumstats(SumStats(made), tmp_path / "again.txt", format=str(book))
    assert read(tmp_path / "again.txt", options).equals(made)


def test_what_a_book_says_is_part_of_what_is_asked(book: Path) -> None:
    before = ReadOptions(format=str(book))
    assert before == ReadOptions(format=str(book))
    book.write_text(SNPTEST.replace('"alleleB"]', '"alleleA"]', 1))
    assert before != ReadOptions(format=str(book))


def test_every_shipped_book_may_be_given_as_a_file() -> None:
    folder = ROOT / "data" / "schemas" / "formats"
    for name in book_names():
        assert load_book(str(folder / f"{name}.toml")) == load_book(name)


def test_every_key_of_a_book_is_in_the_docs() -> None:
    keys = {key for name in book_names() for key in _keys(name)}
    assert {key for key in keys if f"`{key}`" not in PAGE and f"`[[{key}]]`" not in PAGE} == set()


def _keys(name: str) -> set[str]:
    text = (ROOT / "data" / "schemas" / "formats" / f"{name}.toml").read_text(encoding="utf-8")
    return set(tomllib.loads(text))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('title = "', 'titel = "', "the book has no key 'titel' (did you mean 'title'?)"),
        ('required = ["rsid"', 'wanted = ["rsid"', "the book has no key 'wanted'; known: name,"),
        ('required = ["rsid", "alleleA", "alleleB"]\n', "", "the book lacks required"),
        ('name = "snptest"', "name = 7", "name is 7, where text is needed"),
        ('name = "snptest"', 'name = " "', "name is empty"),
        ('to = "beta"', 'to = "betta"', "no canonical column 'betta' (did you mean 'beta'?)"),
        ('by = "p_text"', 'by = "ptext"', "no conversion 'ptext' (did you mean 'p_text'"),
        ('by = "p_text"', 'on = "p_text"', "[[columns]] has no key 'on'"),
        ('from = ["all_total"]', "", "[[columns]] lacks from"),
        ('from = ["all_total"]', "from = []", "from of the column n names no column"),
        ('from = ["all_total"]', 'from = "all_total"', "where a list of texts is needed"),
        ("[[drop]]", "[drop]", "drop is no list of tables; write [[drop]] above each"),
        ("[[drop]]", "[[dropp]]", "the book has no key 'dropp' (did you mean 'drop'?)"),
        ('reason = "test_failed"', 'why = "test_failed"', "[[drop]] has no key 'why'"),
        ("[[drop]]", 'build = "hg19"\n[[drop]]', "build is 'hg19'; one of these is needed: GRCh37"),
        ("[[drop]]", "linear = 1\n[[drop]]", "linear is 1, where true or false is needed"),
        ("[[drop]]", "priority = true\n[[drop]]", "priority is True, where a whole number"),
        ("[[drop]]", 'delimiter = "|"\n[[drop]]', "delimiter is '|'; one of these is needed"),
        ("[[drop]]", 'other_from = ["A"]\n[[drop]]', "other_from names 1 columns, where two"),
        ("[[drop]]", 'id_pattern = "("\n[[drop]]', "id_pattern is no regular expression"),
        ('name = "snptest"', "name = snptest", "is not TOML"),
    ],
)
def test_a_fault_of_a_book_is_one_line(old: str, new: str, message: str, book: Path) -> None:
    assert old in SNPTEST
    book.write_text(SNPTEST.replace(old, new, 1))
    with pytest.raises(FormatError, match=re.escape(message)) as caught:
        ReadOptions(format=str(book))
    assert str(caught.value).startswith(f"{book}: ")
    assert "\n" not in str(caught.value)


def test_a_book_that_is_not_there_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.toml: there is no such file"):
        load_book(str(tmp_path / "absent.toml"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        load_book(str(write(tmp_path, b"\xff\xfe", "odd.toml")))
    with pytest.raises(UsageError, match="or a book of your own"):
        load_book("mine")
