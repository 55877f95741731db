from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.mr.multivariable import (
    measure_conditional_f,
    measure_pleiotropy,
    minimise_heterogeneity,
)
from tests.mr.multivariable.lipids import entries, simulate

CORRELATED: F64 = np.full((3, 3), 0.3) + 0.7 * np.eye(3)


def test_conditional_f_equals_mvmr_0_4_6(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, "MVMR", "strength_mvmr"):
        correlations = CORRELATED if "Pcov" in entry["args"] else None
        found = measure_conditional_f(data, correlations=correlations)
        expected = [value[0] for value in entry["result"].values()]
        assert found == pytest.approx(expected, rel=1e-8)
        fair = measure_conditional_f(data, correlations=correlations, divisor="degrees_of_freedom")
        assert fair[0] == pytest.approx(found[0] * data.m / (data.m - 2), rel=1e-12)
        compared += 1
    assert compared == 4


def test_q_equals_mvmr_0_4_6(reference: Path) -> None:
    compared = 0
    for data, entry in entries(reference, "MVMR", "pleiotropy_mvmr"):
        correlations = CORRELATED if "Pcov" in entry["args"] else None
        found = measure_pleiotropy(data, correlations=correlations)
        assert found.q == pytest.approx(entry["result"]["Qstat"], rel=1e-8)
        assert 10**-found.neg_log10_p == pytest.approx(entry["result"]["Qpval"], rel=1e-8)
        compared += 1
    assert compared == 4


def test_least_heterogeneity_is_its_degrees_of_freedom_where_mvmr_takes_no_excess(
    reference: Path,
) -> None:
    compared = 0
    for data, entry in entries(reference, "MVMR", "qhet_mvmr"):
        assert "objective" in entry["peer_bug"]
        found = minimise_heterogeneity(data, correlations=CORRELATED)
        assert found.excess > 0
        assert found.q == pytest.approx(data.m - 3, rel=1e-9)
        compared += 1
    assert compared == 2


def test_an_exposure_that_repeats_another_has_no_conditional_strength() -> None:
    data = simulate(200, [0.4, 0.2], seed=8)
    x = data.beta_x.copy()
    x[:, 1] = x[:, 0] + 0.01 * np.random.default_rng(1).standard_normal(200)
    repeated = type(data)(
        exposures=data.exposures,
        outcome="y",
        variants=data.variants,
        beta_x=x,
        se_x=data.se_x,
        beta_y=data.beta_y,
        se_y=data.se_y,
    )
    assert max(measure_conditional_f(repeated)) < 2
    assert min(measure_conditional_f(data)) > 50


def test_one_exposure_has_the_mean_of_the_variants_f() -> None:
    data = simulate(30, [0.4], seed=8)
    (found,) = measure_conditional_f(data)
    assert found == pytest.approx(float(np.mean((data.x / data.sx) ** 2)), rel=1e-12)


def test_effects_are_recovered_from_weak_instruments() -> None:
    data = simulate(2000, [0.4, -0.3], seed=9, se=0.01, spread=0.015)
    found = minimise_heterogeneity(data)
    assert found.effects == pytest.approx([0.4, -0.3], abs=0.06)


def test_too_few_variants_and_wrong_correlations_are_refused() -> None:
    data = simulate(2, [0.4, 0.2], seed=8)
    with pytest.raises(InputError, match="needs 3 variants, found 2"):
        measure_conditional_f(data)
    with pytest.raises(InputError, match="needs 4 variants, found 2"):
        measure_pleiotropy(data)
    with pytest.raises(UsageError, match="ones on the diagonal"):
        measure_conditional_f(simulate(9, [0.4, 0.2], seed=8), correlations=np.zeros((2, 2)))
