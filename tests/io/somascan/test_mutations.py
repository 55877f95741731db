"""A valid ADAT, damaged at random: the same values, or a refusal."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr.errors import InputError
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.somascan import SomaScan
from proteomr.tables import Measurements
from tests.io.somascan.adats import (
    FIRST_ROW,
    KEYS,
    PREAMBLE,
    ROWS,
    VALUES,
    Table,
    encode,
    grid,
    values,
)


def _delete(cells: Table, at: int, _: str) -> None:
    del cells[at]


def _repeat(cells: Table, at: int, _: str) -> None:
    cells.insert(at, list(cells[at]))


def _swap(cells: Table, at: int, _: str) -> None:
    cells[at], cells[-1 - at] = cells[-1 - at], cells[at]


def _delete_column(cells: Table, at: int, _: str) -> None:
    for line in cells[len(PREAMBLE) :]:
        del line[at % 13 : at % 13 + 1]


def _swap_columns(cells: Table, at: int, _: str) -> None:
    for line in cells[len(PREAMBLE) :]:
        if len(line) > 12:
            line[at % 13], line[12 - at % 7] = line[12 - at % 7], line[at % 13]


def _delete_cell(cells: Table, at: int, _: str) -> None:
    line = cells[at]
    del line[(at * 7) % len(line)]


def _replace(cells: Table, at: int, text: str) -> None:
    line = cells[at]
    line[(at * 5) % len(line)] = text


MUTATIONS: list[Callable[[Table, int, str], None]] = [
    *(_delete, _repeat, _swap, _delete_column, _swap_columns, _delete_cell, _replace)
]


def _known(made: Measurements) -> dict[tuple[str, str], float]:
    rows, columns = made.samples["sample_id"], made.proteins.names
    pairs = itertools.product(rows, columns)
    return dict(zip(pairs, values(made).ravel().tolist(), strict=True))


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    mutation=st.sampled_from(MUTATIONS),
    at=st.integers(0, FIRST_ROW + len(ROWS) - 2),
    text=st.sampled_from(
        ["", "NA", "s1", "1E+05", "5,5", "Jan-75", "\t", '"', "SeqId", "x\ny", "Age"]
    ),
    trailing=st.integers(0, 2),
    cut=st.integers(0, 400),
    delimiter=st.sampled_from(["\t", "\t", ","]),
)
def test_a_damaged_file_gives_the_same_values_or_an_error(
    tmp_path: Path,
    mutation: Callable[[Table, int, str], None],
    at: int,
    text: str,
    trailing: int,
    cut: int,
    delimiter: str,
) -> None:
    cells = [[*line, *[""] * trailing] for line in grid()]
    mutation(cells, at, text)
    content = encode(cells, delimiter)
    if cut < 200:
        content = content[: len(content) - cut]
    path = tmp_path / "damaged.adat"
    path.write_bytes(content)
    original = dict(zip(itertools.product(["s1", "s2", "s3"], KEYS), np.ravel(VALUES), strict=True))
    try:
        source = open_source(path)
        made = SomaScan().read((source,), options=IngestOptions(), scratch=tmp_path)
    except InputError:
        return
    touched = mutation is _replace
    differing = [
        key
        for key, value in _known(made).items()
        if key in original and not np.array_equal(value, original[key], equal_nan=True)
    ]
    assert len(differing) <= (1 if touched and text in {"", "NA", "1E+05"} else 0)
