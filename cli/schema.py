"""`proteomr schema`: the columns of every table that proteomr writes."""

import importlib.resources
import textwrap
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from proteomr.errors import UsageError

from .console import print_rows, say, terminal_width

__all__ = ["schema"]

Layout = Literal["table", "tsv", "toml"]


def schema(
    name: Annotated[
        str | None,
        typer.Argument(metavar="NAME", help="Name of a table; without one, all are listed."),
    ] = None,
    *,
    layout: Annotated[
        Layout,
        typer.Option(
            "--format",
            metavar="table|tsv|toml",
            help="Columns for people, as tab-separated values, or the schema as it is written.",
        ),
    ] = "table",
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
        _show(name.removesuffix(".parquet"), layout)
        return
    described = _read_descriptions()
    rows = [[table, description] for table, description in described.items()]
    if layout == "table":
        print_rows(["table", "holds"], rows, left=1, wrap=True)
        return
    for table, description in rows:
        say(f"{table}\t{description}")


def _show(name: str, layout: Layout) -> None:
    """Print the columns of a table: name, type, what values it has, and what it means."""
    from proteomr.tables.table import schema_text

    text = schema_text(name)
    if layout == "toml":
        say(text.rstrip("\n"))
        return
    schema = tomllib.loads(text)
    rows = [
        [
            str(column["name"]),
            str(column["dtype"]),
            _may_be(column),
            _describe(column),
        ]
        for column in schema["columns"]
    ]
    if layout == "tsv":
        say("\n".join("\t".join(row) for row in [["column", "type", "empty", "meaning"], *rows]))
        return
    say(textwrap.fill(_description(text), terminal_width()))
    print_rows(["column", "type", "", "meaning"], rows, left=3, wrap=True)


def _may_be(column: Mapping[str, Any]) -> str:
    if column.get("optional"):
        return "may be absent"
    return "may be empty" if column.get("null") else ""


def _describe(column: Mapping[str, Any]) -> str:
    """Return the meaning of a column with its values or its range."""
    meaning = " ".join(str(column.get("description", "")).split())
    low, high = column.get("minimum"), column.get("maximum")
    facts = [f"in {unit}"] if (unit := column.get("unit")) else []
    if values := column.get("values"):
        facts.append(f"one of {', '.join(map(str, values))}")
    if low is not None and high is not None:
        facts.append(f"{low:g} to {high:g}")
    elif low is not None:
        facts.append(f"{low:g} or more")
    elif high is not None:
        facts.append(f"{high:g} or less")
    return f"{meaning} ({'; '.join(facts)})" if facts else meaning


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
