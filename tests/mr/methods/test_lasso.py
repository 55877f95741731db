from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr.mr.methods.lasso import Lasso
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run, simulate


def test_lasso_equals_mendelianrandomization_0_10_0(reference: Path) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "MendelianRandomization", "mr_lasso"):
        found, wanted = run(Lasso(), data), entry["result"]
        compare(tally, name, found, entry)
        assert len(found.used or ()) == wanted["Valid"], name
        assert found.details["penalty"] == pytest.approx(wanted["Lambda"], rel=1e-9)
        zero = np.flatnonzero(np.array(wanted["RegIntercept"]) == 0.0)
        assert list(found.used or ()) == zero.tolist(), name
    tally.check(1e-9)
    assert (tally.entries, tally.refused) == (27, 0)


def test_invalid_variants_are_left_out() -> None:
    random = np.random.default_rng(8)
    shift = np.where(np.arange(40) < 8, 0.3, 0.0)
    found = run(Lasso(), simulate(random, pleiotropy=shift))
    assert not set(range(8)) & set(found.used or ())
    assert found.estimate == pytest.approx(0.4, abs=0.03)


def test_what_cannot_be_fitted_is_a_status() -> None:
    one = np.ones(4)
    assert run(Lasso(), make(one[:2], *[one[:2]] * 3)).status.name == "too_few"
    assert run(Lasso(), make(0.0 * one, one, one, one)).status.name == "zero_effect"
    assert run(Lasso(), make(one, one, one, one)).status.name == "not_identified"
