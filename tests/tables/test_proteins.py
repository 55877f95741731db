from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proteomr.errors import ColumnError, InputError
from proteomr.tables import ArrayProteins, Proteins, average_repeats, proteins_from_frame

VALUES = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])
PROTEINS = ArrayProteins(("A", "B", "C"), VALUES)


def test_arrays_are_proteins() -> None:
    proteins: Proteins = PROTEINS
    assert isinstance(proteins, Proteins)
    assert proteins.n == 2


def test_a_block_is_fortran_ordered_and_owned_by_the_caller() -> None:
    block = PROTEINS.read(slice(0, 2))
    assert block.flags.f_contiguous
    assert block.T.flags.c_contiguous
    block[:] = 0
    assert PROTEINS.values[0, 0] == 1.0


def test_rows_and_columns_are_selected_in_the_order_given() -> None:
    chosen = PROTEINS.select_columns(["C", "A"]).select_rows(np.array([1, -1, 0]))
    assert chosen.names == ("C", "A")
    expected = [[6.0, 4.0], [np.nan, np.nan], [3.0, 1.0]]
    np.testing.assert_array_equal(chosen.read(slice(0, 2)), expected)


def test_an_unknown_protein_names_the_nearest() -> None:
    proteins = ArrayProteins(("GDF15",), np.zeros((1, 1)))
    with pytest.raises(ColumnError, match=r"no protein 'GDF5' \(did you mean 'GDF15'\?\)"):
        proteins.select_columns(["GDF5"])
    with pytest.raises(ColumnError, match="named twice"):
        proteins.select_columns(["GDF15", "GDF15"])


def test_a_repeated_name_is_refused() -> None:
    with pytest.raises(InputError, match="'A' stands twice"):
        ArrayProteins(("A", "A"), np.zeros((1, 2)))
    with pytest.raises(InputError, match=r"1 protein names for values of shape \(1, 2\)"):
        ArrayProteins(("A",), np.zeros((1, 2)))


def test_a_frame_becomes_proteins_with_null_as_nan() -> None:
    proteins = proteins_from_frame(pl.DataFrame({"A": [1, None], "B": [0.5, float("inf")]}))
    expected = [[1.0, 0.5], [np.nan, np.inf]]
    np.testing.assert_array_equal(proteins.read(slice(0, 2)), expected)
    with pytest.raises(ColumnError, match="'A' holds String"):
        proteins_from_frame(pl.DataFrame({"A": ["x"]}))


FURTHER = st.lists(
    st.tuples(st.integers(0, 3), st.floats(-1e6, 1e6, allow_nan=False)), min_size=0, max_size=12
)


@given(further=FURTHER, data=st.data())
def test_repeated_values_are_averaged_whatever_their_order(
    further: list[tuple[int, float]], data: st.DataObject
) -> None:
    first = [1.5, -2.0, 1e5, 0.1]
    expected = [
        float(np.mean([first[j], *(value for cell, value in further if cell == j)]))
        for j in range(4)
    ]
    made = []
    for rows in (further, data.draw(st.permutations(further))):
        flat = np.array(first)
        cells = np.array([cell for cell, _ in rows], dtype=np.int64)
        average_repeats(flat, cells=cells, values=np.array([value for _, value in rows]))
        made.append(flat)
    np.testing.assert_allclose(made[0], expected, rtol=1e-9, atol=1e-9)
    assert made[0].tobytes() == made[1].tobytes()
