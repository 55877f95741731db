"""Whatever the form of the exports, phenotypes, stores and associations are the same bytes."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from proteomr.runs.encoding import write_encoded
from tests.io.ukbiobank.exports import STYLES, People, Style, make_people, write_export
from tests.io.ukbiobank.protein_exports import (
    Form,
    entity_csv,
    make_proteins,
    rap_csv,
    rap_parquet,
    showcase,
    single_csv,
)

Run = Callable[..., Any]

WAYS = list(itertools.product(("raw", "labels"), ("joined", "columns"), ("iso", "dmy")))
USUAL: dict[str, Any] = {"coding": "raw", "arrays": "joined", "dates": "iso"}
FORMS: tuple[Form, ...] = (single_csv, rap_csv, rap_parquet, entity_csv, showcase)
DEFINITION = """
extends = "shen2025"

[rule.PC]
title = "Genetic principal component"
role = "covariate"
kind = "component"
count = 3
field = 22009

[rule.own]
title = "A column that is no field"
kind = "copy"
column = "own_score"

[[outcome]]
name = "cvd"
title = "Cardiovascular disease"
event = [131296, 131306]
self_report = [1074, 1075]

[[outcome]]
name = "diabetes"
title = "Type 2 diabetes"
event = [130708]
self_report = [1220, 1223]

[[outcome]]
name = "mortality"
title = "Death"
event = "death"
"""
PHENOTYPES = ("parquet", "counts.tsv", "flow.tsv")
MODEL = ("--family", "linear", "--exposure", "low_contact", "--adjust", "basic=age + sex", "-q")
STORE = ("proteins.parquet", "samples.parquet", "assays.parquet")


def read_content(file: Path) -> bytes:
    """Return the bytes of a table; those of parquet without the stamp of its request."""
    if file.suffix != ".parquet":
        return file.read_bytes()
    content = io.BytesIO()
    write_encoded(pl.read_parquet(file), content, format="parquet")
    return content.getvalue()


@pytest.fixture(scope="module")
def people() -> People:
    return make_people(80, seed=11)


@pytest.fixture(scope="module")
def expected() -> dict[str, bytes]:
    """What the first export gave, which all others are held against."""
    return {}


@pytest.fixture
def definition(tmp_path: Path) -> Path:
    path = tmp_path / "study.toml"
    path.write_text(DEFINITION)
    return path


@pytest.fixture
def derive(proteomr: Run, definition: Path) -> Callable[..., dict[str, bytes]]:
    """Run phenotype on files and return what it wrote, each file as bytes."""

    def run(*files: Path, name: str = "cohort") -> dict[str, bytes]:
        out = definition.parent / f"{name}.parquet"
        ending = proteomr("phenotype", *files, "--definition", definition, "-q", "-o", out)
        assert ending.code == 0, ending.err
        return {kind: read_content(out.with_suffix(f".{kind}")) for kind in PHENOTYPES}

    return run


@pytest.mark.parametrize("style", STYLES)
def test_phenotypes_are_the_same_bytes_from_every_form_of_a_style(
    derive: Callable[..., dict[str, bytes]],
    people: People,
    style: Style,
    expected: dict[str, bytes],
    tmp_path: Path,
) -> None:
    if not expected:
        expected |= derive(write_export(people, tmp_path, style="rap", name="usual", **USUAL))
    for place, (coding, arrays, dates) in enumerate(WAYS):
        form: dict[str, Any] = {"coding": coding, "arrays": arrays, "dates": dates}
        path = write_export(people, tmp_path, style=style, name=f"way{place}", **form)
        assert derive(path, name=f"cohort{place}") == expected, form


def test_the_phenotypes_of_these_people_are_not_empty(
    derive: Callable[..., dict[str, bytes]], people: People, tmp_path: Path
) -> None:
    derive(write_export(people, tmp_path, style="ukb", **USUAL))
    frame = pl.read_parquet(tmp_path / "cohort.parquet")
    assert frame.height == people.n
    wanted = ("isolation", "loneliness", "education", "cvd", "mortality", "PC3", "own")
    assert all(frame[name].drop_nulls().n_unique() > 1 for name in wanted)
    assert frame["own"].equals(people.frame["own_score"].alias("own"), null_equal=True)


def test_two_exports_that_share_the_columns_of_arrays_give_the_same_bytes(
    derive: Callable[..., dict[str, bytes]], people: People, tmp_path: Path
) -> None:
    path = write_export(people, tmp_path, style="rap", arrays="columns")
    whole = pl.read_csv(path, infer_schema=False)
    for number, part in enumerate((whole.columns[::2], whole.columns[1::2])):
        names = ["eid", *(name for name in part if name != "eid")]
        whole.select(names).sample(fraction=1, shuffle=True, seed=number).write_csv(
            tmp_path / f"part{number}.csv"
        )
    parts = sorted(tmp_path.glob("part*.csv"))
    both = [pl.read_csv(part, infer_schema=False).columns for part in parts]
    assert all(any(name.startswith("p20002_i0_a") for name in names) for names in both)
    assert derive(*parts, name="parts") == derive(path)


def test_stores_and_associations_are_the_same_bytes_from_every_form_of_proteins(
    proteomr: Run, definition: Path, people: People, tmp_path: Path
) -> None:
    table = make_proteins(people.frame["eid"].cast(pl.Int64).to_list(), 30)
    styles = dict(zip(FORMS, STYLES, strict=False))
    made = {
        form.__name__: _analyse(proteomr, tmp_path, form, table, people, styles[form])
        for form in FORMS
    }
    first = made[FORMS[0].__name__]
    assert {name: [*files] for name, files in made.items()} == {
        name: [*STORE, "associations.parquet"] for name in made
    }
    assert [name for name, files in made.items() if files != first] == []
    associations = pl.read_parquet(tmp_path / "out-single_csv" / "associations.parquet")
    assert associations["protein"].n_unique() == table.width - 1
    assert set(associations["status"]) == {"ok"}


def _analyse(
    proteomr: Run, tmp_path: Path, form: Form, table: pl.DataFrame, people: People, style: Style
) -> dict[str, bytes]:
    """Ingest, derive and associate; return the tables of the store and the associations."""
    folder = tmp_path / form.__name__
    folder.mkdir()
    participants = write_export(people, folder, style=style, name="people")
    store, cohort = tmp_path / f"store-{form.__name__}", folder / "cohort.parquet"
    out = tmp_path / f"out-{form.__name__}"
    definition = tmp_path / "study.toml"
    for command in (
        ("ingest", *form(folder, table), participants, "-o", store),
        ("phenotype", participants, "--definition", definition, "-q", "-o", cohort),
        ("associate", cohort, store, *MODEL, "-o", out),
    ):
        ending = proteomr(*command)
        assert ending.code == 0, (form.__name__, command[0], ending.err)
    files = {name: read_content(store / name) for name in STORE}
    return files | {"associations.parquet": read_content(out / "associations.parquet")}
