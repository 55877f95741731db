"""Instruments in linkage with protein-altering variants: flagged, and estimated without."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import proteomr
from proteomr.errors import InputError, UsageError
from proteomr.io.genetics.ld_matrices import LdMatrix
from proteomr.mr.altering import flag_altering
from proteomr.runs import Results

M = 6
NAMES = [f"rs{i + 1}" for i in range(M)]


def study(beta: list[float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "rsid": NAMES,
            "chromosome": [str(i + 1) for i in range(M)],
            "position_bp": [1000 * (i + 1) for i in range(M)],
            "effect_allele": "A",
            "other_allele": "G",
            "beta": beta,
            "se": 0.01,
            "n": 20_000,
        }
    )


X = study([0.1, 0.12, 0.15, 0.11, 0.18, 0.13])
Y = study([0.05, 0.06, 0.3, 0.055, 0.09, 0.065])


def panel() -> pl.DataFrame:
    """Return correlations: rs99 stands for rs3, rs98 hardly for rs4."""
    r = np.eye(M + 2)
    r[2, M] = r[M, 2] = -0.95
    r[3, M + 1] = r[M + 1, 3] = 0.85  # r2 0.72
    return pl.DataFrame(r, schema=[*NAMES, "rs99", "rs98"])


def run(folder: Path, listed: str, *, ld: bool = True) -> Results:
    path = folder / "coding.txt"
    path.write_text(listed)
    return proteomr.run_mr(
        X, Y, methods="ivw", altering=path, ld=panel() if ld else None, ld_values="auto"
    )


def ivw(names: list[str]) -> float:
    x, y = (frame.filter(pl.col("rsid").is_in(names))["beta"].to_numpy() for frame in (X, Y))
    return float(x @ y / (x @ x))  # all errors are the same


def test_instruments_in_linkage_are_flagged(tmp_path: Path) -> None:
    flags = run(tmp_path, "rs99\nrs98\nrs5\n").table("instruments").sort("variant_id")
    assert flags["altering"].to_list() == [False, False, True, False, True, False]
    assert flags["altering_variant"].to_list() == [None, None, "rs99", None, "rs5", None]
    assert flags["altering_r2"].drop_nulls().to_list() == pytest.approx([0.9025, 1.0])


def test_estimates_are_given_with_and_without(tmp_path: Path) -> None:
    found = run(tmp_path, "rs99\nrs5\n")
    (without,) = found.table("without_altering").rows(named=True)
    assert found.table()["estimate"].item() == pytest.approx(ivw(NAMES), rel=1e-10)
    kept = [name for name in NAMES if name not in {"rs3", "rs5"}]
    assert without["estimate"] == pytest.approx(ivw(kept), rel=1e-10)
    assert (without["nsnp"], without["n_altering"], without["status"]) == (4, 2, "ok")


def test_a_pair_without_flagged_instruments_has_no_second_estimate(tmp_path: Path) -> None:
    assert run(tmp_path, "rs98\n").table("without_altering").height == 0


def test_no_instrument_left_is_a_status(tmp_path: Path) -> None:
    table = run(tmp_path, "\n".join(NAMES)).table("without_altering")
    assert table.select("nsnp", "n_altering", "status").rows() == [(0, M, "too_few")]


def test_methods_without_what_they_need_are_rows_there_too(tmp_path: Path) -> None:
    """Of all methods that go by instruments, each with its own reason to have no estimate."""
    path = tmp_path / "coding.txt"
    path.write_text("rs5\n")
    found = proteomr.run_mr(X, Y, methods="all", altering=path)
    without = found.table("without_altering")
    asked = found.table().filter(pl.col("status") != "needs_genome")["method"].to_list()
    assert without["method"].to_list() == asked
    assert {"ok", "needs_correlations"} <= {*without["status"]}


def test_without_linkage_the_same_variants_alone_are_flagged(tmp_path: Path) -> None:
    found = run(tmp_path, "rs99\nrs5\n", ld=False)
    flags = found.table("instruments").sort("variant_id")["altering"]
    assert flags.to_list() == [None, None, None, None, True, None]
    assert any("of 5 nothing tells: add --ld" in note for note in found.notes)


def test_variants_that_no_panel_has_are_told(tmp_path: Path) -> None:
    found = run(tmp_path, "rs1000\nrs5\n")
    assert any("1 of 2 of these are not in the panel" in note for note in found.notes)


def test_linkage_beyond_the_distance_is_none() -> None:
    variants = pl.DataFrame(
        {"variant_id": ["a", "b"], "chromosome": ["1", "1"], "position_bp": [1, 2_000_001]}
    )
    ld = LdMatrix(variants, np.array([[1.0, 0.99], [0.99, 1.0]]))
    near, far = (
        flag_altering(variants[:1], ["b"], ld=ld, width_bp=width)["altering"].item()
        for width in (2e6, 1.9e6)
    )
    assert (near, far) == (True, False)


def test_squares_of_correlations_serve(tmp_path: Path) -> None:
    path = tmp_path / "coding.txt"
    path.write_text("rs99\n")
    squares = panel().with_columns(pl.all() ** 2)
    found = proteomr.run_mr(X, Y, methods="ivw", altering=path, ld=squares, ld_values="r2")
    assert found.table("instruments").filter("altering")["variant_id"].to_list() == ["rs3"]


def test_harmonised_variants_cannot_be_flagged(tmp_path: Path) -> None:
    harmonised = pl.DataFrame({"SNP": ["rs1"], "beta_exposure": [0.1]})
    with pytest.raises(UsageError, match="--altering"):
        proteomr.run_mr(harmonised=harmonised, altering=tmp_path / "coding.txt")


def test_a_list_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        run(tmp_path, "")
