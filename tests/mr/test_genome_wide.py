"""`mr --methods cause` from whole studies: variants drawn, pruned, looked up, and refusals."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from benchmarks.cause_truth import Genome, draw_genome
from proteomr.errors import UsageError
from proteomr.gwas.munging import MungeOptions
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.mr.genome_wide import read_genomes
from proteomr.mr.inputs import InstrumentRule
from proteomr.mr.job import run_mr
from proteomr.tables.genome_wide import GenomeWide
from tests.pages import blocks

RULE = InstrumentRule(unproven="flag")
N = 6_000
PAGE = Path(__file__).parents[2] / "docs" / "cause.md"


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("studies")
    whole = draw_genome(Genome("causal", gamma=0.4, variants=N), replicate=1)
    each = N // 20
    named = pl.DataFrame(
        {
            "SNP": [f"rs{j + 1}" for j in range(N)],
            "CHR": [1 + j // each for j in range(N)],
            "BP": [100_000 + 100_000 * (j % each) for j in range(N)],
            "A1": "A",
            "A2": ["G" if j % 2 else "C" for j in range(N)],
            "N": 50_000,
        }
    )
    sides = (("x", whole.x, whole.sx), ("y", whole.beta_y, whole.se_y))
    for name, beta, se in sides:
        p = 2 * ndtr(-np.abs(beta / se))
        frame = named.with_columns(BETA=pl.Series(beta), SE=pl.Series(se), P=pl.Series(p))
        frame.write_csv(folder / f"{name}.tsv", separator="\t")
    lacking = pl.read_csv(folder / "y.tsv", separator="\t")[:-500]
    lacking.sample(fraction=1.0, shuffle=True, seed=1).write_csv(folder / "y.tsv", separator="\t")
    return folder / "x.tsv", folder / "y.tsv"


def read(
    studies: tuple[Path, Path], *, seed: int = 1, draws: int = N, ld: LdMatrix | None = None
) -> tuple[dict[tuple[str, str], GenomeWide], tuple[str, ...]]:
    return read_genomes(
        studies[0],
        [studies[1]],
        pairs=[("x", "y")],
        draws=draws,
        seed=seed,
        rule=RULE,
        options=(MungeOptions(), MungeOptions()),
        ld=ld,
    )


def test_the_variants_of_both_studies_are_drawn_and_counted(studies: tuple[Path, Path]) -> None:
    genomes, notes = read(studies)
    genome = genomes["x", "y"]
    assert genome.n == N - 500
    assert "5,500 of 6,000 variants drawn from the genome are in both studies" in notes[0]
    z = np.abs(genome.beta_x / genome.se_x)
    assert genome.tops.m == np.count_nonzero(2 * ndtr(-z) < 1e-3)


def test_fewer_are_drawn_by_the_seed_and_all_significant_ones_stay(
    studies: tuple[Path, Path],
) -> None:
    whole, few = read(studies)[0]["x", "y"], read(studies, draws=1_000)[0]["x", "y"]
    assert 850 < few.n <= 1_000
    assert few.tops.variants.equals(whole.tops.variants)
    assert np.array_equal(few.beta_x, whole.beta_x[: few.n])
    other = read(studies, draws=1_000, seed=2)[0]["x", "y"]
    assert not np.array_equal(few.beta_x, other.beta_x[: few.n])


def test_correlated_variants_are_pruned_from_the_most_significant_on(
    studies: tuple[Path, Path],
) -> None:
    tops = read(studies)[0]["x", "y"].tops
    names = tops.variants["variant_id"].to_list()
    r = np.eye(tops.m)
    where = tops.variants.select("chromosome", "position_bp").rows()
    one, other = next(
        (a, b)
        for a, b in combinations(range(tops.m), 2)
        if where[a][0] == where[b][0] and abs(where[a][1] - where[b][1]) < 5_000_000
    )
    r[one, other] = r[other, one] = 0.5
    kept = read(studies, ld=LdMatrix(tops.variants.select("variant_id"), r))[0]["x", "y"].tops
    z = np.abs(tops.x / tops.sx)
    weaker = one if z[one] < z[other] else other
    expected = [name for j, name in enumerate(names) if j != weaker]
    assert kept.variants["variant_id"].to_list() == expected


def test_a_run_has_the_estimate_the_table_and_the_note(studies: tuple[Path, Path]) -> None:
    found = run_mr(*studies, methods="ivw,cause", rule=RULE, threads=1)
    rows = found.table("estimates").filter(method="cause")
    assert rows["status"].to_list() == ["ok"]
    assert found.table("cause")["n_drawn"].to_list() == [N - 500] * 2
    assert rows["nsnp"][0] == found.table("cause")["nsnp"][0]


def test_what_cannot_serve_is_refused_in_a_line(studies: tuple[Path, Path]) -> None:
    with pytest.raises(UsageError, match="add --ld \\(or --unproven flag"):
        run_mr(*studies, methods="cause", rule=replace(RULE, unproven="refuse"))
    with pytest.raises(UsageError, match="exchange the files instead of --reverse"):
        run_mr(*studies, methods="cause", rule=RULE, reverse=True)


def test_the_page_s_example_runs() -> None:
    (example,) = blocks(PAGE.read_text("utf-8"), "python")
    exec(compile(example, str(PAGE), "exec"), {})  # noqa: S102 - the page of this repository


def test_the_page_has_every_genome_of_the_benchmark() -> None:
    from benchmarks.cause_truth import SCENARIOS

    text = PAGE.read_text("utf-8")
    assert all(f"| {genome.title} | " in text for genome in SCENARIOS)
