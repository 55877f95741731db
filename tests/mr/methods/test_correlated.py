"""What holds for every method of correlated variants: alleles, orders, gaps, singular matrices."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.mr.choice import build_methods
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.component_gmm import ComponentGmm
from proteomr.mr.methods.method import Method
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.examples import run
from tests.mr.methods.loci import decay, draw_locus, turn
from tests.mr.reference import read_expected, read_set

KINDS = [kind for kind in METHOD_CLASSES if kind.needs_correlations]
LOOSE = {"gsmr": "gsmr(instruments_p=1,fewest_variants=3,ld_r2=0.9)"}
each = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.key)


def build(kind: type[Method]) -> Method:
    return build_methods([LOOSE.get(kind.key, kind.key)])[0]


def draw(seed: int, m: int = 14) -> Harmonised:
    random = np.random.default_rng(seed)
    return draw_locus(random, decay(m, 0.6), strength=0.05)


def numbers(method: Method, data: Harmonised) -> list[float]:
    found = run(method, data)
    assert found.status == Status.ok, found.message
    return [found.estimate, found.se, found.conf_low, found.conf_high, found.neg_log10_p]


@each
def test_counting_the_other_allele_with_its_correlations_changes_nothing(
    kind: type[Method],
) -> None:
    data = draw(1)
    sign = np.where(np.arange(data.m) % 4 < 2, -1.0, 1.0)
    base, other = (numbers(build(kind), one) for one in (data, turn(data, sign)))
    assert other == pytest.approx(base, rel=1e-7, nan_ok=True)


@each
def test_the_order_of_the_variants_does_not_matter(kind: type[Method]) -> None:
    data = draw(2)
    order = np.random.default_rng(3).permutation(data.m)
    base, other = (numbers(build(kind), one) for one in (data, data.select(order)))
    assert other == pytest.approx(base, rel=1e-7, nan_ok=True)


@each
def test_correlations_of_the_wrong_sign_change_the_answer(kind: type[Method]) -> None:
    data = draw(4)
    assert data.ld is not None
    wrong = replace(data, ld=np.abs(data.ld))
    assert numbers(build(kind), wrong) != pytest.approx(numbers(build(kind), data), rel=1e-3)


@each
def test_variants_without_correlations_leave_and_are_counted(kind: type[Method]) -> None:
    data = draw(5)
    assert data.ld is not None
    ld = data.ld.copy()
    ld[[2, 7]] = ld[:, [2, 7]] = np.nan
    reasons: list[str | None] = [None] * data.m
    reasons[2], reasons[7] = "absent_from_panel", "alleles_differ_from_panel"
    named = data.variants.with_columns(pl.Series("ld_reason", reasons, dtype=pl.String))
    gone = replace(data, ld=ld, variants=named)
    kept = np.setdiff1d(np.arange(data.m), [2, 7])
    found, expected = run(build(kind), gone), run(build(kind), data.select(kept))
    assert (found.estimate, found.se, found.nsnp) == pytest.approx(
        (expected.estimate, expected.se, expected.nsnp), nan_ok=True
    )
    assert found.used is not None
    assert not {2, 7} & set(found.used)
    assert "2 of 14 variants are not in the LD, 1 absent_from_panel, 1 alleles_differ" in str(
        found.message
    )


@each
def test_without_any_correlations_there_is_a_status(kind: type[Method]) -> None:
    data = draw(6)
    none = build(kind).estimate(replace(data, ld=None), random=np.random.default_rng())
    empty = build(kind).estimate(
        replace(data, ld=np.full((14, 14), np.nan)), random=np.random.default_rng()
    )
    assert none.status == empty.status == Status.needs_correlations
    assert "add --ld" in str(none.message)
    assert "none of 14 variants" in str(empty.message)


@pytest.mark.parametrize("key", ["ivw_correlated", "egger_correlated", "maxlik_correlated", "clr"])
def test_singular_correlations_are_refused_with_the_closest_pair(key: str) -> None:
    data = draw(7)
    assert data.ld is not None
    twice = np.append(np.arange(data.m), 3)
    method = build_methods([key])[0]
    found = run(method, data.select(twice))
    assert found.status == Status.not_identified
    assert "singular" in str(found.message)
    assert "rs3 and rs3, r = 1" in str(found.message)
    bent = data.ld.copy()
    bent[0, 1] = bent[1, 0] = -0.99 * np.sign(bent[0, 1])
    odd = run(method, replace(data, ld=bent))
    assert odd.status == Status.not_identified
    assert "no correlations: their smallest eigenvalue is -" in str(odd.message)


def test_without_linkage_they_are_those_of_independent_variants() -> None:
    data = replace(draw(8), ld=np.eye(14))
    for name in ("ivw", "egger", "maxlik"):
        one = numbers(build_methods([name])[0], data)
        other = numbers(build_methods([f"{name}_correlated"])[0], data)
        assert other == pytest.approx(one, rel=1e-9)


def test_a_signal_counted_twice_tells_no_more() -> None:
    data = draw(9, m=5)
    assert data.ld is not None
    twice = data.select(np.repeat(np.arange(5), 2))
    ld = np.repeat(np.repeat(data.ld, 2, axis=0), 2, axis=1)
    ld = 0.9999 * ld + 0.0001 * np.eye(10)
    both = replace(twice, ld=ld)
    method = build_methods(["ivw_correlated(model=fixed)"])[0]
    single, double = run(method, data), run(method, both)
    assert double.estimate == pytest.approx(single.estimate, rel=1e-2)
    assert double.se == pytest.approx(single.se, rel=2e-2)


def test_components_at_each_threshold_are_those_of_the_package(reference: Path) -> None:
    """`MendelianRandomization::mr_pcgmm` 0.10.0; its simplex ends at 1e-8."""
    data = read_set(reference, "mrb_calcium_fg")
    ld = pl.read_csv(reference / "mr" / "data" / "mrb_calcium_fg_rho.csv").to_numpy()
    data = replace(data, ld=ld, n_x=np.array([6351.0]), n_y=133010.0)
    entries = [e for e in read_expected(reference, "mrb_calcium_fg_ld") if "pcgmm" in e["method"]]
    for entry in entries:
        result, asked = entry["result"], entry["args"]
        method = ComponentGmm(
            robust=asked.get("robust", True),
            variance=asked.get("thres", 0.99),
            components=None if "thres" in asked else result["PCs"],
        )
        found = run(method, data)
        assert found.details["components"] == result["PCs"]
        assert found.details["f"] == pytest.approx(result["Fstat"], rel=1e-12)
        assert [found.estimate, found.se] == pytest.approx([result["b"], result["se"]], rel=1e-8)
    assert [entry["result"]["PCs"] for entry in entries] == [4, 5, 2, 4, 5, 2, 3]
