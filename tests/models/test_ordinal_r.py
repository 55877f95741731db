"""Ordinal fits against the R packages ordinal and MASS, by blocks and one by one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import logit, ndtri

from proteomr._typing import F64, I64
from proteomr.models import Adjustment, Block, Factor, FitBlock, FitOptions, Model, Problem, Target
from proteomr.models.ordinal import Ordinal, OrdinalState
from proteomr.models.ordinal_options import OrdinalOptions
from proteomr.stats.cumulative import fit_cumulative, lay_out_ends, start_from_shares

STORED = json.loads(Path(__file__).with_name("ordinal.json").read_text())
LABELS = tuple("abcdefghij")
Case = dict[str, Any]


def name(case: Case) -> str:
    kinds = [kind for kind in ("rare", "weighted", "interaction") if case[kind]]
    return "-".join([case["link"], str(case["n"]), str(case["J"]), *kinds])


stored = pytest.mark.parametrize("case", STORED["cases"], ids=name)


def part(n: int, of: float) -> F64:
    values = np.arange(1, n + 1) * np.sqrt(of)
    return np.asarray(values - np.floor(values))


def draw(case: Case) -> tuple[Problem, Block]:
    """Repeat the formulas of make_ordinal.R."""
    n, J = case["n"], case["J"]
    x, z1, z2, site = ndtri(part(n, 2)), ndtri(part(n, 3)), part(n, 5), np.floor(6 * part(n, 7))
    latent = case["effect"] * x + 0.5 * z1 - 0.4 * z2 + 0.1 * site + logit(part(n, 13))
    latent = latent + case["bent"] * x * (latent > 0.5)
    share = np.arange(1, J) / J
    if case["rare"]:
        share = np.sort([0.5, 0.51, *np.linspace(0, 1, J - 1)[1:-1]])[: J - 1]
    levels = np.searchsorted(2.0 * logit(share), latent, side="right")
    observed = (part(n, 11) < case["missing"])[None]
    levels = np.searchsorted(np.unique(levels[observed[0]]), levels)
    codes = site.astype(np.int64)
    dummies = [(codes == level).astype(float) for level in range(1, 6)]
    problem = Problem(
        covariates=np.column_stack([np.ones(n), z1, z2, *dummies]),
        names=("(Intercept)", "z1", "z2", *(f"site{i}" for i in range(1, 6))),
        factors=(Factor("site", codes, np.arange(3, 8)),),
        targets=(
            Target(
                "y",
                "outcome",
                "ordered",
                levels.astype(float),
                levels=LABELS[: levels.max() + 1],
            ),
        ),
        adjustments=(Adjustment("all", np.arange(8)),),
        models=(Model(0, 0),),
        interaction=z1[:, None] if case["interaction"] else None,
        weights=1.0 + np.floor(3 * part(n, 17)) if case["weighted"] else None,
    )
    return problem, Block((x * observed[0])[None], np.empty((1, 0, n)), observed)


def compare(found: FitBlock, case: Case) -> None:
    """Hold fits against the stored results; R leaves some 1e-11 of an error."""
    assert found.n[0].tolist() == [case["people"]] * found.n.shape[1]
    estimate, se = np.array(case["estimate"]), np.array(case["se"])
    assert np.max(np.abs(found.estimate[0] - estimate) / se) < 1e-8
    np.testing.assert_allclose(found.se[0], se, rtol=2e-8)
    lr = found.joint["lr"]
    assert lr.statistic[0, 0] == pytest.approx(case["lr"], rel=1e-8, abs=1e-9)
    assert lr.df[0, 0] == len(estimate)
    if case["po"] is not None:
        test = found.joint["proportional_odds"]
        assert test.statistic[0, 0] == pytest.approx(case["po"], rel=1e-7, abs=1e-8)
        assert test.df[0, 0] == case["levels"] - 2


@stored
def test_a_fit_by_itself_has_the_numbers_of_clm(case: Case) -> None:
    problem, block = draw(case)
    family = Ordinal(FitOptions(ordinal=OrdinalOptions(case["link"])))
    compare(family.fit(OrdinalState(problem), block), case)


@pytest.mark.parametrize("case", [c for c in STORED["cases"] if c["n"] > 600], ids=name)
def test_a_block_has_the_numbers_of_clm(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ordinal, "_fit_by_itself", None)
    problem, block = draw(case)
    # The plain loops are slower, and the same for all sizes.
    compiled = case["n"] > 900 or case["weighted"]
    family = Ordinal(FitOptions(ordinal=OrdinalOptions(case["link"])), compiled=compiled)
    compare(family.fit(family.prepare(problem), block), case)


@stored
def test_polr_at_full_convergence_has_the_same_estimate(case: Case) -> None:
    if case["polr"] is not None:  # a quasi-Newton end, good to some nine digits of an error
        assert abs(case["polr"] - case["estimate"][0]) < 1e-7 * case["se"][0]


@pytest.mark.parametrize("case", [c for c in STORED["cases"] if not c["interaction"]], ids=name)
def test_thresholds_are_those_of_clm(case: Case) -> None:
    problem, block = draw(case)
    rows = block.observed[0]
    levels: I64 = problem.targets[0].values[rows].astype(np.int64)
    X = np.column_stack([problem.covariates[rows, 1:], block.values[0, rows]])
    counts = np.ones(levels.size) if problem.weights is None else problem.weights[rows]
    t = int(levels.max())
    start = start_from_shares(levels, t + X.shape[1], link=case["link"], counts=counts)
    fit = fit_cumulative(lay_out_ends(levels, X), start, link=case["link"], weights=counts)
    assert fit.converged
    np.testing.assert_allclose(fit.coefficients[:t], case["cuts"], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(fit.se[:t], case["cuts_se"], rtol=1e-8)
