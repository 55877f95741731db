"""Matrices equal those of R's model.matrix, stored here with the script that made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from proteomr.design import build, parse

_STORED = json.loads(Path(__file__).with_name("model_matrices.json").read_text(encoding="utf-8"))
_formulaic = pytest.importorskip("formulaic")
_FRAME = pl.DataFrame(_STORED["frame"])

FORMULAIC = [
    "age",
    "age + bmi + C(site)",
    "sex + batch",
    "age * sex",
    "sex * batch + age",
    "age * sex * batch",
    "sex:batch",
    "age:sex",
    "age + age:sex",
    "sex + sex:batch",
    "age:bmi + C(site):sex",
]


@pytest.mark.parametrize("case", _STORED["cases"], ids=lambda case: case["formula"])
def test_matrix_equals_r_column_by_column(case: dict[str, Any]) -> None:
    design = build(parse(case["formula"]), _FRAME)
    # R puts terms of fewer parts first, here they keep the order of the formula
    order = sorted(range(len(design.terms)), key=lambda position: design.terms[position].count(":"))
    expected = np.column_stack([np.array(column, dtype=float) for column in case["columns"]])
    assert design.matrix.shape == expected.shape
    np.testing.assert_allclose(design.matrix[:, order], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("text", FORMULAIC)
def test_column_space_equals_formulaic(text: str) -> None:
    ours = build(parse(text), _FRAME).matrix
    theirs = np.asarray(_formulaic.model_matrix(text, pd.DataFrame(_STORED["frame"])), dtype=float)
    rank = np.linalg.matrix_rank(theirs)
    assert np.linalg.matrix_rank(ours) == rank
    assert np.linalg.matrix_rank(np.column_stack([ours, theirs])) == rank
