"""The script that builds the shipped table of genes, on a source of a few made genes."""

from __future__ import annotations

import importlib.util
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest

from proteomr.io.genetics.chains import read_chain

SCRIPT = Path(__file__).parents[2] / "data" / "schemas" / "genes" / "build_genes.py"
TABLES = {
    "genes": ("_id", "gene_id"),
    "gene_info": ("_id", "symbol", "gene_name"),
    "genetype": ("_id", "gene_type"),
    "alias": ("_id", "alias_symbol"),
    "uniprot": ("_id", "uniprot_id"),
    "ensembl": ("_id", "ensembl_id"),
    "chromosomes": ("_id", "chromosome"),
    "chromosome_locations": ("_id", "seqname", "start_location", "end_location"),
    "metadata": ("name", "value"),
}
# symbol, type, aliases, accessions, chromosomes, locations (zero-based start; sign is the strand)
GENES: list[tuple[str, str, list[str], list[str], list[str], list[tuple[str, int, int]]]] = [
    ("PLAIN", "protein-coding", ["PLAIN", "OLD"], ["A0A1", "Q2", "P9"], ["1"],
     [("1", 999, 2000), ("1", 1500, 2500), ("1_ALT", 0, 5)]),
    ("TURNED", "protein-coding", [], [], ["1"], [("1", 5099, 5200)]),
    ("COPIED", "protein-coding", [], [], ["1"],
     [("1", 600_000, 600_100), ("1", 600_000, 600_100), ("1", -9_000, -9_100)]),
    ("EDGE", "protein-coding", [], [], ["1"], [("1", 9_900, 10_100)]),
    ("BOTH", "protein-coding", [], [], ["Y", "X"], [("Y", 10, 20), ("X", 30, 40)]),
    ("LOC12", "protein-coding", ["PLAIN", "OLD"], ["P9", "Q7"], ["1"], []),
    ("IGHG4", "other", [], [], ["14"], []),
    ("PSEUDO", "pseudo", [], [], ["1"], []),
    ("LISTED", "pseudo", [], [], ["1"], []),
    ("COX2", "protein-coding", [], [], ["MT"], []),
]  # fmt: skip
EXTRA: dict[str, Any] = {
    "symbols": {"COX2": "MT-CO2"},
    "aliases": [{"symbol": "PLAIN", "aliases": ["NEWER"], "source": "made"}],
    "genes": [{"symbol": "LISTED", "uniprot": ["P1"]}],
}
# bases 1 to 5000 keep their place, 5001 to 6000 are turned round, 8001 to 10000 move by 100
CHAIN = (
    "chain 1 1 700000 + 0 5000 1 20000 + 0 5000 1\n5000\n\n"
    "chain 1 1 700000 + 5000 6000 1 20000 - 14000 15000 2\n1000\n\n"
    "chain 1 1 700000 + 8000 10000 1 20000 + 8100 10100 3\n2000\n\n"
)


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_genes", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["build_genes"] = module
    spec.loader.exec_module(module)
    return module


def write_source(path: Path) -> None:
    rows: dict[str, list[tuple[object, ...]]] = {name: [] for name in TABLES}
    rows["metadata"] = [("EGSOURCEDATE", "2022-Sep12")]
    for number, (symbol, kind, aliases, uniprot, homes, locations) in enumerate(GENES, start=1):
        rows["genes"].append((number, str(100 + number)))
        rows["gene_info"].append((number, symbol, symbol.lower()))
        rows["genetype"].append((number, kind))
        rows["alias"] += [(number, alias) for alias in aliases]
        rows["uniprot"] += [(number, accession) for accession in uniprot]
        rows["ensembl"].append((number, f"ENSG{number}"))
        rows["chromosomes"] += [(number, home) for home in homes]
        rows["chromosome_locations"] += [(number, *location) for location in locations]
    with closing(sqlite3.connect(path)) as database:
        for name, columns in TABLES.items():
            database.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            marks = ", ".join("?" * len(columns))
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows[name])  # noqa: S608 - names of TABLES
        database.commit()


@pytest.fixture(scope="module")
def built(script: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    folder = tmp_path_factory.mktemp("genes")
    write_source(folder / "org.sqlite")
    (folder / "made.chain").write_text(CHAIN)
    source, chain = script.read_source(folder / "org.sqlite"), read_chain(folder / "made.chain")
    table: pl.DataFrame = script.build(source, chain, EXTRA, release="9.9")
    return table


def row(table: pl.DataFrame, symbol: str) -> dict[str, Any]:
    return table.row(by_predicate=pl.col("symbol") == symbol, named=True)


def place(table: pl.DataFrame, symbol: str, suffix: str = "") -> tuple[object, ...]:
    found = row(table, symbol)
    return tuple(found[f"{name}{suffix}"] for name in ("start", "end", "strand"))


def test_genes_are_coding_ones_segments_and_those_that_are_listed(built: pl.DataFrame) -> None:
    assert built["symbol"].to_list() == [
        *("BOTH", "COPIED", "EDGE", "IGHG4", "LISTED", "LOC12", "MT-CO2", "PLAIN", "TURNED"),
    ]
    assert built["source_date"].unique().to_list() == ["2022-09-12"]


def test_names_are_sorted_and_completed_and_the_symbol_is_no_alias(built: pl.DataFrame) -> None:
    plain = row(built, "PLAIN")
    assert (plain["aliases"], plain["uniprot"]) == (["NEWER", "OLD"], ["P9", "Q2", "A0A1"])
    assert row(built, "MT-CO2")["aliases"] == ["COX2"]
    assert row(built, "LISTED")["uniprot"] == ["P1"]


def test_an_uncharacterised_locus_does_not_hold_what_a_named_gene_has(built: pl.DataFrame) -> None:
    locus = row(built, "LOC12")
    assert (locus["aliases"], locus["uniprot"]) == (["OLD"], ["Q7"])


def test_places_are_spans_counted_from_one_on_whole_chromosomes(built: pl.DataFrame) -> None:
    assert place(built, "PLAIN") == place(built, "PLAIN", "_grch37") == (1000, 2500, 1)
    assert place(built, "LISTED") == (None, None, None)
    assert (row(built, "BOTH")["chromosome"], *place(built, "BOTH")) == ("X", 31, 40, 1)


def test_a_gene_on_a_turned_stretch_changes_its_strand(built: pl.DataFrame) -> None:
    assert place(built, "TURNED") == (5100, 5200, 1)
    # base 5001 became 6000 of 20000, counted from the far end, and 6000 became 5001
    assert place(built, "TURNED", "_grch37") == (5801, 5901, -1)


def test_of_copies_the_one_that_lifts_is_the_gene(built: pl.DataFrame) -> None:
    assert place(built, "COPIED") == (9001, 9100, -1)
    assert place(built, "COPIED", "_grch37") == (9101, 9200, -1)


def test_an_end_without_counterpart_is_that_of_the_next_base_inwards(built: pl.DataFrame) -> None:
    assert place(built, "EDGE") == (9901, 10100, 1)
    assert place(built, "EDGE", "_grch37") == (10001, 10100, 1)
