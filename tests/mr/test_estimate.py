from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.execute import Threads
from proteomr.mr.estimate import DEFAULT_METHODS, build_methods, estimate, method_keys
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.tables import Harmonised
from tests.mr.reference import read_set

ROOT = Path(__file__).parents[2]


def make_pair(name: str, *, m: int = 20, seed: int = 1, effect: float = 0.3) -> Harmonised:
    rng = np.random.default_rng([seed, *name.encode()])
    x = rng.normal(0.0, 0.1, m)
    return Harmonised(
        exposures=("loneliness",),
        outcome=name,
        variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(m)]}),
        beta_x=x[:, None],
        se_x=np.full((m, 1), 0.01),
        beta_y=effect * x + rng.normal(0.0, 0.02, m),
        se_y=rng.uniform(0.015, 0.03, m),
    )


@pytest.fixture(scope="module")
def pairs() -> list[Harmonised]:
    return [make_pair(f"P{i}", m=3 + 5 * i) for i in range(6)]


def test_every_method_stands_in_the_registry_once() -> None:
    listed = [kind.__module__.rpartition(".")[2] for kind in METHOD_CLASSES]
    files = {file.stem for file in (ROOT / "proteomr" / "mr" / "methods").glob("*.py")}
    frame = {
        "__init__",
        "base",
        "block_method",
        "confidence_parts",
        "correlated",
        "estimate_block",
        "grids",
        "heterogeneity",
        "method",
        "ranges",
        "sample_sizes",
        "units",
        "variant_order",
    }
    assert set(listed) == files - frame
    keys = [kind.key for kind in METHOD_CLASSES]
    assert len(set(keys)) == len(keys)
    for kind in METHOD_CLASSES:
        assert kind.reference.startswith("10.")
        assert kind.label
        assert kind.__doc__


def test_estimates_stand_in_the_order_of_pairs_and_methods(pairs: list[Harmonised]) -> None:
    found = estimate(pairs, build_methods(["egger", "ivw"]))
    assert found["outcome"].to_list() == [p.outcome for p in pairs for _ in range(2)]
    assert found["method"].to_list() == ["egger", "ivw"] * 6


def test_neither_other_pairs_nor_threads_nor_methods_change_a_number(
    pairs: list[Harmonised],
) -> None:
    methods = build_methods(["egger", "weighted_median", "ivw", "weighted_mode"], draws=50)
    whole = estimate(pairs, methods, seed=3, executor=Threads(2))
    alone = pl.concat([estimate([pair], methods, seed=3) for pair in reversed(pairs)])
    keys = ["outcome", "method"]
    assert whole.sort(keys).equals(alone.sort(keys))
    fewer = estimate(pairs, build_methods(["weighted_mode"], draws=50), seed=3)
    assert fewer.equals(whole.filter(pl.col("method") == "weighted_mode"))


def test_the_seed_moves_standard_errors_and_no_estimate(pairs: list[Harmonised]) -> None:
    methods = build_methods(["weighted_median", "simple_mode"], draws=60)
    one, other = (estimate(pairs[2:], methods, seed=seed) for seed in (1, 2))
    assert one["estimate"].equals(other["estimate"])
    assert not one["se"].equals(other["se"])


def test_pairs_fitted_together_have_the_bits_of_one_alone() -> None:
    pairs = [make_pair(f"P{i}", m=3 + i % 4, seed=i) for i in range(24)]
    methods = build_methods(["ivw", "ivw_fe", "ivw_mre", "egger", "ivw(weights=delta)"])
    together = estimate(pairs, methods)
    alone = pl.concat([estimate([pair], methods) for pair in pairs])
    assert together.equals(alone)


def test_a_pair_that_breaks_the_arithmetic_does_not_harm_its_neighbours() -> None:
    pairs = [make_pair(f"P{i}", m=5, seed=i) for i in range(3)]
    wide = np.array([1e-200, 1e200, 1.0, 1.0, 1.0])
    broken = replace(pairs[1], se_y=wide)
    methods = build_methods(["ivw", "egger(robust=true)"])
    found = estimate([pairs[0], broken, pairs[2]], methods)
    alone = estimate([pairs[0], pairs[2]], methods)
    assert found.filter(pl.col("outcome") != "P1").equals(alone)
    assert set(found.filter(outcome="P1")["status"]) <= {"not_identified", "not_converged"}


def test_what_cannot_be_fitted_together_is_left_to_the_methods() -> None:
    flat = replace(make_pair("flat", m=4), beta_x=np.full((4, 1), 0.1))
    small = make_pair("small", m=2)
    found = estimate([flat, small], build_methods(["ivw", "egger"]))
    status = dict(
        zip(zip(found["outcome"], found["method"], strict=True), found["status"], strict=True)
    )
    assert status["flat", "ivw"] == "ok"
    assert status["flat", "egger"] == "not_identified"
    assert status["small", "egger"] == "too_few"
    assert status["small", "ivw"] == "ok"


def test_modes_chosen_have_the_numbers_of_all_five() -> None:
    pair = make_pair("modes", m=12)
    chosen = estimate([pair], build_methods(["weighted_mode", "simple_mode"], draws=40), seed=9)
    every = estimate(
        [pair],
        build_methods(
            ["simple_mode", "weighted_mode", "penalised_mode", "weighted_mode_nome"], draws=40
        ),
        seed=9,
    )
    kept = every.filter(pl.col("method").is_in(["simple_mode", "weighted_mode"]))
    assert chosen.sort("method").equals(kept.sort("method"))
    other = estimate([pair], build_methods(["simple_mode", "weighted_mode(phi=0.5)"], draws=40))
    assert other["method"].to_list() == ["simple_mode", "weighted_mode(phi=0.5)"]
    assert other["estimate"][0] == pytest.approx(kept.filter(method="simple_mode")["estimate"][0])
    assert other["estimate"][1] != kept.filter(method="weighted_mode")["estimate"][0]


def test_the_wald_ratio_stands_for_single_variants_alone() -> None:
    one, many = make_pair("one", m=1), make_pair("many", m=8)
    found = estimate([one, many], build_methods(DEFAULT_METHODS, draws=10))
    assert "wald" not in found.filter(outcome="many")["method"].to_list()
    row = found.filter(outcome="one", method="wald").row(0, named=True)
    assert row["estimate"] == pytest.approx(float(one.beta_y[0] / one.x[0]))


def test_default_methods_on_real_data(reference: Path) -> None:
    found = estimate([read_set(reference, "tsmr_bmi_chd")], build_methods(DEFAULT_METHODS))
    assert dict(zip(found["method"], found["estimate"].round(4), strict=True)) == {
        "egger": 0.5025,
        "weighted_median": 0.387,
        "ivw": 0.4459,
        "simple_mode": 0.3402,
        "weighted_mode": 0.3888,
    }


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["ivv"], r"no method 'ivv' \(did you mean 'ivw'"),
        (["ivw", "ivw"], "a method is named twice"),
        (["all", "ivw"], "a method is named twice"),
    ],
)
def test_unknown_methods_are_refused_with_the_nearest(keys: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        build_methods(keys)


def test_all_methods_give_an_estimate_or_a_reason() -> None:
    found = estimate([make_pair("every", m=25)], build_methods(["all"], draws=20))
    assert set(found["method"]) == set(method_keys()) - {"wald"}
    silent = found.filter((pl.col("status") != "ok") & pl.col("message").is_null())
    assert silent.height == 0
    assert found.filter(pl.col("status") == "ok")["estimate"].null_count() == 0
