"""Small studies of several exposures and outcomes, as frames and as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

__all__ = ["make_studies", "write_studies"]


def make_studies(*, exposures: int, outcomes: int, m: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return exposures of m variants each, two of them shared with the next, and outcomes."""
    rng = np.random.default_rng(8)
    count = m * exposures
    variants = pl.DataFrame(
        {
            "variant_id": [f"rs{i}" for i in range(count)],
            "chromosome": [str(1 + i % 22) for i in range(count)],
            "position_bp": [1_000_000 + 20_000_000 * (i // 22 % 9) + i for i in range(count)],
            "effect_allele": ["A"] * count,
            "other_allele": ["G" if i % 7 else "T" for i in range(count)],
            "eaf": rng.uniform(0.1, 0.9, count),
            "se": [0.01] * count,
        }
    )
    effects = rng.uniform(0.07, 0.2, count)
    x = []
    for e in range(exposures):
        rows = slice(e * m, min((e + 1) * m + 2, count))
        own = pl.Series(effects[rows])
        x.append(variants[rows].with_columns(beta=own, n=5e4, trait=pl.lit(f"X{e}")))
    y = []
    for o in range(outcomes):
        kept = np.sort(rng.permutation(count)[: count - 1])
        beta = 0.3 * o * effects[kept] + rng.normal(0, 0.01, kept.size)
        named = pl.lit(f"P{o}")
        y.append(variants[kept].with_columns(beta=pl.Series(beta), n=3e4, trait=named))
    return pl.concat(x), pl.concat(y)


def write_studies(folder: Path, *, exposures: int, outcomes: int, m: int) -> tuple[Path, Path]:
    """Write such studies as text, and return their paths."""
    paths = folder / "x.tsv", folder / "y.tsv"
    frames = make_studies(exposures=exposures, outcomes=outcomes, m=m)
    for path, frame in zip(paths, frames, strict=True):
        frame.write_csv(path, separator="\t")
    return paths
