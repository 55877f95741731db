"""One door for linkage: every form of a matrix gives one answer in every command that takes it."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import InputError, UsageError
from proteomr.gwas import clump
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.job import run_mr

# rs1 and rs2 are one signal, of which the outcome has rs2 alone; rs3 is another on its own.
R = np.array([[1.0, -0.95, 0.0], [-0.95, 1.0, 0.0], [0.0, 0.0, 1.0]])
NAMES = ["rs1_A_G", "rs2_C_T", "rs3_A_G"]
FORMS = ("csv", "tsv", "csv.gz", "tsv.gz", "txt", "npz", "parquet")


def write_study(path: Path, rows: list[tuple[str, str, int, str, str, float]]) -> Path:
    columns = ["rsid", "chr", "pos", "ea", "oa", "beta"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").with_columns(se=0.01, eaf=0.3, p=1e-30)
    frame.write_csv(path)
    return path


@pytest.fixture
def studies(tmp_path: Path) -> tuple[Path, Path]:
    first, second, third = (
        ("rs1", "1", 1000, "A", "G", 0.2),
        ("rs2", "1", 1500, "C", "T", -0.19),
        ("rs3", "3", 3000, "A", "G", 0.1),
    )
    x = write_study(tmp_path / "x.csv", [first, second, third])
    y = write_study(tmp_path / "y.csv", [(*second[:5], -0.1), (*third[:5], 0.05)])
    return x, y


def write_matrix(folder: Path, form: str, names: list[str] = NAMES) -> Path:
    place = folder / f"ld.{form}"
    frame = pl.DataFrame(R, schema=names).insert_column(0, pl.Series("", names))
    if form == "npz":
        np.savez(place, r=R, variant_id=names)
    elif form == "parquet":
        frame.write_parquet(place)
    else:
        sign = {"csv": ",", "tsv": "\t", "txt": " "}[form.split(".", maxsplit=1)[0]]
        header = names if sign == " " else ["", *names]
        lines = [header, *([name, *map(str, row)] for name, row in zip(names, R, strict=True))]
        text = "\n".join(sign.join(line) for line in lines).encode()
        place.write_bytes(gzip.compress(text) if form.endswith("gz") else text)
    return place


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_matrix_gives_one_answer(
    form: str, studies: tuple[Path, Path], tmp_path: Path
) -> None:
    x, y = studies
    ld = write_matrix(tmp_path, form)
    assert clump(x, ld).table()["variant_id"].to_list() == ["rs1", "rs3"]
    direct = run_mr(x, y, ld=ld, methods="ivw,wald").table("harmonised")
    assert direct.filter("mr_keep")["variant_id"].to_list() == ["rs3"]
    rule = InstrumentRule(proxies=True)
    table = run_mr(x, y, ld=ld, methods="ivw", rule=rule).table("harmonised")
    proxied = table.select("variant_id", "beta_outcome", "proxy_id_outcome").rows()
    assert proxied == [("rs1", 0.1, "rs2"), ("rs3", 0.05, None)]


def test_a_matrix_named_by_places_is_met_by_position(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    ld = write_matrix(tmp_path, "csv", ["1:1000:G:A", "chr1_1500_C_T", "3:3000:A:G"])
    assert clump(studies[0], ld).table()["variant_id"].to_list() == ["rs1", "rs3"]


def test_proxies_need_to_know_whose_copies_are_correlated(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    ld = write_matrix(tmp_path, "csv", ["rs1", "rs2", "rs3"])
    rule = InstrumentRule(proxies=True)
    with pytest.raises(InputError, match="which alleles are correlated"):
        run_mr(*studies, ld=ld, rule=rule)
    squares = tmp_path / "r2.npz"
    np.savez(squares, r2=R**2, variant_id=NAMES)
    with pytest.raises(InputError, match="squares have no signs"):
        run_mr(*studies, ld=squares, rule=rule)


def test_squares_clump_as_the_correlations_that_they_are_of(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    squares = tmp_path / "r2.npz"
    np.savez(squares, r2=R**2, variant_id=NAMES)
    found = clump(studies[0], squares).table("clumps")
    assert found.filter(pl.col("reason") == "clumped")["r2"].to_list() == [pytest.approx(0.9025)]


def test_what_is_said_of_a_matrix_needs_one(studies: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="add --ld"):
        run_mr(*studies, ld_values="r2")
