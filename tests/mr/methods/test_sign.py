from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.mr.methods.sign import SignConcordance
from tests.mr.methods.comparison import Tally, compare, entries
from tests.mr.methods.examples import make, run


def test_sign_concordance_equals_twosamplemr_0_7_9(reference: Path) -> None:
    tally = Tally()
    for name, data, entry in entries(reference, "TwoSampleMR", "mr_sign"):
        compare(tally, name, run(SignConcordance(), data), entry)
    assert (tally.entries, tally.refused) == (33, 3)
    tally.check(1e-10)


def _signs(concordant: int, n: int) -> F64:
    return np.where(np.arange(n) < concordant, 1.0, -1.0)


def test_p_is_the_sum_of_binomial_probabilities() -> None:
    n = 11
    found = run(SignConcordance(), make(np.ones(n), np.ones(n), _signs(9, n), np.ones(n)))
    p = 2 * (1 + 11 + 55) / 2**11
    assert 10**-found.neg_log10_p == pytest.approx(p, rel=1e-12)
    assert found.estimate == pytest.approx(2 * 9 / 11 - 1)


def test_an_even_split_has_p_of_one() -> None:
    found = run(SignConcordance(), make(np.ones(8), np.ones(8), _signs(4, 8), np.ones(8)))
    assert found.neg_log10_p == 0.0


def test_p_does_not_underflow() -> None:
    n = 4000
    found = run(SignConcordance(), make(np.ones(n), np.ones(n), np.ones(n), np.ones(n)))
    assert found.neg_log10_p == pytest.approx(3999 * np.log10(2), rel=1e-12)


def test_zero_effects_are_left_out() -> None:
    y = _signs(6, 7)
    y[6] = 0.0
    found = run(SignConcordance(), make(np.ones(7), np.ones(7), y, np.ones(7)))
    assert (found.nsnp, found.estimate) == (6, 1.0)
    y[5] = 0.0
    found = run(SignConcordance(), make(np.ones(7), np.ones(7), y, np.ones(7)))
    assert found.status.name == "too_few"
