from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.mr.rucker import choose_models, find_outliers
from proteomr.mr.sensitivity import leave_one_out, split_variants
from tests.mr.reference import read_set
from tests.mr.test_estimate import make_pair
from tests.mr.test_sensitivity import cases

MODELS = {
    "IVW fixed effects": "ivw_fixed",
    "IVW random effects": "ivw_random",
    "Egger fixed effects": "egger_fixed",
    "Egger random effects": "egger_random",
}
CHOICES = {"A": "ivw_fixed", "B": "ivw_random", "C": "egger_fixed", "D": "egger_random"}
UNDERDISPERSED = {"mrb_calcium_fg"}  # where the package takes errors below those of no variation


def test_models_and_choices_are_those_of_twosamplemr(reference: Path) -> None:
    compared = 0
    for name, expected in cases(reference, "mr_rucker"):
        table = choose_models([read_set(reference, name)])
        rows = {row["model"]: row for row in table.iter_rows(named=True)}
        theirs = expected["rucker"]
        for label, b, se in zip(theirs["Method"], theirs["Estimate"], theirs["SE"], strict=True):
            row = rows[MODELS[label]]
            assert row["estimate"] == pytest.approx(b, rel=1e-9), name
            if name not in UNDERDISPERSED:
                assert row["se"] == pytest.approx(se, rel=1e-9), name
            compared += 1
        assert table.filter(pl.col("selected"))["model"].to_list() == [CHOICES[expected["res"]]]
    assert compared >= 120


def test_one_model_is_chosen_for_every_pair() -> None:
    pairs = [make_pair(f"P{i}", m=4 + i) for i in range(5)]
    chosen = choose_models(pairs).group_by("outcome").agg(pl.col("selected").sum())
    assert chosen["selected"].to_list() == [1] * 5
    assert choose_models([make_pair("two", m=2)]).height == 0


def test_a_planted_outlier_is_found_and_nothing_else() -> None:
    pair = make_pair("outlying", m=30, effect=0.2)
    moved = pair.beta_y.copy()
    moved[7] += 0.4
    table = find_outliers([replace(pair, beta_y=moved)])
    assert table.filter(pl.col("outlier"))["variant_id"].to_list() == ["rs7"]
    assert np.isfinite(table["q"].to_numpy()).all()


@pytest.mark.parametrize("exposure", [1.0, 2.0**-660, 2.0**660])
@pytest.mark.parametrize("outcome", [1.0, 2.0**-660, 2.0**660])
def test_units_of_effects_change_no_digit_of_what_stands_beside_estimates(
    exposure: float, outcome: float
) -> None:
    pair = make_pair("sized", m=12, effect=0.2)
    moved = replace(
        pair,
        beta_x=pair.beta_x * exposure,
        se_x=pair.se_x * exposure,
        beta_y=pair.beta_y * outcome,
        se_y=pair.se_y * outcome,
    )
    for tabulate in (choose_models, find_outliers, leave_one_out, split_variants):
        one, other = tabulate([pair]), tabulate([moved])
        if tabulate is not find_outliers:
            with np.errstate(over="ignore", under="ignore"):
                one = one.with_columns(
                    pl.Series(name, one[name].to_numpy() / exposure * outcome)
                    for name in ("estimate", "se")
                )
            lost = ~np.isfinite(one["estimate"].to_numpy()) | (one["se"].to_numpy() == 0.0)
            if lost.any():  # a ratio of 2 to the power of 1,320 or its inverse is no number
                assert tabulate is not choose_models or other.is_empty()
                assert other["estimate"].null_count() == other.height
                continue
        assert one.equals(other)
