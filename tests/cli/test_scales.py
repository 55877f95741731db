"""At the terminal: a file on another scale gives no number; the option that is named reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy import stats

INPUT, USAGE = 3, 2
VARIANTS = 200
RNG = np.random.default_rng(21)
X = RNG.normal(0, 0.02, VARIANTS)
X[:12] = np.sign(X[:12]) * RNG.uniform(0.2, 0.5, 12)
Y = 0.4 * X + RNG.normal(0, 0.03, VARIANTS)
SE = RNG.uniform(0.02, 0.03, VARIANTS)


def write(path: Path, **columns: Any) -> Path:
    base = {
        "rsid": [f"rs{i}" for i in range(VARIANTS)],
        "chr": [str(1 + i % 22) for i in range(VARIANTS)],
        "pos": [1_000_000 + 12_000_000 * (i // 22 % 4) + i for i in range(VARIANTS)],
        "ea": ["A"] * VARIANTS,
        "oa": ["G"] * VARIANTS,
    }
    shown = {name: [f"{x:.5g}" for x in values] for name, values in columns.items()}
    pl.DataFrame({**base, **shown}).write_csv(path, separator="\t")
    return path


def p_of(beta: Any) -> Any:
    return 2 * stats.norm.sf(np.abs(beta / SE))


@pytest.fixture
def exposure(tmp_path: Path) -> Path:
    return write(tmp_path / "x.tsv", beta=X, se=SE, p=p_of(X))


def estimate(proteomr: Any, *arguments: Any) -> float:
    out = arguments[0].parent / "estimated"
    ending = proteomr("mr", *arguments, "--methods", "ivw_fe", "--overwrite", "-o", out)
    assert ending.code == 0, ending.err
    return float(pl.read_parquet(out / "estimates.parquet")["estimate"][0])


@pytest.mark.parametrize("side", ["exposure", "outcome"])
def test_mr_refuses_odds_ratios_as_effects_and_names_the_option(
    proteomr: Any, tmp_path: Path, exposure: Path, side: str
) -> None:
    outcome = write(tmp_path / "y.tsv", beta=Y, se=SE, p=p_of(Y))
    right = estimate(proteomr, exposure, outcome)
    own = X if side == "exposure" else Y
    wrong = write(tmp_path / "ratio.tsv", beta=np.exp(own), se=SE, p=p_of(own))
    files = (wrong, outcome) if side == "exposure" else (exposure, wrong)
    ending = proteomr("mr", *files, "-o", tmp_path / "out")
    assert ending.code == INPUT
    option = re.search(r"give (--[a-z-]+) (\S+)$", ending.message)
    assert option is not None
    assert option[1] == f"--{side}-map"
    assert estimate(proteomr, *files, option[1], option[2]) == pytest.approx(right, rel=1e-3)
    assert not (tmp_path / "out" / "estimates.parquet").exists()


def test_all_of_an_outcome_speaks_and_not_its_instruments_alone(
    proteomr: Any, tmp_path: Path, exposure: Path
) -> None:
    lone = write(tmp_path / "lone.tsv", beta=X, se=SE, p=p_of(X))
    pl.read_csv(lone, separator="\t", infer_schema=False).head(1).write_csv(lone, separator="\t")
    outcome = write(tmp_path / "y.tsv", beta=np.exp(Y), se=SE, p=p_of(Y))
    ending = proteomr("mr", lone, outcome, "-o", tmp_path / "out")
    assert "agree in 200 of 200 rows, as given in none" in ending.message


def test_a_note_in_place_of_a_refusal_leaves_the_numbers_as_given(
    proteomr: Any, tmp_path: Path, exposure: Path
) -> None:
    outcome = write(tmp_path / "y.tsv", beta=Y, se=1.959964 * SE, p=p_of(Y))
    arguments = (exposure, outcome, "--methods", "ivw_fe", "--scales", "note")
    ending = proteomr("mr", *arguments, "-o", tmp_path / "out")
    assert ending.code == 0
    assert "note: y.tsv: column 'se' holds half widths of 95 % limits" in ending.err
    assert re.search(r"note: y.tsv: found in \d+ rows kept: \d+ p_disagrees", ending.err)


def test_harmonise_clump_leads_and_munge_refuse_alike(
    proteomr: Any, tmp_path: Path, exposure: Path
) -> None:
    wrong = write(tmp_path / "y.tsv", beta=Y, se=SE**2, p=p_of(Y))
    out = ("-o", tmp_path / "o.parquet")
    ld = tmp_path / "ld.csv"
    ld.write_text("rs0\n1\n")
    says = {
        "--map": [
            proteomr("gwas", "munge", wrong, *out),
            proteomr("gwas", "leads", wrong, *out),
            proteomr("gwas", "clump", wrong, "--ld", ld, *out),
        ],
        "--exposure-map": [proteomr("harmonise", wrong, exposure, "-o", tmp_path / "h")],
        "--outcome-map": [proteomr("harmonise", exposure, wrong, "-o", tmp_path / "h")],
    }
    for option, endings in says.items():
        for ending in endings:
            assert ending.code == INPUT
            assert ending.message.endswith(f"give {option} variance=se")


def test_the_error_that_p_tells_is_noted_and_stands_in_the_account(
    proteomr: Any, tmp_path: Path, exposure: Path
) -> None:
    outcome = write(tmp_path / "y.tsv", OR=np.exp(Y), p=p_of(Y))
    ending = proteomr("mr", exposure, outcome, "--methods", "ivw_fe", "-o", tmp_path / "out")
    assert ending.code == 0
    words = "made from effect and p, |beta| / z"
    assert words in ending.err
    assert proteomr("gwas", "munge", outcome, "-o", tmp_path / "o.parquet").code == 0
    account = (tmp_path / "o.report.tsv").read_text()
    assert f"no standard error in 199 rows; {words}" in account  # one p is 1, and tells none


def test_builds_go_by_all_their_names(proteomr: Any, tmp_path: Path, exposure: Path) -> None:
    out = tmp_path / "o.parquet"
    assert proteomr("gwas", "munge", exposure, "--build", "hg19", "-o", out).code == 0
    assert pl.read_parquet(out)["build"][0] == "GRCh37"
    ending = proteomr("gwas", "munge", exposure, "--build", "hg18", "-o", tmp_path / "p.parquet")
    assert ending.code == USAGE
    assert "no genome build 'hg18'" in ending.message


def test_one_file_is_no_two_outcomes(proteomr: Any, tmp_path: Path, exposure: Path) -> None:
    first = write(tmp_path / "y.tsv", beta=Y, se=SE, p=p_of(Y))
    second = tmp_path / "copy.tsv"
    second.write_bytes(first.read_bytes())
    for other in (first, second):
        ending = proteomr("mr", exposure, first, other, "-o", tmp_path / "out")
        assert ending.code == INPUT
        assert ending.message == f"{first} and {other} hold the same; give each outcome once"


def test_columns_of_two_sides_are_not_for_harmonised_variants(
    proteomr: Any, tmp_path: Path
) -> None:
    arguments = ("--harmonised", tmp_path / "h.csv", "--outcome-map", "beta=b")
    ending = proteomr("mr", *arguments, "-o", tmp_path / "out")
    assert ending.code == USAGE
    assert "--harmonised has columns of its own" in ending.message
