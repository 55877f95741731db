"""Options that several commands share, with the same names, meanings and help everywhere."""

import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from proteomr.errors import FormatError, UsageError, nearest

__all__ = [
    "AllowFailures",
    "ColumnNames",
    "Columns",
    "Config",
    "Format",
    "IdColumn",
    "NoProgress",
    "Out",
    "Overwrite",
    "Quiet",
    "Resume",
    "Seed",
    "TableFormat",
    "Threads",
    "Verbose",
    "Withdrawn",
    "load_configuration",
    "parse_pairs",
    "write_configuration",
]


class TableFormat(StrEnum):
    """Formats of result tables."""

    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"


class ColumnNames(StrEnum):
    """Vocabularies of column names."""

    native = "native"
    broom = "broom"


def load_configuration(context: typer.Context, path: Path | None) -> Path | None:
    """Take the defaults of a command's options from a TOML file; options on the command line win."""
    if path is None or context.resilient_parsing:
        return path
    try:
        facts = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FormatError("no such file", path=path) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise FormatError(f"cannot be read ({fault})", path=path) from None
    except tomllib.TOMLDecodeError as fault:
        raise FormatError(f"not TOML: {fault}", path=path) from None
    known = {parameter.name: parameter for parameter in context.command.params}
    values: dict[str, Any] = {}
    for key, value in facts.items():
        name = key.replace("-", "_")
        if name not in known or name in {"config", "print_config"}:
            raise UsageError(f"{path}: {context.info_name} has no option {key!r}{nearest(name, known)}")
        values[name] = _as_option(value)
    context.default_map = {**(context.default_map or {}), **values}
    return path


def _as_option(value: object) -> object:
    if isinstance(value, dict):
        return [f"{label}={text}" for label, text in value.items()]
    return value


def write_configuration(options: dict[str, object]) -> str:
    """Return resolved options as TOML that --config reads back."""
    lines, tables = [], []
    for name, value in options.items():
        key = name.replace("_", "-")
        if value is None or value == []:
            continue
        if isinstance(value, dict):
            rows = [f"{_quote(label)} = {_quote(text)}" for label, text in value.items()]
            tables += ["", f"[{key}]", *rows]
        else:
            lines.append(f"{key} = {_write(value)}")
    return "\n".join([*lines, *tables])


def _write(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_write(item) for item in value) + "]"
    return _quote(str(value))


def _quote(text: object) -> str:
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def parse_pairs(given: list[str], *, option: str, example: str) -> dict[str, str]:
    """Read options written NAME=VALUE, each name once."""
    pairs: dict[str, str] = {}
    for text in given:
        name, sign, value = text.partition("=")
        name = name.strip()
        if not sign or not name or not value.strip():
            raise UsageError(f"{option} {text!r} is not of the form {example}")
        if name in pairs:
            raise UsageError(f"{option} {name!r} is given twice")
        pairs[name] = value.strip()
    return pairs


Out = Annotated[Path, typer.Option("-o", "--out", help="Run folder for all results.")]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1, help="Workers; by default what the scheduler or the processor affinity allots."
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")]
Resume = Annotated[
    bool, typer.Option("--resume", help="Continue an interrupted run of the same request.")
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the results of an earlier run.")
]
NoProgress = Annotated[
    bool, typer.Option("--no-progress", help="No progress bar; off by itself without a terminal.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Only errors on stderr.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="More of the log on stderr.")]
AllowFailures = Annotated[
    bool,
    typer.Option("--allow-failures", help="Leave with code 0, not 4, when some fits have failed."),
]
IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id",
        help="Identifier column in every file; by default the first of sample_id, eid, IID, ID, SampleID.",
    ),
]
Withdrawn = Annotated[
    Path | None,
    typer.Option(help="File of withdrawn identifiers, one a line; their rows are removed at load."),
]
Format = Annotated[
    TableFormat, typer.Option("--format", help="Also write the table as csv or tsv.")
]
Columns = Annotated[ColumnNames, typer.Option("--columns", help="Names of the result columns.")]
Config = Annotated[
    Path | None,
    typer.Option(
        help="TOML file of options; those on the command line win.",
        callback=load_configuration,
        is_eager=True,
    ),
]
