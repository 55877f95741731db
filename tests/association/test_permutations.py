"""P values of permutations: what they count, what they do not depend on, and that they hold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
import statsmodels.api as sm

from proteomr._typing import F64
from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.errors import UsageError
from proteomr.execute import Serial, Threads
from proteomr.models import Permutations
from proteomr.scan import fit_blocks
from tests.association.cohorts import make_cohort, make_samples, make_values

DRAWS = Permutations(99, seed=3)
SETS = {"none": "1", "full": "age + C(site)"}


def scan(samples: pl.DataFrame, values: F64, family: str = "linear", **more: Any) -> pl.DataFrame:
    size, executor = more.pop("block_size", 3), more.pop("executor", Serial())
    given = {"adjust": SETS, "permutations": DRAWS, **more}
    spec = ModelSpec(family, ("iso", "lo"), **given)
    plan = plan_scan(make_cohort(samples, values), spec, block_size=size)
    return collect(fit_blocks(plan, executor=executor), spec).frame


def permute_by_hand(samples: pl.DataFrame, values: F64, draws: Permutations) -> tuple[F64, F64]:
    """Return the scores ``(p,)`` and those of the draws ``(B, p)`` of iso, adjusted for age."""
    n = samples.height
    C = np.column_stack([np.ones(n), samples["age"].to_numpy()])
    iso = samples["iso"].to_numpy()
    r = iso - C @ np.linalg.lstsq(C, iso, rcond=None)[0]
    e = np.zeros((values.shape[1], n))
    for j, protein in enumerate(values.T):
        rows = ~np.isnan(protein)
        rest = protein[rows] - C[rows] @ np.linalg.lstsq(C[rows], protein[rows], rcond=None)[0]
        e[j, rows] = rest / np.linalg.norm(rest)
    out = np.empty((draws.draws, values.shape[1]))
    for b in range(draws.draws):
        seed = np.random.SeedSequence(draws.seed, spawn_key=(b,))
        permuted = r[np.argsort(np.random.default_rng(seed).random(n))]
        left = permuted - C @ np.linalg.lstsq(C, permuted, rcond=None)[0]
        out[b] = np.abs(e @ left) * np.linalg.norm(r) / np.linalg.norm(left)
    return np.abs(e @ r), out


@pytest.mark.parametrize("step_down", [False, True])
def test_p_values_count_draws_whose_scores_are_as_large(*, step_down: bool) -> None:
    samples, values = make_samples(120), make_values(120, 5)
    values[:, 2] += 0.6 * samples["iso"].to_numpy()
    asked = replace(DRAWS, step_down=step_down)
    found = scan(
        samples, values, adjust={"m": "age"}, transform="none", permutations=asked,
        test_family="exposure",
    ).filter(exposure="iso")  # fmt: skip
    score, draws = permute_by_hand(samples, values, asked)
    alone = (1 + (draws >= score).sum(axis=0)) / 100
    together = (1 + (draws.max(axis=1)[:, None] >= score).sum(axis=0)) / 100
    if step_down:
        order, least = np.argsort(-score), 0.0
        for i, j in enumerate(order):
            left = draws[:, order[i:]].max(axis=1)
            least = max(least, (1 + (left >= score[j]).sum()) / 100)
            together[j] = least
    np.testing.assert_allclose(found["p_permutation"], alone)
    np.testing.assert_allclose(found["p_family_wise"], together)
    assert (found["p_family_wise"] >= found["p_permutation"]).all()


def test_logistic_scores_are_correlations_of_what_covariates_leave_of_both() -> None:
    samples, values = make_samples(60), make_values(60, 3)
    values = np.where(np.isnan(values), 10.0, values)
    samples = samples.with_columns(
        pl.Series(f"c{i}", x) for i, x in enumerate(np.random.default_rng(4).normal(size=(8, 60)))
    )
    terms = " + ".join(f"c{i}" for i in range(8))
    asked = {"adjust": {"m": terms}, "transform": "none", "test_family": "exposure"}
    found = scan(samples, values, "logistic", **asked).filter(exposure="iso")
    C = np.column_stack([np.ones(60), samples.select(pl.col("^c\\d$")).to_numpy()])
    iso = samples["iso"].to_numpy()
    mu = sm.Logit(iso, C).fit(disp=0, tol=1e-12).predict()
    root = np.sqrt(mu * (1 - mu))
    r, Q = (iso - mu) / root, np.linalg.qr(C * root[:, None])[0]
    e = values.T * root - (values.T * root) @ Q @ Q.T
    score, wanted = np.abs(e @ r) / np.linalg.norm(r), np.ones(3)
    for b in range(DRAWS.draws):
        seed = np.random.SeedSequence(DRAWS.seed, spawn_key=(b,))
        permuted = r[np.argsort(np.random.default_rng(seed).random(60))]
        left = permuted - Q @ (Q.T @ permuted)
        wanted += np.abs(e @ left) / np.linalg.norm(left) >= score
    np.testing.assert_allclose(found["p_permutation"], wanted / 100)


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_blocks_threads_and_the_order_of_rows_change_nothing(family: str) -> None:
    samples, values = make_samples(150), make_values(150, 7)
    names = ("p_permutation", "p_family_wise")
    whole = scan(samples, values, family, block_size=7).select("protein", *names)
    assert scan(samples, values, family, block_size=2).select("protein", *names).equals(whole)
    apart = scan(samples, values, family, executor=Threads(2)).select("protein", *names)
    assert apart.equals(whole)
    other = scan(samples, values, family, permutations=replace(DRAWS, seed=4)).select(*names)
    assert not other.equals(whole.select(names))
    step = replace(DRAWS, step_down=True)
    down = scan(samples, values, family, permutations=step)["p_family_wise"].to_numpy()
    assert (down <= whole["p_family_wise"].to_numpy()).all()


@pytest.mark.parametrize("family", ["linear", "logistic"])
def test_p_values_of_many_draws_are_near_those_of_the_model(family: str) -> None:
    samples, values = make_samples(600), make_values(600, 6)
    found = scan(samples, values, family, permutations=Permutations(999), weights=None)
    apart = (found["p_permutation"] - found["p_value"]).abs()
    assert apart.max() < 4 * 0.5 / np.sqrt(999)


def test_the_family_wise_error_is_held_with_correlated_proteins_that_are_missing() -> None:
    hits, trials = 0, 150
    for seed in range(trials):
        g = np.random.default_rng(seed)
        samples = make_samples(80, seed=seed)
        common = g.normal(size=(80, 1)) + 0.05 * samples["age"].to_numpy()[:, None]
        values = common + 0.7 * g.standard_exponential((80, 10))
        values[g.random(values.shape) < 0.2] = np.nan
        asked = Permutations(39, seed=seed)
        found = scan(samples, values, adjust={"m": "age"}, permutations=asked, block_size=10)
        hits += bool((found["p_family_wise"] <= 0.05).any())
    # 5 % of 150, within three standard errors
    assert hits / trials == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / trials))


def test_a_protein_that_is_refused_takes_no_part() -> None:
    samples, values = make_samples(100), make_values(100, 4)
    without = scan(samples, values[:, 1:])
    values[:, 0] = 3.0
    found = scan(samples, values)
    assert found.filter(protein="P00")["p_permutation"].null_count() == 4
    ours = found.filter(pl.col("protein") != "P00")["p_family_wise"]
    assert ours.to_list() == without["p_family_wise"].to_list()


def test_a_scan_without_permutations_has_no_columns_of_them() -> None:
    found = scan(make_samples(60), make_values(60, 2), permutations=Permutations())
    assert not {"p_permutation", "p_family_wise"} & set(found.columns)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"errors": "HC3"}, "no errors such as HC3"),
        ({"interaction": "sex"}, "leave the interaction out"),
    ],
)
def test_what_permutations_do_not_go_with_is_refused(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        scan(make_samples(60), make_values(60, 2), **asked)


@pytest.mark.parametrize(
    ("draws", "step_down", "words"), [(5, False, "at least 9"), (0, True, "say how many")]
)
def test_too_few_draws_are_refused(draws: int, words: str, *, step_down: bool) -> None:
    with pytest.raises(UsageError, match=words):
        Permutations(draws, step_down)
