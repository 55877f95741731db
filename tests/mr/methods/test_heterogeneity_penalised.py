from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods.heterogeneity_penalised import HeterogeneityPenalised
from tests.mr.methods.comparison import entries
from tests.mr.methods.examples import make, run, simulate


def test_hetpen_equals_mendelianrandomization_0_10_0(reference: Path) -> None:
    names = []
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_hetpen"):
        method = HeterogeneityPenalised(convention="mendelianrandomization")
        found, wanted = run(method, data), entry["result"]
        assert found.estimate == pytest.approx(wanted["b"], abs=1e-12)
        assert found.conf_low == pytest.approx(wanted["ci_low"], abs=1e-12)
        assert found.conf_high == pytest.approx(wanted["ci_high"], abs=1e-12)
        points = [
            low + 0.001 * k
            for low, high in found.intervals
            for k in range(round((high - low) / 0.001) + 1)
        ]
        np.testing.assert_allclose(points, wanted["CIRange"], atol=1e-9)
        names.append(name)
    assert len(names) == 4


def test_the_estimate_is_the_best_of_an_obvious_sum_over_all_sets() -> None:
    data = simulate(np.random.default_rng(1), variants=7, pleiotropy=0.02)
    r, s = data.beta_y / data.x, np.abs(data.se_y / data.x)
    prior, scores = 0.7, {}
    for k in range(201):
        theta, total = -1.0 + 0.01 * k, 0.0
        for size in range(2, 8):
            for chosen in map(list, itertools.combinations(range(7), size)):
                w = s[chosen] ** -2.0
                mean = float(np.sum(w * r[chosen]) / w.sum())
                q = float(np.sum(w * (r[chosen] - mean) ** 2))
                sd = math.sqrt(max(1.0, q / (size - 1)) / w.sum())
                weight = prior**size * (1 - prior) ** (7 - size) * math.exp(-q / 2)
                weight /= np.prod(s[chosen])
                total += weight * math.exp(-0.5 * ((theta - mean) / sd) ** 2) / sd
        scores[theta] = total
    found = run(HeterogeneityPenalised(prior=prior, step=0.01), data)
    best = max(scores, key=lambda theta: scores[theta])
    assert found.estimate == pytest.approx(best)
    inside = [t for t, value in scores.items() if 2 * math.log(scores[best] / value) < 3.841459]
    assert (found.conf_low, found.conf_high) == pytest.approx((min(inside), max(inside)))
    statistic = 2 * math.log(scores[best] / scores[min(scores, key=abs)])
    assert found.neg_log10_p == pytest.approx(
        -math.log10(math.erfc(math.sqrt(statistic / 2))), rel=1e-9
    )


def test_two_groups_of_variants_have_a_region_of_two_parts() -> None:
    x = np.full(8, 0.2)
    slope = np.array([0.3] * 4 + [-0.5] * 4)
    y = slope * x + np.array([1, -1, 1, -1] * 2) * 0.001
    found = run(HeterogeneityPenalised(), make(x, 0.01 * x, y, np.full(8, 0.004)))
    assert len(found.intervals) == 2
    assert found.intervals[0][1] < -0.4
    assert found.intervals[1][0] > 0.2


def test_a_grid_wider_than_its_region_is_narrowed_and_an_end_is_told() -> None:
    data = simulate(np.random.default_rng(2), variants=6)
    small = make(data.x, data.sx, 1e-4 * data.beta_y, 1e-4 * data.se_y)
    found = run(HeterogeneityPenalised(), small)
    assert "the step of the grid was divided by" in str(found.message)
    assert found.conf_low <= found.estimate <= found.conf_high
    assert found.conf_low < found.conf_high
    assert found.estimate == pytest.approx(4e-5, rel=0.2)
    cut = HeterogeneityPenalised(highest=0.2)
    end = run(cut, data)
    assert end.status.name == "not_identified"
    assert "lowest and highest give a wider one" in str(end.message)
    theirs = run(replace(cut, convention="mendelianrandomization"), data)
    assert theirs.estimate == pytest.approx(0.2)
    assert theirs.message == end.message


@pytest.mark.parametrize(("effect", "noise"), [(5.0, 0.005), (-30.0, 0.005), (0.9, 0.06)])
def test_the_grid_grows_until_it_holds_the_region(effect: float, noise: float) -> None:
    data = simulate(np.random.default_rng(5), variants=8, effect=effect, noise_x=noise)
    data = make(data.x, data.sx, data.beta_y, 8.0 * data.se_y)
    found = run(HeterogeneityPenalised(), data)
    assert found.status.name == "ok"
    assert found.message is None
    wide = run(HeterogeneityPenalised(lowest=-100.0, highest=100.0), data)
    # the same points, counted from another end
    assert found.estimate == pytest.approx(wide.estimate, abs=1e-9)
    assert found.intervals == pytest.approx(np.array(wide.intervals), abs=1e-9)
    theirs = run(HeterogeneityPenalised(convention="mendelianrandomization"), data)
    assert theirs.conf_high <= 1.0
    assert "an end of the grid" in str(theirs.message)


def test_more_variants_than_can_be_enumerated_are_a_row_with_a_status() -> None:
    found = run(HeterogeneityPenalised(), simulate(np.random.default_rng(3), variants=21))
    assert found.status.name == "not_identified"
    assert found.message == "takes at most 20 variants, found 21"


@pytest.mark.parametrize(
    "changes", [{"prior": 1.0}, {"step": 0.0}, {"lowest": 2.0, "highest": 1.0}]
)
def test_parameters_that_are_none_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(UsageError):
        HeterogeneityPenalised(**changes)  # type: ignore[arg-type]
