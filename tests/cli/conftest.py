from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from proteomr_cli import main

from proteomr.scan import BLOCK_SIZE

PEOPLE, PROTEINS = 150, 12
FIRST_ID = 7_300_001


@dataclass(frozen=True)
class Ending:
    """How a command ended: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The one line on stderr of a command that failed, which names nobody."""
        assert self.out == ""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("error: ")
        assert "Traceback" not in self.err
        assert not any(str(FIRST_ID + i) in self.err for i in range(PEOPLE))
        return self.err.removeprefix("error: ").rstrip("\n")


Run = Callable[..., Ending]


@dataclass(frozen=True)
class Study:
    """Small files of samples and proteins, as frames to be altered and as paths."""

    folder: Path
    samples: pl.DataFrame
    proteins: pl.DataFrame

    def write(self, name: str, frame: pl.DataFrame) -> Path:
        """Write a frame as csv or parquet, as the name says, and return its path."""
        path = self.folder / name
        if name.endswith(".parquet"):
            frame.write_parquet(path)
        else:
            frame.write_csv(path)
        return path


@pytest.fixture
def proteomr(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, its arguments given one by one."""

    def run(*arguments: object) -> Ending:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main.run([str(argument) for argument in arguments])
        shown = capsys.readouterr()
        return Ending(int(left.value.code or 0), shown.out, shown.err)

    return run


def make_study(folder: Path, *, people: int = PEOPLE, proteins: int = PROTEINS) -> Study:
    rng = np.random.default_rng(7)
    ids = np.arange(FIRST_ID, FIRST_ID + people)
    lonely = np.arange(people) % 3 == 0
    samples = pl.DataFrame(
        {
            "ID": ids,
            "lonely": lonely.astype(np.int64),
            "isolated": (np.arange(people) % 4 == 0).astype(np.int64),
            "age": rng.integers(40, 70, people),
            "bmi": rng.normal(27, 4, people).round(1),
            "site": np.array(["Leeds", "Oxford", "Bristol"])[np.arange(people) % 3 - 1],
            "three": np.arange(people) % 3,
            "always": np.ones(people, dtype=np.int64),
        }
    ).with_columns(pl.col("site").shuffle(seed=3))
    values = rng.normal(size=(people, proteins)).round(4)
    values[:, 0] += lonely
    columns = {f"P{j:03d}": values[:, j] for j in range(proteins)}
    return Study(folder, samples, pl.DataFrame({"ID": ids, **columns}))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    made = make_study(tmp_path)
    made.write("samples.csv", made.samples)
    made.write("proteins.parquet", made.proteins)
    return made


@pytest.fixture
def associate(proteomr: Run, study: Study) -> Run:
    """Run associate on the small study; further arguments are added, files replaced by keyword."""

    def run(
        *arguments: object,
        samples: str = "samples.csv",
        proteins: str = "proteomics",
        family: str = "linear",
        exposure: str = "lonely",
    ) -> Ending:
        given = study.folder / ("proteins.parquet" if proteins == "proteomics" else proteins)
        models = ("--family", family, "--exposure", exposure)
        ends = () if "-o" in arguments else ("-o", study.folder / "out")
        return proteomr("associate", study.folder / samples, given, *models, *arguments, *ends)

    return run


@pytest.fixture
def wide(study: Study) -> Study:
    """Replace the proteins of the study by more, so that they make three blocks."""
    made = make_study(study.folder, proteins=2 * BLOCK_SIZE + 20)
    made.write("proteins.parquet", made.proteins)
    return made


@pytest.fixture
def wider(study: Study) -> Study:
    """Replace the proteins of the study by so many that halves have two blocks."""
    made = make_study(study.folder, proteins=3 * BLOCK_SIZE + 20)
    made.write("proteins.parquet", made.proteins)
    return made
