"""`proteomr schema`: the columns of every table that proteomr writes."""

import importlib.resources
import tomllib
from typing import Annotated

import typer

from proteomr.errors import UsageError, nearest

from .console import say

__all__ = ["schema"]


def schema(
    name: Annotated[
        str | None, typer.Argument(help="Name of a table; without one, all are listed.")
    ] = None,
) -> None:
    """Print the columns of a table that proteomr writes.

    Each with its type, unit, range and meaning.
    """
    schemas = _read_schemas()
    if name is None:
        width = max(map(len, schemas), default=0)
        for table, (_, description) in schemas.items():
            say(f"{table:{width}}  {description}".rstrip())
        return
    table = name.removesuffix(".parquet")
    if table not in schemas:
        raise UsageError(
            f"there is no table {name!r}{nearest(table, schemas)}; known: {', '.join(schemas)}"
        )
    say(schemas[table][0].rstrip("\n"))


def _read_schemas() -> dict[str, tuple[str, str]]:
    """Return name -> (text of the schema, its description), sorted by name."""
    folder = importlib.resources.files("proteomr.schemas") / "tables"
    texts = {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }
    return {name: (texts[name], _description(texts[name])) for name in sorted(texts)}


def _description(text: str) -> str:
    return " ".join(str(tomllib.loads(text).get("description", "")).split())
