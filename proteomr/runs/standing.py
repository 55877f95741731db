"""What stands at the place of an output, without taking hold of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from proteomr.runs.finished import count_units, list_tables
from proteomr.runs.job import Job
from proteomr.runs.layout import MANIFEST, Layout, read_json
from proteomr.runs.opening import is_complete, same_request
from proteomr.runs.request import describe_request

__all__ = ["Finished", "Standing", "find_standing", "path_of_run", "read_finished"]

Standing: TypeAlias = Literal["nothing", "finished", "unfinished", "other"]
"""Of a request: its whole results, a part of them, or what another request left."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished run.

    Attributes
    ----------
    command : that ran.
    main : name of its main table.
    tables : its tables by name, the main one first.
    units, failed : what was estimated, and how many of it have no estimate.
    digest : of the request.
    """

    command: str
    main: str
    tables: Mapping[str, Path]
    units: int
    failed: int
    digest: str


def find_standing(job: Job, path: Path) -> Standing:
    """Return what of a job stands at the place of its output.

    The inputs are read for their digests; results that were altered since they were written do not
    stand.

    Parameters
    ----------
    job : what would be run.
    path : folder or file of its results.
    """
    layout = Layout.of(path, as_file=job.as_file, main=job.main, people=job.people)
    record, begun = layout.read_record(), layout.read_request()
    if record is None and begun is None:
        return "nothing"
    facts = describe_request(job.request).facts
    if is_complete(layout, record, facts):
        return "finished"
    return "unfinished" if begun is not None and same_request(begun, facts) else "other"


def path_of_run(manifest: Path) -> Path:
    """Return the folder of a run, or the file of its main table where the run is a file.

    Parameters
    ----------
    manifest : of the run; one that cannot be read is taken for that of a folder or a parquet file.

    Examples
    --------
    >>> path_of_run(Path("fits/manifest.json")), path_of_run(Path("cohort.manifest.json"))
    (PosixPath('fits'), PosixPath('cohort.parquet'))
    """
    stem = manifest.name.removesuffix(MANIFEST).removesuffix(".")
    if not stem:
        return manifest.parent
    facts = read_json(manifest)
    outputs = facts.get("outputs", ()) if isinstance(facts, dict) else ()
    names = (str(entry.get("name")) for entry in outputs if isinstance(entry, dict))
    main = (name for name in names if Path(name).stem == stem)
    return manifest.parent / next(main, f"{stem}.parquet")


def read_finished(path: Path) -> Finished | None:
    """Return what a finished run left in its folder or beside its file; None where none did.

    Examples
    --------
    >>> read_finished(Path("nowhere"))
    """
    layout = Layout(path) if path.is_dir() else Layout(path.parent, path.name)
    facts = read_json(layout.manifest)
    if not isinstance(facts, dict) or layout.read_record() is None:
        return None
    main = str(facts.get("main", ""))
    units, failed = count_units(layout)
    tables = list_tables(layout, main=main)
    digest = str(facts.get("request_sha256", ""))
    return Finished(str(facts.get("command", "")), main, tables, units, failed, digest)
