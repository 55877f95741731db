"""Ways in which traits share causal variants: each counted once, as by a loop over all."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.stats.causal_configurations import (
    Configuration,
    join_assignments,
    list_configurations,
    weigh_configurations,
)
from proteomr.stats.colocalisation import sum_evidence

PRIORS = (1e-4, 1e-6, 1e-7, 1e-8)


def weigh_one_by_one(logs: F64) -> dict[Configuration, float]:
    """Give every trait every variant or none, and add up by who shares with whom."""
    m, n = logs.shape
    found: dict[Configuration, float] = {}
    for variants in itertools.product(range(-1, n), repeat=m):
        groups: dict[int, tuple[int, ...]] = {}
        for trait, variant in enumerate(variants):
            if variant >= 0:
                groups[variant] = (*groups.get(variant, ()), trait)
        log = sum(np.log(PRIORS[len(group) - 1]) for group in groups.values())
        log += sum(logs[trait, variant] for trait, variant in enumerate(variants) if variant >= 0)
        key = tuple(sorted(groups.values()))
        found[key] = float(np.logaddexp(found.get(key, -np.inf), log))
    return found


@pytest.mark.parametrize(("m", "n"), [(1, 3), (2, 4), (3, 4), (4, 4), (4, 2)])
def test_every_configuration_is_what_a_loop_over_all_gives(m: int, n: int) -> None:
    logs = np.random.default_rng(10 * m + n).normal(0, 15, (m, n))
    wanted = weigh_one_by_one(logs)
    found = weigh_configurations(logs, priors=PRIORS[:m])
    for groups, log in zip(list_configurations(m), found, strict=True):
        assert log == pytest.approx(wanted.get(tuple(sorted(groups)), -np.inf), abs=1e-10)
    assert np.logaddexp.reduce(found) == pytest.approx(np.logaddexp.reduce(list(wanted.values())))


@pytest.mark.parametrize(("m", "count"), [(1, 2), (2, 5), (3, 15), (4, 52)])
def test_there_are_as_many_as_partitions_of_one_more(m: int, count: int) -> None:
    assert len(set(list_configurations(m))) == count


def test_two_traits_have_the_five_hypotheses_of_coloc() -> None:
    first, second = np.random.default_rng(2).normal(0, 30, (2, 50))
    sums = sum_evidence(first, second, starts=np.array([0, 50]))
    found = weigh_configurations(np.stack([first, second]), priors=(1e-4, 1e-5))
    one, two = np.log([1e-4, 1e-5])
    wanted = [0.0, one + sums.first[0], one + sums.second[0]]
    wanted += [2 * one + sums.distinct[0], two + sums.shared[0]]
    assert found == pytest.approx(wanted, rel=1e-13)


def test_an_odd_number_of_variants_is_joined_like_an_even_one() -> None:
    logs = np.random.default_rng(3).normal(0, 2, (5, 4))
    w = np.exp(logs)
    pairs = sum(
        w[i, 1] * w[j, 2] * np.prod([w[k, 0] for k in range(5) if k not in (i, j)])
        for i in range(5)
        for j in range(5)
        if i != j
    )
    both = sum(w[i, 3] * np.prod([w[k, 0] for k in range(5) if k != i]) for i in range(5))
    assert np.exp(join_assignments(logs)[3]) == pytest.approx(pairs + both)


def test_more_traits_than_can_be_counted_are_refused() -> None:
    with pytest.raises(UsageError, match="11 traits"):
        join_assignments(np.zeros((2, 2**11)))
