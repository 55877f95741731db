"""Correlations of a pair's variants: by their alleles, absent ones counted, the grid, the run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import proteomr.mr.linkage as module
from proteomr.errors import InputError, UsageError
from proteomr.gwas.correlations import correlate_variants
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.mr.job import run_mr
from proteomr.mr.linkage import Linkage
from proteomr.mr.pruning_grid import prune_greedily
from proteomr.runs import Results
from tests.mr.methods.loci import decay, draw_locus

M = 8
R = decay(M, 0.5)
EFFECT, OTHER = ["A", "C", "G", "T", "A", "C", "G", "T"], ["C", "A", "A", "C", "G", "T", "T", "G"]


def harmonised(*, flipped: bool = False, alleles: bool = True) -> pl.DataFrame:
    data = draw_locus(np.random.default_rng(4), R, strength=0.05)
    sign = np.where(np.arange(M) % 2 == 0, -1.0, 1.0) if flipped else np.ones(M)
    frame = pl.DataFrame(
        {
            "SNP": [f"rs{i}" for i in range(M)],
            "effect_allele": [
                e if s > 0 else o for e, o, s in zip(EFFECT, OTHER, sign, strict=True)
            ],
            "other_allele": [
                o if s > 0 else e for e, o, s in zip(EFFECT, OTHER, sign, strict=True)
            ],
            "beta_exposure": sign * data.x,
            "se_exposure": data.sx,
            "beta_outcome": sign * data.beta_y,
            "se_outcome": data.se_y,
            "n_exposure": 1e4,
            "n_outcome": 1e5,
        }
    )
    return frame if alleles else frame.drop("effect_allele", "other_allele")


def matrix(*, flipped: bool = False, alleles: bool = True, keep: int = M) -> pl.DataFrame:
    sign = np.where(np.arange(M) % 3 == 0, -1.0, 1.0) if flipped else np.ones(M)
    names = [
        f"rs{i}" + (f"_{EFFECT[i]}_{OTHER[i]}" if sign[i] > 0 else f"_{OTHER[i]}_{EFFECT[i]}")
        if alleles
        else f"rs{i}"
        for i in range(M)
    ]
    r = (R * np.outer(sign, sign))[:keep, :keep]
    return pl.DataFrame(r, schema=names[:keep])


METHODS = "ivw_correlated,egger_correlated,maxlik_correlated,pcgmm,clr"


def numbers(results: Results) -> list[float]:
    table = results.table("estimates")
    assert set(table["status"]) == {"ok"}, table["message"].to_list()
    return np.ravel(table.select("estimate", "se", "conf_low", "conf_high").fill_null(0.0)).tolist()


def test_either_alleles_of_file_and_matrix_give_the_same_estimates() -> None:
    base = numbers(run_mr(harmonised=harmonised(), ld=matrix(), methods=METHODS))
    for of_file, of_matrix in [(True, False), (False, True), (True, True)]:
        frame, ld = harmonised(flipped=of_file), matrix(flipped=of_matrix)
        other = numbers(run_mr(harmonised=frame, ld=ld, methods=METHODS))
        assert other == pytest.approx(base, rel=1e-7)


def test_other_alleles_than_the_matrix_s_leave_these_methods_alone() -> None:
    wrong = harmonised().with_columns(
        effect_allele=pl.when(pl.col("SNP") == "rs3").then(pl.lit("A")).otherwise("effect_allele")
    )
    found = run_mr(harmonised=wrong, ld=matrix(), methods="ivw,ivw_correlated")
    table = found.table("estimates")
    assert table["nsnp"].to_list() == [8, 7]
    assert "1 alleles_differ_from_panel" in table["message"][1]
    drops = found.table("drops").filter(pl.col("step").str.starts_with("correlations"))
    assert drops.select("reason", "n").rows() == [("alleles_differ_from_panel", 1)]


def test_variants_that_the_matrix_lacks_are_counted() -> None:
    found = run_mr(harmonised=harmonised(), ld=matrix(keep=5), methods="ivw_correlated")
    assert found.table("estimates")["nsnp"].to_list() == [5]
    assert "3 of 8 variants are not in the LD, 3 absent_from_panel" in str(
        found.table("estimates")["message"][0]
    )


def test_without_alleles_the_matrix_counts_those_of_the_file_and_it_is_said() -> None:
    base = numbers(run_mr(harmonised=harmonised(), ld=matrix(), methods=METHODS))
    for frame, ld in [
        (harmonised(alleles=False), matrix(alleles=False)),
        (harmonised(), matrix(alleles=False)),
    ]:
        found = run_mr(harmonised=frame, ld=ld, methods=METHODS)
        assert numbers(found) == pytest.approx(base, rel=1e-9)
        assert any("alleles are not known on both sides" in note for note in found.notes)


def test_a_matrix_without_any_variant_of_the_file_is_refused() -> None:
    strange = harmonised().with_columns(SNP=pl.format("snp{}", pl.int_range(pl.len())))
    with pytest.raises(InputError, match="none of the 8 variants is in the panel"):
        run_mr(harmonised=strange, ld=matrix(), methods=METHODS)


def test_squares_are_refused() -> None:
    squares = matrix().select(pl.all() ** 2)
    with pytest.raises(InputError, match="without the signs"):
        run_mr(harmonised=harmonised(), ld=squares, ld_values="r2", methods=METHODS)


def test_options_without_what_they_are_for_are_refused() -> None:
    frame = harmonised()
    for options, words in [
        ({"methods": "clr"}, "add --ld"),
        ({"methods": "ivw", "ld": matrix()}, "take correlations"),
        ({"methods": "ivw", "prune_r2": [0.5]}, "take correlations"),
        ({"methods": "clr", "ld": matrix(), "heidi": "v1"}, "for gsmr"),
        ({"methods": "clr", "ld": matrix(), "ld_ridge": 1.0}, "--ld-ridge 1"),
        ({"methods": "clr", "ld": matrix(), "prune_r2": [0.0]}, "--prune-r2 0"),
    ]:
        with pytest.raises(UsageError, match=words):
            run_mr(harmonised=frame, **options)  # type: ignore[arg-type]


def test_all_methods_without_correlations_say_what_they_need() -> None:
    table = run_mr(harmonised=harmonised(), methods="all", bootstraps=20).table("estimates")
    lacking = table.filter(status="needs_correlations")
    assert "ivw_correlated" in lacking["method"].to_list()
    assert set(lacking["message"]) == {"needs the correlations of the variants: add --ld"}


def test_the_grid_repeats_an_estimate_on_the_variants_that_pruning_leaves() -> None:
    grid = run_mr(
        harmonised=harmonised(), ld=matrix(), methods="ivw_correlated", prune_r2=[0.9, 0.2, 0.01]
    ).table("pruning_grid")
    assert grid["r2"].to_list() == [0.9, 0.2, 0.01]
    assert grid["nsnp"].to_list() == sorted(grid["nsnp"].to_list(), reverse=True)
    whole = run_mr(harmonised=harmonised(), ld=matrix(), methods="ivw_correlated")
    assert grid["estimate"][0] == whole.table("estimates")["estimate"][0]
    assert grid["condition_number"].is_sorted(descending=True)
    last = grid.row(-1, named=True)
    shift = (grid["estimate"][0] - last["estimate"]) / last["se"]
    assert grid["shift"].to_list()[0] == pytest.approx(shift)
    assert last["shift"] == 0.0


def test_pruning_keeps_no_pair_above_the_threshold_and_drops_none_for_nothing() -> None:
    data = draw_locus(np.random.default_rng(1), decay(30, 0.8), strength=0.1)
    assert data.ld is not None
    kept = prune_greedily(data, r2=0.1)
    squares = data.ld**2
    assert (np.triu(squares[np.ix_(kept, kept)], 1) < 0.1).all()
    gone = np.setdiff1d(np.arange(30), kept)
    z = np.abs(data.x / data.sx)
    for place in gone:
        stronger = kept[z[kept] > z[place]]
        assert (squares[place, stronger] >= 0.1).any()


def test_a_ridge_makes_singular_correlations_usable_and_is_said() -> None:
    twice = pl.concat([harmonised(), harmonised().with_columns(SNP=pl.format("{}b", "SNP"))])
    names = [f"rs{i}" for i in range(M)] + [f"rs{i}b" for i in range(M)]
    ld = pl.DataFrame(np.kron(np.ones((2, 2)), R), schema=names)
    bare = run_mr(harmonised=twice, ld=ld, methods="ivw_correlated").table("estimates")
    assert bare["status"].to_list() == ["not_identified"]
    assert "--ld-ridge" in bare["message"][0]
    found = run_mr(harmonised=twice, ld=ld, methods="ivw_correlated", ld_ridge=0.01)
    assert found.table("estimates")["status"].to_list() == ["ok"]
    assert any("shrunk by 0.01" in note for note in found.notes)


def test_the_verdict_rests_on_the_estimate_of_correlated_variants() -> None:
    found = run_mr(harmonised=harmonised(), ld=matrix(), methods="ivw,ivw_correlated")
    verdict = found.table("verdict").row(0, named=True)
    assert verdict["main_method"] == "ivw_correlated"
    assert verdict["caveats"] is None
    message = found.table("estimates").filter(method="ivw")["message"][0]
    assert "correlated with each other" in message


def test_pairs_of_the_same_variants_are_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = correlate_variants

    def count(variants: pl.DataFrame, panel: LdMatrix) -> object:
        calls.append(variants.height)
        return real(variants, panel)

    monkeypatch.setattr(module, "correlate_variants", count)
    panel = LdMatrix(pl.DataFrame({"variant_id": [f"rs{i}" for i in range(M)]}), R)
    pair = draw_locus(np.random.default_rng(1), R, strength=0.1)
    attached = Linkage(panel).attach([pair, pair, pair.select(np.arange(4))])
    assert calls == [8, 4]
    assert np.array_equal(attached[0].ld, attached[1].ld)  # type: ignore[arg-type]


def test_resuming_and_threads_change_no_byte(tmp_path: Path) -> None:
    frame = pl.concat(
        [
            harmonised().with_columns(
                outcome=pl.lit(f"y{i}"), beta_outcome=pl.col("beta_outcome") * i
            )
            for i in range(1, 20)
        ]
    )
    options = {"harmonised": frame, "ld": matrix(), "methods": METHODS, "prune_r2": [0.5, 0.1]}
    for name, threads in (("one", 1), ("two", 2)):
        run_mr(out=tmp_path / name, threads=threads, **options)  # type: ignore[arg-type]
    for table in ("estimates", "confidence_sets", "pruning_grid", "heterogeneity", "pleiotropy"):
        files = [(tmp_path / name / f"{table}.parquet").read_bytes() for name in ("one", "two")]
        assert files[0] == files[1]
