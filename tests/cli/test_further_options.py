"""Options for what a model tells beside its estimate: what they write, and mistakes with them."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

USAGE, INPUT = 2, 3


def table(study: Any, name: str = "associations") -> pl.DataFrame:
    return pl.read_parquet(study.folder / "out" / f"{name}.parquet")


@pytest.mark.parametrize(
    ("given", "always"),
    [
        (["--firth"], False),
        (["--firth", "separated"], False),
        (["--firth=separated"], False),
        (["--firth", "always"], True),
        (["--firth=always"], True),
    ],
)
def test_firth_stands_alone_or_before_when_it_is_wanted(
    associate: Any, study: Any, given: list[str], *, always: bool
) -> None:
    assert associate(*given, "--allow-failures", family="logistic").code == 0
    found = table(study)
    wald = (found["estimate"] - 1.959964 * found["se"] - found["conf_low"]).abs()
    assert bool((wald > 1e-4).any()) == always


@pytest.mark.parametrize(("value", "meant"), [("true", "separated"), ('"always"', "always")])
def test_firth_of_a_file_of_settings_is_that_of_the_command_line(
    associate: Any, study: Any, value: str, meant: str
) -> None:
    (study.folder / "run.toml").write_text(f"firth = {value}\n")
    ending = associate("--config", study.folder / "run.toml", "--print-config", family="logistic")
    assert f'firth = "{meant}"' in ending.out.splitlines()


def test_a_word_after_firth_that_is_none_of_its_values_is_no_value(associate: Any) -> None:
    ending = associate("--firth", "alway", family="logistic")
    assert ending.code == USAGE
    assert "'alway' stands among the files and is none" in ending.message


def test_tests_and_coefficients_have_tables_of_their_own(associate: Any, study: Any) -> None:
    given = ("--adjust", "m=age + C(site)", "--joint-tests", "lr,wald", "--joint-tests", "score")
    assert associate(*given, "--nonlinear", 3, "--coefficients", family="logistic").code == 0
    tests = table(study, "joint_tests")
    assert tests["test"].unique().sort().to_list() == ["lr", "nonlinear", "score", "spline", "wald"]
    first = table(study, "coefficients").filter(protein="P000")
    names = ["(Intercept)", "age", "site[Leeds]", "site[Oxford]", "P000"]
    assert first["coefficient"].to_list() == names
    protein = first.row(by_predicate=pl.col("coefficient") == "P000", named=True)
    estimate = table(study).filter(protein="P000").row(0, named=True)
    for name in ("estimate", "se", "statistic", "p_value", "neg_log10_p"):
        assert protein[name] == pytest.approx(estimate[name], rel=1e-8)


def test_additive_interaction_has_a_row_for_each_measure(associate: Any, study: Any) -> None:
    given = ("--interaction", "isolated", "--interaction-scale", "additive")
    assert associate(*given, family="logistic").code == 0
    rows = table(study, "additive_interaction").filter(protein="P001")
    assert rows["measure"].to_list() == ["reri", "ap", "s"]
    assert rows["exposure"].to_list() == ["lonely"] * 3


def test_permutations_are_drawn_from_the_seed(associate: Any, study: Any) -> None:
    asked = ("--permutations", 49, "--step-down")
    found = {}
    for seed in (1, 2):
        assert associate(*asked, "--seed", seed, "--overwrite").code == 0
        found[seed] = table(study)["p_permutation"]
        assert found[seed].min() == pytest.approx(0.02)
    assert not found[1].equals(found[2])
    assert associate(*asked, "--seed", 1, "--resume").code == 3  # another seed is another run


MISTAKES = [
    ("linear", ["--permutations", "5"], "at least 9 are needed", USAGE),
    ("linear", ["--step-down"], "say how many", USAGE),
    ("linear", ["--permutations", "99", "--se", "HC3"], "no errors such as HC3", USAGE),
    ("logistic", ["--joint-tests", "lr,wals"], "there is no joint test 'wals'", USAGE),
    ("logistic", ["--joint-tests", "lr", "--se", "HC3"], "ask for wald", USAGE),
    ("linear", ["--joint-tests", "score", "--se", "HC1"], "of the likelihood", USAGE),
    ("logistic", ["--firth", "always", "--joint-tests", "score"], "no score test", USAGE),
    ("linear", ["--firth", "always"], "Firth's estimate is for the logistic family", USAGE),
    ("logistic", ["--firth", "always", "--se", "HC3"], "neither robust errors nor", USAGE),
    ("logistic", ["--interaction-scale", "additive"], "name its covariate", USAGE),
    ("linear", ["--interaction", "isolated", "--interaction-scale", "additive"],
     "in the linear family the product is the interaction on the additive scale", USAGE),
    ("logistic", ["--interaction", "site", "--interaction-scale", "additive"],
     "needs a covariate of two levels, or 0 and 1", INPUT),
    ("logistic", ["--interaction-scale", "both"], "is not one of", USAGE),
    ("linear", ["--nonlinear", "1"], "a spline of 1 degrees of freedom: 2 to 10", USAGE),
    ("linear", ["--nonlinear", "three"], "--nonlinear", USAGE),
    ("linear", ["--nonlinear", "3", "--interaction", "isolated"], "go in a run each", USAGE),
    ("linear", ["--strata", "age > "], "strata", USAGE),
    ("linear", ["--strata", "aged > 50"], "no column 'aged'", INPUT),
]  # fmt: skip


@pytest.mark.parametrize(("family", "given", "words", "code"), MISTAKES)
def test_a_mistake_is_one_line(
    associate: Any, study: Any, family: str, given: list[str], words: str, code: int
) -> None:
    ending = associate(*given, family=family)
    assert ending.code == code
    assert words in ending.message


def test_shards_of_permutations_join_to_the_whole(associate: Any, proteomr: Any, wide: Any) -> None:
    asked = ("--permutations", 19, "--seed", 5, "--coefficients", "--joint-tests", "lr")
    assert associate(*asked).code == 0
    whole = {name: table(wide, name) for name in ("associations", "coefficients", "joint_tests")}
    apart = wide.folder / "apart"
    for share in ("1/2", "2/2"):
        assert associate(*asked, "--shard", share, "-o", apart).code == 0
    assert proteomr("merge", apart).code == 0
    for name, frame in whole.items():
        assert pl.read_parquet(apart / f"{name}.parquet").equals(frame)
