"""A folder that holds one run: its request, the parts done so far, and the results."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import polars as pl

from proteomr.errors import RunFolderError
from proteomr.execute import Shard
from proteomr.files import replace_file
from proteomr.provenance import canonical_json
from proteomr.runs.layout import Layout
from proteomr.runs.lock import Lock
from proteomr.runs.state import close_run, lock_folder, open_run

__all__ = ["RunFolder", "TableFormat"]

TableFormat = Literal["parquet", "csv", "tsv"]

_PLAIN_NAME = re.compile(r"[^./\\\x00][^/\\\x00]*")


@dataclass(slots=True)
class RunFolder:
    """A run folder that this process holds; made by `RunFolder.open`, used as a context manager.

    A run stores every finished block as a part, so that a run killed at any moment can be resumed
    and gives the same bytes. Results are written whole or not at all. Nothing that proteomr did not
    write is ever changed or removed.

    Attributes
    ----------
    path : the folder.
    finished : True when the folder already holds the complete result of this very request.
    shard : which shard of the run this process computes; None for all of it.
    """

    path: Path
    finished: bool
    shard: Shard | None
    _layout: Layout
    _request: Mapping[str, object]
    _lock: Lock | None
    _written: dict[str, bool] = field(default_factory=dict[str, bool])

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        request: Mapping[str, object],
        resume: bool = False,
        overwrite: bool = False,
        shard: Shard | None = None,
    ) -> Self:
        """Take hold of a folder for one run.

        Parameters
        ----------
        path : the folder; made when it does not exist.
        request : everything that determines the numbers, with digests of the inputs; JSON values.
        resume : continue the run of the same request that the folder holds, if it holds one.
        overwrite : replace what an earlier run left. Its results stand until the new ones are
            complete; its parts are removed at once.
        shard : compute one shard of the run. The shards of one request share the folder without
            further ado; results are written by whoever opens the folder without a shard.

        Raises
        ------
        RunFolderError
            The folder is in use, holds another run or a finished one, or files that are not
            proteomr's; the message names the remedy.
        StorageError
            The folder cannot be made or written.
        TypeError, ValueError
            The request holds what JSON cannot.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={"exposure": "isolation"}) as run:
        ...         run.pending(3)
        [0, 1, 2]
        """
        layout = Layout(Path(path))
        canonical_json(request)
        lock = lock_folder(layout, shard=shard)
        try:
            finished = open_run(
                layout, request=request, resume=resume, overwrite=overwrite, shard=shard
            )
        except BaseException:
            lock.release()
            layout.remove_if_empty()
            raise
        return cls(layout.path, finished, shard, layout, dict(request), lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def pending(self, count: int) -> list[int]:
        """List the parts of ``count`` that are still to be computed: absent, torn or altered.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.save_part(1, pl.DataFrame({"estimate": [0.5]}))
        ...         run.pending(3)
        [0, 2]
        """
        if self.finished:
            return []
        return [index for index in range(count) if self._part_bytes(index) is None]

    def save_part(self, index: int, frame: pl.DataFrame) -> None:
        """Store the result of one block, with its digest beside it.

        Parameters
        ----------
        index : number of the block, from 0.
        frame : its result.

        Raises
        ------
        StorageError
            The disk refused.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.save_part(0, pl.DataFrame({"estimate": [0.5]}))
        """
        lock = self._held()
        content = _encode(frame, format="parquet")
        part, digest = self._layout.part(index), self._layout.part_digest(index)
        replace_file(part, lambda file: file.write(content))
        replace_file(digest, lambda file: file.write(_sha256(content)))
        lock.show_life()

    def load_part(self, index: int) -> pl.DataFrame | None:
        """Return the stored result of one block; None when it is absent, torn or altered.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.save_part(0, pl.DataFrame({"estimate": [0.5]}))
        ...         run.load_part(0).item(), run.load_part(1)
        (0.5, None)
        """
        content = self._part_bytes(index)
        return None if content is None else pl.read_parquet(io.BytesIO(content))

    def write_frame(
        self, name: str, frame: pl.DataFrame, *, format: TableFormat = "parquet"
    ) -> Path:
        """Write a result table and return its path.

        Parameters
        ----------
        name : of the table, without an ending; the ending is that of the format.
        frame : the table; equal tables give equal bytes.
        format : parquet, or text for people.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        StorageError
            The disk refused; the old result stands.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.write_frame("hits", pl.DataFrame({"n": [4]}), format="tsv").name
        'hits.tsv'
        """
        return self._write(f"{name}.{format}", _encode(frame, format=format))

    def write_text(self, name: str, text: str) -> Path:
        """Write a text as UTF-8 and return its path.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        StorageError
            The disk refused; the old file stands.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.write_text("note.txt", "lambda 1.02").read_text()
        'lambda 1.02'
        """
        return self._write(name, text.encode())

    def write_json(self, name: str, value: object) -> Path:
        """Write a value as JSON with sorted keys and return its path.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        StorageError
            The disk refused; the old file stands.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.write_json("counts.json", {"ok": 3}).name
        'counts.json'
        """
        text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        return self._write(name, f"{text}\n".encode())

    def claim(self, name: str) -> Path:
        """Return the path of a file that the caller writes itself, such as a log that grows.

        The file counts as proteomr's own from then on. Its content is not part of the result: a
        change in it does not make the run count as altered.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         run.claim("log.txt").name
        'log.txt'
        """
        return self._register(name, fixed=False)

    def finish(self) -> None:
        """Make the results final: record them with their digests, remove the parts and the lock.

        Results of a replaced run that this one did not write are removed. A shard keeps its parts
        and gives up its lock alone.

        Raises
        ------
        StorageError
            The disk refused.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with RunFolder.open(folder, request={}) as run:
        ...         _ = run.write_text("note.txt", "done")
        ...         run.finish()
        ...     RunFolder.open(folder, request={}, resume=True).finished
        True
        """
        lock = self._held()
        if self.shard is None and not self.finished:
            close_run(self._layout, request=self._request, written=self._written)
            self.finished = True
        lock.release()
        self._lock = None

    def _held(self) -> Lock:
        if self._lock is None:
            raise RuntimeError("the run folder is closed")
        return self._lock

    def _part_bytes(self, index: int) -> bytes | None:
        try:
            content = self._layout.part(index).read_bytes()
            digest = self._layout.part_digest(index).read_bytes()
        except FileNotFoundError:
            return None
        return content if digest == _sha256(content) else None

    def _write(self, name: str, content: bytes) -> Path:
        path = self._register(name, fixed=True)
        replace_file(path, lambda file: file.write(content))
        self._held().show_life()
        return path

    def _register(self, name: str, *, fixed: bool) -> Path:
        """Note a name as proteomr's own before anything of it is on the disk."""
        self._held()
        if _PLAIN_NAME.fullmatch(name) is None or name == self._layout.parts.name:
            raise ValueError(f"{name!r} is not the name of a result")
        if name in self._layout.foreign():
            raise RunFolderError(
                f"{self.path / name}: was not written by proteomr; move it away, or choose another"
            )
        self._written[name] = fixed
        begun = self._layout.begun_outputs(self.shard)
        if not self.finished and name not in begun:
            names = json.dumps(sorted({*begun, name})).encode()
            replace_file(self._layout.outputs(self.shard), lambda file: file.write(names))
        return self.path / name


def _encode(frame: pl.DataFrame, *, format: TableFormat) -> bytes:
    content = io.BytesIO()
    if format == "parquet":
        frame.rechunk().write_parquet(
            content, compression="zstd", compression_level=3, row_group_size=1 << 17
        )
    else:
        frame.write_csv(content, separator="," if format == "csv" else "\t")
    return content.getvalue()


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()
