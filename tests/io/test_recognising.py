"""Every kind of file is told by its content: what the readers take, and what they do not."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

import proteomr
from proteomr.errors import InputError
from proteomr.io.own_results import _list_results
from proteomr.io.recognising import list_kinds, recognise_folder
from proteomr.runs.encoding import write_encoded
from proteomr.tables import load_schema
from tests.io.deliveries import DELIVERIES, Delivery

BOOKS = sorted((Path(__file__).parent / "sumstats" / "fixtures").glob("*.txt"))
KNOWN_BY_THE_USER = "table-long"  # its columns have to be named


def roles_of(folder: Path) -> dict[str, str]:
    return {one.path.name: one.role for one in recognise_folder(folder)}


@pytest.mark.parametrize("delivery", DELIVERIES, ids=lambda one: f"{one.platform}-{one.form}")
def test_files_of_platforms_are_told_by_their_readers(delivery: Delivery, tmp_path: Path) -> None:
    (tmp_path / "delivered").write_bytes(delivery.encode())
    (one,) = recognise_folder(tmp_path)
    if f"{delivery.platform}-{delivery.form}" == KNOWN_BY_THE_USER:
        assert one.role == "unknown"
        assert "--assay" in one.detail
    else:
        assert (one.role, one.detail) == ("platform", delivery.platform)


@pytest.mark.parametrize("file", BOOKS, ids=lambda file: file.stem)
def test_summary_statistics_of_every_format_are_told(file: Path, tmp_path: Path) -> None:
    (tmp_path / file.name).write_bytes(file.read_bytes())
    (one,) = recognise_folder(tmp_path)
    assert one.role == ("harmonised" if file.stem == "twosamplemr_harmonised" else "sumstats")


def test_a_simulated_cohort_is_a_store_with_a_covariate_by_panel(tmp_path: Path) -> None:
    proteomr.simulate(people=120, proteins=12, out=tmp_path / "c")
    roles = roles_of(tmp_path / "c")
    assert roles == {
        "c": "store",
        "assays.parquet": "assays",
        "timegap.parquet": "covariate",
        "truth.parquet": "unknown",
    }
    assert roles_of(tmp_path) == {"c": "store"}


def test_the_same_tables_apart_are_people_and_proteins(tmp_path: Path) -> None:
    cohort = proteomr.simulate(people=120, proteins=40)
    cohort.table("samples").write_csv(tmp_path / "who.txt")
    cohort.table("proteins").write_csv(tmp_path / "what.txt")
    assert roles_of(tmp_path) == {"what.txt": "proteins", "who.txt": "people"}


def test_exports_of_a_biobank_are_participants_and_a_platform(tmp_path: Path) -> None:
    proteomr.simulate(people=120, proteins=12, export="ukb", out=tmp_path / "u")
    roles = roles_of(tmp_path / "u" / "export")
    assert roles.pop("participants.csv") == "participants"
    assert roles.pop("truth.parquet") == "unknown"
    assert set(roles.values()) == {"platform"}


def test_proteins_beside_facts_of_people_are_a_table_to_ingest(tmp_path: Path) -> None:
    lines = [f"{i},{50 + i},{'FM'[i % 2]},{i}.5,{i}.25,{i}.1" for i in range(20)]
    text = "PIDN,age,sex,GDF15,ADM,IL6\n" + "\n".join(lines) + "\n"
    (tmp_path / "both.csv").write_text(text)
    (one,) = recognise_folder(tmp_path)
    assert (one.role, one.columns, one.identifier) == ("platform", ("age", "sex"), "PIDN")


def test_genotypes_stand_together_or_are_not_used(tmp_path: Path) -> None:
    for name in ("panel.bed", "panel.bim", "panel.fam", "alone.bed", "two.pgen", "two.psam"):
        (tmp_path / name).write_bytes(b"\x6c")
    (tmp_path / "two.pvar.zst").write_bytes(b"\x28")
    roles = roles_of(tmp_path)
    assert roles == {"panel": "genotypes", "two": "genotypes", "alone.bed": "unknown"}


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("empty.csv", b"", "empty"),
        ("one.rds", b"X\n\x00\x00\x00\x02", "an R data file"),
        ("notes.txt", b"to do\n", "a header and no rows"),
        ("cut.csv.gz", b"\x1f\x8b\x08\x00", "cut off"),
        ("spells.csv", b"eid,dose\n1,2\n1,3\n2,4\n", "several rows for one eid"),
        ("hits.csv", b"protein,estimate,p_value\nADM,0.1,0.2\nREN,1,0.5\n", "no identifier"),
    ],
)
def test_what_is_not_recognised_says_why(
    name: str, content: bytes, why: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    (one,) = recognise_folder(tmp_path)
    assert one.role == "unknown"
    assert why in one.detail
    assert str(tmp_path) not in one.detail


def test_hidden_files_and_folders_within_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".hidden.csv").write_text("eid,age\n1,2\n2,3\n")
    (tmp_path / "deeper").mkdir()
    kinds = list_kinds(recognise_folder(tmp_path))
    assert [one.path.name for one in kinds["unknown"]] == ["deeper"]
    with pytest.raises(InputError, match="is no folder"):
        recognise_folder(tmp_path / "nowhere")


def test_a_parquet_table_of_people_is_told_like_its_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"IID": ["a", "b", "c"], "age": [50, 60, 70], "ill": [0, 1, 0]})
    frame.write_parquet(tmp_path / "people.parquet")
    assert roles_of(tmp_path) == {"people.parquet": "people"}


def test_results_and_the_numbers_of_figures_are_no_input(tmp_path: Path) -> None:
    pl.DataFrame({"eid": [1, 2, 3], "age": [60, 61, 62], "ill": [0, 1, 0]}).write_csv(
        tmp_path / "people.csv"
    )
    schema = load_schema("published").empty()
    row = dict.fromkeys(schema.columns, "1")
    pl.DataFrame([row]).write_csv(tmp_path / "published.tsv", separator="\t")
    with (tmp_path / "hits.parquet").open("wb") as file:
        frame = pl.DataFrame({"protein": ["ADM"], "estimate": [0.1]})
        write_encoded(frame, file, format="parquet", stamp={"schema": "associations/3"})
    numbers = "model_first\tmodel_second\tname\tfirst\tsecond\na\tb\tADM\t0.1\t0.2\n"
    for name in ("effects", "pages"):
        (tmp_path / f"{name}.tsv").write_text(numbers)
    (tmp_path / "effects.svg").write_text("<svg/>")
    (tmp_path / "pages-1.png").write_bytes(b"\x89PNG")
    told = {one.path.name: (one.role, one.detail) for one in recognise_folder(tmp_path)}
    assert told["people.csv"][0] == "people"
    assert told["published.tsv"] == ("unknown", "results of proteomr (published)")
    assert told["hits.parquet"] == ("unknown", "results of proteomr (associations)")
    assert told["effects.tsv"] == ("unknown", "numbers of the figure effects.svg")
    assert told["pages.tsv"] == ("unknown", "numbers of the figure pages-1.png")


def test_tables_that_commands_read_and_those_of_people_are_no_mere_results() -> None:
    for name in ("scores", "eigenproteins", "assays", "qc_panels"):
        assert name not in _list_results()
    assert {"associations", "meta", "modules", "drops"} <= _list_results().keys()
