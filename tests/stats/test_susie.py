"""Sums of single effects against susieR, a plain loop, and what must not change them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.stats.susie import SusieFit, SusieOptions, fit_susie, fit_susie_sums, shrink_z

STORED = json.loads((Path(__file__).parent / "susie.json").read_text())


def _arrays(name: str) -> tuple[F64, F64, float]:
    locus = STORED["loci"][name]
    return np.array(locus["z"]), np.array(locus["r"]), float(locus["n"])


def _square(path: Path) -> F64:
    frame = pl.read_csv(path, infer_schema_length=None)
    if frame.height != frame.width:
        frame = pl.read_csv(path, has_header=False, infer_schema_length=None)
    return frame.to_numpy().astype(np.float64)


def _hold(fit: SusieFit, result: dict[str, Any], *, purity: list[float]) -> None:
    # An effect counts where its prior variance is above 1e-9. Where there is no signal the
    # likelihood of the last of many effects is flat there, and rounding says which of them count.
    v = np.atleast_1d(result.get("v", fit.v))
    undecided = int(((v > 1e-10) & (v < 1e-8)).sum())
    np.testing.assert_allclose(fit.pip, result["pip"], atol=1e-7 + undecided / fit.pip.size)
    np.testing.assert_allclose(fit.v, v, rtol=1e-5, atol=1e-8)
    assert fit.iterations == result["niter"]
    np.testing.assert_allclose(fit.sigma2, result.get("sigma2", 1.0), rtol=1e-7)
    np.testing.assert_allclose(fit.lbf, result["lbf"], atol=1e-5)
    theirs = [np.atleast_1d(members) - 1 for members in (result["sets"] or {}).values()]
    assert [one.members.tolist() for one in fit.sets] == [one.tolist() for one in theirs]
    if theirs:
        coverage = np.atleast_1d(result["coverage"])
        np.testing.assert_allclose([one.coverage for one in fit.sets], coverage, atol=1e-7)
        np.testing.assert_allclose([one.purity for one in fit.sets], purity, atol=1e-12)


@pytest.mark.parametrize("case", STORED["fits"], ids=lambda case: f"{case['locus']} {case['args']}")
def test_every_option_gives_what_susier_gives(case: dict[str, Any]) -> None:
    z, r, n = _arrays(case["locus"])
    weights = np.array(case["weights"]) if "weights" in case else None
    people = n if "n" not in case else None
    fit = fit_susie(
        z, r, n=people, prior_weights=weights, options=SusieOptions(**case["args"] or {})
    )
    result = case["result"]
    if result["converged"]:
        _hold(fit, result, purity=list(np.atleast_1d(result["purity"])))
        assert fit.elbo[-1] == pytest.approx(np.atleast_1d(result["elbo"])[-1], abs=1e-6)
        return
    np.testing.assert_allclose(fit.pip, result["pip"], atol=1e-7)
    assert (fit.problem, fit.sets) == ("iteration_limit", ())


@pytest.mark.parametrize("locus", ["coloc_D1", "coloc_D2", "coloc_D3"])
def test_loci_of_coloc_give_what_runsusie_gives(reference: Path, locus: str) -> None:
    data = reference / "mr" / "data"
    frame = pl.read_csv(data / f"{locus}.csv", infer_schema_length=None)
    entries = json.loads((reference / "mr" / "expected" / f"{locus}.json").read_text())
    result = next(entry["result"] for entry in entries if entry["method"] == "runsusie")
    z = (frame["beta"] / frame["varbeta"].sqrt()).to_numpy()
    fit = fit_susie(z, _square(data / f"{locus}_LD.csv.gz"), n=1000)
    renamed = {**result, "sets": result["cs"], "coverage": result["cs_coverage"]}
    _hold(fit, renamed, purity=list(np.atleast_1d(result["purity"]["min.abs.corr"])))


@pytest.mark.parametrize("refine", [False, True])
def test_sums_that_end_in_a_local_maximum_are_refined_as_susier_does(
    reference: Path, *, refine: bool
) -> None:
    data, n = reference / "mr" / "data", 50_000
    frame = pl.read_csv(data / "susie_convergence.csv", infer_schema_length=None)
    xtx = _square(data / "susie_convergence_XtX.csv")
    size = np.sqrt(np.diag(xtx))
    entries = json.loads((reference / "mr" / "expected" / "susie_convergence.json").read_text())
    result = next(e["result"] for e in entries if bool(e["args"].get("refine")) == refine)
    fit = fit_susie_sums(
        frame["Xty"].to_numpy() / size * np.sqrt(n - 1),
        xtx / size / size[:, None],
        weight=n - 1.0,
        yty=49_999.0,
        n=n,
        options=SusieOptions(estimate_residual_variance=True, check_prior=False, refine=refine),
    )
    renamed = {**result, "sets": result["cs"], "coverage": result["cs_coverage"]}
    _hold(fit, renamed, purity=list(np.atleast_1d(result["purity"]["min.abs.corr"])))
    assert fit.sigma2 == pytest.approx(result["sigma2"], rel=1e-8)


def _plain_susie(z: F64, r: F64, n: float, *, effects: int, v: float, rounds: int) -> F64:
    """Coordinate ascent as the paper writes it, with densities, and the prior variance held."""
    p = z.size
    xtx, xty = (n - 1) * r, np.sqrt(n - 1) * shrink_z(z, n)
    alpha, mu = np.full((effects, p), 1 / p), np.zeros((effects, p))
    for _ in range(rounds):
        for place in range(effects):
            others = sum(alpha[k] * mu[k] for k in range(effects) if k != place)
            left = xty - xtx @ others
            estimate, error = left / (n - 1), 1 / np.sqrt(n - 1)
            factor = norm.logpdf(estimate, scale=np.sqrt(v + error**2))
            factor -= norm.logpdf(estimate, scale=error)
            alpha[place] = np.exp(factor - factor.max()) / np.exp(factor - factor.max()).sum()
            mu[place] = left / (n - 1 + 1 / v)
    return np.asarray(1 - np.prod(1 - alpha, axis=0))


def test_a_plain_loop_over_the_papers_formulas_gives_the_same() -> None:
    z, r, n = _arrays("two")
    options = SusieOptions(effects=4, rule="none", prior_variance=0.1, tolerance=1e-300)
    fit = fit_susie(z, r, n=n, options=options)
    plain = _plain_susie(z, r, n, effects=4, v=0.1, rounds=fit.iterations)
    np.testing.assert_allclose(fit.pip, plain, atol=1e-10)


def test_turned_alleles_and_another_order_of_variants_change_nothing() -> None:
    z, r, n = _arrays("two")
    random = np.random.default_rng(3)
    order, sign = random.permutation(z.size), random.choice([-1.0, 1.0], z.size)
    turned = fit_susie((sign * z)[order], (r * sign * sign[:, None])[np.ix_(order, order)], n=n)
    np.testing.assert_allclose(turned.pip, fit_susie(z, r, n=n).pip[order], atol=1e-9)


def test_variance_of_the_trait_is_a_unit() -> None:
    z, r, n = _arrays("two")
    plain = fit_susie(z, r, n=n)
    scaled = fit_susie(z, r, n=n, options=SusieOptions(var_y=1e-6, check_prior=False))
    np.testing.assert_allclose(scaled.pip, plain.pip, atol=1e-6)
    np.testing.assert_allclose(scaled.v, 1e-6 * plain.v, rtol=1e-4, atol=1e-12)


def test_a_lone_variant_and_more_effects_than_variants_are_fits() -> None:
    fit = fit_susie(np.array([6.0]), np.ones((1, 1)), n=200)
    assert fit.converged
    assert fit.alpha.shape == (1, 1)
    assert fit.sets[0].members.tolist() == [0]


def test_correlations_of_other_people_show_in_the_objective_or_the_prior() -> None:
    z = np.array([30.0, -30.0, 29.0])
    r = np.full((3, 3), 0.999) + 0.001 * np.eye(3)
    fit = fit_susie(z, r)
    assert not fit.converged
    assert fit.sets == ()


def test_extreme_statistics_overflow_nothing() -> None:
    z = np.array([1e6, 0.0, 5e5])
    r = np.array([[1, 0, 0.5], [0, 1, 0], [0.5, 0, 1.0]])
    fit = fit_susie(z, r)
    assert fit.pip[0] == pytest.approx(1.0)
    assert np.isfinite(fit.elbo).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"effects": 0},
        {"coverage": 1.0},
        {"coverage": float("nan")},
        {"min_purity": 1.5},
        {"null_weight": 1.0},
        {"var_y": 0.0},
        {"prior_variance": float("inf")},
        {"tolerance": 0.0},
        {"most_rounds": 0},
    ],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="is needed"):
        SusieOptions(**wrong)


def test_statistics_that_are_none_or_do_not_fit_are_refused() -> None:
    with pytest.raises(InputError, match="do not fit"):
        fit_susie(np.zeros(2), np.eye(3))
    with pytest.raises(InputError, match="not finite"):
        fit_susie(np.array([np.nan]), np.eye(1))
    with pytest.raises(InputError, match="prior weights"):
        fit_susie(np.zeros(2), np.eye(2), prior_weights=np.zeros(2))
