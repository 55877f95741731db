"""What `network` prints and leaves, and what each mistake is answered with."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.network.people import make

TABLES = [
    "drops.tsv",
    "edges.parquet",
    "eigenproteins.parquet",
    "hubs.parquet",
    "log.txt",
    "manifest.json",
    "module_summary.parquet",
    "modules.parquet",
    "power.parquet",
    "tree.parquet",
]


@pytest.fixture
def network(proteomr: Any, tmp_path: Path) -> Callable[..., Any]:
    """Run network on proteins of its own; further arguments are added."""
    make().write_csv(tmp_path / "proteins.csv")
    make(seed=2, n=100).write_parquet(tmp_path / "other.parquet")

    def run(*arguments: object, out: str = "out") -> Any:
        few = ("--power", 3, "--min-size", 8)
        given = {str(argument) for argument in arguments}
        defaults = [x for i in (0, 2) if few[i] not in given for x in few[i : i + 2]]
        return proteomr(
            "network", tmp_path / "proteins.csv", *defaults, *arguments, "-o", tmp_path / out
        )

    return run


def test_modules_and_the_path_are_printed(network: Any, tmp_path: Path) -> None:
    ending = network()
    lines = ending.out.splitlines()
    assert (ending.code, ending.err) == (0, "")
    assert lines[0].startswith("power 3, signed r2 ")
    assert lines[1].split() == ["module", "hub", "proteins", "explained"]
    assert lines[-2].startswith("3 modules; ")
    assert lines[-1] == str(tmp_path / "out" / "modules.parquet")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == TABLES


def test_profiles_of_people_are_for_their_owner_alone(network: Any, tmp_path: Path) -> None:
    assert network().code == 0
    mode = (tmp_path / "out" / "eigenproteins.parquet").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_preservation_is_shown_beside_the_modules(network: Any, tmp_path: Path) -> None:
    ending = network("--preserve-in", tmp_path / "other.parquet")
    assert ending.code == 0
    assert ending.out.splitlines()[1].split()[-2:] == ["z", "summary"]
    assert (tmp_path / "out" / "preservation.parquet").is_file()


def test_a_dry_run_says_what_would_be_computed_and_writes_nothing(
    network: Any, tmp_path: Path
) -> None:
    ending = network("--dry-run", "--impute", "knn", "--preserve-in", tmp_path / "other.parquet")
    assert ending.code == 0
    for words in ("2,415", "pearson, unsigned, power 3", "nearest ten proteins", "MB", "100"):
        assert words in ending.out
    assert not (tmp_path / "out").exists()


def test_the_same_call_with_resume_takes_what_is_there(network: Any, tmp_path: Path) -> None:
    assert network().code == 0
    before = (tmp_path / "out" / "modules.parquet").stat().st_mtime_ns
    assert network("--resume").code == 0
    assert (tmp_path / "out" / "modules.parquet").stat().st_mtime_ns == before


def test_eigenproteins_stand_for_proteins_whatever_the_identifier_is_called(
    network: Any, proteomr: Any, tmp_path: Path
) -> None:
    assert network().code == 0
    people = make().select(pid="ID", age=pl.col("P00"))
    people.write_csv(tmp_path / "samples.csv")
    files = (tmp_path / "samples.csv", tmp_path / "out" / "eigenproteins.parquet")
    words = ("--family", "linear", "--exposure", "age", "--adjust", "a=1", "--id", "pid")
    ending = proteomr("associate", *files, *words, "-o", tmp_path / "tested")
    assert ending.code == 0, ending.err
    rows = pl.read_parquet(tmp_path / "tested" / "associations.parquet")
    assert rows["protein"].to_list() == ["M1", "M2", "M3"]


def test_a_protein_that_cannot_enter_is_told_with_code_4(
    proteomr: Any, network: Any, tmp_path: Path
) -> None:
    make().with_columns(flat=pl.lit(1.0)).write_csv(tmp_path / "proteins.csv")
    words = ("network", tmp_path / "proteins.csv", "--power", 3, "--min-size", 8)
    ending = proteomr(*words, "-o", tmp_path / "odd")
    assert ending.code == 4
    assert "1 protein cannot enter the network (1 constant)" in ending.err
    assert proteomr(*words, "-o", tmp_path / "fine", "--allow-failures").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--power", "six"), 2, "a whole number, such as 6, or auto"),
        (("--power", "0"), 2, "1 to 100 is needed"),
        (("--power", "auto", "--scale-free", "0.99"), 3, "no power gives a signed scale-free r2"),
        (("--min-size", "100"), 3, "70 of 70 proteins can enter a network"),
        (("--min-size", "1"), 2, "2 or more"),
        (("--deep-split", "9"), 2, "0 to 4"),
        (("--edge-p", "0.1"), 2, "is of --method netboost"),
        (("--method", "netboost", "--second-stage", "none"), 2, "is of --method wgcna"),
        (("--permutations", "5"), 2, "100 or more"),
        (("--proteins", "P00,P99"), 3, "no protein 'P99'"),
        (("--where", "age > 3"), 3, "no column 'age'"),
        (("--preserve-in", "absent.csv"), 3, "absent.csv"),
        (("--correlation", "kendall"), 2, "kendall"),
    ],
)
def test_mistakes_are_answered_in_one_line(
    network: Any, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ending = network(*arguments)
    assert ending.code == code, ending.err
    assert words in ending.err
    assert "Traceback" not in ending.err
