"""From files to a store: what it holds, what is said, and what each mistake is answered with."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.io.store import is_store, read_store
from proteomr.runs import Ledger

INPUT, USAGE, STORAGE = 3, 2, 74
HEADER = "SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;PlateID;QC_Warning;LOD;NPX"
ASSAYS = (("OID01216", "P35318", "ADM"), ("OID01217", "Q99988", "GDF15"))


def long_npx(*, samples: int = 6, mark: str = ";") -> str:
    lines = [HEADER]
    for i in range(samples):
        for j, (oid, uniprot, assay) in enumerate(ASSAYS):
            warning = "Warning" if i == 2 else "Pass"
            cells = [f"A{i}", i, oid, uniprot, assay, 0.1, "Olink Neuro", f"plate{i % 2}"]
            lines.append(";".join(map(str, [*cells, warning, -1.5, f"{i + j / 4:.4f}"])))
    return "\n".join(lines).replace(";", mark) + "\n"


@pytest.fixture
def npx(tmp_path: Path) -> Path:
    path = tmp_path / "from_the_lab.dat"
    path.write_text(long_npx())
    return path


def test_a_store_is_told_from_content_and_described(proteomr: Any, npx: Path) -> None:
    store = npx.parent / "store"
    ending = proteomr("ingest", npx, "-o", store)
    assert ending.code == 0
    lines = ending.out.splitlines()
    assert lines[0] == "olink: 6 samples, 2 assays, in NPX, no value missing"
    assert lines[-1] == str(store)
    assert any("flagged, not removed: 1 sample_qc (" in line for line in lines)
    found = read_store(store)
    assert found.proteins.names == ("OID01216", "OID01217")
    assert found.proteins.read(slice(0, 2))[2].tolist() == [2.0, 2.25]
    assert found.assays["gene"].to_list() == ["ADM", "GDF15"]


def test_the_manifest_tells_what_was_read_and_how(proteomr: Any, npx: Path) -> None:
    store = npx.parent / "store"
    proteomr("ingest", npx, "-o", store, "--replicates", "mean")
    manifest = json.loads((store / "manifest.json").read_text())
    assert manifest["command"] == "ingest"
    assert [entry["name"] for entry in manifest["inputs"]] == [str(npx)]
    assert manifest["configuration"]["replicates"] == "mean"
    assert manifest["configuration"]["store"]["platform"] == "olink"
    assert (store / "log.txt").stat().st_mode & 0o777 == 0o600


def test_the_order_of_rows_changes_no_byte(proteomr: Any, npx: Path) -> None:
    lines = npx.read_text().splitlines()
    turned = npx.with_name("turned.csv")
    turned.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    for path in (npx, turned):
        assert proteomr("ingest", path, "-o", path.with_suffix(".store")).code == 0
    for name in ("samples", "proteins", "assays", "qc_flags", "plates", "limits"):
        one, other = (p.with_suffix(".store") / f"{name}.parquet" for p in (npx, turned))
        assert one.read_bytes() == other.read_bytes(), name


def test_associate_takes_a_store_and_names_the_gene(proteomr: Any, npx: Path) -> None:
    folder = npx.parent
    npx.write_text(long_npx(samples=40))
    proteomr("ingest", npx, "-o", folder / "store")
    people = pl.DataFrame({"eid": [f"A{i}" for i in range(40)], "age": [40 + i for i in range(40)]})
    people.write_csv(folder / "people.csv")
    scan = ("--family", "linear", "--exposure", "age", "--adjust", "plates=C(plate)")
    ending = proteomr(
        "associate", folder / "people.csv", folder / "store", *scan, "-o", folder / "o"
    )
    assert ending.code == 0, ending.err
    found = pl.read_parquet(folder / "o" / "associations.parquet")
    assert found["gene"].to_list() == ["ADM", "GDF15"]
    assert found["n"].to_list() == [40, 40]


def test_withdrawn_people_leave_and_only_their_count_stays(proteomr: Any, npx: Path) -> None:
    gone = npx.with_name("withdrawn.csv")
    gone.write_text("A1\nA4\nA99\n")
    store = npx.parent / "store"
    ending = proteomr("ingest", npx, "--withdrawn", gone, "-o", store)
    assert "left out: 2 withdrawn" in ending.out
    found = read_store(store)
    assert found.samples["sample_id"].to_list() == ["A0", "A2", "A3", "A5"]
    assert "A4" not in (store / "manifest.json").read_text() + (store / "log.txt").read_text()
    assert found.parameters["withdrawn"]["removed"] == 2  # type: ignore[index]


def test_quiet_prints_the_path_alone(proteomr: Any, npx: Path) -> None:
    ending = proteomr("ingest", npx, "-q", "-o", npx.parent / "store")
    assert (ending.out, ending.err) == (f"{npx.parent / 'store'}\n", "")


def test_a_store_is_not_replaced_unasked(proteomr: Any, npx: Path) -> None:
    store = npx.parent / "store"
    proteomr("ingest", npx, "-o", store)
    ending = proteomr("ingest", npx, "-o", store)
    assert ending.code == INPUT
    assert "holds a finished result; choose another folder" in ending.message
    assert proteomr("ingest", npx, "--overwrite", "-o", store).code == 0


def test_resuming_a_finished_store_says_the_same_and_writes_nothing(
    proteomr: Any, npx: Path
) -> None:
    store = npx.parent / "store"
    first = proteomr("ingest", npx, "-o", store)
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    again = proteomr("ingest", npx, "--resume", "-o", store)
    assert (again.code, again.out) == (0, first.out)
    assert {path.name: path.read_bytes() for path in store.iterdir()} == before
    other = proteomr("ingest", npx, "--resume", "--log2", "-o", store)
    assert other.code == INPUT
    assert "another request (differs in options)" in other.message


def test_two_runs_into_one_folder_exclude_each_other(proteomr: Any, npx: Path) -> None:
    with Ledger.open(npx.parent / "store", request={"other": 1}):
        ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    assert ending.code == INPUT
    assert "in use" in ending.message


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (("--platform", "olinc"), USAGE, "--platform"),
        (("--platform", "somascan"), INPUT, "an ADAT without its header"),
        (("--assay", "Asay"), INPUT, "no column 'Asay' (did you mean 'Assay'?)"),
        (("--platform", "table", "--assay", "Assay"), USAGE, "both --assay and --value"),
        (("--replicates", "last"), USAGE, "--replicates"),
        (("--instance", "-1"), USAGE, "--instance"),
    ],
)
def test_a_wrong_option_is_answered(
    proteomr: Any, npx: Path, arguments: tuple[str, ...], code: int, expected: str
) -> None:
    ending = proteomr("ingest", npx, *arguments, "-o", npx.parent / "store")
    assert ending.code == code
    assert expected in ending.message
    assert not (npx.parent / "store").exists()


def test_a_column_of_numbers_goes_with_the_samples_on_request(
    proteomr: Any, tmp_path: Path
) -> None:
    path = tmp_path / "wide.csv"
    path.write_text("sample_id,visits,ADM\n1,3,0.5\n2,4,0.75\n")
    ending = proteomr("ingest", path, "--sample-column", "visits", "-o", tmp_path / "store")
    assert ending.code == 0
    found = read_store(tmp_path / "store")
    assert found.proteins.names == ("ADM",)
    assert found.samples["visits"].to_list() == [3, 4]
    wrong = proteomr("ingest", path, "--sample-column", "visit", "-o", tmp_path / "other")
    assert wrong.code == INPUT
    assert "no column 'visit' (did you mean 'visits'?)" in wrong.message


def test_files_of_two_platforms_are_named(proteomr: Any, npx: Path) -> None:
    other = npx.with_name("wide.csv")
    other.write_text("sample_id,ADM\n1,0.5\n2,0.75\n")
    ending = proteomr("ingest", npx, other, "-o", npx.parent / "store")
    assert ending.code == INPUT
    assert "of several platforms" in ending.message
    assert "(olink)" in ending.message
    assert "(table)" in ending.message


def test_names_and_values_of_any_kind_are_kept_as_they_are(proteomr: Any, tmp_path: Path) -> None:
    path = tmp_path / "wide.csv"
    path.write_text(
        "ID,GDF15,NONE,SAME,CODES,LARGE\n00123,1.5,,7,999,9007199254740993\n"
        "12345678901234567890,NA,,7,-9,1\n0x1F,nan,,7,-1,2\n"
    )
    ending = proteomr("ingest", path, "-o", tmp_path / "store")
    assert ending.code == 0, ending.err
    found = read_store(tmp_path / "store")
    assert found.samples["sample_id"].to_list() == ["00123", "0x1F", "12345678901234567890"]
    assert found.proteins.names == ("CODES", "GDF15", "LARGE", "NONE", "SAME")
    values = found.proteins.read(slice(0, 5))
    assert values[:, 0].tolist() == [999, -1, -9]
    assert np.isnan(values[:, 3]).all()
    assert values[:, 4].tolist() == [7, 7, 7]


def test_text_of_the_laboratory_is_neither_a_formula_nor_a_command(
    proteomr: Any, npx: Path
) -> None:
    npx.write_text(long_npx().replace("Olink Neuro", "=HYPERLINK(1)\x1b[2J"))
    ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    assert ending.code == 0
    assert "\x1b" not in ending.out + ending.err
    drops = (npx.parent / "store" / "drops.tsv").read_text()
    assert not any(cell[:1] in "=+-@" for line in drops.splitlines() for cell in line.split("\t"))
    assert "\x1b" not in (npx.parent / "store" / "log.txt").read_text()


def test_a_store_of_one_sample_is_a_store(proteomr: Any, npx: Path) -> None:
    npx.write_text(long_npx(samples=1))
    ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    assert ending.out.startswith("olink: 1 sample, 2 assays, in NPX, no value missing\n")
    assert read_store(npx.parent / "store").proteins.read(slice(0, 2)).tolist() == [[0.0, 0.25]]


def test_a_failed_run_leaves_the_earlier_store_alone(proteomr: Any, npx: Path) -> None:
    store = npx.parent / "store"
    assert proteomr("ingest", npx, "-o", store).code == 0
    before = {path.name: path.read_bytes() for path in store.iterdir()}
    npx.write_text(long_npx().replace("2.2500", "below"))
    assert proteomr("ingest", npx, "--overwrite", "-o", store).code == INPUT
    after = {path.name: path.read_bytes() for path in store.iterdir()}
    assert after.pop("log.txt").endswith(b"leave the cell empty if it is missing\n")
    assert after == {name: content for name, content in before.items() if name != "log.txt"}
    assert read_store(store).n == 6


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_one_line(proteomr: Any, npx: Path) -> None:
    npx.parent.chmod(0o500)
    ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    npx.parent.chmod(0o700)
    assert ending.code == STORAGE
    assert "permission" in ending.message.casefold()


def test_an_archive_that_unpacks_without_end_is_refused(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "npx.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", bytes(1 << 20))
    monkeypatch.setattr("proteomr.io.formats._LARGEST_WORKBOOK", 1 << 19)
    ending = proteomr("ingest", path, "-o", tmp_path / "store")
    assert ending.code == INPUT
    assert "when unpacked" in ending.message


@pytest.mark.parametrize("mark", [",", "\t"])
def test_other_delimiters_a_byte_order_mark_and_crlf_change_nothing(
    proteomr: Any, npx: Path, mark: str
) -> None:
    other = npx.with_name("other.csv")
    other.write_bytes(b"\xef\xbb\xbf" + long_npx(mark=mark).replace("\n", "\r\n").encode())
    for path in (npx, other):
        assert proteomr("ingest", path, "-o", path.with_suffix(".store")).code == 0
    one, other_store = (p.with_suffix(".store") / "proteins.parquet" for p in (npx, other))
    assert one.read_bytes() == other_store.read_bytes()


def test_a_full_disk_is_one_line_and_leaves_no_store(
    proteomr: Any, npx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, calls = os.fsync, [0]

    def refuse(handle: int) -> None:
        calls[0] += 1
        if calls[0] > 4:
            raise OSError(errno.ENOSPC, "No space left on device")
        plain(handle)

    monkeypatch.setattr("proteomr.files.os.fsync", refuse)
    ending = proteomr("ingest", npx, "-o", npx.parent / "store")
    assert ending.code == STORAGE
    assert "the disk is full; free some space" in ending.message
    assert not is_store(npx.parent / "store")


def test_an_output_that_is_a_link_is_refused(proteomr: Any, npx: Path) -> None:
    store = npx.parent / "store"
    store.mkdir()
    (npx.parent / "elsewhere").write_text("mine")
    (store / "proteins.parquet").symlink_to(npx.parent / "elsewhere")
    ending = proteomr("ingest", npx, "-o", store)
    assert ending.code == INPUT
    assert (npx.parent / "elsewhere").read_text() == "mine"


def test_a_killed_run_leaves_no_store_and_can_be_run_again(proteomr: Any, npx: Path) -> None:
    npx.write_text(long_npx(samples=60_000))
    store = npx.parent / "store"
    command = [sys.executable, "-m", "proteomr", "ingest", str(npx), "-o", str(store)]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (store / ".lock").exists() and running.poll() is None:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert not is_store(store)
    npx.write_text(long_npx())
    assert proteomr("ingest", npx, "-o", store).code == 0
    assert is_store(store)


def test_proteins_in_rows_and_tables_of_programs_are_read(proteomr: Any, tmp_path: Path) -> None:
    turned = tmp_path / "turned.csv"
    turned.write_text("gene,A,B\nIL6,1.5,2.5\nADM,0.5,3.5\n")
    ending = proteomr("ingest", turned, "-o", tmp_path / "store")
    assert (ending.code, ending.out.splitlines()[0]) == (
        0,
        "table: 2 samples, 2 assays, no value missing",
    )
    assert "proteins stand in rows, named by column 'gene'" in ending.err
    forced = proteomr("ingest", turned, "--proteins-in", "columns", "-o", tmp_path / "other")
    assert "no identifier column" in forced.message
    groups = tmp_path / "groups.tsv"
    groups.write_text("PG.ProteinGroups\tPG.Genes\t[1] A.raw.PG.Quantity\nP05231\tIL6\t8\n")
    ending = proteomr("ingest", groups, "-o", tmp_path / "groups")
    assert ending.out.startswith("massspec: 1 sample, 1 assay, in log2 intensity")
