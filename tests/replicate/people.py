"""People and proteins of the tests of replication, as frames, and who is in a half."""

from __future__ import annotations

import numpy as np
import polars as pl

__all__ = ["make_people", "make_proteins", "only"]


def make_people(n: int, *, seed: int = 0) -> pl.DataFrame:
    """Return people with two exposures, one of them missing for some, and covariates."""
    g = np.random.default_rng(seed)
    age = g.normal(56, 8, n)
    lonely = (g.random(n) < 0.15 + 0.005 * (age - 50)).astype(float)
    return pl.DataFrame(
        {
            "ID": [f"{i:06d}" for i in range(n)],
            "iso": (g.random(n) < 0.2).astype(float),
            "lo": np.where(g.random(n) < 0.05, np.nan, lonely),
            "age": np.where(g.random(n) < 0.02, np.nan, age),
            "sex": g.choice(["F", "M"], n),
            "site": g.choice(["a", "b", "c", "d"], n),
            "rare": np.where(np.arange(n) % (n // 3) == 0, "odd", "usual"),
            "weight": g.integers(1, 4, n).astype(float),
        },
        nan_to_null=True,
    )


def make_proteins(people: pl.DataFrame, proteins: int, *, seed: int = 1) -> pl.DataFrame:
    """Return proteins of which every second goes with an exposure, with values missing and tied."""
    g = np.random.default_rng(seed)
    n = people.height
    x = people["lo"].fill_null(0.0).to_numpy() + people["iso"].to_numpy()
    effects = np.where(np.arange(proteins) % 2, 0.0, g.normal(0, 0.4, proteins))
    values = g.normal(10, 1, (n, proteins)) + np.outer(x, effects)
    values[:, ::3] = values[:, ::3].round(1)
    values[g.random(values.shape) < 0.1] = np.nan
    names = [f"P{i:02d}" for i in range(proteins)]
    return pl.DataFrame(values, schema=names, nan_to_null=True).with_columns(people["ID"])


def only(people: pl.DataFrame, splits: pl.DataFrame, split: str, half: int) -> pl.DataFrame:
    """Return the people of a half."""
    return people.join(splits.filter(pl.col(split) == half).select("ID"), on="ID", how="semi")
