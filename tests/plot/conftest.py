from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl
import pytest

from proteomr.tables import Harmonised

MakePair = Callable[..., "Pair"]


@dataclass(frozen=True)
class Pair:
    """The variants of a pair and the tables that its figures are drawn from."""

    data: Harmonised
    estimates: pl.DataFrame
    singlesnp: pl.DataFrame
    leaveoneout: pl.DataFrame


def simulate(
    m: int, *, exposure: str = "loneliness", outcome: str = "ADM", prefix: str = "rs"
) -> Harmonised:
    rng = np.random.default_rng(m)
    x = rng.uniform(0.03, 0.2, m) * rng.choice([-1.0, 1.0], m)
    sy = rng.uniform(0.01, 0.03, m)
    y = 0.4 * x + rng.normal(0, sy)
    variants = pl.DataFrame(
        {
            "variant_id": [f"{prefix}{number}" for number in range(m)],
            "palindromic": np.arange(m) % 4 == 0,
            "outlier": np.arange(m) % 5 == 1,
        }
    )
    return Harmonised(
        exposures=(exposure,),
        outcome=outcome,
        variants=variants,
        beta_x=x[:, None],
        se_x=rng.uniform(0.008, 0.02, (m, 1)),
        beta_y=y,
        se_y=sy,
    )


def tabulate(data: Harmonised, rows: list[tuple[str, str, float, float]]) -> pl.DataFrame:
    """Return a table of rows of variant, method, estimate and standard error."""
    names = ["variant_id", "method", "estimate", "se"]
    return pl.DataFrame(rows, schema=names, orient="row").select(
        pl.lit(data.exposures[0]).alias("exposure"),
        pl.lit(data.outcome).alias("outcome"),
        *names,
        ((pl.col("estimate") / pl.col("se")) ** 2 / 4.6).alias("neg_log10_p"),
        (pl.col("estimate") - 1.96 * pl.col("se")).alias("conf_low"),
        (pl.col("estimate") + 1.96 * pl.col("se")).alias("conf_high"),
        pl.lit("ok").alias("status"),
    )


def make(data: Harmonised) -> Pair:
    w = (data.x / data.se_y) ** 2
    ratio = data.beta_y / data.x
    ivw, se = float(w @ ratio / w.sum()), float(1 / np.sqrt(w.sum()))
    methods = [("ivw", ivw, se), ("egger", 1.2 * ivw, 3 * se), ("weighted_median", ivw, 2 * se)]
    names = data.variants["variant_id"].to_list()
    single = [
        (name, "wald", float(r), float(s))
        for name, r, s in zip(names, ratio, data.se_y / np.abs(data.x), strict=True)
    ]
    left = w.sum() - w if data.m > 1 else np.full(1, np.nan)
    without = [
        (name, "ivw", float(e), float(s))
        for name, e, s in zip(names, (w @ ratio - w * ratio) / left, left**-0.5, strict=True)
    ]
    return Pair(
        data,
        tabulate(data, [("all", *method) for method in methods]),
        tabulate(data, single),
        tabulate(data, [*without, ("all", "ivw", ivw, se)]),
    )


@pytest.fixture
def make_pair() -> MakePair:
    def build(m: int = 6, **names: str) -> Pair:
        return make(simulate(m, **names))

    return build
