"""--family mixed with --random, --ddf and --kinship, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr import associate as associate_in_python


@pytest.fixture
def houses(study: Any) -> Any:
    """Put the people into houses of three, one of whom has none, and let two have a time."""
    samples = study.samples.with_row_index("place").with_columns(
        house=pl.when(pl.col("place") == 4).then(None).otherwise(pl.col("place") // 3),
        time=pl.when(pl.col("place") == 7).then(None).otherwise(pl.col("place") % 5),
    )
    study.write("samples.csv", samples.drop("place"))
    return study


def read(folder: Path, name: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{name}.parquet")


def test_associations_components_and_drops_are_written(associate: Any, houses: Any) -> None:
    ending = associate("--random", "time|house", "--adjust", "a=age", family="mixed")
    assert ending.code == 0, ending.err
    found = read(houses.folder / "out", "associations")
    components = read(houses.folder / "out", "variance_components")
    assert components["protein"].to_list() == found["protein"].to_list()
    assert set(components["group"]) == {"house"}
    assert set(components["exposure"]) == {"lonely"}
    assert components["slope_variance"].null_count() == 0
    drops = pl.read_csv(houses.folder / "out" / "drops.tsv", separator="\t")
    lost = {row["reason"]: row["n"] for row in drops.iter_rows(named=True)}
    assert (lost["house missing"], lost["time missing"]) == (1, 1)
    assert found["n"].max() == houses.samples.height - 2


def test_an_interaction_has_its_rows_and_its_joint_test(associate: Any, houses: Any) -> None:
    assert associate("--random", "1|house", "--interaction", "site", family="mixed").code == 0
    found = read(houses.folder / "out", "associations")
    assert found["term"].unique().sort().to_list() == ["lonely", "lonely:site"]
    joint = read(houses.folder / "out", "joint_tests")
    assert set(joint["test"]) == {"interaction"}
    assert set(joint["df"]) == {2.0}


def test_an_exposure_of_several_texts_has_a_row_for_each(associate: Any, houses: Any) -> None:
    ending = associate(
        "--random", "1|house", "--reference-level", "Leeds", family="mixed", exposure="site"
    )
    assert ending.code == 0, ending.err
    found = read(houses.folder / "out", "associations")
    assert found["contrast"].unique().sort().to_list() == ["Bristol vs Leeds", "Oxford vs Leeds"]
    assert set(read(houses.folder / "out", "joint_tests")["test"]) == {"contrasts"}


def test_without_degrees_of_freedom_p_values_are_of_the_normal_distribution(
    associate: Any, houses: Any
) -> None:
    assert associate("--random", "1|house", "--ddf", "none", family="mixed").code == 0
    found = read(houses.folder / "out", "associations")
    assert found["df"].null_count() == found.height
    from scipy import stats

    wanted = 2 * stats.norm.sf(np.abs(found["statistic"].to_numpy()))
    np.testing.assert_allclose(found["p_value"], wanted, rtol=1e-9)


def test_kinship_is_met_with_the_people_and_leaves_no_digest(associate: Any, houses: Any) -> None:
    ids = houses.samples["ID"].to_list()
    pairs = pl.DataFrame({"ID1": ids[0:40:2], "ID2": ids[1:41:2], "Kinship": [0.25] * 20})
    kin = houses.write("king.csv", pairs)
    ending = associate("--kinship", kin, family="mixed")
    assert ending.code == 0, ending.err
    assert set(read(houses.folder / "out", "variance_components")["group"]) == {"kinship"}
    manifest = json.loads((houses.folder / "out" / "manifest.json").read_text())
    recorded = {Path(file["name"]).name: file for file in manifest["inputs"]}
    assert recorded["king.csv"]["sha256"] is None
    assert any("taken twice" in note for note in manifest["notes"])


def test_the_function_gives_the_table_of_the_command(associate: Any, houses: Any) -> None:
    assert associate("--random", "1|house", "--ddf", "kr", family="mixed").code == 0
    results = associate_in_python(
        houses.folder / "samples.csv",
        houses.folder / "proteins.parquet",
        family="mixed",
        exposure="lonely",
        random="1|house",
        ddf="kr",
    )
    for name in ("associations", "variance_components"):
        assert results.table(name).equals(read(houses.folder / "out", name))


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "the mixed family needs random effects"),
        (["--random", "house"], 2, "random effect 'house': one | is needed"),
        (["--random", "1|hous"], 3, "no column 'hous' in the samples (did you mean 'house'?)"),
        (["--random", "tme|house"], 2, "no column 'tme' (did you mean 'time'?)"),
        (["--random", "time||house"], 2, "slopes apart from their intercept are not offered"),
        (["--random", "0 + time|house"], 2, "its intercept is part of it"),
        (["--random", "1|house", "--random", "time|house"], 2, "are given twice"),
        (["--random", "1|ID"], 2, "'ID' names the samples, one each"),
        (["--random", "1|always"], 3, "the column has 1 group, and two are needed"),
        (["--random", "1|house", "--kinship", "k.csv"], 2, "give --kinship or --random"),
        (["--random", "1|house", "--ddf", "sattertwaite"], 2, "'--ddf'"),
        (
            ["--random", "1|house", "--weights", "bmi", "--weight-kind", "sampling"],
            2,
            "not for mixed",
        ),
        (["--random", "1|house", "--se", "HC3"], 2, "not for mixed"),
        (["--kinship", "nowhere.csv"], 3, "nowhere.csv"),
        (["--family", "linear", "--random", "1|house"], 2, "is for the mixed family"),
        (["--family", "logistic", "--ddf", "kr"], 2, "--ddf is for the mixed family"),
    ],
)
def test_mistakes_are_one_line(
    associate: Any, houses: Any, arguments: list[str], code: int, message: str
) -> None:
    family = arguments[1] if arguments[:1] == ["--family"] else "mixed"
    rest = arguments[2:] if arguments[:1] == ["--family"] else arguments
    ending = associate(*rest, family=family)
    assert ending.code == code
    assert message in ending.message


def test_a_person_on_several_rows_is_told_of_samples_with_identifiers_of_their_own(
    associate: Any, houses: Any
) -> None:
    twice = pl.concat([houses.samples, houses.samples.head(3)])
    houses.write("twice.csv", twice)
    ending = associate("--random", "1|house", family="mixed", samples="twice.csv")
    assert ending.code == 3
    assert "of repeated measures, give each sample an identifier of its own" in ending.message
