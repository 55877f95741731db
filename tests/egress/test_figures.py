"""Figures leave as raster alone, drawn from the tables that leave."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

from proteomr.egress import judge_release, write_release
from proteomr.egress.judging import judge_tables
from proteomr.egress.policies import Policy
from proteomr.sensitivity import e_values
from tests.egress.tables import given


def test_a_figure_that_a_run_drew_is_drawn_anew_as_raster(tmp_path: Path) -> None:
    one = pl.DataFrame({"protein": ["A"], "estimate": [0.1], "se": [0.1]})
    (tmp_path / "runs").mkdir()
    e_values(one, scale="OR", out=tmp_path / "runs" / "found.parquet")
    release = judge_release(tmp_path / "runs")
    p = {"neg_log10_p": [0.5, 3.0, 8.0], "p_value": [0.3162, 1e-3, 1e-8]}
    columns = {"protein": ["A", "B", "C"], "exposure": ["x"] * 3, "n": [1000] * 3,
               "estimate": [0.1, 0.2, 0.3], "se": [0.1, 0.06, 0.05], **p,
               "p_bonferroni": [0.9, 3e-3, 3e-8], "q_bh": [0.3162, 1.5e-3, 3e-8],
               "status": ["ok"] * 3}  # fmt: skip
    tables, _ = judge_tables([given("associations", columns)], Policy("own", "five", 5))
    runs = replace(release.runs, other=("run/figures/volcano.svg",))
    files = write_release(replace(release, tables=tables, runs=runs), tmp_path / "out")
    drawn = [file for file in files if file.parent.name == "figures"]
    assert [file.name for file in drawn] == ["volcano.png"]
    assert drawn[0].read_bytes()[:4] == b"\x89PNG"
    assert not list((tmp_path / "out").rglob("*.svg"))


def test_figures_of_every_run_below_leave_each_from_its_own_table(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    effects = pl.DataFrame(
        {"protein": [f"P{i}" for i in range(40)], "estimate": rng.normal(0, 0.2, 40), "se": 0.05}
    )
    effects.write_parquet(tmp_path / "effects.parquet")
    looks = ("--figures", "--quiet", "--no-progress")
    for words in (
        ("compare", tmp_path / "effects.parquet", tmp_path / "effects.parquet", "-o",
         tmp_path / "runs" / "deep" / "both"),
        ("e-values", tmp_path / "effects.parquet", "--scale", "OR", "-o",
         tmp_path / "runs" / "strength.parquet"),
    ):  # fmt: skip
        with pytest.raises(SystemExit) as left:
            main.run([str(word) for word in (*words, *looks)])
        assert left.value.code == 0
    files = write_release(judge_release(tmp_path / "runs"), tmp_path / "out")
    out = tmp_path / "out"
    drawn = {file.relative_to(out).as_posix() for file in files if file.suffix == ".png"}
    assert drawn == {
        "deep/both/figures/compared-agreement.png",
        "strength.figures/e_values-e-values.png",
    }


def test_figures_of_pairs_leave_as_their_run_numbered_them(tmp_path: Path) -> None:
    """Of three pairs the second has no variant, and the third is not in what was drawn."""
    pairs = {"exposure": ["x", "x", "x"], "outcome": ["a", "none", "b"], "nsnp": [3, 0, 3]}
    beta, se = [0.1, 0.2, 0.31], [0.01, 0.02, 0.02]
    rows = {"exposure": ["x"] * 6, "outcome": ["a"] * 3 + ["b"] * 3, "variant_id": [*"rstrst"]}
    effects = {f"beta_{side}": beta * 2 for side in ("exposure", "outcome")}
    effects |= {f"se_{side}": se * 2 for side in ("exposure", "outcome")}
    ratios = {"method": ["wald"] * 6, "estimate": [1.0, 1.1, 0.9] * 2, "se": [0.2] * 6}
    ratios |= {"neg_log10_p": [2.0] * 6}
    made = [
        given("reach", pairs, file="mr/reach.parquet"),
        given("harmonised", rows | effects | {"mr_keep": [True] * 6, "action": [1] * 6},
              file="mr/harmonised.parquet"),
        given("singlesnp", rows | ratios, file="mr/singlesnp.parquet"),
        given("leaveoneout", rows | ratios, file="mr/leaveoneout.parquet"),
        given("estimates", {"exposure": ["x"] * 2, "outcome": ["a", "b"], "method": ["ivw"] * 2,
                            "estimate": [1.0] * 2, "se": [0.1] * 2, "status": ["ok"] * 2},
              file="mr/estimates.parquet"),
    ]  # fmt: skip
    tables, _ = judge_tables(made, Policy("own", "five", 5))
    (tmp_path / "runs").mkdir()
    one = pl.DataFrame({"protein": ["A"], "estimate": [0.1], "se": [0.1]})
    e_values(one, scale="OR", out=tmp_path / "runs" / "found.parquet")
    release = judge_release(tmp_path / "runs")
    drawn = tuple(f"mr/figures/{stem}.pdf" for stem in ("01-funnel", "02-scatter", "hits"))
    runs = replace(release.runs, other=drawn)
    files = write_release(replace(release, tables=tables, runs=runs), tmp_path / "out")
    left = [file for file in files if file.parent.name == "figures"]
    assert [file.name for file in left] == ["01-funnel.png", "02-scatter.png"]
    assert all(file.read_bytes()[:4] == b"\x89PNG" for file in left)
