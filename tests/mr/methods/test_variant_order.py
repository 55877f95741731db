"""No number of any method hangs on the order of rows, also where several answers are as good."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64, I64
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.method import Method
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS
from proteomr.mr.multivariable.base import MultivariableMethod
from proteomr.tables import Harmonised
from tests.mr.methods.battery import build_named

# Two camps of one weight, four of them, and mirror images; each variant stands several times.
X = np.tile([0.1, 0.2, 0.15, 0.25], 4)
CAMPS = {
    "two": np.repeat([0.5, -0.5], 8),
    "four": np.repeat([0.5, -0.5, 1.0, -1.0], 4),
    "mirror": np.tile([1.0, -1.0], 8),
}
FURTHER = (
    "egger(robust=true)",
    "egger(penalised=true)",
    "egger(robust=true,penalised=true)",
    "ivw(robust=true)",
    "ivw(penalised=true)",
    "ivw(robust=true,penalised=true)",
    "cml(search=global)",
    "cml(average=false)",
    "cml(perturbations=20)",
)
# CAUSE rests on the genome; GSMR says of itself that the later row of two linked variants leaves.
NAMES = (*(kind.key for kind in METHOD_CLASSES if kind.key not in ("cause", "gsmr")), *FURTHER)


def make(ratios: F64, x: F64 = X) -> Harmonised:
    m = x.size
    r = 0.3 ** np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
    return Harmonised(
        exposures=("x",),
        outcome="y",
        variants=pl.DataFrame({"variant_id": [f"rs{i}" for i in range(m)]}),
        beta_x=x[:, None],
        se_x=np.full((m, 1), 0.01),
        beta_y=x * ratios,
        se_y=np.full(m, 0.01),
        ld=r,
        n_x=np.array([20_000.0]),
        n_y=20_000.0,
    )


def orders(m: int) -> list[I64]:
    return [np.arange(m)[::-1], np.random.default_rng(1).permutation(m)]


def tell(found: Estimate, order: I64) -> tuple[object, ...]:
    """Return all that an estimate says, its variants by the numbers that they have unordered."""
    used = None if found.used is None else sorted(int(order[k]) for k in found.used)
    rows = []
    for part in found.further:
        cells = list(zip(*part.columns.values(), strict=True))
        places = [-1] * len(cells) if part.variants is None else [order[k] for k in part.variants]
        rows.append(sorted(map(repr, zip(places, cells, strict=True))))
    numbers = (found.estimate, found.se, found.neg_log10_p, found.conf_low, found.conf_high)
    return (*map(repr, numbers), found.status, found.message, repr(found.details), used, rows)


def run(method: Method, data: Harmonised) -> Estimate:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method.estimate(data, random=np.random.default_rng(7))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("camps", CAMPS)
def test_variants_in_another_order_give_the_same_digits(name: str, camps: str) -> None:
    data, method = make(CAMPS[camps]), build_named(name)
    base = tell(run(method, data), np.arange(data.m))
    for order in orders(data.m):
        assert tell(run(method, data.select(order)), order) == base


@pytest.mark.parametrize("kind", MULTIVARIABLE_METHODS, ids=lambda kind: kind.key)
def test_multivariable_analyses_in_another_order_give_the_same_digits(
    kind: type[MultivariableMethod],
) -> None:
    one = make(CAMPS["two"])
    second = np.resize([0.2, 0.1, -0.1], X.size)
    data = Harmonised(
        exposures=("x", "z"),
        outcome="y",
        variants=one.variants,
        beta_x=np.column_stack([X, second]),
        se_x=np.full((X.size, 2), 0.01),
        beta_y=one.beta_y,
        se_y=one.se_y,
        n_x=np.array([20_000.0, 20_000.0]),
        n_y=20_000.0,
    )
    base = [
        tell(found, np.arange(data.m))
        for found in kind().estimate(data, random=np.random.default_rng(7))
    ]
    order = np.random.default_rng(1).permutation(data.m)
    again = kind().estimate(data.select(order), random=np.random.default_rng(7))
    assert [tell(found, order) for found in again] == base
