"""From the files of a laboratory through ingest and qc to associations, held against other code."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
import statsmodels.api as sm
from scipy.special import ndtri
from scipy.stats import rankdata

from proteomr.io.store import read_store

Array: TypeAlias = Any  # statsmodels and scipy.stats are not typed
EXACT = 1e-9


def rank_normal(values: Array) -> Array:
    """Blom's scores, ties averaged."""
    return ndtri((rankdata(values) - 0.375) / (len(values) + 0.25))


def indicators(labels: pl.Series) -> list[Array]:
    """Return a column for each level but the first of the alphabet."""
    return [(labels == level).cast(pl.Float64).to_numpy() for level in labels.unique().sort()[1:]]


def fit_one_by_one(values: pl.DataFrame, exposure: Array, covariates: list[Array]) -> pl.DataFrame:
    """Return least squares of every column of scores on the exposure, its rows complete."""
    rows = []
    for protein in values.iter_columns():
        design = np.column_stack([exposure, np.ones(len(exposure)), *covariates])
        known = protein.is_not_null().to_numpy()
        score = rank_normal(protein.drop_nulls().to_numpy())
        fit = sm.OLS(score, design[known]).fit()
        rows.append((protein.name, fit.params[0], fit.bse[0], fit.pvalues[0], int(fit.nobs)))
    return pl.DataFrame(rows, schema=["protein", "estimate", "se", "p", "n"], orient="row")


def compare(store: Path, expected: pl.DataFrame) -> pl.DataFrame:
    """Hold the associations in a folder against those of the other code; return them."""
    found = pl.read_parquet(store / "associations.parquet")
    assert found["status"].unique().to_list() == ["ok"]
    both = found.join(expected, on="protein", how="left", suffix="_", maintain_order="left")
    assert (both["n"] == both["n_"]).all()
    for ours, theirs in (("estimate", "estimate_"), ("se", "se_"), ("p_value", "p")):
        np.testing.assert_allclose(both[ours], both[theirs], rtol=EXACT, err_msg=ours)
    return found


def run_chain(proteomr: Any, files: list[Path], folder: Path, *given: object) -> Path:
    """Ingest and check files; return the store."""
    for command in (("ingest", *files, *given, "-o", folder / "raw"), ("qc", folder / "raw")):
        more = () if "ingest" in command else ("-o", folder / "checked")
        ending = proteomr(*command, *more)
        assert ending.code == 0, ending.err
    return folder / "checked"


LEVELS = ("F", "M")
WEIGHT = 0.8


def small_study(folder: Path) -> tuple[pl.DataFrame, Path]:
    """Write 60 people with four assays, some values missing, and controls, as a long table."""
    rng = np.random.default_rng(11)
    n = 60
    people = pl.DataFrame(
        {
            "SampleID": [f"S{i:02d}" for i in range(n)],
            "age": rng.integers(40, 70, n),
            "sex": [LEVELS[i] for i in rng.integers(0, 2, n)],
        }
    )
    values = rng.normal(size=(n, 4)).round(4)
    values[:, 1] += WEIGHT * (people["sex"] == "M").to_numpy()
    values[rng.random((n, 4)) < 0.1] = np.nan
    wide = people.with_columns(
        pl.Series(f"OID{j + 1}", values[:, j]).fill_nan(None) for j in range(4)
    )
    lines = ["SampleID;OlinkID;UniProt;Assay;Panel;PlateID;QC_Warning;NPX;age;sex"]
    for i, row in enumerate(wide.rows()):
        for j, value in enumerate(row[3:]):
            known = "" if value is None else repr(value)
            facts = f"P{j};G{j};CVD;plate{i % 2};{'WARN' if i == 3 else 'PASS'}"
            lines.append(f"{row[0]};OID{j + 1};{facts};{known};{row[1]};{row[2]}")
    lines += [f"CONTROL_1;OID{j + 1};P{j};G{j};CVD;plate0;PASS;99.5;;" for j in range(4)]
    path = folder / "npx.csv"
    path.write_text("\n".join(lines) + "\n")
    return wide, path


def test_a_long_table_becomes_the_associations_of_another_program(
    proteomr: Any, tmp_path: Path
) -> None:
    wide, path = small_study(tmp_path)
    store = run_chain(proteomr, [path], tmp_path)
    asked = ("--family", "linear", "--exposure", "age", "--adjust", "a=C(sex)")
    assert proteomr("associate", store, *asked, "-o", tmp_path / "out").code == 0
    values = wide.select(pl.col("^OID.*$"))
    expected = fit_one_by_one(values, wide["age"].to_numpy(), indicators(wide["sex"]))
    found = compare(tmp_path / "out", expected)
    assert found.sort("protein")["gene"].to_list() == ["G0", "G1", "G2", "G3"]


def test_a_logistic_model_takes_the_store_too(proteomr: Any, tmp_path: Path) -> None:
    wide, path = small_study(tmp_path)
    store = run_chain(proteomr, [path], tmp_path)
    asked = ("--family", "logistic", "--exposure", "sex", "--adjust", "a=age")
    assert proteomr("associate", store, *asked, "-o", tmp_path / "out").code == 0
    rows = []
    for protein in wide.select(pl.col("^OID.*$")).iter_columns():
        kept = wide.filter(protein.is_not_null())
        score = rank_normal(protein.drop_nulls().to_numpy())
        design = np.column_stack([score, np.ones(kept.height), kept["age"].to_numpy()])
        fit = sm.Logit((kept["sex"] == "M").to_numpy().astype(float), design).fit(
            disp=0, method="newton", tol=1e-14
        )
        rows.append((protein.name, fit.params[0], fit.bse[0], fit.pvalues[0], int(fit.nobs)))
    schema = ["protein", "estimate", "se", "p", "n"]
    compare(tmp_path / "out", pl.DataFrame(rows, schema=schema, orient="row"))


def test_olinks_example_becomes_the_associations_of_another_program(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    path = reference / "association" / "data" / "olink_npx_data1.csv"
    store = run_chain(proteomr, [path], tmp_path)
    asked = ("--family", "linear", "--exposure", "Treatment", "--adjust", "a=C(Site)+C(Time)")
    assert proteomr("associate", store, *asked, "-o", tmp_path / "out").code == 0
    raw = pl.read_csv(path, null_values="NA")
    people = raw.filter(~pl.col("SampleID").str.starts_with("CONTROL"))
    wide = people.pivot(
        "OlinkID", index=["SampleID", "Treatment", "Site", "Time"], values="NPX"
    ).sort("SampleID")
    exposure = (wide["Treatment"] == "Untreated").cast(pl.Float64).to_numpy()
    covariates = [*indicators(wide["Site"]), *indicators(wide["Time"])]
    values = wide.select(pl.col("^OID.*$"))
    found = compare(tmp_path / "out", fit_one_by_one(values, exposure, covariates))
    assert (found.height, found["contrast"].unique().to_list()) == (184, ["Untreated vs Treated"])


def write_adat(folder: Path, *, data: Path, analytes_kept: int) -> Path:
    """Write the example of SomaScan, which comes as tables, as the ADAT that it was."""
    meta = pl.read_csv(data / "soma_meta.csv", infer_schema=False).drop("RowName")
    values = pl.read_csv(data / "soma_rfu.csv", infer_schema=False).drop("RowName")
    analytes = pl.read_csv(data / "soma_colmeta.csv", infer_schema=False).head(analytes_kept)
    values = values[:, :analytes_kept]
    pad = [""] * meta.width
    lines: list[list[str]] = [
        *(["^HEADER"], ["!AssayVersion", "V4"], ["!StudyMatrix", "EDTA Plasma"]),
        *(["^COL_DATA"], ["!Name", *analytes.columns], ["!Type", *["String"] * analytes.width]),
        *(["^ROW_DATA"], ["!Name", *meta.columns], ["!Type", *["String"] * meta.width]),
        ["^TABLE_BEGIN"],
        *([*pad, name, *analytes[name].fill_null("")] for name in analytes.columns),
        [*meta.columns, "", *[""] * values.width],
    ]
    rows = zip(meta.iter_rows(), values.iter_rows(), strict=True)
    lines += [
        [*(cell or "" for cell in row), "", *(rfu or "" for rfu in rfus)] for row, rfus in rows
    ]
    path = folder / "example.adat"
    path.write_text("".join("\t".join(line) + "\r\n" for line in lines), newline="")
    return path


def test_the_whole_somascan_example_is_read_to_the_same_logarithms(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    data, store = reference / "association" / "data", tmp_path / "raw"
    path = write_adat(tmp_path, data=data, analytes_kept=5284)
    ending = proteomr("ingest", path, "--log2", "-o", store)
    assert ending.code == 0, ending.err
    assert "somascan: 170 samples, 5,284 assays" in ending.out
    assert "left out: 22 rows of " in ending.out
    meta = pl.read_csv(data / "soma_meta.csv", infer_schema=False)
    order = meta.filter(pl.col("SampleType") == "Sample")["SampleId"]
    known = pl.read_csv(data / "assoc_log2rfu.csv.gz")
    found = read_store(store)
    shared = [name for name in known.columns if name in found.proteins.names]
    assert len(shared) == 5284
    ids = found.samples["sample_id"].to_list()
    rows = [ids.index(sample) for sample in order]
    ours = found.proteins.select_columns(shared).read(slice(0, len(shared)))[rows]
    np.testing.assert_allclose(ours, known.select(shared).to_numpy(), rtol=0, atol=6e-7)
    rfu = pl.read_csv(data / "soma_rfu.csv", schema_overrides={"RowName": pl.String})
    raw = rfu.filter(meta["SampleType"] == "Sample").select(shared).to_numpy()
    np.testing.assert_array_equal(ours, np.log2(raw))


def test_somascan_becomes_the_associations_of_another_program(
    proteomr: Any, tmp_path: Path, reference: Path
) -> None:
    data = reference / "association" / "data"
    path = write_adat(tmp_path, data=data, analytes_kept=600)
    store = run_chain(proteomr, [path], tmp_path, "--log2")
    asked = ("--family", "linear", "--exposure", "Age", "--adjust", "a=C(Sex)+C(PlateId)")
    assert proteomr("associate", store, *asked, "-o", tmp_path / "out").code == 0
    meta = pl.read_csv(data / "soma_meta.csv", schema_overrides={"RowName": pl.String})
    rfu = pl.read_csv(data / "soma_rfu.csv", schema_overrides={"RowName": pl.String})
    people = meta.filter(pl.col("SampleType") == "Sample")
    found = pl.read_parquet(tmp_path / "out" / "associations.parquet")
    kinds = read_store(tmp_path / "raw").assays["kind"]
    assert found.height == (kinds == "protein").sum() < 600
    chosen = found["protein"].to_list()[::6]
    values = rfu.filter(meta["SampleType"] == "Sample").select(chosen)
    covariates = [*indicators(people["Sex"]), *indicators(people["PlateId"])]
    expected = fit_one_by_one(values, people["Age"].to_numpy(), covariates)
    for name in ("estimate", "se"):
        ours = found.join(expected, on="protein", how="semi").sort("protein")[name]
        np.testing.assert_allclose(ours, expected.sort("protein")[name], rtol=EXACT, err_msg=name)
