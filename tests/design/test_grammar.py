from __future__ import annotations

import copy

import pytest

from proteomr.design import Formula, Part, Step, Term, parse, parse_sets, union
from proteomr.errors import FormulaError

ACCEPTED = [
    ("age", "age"),
    ("1", "1"),
    ("1 + age", "age"),
    (" age+\tsex ", "age + sex"),
    ("age + age", "age"),
    ("a:b + b:a", "a:b"),
    ("a:a", "a"),
    ("a*b", "a + b + a:b"),
    ("a*b*c", "a + b + a:b + c + a:c + b:c + a:b:c"),
    ("a + b*c", "a + b + c + b:c"),
    ("a*b:c", "a + b:c + a:b:c"),
    ("(a + b):c", "a:c + b:c"),
    ("(a + b)*(c + d)", "a + b + c + d + a:c + a:d + b:c + b:d"),
    ("((a))", "a"),
    ("C(site)", "C(site)"),
    ('C(site, ref="2")', 'C(site, ref="2")'),
    ("C(site, ref='it''s')", 'C(site, ref="it\'s")'),
    ("C(site, ref=2)", 'C(site, ref="2")'),
    ("C(sex, ref=F)", 'C(sex, ref="F")'),
    ("C (site)", "C(site)"),
    ("C(`my site`)", 'C("my site")'),
    ("poly(age, 3)", "poly(age, 3)"),
    ("poly(age, degree=3)", "poly(age, 3)"),
    ("ns(age, df = 4)", "ns(age, 4)"),
    ("bs(age, 5)", "bs(age, 5)"),
    ("bs(age, degree=2, df=5)", "bs(age, 5, 2)"),
    ("bs(age, 5, 3)", "bs(age, 5)"),
    ("log(crp) + log2(bmi) + scale(age)", "log(crp) + log2(bmi) + scale(age)"),
    ("scale(log(bmi))", "scale(log(bmi))"),
    ("age^2", "age^2"),
    ("log(age^2)", "log(age^2)"),
    ("log(age)^2", "log(age)^2"),
    ("ns(log(age), 3)", "ns(log(age), 3)"),
    ("PC1..PC20", "PC1..PC20"),
    ("PC1 .. PC3", "PC1..PC3"),
    ('"PC 1".."PC 3"', '"PC 1".."PC 3"'),
    ("scale(PC1..PC3)", "scale(PC1..PC3)"),
    ('"BMI (kg/m2)"', '"BMI (kg/m2)"'),
    ("'Wert-α.1'", '"Wert-α.1"'),
    ("Wert.1", "Wert.1"),
    ("größe + 年齢 + _x", "größe + 年齢 + _x"),
    ("e\u0301ge", "e\u0301ge"),
    ("`age`", "age"),
    ("'it''s'", '"it\'s"'),
    ('"a""b"', "'a\"b'"),
    ("'1'", '"1"'),
    ("'__import__'", '"__import__"'),
    ("log", "log"),
    ("class + is", "class + is"),
]

REJECTED = [
    ("", "the formula is empty"),
    ("  ", "the formula is empty"),
    ("age +", "found the end where a name was needed"),
    ("+ age", "found '+' where a name was needed"),
    ("age sex", "found 'sex' where"),
    ("0 + age", "there is always an intercept"),
    ("age - 1", "there is always an intercept"),
    ("age -1", "there is always an intercept"),
    ("2", "there is always an intercept"),
    ("1:age", "the intercept cannot stand in a product"),
    ("protein ~ age", "only the right-hand side"),
    ("a/b", "write a + a:b"),
    ("a %in% b", "write a:b"),
    ("(1|site)", "'|' is not in the grammar"),
    ("a**2", "write x^2 for a power"),
    ("(a + b)^2", "a power applies to one column"),
    ("age^1", "from 2 to 9"),
    ("age^10", "from 2 to 9"),
    ("age^x", "from 2 to 9"),
    ("age^" + "9" * 5000, "more than 15 digits"),
    ("age^999999999", "from 2 to 9"),
    ("C(site)^2", "a power needs one numeric column"),
    ("ns(age, 3)^2", "a power needs one numeric column"),
    ("C(log(x))", "C() needs the name of a column"),
    ("C(C(x))", "C() needs the name of a column"),
    ("C(a + b)", "where ')' was needed"),
    ("C(site, levels=3)", 'C() takes ref="level" and nothing else'),
    ('C(site, "2")', 'C() takes ref="level" and nothing else'),
    ("C(site, ref=", "needs a level"),
    ("C(site,", 'C() takes ref="level" and nothing else'),
    ("C()", "where a name was needed"),
    ("log(C(x))", "log() needs one numeric column"),
    ("scale(ns(x, 3))", "scale() needs one numeric column"),
    ("poly(age)", "poly() needs its degree"),
    ("poly(age, 0)", "degree from 1 to 50"),
    ("poly(age, 2, 3)", "takes a column, degree, each once"),
    ("poly(age, 2, raw=TRUE)", "takes a column, degree, each once"),
    ("ns(age, 2.5)", "'.' is not in the grammar"),
    ("bs(age, 2)", "bs() of degree 3 needs df of 3 or more"),
    ("bs(age, df=3, df=4)", "each once"),
    ("I(age^2)", "write x^2 for a power"),
    ("factor(site)", "write C(x)"),
    ("lgo(age)", "did you mean"),
    ("sqrt(age)", "is not one of the functions"),
    ("age (years) + sex", "is written in back quotes"),
    ("PC20..PC1", "is empty"),
    ("PC1..PD5", "needs one prefix"),
    ("PC..PC5", "needs one prefix"),
    ("PC1..", "where a name was needed"),
    ("PC01..PC100", "padded to different widths"),
    ("PC1..PC999999999", "has more than 10000 columns"),
    ("3MC", "starts with a digit must be quoted"),
    (".x", "starts or ends with a dot must be quoted"),
    ("x.", "starts or ends with a dot must be quoted"),
    ("'open", "is not closed"),
    ('""', "an empty quotation is not a name"),
    ("'x'.y", "is not in the grammar"),
    ("'" + "x" * 501 + "'", "at most 500"),
    ("x" * 501, "at most 500"),
    ("x + " * 30_000 + "x", "at most 100000"),
    ("(" * 5000 + "x" + ")" * 5000, "nested more than 20 deep"),
    ("log(" * 5000 + "x" + ")" * 5000, "nested more than 20 deep"),
    ("x" + "^2" * 5000, "more than 20 transformations"),
    (":".join(f"x{i}" for i in range(5000)), "more than 10 parts"),
    ("*".join(f"(a{i} + b{i})" for i in range(12)), "more than 10"),
]

HOSTILE = [
    "__import__('os')",
    "__import__('os').system('true')",
    "x.__class__",
    "x.__class__.__bases__",
    "__builtins__",
    "os.system('true')",
    "().__class__",
    "'x'.upper()",
    "x[0]",
    "lambda: x",
    "lambda x: x",
    "[x for x in y]",
    "{x}",
    "{0.__class__}",
    "f'{x}'",
    "x; import os",
    "x = 1",
    "x := 1",
    "x if y else z",
    "x\ny",
    "x\r\n+ y",
    "x\0",
    "'x\0'",
    "'x\ny'",
    "'x\u202ey'",
    "'\ud800'",
    "x\u00a0y",
    "$(true)",
    "`true`()",
    "eval('1')",
    "open('made_by_a_formula', 'w')",
    "x @ y",
    "!x",
    "#x",
    "\\x",
]


@pytest.mark.parametrize(("text", "canonical"), ACCEPTED)
def test_text_in_the_grammar_reads_as_its_canonical_form(text: str, canonical: str) -> None:
    formula = parse(text)
    assert str(formula) == canonical
    assert parse(str(formula)) == formula


@pytest.mark.parametrize(("text", "message"), REJECTED)
def test_text_outside_the_grammar_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_refused(text: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_message_quotes_the_formula_and_the_character() -> None:
    with pytest.raises(FormulaError, match=r"^formula 'age \+ \$x', character 7: '\$' is not in"):
        parse("age + $x")


def test_message_about_a_long_formula_shows_the_place_only() -> None:
    text = " + ".join(f"x{i}" for i in range(500)) + " + $ + " + "y" * 300
    with pytest.raises(
        FormulaError, match=r"^formula \.\.\.'.*\$.*'\.\.\., character \d+: "
    ) as caught:
        parse(text)
    assert len(str(caught.value)) < 250


def test_parts_of_a_formula_are_plain_values() -> None:
    (term,) = parse("bs(log(crp), 5, 2)").terms
    assert term == Term((Part("crp", steps=(Step("log"), Step("bs", 5, 2))),))


def test_formula_survives_copying() -> None:
    formula = parse("age * C(site, ref='2') + PC1..PC3")
    assert copy.deepcopy(formula) == formula


def test_variables_are_the_columns_needed_once_each() -> None:
    formula = parse("age + log(age) + C(site):age + PC1..PC3")
    assert formula.variables == ("age", "site", "PC1", "PC2", "PC3")


def test_range_keeps_the_padding_of_its_numbers() -> None:
    assert parse("PC08..PC11").variables == ("PC08", "PC09", "PC10", "PC11")


def test_range_from_nought_is_not_padded() -> None:
    assert parse("x0..x10").variables == tuple(f"x{i}" for i in range(11))


def test_range_of_one_column_is_allowed() -> None:
    assert parse("PC5..PC5").variables == ("PC5",)


def test_resolve_writes_ranges_out_in_every_term() -> None:
    formula = parse("sex:PC1..PC2 + PC1..PC3").resolve(["sex", "PC1", "PC2", "PC3"])
    assert str(formula) == "sex:PC1 + sex:PC2 + PC1 + PC2 + PC3"


def test_resolve_refuses_an_explosion_of_ranges() -> None:
    formula = parse("(a1..a999):(b1..b999)")
    with pytest.raises(FormulaError, match="more than 10000 terms"):
        formula.resolve(["a1"])


def test_resolve_names_the_nearest_column_on_a_typing_error() -> None:
    with pytest.raises(FormulaError) as caught:
        parse("age + smokng").resolve(["age", "smoking", "bmi"])
    assert str(caught.value) == (
        "formula 'age + smokng', character 7: no column 'smokng' (did you mean 'smoking'?)"
    )


def test_resolve_names_the_column_that_a_range_lacks() -> None:
    with pytest.raises(FormulaError, match="character 7: no column 'PC2'"):
        parse("age + PC1..PC3").resolve(["age", "PC1", "PC3"])


def test_resolve_says_how_many_columns_were_searched_where_none_is_near() -> None:
    with pytest.raises(FormulaError, match="no column 'zzz' among the 2 of the table"):
        parse("zzz").resolve(["age", "sex"])


def test_label_stands_for_the_terms_of_its_formula() -> None:
    labels = {"simple": parse("age + sex"), "none": parse("1")}
    assert str(parse("simple + bmi + age", labels=labels)) == "age + sex + bmi"
    assert str(parse("none + bmi", labels=labels)) == "bmi"
    assert str(parse("simple:bmi", labels=labels)) == "age:bmi + sex:bmi"


def test_quoted_name_is_a_column_and_never_a_label() -> None:
    assert str(parse("'simple'", labels={"simple": parse("age")})) == "simple"


def test_label_in_a_function_or_a_power_is_refused() -> None:
    labels = {"simple": parse("age")}
    for text in ("log(simple)", "C(simple)", "simple^2"):
        with pytest.raises(FormulaError, match="'simple' is a label"):
            parse(text, labels=labels)


def test_label_that_is_also_a_column_is_refused_as_ambiguous() -> None:
    formula = parse("simple + bmi", labels={"simple": parse("age")})
    with pytest.raises(FormulaError, match="both the label of an earlier formula and a column"):
        formula.resolve(["age", "bmi", "simple"])


def test_sets_refer_to_earlier_labels() -> None:
    sets = parse_sets({"none": "1", "simple": "none + age + sex", "full": "simple + bmi"})
    assert {label: str(formula) for label, formula in sets.items()} == {
        "none": "1",
        "simple": "age + sex",
        "full": "age + sex + bmi",
    }


@pytest.mark.parametrize(
    "texts",
    [{"simple": "simple + age"}, {"full": "simple + bmi", "simple": "age"}],
    ids=["itself", "later"],
)
def test_sets_refuse_their_own_and_later_labels(texts: dict[str, str]) -> None:
    with pytest.raises(FormulaError, match="label of this or a later formula"):
        parse_sets(texts)


def test_error_inside_a_label_quotes_the_formula_where_the_name_was_written() -> None:
    sets = parse_sets({"simple": "age + smokng", "full": "simple + bmi"})
    with pytest.raises(FormulaError, match=r"formula 'age \+ smokng', character 7"):
        sets["full"].resolve(["age", "smoking", "bmi"])


def test_union_holds_each_term_once_in_order_of_first_appearance() -> None:
    both = union([parse("age + sex"), parse("sex + bmi + age")])
    assert str(both) == "age + sex + bmi"


def test_union_of_one_formula_is_that_formula() -> None:
    formula = parse("age")
    assert union([formula, parse("age")]) == formula


def test_union_of_unions_is_flat() -> None:
    a, b, c = parse("a"), parse("b"), parse("c")
    assert union([union([a, b]), c]) == union([a, b, c])


def test_formula_of_thousands_of_names_is_read() -> None:
    names = [f"covariate_{i}" for i in range(5000)]
    formula = parse(" + ".join(names)).resolve(names)
    assert formula.variables == tuple(names)


def test_doubling_labels_do_not_explode() -> None:
    texts = {"s0": "a * b"} | {f"s{i}": f"s{i - 1} + s{i - 1}" for i in range(1, 60)}
    assert isinstance(parse_sets(texts)["s59"], Formula)
    assert len(parse_sets(texts)["s59"].terms) == 3


def test_function_of_its_own_label_is_refused() -> None:
    with pytest.raises(FormulaError, match="'age' is a label, and a function needs a column"):
        parse_sets({"age": "log(age)"})


def test_a_range_with_a_number_of_many_digits_is_told_so() -> None:
    with pytest.raises(FormulaError, match="a number of more digits than"):
        parse(f"PC1..PC{10**20}").resolve(["PC1"])
