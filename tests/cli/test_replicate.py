"""What `replicate` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
import pytest

FILES = ["drops.tsv", "log.txt", "manifest.json", "replication.parquet", "summary.tsv"]


@pytest.fixture
def replicate(proteomr: Any, study: Any) -> Callable[..., Any]:
    """Run replicate on the small study; further arguments are added."""

    def run(*arguments: object, family: str = "linear", exposure: str = "lonely") -> Any:
        files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
        ends = () if "-o" in arguments else ("-o", study.folder / "out")
        models = ("--family", family, "--exposure", exposure)
        return proteomr("replicate", *files, *models, *arguments, *ends)

    return run


def names(study: Any) -> list[str]:
    return sorted(file.name for file in (study.folder / "out").iterdir())


def write_splits(study: Any, name: str = "splits.csv", **columns: Any) -> Any:
    halves = columns or {"s1": 1 + np.arange(150) % 2}
    frame = study.samples.select("ID").with_columns(pl.Series(k, v) for k, v in halves.items())
    return study.write(name, frame)


@pytest.mark.parametrize("width", [80, 120])
def test_the_summary_and_the_path_are_printed(
    replicate: Any, study: Any, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    ending = replicate("--splits", 4, "--adjust", "simple=age + C(site)")
    lines = ending.out.splitlines()
    assert (ending.code, ending.err) == (0, "")
    assert lines[0].split()[:5] == ["adjustment", "exposure", "measure", "splits", "mean"]
    assert lines[1].split()[:4] == ["simple", "lonely", "r_effects", "4"]
    assert lines[-1] == str(study.folder / "out" / "replication.parquet")
    assert max(map(len, lines[:-1])) <= width
    assert names(study) == FILES


def test_random_halves_are_the_default_and_a_dry_run_says_fits_and_time(
    replicate: Any, study: Any
) -> None:
    ending = replicate("--exposure", "isolated", "--dry-run")
    assert ending.code == 0
    said = dict(line.split(None, 1) for line in ending.out.splitlines()[:-1])
    assert said["fits"] == f"{12 * 2 * 100 * 2:,}"
    assert said["splits"] == "100 (1, 2, 3, ...), two halves each"
    assert said["time"].startswith("about ")
    assert not (study.folder / "out").exists()


def test_a_configuration_asks_for_the_same(replicate: Any, study: Any, proteomr: Any) -> None:
    printed = replicate("--splits", 2, "--adjust", "simple=age", "--seed", 5, "--print-config")
    (study.folder / "run.toml").write_text(printed.out)
    ending = proteomr("replicate", "--config", study.folder / "run.toml", "--format", "csv")
    assert ending.code == 0
    replicate("--splits", 2, "--adjust", "simple=age", "--seed", 5, "-o", study.folder / "other")
    found, wanted = (study.folder / out / "replication.parquet" for out in ("out", "other"))
    assert found.read_bytes() == wanted.read_bytes()
    assert (study.folder / "out" / "replication.csv").exists()


def test_another_seed_gives_other_halves(replicate: Any, study: Any) -> None:
    for seed in (1, 2):
        replicate("--splits", 2, "--seed", seed, "-o", study.folder / f"seed{seed}")
    one, two = (pl.read_parquet(study.folder / f"seed{s}" / "replication.parquet") for s in (1, 2))
    assert not one["r_effects"].equals(two["r_effects"])


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        (("--folds", "3", "--keep-fits"), ["replication_fits.parquet"]),
        (
            ("--leave-out", "site", "--adjust", "a=age"),
            ["influence.parquet", "joint_tests.parquet", "leave_out.parquet"],
        ),
    ],
    ids=["folds", "leave-out"],
)
def test_each_division_leaves_its_tables(
    replicate: Any, study: Any, arguments: tuple[str, ...], more: list[str]
) -> None:
    ending = replicate(*arguments)
    assert ending.code == 0
    assert names(study) == sorted([*FILES, *more])
    if "--leave-out" in arguments:
        assert "largest change: P0" in ending.out
        assert "heterogeneity between levels: p below 0.05 in " in ending.out


def test_another_cohort_is_held_against(replicate: Any, associate: Any, study: Any) -> None:
    there = study.folder / "there"
    associate("--adjust", "a=age", "-o", there)
    table = there / "associations.parquet"
    ending = replicate("--adjust", "a=age", "--against", table)
    assert ending.code == 0
    assert names(study) == sorted(
        [
            *(name for name in FILES if name != "summary.tsv"),
            "against.parquet",
            "associations.parquet",
        ]
    )
    row = ending.out.splitlines()[2].split()
    assert row[:3] == ["a", "lonely", "1.000"]


def test_people_proteins_and_outcomes_are_chosen_as_in_associate(
    replicate: Any, study: Any
) -> None:
    asked = ("--splits", 2, "--where", "age >= 50", "--proteins", "P000,P001,P005", "--keep-fits")
    assert replicate(*asked).code == 0
    fits = pl.read_parquet(study.folder / "out" / "replication_fits.parquet")
    assert fits["protein"].unique().sort().to_list() == ["P000", "P001", "P005"]
    chosen = study.samples.filter(pl.col("age") >= 50).height
    assert fits.filter(split="1", protein="P000")["n"].sum() == chosen


def test_imputed_samples_are_pooled(replicate: Any, study: Any) -> None:
    copies = [study.samples.with_columns(pl.lit(i).alias(".imp")) for i in (1, 2)]
    long = pl.concat(copies).with_columns(pl.col("ID").rank("dense").alias(".id"))
    study.write("samples.csv", long)
    ending = replicate("--splits", 2, "--keep-fits")
    assert ending.code == 0
    assert "fits of 2 imputations pooled by Rubin's rules in each half" in ending.err
    fits = pl.read_parquet(study.folder / "out" / "replication_fits.parquet")
    assert fits["m"].unique().to_list() == [2]


def test_clusters_are_whole_and_a_dry_run_says_so(replicate: Any, study: Any) -> None:
    families = pl.int_range(study.samples.height) // 3
    study.write("samples.csv", study.samples.with_columns(family=families))
    asked = ("--splits", 2, "--se", "CR1", "--cluster", "family")
    said = replicate(*asked, "--dry-run").out
    assert "2 (1, 2), two halves each, groups of 'family' whole" in said
    assert replicate(*asked).code == 0


def test_given_splits_are_fitted(replicate: Any, study: Any) -> None:
    path = write_splits(study)
    assert replicate("--split-file", path).code == 0
    assert pl.read_parquet(study.folder / "out" / "replication.parquet")["split"].to_list() == [
        "s1"
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--splits", "4", "--folds", "5"), 2, "--splits and --folds divide people in two ways"),
        (("--splits", "0"), 2, "0 splits: 1 to 10,000 are needed"),
        (("--folds", "1"), 2, "1 folds: 2 to 10,000 are needed"),
        (("--splits", "many"), 2, "Invalid value for '--splits'"),
        (("--split-file", "nowhere.csv"), 3, "nowhere.csv: "),
        (("--split-file", "wrong.csv"), 3, "150 rows of split 's1' hold something else than 1 and"),
        (("--split-file", "strangers.csv"), 3, "identifier"),
        (("--leave-out", "sites"), 3, "no column 'sites' in the samples (did you mean 'site'?)"),
        (("--leave-out", "always"), 3, "'always' has one level: two are needed"),
        (("--leave-out", "bmi"), 3, "strata need 1 to 50"),
        (("--against", "nowhere.parquet"), 3, "nowhere.parquet"),
        (("--against", "samples.csv"), 3, "samples.csv: no column 'protein'"),
        (("--against", "there.csv", "--keep-fits"), 2, "--keep-fits keeps the fits of halves"),
        (("--strata", "site"), 2, "no option --strata"),
        (("--effective-tests",), 2, "no option --effective-tests"),
        (("--adjust", "a=lonely"), 2, "'lonely' is an exposure and in the adjustment set 'a'"),
    ],
)
def test_each_mistake_is_answered_in_one_line(
    replicate: Any,
    study: Any,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(study.folder)
    write_splits(study, "wrong.csv", s1=np.full(150, 3))
    strangers = pl.DataFrame({"ID": [f"stranger{i}" for i in range(9)], "s1": [1, 2, 1] * 3})
    study.write("strangers.csv", strangers)
    study.write("there.csv", pl.DataFrame({"protein": ["P000"]}))
    ending = replicate(*arguments)
    assert ending.code == code
    assert message in ending.message
    assert not (study.folder / "out" / "replication.parquet").exists()
