"""The clean copy: tables that leave, figures drawn from them, what was withheld, and the crate."""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final
from urllib.parse import quote

import polars as pl

from proteomr.egress.judging import ACCOUNT, Release
from proteomr.egress.releasing import TableVerdict
from proteomr.egress.run_figures import draw_pairs
from proteomr.errors import ProteomrError, UsageError
from proteomr.files import replace_file, shared_mode, storage_errors
from proteomr.plot.drawing import render
from proteomr.plot.kinds import KINDS
from proteomr.plot.of_tables import draw_kind
from proteomr.provenance import tool_versions
from proteomr.runs import FIGURES
from proteomr.runs.encoding import TABLE_FORMATS, write_encoded

__all__ = ["write_release"]

CRATE: Final = "ro-crate-metadata.json"
_WITHHELD: Final = "withheld.tsv"
# "01-scatter": figures of one pair, in the order of the run's pairs; pages end in numbers.
_OF_A_PAIR: Final = re.compile(r"\d{2,}-[a-z_]+")
_PAGE: Final = re.compile(r"(?<=[a-z])-\d+$")
_FIGURES: Final = (".svg", ".png", ".pdf")
# The context of RO-Crate 1.1 has no term for a digest; one that it lacks is to be defined.
_CONTEXT: Final = (
    "https://w3id.org/ro/crate/1.1/context",
    {"sha256": "https://schema.org/sha256"},
)
_MEDIA: Final = {
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".png": "image/png",
    ".json": "application/json",
}


def write_release(release: Release, out: str | Path) -> tuple[Path, ...]:
    """Write the clean copy of a release into a new folder; return its files.

    Besides the tables, under their paths: ``figures/`` (PNG, drawn from the tables that leave, of
    the kinds that the runs had drawn), ``withheld.tsv``, ``release.json`` (policy, commands,
    version, digests of what leaves) and ``ro-crate-metadata.json`` (RO-Crate 1.1). None of them
    names a path of the machine, a host, a user, or a digest of an input. The same runs give the
    same bytes.

    Parameters
    ----------
    release : judged before.
    out : the folder; new or empty, and neither inside the folder that is judged nor around it.

    Raises
    ------
    UsageError
        The folder holds something, or one of both folders is inside the other.
    StorageError
        The disk refused a file.
    """
    place = Path(out)
    _refuse_place(place, release.folder)
    files = {table.given.file: _encode(table) for table in release.leaving}
    files |= dict(_draw_figures(release))
    withheld = release.verdict().filter((pl.col("action") == "withheld") | (pl.col("cells") > 0))
    files[_WITHHELD] = _encode_frame(withheld, ".tsv")
    files[ACCOUNT] = _as_json(_tell_account(release, files))
    files[CRATE] = _as_json(_describe_crate(release, files))
    written = []
    for name, content in sorted(files.items(), key=lambda entry: (entry[0] == CRATE, entry[0])):
        file = place / name
        with storage_errors(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
        replace_file(file, partial(_put, content=content), mode=shared_mode())
        written.append(file)
    return tuple(written)


def _refuse_place(place: Path, folder: Path) -> None:
    inner, outer = place.resolve(), folder.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise UsageError(
            f"{place}: one of it and {folder} is inside the other; name a folder elsewhere (--out)"
        )
    with storage_errors(place):
        if place.exists() and (not place.is_dir() or any(place.iterdir())):
            raise UsageError(f"{place}: is there and not an empty folder; name another (--out)")


def _put(file: BinaryIO, *, content: bytes) -> None:
    file.write(content)


def _encode(table: TableVerdict) -> bytes:
    leaving = pl.DataFrame() if table.leaving is None else table.leaving
    return _encode_frame(leaving, PurePosixPath(table.given.file).suffix)


def _encode_frame(frame: pl.DataFrame, ending: str) -> bytes:
    held = io.BytesIO()
    write_encoded(frame, held, format=TABLE_FORMATS[ending])
    return held.getvalue()


def _draw_figures(release: Release) -> Iterator[tuple[str, bytes]]:
    """Give the figures that the runs had drawn, drawn anew from what leaves."""
    leaving: dict[PurePosixPath, dict[str, pl.DataFrame]] = defaultdict(dict)
    for table in release.leaving:
        for folder in _list_folders(table):
            if table.leaving is not None:
                leaving[folder][table.given.table] = table.leaving
    for folder, tables in leaving.items():
        drawn = {
            PurePosixPath(file).stem
            for file in release.runs.other
            if file.endswith(_FIGURES) and PurePosixPath(file).parent == folder
        }
        made = dict(_draw_tables(tables, drawn) if drawn else ())
        if any(_OF_A_PAIR.match(stem) for stem in drawn):
            pairs = draw_pairs(tables)
            made |= {stem: content for stem, content in pairs if _was_drawn(stem, drawn)}
        yield from ((f"{folder}/{stem}.png", content) for stem, content in made.items())


def _draw_tables(
    tables: Mapping[str, pl.DataFrame], drawn: set[str]
) -> Iterator[tuple[str, bytes]]:
    """Give the figures of a run that `proteomr plot` draws."""
    for name, frame in tables.items():
        for kind_name, kind in KINDS.items():
            own = [stem for stem in (f"{name}-{kind_name}", kind_name) if _is_among(stem, drawn)]
            if name in kind.tables and own:
                other = None if kind.beside is None else tables.get(kind.beside[0])
                yield from _draw(frame, kind_name, other, own[0])


def _was_drawn(stem: str, drawn: set[str]) -> bool:
    """Tell whether a figure of a pair, or another page of it, is among what was drawn."""
    whole = _PAGE.sub("", stem)
    return bool(_OF_A_PAIR.match(stem)) and (_is_among(whole, drawn) or stem in drawn)


def _list_folders(table: TableVerdict) -> tuple[PurePosixPath, ...]:
    """Return where figures of a table may lie: in its run's folder, or beside the run's file."""
    file = PurePosixPath(table.given.file)
    beside = f"{file.name.partition('.')[0]}.{FIGURES}"
    return file.parent / FIGURES, file.with_name(beside)


def _is_among(stem: str, drawn: set[str]) -> bool:
    """Tell whether a figure, or one of its pages, is among what was drawn."""
    return any(one.removeprefix(stem).lstrip("-").isdigit() or one == stem for one in drawn)


def _draw(
    leaving: pl.DataFrame, kind: str, beside: pl.DataFrame | None, stem: str
) -> Iterator[tuple[str, bytes]]:
    try:
        drawing = draw_kind(leaving, KINDS[kind], beside=beside)
    except ProteomrError:
        return  # what is left is too little for this figure: withheld.tsv lists the one that was
    for number, page in enumerate(drawing.pages, start=1):
        named = f"{stem}-{number}" if len(drawing.pages) > 1 else stem
        yield named, render(page, "png")


def _tell_account(release: Release, files: dict[str, bytes]) -> dict[str, Any]:
    policy = release.policy
    return {
        "proteomr": tool_versions()["proteomr"],
        "policy": {
            "name": policy.name,
            "description": policy.description,
            "k": policy.k,
            "digits": policy.digits,
            "extreme_digits": policy.extreme_digits,
        },
        "commands": list(release.runs.commands),
        "sums": release.sums,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
    }


def _describe_crate(release: Release, files: dict[str, bytes]) -> dict[str, Any]:
    """Return the metadata of RO-Crate 1.1 (doi:10.5281/zenodo.4541002)."""
    by_file = {table.given.file: table for table in release.leaving}
    listed = [_describe_file(name, files[name], by_file.get(name)) for name in sorted(files)]
    parts = [{"@id": entry["@id"]} for entry in listed]
    tool = {
        "@id": "#proteomr",
        "@type": "SoftwareApplication",
        "name": "proteomr",
        "version": tool_versions()["proteomr"],
    }
    action = {
        "@id": "#egress",
        "@type": "CreateAction",
        "name": f"Release under policy {release.policy.name}",
        "instrument": {"@id": tool["@id"]},
        "result": parts,
    }
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": f"Results of proteomr {', '.join(release.runs.commands)}",
        "description": f"Summary results that may leave under policy {release.policy.name}: "
        f"{release.policy.description}",
        "datePublished": release.runs.finished,
        "license": {"@id": "#license"},
        "hasPart": parts,
        "mentions": {"@id": action["@id"]},
    }
    licence = {
        "@id": "#license",
        "@type": "CreativeWork",
        "name": "Not stated",
        "description": "Whoever publishes the results states their licence here",
    }
    descriptor = {
        "@id": CRATE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        "about": {"@id": "./"},
    }
    graph = [descriptor, root, licence, tool, action, *listed]
    return {"@context": _CONTEXT, "@graph": graph}


def _describe_file(name: str, content: bytes, table: TableVerdict | None) -> dict[str, Any]:
    schema = None if table is None else table.given.schema
    about = {} if schema is None else {"description": schema.description}
    return {
        "@id": _as_reference(name),
        "@type": "File",
        "name": name,
        "encodingFormat": _MEDIA[PurePosixPath(name).suffix],
        "contentSize": str(len(content)),
        "sha256": hashlib.sha256(content).hexdigest(),
        **about,
    }


def _as_reference(name: str) -> str:
    """Return a path as a relative URI: ASCII is escaped where it has to be, other letters stay."""
    return "".join(quote(letter) if letter.isascii() else letter for letter in name)


def _as_json(facts: dict[str, Any]) -> bytes:
    return (json.dumps(facts, indent=2, ensure_ascii=False) + "\n").encode()
