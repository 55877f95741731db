from __future__ import annotations

import copy
import datetime as dt
import math
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.design import INTERCEPT, Design, build, columns_of, parse, union
from proteomr.errors import ColumnError, FormulaError, InputError


def _frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame(columns)


_PEOPLE = _frame(
    age=[50.0, 61.0, 47.0, 55.0, 68.0, 59.0],
    bmi=[22.0, 31.5, 27.0, 24.0, 29.0, 26.0],
    sex=["M", "F", "F", "M", "F", "M"],
    site=[10, 2, 1, 2, 10, 1],
    smoker=[True, False, False, True, True, False],
)


def _column(design: Design, name: str) -> list[float]:
    values: list[float] = design.matrix[:, design.names.index(name)].tolist()
    return values


def test_one_alone_makes_the_intercept() -> None:
    design = build(parse("1"), _PEOPLE)
    assert design.names == design.terms == (INTERCEPT,)
    assert design.matrix.tolist() == [[1.0]] * 6


def test_matrix_is_contiguous_by_rows_with_the_intercept_first() -> None:
    design = build(parse("age + sex"), _PEOPLE)
    assert design.matrix.flags.c_contiguous
    assert design.matrix.dtype == np.float64
    assert (design.matrix[:, 0] == 1).all()


def test_columns_are_named_after_column_level_and_basis() -> None:
    design = build(parse("sex + C(site):age + poly(age, 2) + log(bmi)^2"), _PEOPLE)
    assert design.names == (
        INTERCEPT,
        "sex[M]",
        *("site[1]:age", "site[2]:age", "site[10]:age"),
        *("poly(age, 2)[1]", "poly(age, 2)[2]"),
        "log(bmi)^2",
    )
    assert design.terms == (
        INTERCEPT,
        "sex",
        *("C(site):age",) * 3,
        *("poly(age, 2)",) * 2,
        "log(bmi)^2",
    )


def test_text_and_booleans_are_factors_and_numbers_are_not() -> None:
    design = build(parse("sex + smoker + site"), _PEOPLE)
    assert design.names == (INTERCEPT, "sex[M]", "smoker[true]", "site")
    assert _column(design, "smoker[true]") == [1, 0, 0, 1, 1, 0]


def test_factor_block_points_at_its_indicators() -> None:
    design = build(parse("age + C(site) + sex"), _PEOPLE)
    site, sex = design.factors
    assert (site.name, site.levels, site.columns) == ("site", ("1", "2", "10"), (2, 3))
    assert (sex.name, sex.levels, sex.columns) == ("sex", ("F", "M"), (4,))
    assert site.codes.dtype == np.int64
    for level, column in enumerate(site.columns, start=1):
        assert (design.matrix[:, column] == (site.codes == level)).all()


def test_factor_in_an_interaction_only_is_no_block() -> None:
    assert build(parse("age:sex"), _PEOPLE).factors == ()


def test_reference_level_comes_first_and_the_others_keep_their_order() -> None:
    design = build(parse('C(site, ref="2")'), _PEOPLE)
    (site,) = design.factors
    assert site.levels == ("2", "1", "10")
    assert site.codes.tolist() == [2, 0, 1, 0, 2, 1]
    assert design.names == (INTERCEPT, "site[1]", "site[10]")


def test_unknown_reference_names_the_nearest_level() -> None:
    frame = _frame(smoking=["never", "current", "previous"])
    with pytest.raises(
        FormulaError, match=r"character 3: .*'smoking' has no level 'nevr' \(did you"
    ):
        build(parse('C(smoking, ref="nevr")'), frame)


@pytest.mark.parametrize(
    ("values", "levels"),
    [
        ([10, 9, 1], ("1", "9", "10")),
        ([2.0, 1.0, -1.0], ("-1", "1", "2")),
        ([1.5, 1.0, -0.0], ("0", "1", "1.5")),
        (["b", "a", "B"], ("B", "a", "b")),
        (["é", "z", "a"], ("a", "z", "é")),
        (["10", "9", "1"], ("1", "10", "9")),
        ([True, False, True], ("false", "true")),
    ],
    ids=str,
)
def test_levels_are_sorted_numbers_by_value_and_text_by_code_point(
    values: list[Any], levels: tuple[str, ...]
) -> None:
    (block,) = build(parse("C(x)"), _frame(x=values)).factors
    assert block.levels == levels


def test_enumeration_keeps_its_own_order_and_loses_unused_levels() -> None:
    dtype = pl.Enum(["never", "previous", "current", "unknown"])
    frame = pl.DataFrame({"x": pl.Series(["current", "never", "previous"], dtype=dtype)})
    (block,) = build(parse("x"), frame).factors
    assert block.levels == ("never", "previous", "current")
    assert block.codes.tolist() == [2, 0, 1]


def test_categories_do_not_depend_on_the_order_of_rows() -> None:
    column = pl.Series(["z", "b", "q", "b"], dtype=pl.Categorical)
    for frame in (pl.DataFrame({"x": column}), pl.DataFrame({"x": column.reverse()})):
        assert build(parse("x"), frame).factors[0].levels == ("b", "q", "z")


def test_factor_with_one_level_is_left_out_with_a_note() -> None:
    frame = _PEOPLE.with_columns(batch=pl.lit("b1"))
    design = build(parse("age + batch"), frame)
    assert design.names == (INTERCEPT, "age")
    assert design.notes == ("Factor 'batch' has one level in these rows: left out.",)
    assert columns_of(design, parse("batch + age")) == (0, 1)


def test_interaction_that_has_no_column_left_is_noted() -> None:
    frame = _PEOPLE.with_columns(batch=pl.lit("b1"))
    design = build(parse("age * batch"), frame)
    assert design.names == (INTERCEPT, "age")
    assert len(design.notes) == 2


def test_bare_text_and_its_c_are_one_factor() -> None:
    design = build(parse("sex + C(sex)"), _PEOPLE)
    assert design.names == (INTERCEPT, "sex[M]")
    assert len(design.factors) == 1


def test_two_codings_of_a_factor_have_names_of_their_own() -> None:
    design = build(parse('C(site) + C(site, ref="2")'), _PEOPLE)
    assert len(set(design.names)) == 5
    assert design.names[3:] == ('C(site, ref="2")[1]', 'C(site, ref="2")[10]')


def test_column_named_like_an_indicator_does_not_share_its_name() -> None:
    frame = _PEOPLE.with_columns(pl.lit(0.5).alias("sex[M]"), pl.lit(0.25).alias("(Intercept)"))
    design = build(parse("sex + 'sex[M]' + '(Intercept)'"), frame)
    assert design.names == (INTERCEPT, "sex[M]", "sex[M] (2)", "(Intercept) (2)")


@pytest.mark.parametrize(
    "name",
    [
        "BMI (kg/m2)",
        "Wert-α.1",
        "^.*$",
        "*",
        "a'b\"c`d",
        "{0.__class__}",
        "x.__class__",
        "größe",
        "1",
    ],
)
def test_column_of_any_name_is_taken_literally(name: str) -> None:
    frame = pl.DataFrame({name: [1.0, 2.0, 4.0], "other": [0.0, 0.0, 0.0]})
    text = '"' + name.replace('"', '""') + '"'
    design = build(parse(text), frame)
    assert design.names == (INTERCEPT, name)
    assert design.matrix[:, 1].tolist() == [1, 2, 4]


@pytest.mark.parametrize(
    ("formula", "columns", "message"),
    [
        ("x", {"x": [1.0, None, 2.0, math.nan]}, "'x' has 2 missing values in 4 rows"),
        ("x", {"x": ["a", None, "b"]}, "'x' has 1 missing values in 3 rows"),
        ("C(x)", {"x": [1, None, 2]}, "'x' has 1 missing values"),
        ("x", {"x": [None, None]}, "'x' has 2 missing values"),
        ("x", {"x": [1.0, math.inf, -math.inf]}, "'x' has 2 infinite values"),
        ("C(x)", {"x": [1.0, math.inf]}, "'x' has 1 infinite values"),
        ("log(x)", {"x": [1.0, 0.0, -2.0]}, r"'x': log\(\) of 2 values that are zero or negative"),
        ("log2(x)", {"x": [1, 0]}, r"'x': log2\(\) of 1 values"),
        ("log(x)", {"x": ["a", "b"]}, r"'x' holds String, and 'log\(x\)' needs numbers"),
        ("x^2", {"x": [True, False]}, r"'x' holds Boolean, and 'x\^2' needs numbers"),
        ("x^9", {"x": [1e300, 1.0]}, "'x': x\\^9 gives values too large"),
        ("scale(x)", {"x": [2.0, 2.0]}, "'x': scale.* two distinct values"),
        ("poly(x, 2)", {"x": [1.0, 2.0, 1.0]}, "'x': poly.* found 2"),
        ("ns(x, 4)", {"x": [1.0, 1.0, 1.0, 2.0]}, "'x': a spline .* found 2"),
        ("x", {"x": ["1", "2.5", " -3e4 "]}, r"'x' is text that holds numbers .*: .* C\(x\)"),
        ("x", {"x": ["a", "", "  "]}, "'x' has 2 missing values in 3 rows"),
        ("x", {"x": ["1.5", "2", "NA"]}, r"'x' is text that holds numbers \(2 of 3 distinct"),
        ("'my x'", {"my x": ["1.5", "2"]}, r'write C\("my x"\)'),
        ("x", {"x": ["1,5", "2,5"]}, "'x' is text that holds numbers"),
        ("x", {"x": [f"{age}y" for age in range(40, 50)]}, r"numbers with a unit \('y'\).*C\(x\)"),
        ("x", {"x": [f"{at}.5 %" for at in range(12)]}, r"numbers with a unit \('%'\)"),
        ("x", {"x": ["2009-01-31", "2010-12-01"]}, "'x' is text that holds dates"),
        ("x", {"x": ["31/01/2009", "1.12.2010"]}, "'x' is text that holds dates"),
        ("x", {"x": [dt.date(2009, 1, 31)]}, "'x' holds Date values: derive a number"),
        ("C(x)", {"x": [dt.date(2009, 1, 31)]}, "'x' holds Date values"),
        ("x", {"x": [[1.0], [2.0]]}, r"'x' holds List\(Float64\) values, numbers or text"),
        ("x", {"x": [f"person {i}" for i in range(2001)]}, "'x' has 2001 levels, at most 2000"),
    ],
)
def test_content_that_a_model_cannot_take_is_refused(
    formula: str, columns: dict[str, list[Any]], message: str
) -> None:
    with pytest.raises(ColumnError, match=message) as caught:
        build(parse(formula), pl.DataFrame(columns))
    assert "\n" not in str(caught.value)
    assert "person 1" not in str(caught.value)


def test_text_of_numbers_is_a_factor_under_c() -> None:
    (block,) = build(parse("C(x)"), _frame(x=["01", "02", "01"])).factors
    assert block.levels == ("01", "02")


def test_missing_values_in_other_columns_do_not_matter() -> None:
    frame = _PEOPLE.with_columns(other=pl.lit(None))
    assert build(parse("age"), frame).matrix.shape == (6, 2)


def test_table_without_rows_is_refused() -> None:
    with pytest.raises(InputError, match="no rows"):
        build(parse("age"), _PEOPLE.clear())


def test_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(FormulaError, match=r"no column 'smokng' \(did you mean 'smoker'"):
        build(parse("age + smokng"), _PEOPLE)


def test_interaction_with_too_many_columns_is_refused_before_it_is_made() -> None:
    frame = _frame(a=[f"a{i}" for i in range(500)], b=[f"b{i}" for i in range(500)])
    with pytest.raises(FormulaError, match="over 10000 columns"):
        build(parse("a:b"), frame)


def test_integers_decimals_and_floats_make_the_same_column() -> None:
    values = pl.Series("x", [1, 2, 5])
    expected = [[1.0, 1.0], [1.0, 2.0], [1.0, 5.0]]
    for dtype in (pl.Int8, pl.UInt64, pl.Float32, pl.Decimal(10, 2)):
        assert (
            build(parse("x"), pl.DataFrame({"x": values.cast(dtype)})).matrix.tolist() == expected
        )


def test_formula_of_a_union_finds_its_own_matrix_in_it() -> None:
    formulas = [
        parse("age + C(site)"),
        parse("age + C(site) + bmi * sex"),
        parse("bmi:sex"),
        parse("sex:C(site)"),
        parse("ns(age, 3):sex + sex"),
        parse("1"),
    ]
    design = build(union(formulas), _PEOPLE)
    for formula in formulas:
        alone = build(formula, _PEOPLE)
        columns = list(columns_of(design, formula))
        assert tuple(design.names[column] for column in columns) == alone.names
        np.testing.assert_array_equal(design.matrix[:, columns], alone.matrix)


def test_union_of_nested_formulas_has_the_smaller_one_in_front() -> None:
    small, large = parse("age + C(site)"), parse("sex + age + C(site) + bmi")
    design = build(union([small, large]), _PEOPLE)
    assert columns_of(design, small) == (0, 1, 2, 3)
    assert sorted(columns_of(design, large)) == list(range(6))


def test_union_holds_each_column_once() -> None:
    design = build(union([parse("age + sex + age:sex"), parse("age:sex")]), _PEOPLE)
    assert sorted(design.names) == sorted((INTERCEPT, "age", "sex[M]", "age:sex[M]", "age:sex[F]"))


def test_union_finds_ranges_and_labels_of_its_formulas() -> None:
    frame = _PEOPLE.with_columns(PC1=pl.col("age") ** 2, PC2=pl.col("bmi") ** 2)
    simple = parse("PC1..PC2 + sex")
    full = parse("simple + age", labels={"simple": simple})
    design = build(union([simple, full]), frame)
    assert columns_of(design, full) == (0, 1, 2, 3, 4)


def test_formula_outside_the_design_is_refused() -> None:
    design = build(parse("age + sex"), _PEOPLE)
    with pytest.raises(FormulaError, match="column 'bmi' is not in this design"):
        columns_of(design, parse("age + bmi"))
    with pytest.raises(FormulaError, match="term 'age:sex' is not in this design"):
        columns_of(design, parse("age + sex + age:sex"))


def test_design_survives_copying() -> None:
    design = copy.deepcopy(build(parse("age + sex"), _PEOPLE))
    assert columns_of(design, parse("sex")) == (0, 2)


_TEXT = "age * sex + C(site) + sex:C(site) + poly(bmi, 2) + ns(age, 3) + bs(bmi, 4) + scale(age^2)"


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_permuting_rows_permutes_the_matrix(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 40
    frame = _frame(
        age=rng.uniform(39, 71, n),
        bmi=rng.normal(27, 4, n),
        sex=rng.permutation(["F", "M"] * (n // 2)),
        site=rng.permutation([1, 2, 3, 10] * (n // 4)),
    )
    order = rng.permutation(n)
    formula = parse(_TEXT)
    design, permuted = build(formula, frame), build(formula, frame[order])
    assert permuted.names == design.names
    np.testing.assert_allclose(permuted.matrix, design.matrix[order], rtol=1e-9, atol=1e-11)
    for one, other in zip(design.factors, permuted.factors, strict=True):
        assert one.levels == other.levels
        assert (one.codes[order] == other.codes).all()


def test_text_with_a_number_among_its_words_is_a_factor() -> None:
    (block,) = build(parse("x"), _frame(x=["none", "1", "several", "none"])).factors
    assert block.levels == ("1", "none", "several")


@pytest.mark.parametrize(
    "levels",
    [
        ["0h", "24h", "48h"],
        [f"site{at}" for at in range(12)],
        [f"{at}{'ab'[at % 2]}" for at in range(12)],
    ],
)
def test_classes_with_numbers_in_them_are_factors(levels: list[str]) -> None:
    (block,) = build(parse("x"), _frame(x=levels * 3)).factors
    assert set(block.levels) == set(levels)
