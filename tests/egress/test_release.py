"""A release from runs on the disk: what is written, what is refused, and that it is repeatable."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pytest

from proteomr.egress import judge_release, policy_names, read_policy, write_release
from proteomr.errors import InputError, ProteomrError, UsageError
from proteomr.sensitivity import e_values
from proteomr.tables import load_schema


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with a finished run of three results."""
    frame = pl.DataFrame(
        {"protein": ["A", "B", "C"], "estimate": [0.123456789, 0.2, -0.1], "se": [0.1, 0.1, 0.1]}
    )
    place = tmp_path / "runs"
    place.mkdir()
    e_values(frame, scale="OR", out=place / "found.parquet")
    return place


def test_a_clean_copy_holds_tables_an_account_and_a_crate(runs: Path, tmp_path: Path) -> None:
    files = write_release(judge_release(runs), tmp_path / "out")
    names = {file.name for file in files}
    tables = {"found.parquet", "found.drops.tsv"}
    assert names == {*tables, "withheld.tsv", "release.json", "ro-crate-metadata.json"}
    left = pl.read_parquet(tmp_path / "out" / "found.parquet")
    assert left["estimate"].to_list() == [0.1235, 0.2, -0.1]


def test_the_crate_describes_every_file_by_its_digest(runs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_release(judge_release(runs), out)
    crate = json.loads((out / "ro-crate-metadata.json").read_text())
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    assert crate["@context"][1] == {"sha256": "https://schema.org/sha256"}
    by_id = {entry["@id"]: entry for entry in crate["@graph"]}
    assert by_id["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    root = by_id["./"]
    assert {"name", "description", "datePublished", "license"} <= set(root)
    listed = {part["@id"] for part in root["hasPart"]}
    assert listed == {file.name for file in out.iterdir()} - {"ro-crate-metadata.json"}
    for name in listed:
        assert by_id[name]["sha256"] == hashlib.sha256((out / name).read_bytes()).hexdigest()


def test_every_entity_of_the_crate_is_reached_and_every_reference_is_one(
    runs: Path, tmp_path: Path
) -> None:
    """RO-Crate 1.1: ids once, as relative URIs; entities linked from the root."""
    (tmp_path / "runs" / "a b").mkdir()
    for file in list(runs.glob("found.*")):
        file.rename(runs / "a b" / file.name)
    out = tmp_path / "out"
    write_release(judge_release(runs), out)
    graph = json.loads((out / "ro-crate-metadata.json").read_text())["@graph"]
    ids = [entry["@id"] for entry in graph]
    assert len(set(ids)) == len(ids)
    assert "a%20b/found.parquet" in ids
    assert not any(" " in one for one in ids)

    def references(value: object) -> set[str]:
        if isinstance(value, dict):
            return {value["@id"]} if set(value) == {"@id"} else set()
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    told = {entry["@id"]: set().union(*map(references, entry.values())) for entry in graph}
    reached, ahead = {"ro-crate-metadata.json"}, {"./"}
    while ahead:
        reached |= ahead
        ahead = {one for name in ahead for one in told.get(name, ())} - reached
    assert reached == set(ids)
    root = next(entry for entry in graph if entry["@id"] == "./")
    assert root["@type"] == "Dataset"
    assert len(root["datePublished"]) == len("2026-01-01")


def test_the_crate_keeps_what_the_specification_asks(runs: Path, tmp_path: Path) -> None:
    """RO-Crate 1.1 (doi:10.5281/zenodo.4541002), its MUST and, but for three, its SHOULD.

    Not kept: an action's human agent and its end, which are not known (the same runs give the same
    bytes), and PRONOM's identifiers of formats.
    """
    folder = runs / "50% façade"
    folder.mkdir()
    for file in list(runs.glob("found.*")):
        file.rename(folder / file.name)
    write_release(judge_release(runs), tmp_path / "out")
    raw = (tmp_path / "out" / "ro-crate-metadata.json").read_bytes()
    crate = json.loads(raw.decode("utf-8"))  # structure: UTF-8, one file of this name at the root
    assert set(crate) == {"@context", "@graph"}
    assert crate["@context"][0] == "https://w3id.org/ro/crate/1.1/context"
    graph = crate["@graph"]
    entities = {entity["@id"]: entity for entity in graph}
    assert len(entities) == len(graph)
    for entity in graph:  # flattened and compacted
        assert isinstance(entity["@type"], str)
        for value in entity.values():
            values = value if isinstance(value, list) else [value]
            assert not isinstance(value, list) or len(value) > 1
            assert all(isinstance(one, str) or set(one) == {"@id"} for one in values)
    descriptors = [e for e in graph if "conformsTo" in e]  # how a reader finds the root
    assert [e["@id"] for e in descriptors] == ["ro-crate-metadata.json"]
    (descriptor,) = descriptors
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.1"
    root = entities[descriptor["about"]["@id"]]
    assert (root["@id"], root["@type"]) == ("./", "Dataset")
    assert root["name"]
    assert root["description"]
    dt.date.fromisoformat(root["datePublished"])
    licence = entities[root["license"]["@id"]]
    assert licence["name"]
    assert licence["description"]
    files = {e["@id"] for e in graph if e["@type"] == "File"}  # linked from the root, as they lie
    assert {part["@id"] for part in root["hasPart"]} == files
    assert "50%25%20façade/found.parquet" in files
    for one in files:
        assert (tmp_path / "out" / unquote(one)).stat().st_size == int(entities[one]["contentSize"])
        assert {"name", "encodingFormat"} <= set(entities[one])
        assert not one.startswith(("/", "../", "#"))
    (action,) = (e for e in graph if e["@type"] == "CreateAction")
    assert {part["@id"] for part in action["result"]} == files
    tool = entities[action["instrument"]["@id"]]
    assert tool["@type"] == "SoftwareApplication"
    assert {"name", "version"} <= set(tool)


def test_the_size_of_a_table_of_people_is_not_told(runs: Path) -> None:
    from proteomr.provenance import Manifest
    from proteomr.runs import Ledger

    frame = pl.DataFrame({"id": [str(1000 + i) for i in range(137)], "M1": [0.5] * 137})
    with Ledger.open(runs / "net", request={"command": "network"}) as ledger:
        ledger.write_table("eigenproteins", frame)
        ledger.finish(Manifest(command="network"))
    verdict = judge_release(runs).verdict()
    told = verdict.filter(pl.col("file") == "net/eigenproteins.parquet")
    assert told["cells"].to_list() == [None]


def test_the_same_runs_give_the_same_bytes(runs: Path, tmp_path: Path) -> None:
    copies = []
    for name in ("one", "two"):
        files = write_release(judge_release(runs), tmp_path / name)
        copies.append({file.name: file.read_bytes() for file in files})
    assert copies[0] == copies[1]


def test_no_path_host_or_digest_of_an_input_leaves(runs: Path, tmp_path: Path) -> None:
    manifest = json.loads((runs / "found.manifest.json").read_text())
    told = {str(tmp_path), manifest["platform"]["release"], manifest["request_sha256"]}
    told |= {entry["sha256"] for entry in manifest["inputs"]}
    for file in write_release(judge_release(runs), tmp_path / "out"):
        content = file.read_bytes()
        assert not [text for text in told if text.encode() in content], file.name


def test_every_column_and_file_has_a_verdict(runs: Path) -> None:
    (runs / "mine_12345.csv").write_text("a\n1\n")
    verdict = judge_release(runs).verdict()
    own = (pl.col("file") == "found.parquet") & pl.col("column").is_not_null()
    columns = verdict.filter(own)["column"].to_list()
    assert columns == pl.read_parquet(runs / "found.parquet").columns
    assert "12345" not in str(verdict.to_dicts())
    assert verdict.filter(pl.col("reason").str.contains("1 further file")).height == 1
    load_schema("egress").validate(verdict)


def test_a_column_without_a_class_does_not_leave(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dataclasses import replace

    from proteomr.egress import reading

    schema = load_schema("e_values")
    columns = tuple(
        replace(one, disclosure=None) if one.name == "e_value" else one for one in schema.columns
    )
    changed = {"e_values": replace(schema, columns=columns), "drops": load_schema("drops")}
    monkeypatch.setattr(reading, "load_schema", changed.__getitem__)
    table = judge_release(runs).leaving[-1]
    assert table.given.table == "e_values"
    assert table.leaving is not None
    assert "e_value" not in table.leaving.columns
    assert "estimate" in table.leaving.columns


@pytest.mark.parametrize("inside", ["runs/out", ".", "runs"])
def test_an_output_inside_the_input_is_refused(runs: Path, tmp_path: Path, inside: str) -> None:
    with pytest.raises(UsageError, match="is inside the other"):
        write_release(judge_release(runs), tmp_path / inside)
    assert not (runs / "out").exists()


def test_a_folder_that_holds_something_is_refused(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="not an empty folder"):
        write_release(judge_release(runs), tmp_path / "out")


def test_an_unfinished_run_is_refused(runs: Path) -> None:
    parts = runs / "begun" / "parts"
    parts.mkdir(parents=True)
    (parts / "request.json").write_text("{}")
    with pytest.raises(InputError, match="begun: its run has not finished"):
        judge_release(runs)


def test_an_altered_table_is_refused(runs: Path) -> None:
    frame = pl.read_parquet(runs / "found.parquet")
    metadata = pl.read_parquet_metadata(runs / "found.parquet")
    metadata.pop("ARROW:schema", None)
    frame.with_columns(estimate=0.0).write_parquet(runs / "found.parquet", metadata=metadata)
    with pytest.raises(ProteomrError, match="altered"):
        judge_release(runs)


def test_a_table_of_a_newer_schema_is_refused(runs: Path) -> None:
    frame = pl.read_parquet(runs / "found.parquet")
    metadata = pl.read_parquet_metadata(runs / "found.parquet")
    metadata.pop("ARROW:schema", None)
    metadata["proteomr.schema"] = "e_values/99"
    frame.write_parquet(runs / "found.parquet", metadata=metadata)
    with pytest.raises(InputError, match="is version 99 of table 'e_values'"):
        judge_release(runs)


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no finished run"):
        judge_release(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        judge_release(tmp_path / "nowhere")


def test_an_earlier_release_of_another_k_is_refused(runs: Path, tmp_path: Path) -> None:
    write_release(judge_release(runs, policy="sacro"), tmp_path / "left")
    with pytest.raises(InputError, match="rounded to 10, and policy 'ukb' rounds to 5"):
        judge_release(runs, earlier=[tmp_path / "left"])
    judge_release(runs, policy="sacro", earlier=[tmp_path / "left"])
    judge_release(runs, earlier=[runs])
    with pytest.raises(InputError, match=r"no such folder.*or the runs that it was made from"):
        judge_release(runs, earlier=[tmp_path / "nowhere"])


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('name = "a"\ndescription = "b"\nk = 0', "k is 0, and must be a whole number from 2 on"),
        ('name = "a"\ndescription = "b"\nk = true', "k is True"),
        ('name = "a"\ndescription = "b"\nk = 5.5', r"k is 5\.5"),
        ('name = "a"\ndescription = "b"\nk = 5\ndigits = 0', "digits is 0, and must be from 1"),
        ('name = "a"\ndescription = "b"\nk = 5\ndigit = 3', "no field 'digit'.*digits"),
        ('name = "a"\nk = 5', "the policy has no description"),
    ],
)
def test_a_policy_that_protects_nobody_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(InputError, match=fault):
        read_policy(tmp_path / "own.toml")


def test_a_policy_is_known_by_its_name() -> None:
    assert [read_policy(name).k for name in policy_names()] == [5, 10, 5]
    with pytest.raises(UsageError, match=r"no policy 'ubk' \(did you mean 'ukb'\?\)"):
        read_policy("ubk")
