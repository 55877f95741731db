"""A page for each table that is written, from its schema."""

from __future__ import annotations

from docs.reference.words import code, escape, table
from proteomr.tables import ColumnSchema, Schema, load_schema, schema_names

__all__ = ["write_table", "write_tables"]


def write_tables() -> dict[str, str]:
    """Return the pages of all tables, and one that lists them, by file name."""
    schemas = [load_schema(name) for name in schema_names()]
    rows = [[f"[{code(s.name)}]({s.name}.md)", escape(s.description)] for s in schemas]
    head = (
        "# Tables\n\nEvery table that is written, with its columns. `proteomr schema NAME` prints "
        "the same as TOML, and `proteomr schema --check FILE` holds a file against it.\n\n"
    )
    listed = f"{head}{table(['table', 'a row is'], rows)}\n"
    return {"index.md": listed, **{f"{s.name}.md": write_table(s) for s in schemas}}


def write_table(schema: Schema) -> str:
    """Return the page of a table: what a row is, and its columns."""
    rows = [_row(column) for column in schema.columns]
    more = "Further columns may follow.\n" if schema.extra else ""
    return (
        f"# {code(schema.name)}\n\n{escape(schema.description)}. Version {schema.version} of its "
        f"columns.\n\n{table(['column', 'type', 'what it says', 'disclosure'], rows)}\n\n{more}"
    )


def _row(column: ColumnSchema) -> list[str]:
    told = [escape(column.description)]
    if column.unit:
        told.append(f"in {escape(column.unit)}")
    if column.values:
        told.append(f"one of {', '.join(map(code, column.values))}")
    if (bounds := _bounds(column)) is not None:
        told.append(bounds)
    if column.null:
        told.append("may be empty")
    if column.optional:
        told.append("not in every table")
    return [code(column.name), column.dtype, "; ".join(told), column.disclosure or ""]


def _bounds(column: ColumnSchema) -> str | None:
    low, high = column.minimum, column.maximum
    if low is not None and high is not None:
        return f"from {low:g} to {high:g}"
    if low is not None:
        return f"at least {low:g}"
    return None if high is None else f"at most {high:g}"
