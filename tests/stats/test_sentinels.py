"""Codes for missing values are told from what is measured or counted."""

from __future__ import annotations

import numpy as np
import pytest

from proteomr.stats import sentinels
from proteomr.stats.sentinels import find_sentinels, seems_code

N = 3000


def _draw(name: str) -> np.ndarray:
    g = np.random.default_rng(7)
    drawn = {
        "age": g.integers(40, 70, N),
        "age of the old": g.integers(60, 100, N),
        "bmi": g.normal(27, 4.5, N).round(1),
        "bmi to four digits": g.normal(27, 4.5, N).round(4),
        "townsend": g.normal(-1.3, 3.1, N).round(2),
        "z-score": g.normal(size=N),
        "rounded z-score": g.normal(size=N).round(1),
        "clipped z-score": np.clip(g.normal(size=N), -2, 2),
        "counts": g.poisson(2, N),
        "counts with a tail": g.negative_binomial(0.3, 0.02, N),
        "days in hospital": np.floor(g.pareto(1.1, N) * 3),
        "score from 0 to 27": g.binomial(27, 0.1, N),
        "classes": g.integers(1, 6, N),
        "classes about zero": g.integers(-2, 3, N),
        "three classes": g.integers(-1, 2, N),
        "contrast": g.choice([-1, 1], N),
        "yes or no": g.integers(0, 2, N),
        "centre": g.choice([11001, 11002, 11003, 11004, *range(11005, 11024), 10003], N),
        "few centres": g.choice([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], N),
        "site": g.choice([101, 102, 205, 999], N),
        "year": g.integers(1934, 1971, N),
        "pack-years": np.where(g.random(N) < 0.6, 0, g.gamma(2, 12, N).round(1)),
        "activity": np.where(g.random(N) < 0.2, 0, g.gamma(1.5, 1500, N).round()),
        "income": g.integers(0, 9, N) * 5000,
        "limit of detection": np.maximum(g.normal(size=N), -0.5),
        "warmth": g.normal(9, 6, N).round(),
        "change": g.poisson(3, N) - 2,
        "npx": g.normal(3, 0.8, N).round(4),
        "rfu": np.exp(g.normal(7, 0.6, N)).round(1),
        "empty": np.full(N, np.nan),
        "constant": np.ones(N),
    }
    return drawn[name].astype(np.float64)


NORMAL = (
    "age", "age of the old", "bmi", "bmi to four digits", "townsend", "z-score",
    "rounded z-score", "clipped z-score", "counts", "counts with a tail", "days in hospital",
    "score from 0 to 27", "classes", "classes about zero", "three classes", "contrast",
    "yes or no", "centre", "few centres", "year", "pack-years", "activity", "income",
    "limit of detection", "warmth", "change", "npx", "rfu", "empty", "constant",
)  # fmt: skip


@pytest.mark.parametrize("name", NORMAL)
def test_what_is_measured_or_counted_is_no_code(name: str) -> None:
    assert find_sentinels(_draw(name)) == []


CODED = [
    ("age", -9), ("age", -99), ("age", -1), ("age", -3), ("age", 999), ("age", 0), ("age", 99),
    ("bmi", -9), ("bmi", -1), ("bmi", 999), ("bmi", 99.9), ("bmi", 0), ("bmi", 9999),
    ("bmi to four digits", -9), ("z-score", -9), ("z-score", -99), ("z-score", 99),
    ("townsend", -999), ("townsend", 999), ("counts", -1), ("counts", -3), ("counts", 99),
    ("yes or no", -9), ("yes or no", -3), ("yes or no", 9), ("classes", -1), ("classes", 99),
    ("year", 9999), ("year", -1), ("npx", -9), ("npx", -999), ("rfu", -1), ("rfu", 1e30),
    ("npx", 12345678), ("activity", -3), ("pack-years", -1), ("income", -1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "code"), CODED)
@pytest.mark.parametrize("share", [0.02, 0.25])
def test_a_code_that_many_have_is_found_with_its_count(
    name: str, code: float, share: float
) -> None:
    values = _draw(name)
    n = int(share * N)
    values[:n] = code
    assert find_sentinels(values) == [(code, n)]


def test_several_codes_are_found_together() -> None:
    values = _draw("counts")
    values[:30], values[30:70], values[70:80] = -1, -3, -10
    assert find_sentinels(values) == [(-10, 10), (-3, 40), (-1, 30)]


def test_a_single_outlier_is_no_code() -> None:
    values = _draw("bmi")
    values[0] = 999
    assert find_sentinels(values) == []


def test_usual_codes_are_known_and_others_not() -> None:
    assert all(map(seems_code, (-1, -3, -7, -9, -99, -999, 9, 99, 888, 999.9)))
    assert not any(map(seems_code, (0, 1, 2, 12, -0.5, -12, 90, 9.5)))


def test_columns_that_are_not_sorted_hold_no_codes(monkeypatch: pytest.MonkeyPatch) -> None:
    g = np.random.default_rng(8)
    codes = np.array([-9.0, -3.0, -1.0, -2.5, 0.0, 99.0, 999.0, 1e6])
    columns = [
        np.concatenate(
            [
                np.round(g.normal(4.0, 3.0, g.integers(0, 40)), 1),
                np.repeat(g.choice(codes, 2), g.integers(0, 4, 2)),
            ]
        )
        for _ in range(400)
    ]
    found = [find_sentinels(column) for column in columns]
    monkeypatch.setattr(sentinels, "_may_hold_codes", lambda _: True)
    assert found == [find_sentinels(column) for column in columns]
    assert 20 < sum(map(bool, found)) < 380
