"""An exposure and an outcome brought to one allele on the command line."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import StorageError
from proteomr.mr.harmonise import to_harmonised
from tests.mr.reference import read_expected

HEAD = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize"
EXPOSURE = [f"rs{i} 1 {100 + i} A G 0.{i + 1} 0.1 0.01 1e-20 900" for i in range(8)]
TURNED = [f"rs{i} 1 {100 + i} G A {1 - (i + 1) / 10:.1f} -0.05 0.02 0.01 700" for i in range(8)]
COMPARED = [
    *(f"{name}.{side}" for side in ("exposure", "outcome")
      for name in ("effect_allele", "other_allele", "beta", "eaf", "se")),
    "remove", "palindromic", "ambiguous", "mr_keep",
]  # fmt: skip


def write(folder: Path, name: str, rows: list[str], head: str = HEAD) -> Path:
    path = folder / name
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    further = [f"rs{i} 2 {i} A G 0.2 0.1 0.02 0.01 700" for i in range(50, 60)]
    return (
        write(tmp_path, "lonely.txt", EXPOSURE),
        write(tmp_path, "stroke.txt", [*TURNED, *further]),
    )


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_effects_are_per_the_allele_of_the_exposure(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    ending = proteomr("harmonise", *pair, "-o", out)
    assert ending.code == 0, ending.err
    table = pl.read_parquet(out / "harmonised.parquet")
    assert table["beta_outcome"].to_list() == [0.05] * 8
    assert table["reason"].unique().to_list() == ["exchanged"]
    assert (table["exposure"][0], table["outcome"][0]) == ("lonely", "stroke")
    lines = ending.out.splitlines()
    assert lines[:2] == ["8 of 8 variants found by name", "8 of 8 variants kept"]
    assert "frequencies: 0 of 8 differ by more than 0.2" in lines
    assert lines[-1] == str(out / "harmonised.parquet")
    assert to_harmonised(table)[0].m == 8


@pytest.mark.parametrize("action", [1, 2, 3])
@pytest.mark.parametrize("case", ["harm_alleles", "harm_bmi_chd", "harm_edgeA", "harm_telbladder"])
def test_rows_equal_twosamplemr(
    proteomr: Any, reference: Path, case: str, action: int, tmp_path: Path
) -> None:
    sides = [reference / "mr" / "data" / f"{case}_{side}.csv" for side in ("exposure", "outcome")]
    options = ("--action", action, "--columns", "twosamplemr", "-o", tmp_path)
    ending = proteomr("harmonise", *sides, *options)
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "harmonised.parquet").sort("SNP", "beta.outcome")
    entry = next(e for e in read_expected(reference, case) if e["args"]["action"] == action)
    columns = {
        name: values if isinstance(values, list) else [values]
        for name, values in entry["result"]["columns"].items()
    }
    expected = pl.DataFrame(columns, infer_schema_length=None).sort("SNP", "beta.outcome")
    assert found["SNP"].to_list() == expected["SNP"].to_list()
    for name in COMPARED:
        ours, theirs = found[name], expected[name]
        if ours.dtype == pl.Float64:
            numbers = theirs.cast(pl.Float64).to_numpy()
            np.testing.assert_allclose(ours.to_numpy(), numbers, rtol=1e-12, err_msg=name)
        else:
            assert ours.to_list() == theirs.to_list(), name


def test_drops_checks_and_the_manifest_stand_beside(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    path = write(tmp_path, "lonely.txt", [*EXPOSURE, "rs9 1 9 A T 0.5 0.1 0.01 1e-9 900"])
    rows = [*TURNED[1:], "rs9 1 9 A T 0.5 0.1 0.01 1e-9 900"]
    write(tmp_path, "stroke.txt", rows)
    out = tmp_path / "out"
    assert proteomr("harmonise", path, pair[1], "-o", out, "--format", "tsv").code == 0
    expected = ["drops.tsv", "frequencies.tsv", "harmonised.parquet", "harmonised.tsv", "log.txt"]
    assert names(out) == [*expected, "manifest.json"]
    drops = pl.read_csv(out / "drops.tsv", separator="\t")
    assert sorted(drops.rows()) == [
        ("harmonise", "absent_from_outcome", 1),
        ("harmonise", "palindromic_ambiguous", 1),
    ]
    manifest = json.loads((out / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["inputs"]] == [str(path), str(pair[1])]
    assert manifest["filters"][-1]["rows_out"] == 7
    assert manifest["configuration"]["action"] == 2
    text = pl.read_csv(out / "harmonised.tsv", separator="\t")
    assert text.height == pl.read_parquet(out / "harmonised.parquet").height == 9
    assert pl.read_csv(out / "frequencies.tsv", separator="\t")["n_compared"].to_list() == [7]


def test_an_outcome_named_otherwise_is_matched_by_rsid(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    head = f"variant_id rsid {HEAD.removeprefix('SNP ')}"
    rows = [f"1:{100 + i}:A:G {row}" for i, row in enumerate(TURNED)]
    ending = proteomr(
        "harmonise", pair[0], write(tmp_path, "other.txt", rows, head), "-o", tmp_path / "out"
    )
    assert ending.code == 0, ending.err
    assert ending.out.startswith("8 of 8 variants found by rsid\n")
    table = pl.read_parquet(tmp_path / "out" / "harmonised.parquet")
    assert table["variant_id"].to_list() == [f"rs{i}" for i in range(8)]


def test_variants_may_be_matched_by_position(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = [row.replace("rs", "SNP_", 1) for row in TURNED]
    other = write(tmp_path, "other.txt", rows)
    ending = proteomr("harmonise", pair[0], other, "-o", tmp_path / "out")
    assert "holds none of the 8 variants" in ending.message
    assert "'SNP_0' there and 'rs0' here" in ending.message
    assert ending.code == 3
    ending = proteomr("harmonise", pair[0], other, "--match", "position", "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    table = pl.read_parquet(tmp_path / "out" / "harmonised.parquet")
    assert table["beta_outcome"].to_list() == [0.05] * 8


def test_a_munged_outcome_gives_what_its_file_gives(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    made = tmp_path / "stroke.parquet"
    assert proteomr("gwas", "munge", pair[1], "-o", made).code == 0
    assert proteomr("harmonise", *pair, "-o", tmp_path / "text").code == 0
    assert proteomr("harmonise", pair[0], made, "-o", tmp_path / "made").code == 0
    tables = [pl.read_parquet(tmp_path / one / "harmonised.parquet") for one in ("text", "made")]
    assert tables[0].equals(tables[1])


def test_exchanged_allele_columns_are_named(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = [row.replace(" G A ", " A G ") for row in TURNED]
    other = write(tmp_path, "swapped.txt", rows)
    ending = proteomr("harmonise", pair[0], other, "-o", tmp_path / "out")
    assert ending.code == 0
    assert "effect_allele and other_allele are likely exchanged" in ending.err
    checks = pl.read_csv(tmp_path / "out" / "frequencies.tsv", separator="\t")
    assert checks["swapped"].to_list() == [True]


def test_traits_are_named_by_options(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    named = ("--exposure-trait", "loneliness", "--outcome-trait", "any stroke")
    assert proteomr("harmonise", *pair, *named, "-o", tmp_path / "out").code == 0
    table = pl.read_parquet(tmp_path / "out" / "harmonised.parquet")
    assert table.select("exposure", "outcome").unique().rows() == [("loneliness", "any stroke")]


def test_a_mapping_of_one_side_is_of_that_side(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    head = HEAD.replace(" beta ", " ratio ").replace("effect_allele", "tested")
    rows = [row.replace(" -0.05 ", " 0.5 ") for row in TURNED]
    other = write(tmp_path, "ratio.txt", rows, head)
    mapped = ("--outcome-map", "odds_ratio=ratio", "--outcome-map", "effect_allele=tested")
    ending = proteomr("harmonise", pair[0], other, *mapped, "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    found = pl.read_parquet(tmp_path / "out" / "harmonised.parquet")["beta_outcome"].to_numpy()
    np.testing.assert_allclose(found, np.log(2.0), rtol=1e-12)


def ratios(folder: Path) -> Path:
    head = HEAD.replace("pval ", "")
    rows = [f"rs{i} 1 {i} A G 0.3 {1 + i / 50} 0.02 9" for i in range(1, 30)]
    return write(folder, "lonely.txt", rows, head)


def cut_off(folder: Path) -> Path:
    path = folder / "stroke.txt.gz"
    content = gzip.compress("\n".join([HEAD, *TURNED * 900]).encode())
    path.write_bytes(content[: len(content) // 2])
    return path


def palindromes(folder: Path) -> Path:
    return write(folder, "lonely.txt", [row.replace(" A G ", " A T ") for row in EXPOSURE])


def keep(folder: Path) -> None:
    return None


Make = Callable[[Path], Path | None]
MISTAKES: dict[str, tuple[Make, Make, tuple[str, ...], int, str]] = {
    "lacking columns": (
        lambda d: write(d, "lonely.txt", ["rs1 A G 0.1 1"], "SNP A1 A2 betaa SE"), keep, (), 3,
        "'betaa'",
    ),
    "an odds ratio as beta": (ratios, keep, (), 3, "odds_ratio"),
    "another build": (
        lambda d: write(d, "lonely.txt", ["rs1 17 83000000 A G 0.3 0.1 0.02 5.7e-7 9"]), keep,
        ("--exposure-build", "GRCh37"), 3, "GRCh38",
    ),
    "builds that differ": (
        keep, keep,
        ("--match", "position", "--exposure-build", "GRCh37", "--outcome-build", "GRCh38"), 3,
        "is on GRCh38, the variants looked for on GRCh37",
    ),
    "no shared variants": (
        keep, lambda d: write(d, "stroke.txt", ["rs70 1 1 A G 0.3 0.1 0.02 0.1 9"]), (), 3,
        "holds none of the 8 variants",
    ),
    "all palindromic": (
        palindromes,
        lambda d: write(d, "stroke.txt", [r.replace(" G A ", " T A ") for r in TURNED]),
        ("--action", "3"), 5, "8 palindromic",
    ),
    "other alleles": (
        keep, lambda d: write(d, "stroke.txt", [r.replace(" G A ", " G T ") for r in TURNED]),
        (), 5, "8 incompatible_alleles",
    ),
    "a gz cut off": (keep, cut_off, (), 3, "cut off"),
    "an unknown format": (keep, keep, ("--outcome-format", "saigi"), 2, "'saige'"),
    "a mapping to no column": (keep, keep, ("--exposure-map", "eaf=frq"), 3, "no column 'frq'"),
    "no such action": (keep, keep, ("--action", "4"), 2, "--action"),
    "a band too wide": (keep, keep, ("--tolerance", "0.5"), 2, "tolerance"),
    "no such file": (keep, lambda d: d / "none.txt", (), 3, "no such file"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing(
    proteomr: Any, pair: tuple[Path, Path], mistake: str, tmp_path: Path
) -> None:
    first, second, options, code, words = MISTAKES[mistake]
    sides = first(tmp_path) or pair[0], second(tmp_path) or pair[1]
    before = names(tmp_path)
    ending = proteomr("harmonise", *sides, *options, "-o", tmp_path / "out")
    assert words in ending.message
    assert (ending.code, names(tmp_path)) == (code, before)


def test_one_name_for_several_traits_is_refused(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    rows = [f"{row} {trait}" for row in TURNED for trait in ("stroke", "dementia")]
    other = write(tmp_path, "two.txt", rows, f"{HEAD} Phenotype")
    out = tmp_path / "out"
    ending = proteomr("harmonise", pair[0], other, "--outcome-trait", "x", "-o", out)
    assert "the file holds 2 traits" in ending.message
    assert ending.code == 2
    assert proteomr("harmonise", pair[0], other, "-o", out).code == 0
    assert pl.read_parquet(out / "harmonised.parquet")["outcome"].n_unique() == 2


def test_results_are_replaced_only_when_asked(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert proteomr("harmonise", *pair, "-o", out).code == 0
    before = (out / "harmonised.parquet").read_bytes()
    ending = proteomr("harmonise", *pair, "--action", 3, "-o", out)
    assert "--overwrite" in ending.message
    assert (ending.code, (out / "harmonised.parquet").read_bytes()) == (3, before)
    assert proteomr("harmonise", *pair, "--action", 3, "--overwrite", "-o", out).code == 0
    assert pl.read_parquet(out / "harmonised.parquet")["action"].unique().to_list() == [3]


def test_a_file_that_is_read_is_not_written(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "harmonised.parquet"
    assert proteomr("gwas", "munge", pair[0], "-o", out).code == 0
    ending = proteomr("harmonise", out, pair[1], "--overwrite", "-o", tmp_path)
    assert "is read; choose another folder" in ending.message
    assert ending.code == 2


def test_a_disk_that_fails_at_the_end_leaves_nothing(
    proteomr: Any, pair: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise StorageError("the disk is full")

    before = names(tmp_path)
    monkeypatch.setattr("proteomr.runs.ledger.replace_file", refuse)
    ending = proteomr("harmonise", *pair, "-o", tmp_path / "out")
    assert ending.message == "the disk is full"
    assert (ending.code, names(tmp_path)) == (74, before)


def test_the_published_pqtl_meet_their_outcome(
    proteomr: Any, reference: Path, tmp_path: Path
) -> None:
    folder = reference / "pqtl"
    file = folder / "cistrans_outcome_assoc_sbp_ms_ldl.csv"
    source = pl.read_csv(file, null_values=["NA"], infer_schema_length=None)
    one = source.filter(pl.col("trait") == "systolic blood pressure").unique("rsid")
    path = tmp_path / "sbp.tsv"
    one.select("rsid", "ea", "nea", "eaf", "beta", "se", "p", "n").write_csv(path, separator="\t")
    mapped = [("effect_allele", "ea"), ("other_allele", "nea"), ("p_value", "p")]
    options = [
        part
        for side in ("exposure", "outcome")
        for to, column in mapped
        for part in (f"--{side}-map", f"{to}={column}")
    ]
    ending = proteomr("harmonise", path, path, *options, "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    table = pl.read_parquet(tmp_path / "out" / "harmonised.parquet").filter(pl.col("mr_keep"))
    assert table.height > 0
    np.testing.assert_array_equal(table["beta_exposure"], table["beta_outcome"])
