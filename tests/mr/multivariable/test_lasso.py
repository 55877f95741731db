from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import InputError
from proteomr.mr.multivariable import MultivariableIvw, MultivariableLasso, select_exposures
from proteomr.stats.lasso_path import fit_lasso_path
from tests.mr.multivariable.lipids import Tally, entries, simulate

RANDOM = np.random.default_rng(1)


def test_multivariable_lasso_equals_mendelianrandomization_0_10(reference: Path) -> None:
    tally = Tally()
    for data, entry in entries(reference, "MendelianRandomization", "mr_mvlasso"):
        method = MultivariableLasso(
            orient_by=data.exposures[entry["args"]["orientate"] - 1],
            convention="mendelianrandomization",
        )
        found = method.estimate(data, random=RANDOM)
        tally.compare(found, entry["result"])
        names = data.variants["variant_id"].to_list()
        assert [names[j] for j in found[0].used or ()] == entry["result"]["ValidSNPs"]
    assert tally.entries == 6
    tally.check(1e-8)


def test_the_choice_of_exposures_is_near_twosamplemr_and_the_same_for_a_seed(
    reference: Path,
) -> None:
    compared = 0
    for data, entry in entries(reference, "TwoSampleMR", "mv_lasso_feature_selection"):
        found = select_exposures(data, random=np.random.default_rng(1))
        again = select_exposures(data, random=np.random.default_rng(1))
        expected = dict(zip(entry["result"]["exposure"], entry["result"]["b"], strict=True))
        assert found == again
        assert found == pytest.approx([expected[name] for name in data.exposures], rel=0.10)
        compared += 1
    assert compared == 2


def test_an_exposure_without_effect_is_left_out() -> None:
    data = simulate(100, [0.5, 0.0, 0.3], seed=12)
    a, b, c = select_exposures(data, random=np.random.default_rng(2))
    assert a > 0.3
    assert c > 0.15
    assert abs(b) < 0.05


def test_every_point_of_a_path_meets_the_conditions_of_a_minimum() -> None:
    random = np.random.default_rng(7)
    x = random.standard_normal((40, 60))
    y = x[:, 0] - x[:, 1] + random.standard_normal(40)
    weights = random.uniform(0.5, 2.0, 40)
    path = fit_lasso_path(x, y, weights=weights)
    v = weights / weights.sum()
    spread = np.sqrt(v @ x**2 - (v @ x) ** 2)
    assert path.penalties.size > 30
    for penalty, b in zip(path.penalties, path.coefficients, strict=True):
        slope = x.T @ (v * (y - x @ b)) / spread
        assert np.abs(slope).max() <= penalty * (1 + 1e-7)
        active = b != 0
        assert slope[active] == pytest.approx(penalty * np.sign(b[active]), rel=1e-6)


def test_variants_with_large_effects_of_their_own_are_left_out() -> None:
    direct = np.zeros(40)
    direct[[3, 17, 29]] = 0.3
    data = simulate(40, [0.4, -0.2], seed=9, pleiotropy=direct)
    found = MultivariableLasso().estimate(data, random=RANDOM)
    assert not {3, 17, 29} & set(found[0].used or ())
    assert abs(found[0].estimate - 0.4) < 4 * found[0].se


def test_a_penalty_that_leaves_no_direct_effect_gives_ivw() -> None:
    data = simulate(25, [0.4, -0.2], seed=10)
    found = MultivariableLasso(penalty=1e6).estimate(data, random=RANDOM)
    plain = MultivariableIvw(convention="mendelianrandomization").estimate(data, random=RANDOM)
    assert found[0].estimate == pytest.approx(plain[0].estimate, rel=1e-12)
    assert found[0].se == pytest.approx(plain[0].se, rel=1e-12)


def test_too_few_variants_for_the_folds_are_refused() -> None:
    data = simulate(9, [0.4], seed=1)
    with pytest.raises(InputError, match="9 variants do not make 10 folds"):
        select_exposures(data, random=RANDOM)
    assert select_exposures(replace(data), random=RANDOM, folds=3)[0] > 0
