"""People whose proteins say something of several outcomes."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr.runs import Results
from proteomr.score import ScoreOptions

N, P = 240, 12
FEW = ScoreOptions(folds=3, inner_folds=3)


def options(outcome: str, **more: object) -> ScoreOptions:
    horizons = (4.0,) if outcome == "death" else ()
    return ScoreOptions(folds=3, inner_folds=3, horizons=horizons, **more)  # type: ignore[arg-type]


def mean_of(found: Results, metric: str, model: str = "score") -> float:
    table = found.table().filter(
        (pl.col("fold") == "mean") & (pl.col("metric") == metric) & (pl.col("model") == model)
    )
    return float(table["value"][0])


def make(seed: int = 1, *, n: int = N, missing: float = 0.05) -> tuple[pl.DataFrame, pl.DataFrame]:
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, P)) + 0.5 * random.normal(size=(n, 1))
    eta = X[:, 0] - 0.7 * X[:, 3]
    time = random.exponential(size=n) * 15.0 / np.exp(eta)
    free = random.uniform(4.0, 12.0, n)
    age = random.normal(60.0, 8.0, n)
    ids = [f"{i:04d}" for i in range(n)]
    samples = pl.DataFrame(
        {
            "ID": ids,
            "age": age + 4.0 * X[:, 5],
            "sex": random.choice(["F", "M"], n),
            "bmi": 27.0 + eta + random.normal(size=n),
            "diabetes": (random.uniform(size=n) < 1.0 / (1.0 + np.exp(0.5 - eta))).astype(int),
            "death": (time <= free).astype(int),
            "death_years": np.minimum(time, free),
            "begun": np.minimum(time, free) * random.uniform(0.0, 0.5, n),
        }
    )
    values = np.where(random.uniform(size=X.shape) < missing, np.nan, X)
    columns = {f"P{j}": values[:, j] for j in range(P)}
    return samples, pl.DataFrame({"ID": ids, **columns}).fill_nan(None)
