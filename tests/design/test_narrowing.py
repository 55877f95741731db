"""Designs cut from one that is built once are those of their own rows, bit for bit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.design import build, is_row_by_row, narrow, parse

N = 200


def make_people() -> pl.DataFrame:
    g = np.random.default_rng(3)
    return pl.DataFrame(
        {
            "age": g.normal(56, 8, N),
            "bmi": g.normal(27, 4, N).astype(np.float32),
            "sex": g.choice(["F", "M"], N),
            "site": g.choice([3, 10, 2], N),
            "rare": ["x"] * (N - 2) + ["y", "y"],
            "one": ["same"] * N,
        }
    )


@pytest.mark.parametrize(
    "text", ["1", "age + sex", 'log(age) + bmi^2 + C(site, ref="10") + sex', "C(site) + age"]
)
def test_a_narrowed_design_is_what_its_rows_make(text: str) -> None:
    people, formula = make_people(), parse(text)
    rows = np.random.default_rng(1).permutation(N)[:90]
    narrowed = narrow(build(formula, people), rows)
    built = build(formula, people[rows])
    assert narrowed is not None
    assert narrowed.matrix.tobytes() == built.matrix.tobytes()
    assert narrowed.names == built.names
    assert [f.levels for f in narrowed.factors] == [f.levels for f in built.factors]
    for one, other in zip(narrowed.factors, built.factors, strict=True):
        np.testing.assert_array_equal(one.codes, other.codes)
        assert one.columns == other.columns


def test_rows_without_a_level_have_a_design_of_their_own() -> None:
    design = build(parse("age + rare"), make_people())
    assert narrow(design, np.arange(N - 2)) is None
    assert narrow(design, np.arange(5, N)) is not None


def test_a_design_that_leaves_something_out_is_not_narrowed() -> None:
    assert narrow(build(parse("age + one"), make_people()), np.arange(9)) is None


@pytest.mark.parametrize(
    "text", ["ns(age, 3)", "poly(age, 2)", "scale(age)", "age:sex", "bs(age, 4)"]
)
def test_what_looks_at_all_rows_is_not_made_row_by_row(text: str) -> None:
    assert not is_row_by_row(parse(text))
