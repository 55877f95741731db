from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.io import read_store, write_store
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
    write_store(measured, tmp_path / "store")
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
    assert lines[1:5] == [
        "left out: 1 samples: no value of any assay",
        "left out: 1 assays: kind control",
        "left out: 0 assays: kind non_human",
        "left out: 1 assays: missing above 0.5",
    ]
    tables = lines[-2].removeprefix("more in ").partition(" (")[0].split(", ")
    assert all((out / f"{name}.parquet").exists() for name in tables)
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
    leaves = [line.split(maxsplit=1) for line in dry.out.splitlines()]
    told = [f"left out: {words[1]}" for words in leaves if words[0] == "leaves"]
    assert told == [line for line in wet.out.splitlines() if line.startswith("left out: ")]
    assert ["samples", "79"] in leaves
    assert ["assays", "10"] in leaves
    assert ["policy", "default"] in leaves
    assert {"memory", "time"} <= {words[0] for words in leaves}


def test_thresholds_on_the_command_line_replace_those_of_the_policy(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    ending = proteomr("qc", store, "--max-missing", "off", "--dry-run", "-o", tmp_path / "left")
    assert [line.split() for line in ending.out.splitlines()[:3]] == [
        ["samples", "79"],
        ["assays", "11"],
        ["policy", "default,", "changed"],
    ]
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
    assert "holds a finished result; choose another folder" in refused.message
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
        (["--max-missing", "50"], 2, "'50' is neither a share from 0 to 1 nor off; for 50 % write"),
        (["--max-missing", "50%"], 2, "nor off; for 50 % write 0.5"),
        (["--max-missing", "-1"], 2, "'-1' is neither a share from 0 to 1 nor off\n"),
        (["--threshold", "sd_component=4"], 2, "'sd_component' (did you mean 'sd_components'"),
        (["--threshold", "sd_components"], 2, "is not of the form max_failed_panels=1"),
        (["--threshold", "max_failed_panels=0.5"], 2, "a whole number, 0 or more is needed"),
        (["--threshold", "remove_empty_samples=yes"], 2, "'yes'; true or false is needed"),
        (["--threshold", "max_missing_per_assay=1", "--max-missing", "1"], 2, "say the same"),
        (["--impute", "knn", "--neighbours", "0"], 2, "greater than or equal to 1"),
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
    assert message in f"{ending.message}\n"
    assert not any((tmp_path / "left").glob("*.parquet"))
    assert not (tmp_path / "left" / "manifest.json").exists()
    assert not (tmp_path / "left").exists() or "people have more than" in message


def test_the_store_that_is_read_is_never_written(proteomr: Any, store: Path) -> None:
    ending = proteomr("qc", store, "--overwrite", "-o", store)
    assert ending.code == 2
    assert f"{store}: {store / 'samples.parquet'} is read; choose another" in ending.message


def test_any_threshold_can_be_given_by_its_name(proteomr: Any, store: Path, tmp_path: Path) -> None:
    given = ["--threshold", "max_panels_outlying_median_iqr=0", "--threshold", "sd_median_iqr=2"]
    out = tmp_path / "left"
    ending = proteomr("qc", store, "--threshold", "remove_empty_samples=false", *given, "-o", out)
    assert ending.code == 0, ending.err
    assert "samples: no value of any assay" not in ending.out
    policy = json.loads((out / "manifest.json").read_text())["configuration"]["resolved_policy"]
    assert (policy["max_panels_outlying_median_iqr"], policy["sd_median_iqr"]) == (0, 2)
    gone = pl.read_parquet(out / "exclusions.parquet").filter(pl.col("kind") == "sample")
    assert gone["reason"].unique().to_list() == ["panels on which median or IQR lies apart"]
    assert f"{gone.height} samples by median or IQR, 2 SD from the mean" in ending.out
    printed = proteomr("qc", store, *given, "-o", out, "--print-config")
    file = tmp_path / "options.toml"
    file.write_text(printed.out)
    again = proteomr("qc", store, "--config", file, "--overwrite", "-o", out)
    assert again.code == 0, again.err
    assert f"left out: {gone.height} samples: panels on which median" in again.out


def test_a_rule_that_nothing_can_judge_is_said(proteomr: Any, store: Path, tmp_path: Path) -> None:
    arguments = ["--threshold", "max_cv_intra_percent=30", "--dry-run", "-o", tmp_path / "left"]
    ending = proteomr("qc", store, *arguments)
    rule = "assays: CV of controls within plates, percent above 30"
    assert f"0 {rule} (known of no assay)" in ending.out


def test_plates_of_each_panel_are_shown_where_panels_differ(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    measured = read_store(store)
    panels = ["Oncology"] * 6 + ["Neurology"] * 6
    plates = measured.plates
    other = plates.with_columns(
        pl.lit("Neurology").alias("panel"), pl.format("N{}", "plate").alias("plate")
    )
    both = replace(
        measured,
        assays=measured.assays.with_columns(pl.Series("panel", panels)),
        plates=pl.concat([plates, other]),
    )
    write_store(both, tmp_path / "two")
    lines = proteomr("qc", tmp_path / "two", "-o", tmp_path / "left").out.splitlines()
    assert [line.split()[:4] for line in lines if line.startswith(("Onc", "Neu"))] == [
        ["Neurology", "plate", "4", "1"],
        ["Oncology", "plate", "4", "1"],
    ]


def test_imputation_above_1500_proteins_says_how_it_differs_from_r(
    proteomr: Any, tmp_path: Path
) -> None:
    x = np.random.default_rng(5).normal(size=(12, 1501))
    x[3, 7] = np.nan
    names = tuple(f"Q{j:04d}" for j in range(1501))
    measured = Measurements(
        platform="table",
        samples=pl.DataFrame({"sample_id": [f"S{i:02d}" for i in range(12)]}),
        proteins=ArrayProteins(names, x),
        assays=pl.DataFrame({"protein": names, "kind": ["protein"] * 1501}),
    )
    write_store(measured, tmp_path / "store")
    out = tmp_path / "left"
    ending = proteomr("qc", tmp_path / "store", "--impute", "knn", "--components", 2, "-o", out)
    said = "neighbours were sought among all 1,501 proteins; R's impute.knn splits"
    assert said in ending.err
    assert said in (out / "log.txt").read_text()
    manifest = json.loads((out / "manifest.json").read_text())
    recorded = manifest["configuration"]["store"]["parameters"]
    assert recorded["imputation"]["as_r_impute_knn"] is False
    assert recorded["imputation"]["cells"] == 1
    assert recorded["components"]["asked"] == 2
    assert said in json.dumps(manifest)


def test_the_reference_imputation_comes_out_of_the_command(
    proteomr: Any, reference: Path, expected: Any, tmp_path: Path
) -> None:
    folder = reference / "association" / "data"
    table = pl.read_csv(folder / "wgcna_x.csv")
    mask = pl.read_csv(folder / "assoc_missing_mask.csv.gz").select(table.columns[1:])
    x = table.drop("ID").to_numpy().astype(np.float64)
    x[mask.to_numpy() == 1] = np.nan
    frame = pl.DataFrame(x, schema=table.columns[1:], nan_to_null=True)
    people = pl.Series("eid", [f"S{i:05d}" for i in range(table.height)])
    frame.insert_column(0, people).write_csv(tmp_path / "wide.csv")
    made = proteomr("ingest", tmp_path / "wide.csv", "--id", "eid", "-o", tmp_path / "store")
    assert made.code == 0, made.err
    steps = ["--impute", "knn", "--neighbours", 5]
    ending = proteomr("qc", tmp_path / "store", *steps, "-o", tmp_path / "left")
    assert ending.code == 0, ending.err
    values = expected("impute_knn_k5")
    found = read_store(tmp_path / "left").proteins
    places = {name: j for j, name in enumerate(found.names)}
    matrix = found.read(slice(0, len(found.names)))
    columns = [places[name] for name in values["protein"]]
    got = matrix[np.array(values["person"]) - 1, columns]
    np.testing.assert_allclose(got, values["value"], rtol=1e-9)
    assert f"{values['n_imputed']:,} missing values imputed, 5 neighbours" in ending.err


def make_project(folder: Path, name: str, *, first: int, shift: float) -> Path:
    """Write a store of 40 samples, the first ten of which another project may measure too."""
    rng = np.random.default_rng(first)
    ids = [str(FIRST + first + i) for i in range(40)]
    names = ("OID00000", "OID00001")
    measured = Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": ids}),
        proteins=ArrayProteins(names, rng.normal(size=(40, 2)) + shift),
        assays=pl.DataFrame({"protein": names, "unit": ["NPX"] * 2, "kind": ["protein"] * 2}),
    )
    write_store(measured, folder / name)
    return folder / name


def test_a_project_is_bridged_to_another_and_named_nowhere(proteomr: Any, tmp_path: Path) -> None:
    own = make_project(tmp_path, "new", first=30, shift=2.0)
    reference = make_project(tmp_path, "old", first=0, shift=0.0)
    ending = proteomr("qc", own, "--bridge", reference, "-o", tmp_path / "both")
    assert ending.code == 0, ending.err
    assert "note: new is brought to the scale of old by 10 bridge samples" in ending.err
    assert not named(ending.out + ending.err + (tmp_path / "both" / "manifest.json").read_text())
    both = read_store(tmp_path / "both")
    assert both.samples["project"].value_counts().sort("project").rows() == [
        ("new", 30),
        ("old", 40),
    ]
    again = proteomr("qc", own, "--bridge", reference, "-o", tmp_path / "both", "--resume")
    assert again.code == 0, again.err


def test_listed_bridge_samples_are_asked_for_with_their_project(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    ending = proteomr("qc", store, "--bridge-samples", "b.txt", "-o", tmp_path / "out")
    assert (ending.code, "--bridge STORE" in ending.err) == (2, True)


def test_limits_of_a_file_and_masked_values_come_together(
    proteomr: Any, store: Path, tmp_path: Path
) -> None:
    limits = tmp_path / "limits.csv"
    limits.write_text("OlinkID,LOD\nOID00001,100\n", encoding="utf-8")
    ending = proteomr("qc", store, "--lod", limits, "--mask", "failed", "-o", tmp_path / "out")
    assert (ending.code, "no flags of the laboratory" in ending.err) == (3, True)
    ending = proteomr("qc", store, "--lod", limits, "-o", tmp_path / "out")
    assert ending.code == 0, ending.err
    assays = pl.read_parquet(tmp_path / "out" / "qc_assays.parquet")
    assert assays.filter(share_below_lod=1.0)["protein"].to_list() == ["OID00001"]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["configuration"]["store"]["parameters"]["limits_of_detection"] == (
        f"the file {limits}"
    )
