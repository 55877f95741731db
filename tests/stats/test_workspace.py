"""Arrays kept between blocks: their memory is reused, by name, type and thread."""

from __future__ import annotations

import threading

import numpy as np

from proteomr._typing import F64
from proteomr.stats.workspace import Workspace


def test_an_array_has_the_shape_and_the_type_asked_for() -> None:
    found = Workspace().take("eta", (3, 4), np.float32)
    assert found.shape == (3, 4)
    assert found.dtype == np.dtype(np.float32)


def test_a_smaller_array_of_the_same_name_lies_in_the_same_memory() -> None:
    space = Workspace()
    large = space.take("eta", (10, 10), np.float64)
    small = space.take("eta", (5, 4), np.float64)
    assert np.shares_memory(large, small)
    large[:] = 7.0
    assert np.all(small == 7.0)


def test_a_larger_array_takes_new_memory_and_keeps_it() -> None:
    space = Workspace()
    small = space.take("eta", (4,), np.float64)
    large = space.take("eta", (8,), np.float64)
    assert not np.shares_memory(small, large)
    assert np.shares_memory(space.take("eta", (4,), np.float64), large)


def test_names_and_types_have_memory_of_their_own() -> None:
    space = Workspace()
    arrays = [
        space.take("eta", (6,), np.float64),
        space.take("mu", (6,), np.float64),
        space.take("eta", (6,), np.float32),
    ]
    for i, one in enumerate(arrays):
        assert not any(np.shares_memory(one, other) for other in arrays[i + 1 :])


def test_an_array_without_elements_can_be_taken() -> None:
    assert Workspace().take("borders", (3, 0), np.float64).shape == (3, 0)


def test_threads_do_not_share_memory() -> None:
    space = Workspace()
    ours = space.take("eta", (6,), np.float64)
    theirs: list[F64] = []
    thread = threading.Thread(target=lambda: theirs.append(space.take("eta", (6,), np.float64)))
    thread.start()
    thread.join()
    assert len(theirs) == 1
    assert not np.shares_memory(ours, theirs[0])
