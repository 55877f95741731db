from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.stats.effective import (
    EFFECTIVE_METHODS,
    EffectiveMethod,
    effective_tests,
    eigenvalues_of_correlation,
)
from proteomr.stats.transforms import rank_normalise_block

Expected = Callable[[str], dict[str, Any]]

# eigen(cor(longley))$values of R 4.2.2 (Longley 1967), and from it nyholt, li_ji, galwey, gao
LONGLEY = np.array(
    [
        5.53306767850606551207,
        1.18755464429568058371,
        0.25221631126687027447,
        0.01523852200213973024,
        0.01063626455914774664,
        0.00102794133833950994,
        0.00025863803175020533,
    ]
)
LONGLEY_EFFECTIVE: dict[EffectiveMethod, float] = {
    "nyholt": 3.415845213997224,
    "li_ji": 3.0,
    "galwey": 2.542766015591611,
    "gao": 3.0,
}


@pytest.mark.parametrize("method", EFFECTIVE_METHODS)
def test_effective_numbers_equal_r(method: EffectiveMethod) -> None:
    found = effective_tests(LONGLEY, method=method)
    assert found == pytest.approx(LONGLEY_EFFECTIVE[method], rel=1e-13)


@pytest.mark.parametrize("method", EFFECTIVE_METHODS)
def test_independent_variables_count_each(method: EffectiveMethod) -> None:
    assert effective_tests(np.ones(40), method=method) == pytest.approx(40.0)


@pytest.mark.parametrize("method", EFFECTIVE_METHODS)
def test_copies_of_one_variable_count_once(method: EffectiveMethod) -> None:
    values = np.zeros(40)
    values[3] = 40.0
    assert effective_tests(values, method=method) == pytest.approx(1.0)


@pytest.mark.parametrize("noise", [-1e-12, 0.0, 1e-12])
def test_li_and_ji_do_not_jump_at_integers(noise: float) -> None:
    values = np.array([3.0 + noise, 2.0 - noise, 0.0, -1e-15, 1e-15])
    assert effective_tests(values, method="li_ji") == pytest.approx(2.0, abs=1e-9)


def test_the_share_of_gao_is_reached_and_not_passed() -> None:
    values = np.array([0.6, 0.3, 0.1])
    assert [effective_tests(values, method="gao", share=s) for s in (0.5, 0.65, 1.0)] == [1, 2, 3]


@pytest.mark.parametrize("shape", [(30, 12), (12, 30), (12, 12), (13, 12)])
def test_eigenvalues_equal_those_of_the_correlation_matrix(shape: tuple[int, int]) -> None:
    scores = np.random.default_rng(8).normal(size=shape) * 7 + 100
    oracle = np.linalg.eigvalsh(np.corrcoef(scores.T))[::-1]
    found = eigenvalues_of_correlation(scores)
    np.testing.assert_allclose(found, oracle, rtol=1e-11, atol=1e-12)
    if shape[0] <= shape[1]:
        assert (found[shape[0] - 1 :] == 0.0).all()
    assert (found >= 0.0).all()


def test_scores_without_correlation_are_errors() -> None:
    with pytest.raises(ValueError, match="1 of 2 columns are constant"):
        eigenvalues_of_correlation(np.array([[1.0, 2.0], [1.0, 3.0]]))
    with pytest.raises(ValueError, match="finite"):
        eigenvalues_of_correlation(np.array([[1.0, 2.0], [np.nan, 3.0]]))
    with pytest.raises(ValueError, match="two rows"):
        eigenvalues_of_correlation(np.ones((1, 2)))


def test_unfit_eigenvalues_and_options_are_errors() -> None:
    with pytest.raises(ValueError, match="finite"):
        effective_tests(np.array([np.nan]), method="gao")
    with pytest.raises(ValueError, match="share"):
        effective_tests(np.ones(2), method="gao", share=0.0)
    name: Any = "cheverud"
    with pytest.raises(ValueError, match="nyholt, li_ji, galwey, gao"):
        effective_tests(np.ones(2), method=name)


def test_the_reference_numbers_are_reproduced(expected: Expected, reference: Path) -> None:
    cases = expected("effective_tests")
    table = pl.read_csv(reference / "association" / "data" / "assoc_log2rfu.csv.gz")
    values = np.ascontiguousarray(table.drop("ID").to_numpy().T, dtype=np.float64)
    scores = np.empty_like(values)
    rank_normalise_block(values, scores)
    for name, m in (("first_100", 100), ("first_500", 500), ("all_5284", 5284)):
        found = eigenvalues_of_correlation(scores[:m].T)
        np.testing.assert_allclose(found[:20], cases[name]["top_eigen"], rtol=1e-12)
        for method in EFFECTIVE_METHODS:
            key = "gao_995" if method == "gao" else method
            number = effective_tests(found, method=method)
            assert number == pytest.approx(cases[name][key], rel=1e-12)
