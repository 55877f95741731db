"""What `coloc` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.colocalisation.loci import draw_founders, make_locus, measure

rng = np.random.default_rng(31)
FOUNDERS = draw_founders(rng, 60)
LOCUS = make_locus(rng, n=2000, m=60, founders=FOUNDERS)
OTHERS = make_locus(rng, n=2000, m=60, founders=FOUNDERS)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A protein, two diseases, one of which shares its variant, and correlations."""
    draw = np.random.default_rng(1)
    measure(LOCUS, {20: 0.4}, draw).write_csv(tmp_path / "protein.tsv", separator="\t")
    measure(OTHERS, {20: 0.4}, draw).write_csv(tmp_path / "stroke.tsv", separator="\t")
    measure(OTHERS, {50: 0.4}, draw).write_csv(tmp_path / "asthma.tsv", separator="\t")
    pl.DataFrame({"snp": LOCUS.names, **LOCUS.correlations.to_dict(as_series=False)}).write_csv(
        tmp_path / "ld.csv"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_likeliest_pairs_are_printed_and_the_tables_are_there(
    proteomr: Any, files: Path
) -> None:
    ending = proteomr("coloc", "protein.tsv", "stroke.tsv", "asthma.tsv", "-o", "run")
    assert ending.code == 0
    lines = ending.out.splitlines()
    assert lines[0] == "1 of 2 pairs of traits have PP4 of 0.8 or more"
    assert lines[2].split()[:2] == ["protein", "stroke"]
    assert lines[-1] == "run/coloc.parquet"
    names = {path.name for path in (files / "run").iterdir()}
    assert {"coloc_snps.parquet", "coloc_sensitivity.parquet", "drops.tsv"} <= names


@pytest.mark.parametrize(
    ("method", "first", "table"),
    [
        ("susie", "1 of 2 pairs", "credible_sets"),
        ("conditional", "1 of 2 pairs", "coloc"),
        ("smr", "trait1", "smr"),
        ("hyprcoloc", "2 clusters in 2 regions", "coloc_clusters"),
        ("moloc", "region", "coloc_configurations"),
    ],
)
def test_every_method_prints_what_it_found(
    proteomr: Any, files: Path, method: str, first: str, table: str
) -> None:
    more = ["--ld", "ld.csv"] if method in ("susie", "conditional", "smr") else []
    ending = proteomr(
        "coloc", "protein.tsv", "stroke.tsv", "asthma.tsv", "--method", method, *more, "-o", "run"
    )
    assert ending.code == 0, ending.err
    assert ending.out.startswith(first)
    assert pl.read_parquet(files / "run" / f"{table}.parquet").height > 0


def test_threads_change_no_byte_and_a_killed_run_goes_on(proteomr: Any, files: Path) -> None:
    words = ["coloc", "protein.tsv", "stroke.tsv", "asthma.tsv", "--method", "susie"]
    words += ["--ld", "ld.csv"]
    proteomr(*words, "--threads", 1, "-o", "one")
    proteomr(*words, "--threads", 2, "-o", "two")
    for path in sorted((files / "one").glob("*.parquet")):
        assert path.read_bytes() == (files / "two" / path.name).read_bytes()
    again = proteomr(*words, "--resume", "-o", "one")
    assert again.code == 0


def test_a_dry_run_counts_and_writes_nothing(proteomr: Any, files: Path) -> None:
    ending = proteomr("coloc", "protein.tsv", "stroke.tsv", "--dry-run", "-o", "run")
    assert "regions of pairs  1" in ending.out
    assert not (files / "run").exists()


def test_failed_pairs_are_told_with_code_4(proteomr: Any, files: Path) -> None:
    rows = pl.read_csv(files / "stroke.tsv", separator="\t")
    rows.drop("n").write_csv(files / "bare.tsv", separator="\t")
    ending = proteomr("coloc", "protein.tsv", "bare.tsv", "stroke.tsv", "-o", "run")
    assert ending.code == 4
    assert "have no numbers: needs_sample_size" in ending.err
    table = pl.read_parquet(files / "run" / "coloc.parquet")
    assert "--n2" in table.filter(trait2="bare")["message"][0]
    assert table.filter(trait2="stroke")["status"].to_list() == ["ok"]


def test_figures_are_drawn_of_the_pairs(proteomr: Any, files: Path) -> None:
    ending = proteomr(
        "coloc", "protein.tsv", "stroke.tsv", "--figures", "--figure-format", "svg", "-o", "run"
    )
    assert ending.code == 0
    drawn = sorted(path.name for path in (files / "run" / "figures").glob("*.svg"))
    assert drawn == ["01-region.svg", "01-sensitivity.svg"]
    ending = proteomr("plot", "coloc", "run", "-o", "priors.svg")
    assert ending.out.strip() == "priors.svg"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("protein.tsv", 2, "one file is named"),
        ("protein.tsv nothing.tsv", 3, "nothing.tsv: there is no such file"),
        ("protein.tsv stroke.tsv --method susie", 2, "give --ld, or --ld1 and --ld2"),
        ("protein.tsv stroke.tsv --ld1 ld.csv", 2, "--ld1 and --ld2 go together"),
        ("protein.tsv stroke.tsv --ld ld.csv --ld1 ld.csv --ld2 ld.csv", 2, "give one or two"),
        ("protein.tsv stroke.tsv --l 5", 2, "--l is of --method susie, not of abf"),
        ("protein.tsv stroke.tsv --priors 1,2 --method moloc", 2, "--priors: probabilities"),
        ("protein.tsv stroke.tsv --p12 0.1", 2, "--p12 0.1 is above --p1"),
        ("protein.tsv stroke.tsv --type2 cc --case-share2 1", 2, "--case-share2 1: between 0"),
        ("protein.tsv stroke.tsv --type2 cc --sdy2 1", 2, "--sdy2 is of a quantitative trait"),
        ("protein.tsv stroke.tsv --region 1:9", 2, "CHR or CHR:FROM-TO is needed"),
        ("protein.tsv stroke.tsv --region 1:5-9", 5, "no row lies in the region"),
        ("protein.tsv stroke.tsv --region 1 --window-kb 9", 2, "--window-kb is of windows"),
        ("protein.tsv stroke.tsv --region 1 --long-range drop", 2, "--long-range is of windows"),
        ("protein.tsv stroke.tsv --region 1 --lead-p 1e-5", 2, "--lead-p is of leads"),
        ("protein.tsv stroke.tsv --cis-kb 5", 2, "--cis-kb 5 is of --cis GENE"),
        ("protein.tsv stroke.tsv --cis NOTHING", 2, "gene 'NOTHING' is not one gene"),
        ("protein.tsv stroke.tsv --lead-p 1e-300", 5, "raise --lead-p"),
        ("protein.tsv stroke.tsv --conditional --method smr --ld ld.csv", 2, "are two methods"),
        ("protein.tsv stroke.tsv --figures --method hyprcoloc", 2, "--figures draws pairs"),
        ("protein.tsv stroke.tsv --prior-weights1 ld.csv", 3, "no column 'weight'"),
    ],
)
def test_a_mistake_is_one_line(
    proteomr: Any, files: Path, words: str, code: int, said: str
) -> None:
    ending = proteomr("coloc", *words.split(), "-o", files / "run")
    assert ending.code == code, ending.err
    (line,) = [line for line in ending.err.splitlines() if line.startswith("error")]
    assert said in line
