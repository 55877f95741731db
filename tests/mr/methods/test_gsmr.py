"""GSMR and HEIDI as gsmr2 has them, and what they do to outliers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import UsageError
from proteomr.mr.choice import build_methods
from proteomr.mr.methods.gsmr import Gsmr, Heidi
from proteomr.stats.heterogeneous_ratios import keep_unlinked, silence_chance
from proteomr.status import Status
from proteomr.tables import Harmonised
from tests.mr.methods.examples import make, run, simulate
from tests.mr.reference import read_expected, read_set

PEERS: dict[tuple[bool, int], Heidi] = {(False, 0): "off", (True, 0): "v1", (True, 1): "v2"}


def test_gsmr_equals_gsmr2_1_1_1(reference: Path) -> None:
    data = read_set(reference, "gsmr_sub100")
    ld = pl.read_csv(reference / "mr" / "data" / "gsmr_sub100_ld.csv", infer_schema_length=None)
    data = replace(data, ld=ld.to_numpy().astype(np.float64))
    names = data.variants["variant_id"].to_list()
    seen = []
    for entry in read_expected(reference, "gsmr_sub100"):
        if entry["method"] != "gsmr":
            continue
        asked, wanted = entry["args"], entry["result"]
        heidi = PEERS[asked["heidi_outlier_flag"], asked["gsmr2_beta"]]
        found = run(Gsmr(heidi=heidi, ld_people=asked["n_ref"]), data)
        assert found.estimate == pytest.approx(wanted["b"], rel=1e-12)
        assert found.se == pytest.approx(wanted["se"], rel=1e-12)
        used = [names[place] for place in found.used or ()]
        left = sorted(wanted["pleio_snps"] or [])
        if heidi == "v2":  # the package's list of those used is of other variants
            table = found.further[0].columns
            p = [p for p, kept in zip(table["p_value"], table["kept"], strict=True) if kept]
            assert p == pytest.approx(wanted["multi_snp_het_pval"], rel=1e-6)
        else:
            assert used == [names[place - 1] for place in wanted["used_index"]]
        if heidi != "off":
            rows = found.further[0].columns
            gone = [n for n, kept in zip(rows["variant"], rows["kept"], strict=True) if not kept]
            assert sorted(map(str, gone)) == left
        assert found.details["weak"] == len(wanted["weak_snps"])
        assert found.details["linked"] == len(wanted["linkage_snps"])
        seen.append(heidi)
    assert seen == ["v1", "off", "v2"]


def outlying(seed: int = 3) -> Harmonised:
    shift = np.zeros(25)
    shift[[4, 9]] = 0.12, -0.1
    return simulate(np.random.default_rng(seed), variants=25, pleiotropy=shift)


@pytest.mark.parametrize("heidi", ["v1", "v2"])
def test_outliers_leave_and_the_estimate_with_them(heidi: Heidi) -> None:
    data = outlying()
    with_all, without = run(Gsmr(heidi="off"), data), run(Gsmr(heidi=heidi), data)
    assert not {4, 9} & set(without.used or ())
    assert abs(without.estimate - 0.4) < abs(with_all.estimate - 0.4)
    assert with_all.further == ()


def test_p_of_the_exposure_is_as_the_variants_tell_it() -> None:
    data = outlying()
    told = np.full(25, 1e-20)
    told[:3] = 1e-3
    told[3] = 0.0
    named = data.variants.with_columns(pval_exposure=pl.Series(told))
    found = run(Gsmr(heidi="off"), replace(data, variants=named))
    assert found.used == tuple(range(3, 25))
    assert found.details["weak"] == 3.0


def test_too_few_that_are_left_are_a_status_that_says_why() -> None:
    data = outlying()
    found = run(Gsmr(instruments_p=1e-200), data)
    assert found.status == Status.too_few
    assert "needs 10 variants, " in str(found.message)
    assert "of p for the exposure above 1e-200" in str(found.message)
    assert run(Gsmr(instruments_p=1.0), data.select(np.arange(9))).status == Status.too_few
    few = Gsmr(preset="shen2025")
    assert run(few, data.select(np.arange(3))).status == Status.ok


def test_the_people_behind_the_correlations_are_needed() -> None:
    data = replace(outlying(), ld=np.eye(25))
    found = run(Gsmr(), data)
    assert found.status == Status.needs_correlations
    assert "add --ld-n" in str(found.message)
    assert run(Gsmr(preset="shen2025"), data).status == Status.ok


def test_the_study_s_thresholds_are_one_word() -> None:
    preset = build_methods(["gsmr(preset=shen2025)"])[0]
    written = build_methods(["gsmr(heidi_p=0.05,ld_people=10000,fewest_variants=1)"])[0]
    drawn = [outlying(seed) for seed in range(6)]
    assert [repr(run(preset, one)) for one in drawn] == [repr(run(written, one)) for one in drawn]
    assert any(run(preset, one).used != run(Gsmr(), one).used for one in drawn)


def test_what_cannot_be_a_threshold_is_refused() -> None:
    with pytest.raises(UsageError, match="heidi_p"):
        build_methods(["gsmr(heidi_p=2)"])
    with pytest.raises(UsageError, match="fewest_variants"):
        build_methods(["gsmr(fewest_variants=0)"])


def test_correlations_of_chance_count_as_zero_by_their_false_discovery_rate() -> None:
    r = np.eye(4)
    r[0, 1] = r[1, 0] = 0.5
    r[2, 3] = r[3, 2] = 0.05
    quiet = silence_chance(r, people=500.0, rate=0.05)
    assert quiet[0, 1] == 0.5
    assert quiet[2, 3] == 0.0
    assert silence_chance(r, people=50_000.0, rate=0.05)[2, 3] == 0.05


def test_of_a_pair_in_linkage_the_one_with_more_partners_leaves() -> None:
    r = np.eye(5)
    for a, b in [(0, 1), (1, 2), (3, 4)]:
        r[a, b] = r[b, a] = 0.5
    assert keep_unlinked(r, r2=0.05).tolist() == [0, 2, 4]


def test_a_null_effect_is_rejected_as_often_as_it_should_be() -> None:
    random = np.random.default_rng(11)
    p = []
    for _ in range(200):
        x = random.uniform(0.1, 0.2, 12) * random.choice([-1.0, 1.0], 12)
        sy = random.uniform(0.01, 0.02, 12)
        p.append(run(Gsmr(), make(x, np.full(12, 0.005), random.normal(0.0, sy), sy)).neg_log10_p)
    assert 0.01 <= np.mean(np.array(p) > 1.30103) <= 0.11
