from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from proteomr.errors import StorageError
from proteomr.simulate.covariates import Covariates
from proteomr.simulate.effects import plant_effects
from proteomr.simulate.measurement import Chunk, Measurement, draw_measurement, plan_chunks
from proteomr.simulate.people import draw_people
from proteomr.simulate.study import SHEN2025
from proteomr.simulate.write import write_columns, write_proteins

NAMES = [f"x{place}" for place in range(70)]


@pytest.fixture(scope="module")
def measurement() -> Measurement:
    covariates = Covariates(SHEN2025, draw_people(SHEN2025, 17_000, seed=2))
    return draw_measurement(covariates, plant_effects(covariates, 70, seed=2), seed=2)


@pytest.fixture(scope="module")
def path(measurement: Measurement, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("write") / "proteins.parquet"
    write_proteins(file, measurement, names=NAMES)
    return file


def test_a_row_group_holds_one_chunk(measurement: Measurement, path: Path) -> None:
    found = pq.read_metadata(path)
    groups = [found.row_group(place).num_rows for place in range(found.num_row_groups)]
    assert groups == [chunk.rows for chunk in plan_chunks(17_000, 70)]
    assert len(groups) == 2


def test_the_file_holds_the_values_and_nulls_of_the_measurement(
    measurement: Measurement, path: Path
) -> None:
    frame = pl.read_parquet(path)
    assert frame["sample_id"].to_list() == (
        measurement.covariates.people.columns["sample_id"].tolist()
    )
    chunk = plan_chunks(17_000, 70)[1]
    block = frame[chunk.start : chunk.stop, 1:]
    for first, values, missing in measurement.blocks(chunk):
        for place in range(len(values)):
            column = block[NAMES[first + place]]
            assert np.array_equal(column.is_null().to_numpy(), missing[place])
            assert np.array_equal(column.fill_null(0).to_numpy(), values[place])


def test_values_are_float32_and_none_is_nan(path: Path) -> None:
    frame = pl.read_parquet(path).drop("sample_id")
    assert set(frame.dtypes) == {pl.Float32}
    assert frame.select(pl.all().is_nan().any()).row(0) == (False,) * 70


def test_an_absent_folder_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="the folder does not exist"):
        write_columns(tmp_path / "absent" / "a.parquet", {"a": [1]})
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_no_file(
    measurement: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(measurement: Measurement, chunk: Chunk) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Measurement, "blocks", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_proteins(tmp_path / "proteins.parquet", measurement, names=NAMES)
    assert list(tmp_path.iterdir()) == []
