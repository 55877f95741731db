"""Whatever opens a file of a user lies behind the border, and paths are never patterns."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OPENERS = {
    *("open", "fdopen", "read_bytes", "read_text", "memmap", "fromfile", "loadtxt", "genfromtxt"),
    *("read_csv", "read_parquet", "read_parquet_metadata", "read_ipc", "read_excel"),
    *("scan_csv", "scan_parquet", "read_schema", "read_metadata", "ParquetFile"),
    *("open_csv", "stream_batches", "input_stream", "decompress", "GzipFile", "ZipFile"),
    *("from_path", "PgenReader"),
}
LOADERS = {("np", "load"), ("json", "load"), ("json", "loads"), ("tomllib", "load")}
LOADERS |= {("tomllib", "loads"), ("pickle", "load"), ("pickle", "loads"), ("cloudpickle", "loads")}
OWN = "what it reads is the project's own: shipped with it, or written by the same run"
SYSTEM = "files of the system, whose absence has an answer"
DIGESTED = "what is no JSON, or not of its digest, is no part: the run computes it anew"
WRITES = "opens files to write them"
REASONS = {
    "proteomr/study/shipped.py": OWN,
    "proteomr/report/page.py": "its own style and script",
    "cli/harmonise.py": OWN,
    "cli/demo.py": OWN,
    "cli/schema.py": OWN,
    "cli/console.py": WRITES,
    "cli/run.py": OWN,
    "cli/stage_batches.py": "reads what jobs of the scheduler printed, in whatever bytes",
    "proteomr/digests.py": "raises what the disk says, for the provenance to tell in words",
    "proteomr/files.py": WRITES,
    "proteomr/colocalisation/coded_traits.py": OWN,
    "proteomr/colocalisation/collecting.py": OWN,
    "proteomr/egress/run_figures.py": OWN,
    "proteomr/execute/processors.py": SYSTEM,
    "proteomr/runs/timing.py": SYSTEM,
    "proteomr/gwas/sinks.py": OWN,
    "proteomr/io/arrow_csv.py": "parses a stream whose faults are named by who opened it",
    "proteomr/io/books.py": OWN,
    "proteomr/io/long_form/held_rows.py": OWN,
    "proteomr/io/store_writing.py": OWN,
    "proteomr/io/ukbiobank/answers.py": "reads one cell, whose fault it names itself",
    "proteomr/runs/encoding.py": "reads a stamp inside the border of runs.checking",
    "proteomr/runs/layout.py": DIGESTED,
    "proteomr/runs/lock.py": SYSTEM,
    "proteomr/runs/packing.py": OWN,
    "proteomr/runs/parts.py": DIGESTED,
    "proteomr/runs/people_digests.py": "takes digests, which no content can break",
    "proteomr/runs/request.py": "takes digests, which no content can break",
    "proteomr/runs/scratch.py": SYSTEM,
    "proteomr/simulate/export.py": OWN,
    "proteomr/simulate/job.py": OWN,
    "proteomr/tables/dictionary.py": OWN,
    "proteomr/tables/gene_ontology.py": OWN,
    "proteomr/tables/genes.py": OWN,
    "proteomr/tables/table.py": OWN,
    "proteomr/phenotype/definitions/definition.py": OWN,
    "proteomr/phenotype/outcomes/reading.py": OWN,
    "proteomr/io/ukbiobank/protein_names.py": OWN,
}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for folder in ("proteomr", "cli"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield str(file.relative_to(ROOT)), ast.parse(file.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return dict(modules())


@pytest.fixture(scope="module")
def methods_called(trees: dict[str, ast.Module]) -> list[tuple[str, ast.Attribute, ast.Call]]:
    """Calls of what belongs to something, as ``pl.read_csv(...)``, and where they stand."""
    return [
        (f"{name}:{node.lineno}", node.func, node)
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    ]


def opened_in(tree: ast.Module) -> set[str]:
    """Return the calls of a module that open a file, by name."""
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in OPENERS:
            found.add(node.func.id)
        if isinstance(node.func, ast.Attribute):
            name, owner = node.func.attr, node.func.value
            home = owner.id if isinstance(owner, ast.Name) else ""
            own_class = home[:1].isupper()  # Ledger.open takes hold of a folder
            if (name in OPENERS and not own_class) or (home, name) in LOADERS:
                found.add(name)
    return found


def uses_border(tree: ast.Module) -> bool:
    return any(
        isinstance(node, ast.ImportFrom) and node.module == "proteomr.border"
        for node in ast.walk(tree)
    )


def test_whatever_opens_a_file_uses_the_border_or_says_why_not(
    trees: dict[str, ast.Module],
) -> None:
    bare = {
        name: sorted(opened)
        for name, tree in trees.items()
        if (opened := opened_in(tree)) and not uses_border(tree) and name not in REASONS
        if name != "proteomr/border.py"
    }
    assert bare == {}


def test_every_exception_still_opens_a_file_without_the_border(
    trees: dict[str, ast.Module],
) -> None:
    stale = [name for name in REASONS if name not in trees or not opened_in(trees[name])]
    assert stale == []
    assert [name for name in REASONS if uses_border(trees[name])] == []


def test_a_module_that_opens_a_file_by_any_of_the_usual_calls_is_found() -> None:
    for call in ("pl.read_csv(p)", "p.open()", "np.load(p)", "gzip.open(p)", "open(p)"):
        assert opened_in(ast.parse(call)), call
    assert not opened_in(ast.parse("frame.load(p)\nopened(p)"))


@pytest.mark.parametrize("call", ["read_parquet", "scan_parquet"])
def test_polars_takes_no_path_for_a_pattern(
    call: str, methods_called: list[tuple[str, ast.Attribute, ast.Call]]
) -> None:
    """Names with ``[``, ``?`` or ``*`` are names: polars expands them unless told not to."""
    loose = [
        place
        for place, called, node in methods_called
        if called.attr == call
        and not any(keyword.arg == "glob" for keyword in node.keywords)
        and not (node.args and ast.unparse(node.args[0]).startswith("io.BytesIO"))
    ]
    assert loose == []


def test_polars_reads_no_text_from_a_path(
    methods_called: list[tuple[str, ast.Attribute, ast.Call]],
) -> None:
    """``read_csv`` has no such option: what it reads is open or in memory."""
    loose = [
        place
        for place, called, node in methods_called
        if called.attr in {"read_csv", "scan_csv", "read_ipc"}
        and ast.unparse(called.value) == "pl"
        and not any(keyword.arg == "glob" for keyword in node.keywords)
    ]
    assert loose == []
