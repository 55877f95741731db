from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.io.sumstats.digits import half_units


def halves(*cells: str) -> F64:
    return half_units(pl.Series(cells), np.array([float(cell) for cell in cells]))


def test_fixed_decimals_are_as_coarse_as_their_last_place() -> None:
    assert halves("0.12", "-1.30", "12.05") == pytest.approx([0.005] * 3)


def test_digits_that_count_follow_the_size() -> None:
    assert halves("0.001234", "12.34") == pytest.approx([5e-7, 5e-3])


def test_zeros_dropped_at_the_end_were_printed_like_the_others() -> None:
    assert halves("0.2", "0.1234")[0] == pytest.approx(5e-5)


def test_exponents_are_digits_alone() -> None:
    assert halves("5e-8", "1e-300") == pytest.approx([5e-9, 5e-301])


def test_numbers_that_were_not_printed_are_exact() -> None:
    assert half_units(pl.Series([0.2, 1.0]), np.array([0.2, 1.0])) == pytest.approx([2e-8, 1e-7])


def test_a_column_without_a_number_has_no_digits() -> None:
    made = half_units(pl.Series(["NA", None]), np.array([np.nan, np.nan]))
    assert np.isfinite(made).all()
