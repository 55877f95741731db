"""--where, --keep, --remove and --proteins, as a user gives them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.io import read_store, write_store
from tests.cli.test_associate_store import measure

FIRST = 7_300_001


def read(folder: Path, name: str = "associations") -> pl.DataFrame:
    if name == "associations":
        return pl.read_parquet(folder / f"{name}.parquet")
    return pl.read_csv(folder / f"{name}.tsv", separator="\t")


def test_a_condition_gives_the_rows_of_a_file_of_those_people(associate: Any, study: Any) -> None:
    asked = "age >= 50 and site in ('Leeds', 'Oxford')"
    assert associate("--adjust", "s=bmi", "--where", asked).code == 0
    found = read(study.folder / "out")
    study.write(
        "few.csv",
        study.samples.filter((pl.col("age") >= 50) & pl.col("site").is_in(["Leeds", "Oxford"])),
    )
    associate("--adjust", "s=bmi", "-o", study.folder / "few", samples="few.csv")
    assert found.equals(read(study.folder / "few"))
    drops = read(study.folder / "out", "drops").filter(pl.col("step") == "people")
    assert drops["reason"].to_list() == [f"where {asked}: not true"]
    attrition = read(study.folder / "out", "attrition")
    assert attrition["people"][0] == 150
    assert attrition["not_chosen"][0] == drops["n"][0] == 150 - attrition["complete"][0]


def test_lists_of_people_leave_counts_and_neither_digest_nor_identifier(
    associate: Any, study: Any
) -> None:
    keep, remove = study.folder / "keep.txt", study.folder / "remove.txt"
    keep.write_text("".join(f"{FIRST + i}\n" for i in range(0, 200, 2)))
    remove.write_text(f"ID\n{FIRST}\n{FIRST + 2}\n")
    ending = associate("--keep", keep, "--remove", remove)
    assert ending.code == 0
    assert read(study.folder / "out")["n"].unique().to_list() == [73]
    manifest = (study.folder / "out" / "manifest.json").read_text()
    notes = json.loads(manifest)["notes"]
    assert any(note.startswith("keep: 100 listed, 75 found among the 150") for note in notes)
    recorded = {Path(file["name"]).name: file for file in json.loads(manifest)["inputs"]}
    for name in ("keep.txt", "remove.txt"):
        assert recorded[name]["sha256"] is None
        assert recorded[name]["size_bytes"] is None
    for file in (study.folder / "out").iterdir():
        if file.is_file():
            assert str(FIRST).encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--where", "age > 200"], 3, "nobody of the 150 samples is left: 150 where age > 200"),
        (["--where", "agee > 20"], 3, "no column 'agee' in the samples (did you mean 'age'?)"),
        (["--where", "age > 'a'"], 2, "'age' holds numbers, and is compared with text"),
        (["--where", "age => 5"], 2, "write == for equal"),
        (["--where", f"ID == {FIRST}"], 3, "'ID' names the people: choose people by a list"),
        (["--keep", "empty.txt"], 3, "the file is empty"),
        (["--keep", "none.txt"], 3, "nobody of the 150 samples is left"),
        (["--keep", "absent.txt"], 3, "absent.txt"),
        (["--proteins", "P1"], 3, "no protein 'P1'"),
        (["--proteins", "proteins.parquet"], 2, "--proteins-from FILE"),
        (["--where-rows", "q_bh < 0.05"], 2, "name the table (--proteins-from FILE)"),
    ],
)
def test_mistakes_are_one_line(
    associate: Any, study: Any, monkeypatch: Any, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(study.folder)
    (study.folder / "empty.txt").write_text("")
    (study.folder / "none.txt").write_text("9000001\n9000002\n")
    ending = associate(*arguments)
    assert ending.code == code
    assert message in ending.message


def test_another_condition_is_another_request(associate: Any) -> None:
    assert associate("--where", "age > 45").code == 0
    assert associate("--where", "age > 45", "--resume").code == 0
    assert associate("--where", "age > 46", "--resume").code == 3


def test_a_condition_goes_before_strata(associate: Any, study: Any) -> None:
    assert associate("--strata", "site", "--where", "age >= 50 and site != 'Leeds'").code == 0
    found = read(study.folder / "out").filter(pl.col("protein") == "P000")
    chosen = study.samples.filter((pl.col("age") >= 50) & (pl.col("site") != "Leeds"))
    counts = dict(chosen["site"].value_counts().rows())
    assert dict(found.select("stratum", "n").rows()) == counts


def test_a_condition_may_name_what_a_store_adds(proteomr: Any, study: Any) -> None:
    write_store(measure(study), study.folder / "store")
    out = study.folder / "out"
    given = ("associate", study.folder / "samples.csv", study.folder / "store", "--family")
    asked = ("linear", "--exposure", "lonely", "--where", "batch == 'Oxford'", "-o", out)
    assert proteomr(*given, *asked).code == 0
    assert read(out)["n"].unique().to_list() == [study.samples.filter(site="Oxford").height]


def test_chosen_proteins_are_what_multiple_testing_spans(associate: Any, study: Any) -> None:
    associate("-o", study.folder / "whole")
    hits = study.folder / "whole" / "associations.parquet"
    assert associate("--proteins", "P003,P000", "--proteins", "P003").code == 0
    found = read(study.folder / "out")
    whole = read(study.folder / "whole").filter(pl.col("protein").is_in(["P000", "P003"]))
    assert found["protein"].to_list() == ["P000", "P003"]
    assert found["p_value"].equals(whole["p_value"])
    doubled = np.minimum(2 * found["p_value"].to_numpy(), 1.0)
    np.testing.assert_allclose(found["p_bonferroni"], doubled, rtol=1e-12)
    chosen = ("--proteins-from", hits, "--where-rows", "exposure=lonely", "--where-rows")
    assert associate(*chosen, "p_value < 0.3", "-o", study.folder / "few").code == 0
    few = read(study.folder / "few")
    expected = read(study.folder / "whole").filter(pl.col("p_value") < 0.3)["protein"]
    assert few["protein"].equals(expected)


def test_a_configuration_has_files_and_chosen_proteins_beside_one_another(
    associate: Any, study: Any
) -> None:
    printed = associate("--proteins", "P001", "--where", "age > 50", "--print-config").out
    assert 'only-proteins = ["P001"]' in printed
    (study.folder / "asked.toml").write_text(printed)
    assert associate("--config", study.folder / "asked.toml").code == 0
    assert read(study.folder / "out")["protein"].to_list() == ["P001"]


def test_qc_and_export_take_the_samples_asked_for(proteomr: Any, study: Any) -> None:
    write_store(measure(study), study.folder / "store")
    leeds = study.samples.filter(site="Leeds").height
    clean = study.folder / "clean"
    asked = ("--where", "batch == 'Leeds'")
    assert proteomr("qc", study.folder / "store", *asked, "-o", clean).code == 0
    assert read_store(clean).n == leeds
    drops = read(clean, "drops")
    assert drops.filter(step="people")["n"].to_list()[0] == 150 - leeds
    ending = proteomr("export", study.folder / "store", *asked, "-o", study.folder / "x.csv")
    assert ending.code == 0
    assert f"{leeds} samples ({150 - leeds} were not asked for)" in ending.err
    assert pl.read_csv(study.folder / "x.csv").height == leeds


def test_check_takes_the_same_people_and_proteins(proteomr: Any, study: Any) -> None:
    files = (study.folder / "samples.csv", study.folder / "proteins.parquet")
    asked = ("--exposure", "lonely", "--where", "age >= 60", "--proteins", "P001,P002")
    ending = proteomr("check", *files, *asked)
    few = study.samples.filter(pl.col("age") >= 60).height
    assert f"{few} of 150 people" in ending.out
    assert f"({150 - few} not asked for)" in ending.out
