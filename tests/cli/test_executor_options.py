"""`--executor`, `--dask-scheduler` and `--effective-tests`: what they give and what they refuse."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from typing import Any

import polars as pl
import pytest
from proteomr_cli.bundles import Blocks
from proteomr_cli.jobs import choose_executor

from proteomr.association import count_effective_tests
from proteomr.dask_executor import Dask
from proteomr.io import read_cohort

NO_DASK = pytest.mark.skipif(
    find_spec("distributed") is None, reason="Dask, an extra, is not installed"
)
BOTH = ("--exposure", "isolated")


@NO_DASK
def test_dask_gives_the_bytes_of_a_local_run(associate: Any, wide: Any) -> None:
    sets = ("--adjust", "simple=age + C(site)")
    ending = associate(*sets, "--executor", "dask", "--threads", 1, "-o", wide.folder / "dask")
    associate(*sets, "--executor", "local", "-o", wide.folder / "local")
    assert (ending.code, ending.err) == (0, "")
    for name in ("associations.parquet", "summary.tsv", "drops.tsv"):
        found = [(wide.folder / folder / name).read_bytes() for folder in ("dask", "local")]
        assert found[0] == found[1]
    manifest = json.loads((wide.folder / "dask" / "manifest.json").read_text())
    assert manifest["configuration"]["executor"] == "dask"


def test_processes_give_the_bytes_of_a_local_run(associate: Any, wide: Any) -> None:
    sets = ("--adjust", "simple=age + C(site)")
    apart = ("--executor", "processes", "--threads", 2, "-o", wide.folder / "processes")
    ending = associate(*sets, *apart)
    associate(*sets, "-o", wide.folder / "local")
    assert (ending.code, ending.err) == (0, "")
    for name in ("associations.parquet", "summary.tsv", "drops.tsv"):
        found = [(wide.folder / folder / name).read_bytes() for folder in ("processes", "local")]
        assert found[0] == found[1]


@NO_DASK
def test_dask_gets_the_scheduler_and_as_many_workers_as_threads() -> None:
    asked = Blocks(executor="dask", dask_scheduler="tcp://10.0.0.5:8786")
    assert choose_executor(asked, 3) == Dask("tcp://10.0.0.5:8786", 3)


@NO_DASK
def test_an_address_without_a_scheduler_is_a_mistake_of_usage(associate: Any) -> None:
    ending = associate("--executor", "dask", "--dask-scheduler", "127.0.0.1")
    assert ending.code == 2
    assert "no Dask scheduler answers at '127.0.0.1'" in ending.message


def test_without_dask_its_executor_is_refused_before_anything_is_written(
    associate: Any, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    ending = associate("--executor", "dask")
    assert ending.code == 2
    assert "pip install 'proteomr[dask]'" in ending.message
    assert not (study.folder / "out").exists()


def test_a_scheduler_without_the_executor_is_refused(associate: Any) -> None:
    ending = associate("--dask-scheduler", "tcp://127.0.0.1:8786")
    assert ending.code == 2
    assert "add --executor dask" in ending.message


def test_an_unknown_executor_is_refused(associate: Any) -> None:
    ending = associate("--executor", "ray")
    assert ending.code == 2
    assert "'local', 'processes', 'dask'" in ending.message


@pytest.mark.parametrize(("tests", "exposures"), [("joint", 2), ("exposure", 1)])
def test_effective_tests_are_written_printed_and_in_the_manifest(
    associate: Any, study: Any, tests: str, exposures: int
) -> None:
    ending = associate("--effective-tests", *BOTH, "--tests", tests, "--transform", "zscore")
    out = study.folder / "out"
    files = study.folder / "samples.csv", study.folder / "proteins.parquet"
    cohort = read_cohort(*files, scratch=study.folder)
    expected = count_effective_tests(cohort, transform="zscore").to_dicts()
    written = pl.read_csv(out / "effective_tests.tsv", separator="\t").to_dicts()
    assert [row["method"] for row in written] == ["nyholt", "li_ji", "galwey", "gao"]
    for row, found in zip(written, expected, strict=True):
        assert row["proteins"] == found["proteins"] == 12
        assert row["effective_tests"] == pytest.approx(found["effective_tests"], rel=1e-12)
        assert row["exposures"] == exposures
        threshold = 0.05 / (row["effective_tests"] * exposures)
        assert row["threshold"] == pytest.approx(threshold, rel=1e-12)
        shown = f"of 12 proteins, threshold p < {threshold:.3g}"
        assert [line for line in ending.out.splitlines() if line.startswith(row["method"])] == [
            f"{row['method']:<10}  {row['effective_tests']:.1f} effective tests {shown}"
        ]
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["effective_tests"] == written
    assert "effective_tests.tsv" in {file["name"] for file in manifest["outputs"]}
    assert ending.out.splitlines()[-1] == str(out / "associations.parquet")


def test_without_the_option_no_effective_tests_are_counted(associate: Any, study: Any) -> None:
    associate()
    assert not (study.folder / "out" / "effective_tests.tsv").exists()
    manifest = json.loads((study.folder / "out" / "manifest.json").read_text())
    assert manifest["effective_tests"] == []


def test_effective_tests_of_a_shard_are_refused(associate: Any, study: Any) -> None:
    ending = associate("--effective-tests", "--shard", "1/2")
    assert ending.code == 2
    assert "use it on a run without --shard" in ending.message
    assert not (study.folder / "out").exists()


def test_a_finished_run_without_effective_tests_is_not_said_to_have_them(associate: Any) -> None:
    first = associate()
    second = associate("--resume", "--effective-tests")
    assert (first.code, second.code) == (0, 3)
    assert "differs in effective_tests); choose another folder, or replace it" in second.message
    third = associate("--overwrite", "--effective-tests")
    again = associate("--resume", "--effective-tests")
    assert (third.code, again.code) == (0, 0)
    assert third.out == again.out


def test_the_columns_of_the_effective_tests_are_described(
    associate: Any, study: Any, proteomr: Any
) -> None:
    associate("--effective-tests")
    described = proteomr("schema", "effective_tests", "--format", "toml").out
    header = (study.folder / "out" / "effective_tests.tsv").read_text().splitlines()[0].split("\t")
    names = [line for line in described.splitlines() if line.startswith("name = ")][1:]
    assert names == [f'name = "{column}"' for column in header]
