from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.mr.analysis import measure_pairs
from proteomr.mr.choice import build_methods
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.presso import Presso
from proteomr.stats.pleiotropy_residuals import leave_each_out
from tests.mr.methods.examples import make, run, simulate
from tests.mr.reference import read_expected, read_set

SETS = ("presso_e1", "mrb_ldl_chd", "tsmr_bmi_chd")


def slope_of(x: F64, y: F64, w: F64) -> float:
    return float(np.sum(w * x * y) / np.sum(w * x * x))


@pytest.mark.parametrize("name", SETS)
def test_the_tests_are_those_of_mrpresso_1_0(reference: Path, name: str) -> None:
    data = read_set(reference, name)
    found = run(Presso(simulations=2000), data)
    for entry in read_expected(reference, f"{name}_presso"):
        wanted = entry["result"]
        assert found.details["rss"] == pytest.approx(wanted["global"]["RSSobs"], rel=1e-9)
        assert found.details["global_p"] == 1 / 2001  # the package prints <0.001
        tests = found.further[1].columns
        squares = np.square(np.array(tests["residual"], dtype=float))
        np.testing.assert_allclose(squares, wanted["outlier"]["RSSobs"], rtol=1e-8)
        for p, text in zip(tests["p_bonferroni"], wanted["outlier"]["Pvalue"], strict=True):
            if str(text)[0] == "<":  # none of 1,000 simulations exceeded it
                assert p is not None
                assert float(p) < 4 * float(text[1:])
            elif 0.0 < float(text) < 1.0:  # 3 to 1,000 counts of a binomial number
                spread = np.sqrt(float(text) * data.m / 1000)
                assert float(p or 0) == pytest.approx(float(text), abs=4 * spread)
        outliers = {int(k) for k in np.atleast_1d(wanted["distortion"]["Outliers Indices"])}
        if outliers == set(range(1, data.m + 1)) - {k + 1 for k in found.used or ()}:
            corrected = wanted["main"]["Causal Estimate"][1], wanted["main"]["Sd"][1]
            assert (found.estimate, found.se) == pytest.approx(corrected, rel=1e-9)
            assert 100 * found.details["distortion"] == pytest.approx(
                wanted["distortion"]["Distortion Coefficient"], rel=1e-9
            )
            p = wanted["distortion"]["Pvalue"]
            spread = 4 * np.sqrt(p * (1 - p) / 1000) + 0.005
            assert found.details["distortion_p"] == pytest.approx(p, abs=spread)


def test_the_p_value_of_an_outlier_is_what_simulations_of_it_converge_to() -> None:
    data = simulate(np.random.default_rng(1), variants=12, pleiotropy=0.01)
    tests = run(Presso(), data).further[1].columns
    random = np.random.default_rng(2)
    w = data.se_y**-2.0
    for j in range(data.m):
        others = np.arange(data.m) != j
        slope = slope_of(data.x[others], data.beta_y[others], w[others])
        x = random.normal(data.x[j], data.sx[j], 40_000)
        y = random.normal(slope * data.x[j], data.se_y[j], 40_000)
        share = np.mean((y - slope * x) ** 2 > (data.beta_y[j] - slope * data.x[j]) ** 2)
        error = 4 * np.sqrt(share * (1 - share) / 40_000) + 1e-4
        assert float(tests["p_value"][j] or 0.0) == pytest.approx(share, abs=error)


def test_the_global_p_is_that_of_an_obvious_simulation() -> None:
    data = simulate(np.random.default_rng(3), variants=10, pleiotropy=0.006)
    w, random = data.se_y**-2.0, np.random.default_rng(4)

    def rss(x: F64, y: F64) -> tuple[F64, float]:
        others = [np.arange(data.m) != j for j in range(data.m)]
        slopes = np.array([slope_of(x[i], y[i], w[i]) for i in others])
        return slopes, float(np.sum(w * (y - slopes * x) ** 2))

    slopes, observed = rss(data.x, data.beta_y)
    drawn = [
        rss(random.normal(data.x, data.sx), random.normal(slopes * data.x, data.se_y))[1]
        for _ in range(1500)
    ]
    share = float(np.mean(np.array(drawn) >= observed))
    found = run(Presso(), data)
    assert found.details["rss"] == pytest.approx(observed, rel=1e-12)
    assert 0.02 < share < 0.98
    assert found.details["global_p"] == pytest.approx(share, abs=4 * np.sqrt(0.25 / 1500))


def test_a_variant_that_outweighs_all_others_leaves_no_rounding_error() -> None:
    x, y = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.05, 0.1, 0.15, 0.9])
    weights = np.array([1.0, 1.0, 1.0, 1e18])
    left = leave_each_out(x, y, weights=weights)
    assert left.slopes[3] == pytest.approx(0.5, rel=1e-14)
    assert left.residuals[3] == pytest.approx(0.7, rel=1e-14)


def test_p_counts_the_statistic_among_the_simulations() -> None:
    data = simulate(np.random.default_rng(5), variants=20)
    y = data.beta_y.copy()
    y[:2] += 0.1
    found = run(Presso(simulations=500), make(data.x, data.sx, y, data.se_y))
    assert found.details["global_p"] == 1 / 501


def test_no_pleiotropy_keeps_all_variants_with_the_errors_of_lm_and_says_so() -> None:
    data = simulate(np.random.default_rng(6), variants=15)
    found = run(Presso(), data)
    w = data.se_y**-2.0
    slope = slope_of(data.x, data.beta_y, w)
    sigma2 = np.sum(w * (data.beta_y - slope * data.x) ** 2) / 14
    assert found.message == "the global test finds no pleiotropy: all variants"
    assert found.estimate == pytest.approx(slope, rel=1e-12)
    assert found.se == pytest.approx(np.sqrt(sigma2 / np.sum(w * data.x**2)), rel=1e-12)
    assert (found.df, found.nsnp) == (14, 15)


def test_one_variant_that_is_no_outlier_and_outliers_in_the_majority_are_statuses() -> None:
    x = np.full(5, 0.1)
    y = np.array([0.05, 0.4, -0.4, 0.9, -0.9])
    found = run(Presso(), make(x, 0.01 * x, y, np.full(5, 0.005)))
    assert found.status.name == "too_few"
    assert "of 5 variants are outliers" in str(found.message)
    y = np.array([0.05, 0.051, 0.05, 0.08, 0.078])
    most = run(Presso(), make(x, 0.01 * x, y, np.array([1e-3, 1e-3, 1e-3, 5e-3, 5e-3])))
    assert most.details["outliers"] == 2.0
    assert np.isfinite(most.details["distortion_p"])


def test_the_tables_name_the_pair_the_method_and_the_variants() -> None:
    data = simulate(np.random.default_rng(7), variants=12)
    y = data.beta_y.copy()
    y[3] += 0.1
    pair = make(data.x, data.sx, y, data.se_y)
    tables = measure_pairs([pair], build_methods(["presso", "presso(alpha=0.01)"])).further
    assert tables["presso"].select("method", "test").rows() == [
        (method, test)
        for method in ("presso", "presso(alpha=0.01)")
        for test in ("global", "distortion")
    ]
    marked = tables["presso_outliers"].filter("outlier", method="presso")
    assert marked["variant_id"].to_list() == ["rs3"]
    assert tables["presso_outliers"].height == 24


def test_type_one_errors_of_the_global_test_are_those_of_its_level() -> None:
    p = np.array(
        [
            run(
                Presso(simulations=300), simulate(np.random.default_rng([8, k]), variants=12)
            ).details["global_p"]
            for k in range(300)
        ]
    )
    assert np.mean(p < 0.05) < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(p) == pytest.approx(0.5, abs=0.1)


def test_outliers_are_left_out_and_the_truth_is_covered() -> None:
    found: list[Estimate] = []
    for seed in range(60):
        shift = np.where(np.arange(30) < 3, 0.08, 0.0)
        data = simulate(np.random.default_rng([9, seed]), variants=30, pleiotropy=shift)
        found.append(run(Presso(simulations=200), data))
    assert np.mean([set(one.used or ()) <= set(range(3, 30)) for one in found]) > 0.7
    assert np.mean([one.estimate for one in found]) == pytest.approx(0.4, abs=0.02)
    assert np.mean([one.conf_low <= 0.4 <= one.conf_high for one in found]) > 0.85


@pytest.mark.parametrize(("simulations", "alpha"), [(10, 0.05), (1000, 0.0), (1000, 1.0)])
def test_simulations_and_levels_with_which_nothing_could_be_found_are_refused(
    simulations: int, alpha: float
) -> None:
    with pytest.raises(UsageError, match=r"simulations is|alpha is"):
        Presso(simulations=simulations, alpha=alpha)
