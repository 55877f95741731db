"""What `associate` and `merge` make of a store: alone, beside samples, with panels and genes."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.io import write_store
from proteomr.tables import Measurements, proteins_from_frame

PANELS = ("Oncology", "Cardiometabolic II")
SETS = ("--adjust", "simple=age", "--adjust", "gap=simple + timegap")


def measure(study: Any) -> Measurements:
    """Return the proteins of a study as a laboratory's, in two panels, the first with a gene."""
    everyone = study.samples.join(study.proteins, on="ID").with_columns(
        pl.col("ID").cast(pl.String).alias("sample_id")
    )
    everyone = everyone.sort("sample_id")
    names = [name for name in study.proteins.columns if name != "ID"]
    panels = [PANELS[place % 2] for place in range(len(names))]
    ids, numbers = everyone["sample_id"], pl.int_range(everyone.height, eager=True)
    return Measurements(
        platform="olink",
        samples=everyone.select("sample_id", "lonely", "isolated", batch="site"),
        proteins=proteins_from_frame(everyone.select(names)),
        assays=pl.DataFrame(
            {
                "protein": names,
                "gene": [f"G{name[1:]}" if place else "GDF15" for place, name in enumerate(names)],
                "panel": panels,
                "kind": ["protein"] * len(names),
            }
        ),
        time_gap=pl.DataFrame(
            {"sample_id": ids, PANELS[0]: numbers % 7 / 10, PANELS[1]: numbers % 5 / 10 + 1}
        ),
    )


@pytest.fixture
def store(study: Any) -> Path:
    folder: Path = study.folder / "store"
    write_store(measure(study), folder)
    return folder


def read(folder: Path, *drop: str) -> pl.DataFrame:
    return pl.read_parquet(folder / "associations.parquet").drop(drop)


def test_a_store_alone_is_samples_and_proteins(proteomr: Any, store: Path, study: Any) -> None:
    out = study.folder / "alone"
    models = ("--family", "linear", "--exposure", "lonely", "--adjust", "site=C(batch)")
    ending = proteomr("associate", store, *models, "-o", out)
    assert (ending.code, ending.err) == (0, "")
    assert read(out)["n"].to_list() == [150] * 12


def test_a_store_beside_samples_gives_the_numbers_of_its_files(
    associate: Any, store: Path, study: Any
) -> None:
    associate("-o", study.folder / "files", "--adjust", "set=age + C(site)")
    ending = associate(
        "-o", study.folder / "stored", "--adjust", "set=age + C(batch)", proteins="store"
    )
    assert (ending.code, ending.err) == (0, "")
    stored = read(study.folder / "stored", "gene")
    assert stored.equals(read(study.folder / "files", "gene"))
    inputs = json.loads((study.folder / "stored" / "manifest.json").read_text())["inputs"]
    assert [Path(entry["name"]).name for entry in inputs] == ["samples.csv", "store"]


def test_genes_stand_beside_proteins_where_the_assays_tell_them(
    associate: Any, store: Path, study: Any
) -> None:
    assert read(associate_to(associate, study, "files"))["gene"].null_count() == 12
    stored = associate_to(associate, study, "stored", proteins="store")
    assert read(stored)["gene"].to_list()[:2] == ["GDF15", "G001"]
    listed = ("--assays", store / "assays.parquet")
    named = associate_to(associate, study, "named", *listed)
    assert read(named)["gene"].to_list() == read(stored)["gene"].to_list()


def test_every_row_has_the_gene_of_its_protein(associate: Any, store: Path, study: Any) -> None:
    several = ("--exposure", "isolated", "--adjust", "simple=age", "--adjust", "full=simple + bmi")
    rows = read(associate_to(associate, study, "several", *several, proteins="store"))
    assert rows.height == 48
    genes = pl.read_parquet(store / "assays.parquet").select("protein", expected="gene")
    joined = rows.join(genes, on="protein")
    assert joined["gene"].to_list() == joined["expected"].to_list()


def associate_to(associate: Any, study: Any, out: str, *more: object, **files: str) -> Path:
    ending = associate(*more, "-o", study.folder / out, **files)
    assert (ending.code, ending.err) == (0, "")
    folder: Path = study.folder / out
    return folder


def test_the_summary_names_the_gene_and_its_assay(associate: Any, store: Path) -> None:
    assert store.is_dir()
    lines = associate(proteins="store").out.splitlines()
    assert lines[3].endswith("  GDF15 (P000)")
    assert max(map(len, lines[:-1])) <= 100


def test_time_gaps_of_a_store_go_by_the_panels_of_its_assays(
    associate: Any, store: Path, study: Any
) -> None:
    gaps = store / "time_gap.parquet"
    given = ("--protein-covariate", f"timegap={gaps}", "--transform", "none")
    ending = associate(*SETS, *given, proteins="store")
    assert (ending.code, ending.err) == (0, "")
    gap = pl.read_parquet(gaps).select(pl.col("sample_id").cast(pl.Int64).alias("ID"), *PANELS)
    joined = study.samples.join(gap, on="ID").join(study.proteins, on="ID")
    found = read(study.folder / "out").filter(pl.col("adjustment") == "gap")
    for name, panel in (("P000", PANELS[0]), ("P001", PANELS[1])):
        design = joined.select("lonely", "age", panel).to_numpy().astype(np.float64)
        columns = np.column_stack([np.ones(len(design)), design])
        slopes = np.linalg.lstsq(columns, joined[name].to_numpy(), rcond=None)[0]
        row = found.filter(pl.col("protein") == name)
        np.testing.assert_allclose(row["estimate"].item(), slopes[1], rtol=1e-10)


def test_a_store_keeps_its_identifier_whatever_the_samples_call_theirs(
    associate: Any, store: Path, study: Any
) -> None:
    study.write("samples.csv", study.samples.rename({"ID": "participant"}))
    gaps = ("--protein-covariate", f"timegap={store / 'time_gap.parquet'}")
    ending = associate(*SETS, *gaps, "--id", "participant", proteins="store")
    assert (ending.code, ending.err) == (0, "")
    assert read(study.folder / "out")["n"].to_list() == [150] * 24


def test_a_store_that_was_not_written_to_its_end_is_refused(
    associate: Any, store: Path, study: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    shutil.rmtree(store)
    monkeypatch.setattr("proteomr.runs.opening._move", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_store(measure(study), store)
    (store / "parts" / "results" / "samples.parquet").rename(store / "samples.parquet")
    ending = associate(proteins="store")
    assert ending.code == 3
    assert "is a store that was not written to its end" in ending.message


def test_shards_on_a_store_keep_the_genes(
    associate: Any, proteomr: Any, wide: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    write_store(measure(wide), folder)
    whole, shared = wide.folder / "whole", wide.folder / "shared"
    associate("-o", whole, proteins="store")
    for shard in ("1/2", "2/2"):
        assert associate("--shard", shard, "-o", shared, proteins="store").code == 0
    assert proteomr("merge", shared).code == 0
    table = "associations.parquet"
    assert (shared / table).read_bytes() == (whole / table).read_bytes()
    assert read(shared)["gene"].null_count() == 0


def test_broom_names_leave_the_gene_as_it_is(associate: Any, store: Path, study: Any) -> None:
    assert store.is_dir()
    associate("--columns", "broom", proteins="store")
    columns = read(study.folder / "out").columns
    assert columns[:3] == ["protein", "gene", "exposure"]
    assert {"std.error", "p.value", "conf.low", "conf.high"} <= set(columns)


def test_assays_that_name_no_gene_leave_it_empty(associate: Any, study: Any) -> None:
    made = measure(study)
    bare = replace(made, assays=made.assays.drop("gene"))
    write_store(bare, study.folder / "bare")
    lines = associate(proteins="bare").out.splitlines()
    assert lines[3].endswith("  P000")
    assert read(study.folder / "out")["gene"].null_count() == 12


@pytest.mark.parametrize("argument", ["SAMPLES", "PROTEINS"])
def test_help_says_that_a_store_may_stand_for(proteomr: Any, argument: str) -> None:
    shown = " ".join(proteomr("associate", "--help").out.replace("│", " ").split())
    assert "Or a store" in shown.partition(argument)[2]
