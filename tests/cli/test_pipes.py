"""Files are looked at, digested and read: a pipe, which gives its content once, is refused."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.mark.parametrize(
    "words",
    [
        "describe PIPE",
        "describe people.csv --keep PIPE",
        "describe people.csv --config PIPE",
        "associate people.csv PIPE --family linear --exposure x",
        "associate people.csv people.csv --family linear --exposure x --proteins-from PIPE",
        "ingest PIPE",
        "gwas munge PIPE",
        "mr --harmonised PIPE",
        "coloc PIPE people.csv",
        "finemap people.csv --ld PIPE",
        "enrich PIPE --sets go-bp",
        "meta PIPE",
        "run PIPE",
    ],
)
def test_every_command_refuses_a_pipe(proteomr: Run, tmp_path: Path, words: str) -> None:
    people, pipe = tmp_path / "people.csv", tmp_path / "pipe.csv"
    people.write_text("id,x\n1,0\n2,1\n")
    os.mkfifo(pipe)
    named = words.replace("people.csv", str(people)).replace("PIPE", str(pipe))
    ending = proteomr(
        *named.split(), "-o", tmp_path / ("out.parquet" if "munge" in words else "out")
    )
    assert ending.code in {2, 3}
    assert "is no file but a pipe or a device" in ending.message
