"""`proteomr purge`: what is printed, and the mistakes that people make."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

IDS = [str(1_000_001 + i) for i in range(12)]


@pytest.fixture
def project(tmp_path: Path, proteomr: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    wide = pl.DataFrame({"eid": IDS, "ADM": [0.1 * i for i in range(12)]})
    wide.write_csv(tmp_path / "npx.csv")
    (tmp_path / "gone.txt").write_text(f"{IDS[0]}\n")
    (tmp_path / "project").mkdir()
    ended = proteomr("ingest", "npx.csv", "--platform", "table", "-o", "project/store", "--quiet")
    assert ended.code == 0, ended.err
    return tmp_path


def test_it_is_looked_at_done_and_then_nothing_is_left(project: Path, proteomr: Any) -> None:
    words = ("purge", "project", "--withdrawn", "gone.txt")
    looked = proteomr(*words, "--dry-run")
    assert looked.code == 0
    assert "would be rewritten" in looked.out
    done = proteomr(*words)
    assert done.out.replace("rewritten or", "would be rewritten or") == looked.out
    again = proteomr(*words)
    assert again.out == "nothing below project holds anybody of the list\n"
    left = pl.read_parquet(project / "project" / "store" / "samples.parquet")
    assert left.height == len(IDS) - 1
    words_of_qc = ("qc", "project/store", "-o", "project/clean", "--quiet")
    assert proteomr(*words_of_qc).code == 0
    assert proteomr(*words).out == again.out  # made of the store without them
    assert not any(one in looked.out + done.out + again.out for one in IDS)


@pytest.mark.parametrize(
    ("words", "code", "fault"),
    [
        (["--withdrawn", "gone.txt"], 2, "Missing argument 'DIR'"),
        (["project"], 2, "Missing option '--withdrawn'"),
        (["project", "--withdrawn", "none.txt"], 3, "none.txt: there is no such file"),
        (["project", "--withdrawn", "project"], 3, "project: is a folder"),
        (["elsewhere", "--withdrawn", "gone.txt"], 3, "elsewhere: no such folder"),
        (["npx.csv", "--withdrawn", "gone.txt"], 3, "npx.csv: is a file; name the folder"),
        (["project", "--withdraw", "gone.txt"], 2, "did you mean --withdrawn?"),
        (["project", "--withdrawn", "empty.txt"], 3, "empty.txt: the file is empty"),
        (["project", "--withdrawn", "words.txt"], 3, "words.txt, line 2"),
        (["project", "--withdrawn", "zeros.txt"], 3, "zeros.txt, line 1: among the people"),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(
    project: Path, proteomr: Any, words: list[str], code: int, fault: str
) -> None:
    (project / "empty.txt").touch()
    (project / "words.txt").write_text("1000001\nsee the letter of May, please\n")
    (project / "zeros.txt").write_text("01000001\n")
    ended = proteomr("purge", *words)
    assert ended.code == code, ended.err
    assert fault in ended.message
    left = pl.read_parquet(project / "project" / "store" / "samples.parquet")
    assert left.height == len(IDS)
