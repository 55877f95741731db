"""`proteomr genes`: which gene a name means, and where it stands."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from proteomr.errors import InputError, nearest

from .console import report_note, say

if TYPE_CHECKING:
    import polars as pl

__all__ = ["genes"]

BuildName = Literal["GRCh38", "GRCh37", "both"]
Layout = Literal["table", "tsv"]
PLACES = {"GRCh38": "", "GRCh37": "_grch37"}
KINDS = {
    "symbol": "symbol",
    "alias": "alias",
    "uniprot": "UniProt accession",
    "ensembl": "Ensembl identifier",
    "entrez": "Entrez number",
    "assay": "assay in the store",
}
HINTED = 5  # looking for similar names takes a moment for each


def genes(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME",
            help="Symbols, former symbols, aliases, UniProt accessions, Ensembl or Entrez genes.",
        ),
    ],
    build: Annotated[
        BuildName, typer.Option("--build", help="Genome build of the positions.")
    ] = "both",
    layout: Annotated[
        Layout, typer.Option("--format", help="For people, or as tab-separated columns.")
    ] = "table",
    store: Annotated[
        Path | None,
        typer.Option(
            metavar="STORE",
            help="A store of ingest or qc, whose assays tell the genes of OlinkIDs, SeqIds and "
            "targets, too.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Print which gene each name means.

    With its approved symbol, how the name was understood, its position, and its identifiers.
    """
    from proteomr.tables.genes import load_genes

    table = load_genes()
    assays = _find_assays(names, store)
    matches = table.describe([assays.get(name, name) for name in names])
    matches = _name_assays(matches, names, assays)
    unknown = matches.filter(matches["match"] == "unknown")["name"].to_list()
    hints = {name: nearest(name, table.frame["symbol"]) for name in unknown[:HINTED]}
    if len(unknown) == len(names):
        first = f"{unknown[0]!r}{hints[unknown[0]]}"
        what = f"no gene goes by {first}"
        raise InputError(what if len(names) == 1 else f"{what}, nor by any of the other names")
    builds = [name for name in PLACES if build in {name, "both"}]
    if layout == "tsv":
        other = [suffix for name, suffix in PLACES.items() if name not in builds]
        hidden = [f"{column}{suffix}" for suffix in other for column in ("start", "end", "strand")]
        say(matches.drop(hidden).write_csv(separator="\t").rstrip("\n"))
    else:
        say("\n\n".join(_describe(row, builds) for row in matches.iter_rows(named=True)))
    for name in unknown:
        report_note(f"no gene goes by {name!r}{hints.get(name, '')}")


def _find_assays(names: "list[str]", store: Path | None) -> dict[str, str]:
    """Return the genes of those names that are assays of the store."""
    if store is None:
        return {}
    from proteomr.io import read_store
    from proteomr.tables.assay_names import find_assay_genes

    return find_assay_genes(read_store(store).assays, names)


def _name_assays(
    matches: "pl.DataFrame", names: "list[str]", assays: dict[str, str]
) -> "pl.DataFrame":
    """Return the rows under the names asked for, with what the store told marked as such."""
    import polars as pl

    single = matches["symbol"].is_not_null()
    told = pl.Series([name in assays for name in names], dtype=pl.Boolean) & single
    how = matches["match"].to_frame().select(pl.when(told).then(pl.lit("assay")).otherwise("match"))
    return matches.with_columns(pl.Series("name", names), how.to_series().alias("match"))


def _describe(row: dict[str, Any], builds: list[str]) -> str:
    candidates = row["candidates"].split(";")
    if row["match"] == "unknown":
        return f"{row['name']}  unknown"
    if row["match"] == "several":
        return f"{row['name']}  several genes: {', '.join(candidates)}"
    if row["match"] == "ambiguous":
        return f"{row['name']}  ambiguous: {' or '.join(candidates)}"
    facts = [
        *((build, _place(row, PLACES[build])) for build in builds),
        ("UniProt", (row["uniprot"] or "").replace(";", ", ")),
        ("Ensembl", (row["ensembl"] or "").replace(";", ", ")),
        ("Entrez", str(row["entrez"])),
    ]
    how = "" if row["name"] == row["symbol"] else f", by its {KINDS[row['match']]}"
    lines = [f"{row['name']}  {row['symbol']}{how}: {row['full_name']}"]
    return "\n".join(lines + [f"  {label:<8} {text or 'none'}" for label, text in facts])


def _place(row: dict[str, Any], suffix: str) -> str:
    start, end, strand = (row[f"{part}{suffix}"] for part in ("start", "end", "strand"))
    if start is None:
        return ""
    return f"{row['chromosome']}:{start}-{end} ({'+' if strand > 0 else '-'})"
