from __future__ import annotations

import numpy as np
import polars as pl
import scipy.stats

from benchmarks.problems import FULL, Problem, rank_normalise
from proteomr.simulate import ADJUSTMENTS, STUDIES


def test_the_full_size_is_that_of_the_study() -> None:
    study = STUDIES[0]
    assert (FULL.people, FULL.proteins) == (study.people, study.proteins)


def test_rank_normalise_equals_scipy_with_ties_and_missing_values() -> None:
    values = np.round(np.random.default_rng(3).normal(size=200), 1)
    values[::7] = np.nan
    ranks = scipy.stats.rankdata(values, nan_policy="omit")
    n = np.count_nonzero(~np.isnan(values))
    expected = scipy.stats.norm.ppf((ranks - 0.375) / (n + 0.25))
    np.testing.assert_allclose(rank_normalise(values), expected, rtol=1e-12)


def test_the_arrays_are_those_of_the_files(problem: Problem) -> None:
    stored = pl.read_parquet(problem.panel)
    for j, name in enumerate(problem.chosen):
        values = stored[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        np.testing.assert_array_equal(problem.raw[j], values)
    np.testing.assert_array_equal(stored["sample_id"], problem.samples["sample_id"])


def test_the_covariates_are_the_papers_and_of_full_rank(problem: Problem) -> None:
    assert problem.covariates.shape[1] == 63
    assert np.linalg.matrix_rank(problem.covariates / problem.covariates.max(axis=0)) == 63
    assert set(problem.columns) == set(ADJUSTMENTS)
    assert problem.columns["simple"].size == 52
    assert np.all(problem.covariates[:, 0] == 1.0)


def test_proteins_have_missing_values(problem: Problem) -> None:
    share = np.isnan(problem.raw).mean(axis=1)
    assert np.all((share > 0.005) & (share < 0.25))
