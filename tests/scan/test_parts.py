"""Rows of further tables stand with the first coefficient of their model, in the order given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.models import Details
from proteomr.scan.parts import _list_details

LEADING = [True, False, True]  # two models, the first of two coefficients


def draw(seed: int, *, rows: int, proteins: int) -> Details:
    g = np.random.default_rng(seed)
    protein, model = g.integers(0, proteins, rows), g.integers(0, 2, rows)
    columns: dict[str, Any] = {
        "group": [f"g{i}" for i in range(rows)],
        "variance": [float(v) if v > -1 else float("nan") for v in g.normal(size=rows)],
        "slope_variance": np.full(rows, np.nan),
        "correlation": g.uniform(-1, 1, rows),
        "residual": np.arange(rows),
        "reml": g.normal(size=rows),
        "singular": g.random(rows) < 0.5,
    }
    return Details(protein, model, columns)


@pytest.mark.parametrize(("seed", "rows"), [(1, 1), (2, 9), (3, 60)])
def test_rows_in_any_order_are_those_of_a_slow_loop(seed: int, rows: int) -> None:
    details = draw(seed, rows=rows, proteins=5)
    found = _list_details("variance_components", details, 5, LEADING).to_list()
    wanted: list[list[dict[str, object]] | None] = [None] * 15
    for i in range(rows):
        at = int(details.protein[i]) * 3 + (0, 2)[int(details.model[i])]
        row = {name: values[i] for name, values in details.columns.items()}
        own = wanted[at] = wanted[at] or []
        own.append({k: None if v != v else v for k, v in row.items()})  # noqa: PLR0124
    assert found == wanted


def test_no_rows_are_lists_of_none() -> None:
    for details in (None, Details.of_rows([])):
        found = _list_details("variance_components", details, 2, LEADING)
        assert found.to_list() == [None] * 6
    assert (
        found.dtype
        == _list_details("variance_components", draw(1, rows=4, proteins=2), 2, LEADING).dtype
    )
