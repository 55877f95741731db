"""What `score` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
    ending = score("--outcome", "diabetes", "--adjust", "base=age + sex")
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
