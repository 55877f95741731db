"""The one way to own an output: claim, lock, parts, drops, tables, manifest, and a clean end."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import polars as pl

from proteomr.errors import ProteomrError, RunFolderError
from proteomr.execute import Shard
from proteomr.files import replace_file, storage_errors
from proteomr.provenance import InputFile, Manifest, canonical_json, utc_now
from proteomr.runs.checking import make_stamp
from proteomr.runs.encoding import TableFormat, write_encoded
from proteomr.runs.finished import count_units, list_staged, list_tables, read_configuration
from proteomr.runs.layout import EVERYTHING, Layout, read_json
from proteomr.runs.lock import Lock
from proteomr.runs.opening import commit_results, lock_output, open_run
from proteomr.runs.parts import Parts, write_bytes
from proteomr.tables import Drop, load_schema, schema_names, tabulate_drops

__all__ = ["Ledger"]


@dataclass(slots=True)
class Ledger:
    """An output that this process holds; made by `Ledger.open`, used as a context manager.

    A run stores every finished block as a part, so that a run killed at any moment can be resumed
    and gives the same bytes. Results are written aside and put into their places together at the
    end, the manifest last: until then an older result stands. Nothing that proteomr did not write
    is ever changed or removed.

    Attributes
    ----------
    path : the folder, or the file of the main table.
    finished : True when the complete result of this very request is there already.
    begun_anew : whether nothing of this request was done before.
    shard : which shard of the run this process computes; None for all of it.
    formats : formats in which tables are written, unless a call says otherwise.
    parts : what of the work is done.
    main : name of the main table.
    """

    path: Path
    finished: bool
    begun_anew: bool
    shard: Shard | None
    formats: tuple[TableFormat, ...]
    parts: Parts
    main: str
    _layout: Layout
    _request: Mapping[str, object]
    _lock: Lock | None
    _staged: dict[str, None] = field(default_factory=dict[str, None])
    _drops: list[Drop] = field(default_factory=list[Drop])

    @classmethod
    def open(
        cls,
        out: str | Path,
        *,
        request: Mapping[str, object],
        main: str = "",
        as_file: bool = False,
        results: Sequence[str] = (),
        people: Collection[str] = (EVERYTHING,),
        formats: Sequence[TableFormat] = ("parquet",),
        resume: bool = False,
        overwrite: bool = False,
        shard: Shard | None = None,
    ) -> Self:
        """Take hold of an output for one run.

        Parameters
        ----------
        out : a folder of the run's own, made when it does not exist; or, with ``as_file``, the
            file of the main table, beside which the other results stand under names of its stem.
        request : everything that determines the numbers, with digests of the inputs; JSON values.
        main : name of the main table, which ``as_file`` puts into the file itself.
        as_file : whether ``out`` is a file.
        results : names of results beside the main table, with their endings, as far as they are
            known beforehand: refused at once where a file of another stands in their place.
        people : names of tables with rows of people, see :class:`Layout`.
        formats : of tables; parquet first.
        resume : go on with the run of the same request, if there is one.
        overwrite : replace what an earlier run left. Its results stand until the new ones are
            complete; its parts are removed at once.
        shard : the share of the run; whoever opens it without one writes the results.

        Raises
        ------
        RunFolderError
            The output is in use, holds another run or a finished one, or files that are not
            proteomr's; the message names the remedy.
        StorageError
            The folder cannot be made or written.
        TypeError, ValueError
            The request holds what JSON cannot.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={"exposure": "isolation"}) as ledger:
        ...         ledger.parts.pending(3)
        [0, 1, 2]
        """
        layout = Layout.of(Path(out), as_file=as_file, main=main, people=people)
        canonical_json(request)
        lock = lock_output(layout, shard=shard)
        try:
            first = f"{main}.{formats[0]}"
            tables = [f"{main}.{format}" for format in formats] if main else []
            wanted = dict.fromkeys([*tables, *results, "drops.tsv"])
            known = [layout.place(name, main=first) for name in wanted]
            finished = open_run(
                layout,
                request=request,
                names=[*known, layout.manifest.name],
                resume=resume,
                overwrite=overwrite,
                shard=shard,
            )
        except BaseException:
            lock.release()
            layout.remove_if_empty()
            raise
        return cls(
            path=layout.title,
            finished=finished,
            begun_anew=not (finished or layout.has_parts()),
            shard=shard,
            formats=tuple(dict.fromkeys(formats)),
            parts=Parts(layout, lock, _digest(request), finished=finished, shard=shard),
            main=main,
            _layout=layout,
            _request=dict(request),
            _lock=lock,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._lock is None:
            return
        if isinstance(fault, ProteomrError | KeyboardInterrupt) and self.shard is None:
            self._forget_nothing_done()
        self._lock.release()
        self._lock = None
        self._layout.remove_if_empty()

    @property
    def request(self) -> Mapping[str, object]:
        """Everything that determines the numbers, as JSON values."""
        return self._request

    @property
    def command(self) -> str:
        """The command that the request is of."""
        return str(self._request.get("command", ""))

    @property
    def digest(self) -> str:
        """Digest of the request."""
        return _digest(self._request)

    def count_drops(self, drops: Sequence[Drop]) -> None:
        """Add counts of what was left out, for ``drops.tsv``; those of 0 are not written."""
        self._drops += [drop for drop in drops if drop.n]

    def write_table(
        self,
        name: str,
        frame: pl.DataFrame,
        *,
        formats: Sequence[TableFormat] | None = None,
        style: Callable[[pl.DataFrame], pl.DataFrame] | None = None,
    ) -> None:
        r"""Write a result table in every format asked for.

        A table whose name has a declared schema is checked against it.

        Parameters
        ----------
        name : of the table, without an ending.
        frame : the rows; equal tables give equal bytes.
        formats : those of the ledger, unless given.
        style : gives the columns the names of another package; the table then says nothing of its
            schema.

        Raises
        ------
        ColumnError
            The table breaks its schema.
        RunFolderError
            A file of this name is there that proteomr did not write.
        StorageError
            The disk refused; the old result stands.

        Examples
        --------
        >>> import tempfile
        >>> from proteomr.provenance import Manifest
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with Ledger.open(folder, request={"seed": 1}) as ledger:
        ...         ledger.write_table("hits", pl.DataFrame({"n": [4]}), formats=["tsv"])
        ...         _ = ledger.finish(Manifest(command="demo"))
        ...     (Path(folder) / "hits.tsv").read_text()
        'n\n4\n'
        """
        checked = load_schema(name).validate(frame) if name in schema_names() else frame
        shown = checked if style is None else style(checked)
        stamp = self.stamp(name if style is None else "")
        for format in self.formats if formats is None else formats:
            write = partial(write_encoded, shown, format=format, stamp=stamp)
            self.write_file(f"{name}.{format}", write)

    def stamp(self, table: str) -> dict[str, str]:
        """Return what a parquet table of this run says of itself, for those written elsewhere."""
        return make_stamp(self._request, table)

    def write_file(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Write a result by a function that receives the open binary file.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        StorageError
            The disk refused; the old result stands.
        """
        replace_file(self.place(name), write)
        self._held().show_life()

    def write_text(self, name: str, text: str) -> None:
        """Write a text as UTF-8."""
        self.write_file(name, lambda file: file.write(text.encode()))

    def write_json(self, name: str, value: object) -> None:
        """Write a value as JSON with sorted keys."""
        text = json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
        self.write_text(name, f"{text}\n")

    def place(self, name: str) -> Path:
        """Return a path for a result that the caller writes itself, wholly, before the end.

        The path is aside; `finish` puts the file into its place.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        """
        self._held()
        placed = self._name(name)
        if self.shard is not None or self.finished:
            raise RuntimeError("results are written by a whole run that is not finished")
        self._refuse_foreign(placed)
        staged = self._layout.staged / placed
        with storage_errors(staged.parent):
            staged.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._staged[placed] = None
        return staged

    def show_life(self) -> None:
        """Show other machines that the run goes on, between steps of minutes without a result."""
        self._held().show_life()

    def claim(self, name: str) -> Path:
        """Return the path of a file that grows in its place, such as a log.

        The file counts as proteomr's own from then on. Its content is not part of the result: a
        change in it does not make the run count as altered.

        Raises
        ------
        RunFolderError
            A file of this name is there that proteomr did not write.
        """
        self._held()
        placed = self._name(name)
        if self.finished:
            return self._layout.path(placed)
        self._refuse_foreign(placed)
        target = self._layout.claims(self.shard)
        known = read_json(target)
        names = {*(known if isinstance(known, list) else ()), placed}
        write_bytes(target, json.dumps(sorted(names)).encode())
        return self._layout.path(placed)

    def mode_of(self, name: str) -> int:
        """Return the permission bits that a result has."""
        return self._layout.mode(self._name(name))

    def path_of(self, name: str) -> Path:
        """Return where a finished result stands."""
        return self._layout.path(self._name(name))

    def list_tables(self) -> dict[str, Path]:
        """Return the tables by name, the main one first: the finished ones, or those so far."""
        if not self.finished:
            return list_staged(self._layout, self._staged, main=self.main)
        return list_tables(self._layout, main=self.main)

    def read_configuration(self) -> Mapping[str, Any]:
        """Return the options of the finished run."""
        return read_configuration(self._layout)

    def count_units(self) -> tuple[int, int]:
        """Return how many units the finished run estimated, and how many of them failed."""
        return count_units(self._layout)

    def finish(self, account: Manifest) -> Manifest:
        """Put all results into their places, with ``drops.tsv`` and last the manifest.

        A shard keeps its parts and gives up its lock alone.

        Parameters
        ----------
        account : of the run; request, outputs and the end are added here.

        Returns
        -------
        The manifest as it was written.

        Raises
        ------
        StorageError
            The disk refused.
        """
        lock = self._held()
        complete = account
        if self.shard is None and not self.finished:
            self.write_table("drops", tabulate_drops(self._drops), formats=("tsv",))
            staged = {name: self._layout.staged / name for name in sorted(self._staged)}
            complete = replace(
                account,
                command=self.command or account.command,
                main=self.main,
                request=self._request,
                request_sha256=self.digest,
                outputs=tuple(
                    replace(InputFile.read(path), name=name) for name, path in staged.items()
                ),
                beside=tuple(sorted(self._layout.claimed())),
                finished=utc_now(),
            )
            self.write_text("manifest.json", complete.to_json())
            commit_results(self._layout, [*staged, self._layout.manifest.name])
            self.finished = True
        lock.release()
        self._lock = None
        return complete

    def _name(self, result: str) -> str:
        return self._layout.place(result, main=f"{self.main}.{self.formats[0]}")

    def _held(self) -> Lock:
        if self._lock is None:
            raise RuntimeError("the ledger is closed")
        return self._lock

    def _refuse_foreign(self, placed: str) -> None:
        target = self._layout.path(placed)
        own = {*self._layout.own(), *self._staged, self._layout.manifest.name}
        if target.is_symlink() or (target.exists() and placed not in own):
            raise RunFolderError(
                f"{target}: was not written by proteomr; move it away, or choose another"
            )

    def _forget_nothing_done(self) -> None:
        """Leave no trace of a run that failed before it finished any block.

        After a fault of proteomr's own the log stays, for it holds the traceback.
        """
        if self.finished or self._layout.has_parts() or self._layout.commit.exists():
            return
        record = self._layout.read_record()
        before = () if record is None else record.beside
        for name in self._layout.claimed().difference(before):
            self._layout.path(name).unlink(missing_ok=True)
        self._layout.clear_parts()


def _digest(request: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical_json(request)).hexdigest()
