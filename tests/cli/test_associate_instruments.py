"""`associate --family iv`: what it leaves, and what mistakes are answered with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

N = 150


@pytest.fixture
def instruments(study: Any) -> Any:
    """The study with instruments, an outcome of numbers and genotypes."""
    g = np.random.default_rng(3)
    lonely = study.samples["lonely"].to_numpy().astype(float)
    study.write(
        "samples.csv",
        study.samples.with_columns(
            rain=pl.Series(lonely + g.normal(size=N)),
            wind=pl.Series(0.5 * lonely + g.normal(size=N)),
            month=pl.Series(g.choice(["may", "june", "july"], N)),
            dose=pl.Series(g.normal(size=N)),
            rs1=pl.Series(g.integers(0, 3, N)),
            rs2=pl.Series(g.integers(0, 3, N)),
            flat=pl.Series(np.ones(N)),
        ),
    )
    return study


@pytest.fixture
def to_dose(proteomr: Any, instruments: Any) -> Any:
    """Run the family beside the outcome of numbers."""

    def run(*arguments: str) -> Any:
        files = [instruments.folder / name for name in ("samples.csv", "proteins.parquet")]
        of = ("--family", "iv", "--outcome", "dose", "-o", instruments.folder / "out")
        return proteomr("associate", *files, *of, *arguments)

    return run


def table(study: Any, name: str) -> pl.DataFrame:
    return pl.read_parquet(study.folder / "out" / f"{name}.parquet")


def test_a_run_leaves_estimates_tests_and_sets(associate: Any, instruments: Any) -> None:
    ending = associate(
        *("--family", "iv", "--instrument", "rain", "--instrument", "wind", "--adjust", "a=age")
    )
    assert ending.code == 0
    found = table(instruments, "associations")
    assert set(found["family"]) == {"iv"}
    assert set(found["direction"]) == {"protein~exposure"}
    assert set(found["df"]) == {N - 3.0}
    tests = table(instruments, "iv_diagnostics")
    assert tests["test"][:6].to_list() == [
        *("weak_instruments", "wu_hausman", "sargan"),
        *("effective_f", "sanderson_windmeijer", "anderson_rubin"),
    ]
    assert set(tests["exposure"]) == {"lonely"}
    sets = table(instruments, "confidence_sets")
    assert set(sets["protein"]) == set(found["protein"])
    assert not (instruments.folder / "out" / "coefficients.parquet").exists()


def test_instruments_may_be_levels_and_all_coefficients_be_asked_for(
    associate: Any, instruments: Any
) -> None:
    ending = associate(
        *("--family", "iv", "--instrument", "month", "--instrument", "rain"),
        *("--adjust", "a=age + C(site)", "--coefficients"),
    )
    assert ending.code == 0
    names = table(instruments, "coefficients").filter(protein="P000")["coefficient"].to_list()
    assert names[:2] == ["(Intercept)", "age"]
    assert names[-1] == "lonely"
    sargan = table(instruments, "iv_diagnostics").filter(test="sargan")
    assert set(sargan["df1"]) == {2.0}
    main = table(instruments, "associations")
    own = table(instruments, "coefficients").filter(coefficient="lonely")
    assert own["estimate"].to_list() == main["estimate"].to_list()
    np.testing.assert_allclose(own["p_value"], main["p_value"], rtol=1e-12)


def test_beside_an_outcome_the_protein_is_endogenous(to_dose: Any, instruments: Any) -> None:
    ending = to_dose("--instrument", "rain", "--coefficients")
    assert ending.code == 0
    found = table(instruments, "associations")
    assert set(found["direction"]) == {"outcome~protein"}
    own = table(instruments, "coefficients").filter(pl.col("coefficient") == pl.col("protein"))
    assert own["estimate"].to_list() == found["estimate"].to_list()


@pytest.mark.parametrize("genotypes", ["samples", "table"])
def test_each_protein_may_have_instruments_of_its_own(
    to_dose: Any, instruments: Any, genotypes: str
) -> None:
    names = instruments.proteins.columns[1:]
    pairs = [(names[0], "rs1"), (names[0], "rs2"), (names[1], "rs2"), ("NOBODY", "rs1")]
    listed = pl.DataFrame(pairs, schema=["protein", "variant"], orient="row")
    path = instruments.write("cis.csv", listed)
    more: tuple[str, ...] = ()
    if genotypes == "table":
        samples = pl.read_csv(instruments.folder / "samples.csv")
        dosages = samples.select(samples.columns[0], "rs1", "rs2").tail(N - 5)
        more = ("--genotypes", str(instruments.write("dosages.parquet", dosages)))
    ending = to_dose("--instrument-by-protein", str(path), *more)
    assert ending.code == 4
    assert "1 proteins are not among those of the cohort" in ending.err
    found = table(instruments, "associations")
    assert found["status"].to_list()[:2] == ["ok", "ok"]
    assert set(found["status"][2:]) == {"not_identified"}
    drops = (instruments.folder / "out" / "drops.tsv").read_text()
    assert ("not among the genotypes\t5" in drops) == (genotypes == "table")


MISTAKES: list[tuple[tuple[str, ...], int, str]] = [
    ((), 2, "the iv family needs instruments: name one (--instrument NAME)"),
    (("--instrument", "snow"), 3, "'snow'"),
    (("--instrument", "rain", "--instrument", "rain"), 2, "instrument 'rain' is given twice"),
    (("--instrument", "lonely"), 2, "'lonely' is an exposure and an instrument"),
    (
        ("--instrument", "age", "--adjust", "a=age"),
        2,
        "'age' is an instrument and in the adjustment set 'a'",
    ),
    (("--instrument", "flat"), 3, "one value among all people"),
    (("--instrument", "rain", "--se", "HC3"), 2, "HC3 is for the"),
    (("--instrument", "rain", "--firth"), 2, "Firth's estimate is for the logistic family"),
    (("--instrument", "rain", "--interaction", "age"), 2, "an interaction is for the"),
    (("--instrument", "rain", "--estimator", "2sri"), 2, "2sri is for an outcome of two levels"),
    (("--instrument", "rain", "--estimator", "ols"), 2, "'ols'"),
    (("--instrument", "rain", "--genotypes", "g.bed"), 2, "--instrument-by-protein FILE"),
    (("--instrument-by-protein", "cis.csv"), 2, "are for an outcome ~ protein"),
]


@pytest.mark.parametrize(("options", "code", "said"), MISTAKES)
def test_mistakes_with_instruments_are_answered_in_one_line(
    associate: Any, instruments: Any, options: tuple[str, ...], code: int, said: str
) -> None:
    ending = associate("--family", "iv", *options)
    assert ending.code == code
    assert said in ending.message


def test_an_instrument_is_for_the_family_that_takes_it(associate: Any, instruments: Any) -> None:
    ending = associate("--family", "linear", "--instrument", "rain")
    assert ending.code == 2
    assert ending.message == "an instrument is for the iv family, not for linear"


LISTS: list[tuple[str, str]] = [
    ("protein,snp\nP000,rs1\n", "has no column 'variant'"),
    ("protein,variant\nP000,\n", "1 rows without a protein or a variant"),
    ("protein,variant\nPOOO,rs1\n", "none of its proteins is among the 12"),
    ("protein,variant\nP000,rs9\n", "none of its 1 variants, such as 'rs9'"),
    ("protein,variant\nP000,month\n", "variant 'month' is String, not numbers"),
]


@pytest.mark.parametrize(("content", "said"), LISTS)
def test_faults_of_a_list_of_instruments_are_told(
    to_dose: Any, instruments: Any, content: str, said: str
) -> None:
    path = Path(instruments.folder / "cis.csv")
    path.write_text(content)
    ending = to_dose("--instrument-by-protein", str(path))
    assert ending.code == 3
    assert said in ending.message


def test_two_stage_residual_inclusion_is_not_for_numbers(to_dose: Any) -> None:
    ending = to_dose("--instrument", "rain", "--estimator", "2sri")
    assert ending.code == 2
    assert "2sri is for outcomes of two levels, and 'dose' holds numbers" in ending.message


def test_residual_inclusion_alone_has_an_odds_ratio(proteomr: Any, instruments: Any) -> None:
    files = [instruments.folder / name for name in ("samples.csv", "proteins.parquet")]
    of = ("--family", "iv", "--outcome", "dose", "--outcome", "isolated", "--instrument", "rain")
    ending = proteomr("associate", *files, *of, "-o", instruments.folder / "out")
    assert ending.code == 0
    found = table(instruments, "associations")
    numbers, levels = (found.filter(outcome=name) for name in ("dose", "isolated"))
    assert numbers["ratio"].null_count() == numbers.height
    np.testing.assert_allclose(levels["ratio"], np.exp(levels["estimate"]))
    assert levels["df"].null_count() == levels.height
