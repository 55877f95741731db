"""A network that was killed goes on where it was, to the same tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.network import NetworkOptions, network
from proteomr.stats.pair_correlations import PairCorrelations
from proteomr.stats.symmetric_tiles import Tile
from tests.stats.networks import plant

OPTIONS = NetworkOptions(power=3, min_size=10, permutations=100)


def make(seed: int) -> pl.DataFrame:
    """Return people with missing values, and more proteins than two stretches of tiles hold."""
    x, _ = plant((200, 120), n=80, loose=240, weight=1.3, seed=seed)
    x[np.random.default_rng(seed).random(x.shape) < 0.03] = np.nan
    x[0] = np.where(np.arange(80) < 60, 1.0, x[0])  # bicor replaces it
    names = [f"P{j:03d}" for j in range(len(x))]
    ids = [f"S{i:03d}" for i in range(80)]
    return pl.DataFrame({"ID": ids, **dict(zip(names, x, strict=True))}).fill_nan(None)


@pytest.fixture
def count(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[Tile]]:
    """Return a way to interrupt after so many tiles, which lists those that were begun."""
    plain = PairCorrelations.correlate

    def interrupt_after(tiles: int) -> list[Tile]:
        begun: list[Tile] = []

        def correlate(self: PairCorrelations, tile: Tile) -> F64:
            if len(self.values) < 40:  # eigenproteins
                return plain(self, tile)
            if len(begun) == tiles:
                raise KeyboardInterrupt
            begun.append(tile)
            return plain(self, tile)

        monkeypatch.setattr(PairCorrelations, "correlate", correlate)
        return begun

    return interrupt_after


def run(out: Path, *, resume: bool = False) -> dict[str, pl.DataFrame]:
    """Return the tables of a network."""
    found = network(
        make(1), preserve_in=make(2), options=OPTIONS, out=out, threads=1, resume=resume
    )
    return {name: found.table(name) for name in found.names}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """Return the tables of a network that nothing interrupts."""
    return run(tmp_path_factory.mktemp("whole") / "run")


@pytest.mark.parametrize("tiles", [4, 7, 10])  # in and after the first cohort, in the second
def test_a_killed_network_goes_on_to_the_same_tables(
    tmp_path: Path,
    count: Callable[[int], list[Tile]],
    whole: dict[str, pl.DataFrame],
    tiles: int,
) -> None:
    count(tiles)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "killed")
    begun = count(99)
    again = run(tmp_path / "killed", resume=True)
    assert set(again) == set(whole)
    for name, table in whole.items():
        assert again[name].equals(table), name
    # a stretch of three, of two, of one tile: what was complete is not done again
    done = [0, 3, 5, 6, 9, 11, 12]
    kept = max(edge for edge in done if edge <= tiles)
    assert len(begun) == 12 - kept


def test_what_is_told_of_a_network_is_told_when_it_is_resumed(
    tmp_path: Path, count: Callable[[int], list[Tile]]
) -> None:
    options = NetworkOptions(correlation="bicor", power=3, min_size=10)
    frame = make(1)[:, :60]
    whole = network(frame, options=options, out=tmp_path / "whole", threads=1)
    wanted = [note for note in whole.notes if "bicor is Pearson" in note]
    assert len(wanted) == 1
    count(0)
    with pytest.raises(KeyboardInterrupt):
        network(frame, options=options, out=tmp_path / "killed", threads=1)
    count(99)
    again = network(frame, options=options, out=tmp_path / "killed", threads=1, resume=True)
    assert again.notes == whole.notes
