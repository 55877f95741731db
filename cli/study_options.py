"""Options that the commands on summary statistics share."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from . import options as shared

if TYPE_CHECKING:
    from proteomr.io.sumstats import ReadOptions

__all__ = [
    "LINKAGE",
    "BuildName",
    "CisBuild",
    "CisKb",
    "Clusters",
    "EstimateColumns",
    "FormatName",
    "Ld",
    "LdValuesName",
    "Mapped",
    "Match",
    "MatchName",
    "OptionalLd",
    "OutFile",
    "Reading",
    "Scales",
    "Sides",
    "Study",
    "Trait",
    "option",
    "parse_mapping",
    "read_sides",
]

LINKAGE = "Linkage"
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
_SideMapped = Annotated[list[str] | None, option(shared.INPUT, "CANONICAL=COLUMN", _MAPPED)]
BuildName = Annotated[
    str | None,
    typer.Option(
        metavar="GRCh37|GRCh38",
        rich_help_panel=shared.INPUT,
        help="Genome build of the positions; also hg19, b37, 37, hg38, b38, 38.",
        show_default=False,
    ),
]
CisKb = Annotated[
    float | None, option("Regions", "KB", "On both sides of --cis; 1000 usually.", "--cis-kb")
]
CisBuild = Annotated[
    str | None,
    option(
        "Regions",
        "GRCh37|GRCh38",
        "Of the positions, for --cis; GRCh38 usually; also hg19, b37, 37, hg38, b38, 38.",
        "--build",
    ),
]
Scales = Annotated[
    Literal["refuse", "note"],
    option(
        shared.INPUT,
        "refuse|note",
        "Effects, errors, p or frequencies that are proven to be on another scale (odds ratios for "
        "effects, variances for errors, -log10 p for p): no run without --map, or a note.",
    ),
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
Clusters = Annotated[
    bool,
    typer.Option(
        "--clusters",
        rich_help_panel="Estimates",
        help="Part the variants into clusters of one slope each, those of no effect and outliers "
        "(tables cluster_estimates, variant_clusters).",
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
_LD = (
    "Genotypes (prefix of bed, bim and fam; or of pgen), or a square matrix of correlations with "
    "the variants' names in first line and first column (csv, tsv, also gz; npz; parquet)."
)
Ld = Annotated[Path, option(LINKAGE, "BFILE|MATRIX", _LD, "--ld")]
OptionalLd = Annotated[Path | None, option(LINKAGE, "BFILE|MATRIX", _LD, "--ld")]
LdValuesName = Annotated[
    Literal["auto", "r", "r2"],
    option(
        LINKAGE,
        "auto|r|r2",
        "What a matrix holds, correlations or their squares; auto: correlations if one is "
        "negative; asked for where ten pairs or more and none is.",
        "--ld-values",
    ),
]
OutFile = Annotated[
    Path,
    option(shared.RESULTS, "OUT.parquet", "Table; its account stands beside.", "-o", "--out"),
]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file of summary statistics is read."""

    format: FormatName = "auto"
    mapped: Mapped = None
    scales: Scales = "refuse"

    @property
    def columns(self) -> dict[str, str]:
        """Canonical columns and those of the file."""
        return parse_mapping(self.mapped)


@dataclass(frozen=True, slots=True)
class Sides:
    """How the files of an exposure and of its outcomes are read."""

    exposure_format: FormatName = "auto"
    exposure_map: _SideMapped = None
    exposure_build: BuildName = None
    outcome_format: FormatName = "auto"
    outcome_map: _SideMapped = None
    outcome_build: BuildName = None
    scales: Scales = "refuse"

    @property
    def tables(self) -> dict[str, dict[str, str]]:
        """Canonical columns and those of the files, by the name of the option."""
        return {
            "exposure-map": parse_mapping(self.exposure_map, option="--exposure-map"),
            "outcome-map": parse_mapping(self.outcome_map, option="--outcome-map"),
        }

    def make_options(self) -> "tuple[ReadOptions, ReadOptions]":
        """Return the options for the files of the exposure, and for those of the outcomes."""
        tables = self.tables
        first = (self.exposure_format, tables["exposure-map"], self.exposure_build)
        second = (self.outcome_format, tables["outcome-map"], self.outcome_build)
        return read_sides(first, second, scales=self.scales)


def read_sides(
    *sides: tuple[str, dict[str, str], str | None], scales: Literal["refuse", "note"]
) -> "tuple[ReadOptions, ReadOptions]":
    """Return how the files of two sides are read, each by its format, columns and build."""
    from proteomr.io.sumstats import ReadOptions
    from proteomr.tables.sumstats import name_build

    first, second = (
        ReadOptions(
            form, columns, build=None if build is None else name_build(build), scales=scales
        )
        for form, columns, build in sides
    )
    return first, second


def parse_mapping(given: list[str] | None, *, option: str = "--map") -> dict[str, str]:
    """Read a mapping of canonical columns to those of a file."""
    return shared.parse_pairs(given, option=option, example="eaf=FRQ_U")
