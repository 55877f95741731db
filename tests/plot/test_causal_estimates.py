"""Results of Mendelian randomisation draw themselves: forests of methods and pairs, scatters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

import proteomr
from proteomr.errors import InputError, NothingToDo
from proteomr.plot.causal_estimates import draw_estimates, draw_harmonised
from proteomr.plot.drawing import save_drawing
from proteomr.runs import Results


@pytest.fixture(scope="module")
def causes(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Return the analysis of one exposure and one outcome, six variants."""
    folder = tmp_path_factory.mktemp("causes")
    rng = np.random.default_rng(4)
    m = 6
    x = rng.uniform(0.05, 0.1, m)
    frame = pl.DataFrame(
        {
            "SNP": [f"rs{i}" for i in range(m)],
            "exposure": "loneliness",
            "outcome": "ADM",
            "beta.exposure": x,
            "se.exposure": 0.008,
            "beta.outcome": 0.4 * x + rng.normal(0, 0.01, m),
            "se.outcome": 0.01,
            "mr_keep": True,
        }
    )
    frame.write_csv(folder / "harmonised.csv")
    return proteomr.run_mr(harmonised=folder / "harmonised.csv", out=folder / "out")


def test_estimates_of_a_pair_are_a_forest_of_methods(causes: Results) -> None:
    drawn = causes.plot()
    held = causes.table("estimates")
    assert drawn.kind == "causes"
    assert drawn.data["name"].to_list() == held["method"].to_list()
    assert drawn.data["estimate"].to_list() == pytest.approx(held["estimate"].to_list())


@pytest.mark.parametrize(
    ("kind", "made"),
    [("variants", "forest"), ("funnel", "funnel"), ("leave-one-out", "leave_one_out")],
)
def test_variants_have_their_figures_with_the_methods_beside_them(
    kind: str, made: str, causes: Results, tmp_path: Path
) -> None:
    drawn = causes.plot(kind)
    assert drawn.kind == made
    assert {f"rs{i}" for i in range(6)} <= set(drawn.data["name"])
    if kind != "leave-one-out":
        assert "ivw" in drawn.data["name"].to_list()
    assert save_drawing(drawn, tmp_path / "figure", formats=["svg"])


def test_the_command_draws_a_folder_as_python_does(causes: Results, tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as left:
        main.run(["plot", "variants", str(causes.where), "-o", str(tmp_path / "v.svg")])
    assert left.value.code == 0
    save_drawing(causes.plot("variants"), tmp_path / "python", formats=["svg"])
    assert (tmp_path / "v.svg").read_bytes() == (tmp_path / "python.svg").read_bytes()
    assert "ivw" in pl.read_csv(tmp_path / "v.tsv", separator="\t")["name"].to_list()


def make_harmonised() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "exposure": ["x"] * 3,
            "outcome": ["y"] * 3,
            "variant_id": ["a", "b", "c"],
            "beta_exposure": [0.1, -0.2, None],
            "se_exposure": [0.01, 0.01, None],
            "beta_outcome": [0.05, -0.12, 0.1],
            "se_outcome": [0.02] * 3,
            "mr_keep": [True, True, False],
        }
    )


def make_estimates(outcomes: list[str], unit: str | None = None) -> pl.DataFrame:
    m = len(outcomes)
    return pl.DataFrame(
        {
            "exposure": ["x"] * m,
            "outcome": outcomes,
            "direction": ["forward"] * m,
            "method": ["ivw"] * m,
            "estimate": [0.5] * m,
            "se": [0.05] * m,
            "neg_log10_p": [20.0] * m,
            "conf_low": [0.4] * m,
            "conf_high": [0.6] * m,
            "outcome_unit": [unit] * m,
            "status": ["ok"] * m,
        }
    )


def test_a_scatter_has_the_variants_that_were_kept_and_a_line_for_each_method() -> None:
    drawn = draw_harmonised(make_harmonised(), make_estimates(["y"]))
    assert drawn.data["x"].drop_nulls().to_list() == [0.1, 0.2]
    assert drawn.data.filter(pl.col("kind") != "variant").height == 1
    with pytest.raises(InputError, match="holds 2 pairs"):
        draw_harmonised(
            make_harmonised().with_columns(outcome=pl.Series(["y", "y", "z"])),
        )


@pytest.mark.parametrize("m", [3, 30, 300])
def test_many_outcomes_are_one_forest(m: int) -> None:
    drawn = draw_estimates(make_estimates([f"protein {i:03}" for i in range(m)]))
    assert drawn.data["name"].n_unique() == min(m, 60)
    assert (f"{m - 60:,} names are not shown" in drawn.notes) == (m > 60)


def test_log_odds_are_drawn_as_odds_ratios() -> None:
    for outcomes in (["y"], ["y", "z"]):
        drawn = draw_estimates(make_estimates(outcomes, "log odds"))
        assert drawn.data["ratio"].drop_nulls().to_list() == pytest.approx(
            [np.exp(0.5)] * len(outcomes)
        )


def test_pairs_without_any_estimate_say_so() -> None:
    table = make_estimates(["y", "z"]).with_columns(estimate=pl.lit(None, dtype=pl.Float64))
    with pytest.raises(NothingToDo, match="no row of the table has an estimate"):
        draw_estimates(table)
