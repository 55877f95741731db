from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.tables import ArrayProteins, Measurements

Make = Callable[..., Measurements]


@dataclass(frozen=True)
class Lab:
    """Values of 60 samples on two panels and four plates, and the measurements made of them."""

    values: F64
    measured: Measurements


def build(values: F64, **changed: Any) -> Measurements:
    """Build measurements: half of the assays on panel A, the rest on B; plates P0 to P3 in turn."""
    n, p = values.shape
    ids = [f"S{i:04d}" for i in range(n)]
    names = tuple(f"Q{j:03d}" for j in range(p))
    panels = ["A" if j < p // 2 else "B" for j in range(p)]
    parts: dict[str, Any] = {
        "platform": "olink",
        "samples": pl.DataFrame({"sample_id": ids}),
        "proteins": ArrayProteins(names, values),
        "assays": pl.DataFrame(
            {
                "protein": names,
                "gene": [f"G{j}" for j in range(p)],
                "panel": panels,
                "kind": ["protein"] * p,
                "unit": ["NPX"] * p,
            }
        ),
        "plates": pl.DataFrame(
            {
                "sample_id": ids,
                "panel": [None] * n,
                "plate": [f"P{i % 4}" for i in range(n)],
                "well": [None] * n,
                "batch": [f"B{i % 2}" for i in range(n)],
            },
            schema_overrides={"panel": pl.String, "well": pl.String},
        ),
    }
    return Measurements(**{**parts, **changed})


def draw(seed: int = 1, *, n: int = 60, p: int = 16, missing: float = 0.1) -> F64:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n, 2)) @ rng.normal(size=(2, p)) + rng.normal(size=(n, p))
    values[rng.random((n, p)) < missing] = np.nan
    return values


@pytest.fixture
def make() -> Make:
    return build


@pytest.fixture
def lab() -> Lab:
    values = draw()
    return Lab(values, build(values))


@pytest.fixture
def values() -> Callable[..., F64]:
    return draw
