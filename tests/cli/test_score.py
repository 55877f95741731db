"""What `score` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.score.people import make

TABLES = [
    "calibration.parquet",
    "decision_curve.parquet",
    "drops.tsv",
    "log.txt",
    "manifest.json",
    "score_performance.parquet",
    "scores.parquet",
    "tuning.parquet",
    "weights.parquet",
    "weights_ranks.parquet",
]


@pytest.fixture
def score(proteomr: Any, tmp_path: Any) -> Callable[..., Any]:
    """Run score on people of its own; further arguments are added."""
    samples, proteins = make()
    samples.write_csv(tmp_path / "samples.csv")
    proteins.write_parquet(tmp_path / "proteins.parquet")

    def run(*arguments: object, out: str = "out") -> Any:
        files = (tmp_path / "samples.csv", tmp_path / "proteins.parquet")
        few = ("--folds", 3, "--inner-folds", 3, "-o", tmp_path / out)
        return proteomr("score", *files, *few, *arguments)

    return run


def test_performance_and_the_path_are_printed(score: Any, tmp_path: Any) -> None:
    ending = score("--outcome", "diabetes", "--family", "logistic", "--adjust", "base=age + sex")
    lines = ending.out.splitlines()
    assert (ending.code, ending.err) == (0, "")
    assert lines[0].split() == ["model", "adjustment", "metric", "horizon", "mean", "se"]
    assert lines[1].split()[:2] == ["score", "auc"]
    assert lines[-1] == str(tmp_path / "out" / "score_performance.parquet")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == TABLES


def test_weights_are_applied_to_a_file_of_proteins(
    score: Any, proteomr: Any, tmp_path: Any
) -> None:
    assert score("--outcome", "bmi").code == 0
    ending = proteomr(
        "score", "--apply", tmp_path / "out", tmp_path / "proteins.parquet", "-o", tmp_path / "new"
    )
    assert ending.code == 0
    assert ending.out.splitlines()[0] == "240 people; 0 proteins absent"
    own = pl.read_parquet(tmp_path / "out" / "scores.parquet").sort("id")
    new = pl.read_parquet(tmp_path / "new" / "scores.parquet").sort("id")
    assert own["score_in_sample"].to_list() == new["score"].to_list()


@pytest.mark.parametrize(
    "asked",
    [
        ("--outcome", "bmi", "--adjust", "base=age + sex"),
        ("--outcome", "death", "--horizon", "4", "--adjust", "base=age"),
        ("--outcome", "age", "--clock", "--gap-test", "sex"),
        ("--outcome", "death", "--horizon", "4", "--weights", "age"),
    ],
    ids=("number", "times", "clock", "weights"),
)
@pytest.mark.parametrize("by", ["merge", "the same command"])
def test_shards_of_folds_are_joined(
    score: Any, proteomr: Any, tmp_path: Any, asked: tuple[str, ...], by: str
) -> None:
    assert score(*asked, out="whole").code == 0
    first = score(*asked, "--shard", "1/2")
    assert first.code == 0
    assert f"when all are: proteomr merge {tmp_path / 'out'}" in first.out
    torn = proteomr("merge", tmp_path / "out")
    assert torn.code != 0
    assert "parts are absent" in torn.err
    assert score(*asked, "--shard", "2/2").code == 0
    ending = proteomr("merge", tmp_path / "out") if by == "merge" else score(*asked, "--resume")
    assert ending.code == 0
    assert "proteins have a weight" in ending.out
    names = {path.name for path in (tmp_path / "whole").glob("*.parquet")}
    assert "scores.parquet" in names
    for name in names:
        whole, joined = (tmp_path / run / name for run in ("whole", "out"))
        assert whole.read_bytes() == joined.read_bytes(), name
        assert whole.stat().st_mode == joined.stat().st_mode, name


def test_a_dry_run_says_what_would_be_learnt_and_writes_nothing(score: Any, tmp_path: Any) -> None:
    ending = score("--outcome", "death", "--dry-run")
    assert ending.code == 0
    assert "death, cox" in ending.out
    assert "3 x 3, and everybody" in ending.out
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "no outcome is named"),
        (("--outcome", "bmi", "--event", "death"), 2, "in two ways"),
        (("--time", "death_years"), 2, "--event NAME together"),
        (("--outcome", "bmii"), 3, "did you mean 'bmi'"),
        (("--outcome", "death", "--horizon", "50"), 2, "nobody is seen beyond it"),
        (("--outcome", "bmi", "--horizon", "5"), 2, "of outcomes over time, and 'bmi' is a number"),
        (("--outcome", "diabetes", "--horizon", "5"), 2, "and 'diabetes' has two levels"),
        (("--outcome", "death", "--horizon", "soon"), 2, "numbers parted by commas"),
        (("--outcome", "bmi", "--alpha", "2"), 2, "--alpha 2"),
        (("--outcome", "bmi", "--penalty", "lasso", "--alpha", "0.5"), 2, "is of an elastic net"),
        (("--outcome", "bmi", "--gap-test", "sex"), 2, "add --clock"),
        (("--outcome", "bmi", "--adjust", "base=bmi"), 2, "is what is predicted"),
        (("--outcome", "bmi", "--sets", "absent.gmt"), 3, "absent.gmt"),
        (("--outcome", "bmi", "--weights", "agee"), 3, "did you mean 'age'"),
        (("--apply", "w.parquet", "--weights", "age"), 2, "--apply learns nothing that --weights"),
        (("--outcome", "bmi", "--apply", "w.parquet", "--shard", "1/2"), 2, "is one step"),
        (("--outcome", "bmi", "--apply", "w.parquet"), 2, "--apply learns nothing"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    score: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ending = score(*arguments)
    assert ending.code == code
    assert words in ending.err
    assert len(ending.err.strip().splitlines()) == 1


def test_an_outcome_without_its_time_is_told_to_be_two_levels(score: Any, tmp_path: Any) -> None:
    assert "no column 'diabetes_years' says when" in score("--outcome", "diabetes").err
    samples = make()[0].with_columns(
        state=pl.when(pl.col("diabetes") == 1).then(pl.lit("ill")).otherwise(pl.lit("well"))
    )
    samples.write_csv(tmp_path / "samples.csv")
    told = score("--outcome", "state", "--overwrite").err
    assert "'ill' comes first in the alphabet and is the reference" in told
    assert "state_years" not in told


@pytest.mark.parametrize("horizon", [(), ("--horizon", "4")])
@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("death_years", pl.lit(0.0), "0 people have an outcome"),
        ("death_years", -pl.col("death_years"), "0 people have an outcome"),
        ("death", pl.lit(None, dtype=pl.Int64), "0 people have an outcome"),
        ("death", pl.lit(0), "0 events among 240 people"),
        ("death", (pl.int_range(240) == 7).cast(pl.Int64), "1 event among 240 people"),
    ],
    ids=["no time", "times below 0", "no outcome", "no event", "one event"],
)
def test_nothing_to_predict_is_one_line(
    score: Any, tmp_path: Any, column: str, value: pl.Expr, said: str, horizon: tuple[str, ...]
) -> None:
    make()[0].with_columns(value.alias(column)).write_csv(tmp_path / "samples.csv")
    ending = score("--time", "death_years", "--event", "death", *horizon)
    assert ending.code == 3
    assert said in ending.err.splitlines()[-1]


def test_events_of_all_at_one_time_are_one_line(score: Any, tmp_path: Any) -> None:
    at_once = make()[0].with_columns(death_years=pl.lit(2.0), death=pl.lit(1))
    at_once.write_csv(tmp_path / "samples.csv")
    assert "whoever is under observation at an event has it" in score("--outcome", "death").message
    one_left = at_once.with_columns(death=(pl.int_range(240) > 0).cast(pl.Int64))
    one_left.write_csv(tmp_path / "samples.csv")
    assert score("--outcome", "death").code in {0, 4}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("outcome", ["death", "diabetes", "bmi"])
def test_the_unit_of_weights_changes_no_score(score: Any, tmp_path: Any, outcome: str) -> None:
    found = []
    for unit in (1.0, 1e-300, 1e-200, 1e200):
        make()[0].with_columns(w=pl.col("age") * unit).write_csv(tmp_path / "samples.csv")
        more = ("--horizon", "4") if outcome == "death" else ()
        assert score("--outcome", outcome, "--weights", "w", *more, "--overwrite").code == 0
        found.append(pl.read_parquet(tmp_path / "out" / "score_performance.parquet"))
    for other in found[1:]:
        for column in ("value", "se"):
            np.testing.assert_allclose(
                other[column].cast(float), found[0][column].cast(float), rtol=1e-8
            )


@pytest.fixture
def apply(score: Any, proteomr: Any, tmp_path: Any) -> Callable[..., Any]:
    """Apply weights for P0, P3 and others to altered proteins."""
    assert score("--outcome", "bmi").code == 0

    def run(*arguments: object, **columns: pl.Expr) -> Any:
        make()[1].with_columns(**columns).write_parquet(tmp_path / "new.parquet")
        given = ("--apply", tmp_path / "out", tmp_path / "new.parquet", "--overwrite")
        return proteomr("score", *given, "-o", tmp_path / "new", *arguments)

    return run


@pytest.mark.parametrize("value", [None, np.nan, np.inf, -np.inf])
def test_a_protein_without_a_number_is_absent(apply: Any, tmp_path: Any, value: Any) -> None:
    nothing = pl.lit(value, dtype=pl.Float64)
    refused = apply(P0=nothing)
    assert refused.code == 3
    assert "the files lack 1 protein with" in refused.err.splitlines()[-1]
    assert apply("--max-absent", "0.9", P0=nothing).code == 0
    absent = pl.read_parquet(tmp_path / "new" / "absent.parquet")
    assert absent["protein"].to_list() == ["P0"]


def test_an_infinite_value_counts_as_a_missing_one(apply: Any, tmp_path: Any) -> None:
    scores = []
    for value in (None, np.inf, -np.inf):
        first = pl.when(pl.int_range(240) < 2).then(pl.lit(value, dtype=pl.Float64))
        ending = apply(P0=first.otherwise("P0"))
        assert ending.code == 0
        assert ("2 values are infinite" in ending.err) == (value is not None)
        scores.append(pl.read_parquet(tmp_path / "new" / "scores.parquet"))
    assert scores[1].equals(scores[0])
    assert scores[2].equals(scores[0])


def test_imputed_samples_are_told_as_such(score: Any, tmp_path: Any) -> None:
    samples = make()[0]
    parts = [samples.with_columns(pl.lit(i).alias(".imp")) for i in (0, 1, 2)]
    pl.concat(parts).write_csv(tmp_path / "samples.csv")
    message = score("--outcome", "bmi").message
    assert "holds 3 data sets of the same people (column '.imp')" in message
    parts[1].write_csv(tmp_path / "samples.csv")
    assert score("--outcome", "bmi").code == 0
