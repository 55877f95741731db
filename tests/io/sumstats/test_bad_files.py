"""Faults of files, each one clear line; and oddities that are none."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, InputError, ProteomrError, UsageError
from proteomr.io.sumstats import ReadOptions, open_sumstats, parse_region

HEAD = "SNP A1 A2 freq b se p N\n"
ROW = "rs1 A G 0.2 0.1 0.02 5e-7 9\n"
VCF = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tT\n"
VCF_ROW = "1\t5\trs1\tA\tG\t.\t.\t.\tES:SE:LP\t0.1:0.02:6\n"


def read(folder: Path, content: bytes, options: ReadOptions | None = None) -> pl.DataFrame:
    path = folder / "given"
    path.write_bytes(content)
    return pl.concat([chunk.frame for chunk in open_sumstats(path, options=options).chunks()])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (HEAD.encode(), "line 1: a header and no rows"),
        ((HEAD + ROW + "rs2 A G\n").encode(), "line 3: 3 fields where the header has 8"),
        ((HEAD + ROW + "rs2  A G\n").encode(), "line 3: 3 fields where the header has 8"),
        (HEAD.encode() + ROW.encode().replace(b"rs1", b"rs\xe9"), "line 2: is not UTF-8"),
        ((HEAD.replace("A2", "A1") + ROW).encode(), "stands twice"),
        ((HEAD + ROW).replace(" ", ";").replace("0.", "0,").encode(), "decimal comma"),
        (b"SNP A1 A2 BETA\nrs1 A G 0.2\n", "no column for 'se'"),
        ((VCF + VCF_ROW + "1\t5\n").encode(), "2 fields where the header has 10"),
        (gzip.compress((VCF + VCF_ROW * 40000).encode())[:-30], "cut off or damaged"),
        (b"##fileformat=VCFv4.2\n", "comments only"),
    ],
)
def test_a_fault_of_a_file_is_one_line(content: bytes, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path, content)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        (HEAD + ROW).replace("\n", "\r\n").encode(),
        (HEAD + ROW).replace(" ", "\t").replace("\n", "\r\n").encode(),
        b"\xef\xbb\xbf" + (HEAD + ROW).encode(),
        (HEAD + ROW + "\n\n").encode(),
        (HEAD + ROW).replace("\n", " \n").encode(),
        (HEAD + ROW).replace(" ", "\t \t").encode(),
        ('"' + (HEAD + ROW).strip().replace(" ", '","').replace("\n", '"\n"') + '"\n').encode(),
        ("," + (HEAD + "1 " + ROW).replace(" ", ",")).encode(),
        gzip.compress((HEAD + ROW).encode()),
    ],
)
def test_an_oddity_of_a_file_changes_nothing(content: bytes, tmp_path: Path) -> None:
    assert read(tmp_path, content).equals(read(tmp_path, (HEAD + ROW).encode()))


def test_parquet_gives_what_text_gives(tmp_path: Path) -> None:
    columns = {"SNP": ["rs1"], "A1": ["a"], "A2": ["G"], "freq": [0.2], "b": [0.1], "se": [0.02]}
    path = tmp_path / "given"
    pl.DataFrame({**columns, "p": [5e-7], "N": [9]}).write_parquet(path)
    (chunk,) = open_sumstats(path).chunks()
    assert chunk.frame.equals(read(tmp_path, (HEAD + ROW).encode()))


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (ReadOptions(columns={"betta": "b"}), UsageError, "did you mean 'beta'"),
        (ReadOptions(columns={"beta": "bb"}), FormatError, "no column 'bb'"),
        (ReadOptions(columns={"beta": "square(b)"}), UsageError, "no conversion 'square'"),
        (ReadOptions(format="regenie"), FormatError, "in format 'regenie'"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(
    options: ReadOptions, error: type[ProteomrError], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        read(tmp_path, (HEAD + ROW).encode(), options)


def test_an_absent_file_names_its_neighbour(tmp_path: Path) -> None:
    read(tmp_path, (HEAD + ROW).encode())
    with pytest.raises(InputError, match="did you mean 'given'"):
        open_sumstats(tmp_path / "givne")


@pytest.mark.parametrize("text", ["7:9-3", "27", "7:x-y", "", "7:0-5"])
def test_what_is_no_region_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="region"):
        parse_region(text)


def test_a_share_of_cases_is_between_zero_and_one() -> None:
    with pytest.raises(UsageError, match="share of cases"):
        ReadOptions(case_share=1.0)
