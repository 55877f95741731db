from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import IdentifierError
from proteomr.io.formats import IngestOptions
from proteomr.io.long_form.replicates import scatter
from proteomr.tables import Measurements

Read = Callable[..., Measurements]
Row = tuple[str, str, str | None, str | None, float | None]

_NAMES = ("sample_id", "protein", "plate", "well", "value")
_TWICE = (
    "SampleID,OlinkID,Assay,PlateID,WellID,NPX\n"
    "A,OID1,IL6,P2,A1,3\nA,OID1,IL6,P1,B1,NA\nA,OID1,IL6,P1,A1,1\nB,OID1,IL6,P1,C1,7\n"
)


def _frame(rows: list[Row]) -> pl.DataFrame:
    kinds = {"sample_id": pl.Enum(list("ABC")), "protein": pl.Enum(list("xyz"))}
    types: dict[str, pl.DataType] = {"value": pl.Float64(), **kinds}
    types.update(dict.fromkeys(_NAMES[2:4], pl.String()))
    return pl.DataFrame(rows, schema={name: types[name] for name in _NAMES}, orient="row")


_rows = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from("xyz"),
        st.sampled_from(["P1", "P2", None]),
        st.sampled_from(["A1", "A2", None]),
        st.none() | st.integers(-8, 8).map(float),
    ),
    min_size=1,
    max_size=20,
)


@given(_rows, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_mean_and_first_equal_a_slow_loop_in_any_order(
    rows: list[Row], shuffler: random.Random
) -> None:
    cells = defaultdict[tuple[str, str], list[Row]](list)
    for row in rows:
        cells[row[0], row[1]].append(row)
    shuffled = list(rows)
    shuffler.shuffle(shuffled)
    first, mean = (scatter(_frame(shuffled).lazy(), replicates=how) for how in ("first", "mean"))
    for (sample, protein), found in cells.items():
        at = (first.samples.to_list().index(sample), first.proteins.to_list().index(protein))
        values = [row[4] for row in found if row[4] is not None]
        ranked = sorted(
            found, key=lambda row: (row[4] is None, row[2] or "", row[3] or "", row[4] or 0.0)
        )
        chosen = ranked[0][4]
        np.testing.assert_equal(first.values[at], np.nan if chosen is None else chosen)
        np.testing.assert_equal(mean.values[at], np.mean(values) if values else np.nan)


def test_replicates_are_refused_with_their_count_and_the_remedy(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    path.write_text(_TWICE)
    with pytest.raises(
        IdentifierError, match=r"1 samples .*\(3 rows\).*--replicates first or mean"
    ):
        read(path)


@pytest.mark.parametrize(("how", "value"), [("first", 1.0), ("mean", 2.0)])
def test_replicates_are_said_and_their_plates_are_those_that_were_taken(
    how: str, value: float, tmp_path: Path, read: Read
) -> None:
    path = tmp_path / "npx.csv"
    path.write_text(_TWICE)
    options = {"first": IngestOptions(replicates="first"), "mean": IngestOptions(replicates="mean")}
    made = read(path, options=options[how])
    assert made.proteins.read(slice(1)).ravel().tolist() == [value, 7.0]
    assert f"1 samples have an assay measured more than once: the {how} is taken" in made.notes
    plates = made.plates.filter(pl.col("sample_id") == "A")["plate"].to_list()
    assert plates == {"first": ["P1"], "mean": ["P1", "P1", "P2"]}[how]


def test_the_same_file_twice_is_a_replicate(tmp_path: Path, read: Read) -> None:
    path = tmp_path / "npx.csv"
    path.write_text("SampleID,OlinkID,Assay,NPX\nA,OID1,IL6,3\n")
    with pytest.raises(IdentifierError, match="1 samples"):
        read(path, path)
