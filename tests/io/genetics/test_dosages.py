"""Dosages by person and variant: from PLINK's files and tables, for chosen people and variants."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import FormatError, IdentifierError, InputError
from proteomr.io.genetics.dosages import is_plink, open_dosages
from tests.io.genetics.test_genotypes import make_copies, write_bed


def as_dosages(copies: Any) -> F64:
    return np.where(copies < 0, np.nan, copies).astype(float)


@pytest.mark.parametrize("n", [1, 31, 32, 45])
def test_a_bed_file_gives_the_copies_of_allele_1_of_every_person(tmp_path: Path, n: int) -> None:
    copies = make_copies(n=n)
    write_bed(tmp_path / "panel", copies, children=(0,))
    for name in ("panel", "panel.bed", "panel.fam"):
        found = open_dosages(tmp_path / name, ["rs5", "rs1", "none"], scratch=tmp_path)
        assert found.ids.to_list() == [f"i{j}" for j in range(n)]
        assert found.values.names == ("rs1", "rs5")
        np.testing.assert_array_equal(found.values.read(slice(0, 2)).T, as_dosages(copies[[1, 5]]))


def test_people_and_variants_are_chosen_in_any_order(tmp_path: Path) -> None:
    copies = make_copies()
    write_bed(tmp_path / "panel", copies)
    found = open_dosages(tmp_path / "panel", ["rs1", "rs2", "rs3"], scratch=tmp_path).values
    rows = np.array([7, -1, 0])
    chosen = found.select_rows(rows).select_columns(["rs3", "rs1"])
    wanted = as_dosages(copies[[3, 1]][:, [7, 0, 0]])
    wanted[:, 1] = np.nan
    np.testing.assert_array_equal(chosen.read(slice(0, 2)).T, wanted)
    again = chosen.select_rows(np.array([2, 1, -1]))
    np.testing.assert_array_equal(again.read(slice(0, 1)).T[0], [wanted[0, 2], np.nan, np.nan])


def test_genotypes_go_to_another_process(tmp_path: Path) -> None:
    copies = make_copies()
    write_bed(tmp_path / "panel", copies)
    found = open_dosages(tmp_path / "panel", ["rs4"], scratch=tmp_path).values
    sent = pickle.dumps(found)
    assert len(sent) < 4000
    np.testing.assert_array_equal(
        pickle.loads(sent).read(slice(0, 1)),  # noqa: S301
        found.read(slice(0, 1)),
    )


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_a_table_of_dosages_gives_its_variants(tmp_path: Path, suffix: str) -> None:
    frame = pl.DataFrame(
        {"FID": ["a", "b"], "IID": ["7", "8"], "rs1": [0.25, 2.0], "rs2": [None, 1.0]}
    )
    path = tmp_path / f"dosages.{suffix}"
    if suffix == "parquet":
        frame.write_parquet(path)
    else:
        frame.write_csv(path, separator="\t" if suffix == "tsv" else ",")
    found = open_dosages(path, ["rs2", "rs9"], scratch=tmp_path)
    assert found.ids.to_list() == ["7", "8"]
    assert found.values.names == ("rs2",)
    np.testing.assert_array_equal(found.values.read(slice(0, 1))[:, 0], [np.nan, 1.0])


def test_what_is_plink_is_told_by_the_name_or_by_what_is_there(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    assert is_plink(tmp_path / "panel")
    assert is_plink("nowhere.pgen")
    assert not is_plink(tmp_path / "dosages.csv")


def test_a_variant_in_several_rows_is_refused_where_it_is_wanted(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    bim = tmp_path / "panel.bim"
    bim.write_text(bim.read_text().replace("rs2", "rs1"))
    with pytest.raises(InputError, match="variant 'rs1' stands in several rows"):
        open_dosages(tmp_path / "panel", ["rs1"], scratch=tmp_path)
    assert open_dosages(tmp_path / "panel", ["rs3"], scratch=tmp_path).values.names == ("rs3",)


def test_files_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    bed = tmp_path / "panel.bed"
    bed.write_bytes(bed.read_bytes()[:-1])
    with pytest.raises(FormatError, match="cut off"):
        open_dosages(tmp_path / "panel", ["rs1"], scratch=tmp_path)


def test_people_who_stand_twice_are_refused_by_their_count(tmp_path: Path) -> None:
    write_bed(tmp_path / "panel", make_copies())
    fam = tmp_path / "panel.fam"
    fam.write_text(fam.read_text().replace("i9", "i8"))
    with pytest.raises(IdentifierError, match="1 duplicated identifiers"):
        open_dosages(tmp_path / "panel", ["rs1"], scratch=tmp_path)


def test_pgen_files_give_what_bed_files_give(tmp_path: Path) -> None:
    pgenlib: Any = pytest.importorskip("pgenlib")
    copies = make_copies()
    m, n = copies.shape
    writer = pgenlib.PgenWriter(bytes(tmp_path / "two.pgen"), n, variant_ct=m)
    for row in copies:
        writer.append_biallelic(np.where(row < 0, -9, row).astype(np.int8))
    writer.close()
    rows = [f"1\t{100 * i + 1}\trs{i}\tG\tA" for i in range(m)]
    (tmp_path / "two.pvar").write_text("#CHROM\tPOS\tID\tREF\tALT\n" + "\n".join(rows) + "\n")
    people = [f"i{j}\t1" for j in range(n)]
    (tmp_path / "two.psam").write_text("#IID\tSEX\n" + "\n".join(people) + "\n")
    found = open_dosages(tmp_path / "two", ["rs1", "rs6"], scratch=tmp_path)
    assert found.ids.to_list() == [f"i{j}" for j in range(n)]
    np.testing.assert_array_equal(found.values.read(slice(0, 2)).T, as_dosages(copies[[1, 6]]))
    again = pickle.loads(pickle.dumps(found.values))  # noqa: S301
    np.testing.assert_array_equal(again.read(slice(0, 2)), found.values.read(slice(0, 2)))
