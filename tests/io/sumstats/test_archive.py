"""Archives of one protein: streamed, refused where unsafe, and errors where cut off."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError
from proteomr.io.sumstats import ReadOptions, Region, Selection, open_sumstats

HEADER = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA\n"
STEM = "SORT1_Q99523_OID20684_v1_Cardiometabolic"


def member(chromosome: str, rows: int = 3) -> bytes:
    lines = [
        f"{chromosome} {1000 + i} {chromosome}:{900 + i}:G:A:imp:v1 G A 0.3 0.9 900 ADD 0.2 0.05"
        f" 16 {400.5 + i} NA\n"
        for i in range(rows)
    ]
    text = (HEADER + "".join(lines)).encode()
    half = len(text) // 2  # block compression writes several gzip streams one after another
    return gzip.compress(text[:half]) + gzip.compress(text[half:])


def pack(path: Path, members: dict[str, bytes], extra: tarfile.TarInfo | None = None) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(f"{STEM}/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if extra is not None:
            archive.addfile(extra)
    return path


def name_of(chromosome: str) -> str:
    return f"discovery_chr{chromosome}_SORT1:Q99523:OID20684:v1:Cardiometabolic.gz"


def usual(folder: Path) -> Path:
    members = {name_of(one): member("23" if one == "X" else one) for one in ("1", "7", "X")}
    return pack(folder / f"{STEM}.tar", members)


def read(path: Path, options: ReadOptions | None = None) -> pl.DataFrame:
    return pl.concat([chunk.frame for chunk in open_sumstats(path, options=options).chunks()])


def test_members_are_read_and_the_position_in_the_name_is_not_taken(tmp_path: Path) -> None:
    path = usual(tmp_path)
    rows = read(path)
    assert open_sumstats(path).layout.book.name == "ukb_ppp"
    assert rows["chromosome"].unique(maintain_order=True).to_list() == ["1", "7", "X"]
    assert rows["position_bp"].to_list() == [1000, 1001, 1002] * 3
    assert rows["build"].unique().to_list() == ["GRCh38"]
    assert rows["neg_log10_p"].max() == 402.5
    assert rows["trait"].unique().to_list() == [STEM]
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_members_of_other_chromosomes_are_not_opened(tmp_path: Path) -> None:
    broken = pack(tmp_path / "a.tar", {name_of("1"): b"\x1f\x8b broken", name_of("7"): member("7")})
    wanted = ReadOptions(selection=Selection((Region("7", 1001, 1001),)))
    assert read(broken, wanted)["position_bp"].to_list() == [1001]
    with pytest.raises(FormatError, match="discovery_chr1_"):
        read(broken)


@pytest.mark.parametrize("name", ["../../etc/x.gz", "/etc/x.gz", "a/../../x.gz", "C:\\x.gz"])
def test_a_member_outside_the_archive_is_refused(name: str, tmp_path: Path) -> None:
    path = pack(tmp_path / "a.tar", {name_of("1"): member("1")}, tarfile.TarInfo(name))
    with pytest.raises(FormatError, match="points outside the archive"):
        read(path)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE])
def test_links_and_devices_are_refused(kind: bytes, tmp_path: Path) -> None:
    info = tarfile.TarInfo("x.gz")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(FormatError, match="is a link or a device"):
        read(pack(tmp_path / "a.tar", {name_of("1"): member("1")}, info))


def test_an_archive_or_a_member_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    content = member("1", rows=3000)
    whole = pack(tmp_path / "a.tar", {name_of("1"): content}).read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole[: len(content) // 2])
    with pytest.raises(FormatError, match="cut off or damaged"):
        read(cut)
    with pytest.raises(FormatError, match="cut off or damaged"):
        read(pack(tmp_path / "b.tar", {name_of("1"): content[: len(content) - 40]}))


def test_members_with_different_headers_are_refused(tmp_path: Path) -> None:
    other = gzip.compress(HEADER.replace("INFO ", "").encode() + b"1 2\n")
    path = pack(tmp_path / "a.tar", {name_of("1"): member("1"), name_of("2"): other})
    with pytest.raises(FormatError, match="another header than the first"):
        read(path)


def test_an_archive_without_a_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no member of the archive holds a table"):
        open_sumstats(pack(tmp_path / "a.tar", {"README.md": b"hello"}))


def test_the_chromosomes_of_an_archive_are_always_told(tmp_path: Path) -> None:
    (told, *_) = open_sumstats(usual(tmp_path)).notes
    assert told == "chromosomes 1, 7, X; no member for 2-6, 8-22"
    every = {name_of(str(one)): member(str(one)) for one in [*range(1, 23), "X"]}
    (whole, *_) = open_sumstats(pack(tmp_path / "whole.tar", every)).notes
    assert whole == "chromosomes 1-22, X; a member for each of 1-22 and X"


def test_a_member_that_is_passed_over_is_named(tmp_path: Path) -> None:
    members = {name_of("1"): member("1"), f"{name_of('7')}.tmp": member("7"), "._x.gz": b""}
    told = open_sumstats(pack(tmp_path / "odd.tar", members)).notes[1]
    assert told.startswith("passed over, by their names no tables (.gz, .bgz")
    assert told.count("'") == 2
    assert ".tmp'" in told


def test_a_member_without_line_breaks_is_refused_at_once(tmp_path: Path) -> None:
    zeros = gzip.compress(b"0" * 30_000_000, 1)
    for content in (zeros, b"0" * 30_000_000):
        with pytest.raises(FormatError, match="a line of more than 1 MB"):
            read(pack(tmp_path / "bomb.tar", {name_of("1"): content}))
    header_first = gzip.compress(HEADER.encode() + b"1" * 60_000_000, 1)
    with pytest.raises(FormatError, match="member"):
        read(pack(tmp_path / "bomb.tar", {name_of("1"): header_first}))


def test_an_archive_of_thousands_of_members_is_refused(tmp_path: Path) -> None:
    one = member("1")
    many = {f"{i}_{name_of('1')}": one for i in range(1001)}
    with pytest.raises(FormatError, match="more than 1,000 members"):
        read(pack(tmp_path / "many.tar", many))
