"""The public names are pinned, lazy, and the same whatever is imported first."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import proteomr

NAMES = [
    "Associations",
    "Cohort",
    "Fields",
    "IngestOptions",
    "Manifest",
    "Measurements",
    "ModelSpec",
    "NetworkOptions",
    "__version__",
    "adjust",
    "apply_score",
    "associate",
    "clean",
    "colocalise",
    "compare",
    "ctra",
    "derive",
    "describe",
    "e_values",
    "enrich",
    "finemap",
    "harmonise",
    "ingest",
    "load_definition",
    "load_genes",
    "load_policy",
    "mediate",
    "meta",
    "munge",
    "network",
    "qc",
    "read_cohort",
    "read_fields",
    "read_measurements",
    "read_store",
    "replicate",
    "run_mr",
    "score",
    "simulate",
    "survive",
    "write_store",
]


def run_python(code: str) -> str:
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert shown.returncode == 0, shown.stderr
    return shown.stdout.strip()


def test_the_public_names_are_these() -> None:
    assert sorted(proteomr.__all__) == NAMES
    assert set(NAMES) <= set(dir(proteomr))


@pytest.mark.parametrize("name", NAMES)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    value = getattr(proteomr, name)
    if name != "__version__":
        assert callable(value)
        assert value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'asociate'"):
        _ = proteomr.asociate


def test_importing_the_package_loads_none_of_its_rooms() -> None:
    code = "import sys, proteomr; print([m for m in sys.modules if m.startswith('proteomr.')])"
    # on the ground: where the front names what draws tables; it loads nothing itself
    assert run_python(code) == "['proteomr.figures']"
    heavy = "import sys, proteomr; print([m for m in sys.modules if m in ('polars', 'numpy')])"
    assert run_python(heavy) == "[]"


def test_a_scan_loads_what_it_needs_and_no_other_family() -> None:
    # each of these takes a tenth of a second or more, beside eight seconds of the linear scan
    late = (
        *("scipy.optimize", "scipy.stats", "scipy.sparse", "scipy.fft", "numba", "statsmodels"),
        *("linearmodels", "pandas", "matplotlib", "proteomr.models.cox", "proteomr.models.mixed"),
    )
    code = (
        "import sys, proteomr.association; from proteomr.models import find_family;"
        f"find_family('linear'); print([m for m in {late} if m in sys.modules])"
    )
    assert run_python(code) == "[]"


@pytest.mark.parametrize("name", ["qc", "simulate"])
@pytest.mark.parametrize(
    "first", ["import proteomr", "import proteomr.{0}", "from proteomr.{0} import {0}"]
)
def test_a_job_is_its_function_whatever_is_imported_first(first: str, name: str) -> None:
    code = f"{first.format(name)}\nimport proteomr\nprint(type(proteomr.{name}).__name__)"
    assert run_python(code) == "function"


def test_public_names_suffice_from_raw_files_to_associations(tmp_path: Path) -> None:
    proteomr.simulate(tmp_path / "raw", people=300, proteins=8, seed=3, export="ukb")
    export = tmp_path / "raw" / "export"
    files = [export / "olink_instance_0.csv", *sorted(export.glob("helper_*.tsv"))]
    store = proteomr.ingest(files, out=tmp_path / "store").folder
    assert store is not None
    cleaned = proteomr.qc(store, policy="shen2025", out=tmp_path / "clean")
    measured = proteomr.read_measurements(files, scratch=tmp_path)
    in_memory = proteomr.clean(measured, policy=proteomr.load_policy("shen2025")).measured
    proteomr.write_store(in_memory, tmp_path / "same")
    same = pl.read_parquet(tmp_path / "same" / "proteins.parquet")
    assert cleaned.table("proteins").equals(same)
    people = proteomr.derive(export / "participants.csv").table()
    found = proteomr.associate(
        people,
        tmp_path / "clean",
        family="logistic",
        exposure="isolation",
        adjust={"simple": "age + sex"},
    ).table()
    truth = pl.read_parquet(export / "truth.parquet")
    assert set(found["protein"]) == set(truth["protein"])
    assert people.height == 300
    values = in_memory.proteins.read(slice(0, 8))
    assert found["n"].to_list() == (~np.isnan(values)).sum(axis=0).tolist()
