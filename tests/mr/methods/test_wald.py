from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.wald import WaldRatio
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run

ONE = np.ones(1)


def test_wald_ratio_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_wald_ratio"):
        compare(tally, name, run(WaldRatio(), data), entry)
    assert (tally.entries, tally.refused) == (33, 32)
    tally.check(1e-12)


def test_every_single_variant_gives_its_own_ratio(reference: Path) -> None:
    compared = 0
    for _, data, entry in entries(reference, "TwoSampleMR", "mr_singlesnp"):
        result = entry["result"]
        expected = dict(
            zip(result["SNP"], zip(result["b"], result["se"], strict=True), strict=True)
        )
        for row in range(data.m):
            name = data.variants["variant_id"][row]
            if name not in expected or data.x[row] == 0:
                continue
            found = run(WaldRatio(), data.select(np.array([row])))
            np.testing.assert_allclose([found.estimate, found.se], expected[name], rtol=1e-12)
            compared += 1
    assert compared > 1000


def test_the_second_order_adds_the_noise_of_the_exposure() -> None:
    data = make(0.2 * ONE, 0.03 * ONE, -0.1 * ONE, 0.02 * ONE)
    found = run(WaldRatio(order="second"), data)
    assert found.se == pytest.approx(np.sqrt(0.02**2 / 0.2**2 + 0.1**2 * 0.03**2 / 0.2**4))


def test_flipping_both_effects_changes_nothing() -> None:
    first = run(WaldRatio(), make(0.2 * ONE, ONE, 0.1 * ONE, ONE))
    second = run(WaldRatio(), make(-0.2 * ONE, ONE, -0.1 * ONE, ONE))
    assert (first.estimate, first.se) == (second.estimate, second.se)


def test_no_effect_on_the_exposure_is_a_status() -> None:
    assert run(WaldRatio(), make(0 * ONE, ONE, ONE, ONE)).status.name == "zero_effect"
