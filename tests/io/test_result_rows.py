"""What a table of results states of its p values: numbers that p values are, or one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import proteomr
from proteomr.errors import ColumnError
from proteomr.io.result_rows import minus_log_p
from proteomr.plot.result_models import split_models

GENES = ["ADM", "ASGR1", "IL6", "TNF", "CRP", "GDF15", "LEP", "NPPB"]


def test_minus_logarithms_count_before_p_values_and_no_number_is_none() -> None:
    both = pl.DataFrame({"p_value": [0.0, 0.5], "neg_log10_p": [400.0, float("nan")]})
    assert minus_log_p(both, place="").to_list() == [400.0, None]  # type: ignore[union-attr]
    one = minus_log_p(pl.DataFrame({"p_value": [1, 0]}), place="")
    assert one is not None
    assert [str(value) for value in one] == ["0.0", "inf"]
    assert minus_log_p(pl.DataFrame({"p": [0.5]}), place="") is None


def enrich(table: pl.DataFrame, sets: Path) -> object:
    return proteomr.enrich(table, sets=[sets], rows=["estimate > 0"])


def plot(table: pl.DataFrame, _: Path) -> object:
    return split_models(table)


@pytest.mark.parametrize(
    "reader",
    [lambda table, _: proteomr.adjust(table), enrich, plot],
    ids=["adjust", "enrich", "plot"],
)
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("p_value", -0.2, "1 row has a value of 'p_value' that is not from 0 to 1"),
        ("p_value", 1.7, "1 row has a value of 'p_value' that is not from 0 to 1"),
        ("neg_log10_p", -3.0, "1 row has a value of 'neg_log10_p' that is below 0"),
        ("p_value", "<0.001", "column 'p_value' holds String, not numbers"),
    ],
)
def test_what_no_p_value_is_is_refused_by_all_that_read_tables(
    reader: Callable[[pl.DataFrame, Path], object],
    column: str,
    value: float | str,
    said: str,
    tmp_path: Path,
) -> None:
    values = [value, *([0.5] * 7 if isinstance(value, float) else ["0.5"] * 7)]
    table = pl.DataFrame({"protein": GENES, "estimate": 0.1, "se": 0.2, column: values})
    sets = tmp_path / "s.gmt"
    sets.write_text("A\tx\t" + "\t".join(GENES[:5]) + "\n")
    with pytest.raises(ColumnError, match=said):
        reader(table, sets)
