"""The script that makes sets of files of Reactome and WikiPathways."""

from __future__ import annotations

import gzip
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from proteomr.io.gene_sets import read_gmt

SCRIPT = Path(__file__).parents[2] / "data" / "schemas" / "gene_sets" / "build_pathway_sets.py"
PAGE = "https://reactome.org/PathwayBrowser/#/"
HUMAN, MOUSE = "Homo sapiens", "Mus musculus"
MAPPING = [
    ("P05231", "R-HSA-1", PAGE, "Interleukin-6 signaling", "TAS", HUMAN),
    ("P05231", "R-HSA-1", PAGE, "Interleukin-6 signaling", "IEA", HUMAN),
    ("P08887", "R-HSA-1", PAGE, "Interleukin-6 signaling", "TAS", HUMAN),
    ("P22272", "R-MMU-1", PAGE, "Interleukin-6 signaling", "IEA", MOUSE),
    ("P01375", "R-HSA-2", PAGE, "TNF signaling", "TAS", HUMAN),
]
GMT = [
    ("Interleukin-6 signaling", "R-HSA-1", "IL6", "IL6R"),
    ("TNF signaling", "R-HSA-2", "TNF", "TNF"),
]
WIKI = [
    ("IL6 pathway%WikiPathways_20260910%WP364%Homo sapiens", "http://w.org/WP364", "3569", "3570"),
    ("IL6 pathway%WikiPathways_20260910%WP387%Mus musculus", "http://w.org/WP387", "16193"),
]


def write(path: Path, rows: Sequence[tuple[str, ...]]) -> Path:
    path.write_text("\n".join("\t".join(row) for row in rows) + "\n")
    return path


def build(*given: str | Path) -> subprocess.CompletedProcess[str]:
    typed = [sys.executable, str(SCRIPT), *map(str, given)]
    return subprocess.run(typed, capture_output=True, text=True, check=False)


def test_a_mapping_file_becomes_the_pathways_of_one_species(tmp_path: Path) -> None:
    file = write(tmp_path / "UniProt2Reactome.txt", MAPPING)
    done = build(file, "--date", "2026-09-12", "-o", tmp_path / "sets.gmt")
    assert (done.returncode, done.stdout) == (0, "2 sets of Reactome 2026-09-12, CC0 1.0\n")
    first, second = read_gmt(tmp_path / "sets.gmt")
    assert (first.name, first.members) == ("R-HSA-1", ("P05231", "P08887"))
    assert first.description == "Interleukin-6 signaling (Reactome 2026-09-12, CC0 1.0)"
    assert second.members == ("P01375",)


@pytest.mark.parametrize("packed", ["plain", "gz", "zip"])
def test_a_gmt_of_reactome_is_named_by_its_identifiers(tmp_path: Path, packed: str) -> None:
    file = write(tmp_path / "ReactomePathways.gmt", GMT)
    if packed == "gz":
        content = gzip.compress(file.read_bytes())
        file = tmp_path / "ReactomePathways.gmt.gz"
        file.write_bytes(content)
    if packed == "zip":
        with zipfile.ZipFile(tmp_path / "r.zip", "w") as archive:
            archive.write(file, file.name)
        file = tmp_path / "r.zip"
    assert build(file, "--date", "2026-09-12", "-o", tmp_path / "sets.gmt").returncode == 0
    found = read_gmt(tmp_path / "sets.gmt")
    assert [one.members for one in found] == [("IL6", "IL6R"), ("TNF",)]


def test_names_of_wikipathways_tell_the_date(tmp_path: Path) -> None:
    file = write(tmp_path / "wikipathways.gmt", WIKI)
    done = build(file, "-o", tmp_path / "sets.gmt")
    assert (done.returncode, done.stdout) == (0, "1 sets of WikiPathways 20260910, CC0 1.0\n")
    (only,) = read_gmt(tmp_path / "sets.gmt")
    assert (only.name, only.members) == ("WP364", ("3569", "3570"))


@pytest.mark.parametrize(
    ("rows", "asked", "message"),
    [
        (MAPPING, (), "tells no date"),
        (MAPPING, ("--date", "2026", "--species", "Homo Sapiens"), "no pathway of 'Homo Sapiens'"),
        ([("heart", "of GTEx", "NPPB")], ("--date", "2026"), "go to proteomr enrich as they are"),
        ([("",)], ("--date", "2026"), "holds no line"),
    ],
)
def test_what_it_cannot_read_is_one_line(
    tmp_path: Path, rows: list[tuple[str, ...]], asked: tuple[str, ...], message: str
) -> None:
    done = build(write(tmp_path / "file.txt", rows), *asked, "-o", tmp_path / "sets.gmt")
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "sets.gmt").exists()
