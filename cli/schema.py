"""`proteomr schema`: the columns of every table that proteomr writes."""

import importlib.resources
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from proteomr.errors import UsageError

from .console import say

__all__ = ["schema"]


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of a table; without one, all are listed."),
    ] = None,
    *,
    check: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Hold a parquet table against its schema and the manifest beside it, and say what "
            "made it.",
        ),
    ] = None,
) -> None:
    """Print the columns of a table that proteomr writes.

    Each with its type, unit, range and meaning. With --check, tell whether a file is such a table.
    """
    if check is not None:
        _check(check, name)
        return
    if name is not None:
        from proteomr.tables.table import schema_text

        say(schema_text(name.removesuffix(".parquet")).rstrip("\n"))
        return
    described = _read_descriptions()
    width = max(map(len, described), default=0)
    for table, description in described.items():
        say(f"{table:{width}}  {description}".rstrip())


def _check(path: Path, name: str | None) -> None:
    from proteomr.runs import check_table

    checked = check_table(path)
    if name is not None and checked.schema != name.removesuffix(".parquet"):
        raise UsageError(f"{path}: is a table of {checked.schema or 'no schema'}, not of {name}")
    kind = f"{checked.schema}, version {checked.version}" if checked.schema else "no schema"
    recorded = "as the manifest beside it records it" if checked.recorded else "no manifest beside"
    say(f"{path}: {kind}; {checked.rows:,} rows; {recorded}")
    say(f"written by {checked.producer}, request {checked.request}")


def _read_descriptions() -> dict[str, str]:
    """Return name -> description of every schema, by name, without reading any as a table."""
    folder = importlib.resources.files("proteomr.schemas") / "tables"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return {name: _description(texts[name]) for name in sorted(texts)}


def _description(text: str) -> str:
    return " ".join(str(tomllib.loads(text).get("description", "")).split())
