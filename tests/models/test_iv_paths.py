"""Instrumental variables: the path of blocks, the exact one, and linearmodels, one by one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from linearmodels.iv import IV2SLS, IVGMM, IVLIML

from proteomr.models import FitBlock, Iv, Status
from proteomr.models.iv import IvState
from tests.models.iv_designs import (
    PROTEINS,
    OneByOneIv,
    draw,
    fit,
    give_own,
    options_of,
    rows_of,
)

ERRORS = ["classical", "HC0", "HC1", "CR0", "CR1"]
MODELS = {"2sls": IV2SLS, "liml": IVLIML, "gmm": IVGMM}
# below and above the number of rows from which loops are compiled
SIZES = [300, 4200]


def assert_same(one: FitBlock, other: FitBlock, tolerance: float) -> None:
    np.testing.assert_array_equal(one.status, other.status)
    np.testing.assert_allclose(one.estimate, other.estimate, rtol=tolerance)
    np.testing.assert_allclose(one.se, other.se, rtol=tolerance)
    np.testing.assert_array_equal(one.df, other.df)
    assert one.messages == other.messages
    for name in ("iv_diagnostics", "confidence_sets"):
        mine, theirs = one.details[name], other.details[name]
        order = [np.lexsort([d.model, d.protein]) for d in (mine, theirs)]
        np.testing.assert_array_equal(mine.protein[order[0]], theirs.protein[order[1]])
        for column, values in mine.columns.items():
            ours = np.array(values, dtype=object)[order[0]]
            known = np.array(theirs.columns[column], dtype=object)[order[1]]
            if isinstance(ours[0], float):
                np.testing.assert_allclose(
                    ours.astype(float), known.astype(float), rtol=1e-8, atol=1e-12
                )
            else:
                assert ours.tolist() == known.tolist()


SMALL = [
    (role, estimator, errors, SIZES[0])
    for role in ("exposure", "outcome")
    for estimator in ("2sls", "liml")
    for errors in ERRORS
]
LARGE = [
    ("exposure", "2sls", "classical", SIZES[1]),
    ("outcome", "liml", "HC1", SIZES[1]),
    ("exposure", "liml", "CR1", SIZES[1]),
    ("outcome", "2sls", "HC0", SIZES[1]),
]


@pytest.mark.parametrize(("role", "estimator", "errors", "n"), [*SMALL, *LARGE])
def test_blocks_and_one_by_one_agree(role: Any, estimator: str, errors: str, n: int) -> None:
    more = {"clusters": errors.startswith("CR"), "weights": errors in {"HC0", "CR1"}}
    problem, block = draw(3, n, role=role, own=errors == "HC1", **more)
    if n > 1000:
        block = block.take(range(3))
    family = Iv(options_of(estimator, errors))
    state = family.prepare(problem)
    assert family.describe_path(state).startswith("blocks")
    together = family.fit(state, block)
    assert np.all(together.status == Status.ok)
    assert_same(together, fit(OneByOneIv(family.options), problem, block), 1e-10)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("errors", ERRORS)
@pytest.mark.parametrize("estimator", list(MODELS))
@pytest.mark.parametrize("role", ["exposure", "outcome"])
def test_estimates_and_errors_are_those_of_linearmodels(
    role: Any, estimator: str, errors: str, *, weights: bool
) -> None:
    problem, block = draw(5, 260, role=role, weights=weights, clusters=errors.startswith("CR"))
    found = fit(Iv(options_of(estimator, errors)), problem, block.take(range(3)))
    for j, m in np.ndindex(3, 2):
        C, Z, protein, target, w, clusters = rows_of(problem, block, j, m)
        y, x = (protein, target) if role == "exposure" else (target, protein)
        kind: dict[str, Any] = {"cov_type": "robust", "debiased": errors == "HC1"}
        moments: dict[str, Any] = {"weight_type": "robust"}
        if errors.startswith("CR"):
            kind = {"cov_type": "clustered", "clusters": clusters}
            moments = {"weight_type": "clustered", "clusters": clusters}
        elif errors == "classical" and estimator != "gmm":
            kind = {"cov_type": "unadjusted", "debiased": True}
        model = MODELS[estimator](y, C, x, Z, weights=w, **(moments if estimator == "gmm" else {}))
        theirs = model.fit(**kind)
        G = np.unique(clusters).size
        scale = np.sqrt(G / (G - 1)) if errors == "CR1" else 1.0
        assert found.estimate[j, m] == pytest.approx(theirs.params.iloc[-1], rel=1e-9)
        assert found.se[j, m] == pytest.approx(theirs.std_errors.iloc[-1] * scale, rel=1e-9)
        assert found.df[j, m] == (G - 1 if errors.startswith("CR") else y.size - C.shape[1] - 1)


def test_the_tests_of_instruments_are_those_of_linearmodels() -> None:
    problem, block = draw(6, 260)
    table = fit(Iv(options_of()), problem, block).details["iv_diagnostics"]
    rows: list[Any] = list(
        zip(table.protein, table.model, *(table.columns[name] for name in COLUMNS), strict=True)
    )
    for j, m in ((0, 0), (4, 1)):
        C, Z, protein, target, _, _ = rows_of(problem, block, j, m)
        model = IV2SLS(protein, C, target, Z)
        theirs: Any = model.fit(cov_type="unadjusted", debiased=True)
        mine = {row[2]: row[3:] for row in rows if row[:2] == (j, m)}
        first = theirs.first_stage.diagnostics
        assert mine["weak_instruments"][0] == pytest.approx(first["f.stat"].iloc[0], rel=1e-9)
        assert mine["sanderson_windmeijer"] == mine["weak_instruments"]
        hausman = theirs.wu_hausman()
        assert mine["wu_hausman"][0] == pytest.approx(hausman.stat, rel=1e-8)
        assert mine["wu_hausman"][3] == pytest.approx(hausman.pval, rel=1e-8)
        assert mine["sargan"][0] == pytest.approx(theirs.sargan.stat, rel=1e-8)
        assert mine["sargan"][3] == pytest.approx(theirs.sargan.pval, rel=1e-8)
        assert mine["sargan"][1] == 2.0
        assert np.isnan(mine["sargan"][2])


COLUMNS = ("test", "statistic", "df1", "df2", "p_value")


@pytest.mark.parametrize("errors", ["HC0", "CR0"])
def test_j_is_that_of_two_step_gmm(errors: str) -> None:
    problem, block = draw(7, 260, clusters=errors == "CR0")
    for estimator in ("2sls", "gmm"):
        table = fit(Iv(options_of(estimator, errors)), problem, block).details["iv_diagnostics"]
        at = [i for i, name in enumerate(table.columns["test"]) if name == "hansen_j"]
        j, m = int(table.protein[at[0]]), int(table.model[at[0]])
        C, Z, protein, target, _, clusters = rows_of(problem, block, j, m)
        more: dict[str, Any] = {"weight_type": "robust"}
        if errors == "CR0":
            more = {"weight_type": "clustered", "clusters": clusters}
        fitted: Any = IVGMM(protein, C, target, Z, **more).fit()
        theirs = fitted.j_stat
        assert table.columns["statistic"][at[0]] == pytest.approx(theirs.stat, rel=1e-8)
        assert table.columns["p_value"][at[0]] == pytest.approx(theirs.pval, rel=1e-8)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("estimator", ["2sls", "liml"])
def test_instruments_of_each_protein_go_by_blocks_as_one_by_one(estimator: str, n: int) -> None:
    problem, block = give_own(*draw(8, n, role="outcome", own=True))
    block = block.take(range(5))
    family = Iv(options_of(estimator, by_protein=True))
    together = fit(family, problem, block)
    assert np.all(together.status == Status.ok)
    assert "missing genotypes were given the mean" in together.messages[0, 0]
    assert_same(together, fit(OneByOneIv(family.options), problem, block), 1e-10)


def test_own_instruments_have_the_numbers_of_common_ones() -> None:
    problem, block = draw(9, 300, role="outcome")
    assert problem.instruments is not None
    common = fit(Iv(options_of()), problem, block)
    own_problem, own_block = give_own(problem, block)
    same = tuple(
        replace(each, names=problem.instrument_names, values=problem.instruments.T.copy())
        for each in own_block.instruments
    )
    own = fit(Iv(options_of(by_protein=True)), own_problem, replace(own_block, instruments=same))
    assert_same(common, own, 1e-11)


@pytest.mark.parametrize("size", [1, 5])
@pytest.mark.parametrize("own", [False, True])
def test_other_proteins_of_a_block_change_nothing(size: int, *, own: bool) -> None:
    problem, block = draw(10, 400, role="outcome")
    if own:
        problem, block = give_own(problem, block)
    family = Iv(options_of(errors="HC1", by_protein=own))
    state = family.prepare(problem)
    whole = family.fit(state, block)
    for start in range(0, PROTEINS, size):
        part = range(start, min(start + size, PROTEINS))
        alone = family.fit(state, block.take(part))
        np.testing.assert_allclose(alone.estimate, whole.estimate[list(part)], rtol=1e-12)
        np.testing.assert_allclose(alone.se, whole.se[list(part)], rtol=1e-12)


@pytest.mark.parametrize("n", SIZES)
def test_a_fit_whose_rows_do_not_bear_it_out_goes_to_the_exact_path(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, block = draw(11, n)
    block = block.take(range(2))
    family = Iv(options_of())
    wanted = fit(OneByOneIv(family.options), problem, block)
    state = family.prepare(problem)
    chain = state.chains[0]
    # a basis that is not what its products say it is
    chain.basis.dense[n // 2 :, -1] *= 1.0 + 1e-6
    broken = IvState(state.problem, state.terms, state.chains, state.used, state.clusters)
    found = family.fit(broken, block)
    np.testing.assert_allclose(found.estimate, wanted.estimate, rtol=1e-11)
