"""Options that the commands on summary statistics share."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from . import options as shared

__all__ = [
    "Build",
    "BuildName",
    "EstimateColumns",
    "FormatName",
    "Mapped",
    "Match",
    "MatchName",
    "OutFile",
    "SideMapped",
    "Study",
    "Trait",
    "option",
    "parse_mapping",
]

Build = Literal["GRCh37", "GRCh38"]
Match = Literal["auto", "name", "rsid", "position"]


def option(panel: str, metavar: str, text: str, *names: str) -> Any:
    """Return an option under a heading of the help page, its default told in its text."""
    return typer.Option(
        *names, metavar=metavar, rich_help_panel=panel, help=text, show_default=False
    )


_TRAIT = "Name of the trait, for a file without a column of it. Without: the name of the file."
_MAPPED = (
    "Which column of the file is a canonical one, such as odds_ratio=OR or eaf=FRQ; repeat for "
    "several. `proteomr schema sumstats` lists the canonical ones."
)

FormatName = Annotated[
    str,
    option(
        shared.INPUT, "auto|NAME|FILE.toml", "Format; auto: found; or a book of your own, in TOML."
    ),
]
Mapped = Annotated[list[str] | None, option(shared.INPUT, "CANONICAL=COLUMN", _MAPPED, "--map")]
SideMapped = Annotated[list[str] | None, option(shared.INPUT, "CANONICAL=COLUMN", _MAPPED)]
BuildName = Annotated[
    Build | None, option(shared.INPUT, "GRCh37|GRCh38", "Genome build of the positions.")
]
Trait = Annotated[str | None, option(shared.INPUT, "NAME", _TRAIT)]
Study = Annotated[
    Path, typer.Argument(metavar="FILE", help="Canonical parquet, or a file of any known format.")
]
MatchName = Annotated[
    Match,
    option(
        shared.INPUT,
        "auto|name|rsid|position",
        "By what a variant is found in the outcome; auto: name, else rsid, else position where "
        "both files tell one build.",
    ),
]
EstimateColumns = Annotated[
    Literal["native", "twosamplemr"],
    option(
        shared.RESULTS,
        "native|twosamplemr",
        "Names of the columns in the main table; twosamplemr: those of the R package.",
        "--columns",
    ),
]
OutFile = Annotated[
    Path,
    option(shared.RESULTS, "OUT.parquet", "Table; its account stands beside.", "-o", "--out"),
]


def parse_mapping(given: list[str] | None, *, option: str = "--map") -> dict[str, str]:
    """Read a mapping of canonical columns to those of a file."""
    return shared.parse_pairs(given, option=option, example="eaf=FRQ_U")
