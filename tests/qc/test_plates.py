from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from scipy.stats import f as f_distribution
from scipy.stats import f_oneway

from proteomr.qc import Policy, assess
from proteomr.qc.plates import neg_log10_p_f
from proteomr.tables import load_schema


@pytest.mark.parametrize(
    ("statistic", "between", "within"), [(0.0, 3, 10), (0.7, 1, 5), (4.0, 2, 30), (60.0, 7, 400)]
)
def test_tails_of_f_equal_scipy(statistic: float, between: int, within: int) -> None:
    expected = -f_distribution.logsf(statistic, between, within) / np.log(10)
    found = neg_log10_p_f(statistic, between=between, within=within)
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-15)


# -pf(F, a, b, lower.tail = FALSE, log.p = TRUE) / log(10) of R 4.2.2
@pytest.mark.parametrize(
    ("statistic", "between", "within", "r"),
    [
        (400, 7, 2000, 373.815352905883),
        (5000, 1, 50000, 1036.74406653724),
        (300, 599, 50000, 15883.8094067443),
        (1e06, 3, 500, 943.30386709744),
    ],
)
def test_tails_of_f_below_the_smallest_double_equal_r(
    statistic: float, between: int, within: int, r: float
) -> None:
    assert neg_log10_p_f(statistic, between=between, within=within) == pytest.approx(r, rel=1e-10)


def test_components_by_plate_equal_an_analysis_of_variance(lab: Any) -> None:
    found = assess(lab.measured, policy=Policy())
    rows = found.plates.filter(pl.col("panel") == "A", pl.col("factor") == "plate")
    scores = found.panels.filter(pl.col("panel") == "A")
    for component in (1, 2):
        row = rows.filter(pl.col("component") == component).row(0, named=True)
        groups = [
            scores[f"pc{component}"].to_numpy()[np.arange(60) % 4 == plate] for plate in range(4)
        ]
        expected = f_oneway(*groups)
        assert row["statistic"] == pytest.approx(expected.statistic, rel=1e-9)
        assert row["p_value"] == pytest.approx(expected.pvalue, rel=1e-9)
        assert (row["groups"], row["n"]) == (4, 60)


def test_a_planted_batch_is_the_first_component(make: Any, values: Any) -> None:
    x = values(21, missing=0.0)
    x[1::2] += 6.0
    table = assess(make(x), policy=Policy()).plates
    first = table.filter(pl.col("component") == 1, pl.col("factor") == "batch")
    assert sorted(first["panel"]) == ["A", "B", "all"]
    assert (first["r2"] > 0.8).all()
    assert (first["neg_log10_p"] > 15).all()


def test_without_plates_there_is_nothing_to_compare(make: Any, values: Any) -> None:
    measured = make(values(22), plates=load_schema("plates").empty())
    assert assess(measured, policy=Policy()).plates.height == 0
