"""The function of time of some rows is that laid out for these alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.stats.chunked import chunk_design
from proteomr.stats.cox_changes import CoxChanges, TimeScale, standardise_scores
from proteomr.stats.loops import load_loops
from proteomr.stats.proportional_hazards import ZPH_TRANSFORMS, transform_times
from proteomr.stats.risk_sets import lay_out_risk_sets
from proteomr.stats.row_models import Rows


@pytest.mark.parametrize("transform", ZPH_TRANSFORMS)
@pytest.mark.parametrize("truncated", [False, True])
def test_times_of_rows_observed_are_those_of_these_rows_alone(
    transform: Any, *, truncated: bool
) -> None:
    g = np.random.RandomState(9)
    n = 200
    entry = g.randint(0, 6, n).astype(np.float64)
    exits = entry + g.randint(1, 9, n)
    rows = np.column_stack([entry if truncated else np.full(n, -np.inf), exits, g.rand(n) < 0.5])
    strata, observed = g.randint(0, 3, n), g.rand(n) < 0.7
    whole = lay_out_risk_sets(rows, strata)
    found = TimeScale(rows, whole, transform).of_rows(observed.astype(np.float64))
    alone = whole.take(observed)
    counts = np.bincount(whole.high[whole.died & observed] - 1, minlength=whole.size)
    wanted = transform_times(rows[observed], alone, transform)
    np.testing.assert_allclose(found[counts > 0], wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("transform", ZPH_TRANSFORMS)
def test_people_in_no_risk_set_of_a_limit_count_in_ranks_and_survival(transform: Any) -> None:
    g = np.random.RandomState(4)
    n = 150
    rows = np.column_stack([np.full(n, -np.inf), g.randint(1, 30, n), g.rand(n) < 0.5])
    apart = g.rand(n) < 0.3
    rows[apart, 2] = 0.0
    at = np.flatnonzero(~apart)
    everybody = lay_out_risk_sets(rows)
    scale = TimeScale(rows, everybody.take(at), transform, at)
    wanted = transform_times(rows, everybody, transform)
    np.testing.assert_allclose(scale.of_rows(np.ones(n)), wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1, 3])
def test_a_statistic_is_given_while_its_information_has_digits(size: int) -> None:
    # The second of several columns is settled by its eigenvalues, of which two are small.
    g = np.random.RandomState(size)
    Q, columns = np.linalg.qr(g.randn(size, size))[0], np.arange(size)
    spectra = np.ones((4, size))
    spectra[:, -2:] = np.array([0.5, 1.5e-10, 0.5e-10, np.nan])[:, None]
    V = np.array([(Q * values) @ Q.T for values in spectra])
    u = g.randn(4, size)
    found = standardise_scores(u, V, np.ones((4, size)), columns)
    wanted = [np.sum((u[b] @ Q) ** 2 / spectra[b]) for b in range(2)]
    np.testing.assert_allclose(found[:2], wanted, rtol=1e-5)
    assert np.isnan(found[2:]).all()


@pytest.mark.parametrize("people", [4, 2_000])
def test_where_means_move_between_times_their_squares_are_summed_in_double(
    people: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # In risk sets of four the means are a good part of all information; in one of all, none of it.
    g, n = np.random.RandomState(people), 4_000
    exits = np.minimum(g.randint(0, 999, n), 300.0)
    rows = np.column_stack([np.full(n, -np.inf), exits, exits < 300.0])
    risk = lay_out_risk_sets(rows, g.permutation(n) // people)
    design = chunk_design(g.randn(n, 4), np.eye(3)[:, 1:], np.sort(g.randint(0, 3, n)))
    borders, hazards = g.randn(2, 1, n), np.exp(0.5 * g.randn(2, n))
    of_fits = Rows(borders, np.ones((2, n)), np.zeros((1, n)))
    terms, turn = [np.arange(3), np.arange(3, 7)], np.eye(7)[None]
    scale, precisions, found = TimeScale(rows, risk, "km"), list[bool](), []
    sum_changes = CoxChanges._sum

    def watch(self: CoxChanges, *given: Any, single: bool) -> Any:
        precisions.append(single)
        return sum_changes(self, *given, single=single)

    monkeypatch.setattr(CoxChanges, "_sum", watch)
    for compiled in (False, True):
        loops = load_loops("cox", compiled=compiled)
        changes = CoxChanges(design, risk, scale, loops, efron=True)
        observed = np.ones((2, n), dtype=bool)
        tests = changes.test(of_fits, hazards, observed=observed, terms=terms, turn=turn)
        found.append(tests.statistic)
    assert precisions == [True, True, *([False] if people == 4 else [])]
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)
