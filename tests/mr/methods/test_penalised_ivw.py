from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.methods.penalised_ivw import PenalisedIvw
from proteomr.stats.line_likelihood import Points
from proteomr.stats.penalised_ratio import measure_ratio
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import cover, make, run, simulate

FIELLER = PenalisedIvw(interval="fieller")


@pytest.mark.parametrize("over_dispersion", [True, False])
def test_pivw_equals_mendelianrandomization_0_10_0(
    reference: Path, *, over_dispersion: bool
) -> None:
    tally = Tally()
    method = PenalisedIvw(over_dispersion=over_dispersion)
    args = {"over.dispersion": over_dispersion, "Boot.Fieller": False}
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_pivw", args):
        found = run(method, data)
        compare(tally, name, found, entry)
        assert found.details["condition"] == pytest.approx(entry["result"]["Condition"], rel=1e-9)
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (32, 0)


def test_weak_instruments_do_not_bias_the_slope() -> None:
    sets = [simulate(np.random.default_rng(k), variants=200, noise_x=0.06) for k in range(60)]
    mean, inside = cover(PenalisedIvw(), 0.4, sets)
    weighted = [np.sum(d.x * d.beta_y / d.se_y**2) / np.sum(d.x**2 / d.se_y**2) for d in sets]
    assert mean == pytest.approx(0.4, abs=0.01)
    assert np.mean(weighted) < 0.38
    assert inside >= 0.88


def test_no_variants_are_too_few() -> None:
    none = np.empty(0)
    assert run(PenalisedIvw(), make(none, none, none, none)).status.name == "too_few"


def test_effects_that_are_all_noise_identify_nothing() -> None:
    one = np.ones(3)
    assert run(PenalisedIvw(), make(one, one, one, one)).status.name == "not_identified"


def test_without_a_penalty_the_debiased_slope_remains() -> None:
    data = simulate(np.random.default_rng(3))
    plain = run(PenalisedIvw(penalty=0.0), data)
    w = data.se_y**-2.0
    slope = np.sum(w * data.x * data.beta_y) / np.sum(w * (data.x**2 - data.sx**2))
    assert plain.estimate == pytest.approx(slope, rel=1e-12)


def test_both_ends_of_the_packages_set_are_where_one_bound_is_reached(reference: Path) -> None:
    args = {"over.dispersion": True, "Boot.Fieller": True}
    compared = 0
    for _, data, entry in entries(reference, "MendelianRandomization", "mr_pivw", args):
        result = entry["result"]
        points = Points(data.x, data.sx, data.beta_y, data.se_y)
        moments = measure_ratio(points, penalty=1.0, tau2=result["Tau2"])
        low, high = (float(moments.measure(result[end])) for end in ("ci_low", "ci_high"))
        assert low == pytest.approx(high, rel=1e-9)
        found = run(FIELLER, data)
        drawn = float(moments.measure(found.conf_low))
        # A 95th percentile of 1,000 draws of chi-squared has a standard error near 0.23.
        assert abs(drawn - low) < 4 * 0.23 * 2**0.5
        assert abs(10.0**-found.neg_log10_p - result["pval"]) < 4 * 0.023
        compared += 1
    assert compared == 27


def test_the_set_is_that_of_a_slow_loop_over_slopes_and_draws() -> None:
    data = simulate(np.random.default_rng(8), variants=25, noise_x=0.06)
    found = run(FIELLER, data)
    tau2, w = found.details["tau2"], data.se_y**-2.0

    def statistic(x: F64, y: F64, slope: float) -> float:
        g = x**2 - data.sx**2
        mu1, mu2 = np.sum(w * x * y), np.sum(w * g)
        v1 = np.sum(w**2 * (x**2 * y**2 - (y**2 - data.se_y**2 - tau2) * g))
        v2 = np.sum(w**2 * (4 * g * data.sx**2 + 2 * data.sx**4))
        v12 = np.sum(2 * w**2 * x * y * data.sx**2)
        star = mu2 / 2 + np.sign(mu2) * np.sqrt(mu2**2 / 4 + v2)
        first = mu1 + v12 / v2 * (star - mu2)
        share = star / (2 * star - mu2)
        variance = v1 - 2 * slope * share * v12 + slope**2 * share**2 * v2
        return float((first - slope * star) ** 2 / variance)

    random = np.random.default_rng(77)
    drawn: list[float] = []
    while len(drawn) < 4000:
        y = random.normal(found.estimate * data.x, np.sqrt(data.se_y**2 + tau2))
        value = statistic(random.normal(data.x, data.sx), y, found.estimate)
        if value >= 0:
            drawn.append(value)
    at_low, at_high = (
        statistic(data.x, data.beta_y, end) for end in (found.conf_low, found.conf_high)
    )
    assert at_low == pytest.approx(at_high, rel=1e-9)
    assert np.mean(np.array(drawn) > at_low) == pytest.approx(0.05, abs=0.02)
    inside = statistic(data.x, data.beta_y, found.estimate)
    assert inside == pytest.approx(0.0, abs=1e-12)


def test_p_and_the_set_agree_on_zero() -> None:
    sides = set()
    for seed in range(40):
        data = simulate(np.random.default_rng(seed), variants=12, effect=0.05, noise_x=0.03)
        found = run(FIELLER, data, seed=seed)
        held = found.conf_low <= 0.0 <= found.conf_high
        assert held == (10.0**-found.neg_log10_p > 0.05)
        sides.add(held)
    assert sides == {True, False}


def test_an_unbounded_set_is_a_status_with_its_parts() -> None:
    x = np.array([0.011, 0.012])
    data = make(x, np.full(2, 0.012), 3.0 * x, np.full(2, 0.001))
    found = run(FIELLER, data)
    assert found.status.name == "not_identified"
    assert "unbounded" in (found.message or "")
    (rows,) = found.further
    assert rows.table == "confidence_sets"
    assert any(rows.columns["open_low"])


def test_fieller_holds_its_level_where_instruments_are_weak() -> None:
    random = np.random.default_rng(5)
    held = []
    for seed in range(150):
        truth = 0.01 * random.uniform(0.5, 1.5, 60) * random.choice([-1.0, 1.0], 60)
        errors = np.full(60, 0.01)
        data = make(random.normal(truth, errors), errors, random.normal(truth, errors), errors)
        found = run(FIELLER, data, seed=seed)
        held.append(found.status.name != "ok" or found.conf_low <= 1.0 <= found.conf_high)
    assert np.mean(held) >= 0.88  # 95 % less four Monte Carlo errors


def test_few_draws_bound_no_set() -> None:
    with pytest.raises(UsageError, match="give 19 or more"):
        PenalisedIvw(interval="fieller", draws=18)
    assert PenalisedIvw(interval="fieller", draws=19).draws == 19
