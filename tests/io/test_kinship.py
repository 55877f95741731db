"""Kinship from pairs and matrices: the scales, who is left out, and what contradicts itself."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, FormatError, IdentifierError, InputError
from proteomr.io import read_kinship
from proteomr.runs.notes import collect_notes
from proteomr.stats import relatedness

IDS = pl.Series("id", ["a", "b", "c"])
SIBS = [[1.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 1.0]]


def write(folder: Path, text: str, name: str = "kinship.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "id1,id2,kinship\na,b,0.25\n",
        "FID1\tID1\tFID2\tID2\tN_SNP\tKinship\nf\tb\tf\ta\t100\t0.25\n",
        "IID1,IID2,relatedness\nb,a,0.5\na,b,0.5\n",
        "IID1,IID2,PI_HAT\nb,a,0.5\nb,elsewhere,0.5\n",
        "id,a,b,c\na,1,0.5,0\nb,0.5,1,0\nc,0,0,1\n",
        "id,c,a,b\na,0,0.5,0.25\nb,0,0.25,0.5\nc,0.5,0,0\n",
    ],
    ids=["pairs", "king", "twice", "pi_hat", "square", "square of kinship"],
)
def test_kinship_is_doubled_and_relatedness_is_not(tmp_path: Path, text: str) -> None:
    with collect_notes() as notes:
        found = read_kinship(write(tmp_path, text), IDS)
    np.testing.assert_allclose(found.matrix.toarray(), SIBS)
    assert found.known.all()
    assert any(note.startswith("kinship: ") for note in notes)


def test_a_matrix_of_gcta_has_its_identifiers_beside(tmp_path: Path) -> None:
    cells = "1\t1\t9\t1.02\n2\t1\t9\t0.5\n2\t2\t9\t0.98\n"
    with gzip.open(tmp_path / "all.grm.gz", "wt") as file:
        file.write(cells)
    with pytest.raises(InputError, match=r"all.grm.id, are not beside it"):
        read_kinship(tmp_path / "all.grm.gz", IDS)
    write(tmp_path, "f\ta\nf\tb\n", "all.grm.id")
    found = read_kinship(tmp_path / "all.grm.gz", IDS)
    np.testing.assert_allclose(found.matrix.toarray()[:2, :2], [[1.02, 0.5], [0.5, 0.98]])
    assert found.known.tolist() == [True, True, False]


def test_who_is_in_no_pair_is_unrelated_and_who_is_in_no_matrix_is_not_known(
    tmp_path: Path,
) -> None:
    found = read_kinship(write(tmp_path, "id,a,b\na,1,0.5\nb,0.5,1\n"), IDS)
    assert found.known.tolist() == [True, True, False]
    pairs = read_kinship(write(tmp_path, "id1,id2,kinship\na,b,0.25\n"), IDS)
    assert pairs.known.all()


def test_a_pair_of_one_person_says_what_they_have_with_themselves(tmp_path: Path) -> None:
    found = read_kinship(write(tmp_path, "id1,id2,kinship\na,b,0.25\na,a,0.53\n"), IDS)
    assert found.matrix.diagonal().tolist() == [1.06, 1.0, 1.0]


def test_pairs_below_zero_are_unrelated_and_said(tmp_path: Path) -> None:
    path = write(tmp_path, "id1,id2,kinship\na,b,0.25\na,c,-0.02\n")
    with collect_notes() as notes:
        found = read_kinship(path, IDS)
    np.testing.assert_allclose(found.matrix.toarray(), SIBS)
    assert "kinship: 1 pairs below 0 are taken for unrelated" in notes


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("id1,id2\na,b\n", ColumnError, "pairs need columns id1, id2 and kinship"),
        ("id1,id2,kinship\na,b,x\n", FormatError, "holds text"),
        ("id1,id2,kinship\na,b,\nb,c,0.1\n", FormatError, "1 pairs have no kinship"),
        ("id1,id2,kinship\nx,y,0.25\n", IdentifierError, "no pair is of people of the samples"),
        (
            "id1,id2,kinship\na,b,0.25\nb,a,0.1\n",
            FormatError,
            "1 pairs stand twice with unlike kinship",
        ),
        ("id,a,b\na,1,0.5\nb,0.4,1\n", FormatError, r"not symmetric \(by up to 0.1\)"),
        ("id,a,b\na,1,0.5\na,0.5,1\n", IdentifierError, "stands twice"),
        ("id,a,b\na,1,0.5\nc,0.5,1\n", FormatError, "1 rows of the matrix have no column"),
        ("id,a,b\na,1,\nb,0.5,1\n", FormatError, "1 cells of the matrix are empty"),
        ("id,x,y\nx,1,0.5\ny,0.5,1\n", IdentifierError, "nobody of the samples"),
        ("id,age\na,1\nb,2\n", FormatError, "neither pairs"),
        (
            "id1,id2,kinship\na,b,0.5\nb,c,0.5\n",
            InputError,
            "3 relatives have a matrix with the eigenvalue -0.41",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(
    tmp_path: Path, text: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        read_kinship(write(tmp_path, text), IDS)
    assert "\n" not in str(caught.value)


def test_relatives_by_chains_of_pairs_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proteomr.io.kinship.LARGEST_BLOCK", 2)
    text = "id1,id2,kinship\na,b,0.25\nb,c,0.1\n"
    with pytest.raises(InputError, match="3 people are related to one another"):
        read_kinship(write(tmp_path, text), IDS)


def test_large_blocks_are_decomposed_once_and_others_with_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from scipy import sparse

    monkeypatch.setattr(relatedness, "_REMEMBERED", 2)
    found = relatedness.Relatedness.of(sparse.csr_array(np.array(SIBS)))
    D = np.arange(6.0).reshape(3, 2)
    first = found.turn(D).turned
    assert len(found.solved) == 1
    np.testing.assert_array_equal(found.turn(D).turned, first)
    assert found.take(np.array([0, 2])).turn(D[[0, 2]]).roots.shape == (2, 1, 1)
    assert len(found.solved) == 1
