"""Zip archives as laboratories deliver them."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from proteomr.errors import FormatError, InputError
from proteomr.io import read_measurements

_NPX = b"SampleID;OlinkID;Assay;Panel;NPX\nA1;OID1;IL6;CVD;0.5\nA2;OID1;IL6;CVD;1.5\n"


def _zip(path: Path, members: Mapping[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def _digest(kind: str, content: bytes = _NPX) -> str:
    return hashlib.new(kind, content).hexdigest()


_CHECKSUMS = {
    "MD5_checksum.txt": _digest("md5"),
    "checksum_sha256.txt": _digest("sha256") + "\n",
    "npx.csv.md5": f"{_digest('md5')}  npx.csv\n",
    "SHA256SUMS": f"{_digest('sha256')} *npx.csv\n",
    "md5.txt": f"MD5 (npx.csv) = {_digest('md5').upper()}\r\n",
    "npx.csv.sha1": f"npx.csv: {_digest('sha1')}",
    "checksums.txt": f"sha512 {_digest('sha512')}",
}


@pytest.mark.parametrize("name", _CHECKSUMS)
def test_the_table_is_read_and_held_against_its_checksum(name: str, tmp_path: Path) -> None:
    readme = "How to verify: compute the MD5 of the csv file, e.g. d41d8cd98f00b204e9800998ecf8427e"
    members: dict[str, bytes | str] = {"npx.csv": _NPX, "README.txt": readme}
    members[name] = _CHECKSUMS[name]
    made = read_measurements(_zip(tmp_path / "npx.zip", members), scratch=tmp_path)
    assert made.platform == "olink"
    assert made.proteins.read(slice(1)).ravel().tolist() == [0.5, 1.5]
    assert any(note.startswith("npx.csv has the ") for note in made.notes)
    assert "passed over in npx.zip: README.txt" in made.notes


@pytest.mark.parametrize("name", _CHECKSUMS)
def test_another_checksum_is_refused(name: str, tmp_path: Path) -> None:
    broken = _NPX.replace(b"0.5", b"0.6")
    path = _zip(tmp_path / "npx.zip", {"npx.csv": broken, name: _CHECKSUMS[name]})
    with pytest.raises(FormatError, match="checksum in the archive is another") as caught:
        read_measurements(path, scratch=tmp_path)
    assert caught.value.path == path


def test_an_archive_without_a_checksum_is_read(tmp_path: Path) -> None:
    made = read_measurements(_zip(tmp_path / "npx.zip", {"folder/npx.csv": _NPX}), scratch=tmp_path)
    assert made.n == 2
    assert not any("checksum" in note for note in made.notes)


def test_a_file_of_checksums_without_one_is_said(tmp_path: Path) -> None:
    path = _zip(tmp_path / "npx.zip", {"npx.csv": _NPX, "MD5_checksum.txt": "see README"})
    assert any("holds none" in note for note in read_measurements(path, scratch=tmp_path).notes)


def test_the_checksum_of_an_absent_file_is_refused(tmp_path: Path) -> None:
    text = f"{_digest('md5')}  other.csv\n"
    path = _zip(tmp_path / "npx.zip", {"npx.csv": _NPX, "MD5_checksum.txt": text})
    with pytest.raises(FormatError, match="a file that is not in the archive"):
        read_measurements(path, scratch=tmp_path)


def test_several_tables_of_an_archive_are_stacked_with_files_beside_it(tmp_path: Path) -> None:
    rows = [_NPX.replace(b"A1", b"B1").replace(b"A2", b"B2")]
    rows += [_NPX.replace(b"A1", b"C1").replace(b"A2", b"C2")]
    members = {"plate1/npx.csv": _NPX, "plate2/npx.csv": rows[0], "__MACOSX/._npx.csv": b"\x00"}
    beside = tmp_path / "more.csv"
    beside.write_bytes(rows[1])
    path = _zip(tmp_path / "npx.zip", members)
    made = read_measurements([path, beside], scratch=tmp_path)
    assert made.samples["sample_id"].to_list() == ["A1", "A2", "B1", "B2", "C1", "C2"]


def test_a_parquet_file_in_an_archive_is_read(tmp_path: Path) -> None:
    parquet = tmp_path / "npx.parquet"
    pl.read_csv(_NPX, separator=";").write_parquet(parquet)
    path = _zip(tmp_path / "npx.zip", {"npx.parquet": parquet.read_bytes()})
    assert read_measurements(path, scratch=tmp_path).n == 2


def test_a_fault_is_placed_in_the_archive_and_not_in_scratch(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    path = _zip(tmp_path / "npx.zip", {"npx.csv": _NPX.replace(b"1.5", b"high")})
    with pytest.raises(FormatError) as caught:
        read_measurements(path, scratch=scratch)
    assert str(caught.value).startswith(f"{path}/npx.csv, line 3, column 'NPX': text where")
    assert (caught.value.path, caught.value.line) == (path / "npx.csv", 3)
    assert "scratch" not in str(caught.value)


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"README.txt": "x", "figure.pdf": "x"}, "no table in the archive: it holds README.txt"),
        ({}, "no table in the archive: it holds nothing"),
    ],
)
def test_an_archive_without_a_table_is_refused(
    members: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(FormatError, match=message):
        read_measurements(_zip(tmp_path / "npx.zip", members), scratch=tmp_path)


def test_an_archive_in_an_archive_is_refused(tmp_path: Path) -> None:
    inner = _zip(tmp_path / "inner.zip", {"npx.csv": _NPX}).read_bytes()
    path = _zip(tmp_path / "npx.zip", {"inner.zip": inner})
    with pytest.raises(FormatError, match=r"inner\.zip: is an archive in an archive; unpack it"):
        read_measurements(path, scratch=tmp_path)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_an_archive_that_is_cut_off_is_refused(share: float, tmp_path: Path) -> None:
    path = _zip(tmp_path / "npx.zip", {"npx.csv": _NPX * 1, "README.txt": "x"})
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(FormatError, match="cut off or damaged"):
        read_measurements(path, scratch=tmp_path)


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "npx.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("npx.csv", _NPX)
    path.write_bytes(path.read_bytes().replace(b"0.5", b"0.6"))
    with pytest.raises(FormatError, match="cut off or damaged"):
        read_measurements(path, scratch=tmp_path)


def test_the_vendors_archive_equals_its_table(reference: Path, tmp_path: Path) -> None:
    path = reference / "formats" / "found" / "old_Example_NPX_Data_3K.zip"
    made = read_measurements(path, scratch=tmp_path)
    with zipfile.ZipFile(path) as archive:
        table = pl.read_csv(
            archive.read("Example_NPX_Data_3K.csv"), separator=";", infer_schema_length=None
        )
    people = table.filter(~pl.col("SampleID").str.starts_with("CONTROL"))
    truth = dict(zip(people.select("SampleID", "OlinkID").rows(), people["NPX"], strict=True))
    values = made.proteins.read(slice(0, len(made.proteins.names)))
    assert values.shape == (2, 2943)
    for i, sample in enumerate(made.samples["sample_id"]):
        for j, assay in enumerate(made.proteins.names):
            assert values[i, j] == truth[sample, assay]
    assert "Example_NPX_Data_3K.csv has the MD5 that its laboratory states" in made.notes


def test_nothing_is_unpacked_where_there_is_no_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = _zip(tmp_path / "npx.zip", {"npx.csv": _NPX})
    full = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda _: full)
    with pytest.raises(InputError, match="when unpacked, more than the temporary folder has room"):
        read_measurements(path, scratch=tmp_path)
