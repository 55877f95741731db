"""Sets of genes from GMT."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from proteomr.errors import FormatError
from proteomr.io.gene_sets import read_gmt


def test_a_compressed_file_gives_the_same_sets(tmp_path: Path) -> None:
    text = b"one\tfirst\tIL6\tTNF\tIL6\n\ntwo\t\tREN\t\n"
    (tmp_path / "a.gmt").write_bytes(text)
    (tmp_path / "a.gmt.gz").write_bytes(gzip.compress(text))
    found = read_gmt(tmp_path / "a.gmt")
    assert found == read_gmt(tmp_path / "a.gmt.gz")
    assert [one.members for one in found] == [("IL6", "TNF"), ("REN",)]


def test_names_of_wikipathways_become_identifier_and_title(tmp_path: Path) -> None:
    line = "Apoptosis%WikiPathways_20240901%WP254%Homo sapiens\thttp://a.b\t836\t841\n"
    (tmp_path / "w.gmt").write_text(line)
    one = read_gmt(tmp_path / "w.gmt")[0]
    assert (one.name, one.description, one.members) == ("WP254", "Apoptosis", ("836", "841"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\tfirst\tA\ntwo\tB\n", "line 2: 2 columns: a name, a description and members"),
        ("one,first,A\n", "line 1: 1 column: a name, a description and members"),
        ("\tfirst\tA\n", "line 1: no name"),
        ("one\tx\tA\none\ty\tB\n", "line 2: the set 'one' stands twice"),
        ("\n\n", "holds no set"),
        ("=1+1\tx\tA\n", "begins as a formula"),
    ],
)
def test_what_is_no_gmt_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.gmt").write_text(text)
    with pytest.raises(FormatError, match=r"bad\.gmt") as refused:
        read_gmt(tmp_path / "bad.gmt")
    assert message in str(refused.value)
