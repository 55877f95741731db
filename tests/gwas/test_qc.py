from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64, Bool
from proteomr.gwas.policy import VariantPolicy
from proteomr.gwas.qc import examine
from proteomr.stats.distributions import z_from_neg_log10
from proteomr.tables import load_schema

ALLELES = ["A", "C", "G", "T", "AT", "TA", "D", "I", "R", "-", "ATT", "<DEL>", "a", "0", None]


def make(columns: dict[str, pl.Series]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    schema = load_schema("sumstats").empty().schema
    return pl.DataFrame(
        [
            columns[name].cast(kind).alias(name)
            if name in columns
            else pl.repeat(None, n, dtype=kind, eager=True).alias(name)
            for name, kind in schema.items()
        ]
    )


def test_alleles_are_examined_as_their_text_says() -> None:
    pairs = [(first, second) for first in ALLELES for second in ALLELES]
    found = examine(
        make(
            {
                "effect_allele": pl.Series([first for first, _ in pairs], dtype=pl.String),
                "other_allele": pl.Series([second for _, second in pairs], dtype=pl.String),
            }
        ),
        policy=VariantPolicy(),
    )
    for row, (first, second) in enumerate(pairs):
        told = first is not None and second is not None
        bases = told and set(f"{first}{second}") <= set("ACGT")
        expected = {
            "allele_missing": not told,
            "alleles_equal": told and first == second,
            "allele_code": told and not bases,
            "palindromic": f"{first}{second}" in {"AT", "TA", "CG", "GC"},
        }
        assert {name: bool(found[name][row]) for name in expected} == expected, (first, second)


def compare(beta: F64, se: F64, p: F64, tolerance: float) -> Bool:
    usable = np.isfinite(beta) & np.isfinite(se) & (se > 0) & np.isfinite(p)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.abs(np.where(usable, beta / se, math.nan))
    of_p = z_from_neg_log10(np.where(usable, p, math.nan))
    apart: Bool = np.abs(z - of_p) > tolerance * np.maximum(of_p, 1.0)
    return apart


@pytest.mark.parametrize("tolerance", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("nearness", [0.0, 1e-15, 1e-6, 1e-3, 0.1])
@pytest.mark.parametrize("largest", [1.0, 45.0, 400.0])
def test_p_disagrees_where_its_own_statistic_lies_beyond_the_tolerance(
    tolerance: float, nearness: float, largest: float
) -> None:
    rng = np.random.default_rng(4)
    p = np.append(rng.random(3000) * largest, [0.0, 40.0, np.nextafter(40.0, 41.0), -1.0])
    of_p = np.nan_to_num(z_from_neg_log10(p))
    side = rng.choice([-1.0, 1.0], p.size)
    z = of_p + side * tolerance * np.maximum(of_p, 1.0) * (1 + nearness * rng.normal(size=p.size))
    se = np.exp(rng.normal(size=p.size))
    beta = z * se
    for values in (beta, se):
        values[rng.integers(0, p.size, 8)] = rng.choice([0.0, -1.0, math.inf, math.nan], 8)
    columns = {"beta": pl.Series(beta), "se": pl.Series(se), "neg_log10_p": pl.Series(p)}
    found = examine(make(columns), policy=VariantPolicy(max_disagreement=tolerance))
    assert (found["p_disagrees"] == compare(beta, se, p, tolerance)).all()
