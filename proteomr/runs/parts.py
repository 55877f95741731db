"""What of a run is done: blocks with their digests, and facts that its end needs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from proteomr.errors import RunFolderError
from proteomr.execute import Shard
from proteomr.files import create_file, replace_file
from proteomr.provenance import canonical_json
from proteomr.runs.encoding import write_encoded
from proteomr.runs.layout import Layout, read_json
from proteomr.runs.lock import Lock
from proteomr.runs.notes import current_notes

__all__ = ["Parts", "write_bytes"]


@dataclass(frozen=True, slots=True)
class Parts:
    """The finished blocks of a run; several processes of one request may add to them.

    Parameters
    ----------
    layout : of the run.
    lock : that this process holds.
    request : digest of the request; parts of another one, copied beside these, are none.
    finished : whether the run was finished before: then no block is to be done.
    shard : which this process computes; None for all of the run.
    """

    layout: Layout
    lock: Lock
    request: str
    finished: bool = False
    shard: Shard | None = None
    _told: set[str] = field(default_factory=set[str], compare=False, repr=False)

    def pending(self, count: int) -> list[int]:
        """List the blocks of ``count`` that are still to be done: absent, torn or altered.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.save(1, {"fits": pl.DataFrame({"estimate": [0.5]})})
        ...         ledger.parts.pending(3)
        [0, 2]
        """
        if self.finished:
            return []
        return [index for index in range(count) if self._read(index) is None]

    def save(self, index: int, tables: Mapping[str, pl.DataFrame]) -> None:
        """Store the result of one block, with its digests beside it.

        Nothing is synced, which would be a wait of some milliseconds for each of its files: what a
        loss of power tears is told by its digest and done again.

        Parameters
        ----------
        index : number of the block, from 0.
        tables : its results by name.

        Raises
        ------
        StorageError
            The disk refused.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.save(0, {"fits": pl.DataFrame({"estimate": [0.5]})})
        """
        digests: dict[str, str] = {}
        for name, frame in tables.items():
            content = io.BytesIO()
            write_encoded(frame, content, format="parquet")
            digests[name] = hashlib.sha256(content.getbuffer()).hexdigest()
            write_bytes(self.layout.part(index, name), content.getvalue(), durable=False)
        facts = {"request": self.request, "tables": digests}
        write_bytes(self.layout.part_digests(index), canonical_json(facts), durable=False)
        self.keep_notes()
        self.lock.show_life()

    def load(self, index: int) -> dict[str, pl.DataFrame] | None:
        """Return the stored result of one block; None when it is absent, torn or altered.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.save(0, {"fits": pl.DataFrame({"estimate": [0.5]})})
        ...         ledger.parts.load(0)["fits"].item(), ledger.parts.load(1)
        (0.5, None)
        """
        contents = self._read(index)
        if contents is None:
            return None
        return {name: pl.read_parquet(io.BytesIO(data)) for name, data in contents.items()}

    def load_all(self, count: int) -> list[dict[str, pl.DataFrame]]:
        """Return the stored results of all blocks, in their order.

        Raises
        ------
        RunFolderError
            Blocks are absent or damaged; the message counts them.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.load_all(0)
        []
        """
        return self.load_some(range(count))

    def load_some(self, blocks: Sequence[int]) -> list[dict[str, pl.DataFrame]]:
        """Return the stored results of some blocks, in the order asked for.

        Raises
        ------
        RunFolderError
            Blocks are absent or damaged; the message counts them.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.load_some([])
        []
        """
        parts = [self.load(index) for index in blocks]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            lost = f"{len(parts) - len(whole)} of {len(parts)} parts"
            raise RunFolderError(
                f"{self.layout.title}: {lost} are absent, damaged or of another run; run the "
                "shards that made them again"
            )
        return whole

    def keep_facts(self, facts: Mapping[str, object]) -> None:
        """Store what the end of the run needs and only its beginning knows, as JSON values.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.keep_facts({"blocks": 3})
        ...         ledger.parts.facts()
        {'blocks': 3}
        """
        kept = {"request": self.request, "facts": dict(facts)}
        write_bytes(self.layout.facts, canonical_json(kept))

    def keep_call(self, facts: Mapping[str, object]) -> None:
        """Store how the run was called, unless another process of it has done so.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.keep_call({"seed": 1})
        ...         ledger.parts.recall()
        {'seed': 1}
        """
        create_file(self.layout.call, canonical_json(facts))

    def keep_notes(self) -> None:
        """Store what this process has said of the files, for whoever ends the run.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> from proteomr.runs.notes import add_note, collect_notes
        >>> with tempfile.TemporaryDirectory() as folder, collect_notes():
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         add_note("olink.csv: ends without a line break")
        ...         ledger.parts.keep_notes()
        ...         ledger.parts.recall_notes()
        ['olink.csv: ends without a line break']
        """
        said = current_notes()
        if self._told.issuperset(said):
            return
        self._told.update(said)
        file = self.layout.notes(self.shard)
        notes = list(dict.fromkeys([*self._read_notes(file), *said]))
        write_bytes(file, canonical_json({"request": self.request, "notes": notes}))

    def recall_notes(self) -> list[str]:
        """Return what every process of the run has said of the files, each sentence once."""
        kept = [note for file in self.layout.all_notes() for note in self._read_notes(file)]
        return list(dict.fromkeys(kept))

    def _read_notes(self, file: Path) -> list[str]:
        kept = read_json(file)
        if not isinstance(kept, dict) or kept.get("request") != self.request:
            return []
        notes = kept.get("notes")
        return [str(note) for note in notes] if isinstance(notes, list) else []

    def recall(self) -> Mapping[str, Any]:
        """Return what `keep_call` stored, here or in another process of the same run.

        Raises
        ------
        RunFolderError
            Nothing was stored: no process of this run has come as far.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.recall()
        Traceback (most recent call last):
        ...
        proteomr.errors.RunFolderError: ...: the run has not begun; run its shards first
        """
        return self._take_facts(read_json(self.layout.call))

    def facts(self) -> Mapping[str, Any]:
        """Return what `keep_facts` stored, here or in another process of the same run.

        Raises
        ------
        RunFolderError
            Nothing was stored: no process of this run has come as far.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.runs import Ledger
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={}) as ledger:
        ...         ledger.parts.facts()
        Traceback (most recent call last):
        ...
        proteomr.errors.RunFolderError: ...: the run has not begun; run its shards first
        """
        kept = read_json(self.layout.facts)
        of_this = isinstance(kept, dict) and kept.get("request") == self.request
        return self._take_facts(kept.get("facts") if isinstance(kept, dict) and of_this else None)

    def _take_facts(self, facts: object) -> Mapping[str, Any]:
        if not isinstance(facts, dict):
            raise RunFolderError(
                f"{self.layout.title}: the run has not begun; run its shards first"
            )
        return facts

    def _read(self, index: int) -> dict[str, bytes] | None:
        facts = read_json(self.layout.part_digests(index))
        if not isinstance(facts, dict) or facts.get("request") != self.request:
            return None
        tables = facts.get("tables")
        if not isinstance(tables, dict):
            return None
        contents: dict[str, bytes] = {}
        for name, digest in tables.items():
            try:
                data = self.layout.part(index, str(name)).read_bytes()
            except FileNotFoundError:
                return None
            if hashlib.sha256(data).hexdigest() != digest:
                return None
            contents[str(name)] = data
        return contents


def write_bytes(path: Path, content: bytes, *, durable: bool = True) -> None:
    """Put bytes into a file, whole or not at all, see :func:`proteomr.files.replace_file`."""
    replace_file(path, lambda file: file.write(content), durable=durable)
