"""Keys of the rows of a table, of which no more than some are in memory."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any, Final

import numpy as np
import polars as pl

from proteomr._typing import I64, Bool
from proteomr.files import storage_errors
from proteomr.gwas.variant_keys import find_repeated, rows_of

__all__ = ["KeyStore"]

_COLUMNS: Final[dict[str, type[np.generic]]] = {
    "variant": np.uint64,
    "site": np.uint64,
    "effect": np.float32,
    "error": np.float32,
}
_AT_ONCE: Final = 1 << 20  # rows in memory, and in each piece that is read: 24 MB
_SORTED: Final = 1 << 22  # keys, about, that are sorted at once: 32 MB
_ALL: Final = 1 << 64  # keys are spread evenly over 64 bits


class KeyStore:
    """Keys of rows as `proteomr.gwas.variant_keys.key_variants` makes them.

    What is more than a million rows stands in files without a name, until the store is closed.

    Parameters
    ----------
    at_once, sorted_at_once : rows in memory, and keys that are sorted at once.

    Examples
    --------
    >>> kinds = {"variant": pl.UInt64, "site": pl.UInt64, "effect": pl.Float32, "error": pl.Float32}
    >>> store = KeyStore()
    >>> store.add(pl.DataFrame({"variant": [7, 3, 7], "site": [1, 1, 2], "effect": 0.5,
    ...                         "error": 0.1}, schema_overrides=kinds))
    >>> store.find_repeated("variant").to_list(), store.rows_of("site", pl.Series([2])).tolist()
    ([7], [False, False, True])
    """

    def __init__(self, *, at_once: int = _AT_ONCE, sorted_at_once: int = _SORTED) -> None:
        self._at_once = at_once
        self._sorted = sorted_at_once
        self._held: list[pl.DataFrame] = []
        self._in_memory = 0
        self._aside = 0
        self._files: dict[str, IO[bytes]] = {}

    def add(self, keys: pl.DataFrame) -> None:
        """Take the keys of further rows.

        Raises
        ------
        StorageError
            The disk refused.
        """
        self._held.append(keys)
        self._in_memory += keys.height
        if self._in_memory > self._at_once:
            self._put_aside()

    @property
    def height(self) -> int:
        """Rows."""
        return self._aside + self._in_memory

    def close(self) -> None:
        """Let the files go."""
        for file in self._files.values():
            file.close()

    def find_repeated(self, name: str, *, among: Bool | None = None) -> pl.Series:
        """Return the keys that occur more than once, each once, in order.

        Parameters
        ----------
        name : of the column.
        among : (r,) rows that count; None for all.
        """
        passes = -(-self.height // self._sorted) or 1
        edges = [_ALL * i // passes for i in range(passes)]
        found = [self._repeated_from(name, low, among, edges[1:]) for low in edges]
        return pl.concat(found)

    def rows_of(self, name: str, wanted: pl.Series) -> Bool:
        """Return which rows have one of some keys.

        Parameters
        ----------
        name : of the column.
        wanted : the keys.
        """
        keys = wanted.cast(pl.UInt64)
        parts = [rows_of(pl.Series(piece), keys) for piece in self._pieces(name)]
        return np.concatenate(parts) if parts else np.empty(0, np.bool_)

    def take(self, rows: I64) -> pl.DataFrame:
        """Return all keys of some rows.

        Parameters
        ----------
        rows : their numbers, ascending.
        """
        return pl.DataFrame({name: self._take(name, rows) for name in _COLUMNS})

    def _take(self, name: str, rows: I64) -> np.ndarray[Any, Any]:
        start, parts = 0, [np.empty(0, _COLUMNS[name])]
        for piece in self._pieces(name):
            low, high = np.searchsorted(rows, [start, start + piece.size])
            parts.append(piece[rows[low:high] - start])
            start += piece.size
        return np.concatenate(parts)

    def _repeated_from(
        self, name: str, low: int, among: Bool | None, edges: list[int]
    ) -> pl.Series:
        """Return the repeated keys from a lower edge to the next."""
        high = min((edge for edge in edges if edge > low), default=_ALL)
        start, parts = 0, [np.empty(0, np.uint64)]
        for piece in self._pieces(name):
            kept = piece if among is None else piece[among[start : start + piece.size]]
            start += piece.size
            if edges:
                kept = kept[(kept >= np.uint64(low)) & (kept <= np.uint64(high - 1))]
            parts.append(kept)
        return find_repeated(pl.Series(np.concatenate(parts)))

    def _pieces(self, name: str) -> Iterator[np.ndarray[Any, Any]]:
        """Yield a column piece by piece."""
        kind = np.dtype(_COLUMNS[name])
        for start in range(0, self._aside, self._at_once):
            with storage_errors(tempfile.gettempdir()):
                self._files[name].seek(start * kind.itemsize)
                count = min(self._at_once, self._aside - start)
                content = self._files[name].read(count * kind.itemsize)
            yield np.frombuffer(content, kind)
        for keys in self._held:
            yield keys[name].to_numpy()

    def _put_aside(self) -> None:
        with storage_errors(tempfile.gettempdir()):
            for name in _COLUMNS:
                if name not in self._files:
                    self._files[name] = tempfile.TemporaryFile()  # noqa: SIM115 (kept open)
                file = self._files[name]
                file.seek(0, 2)
                for keys in self._held:
                    file.write(np.ascontiguousarray(keys[name].to_numpy()).tobytes())
        self._aside += self._in_memory
        self._held, self._in_memory = [], 0
