"""Options that several commands share, with the same names, meanings and help everywhere."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from proteomr.border import read_toml
from proteomr.errors import UsageError, nearest

from .console import print_rows
from .optional_values import value_of_flag

__all__ = [
    "COMPUTING",
    "INPUT",
    "MESSAGES",
    "MODELS",
    "RESULTS",
    "AllowFailures",
    "ColumnNames",
    "Columns",
    "Config",
    "DryRun",
    "Format",
    "IdColumn",
    "ListMethods",
    "LogJson",
    "NoProgress",
    "Out",
    "Overwrite",
    "PrintConfig",
    "Quiet",
    "Resume",
    "Seed",
    "Shard",
    "TableFormat",
    "Threads",
    "Verbose",
    "Withdrawn",
    "key_of",
    "load_configuration",
    "parse_pairs",
    "parse_sets",
    "resolve_settings",
    "split_names",
    "write_configuration",
]

TableFormat = Literal["parquet", "csv", "tsv"]
ColumnNames = Literal["native", "broom"]

MODELS, INPUT, COMPUTING = "Models", "Input", "Computing"
RESULTS, MESSAGES = "Results", "Messages"

_NOT_IN_A_FILE = {"config", "print-config", "help", "list"}
_NOT_A_SETTING = {
    *_NOT_IN_A_FILE,
    *("shard", "resume", "overwrite", "dry-run", "print-definition"),
    *("no-progress", "quiet", "verbose", "log-json"),
}


def load_configuration(context: typer.Context, path: Path | None) -> Path | None:
    """Take defaults of a command's options from a TOML file; the command line wins."""
    if path is None or context.resilient_parsing:
        return path
    facts = read_toml(path)
    names = {key_of(parameter): parameter.name for parameter in context.command.params}
    allowed = {key: name for key, name in names.items() if key not in _NOT_IN_A_FILE}
    several = {one.name for one in context.command.params if one.multiple or one.nargs == -1}
    values: dict[str, Any] = {}
    for key, value in facts.items():
        if key not in allowed:
            hint = nearest(key, allowed)
            raise UsageError(f"{path}: {context.info_name} has no option {key!r}{hint}")
        meant = value_of_flag(key, value)
        try:
            values[allowed[key]] = _as_option(meant, several=allowed[key] in several)
        except UsageError as fault:
            raise UsageError(f"{path}: {key}: {fault}") from None
    context.default_map = {**(context.default_map or {}), **values}
    return path


def show_methods(asked: bool) -> None:
    """Print the methods of Mendelian randomisation for people, and end."""
    if asked:
        from proteomr.mr.choice import list_methods

        rows = [
            [
                method["key"],
                str(method["min_variants"]),
                _describe_method(method),
            ]
            for method in list_methods().iter_rows(named=True)
        ]
        headings = ["method", "variants|at least", "what it is"]
        print_rows(headings, rows, left=2, wrap=True)
        raise typer.Exit


def _describe_method(method: Mapping[str, Any]) -> str:
    """Return label, needs, parameters, other names and source of a method, as one paragraph."""
    several = "several exposures" if method["exposures"] == "several" else ""
    facts = (
        ("for", several),
        ("needs", method["needs"]),
        ("parameters", method["parameters"]),
        ("also", method["aliases"]),
        ("doi", method["reference"]),
    )
    said = [f"{word} {text}" for word, text in facts if text]
    return "; ".join([method["label"], *said])


def key_of(parameter: Any) -> str:
    """Return what an option is called in a file: its long name, or the name of an argument."""
    if parameter.param_type_name == "argument":
        return str(parameter.name)
    return str(max(parameter.opts, key=len)).lstrip("-")


def _as_option(value: object, *, several: bool) -> object:
    if isinstance(value, dict):
        return [f"{label}={text}" for label, text in value.items()]
    if several:
        return [value] if isinstance(value, str | int | float) else value
    if not isinstance(value, list):
        return value
    # An option that is given once takes several as A,B; a list would become the text of a list.
    unclear = next((item for item in value if "," in str(item)), None)
    if unclear is not None:
        raise UsageError(f"{unclear!r} holds a comma, which parts the values of this option")
    return ",".join(str(item) for item in value)


def resolve_settings(
    context: typer.Context, *, tables: Mapping[str, Mapping[str, str]]
) -> dict[str, object]:
    """Return what a command was asked, defaults included, by name as in a TOML file.

    Parameters
    ----------
    context : of the command.
    tables : the options of the form NAME=VALUE, read.
    """
    settings: dict[str, object] = {}
    for parameter in context.command.params:
        key = key_of(parameter)
        if parameter.name is None or key in _NOT_A_SETTING or key in tables:
            continue
        settings[key] = _plain(context.params.get(parameter.name))
    return {**settings, **{key: dict(table) for key, table in tables.items()}}


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value


def write_configuration(settings: dict[str, object]) -> str:
    """Return resolved options as TOML that --config reads back."""
    lines, tables = [], []
    for name, value in settings.items():
        if value is None or value in ([], {}):
            continue
        if isinstance(value, dict):
            rows = [f"{_quote(label)} = {_quote(text)}" for label, text in value.items()]
            tables += ["", f"[{name}]", *rows]
        else:
            lines.append(f"{name} = {_write(value)}")
    return "\n".join([*lines, *tables])


def _write(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_write(item) for item in value) + "]"
    return _quote(value)


def _quote(value: object) -> str:
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    shown = (letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in text)
    return f'"{"".join(shown)}"'


def parse_sets(given: list[str] | None) -> dict[str, str]:
    """Read adjustment sets, LABEL="TERMS", and answer one without a label by how it is written."""
    for text in given or []:
        label, marked, terms = text.partition("=")
        if marked and label.strip() and not terms.strip():
            raise UsageError(
                f"--adjust {text!r} names no terms; {text.strip()}1 adjusts for nothing"
            )
        if marked and not re.search(r"[~()+*^]", label):
            continue
        terms = _write_terms(text)
        if terms:
            raise UsageError(f'--adjust {text!r} has no label: write --adjust adjusted="{terms}"')
    return parse_pairs(given, option="--adjust", example='LABEL="age + sex"')


def _write_terms(text: str) -> str:
    """Return covariates that are listed, or the right side of R's formula, as a sum of terms."""
    right = text.rpartition("~")[2].strip()
    if re.fullmatch(r"[\w.]+(?:[\s,;&+]+[\w.]+)*", right) is None:
        return right
    return " + ".join(re.split(r"[\s,;&+]+", right))


def split_names(given: list[str] | None) -> list[str]:
    """Return names that are listed with commas, or given one by one."""
    return [name.strip() for text in given or [] for name in text.split(",") if name.strip()]


def parse_pairs(given: list[str] | None, *, option: str, example: str) -> dict[str, str]:
    """Read options written NAME=VALUE, each name once."""
    pairs: dict[str, str] = {}
    for text in given or []:
        name, _, value = text.partition("=")
        name, value = name.strip(), value.strip()
        if not name or not value:
            raise UsageError(f"{option} {text!r} is not of the form {example}{_mend(text)}")
        if name in pairs:
            raise UsageError(f"{option} {name!r} is given twice; give each its own name")
        pairs[name] = value
    return pairs


def _mend(text: str) -> str:
    """Return how a pair with another mark between is written."""
    pair = re.fullmatch(r"\s*([\w.]+)\s*[:,>]+\s*([\w./]+)\s*", text)
    return "" if pair is None else f": write {pair[1]}={pair[2]}"


IdColumn = Annotated[
    str | None,
    typer.Option(
        "--id",
        metavar="NAME",
        rich_help_panel=INPUT,
        help="Identifier column in every file. Without: the first of sample_id, eid, IID, ID, "
        "SampleID.",
    ),
]
Shard = Annotated[
    str | None,
    typer.Option(
        "--shard",
        metavar="I/N",
        rich_help_panel=COMPUTING,
        help="Fit this share of the blocks alone, such as 1/8; `proteomr merge DIR` joins "
        "the shares.",
    ),
]
Withdrawn = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=INPUT,
        help="Identifiers of people who have withdrawn, one a line; they are left out at load, and "
        "how many are listed, found and unknown is told. A line that is no identifier, or spells "
        "one otherwise, is refused.",
    ),
]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        metavar="K",
        rich_help_panel=COMPUTING,
        help="How many threads work at once. Without: what the scheduler allots, else the "
        "processors that may be used.",
    ),
]
Seed = Annotated[
    int,
    typer.Option(min=0, metavar="S", rich_help_panel=COMPUTING, help="Seed of all random numbers."),
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        rich_help_panel=COMPUTING,
        help="Go on with an interrupted run of the same request.",
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", rich_help_panel=COMPUTING, help="Replace what an earlier run left."
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        rich_help_panel=COMPUTING,
        help="Say what would run, how long it would take and with how much memory; write nothing.",
    ),
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        rich_help_panel=COMPUTING,
        help="Options from a TOML file; those on the command line win.",
        callback=load_configuration,
        is_eager=True,
    ),
]
ListMethods = Annotated[
    bool,
    typer.Option(
        "--list",
        is_eager=True,
        callback=show_methods,
        rich_help_panel="Estimates",
        help="Print every method with its parameters, what it needs and its source, and end.",
    ),
]
PrintConfig = Annotated[
    bool,
    typer.Option(
        "--print-config",
        rich_help_panel=COMPUTING,
        help="Print the options as TOML, for --config, and do nothing else.",
    ),
]
Out = Annotated[
    Path,
    typer.Option("-o", "--out", metavar="DIR", rich_help_panel=RESULTS, help="Run folder."),
]
Format = Annotated[
    TableFormat,
    typer.Option(
        "--format",
        metavar="parquet|csv|tsv",
        rich_help_panel=RESULTS,
        help="csv and tsv are written beside the parquet table.",
    ),
]
Columns = Annotated[
    ColumnNames,
    typer.Option(
        "--columns",
        metavar="native|broom",
        rich_help_panel=RESULTS,
        help="Names of the columns; broom: those of the R package (std.error, p.value, ...).",
    ),
]
AllowFailures = Annotated[
    bool,
    typer.Option(
        "--allow-failures",
        rich_help_panel=RESULTS,
        help="Leave with code 0 instead of 4 where some fits have failed.",
    ),
]
NoProgress = Annotated[
    bool,
    typer.Option(
        "--no-progress",
        rich_help_panel=MESSAGES,
        help="No progress bar; there is none either where stderr is no terminal.",
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q", "--quiet", rich_help_panel=MESSAGES, help="Nothing but the path, and errors."
    ),
]
Verbose = Annotated[
    bool,
    typer.Option("-v", "--verbose", rich_help_panel=MESSAGES, help="The log on stderr as well."),
]
LogJson = Annotated[
    bool,
    typer.Option(
        "--log-json", rich_help_panel=MESSAGES, help="The log on stderr, as lines of JSON."
    ),
]
