"""Panels of genotypes and matrices of correlations, read from files."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io.genetics.genotypes import open_genotypes, read_bed, read_pgen
from proteomr.io.genetics.ld_matrices import read_ld_matrix

CODES = {2: 0b00, -1: 0b01, 1: 0b10, 0: 0b11}


def make_copies(m: int = 7, n: int = 45) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    rng = np.random.default_rng(8)
    copies = rng.binomial(2, 0.4, (m, n)).astype(np.int8)
    copies[1:, :] = np.where(rng.random((m - 1, n)) < 0.5, copies[0], copies[1:])
    copies[rng.random((m, n)) < 0.08] = -1
    return copies


def write_bed(
    prefix: Path,
    copies: np.ndarray[tuple[int, ...], np.dtype[np.int8]],
    *,
    children: tuple[int, ...] = (),
    separator: str = "\t",
) -> None:
    """Write genotypes person by person, as the description of the format says."""
    m, n = copies.shape
    content = bytearray(b"\x6c\x1b\x01")
    for row in copies:
        for start in range(0, n, 4):
            byte = 0
            for place, value in enumerate(row[start : start + 4]):
                byte |= CODES[int(value)] << (2 * place)
            content.append(byte)
    prefix.with_name(prefix.name + ".bed").write_bytes(bytes(content))
    bim = [["chr1", f"rs{i}", "0", str(100 * i + 1), "a", "G"] for i in range(m)]
    fam = [["f", f"i{j}", "p" if j in children else "0", "0", "1", "-9"] for j in range(n)]
    for suffix, rows in (("bim", bim), ("fam", fam)):
        text = "\n".join(separator.join(row) for row in rows) + "\n"
        prefix.with_name(f"{prefix.name}.{suffix}").write_text(text)


def correlate_slowly(
    copies: np.ndarray[tuple[int, ...], np.dtype[np.int8]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    m = copies.shape[0]
    r = np.ones((m, m))
    for i in range(m):
        for j in range(m):
            both = (copies[i] >= 0) & (copies[j] >= 0)
            r[i, j] = np.corrcoef(copies[i, both], copies[j, both])[0, 1]
    return r


@pytest.mark.parametrize("n", [1, 31, 32, 33, 45, 64])
def test_genotypes_of_any_number_of_people_are_read(tmp_path: Path, n: int) -> None:
    copies = make_copies(n=n)
    write_bed(tmp_path / "panel", copies)
    panel = read_bed(tmp_path / "panel")
    known = np.where(copies >= 0, copies, 0).sum(axis=1)
    people = (copies >= 0).sum(axis=1)
    found = panel.frequencies(np.arange(7))
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(found, known / (2.0 * people), rtol=1e-14)
    assert panel.n == n


def test_genotype_correlations_equal_a_slow_loop(tmp_path: Path) -> None:
    copies = make_copies()
    write_bed(tmp_path / "panel", copies)
    panel = open_genotypes(tmp_path / "panel.bim", measure="genotype")
    slow = correlate_slowly(copies)
    np.testing.assert_allclose(panel.matrix(np.arange(7)), slow, rtol=1e-12)
    rows = np.array([5, 2])
    np.testing.assert_allclose(panel.correlate(3, rows), slow[3, rows], rtol=1e-12)


def test_children_of_people_in_the_panel_are_not_used(tmp_path: Path) -> None:
    copies = make_copies()
    children = (0, 7, 44)
    write_bed(tmp_path / "panel", copies, children=children)
    panel = read_bed(tmp_path / "panel", measure="genotype")
    founders = np.delete(copies, children, axis=1)
    assert panel.n == 42
    np.testing.assert_allclose(panel.matrix(np.arange(7)), correlate_slowly(founders), rtol=1e-12)


def test_chromosomes_and_alleles_are_written_in_one_way(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies(), separator=" ")
    variants = open_genotypes(tmp_path / "panel").variants
    assert variants.row(1) == ("rs1", "1", 101, "A", "G")


def test_correlations_equal_those_of_plink(reference: Path) -> None:
    folder = reference / "mr" / "data" / "ldclump"
    panel = open_genotypes(folder / "sim", measure="genotype")
    theirs = read_ld_matrix(folder / "sim_r.ld.gz", variants=panel.variants)
    rows = np.arange(0, 600, 13)
    np.testing.assert_allclose(panel.matrix(rows), theirs.matrix(rows), atol=6e-6)
    frequencies = pl.read_csv(folder / "sim.frq", separator="\n")
    expected = frequencies.to_series().str.extract_all(r"\S+").list.get(4).cast(pl.Float64)
    np.testing.assert_allclose(panel.frequencies(np.arange(600)), expected.to_numpy(), rtol=2e-3)


@pytest.mark.skipif(shutil.which("plink1.9") is None, reason="plink1.9 is not installed")
def test_haplotype_correlations_equal_those_of_plink_run_now(tmp_path: Path) -> None:
    copies = make_copies(m=12, n=90)
    write_bed(tmp_path / "panel", copies, children=(4, 5))
    ask = ["--r2", "dprime", "inter-chr", "--ld-window-r2", "0"]
    files = ["--bfile", str(tmp_path / "panel"), "--out", str(tmp_path / "panel")]
    subprocess.run(["plink1.9", *files, *ask], capture_output=True, check=True)
    lines = (tmp_path / "panel.ld").read_text().splitlines()[1:]
    r2 = open_genotypes(tmp_path / "panel").matrix(np.arange(12)) ** 2
    cells = [line.split() for line in lines]
    assert len(cells) == 66
    for cell in cells:
        one, other = int(cell[2][2:]), int(cell[5][2:])
        assert r2[one, other] == pytest.approx(float(cell[6]), rel=1e-5, abs=1e-9)


def test_damaged_and_foreign_files_are_named(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    bed = tmp_path / "panel.bed"
    whole = bed.read_bytes()
    bed.write_bytes(whole[:-1])
    with pytest.raises(FormatError, match="cut off, or beside another bim"):
        read_bed(tmp_path / "panel")
    bed.write_bytes(b"\x6c\x1b\x00" + whole[3:])
    with pytest.raises(FormatError, match="ordered by person"):
        read_bed(tmp_path / "panel")
    bed.write_bytes(b"PK" + whole[2:])
    with pytest.raises(FormatError, match="no bed file"):
        read_bed(tmp_path / "panel")
    (tmp_path / "panel.bim").write_text("1\trs1\t0\tx\tA\tG\n")
    with pytest.raises(FormatError, match="variant 1: position 'x' is no whole number"):
        read_bed(tmp_path / "panel")
    (tmp_path / "panel.bim").write_text("1\trs1\t0\t5\n")
    with pytest.raises(FormatError, match="4 columns; a bim file has 6"):
        read_bed(tmp_path / "panel")


def test_fields_may_be_parted_by_any_run_of_blanks(tmp_path: Path) -> None:
    copies = make_copies()
    write_bed(tmp_path / "one", copies, children=(3,))
    write_bed(tmp_path / "two", copies, children=(3,), separator="  \t ")
    one, two = read_bed(tmp_path / "one"), read_bed(tmp_path / "two")
    assert one.variants.equals(two.variants)
    assert one.n == two.n == copies.shape[1] - 1


@pytest.mark.parametrize("suffix", ["bim", "fam"])
@pytest.mark.parametrize(
    ("line", "message"),
    [("", "line 3: a blank line"), ("a b", "line 3: 2 fields, 6 in the first line")],
)
def test_a_line_of_another_form_is_named(
    suffix: str, line: str, message: str, tmp_path: Path
) -> None:
    write_bed(tmp_path / "panel", make_copies())
    file = tmp_path / f"panel.{suffix}"
    lines = file.read_text().splitlines()
    lines[2] = line
    file.write_text("\n".join(lines) + "\n")
    with pytest.raises(FormatError, match=message):
        read_bed(tmp_path / "panel")


def test_blank_lines_at_the_end_and_letters_of_any_code_page_are_no_fault(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    fam = tmp_path / "panel.fam"
    fam.write_bytes(fam.read_bytes().replace(b"i7\t", b"\xe97\t") + b"\n\n")
    assert read_bed(tmp_path / "panel").n == 45


def test_a_panel_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"neither .*x\.bed nor .*x\.pgen is there"):
        open_genotypes(tmp_path / "x")


def test_a_panel_of_children_alone_is_refused(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies(n=4), children=(0, 1, 2, 3))
    with pytest.raises(InputError, match="everybody has a parent"):
        read_bed(tmp_path / "panel")


@pytest.mark.skipif(importlib.util.find_spec("pgenlib") is not None, reason="pgenlib is installed")
def test_without_pgenlib_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="plink2 --make-bed"):
        read_pgen(tmp_path / "panel")


def test_pgen_and_bed_of_the_same_people_agree(tmp_path: Path) -> None:
    pgenlib: Any = pytest.importorskip("pgenlib")
    copies = make_copies()
    write_bed(tmp_path / "panel", copies, children=(3,))
    m, n = copies.shape
    writer = pgenlib.PgenWriter(bytes(tmp_path / "two.pgen"), n, variant_ct=m)
    for row in copies:
        writer.append_biallelic(np.where(row < 0, -9, row).astype(np.int8))
    writer.close()
    rows = [f"1\t{100 * i + 1}\trs{i}\tG\tA" for i in range(m)]
    head = "##source=test\n#CHROM\tPOS\tID\tREF\tALT\n"
    (tmp_path / "two.pvar").write_text(head + "\n".join(rows) + "\n")
    people = [f"f\t{j}\t{'p' if j == 3 else 0}\t0\t1" for j in range(n)]
    (tmp_path / "two.psam").write_text("#FID\tIID\tPAT\tMAT\tSEX\n" + "\n".join(people) + "\n")
    one, two = open_genotypes(tmp_path / "panel"), open_genotypes(tmp_path / "two")
    assert one.variants.equals(two.variants)
    every = np.arange(m)
    np.testing.assert_array_equal(one.matrix(every), two.matrix(every))
