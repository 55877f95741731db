"""Table 1, cross tables and rates of small tables, and what is refused."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr import describe
from proteomr.errors import ColumnError, InputError, UsageError
from proteomr.stats.group_differences import measure_difference


@pytest.fixture
def people() -> pl.DataFrame:
    g = np.random.default_rng(1)
    n = 200
    lonely = np.arange(n) % 2
    return pl.DataFrame(
        {
            "ID": [f"{i:03d}" for i in range(n)],
            "lonely": lonely,
            "age": [None, *g.normal(56, 8, n - 1)],
            "site": g.choice(["A", "B", "C"], n),
            "death": g.integers(0, 2, n),
            "death_years": g.uniform(1.0, 10.0, n),
            "visit": pl.Series(["2008-05-01"] * n).str.to_date(),
        }
    )


def test_no_number_is_no_value_so_that_few_are_counted_and_not_averaged() -> None:
    people = pl.DataFrame({"ID": list("abcde"), "rare": [0.0, 1.0, float("nan"), 0.0, None]})
    table = describe(people, variables="rare").table()
    assert table["level"].to_list() == ["0.0", "1.0"]
    assert table.select("n", "missing", "count").rows() == [(3, 2, 2), (3, 2, 1)]
    assert table["mean"].null_count() == 2


def test_numbers_are_described_by_moments_and_quartiles(people: pl.DataFrame) -> None:
    row = describe(people, variables="age").table().row(0, named=True)
    age = people["age"].drop_nulls().to_numpy()
    assert (row["n"], row["missing"], row["by"], row["group"]) == (199, 1, None, None)
    assert row["mean"] == pytest.approx(age.mean())
    assert row["sd"] == pytest.approx(age.std(ddof=1))
    assert [row["q25"], row["median"], row["q75"]] == pytest.approx(
        np.quantile(age, [0.25, 0.5, 0.75]).tolist()
    )


def test_levels_are_counted_among_those_who_have_one(people: pl.DataFrame) -> None:
    odd = people.with_columns(
        pl.when(pl.col("ID") < "010").then(None).otherwise(pl.col("site")).alias("site")
    )
    table = describe(odd, variables="site").table()
    assert table["level"].to_list() == ["A", "B", "C"]
    assert table["n"].to_list() == [190] * 3
    assert table["missing"].to_list() == [10] * 3
    assert table["percent"].sum() == pytest.approx(100.0)


def test_groups_stand_beside_everybody_with_their_difference(people: pl.DataFrame) -> None:
    table = describe(people, by="lonely", variables=["age", "site"]).table()
    age = table.filter(pl.col("variable") == "age")
    assert age["group"].to_list() == [None, "0", "1"]
    parts = [people.filter(pl.col("lonely") == k)["age"].drop_nulls().to_numpy() for k in (0, 1)]
    assert age["smd"].to_list() == [pytest.approx(measure_difference(*parts)), None, None]
    site = table.filter((pl.col("variable") == "site") & pl.col("group").is_null())
    assert site["smd"].null_count() == 2


def test_people_without_a_group_are_among_everybody_alone(people: pl.DataFrame) -> None:
    odd = people.with_columns(
        pl.when(pl.col("ID") < "050").then(None).otherwise(pl.col("lonely")).alias("lonely")
    )
    age = describe(odd, by="lonely", variables="age").table()
    assert (age["n"] + age["missing"]).to_list() == [200, 75, 75]


def test_factors_are_held_against_the_groups(people: pl.DataFrame) -> None:
    crossed = describe(people, by=["lonely", "death"]).table("cross_tables")
    keys = crossed.select("by", "variable").rows()
    assert keys == [
        ("lonely", "site"), ("lonely", "death"), ("death", "lonely"), ("death", "site"),
    ]  # fmt: skip
    ratio = dict(zip(keys, crossed["odds_ratio"].to_list(), strict=True))
    assert ratio["lonely", "death"] == pytest.approx(ratio["death", "lonely"])
    assert ratio["lonely", "site"] is None


def test_outcomes_with_their_years_have_rates(people: pl.DataFrame) -> None:
    rates = describe(people, by="lonely").table("rates")
    assert rates["group"].to_list() == [None, "0", "1"]
    assert rates["events"].to_list()[0] == people["death"].sum()
    assert rates["rate"][0] == pytest.approx(
        1000 * people["death"].to_numpy().sum() / people["death_years"].to_numpy().sum()
    )
    assert rates["events"][1:].sum() == rates["events"][0]
    assert rates["outcome"].unique().to_list() == ["death"]


def test_people_are_chosen_before_they_are_described(people: pl.DataFrame) -> None:
    table = describe(people, variables="age", where="site == 'A'", withdrawn=people.head(3)).table()
    stay = people.slice(3).filter(pl.col("site") == "A")
    assert table["n"][0] + table["missing"][0] == stay.height


def test_the_order_of_the_rows_changes_nothing(people: pl.DataFrame) -> None:
    shuffled = people.sample(fraction=1.0, shuffle=True, seed=2)
    assert describe(shuffled, by="lonely").table().equals(describe(people, by="lonely").table())


def test_dates_and_notes_are_said_to_be_passed_over(people: pl.DataFrame) -> None:
    results = describe(people)
    assert "visit" not in results.table()["variable"].to_list()
    assert any("visit" in note for note in results.notes)


@pytest.mark.parametrize(
    ("asked", "fault", "said"),
    [
        ({"by": "lonly"}, ColumnError, r"no column 'lonly' \(did you mean 'lonely'"),
        ({"variables": "aeg"}, ColumnError, r"no column 'aeg' \(did you mean 'age'"),
        ({"by": "age"}, ColumnError, "'age' has 199 levels"),
        ({"by": ["lonely", "lonely"]}, UsageError, "each column once"),
        ({"level": 0.2}, UsageError, "level of the intervals"),
        ({"where": "age > 900"}, InputError, "nobody of the 200"),
    ],
)
def test_what_cannot_be_described_is_refused(
    people: pl.DataFrame, asked: dict[str, object], fault: type[Exception], said: str
) -> None:
    with pytest.raises(fault, match=said):
        describe(people, **asked)  # type: ignore[arg-type]
