from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.io import read_store, write_store
from proteomr.provenance import Manifest
from proteomr.tables import ArrayProteins, Measurements

FIRST = 7_300_001
N, P = 80, 12


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(11)
    x = rng.normal(size=(N, P)) + rng.normal(size=(N, 1))
    x += np.where(np.arange(N) % 4 == 0, 4.0, 0.0)[:, None]
    x[rng.random((N, P)) < 0.05] = np.nan
    x[:60, 3] = np.nan
    x[7] = np.nan
    ids = [str(FIRST + i) for i in range(N)]
    names = tuple(f"OID{j:05d}" for j in range(P))
    measured = Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": ids}),
        proteins=ArrayProteins(names, x),
        assays=pl.DataFrame(
            {
                "protein": names,
                "gene": [f"GENE{j}" for j in range(P)],
                "uniprot": [None] * P,
                "panel": ["Oncology"] * P,
                "platform": ["olink"] * P,
                "unit": ["NPX"] * P,
                "lod": [0.0] * P,
                "kind": ["protein"] * 11 + ["control"],
            },
            schema_overrides={"uniprot": pl.String},
        ),
        plates=pl.DataFrame(
            {
                "sample_id": ids,
                "panel": ["Oncology"] * N,
                "plate": [f"P{i % 4}" for i in range(N)],
                "well": [None] * N,
                "batch": [None] * N,
            },
            schema_overrides={"well": pl.String, "batch": pl.String},
        ),
    )
    write_store(measured, tmp_path / "store", manifest=Manifest(command="ingest"))
    return tmp_path / "store"


def named(text: str) -> bool:
    return any(str(FIRST + i) in text for i in range(N))


def test_a_store_goes_in_and_a_store_of_what_is_left_comes_out(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "left"
    ending = proteomr("qc", store, "-o", out)
    assert ending.code == 0, ending.err
    before, after = read_store(store), read_store(out)
    assert (after.n, after.assays.height) == (N - 1, P - 2)
    kept = [i for i in range(N) if i != 7]
    columns = [j for j in range(P) if j not in (3, 11)]
    np.testing.assert_array_equal(
        after.proteins.read(slice(0, P - 2)),
        before.proteins.read(slice(0, P))[np.ix_(kept, columns)],
    )
    lines = ending.out.splitlines()
    assert lines[0] == "policy default: 79 of 80 samples and 10 of 12 assays stay"
    assert "left out: 1 assays: missing above 0.5" in lines
    assert any(line.split()[:3] == ["OID00003", "GENE3", "Oncology"] for line in lines)
    assert any(line.startswith("Oncology") and "plate" in line for line in lines)
    assert lines[-1] == str(out)
    assert max(map(len, lines)) <= 100


def test_people_are_named_in_tables_of_people_alone(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    ending = proteomr("qc", store, "--verbose", "-o", tmp_path / "left")
    assert not named(ending.out + ending.err)
    for file in ("log.txt", "drops.tsv", "manifest.json"):
        assert not named((tmp_path / "left" / file).read_text()), file
    exclusions = pl.read_parquet(tmp_path / "left" / "exclusions.parquet")
    assert exclusions.filter(pl.col("kind") == "sample")["name"].to_list() == [str(FIRST + 7)]


def test_every_step_is_in_the_manifest_and_in_the_files(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "left"
    steps = ["--correct", "median", "--impute", "knn", "--neighbours", 3, "--components", 4]
    ending = proteomr("qc", store, *steps, "-o", out)
    assert ending.code == 0, ending.err
    facts = json.loads((out / "manifest.json").read_text())["configuration"]
    recorded = facts["store"]["parameters"]
    assert recorded["correction"] == {"method": "median", "by": "plate"}
    assert recorded["imputation"]["neighbours"] == 3
    assert len(recorded["components"]["variance_shares"]) == 4
    assert facts["resolved_policy"]["max_missing_per_assay"] == 0.5
    values = read_store(out).proteins.read(slice(0, P))
    assert np.isfinite(values).all()
    plates = np.array([i % 4 for i in range(N) if i != 7])
    medians = [np.median(values[plates == g], axis=0) for g in range(4)]
    assert np.ptp(medians, axis=0).max() < 1.0  # 4 was planted; imputing moves the medians again
    assert pl.read_parquet(out / "loadings.parquet").shape == (P - 2, 5)
    assert "note: values are corrected by plate (median)" in ending.err


def test_a_dry_run_tells_the_same_and_writes_nothing(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    dry = proteomr("qc", store, "--dry-run", "-o", tmp_path / "left")
    assert dry.code == 0
    assert not (tmp_path / "left").exists()
    wet = proteomr("qc", store, "-o", tmp_path / "left")
    assert dry.out.splitlines()[:-1] == wet.out.splitlines()[:-1]


def test_thresholds_on_the_command_line_replace_those_of_the_policy(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    ending = proteomr("qc", store, "--max-missing", "off", "--dry-run", "-o", tmp_path / "left")
    assert ending.out.startswith("policy default, changed: 79 of 80 samples and 11 of 12 assays")
    ending = proteomr(
        "qc", store, "--max-missing-sample", "0.0", "--dry-run", "-o", tmp_path / "left"
    )
    assert "samples: missing above 0" in ending.out


def test_withdrawn_people_are_gone_and_counted(proteomr: Any, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "withdrawn.csv"
    file.write_text(f"{FIRST}\n{FIRST + 1}\n99\n")
    out = tmp_path / "left"
    assert proteomr("qc", store, "--withdrawn", file, "-o", out).code == 0
    assert (out / "drops.tsv").read_text().splitlines()[1].endswith("\twithdrawn\t2")
    for table in ("samples", "plates", "qc_samples", "qc_panels", "exclusions"):
        frame = pl.read_parquet(out / f"{table}.parquet")
        assert not frame.select(pl.any_horizontal(pl.col(pl.String).eq(str(FIRST)).any())).item()


def test_a_second_run_keeps_no_table_of_the_first(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    out = tmp_path / "left"
    proteomr("qc", store, "--components", 2, "-o", out)
    refused = proteomr("qc", store, "-o", out)
    assert refused.code == 3
    assert "already holds a manifest.json" in refused.message
    assert proteomr("qc", store, "--overwrite", "-o", out).code == 0
    assert not (out / "principal_components.parquet").exists()


def test_a_policy_of_ones_own_is_read_from_toml(proteomr: Any, store: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("max_missing_per_assay = 0.9\n")
    ending = proteomr("qc", store, "--policy", file, "-q", "-o", tmp_path / "left")
    assert (ending.code, ending.out) == (0, f"{tmp_path / 'left'}\n")
    assert read_store(tmp_path / "left").assays.height == P


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--policy", "strickt"], 2, "no policy 'strickt' (did you mean 'strict'?)"),
        (["--max-missing", "50"], 2, "--max-missing '50' is neither a share from 0 to 1 nor off"),
        (["--by", "plate"], 2, "--by says what --correct takes out"),
        (["--neighbours", "5"], 2, "--neighbours is for the imputation"),
        (["--correct", "median", "--by", "batch"], 3, "no batches to correct for; --by plate"),
        (["--components", "999"], 2, "999 principal components; 1 to 10 can be had here"),
        (["--policy", "shen2025", "--impute", "knn"], 3, "1 people have more than 80%"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    proteomr: Any, store: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    ending = proteomr("qc", store, *arguments, "-o", tmp_path / "left")
    assert ending.code == code
    assert message in ending.message
    assert not (tmp_path / "left" / "manifest.json").exists()


def test_the_store_that_is_read_is_never_written(proteomr: Any, store: Path) -> None:
    ending = proteomr("qc", store, "--overwrite", "-o", store)
    assert ending.code == 2
    assert "is the store that is read" in ending.message
