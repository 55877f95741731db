from __future__ import annotations

import csv
import gzip
import itertools
import math
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.io import read_measurements
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.ingest import detect_platform
from proteomr.io.mass_spectrometry.books import load_books
from proteomr.tables import Measurements
from tests.io.mass_spectrometry.tables import FIXTURES, GROUPS, SAMPLES, expected

each_format = pytest.mark.parametrize("name", FIXTURES)


def read(folder: Path, content: str | bytes, **options: object) -> Measurements:
    file = folder / "delivered.txt"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    chosen = IngestOptions(**options)  # type: ignore[arg-type]
    return read_measurements(file, scratch=folder, options=chosen)


def intensities(made: Measurements) -> dict[tuple[str, str], float]:
    """Return what is there, back on the scale of the file."""
    matrix = made.proteins.read(slice(0, len(made.proteins.names)))
    pairs = itertools.product(made.samples["sample_id"], made.proteins.names)
    return {
        pair: 2**value
        for pair, value in zip(pairs, matrix.ravel().tolist(), strict=True)
        if not math.isnan(value)
    }


def test_every_book_has_a_fixture_and_none_else() -> None:
    assert set(load_books()) == set(FIXTURES)


@each_format
def test_a_format_is_known_and_its_intensities_are_logarithms(tmp_path: Path, name: str) -> None:
    made = read(tmp_path, FIXTURES[name].text)
    assert (made.platform, made.parameters["book"]) == ("massspec", name)
    assert detect_platform([open_source(tmp_path / "delivered.txt")]).name == "massspec"
    assert made.samples["sample_id"].to_list() == sorted(SAMPLES)
    assert made.proteins.names == tuple(sorted(GROUPS))
    assert intensities(made) == pytest.approx(expected(), rel=1e-12)
    assert made.assays["unit"].unique().to_list() == ["log2 intensity"]


@each_format
def test_zeros_are_missing_and_counted(tmp_path: Path, name: str) -> None:
    made = read(tmp_path, FIXTURES[name].text)
    lacking = len(SAMPLES) * len(GROUPS) - len(expected())
    cut = 1 if name == "diann_matrix" else 0  # an empty cell is no zero
    assert lacking == 3
    assert made.parameters["zeros"] in (lacking, lacking - cut, lacking - 2 * cut)
    assert any("intensities of 0 are missing values" in note for note in made.notes)


@each_format
def test_decoys_and_contaminants_are_controls_and_flagged(tmp_path: Path, name: str) -> None:
    made = read(tmp_path, FIXTURES[name].text)
    controls = made.assays.filter(pl.col("kind") == "control")["protein"].to_list()
    assert controls == ["CON__P00761", "REV__P02768"]
    assert made.flags.select("protein", "flag").rows() == [
        ("CON__P00761", "contaminant"),
        ("REV__P02768", "decoy"),
    ]


@each_format
def test_genes_and_accessions_of_a_group_are_kept(tmp_path: Path, name: str) -> None:
    made = read(tmp_path, FIXTURES[name].text)
    row = made.assays.row(by_predicate=pl.col("protein") == "P01375;P01374", named=True)
    assert row["uniprot"] == "P01375;P01374"
    assert row["gene"] == ("TNF;LTA" if FIXTURES[name].gene else None)


@each_format
def test_how_a_file_is_stored_changes_nothing(tmp_path: Path, name: str) -> None:
    content = FIXTURES[name].text.encode()
    plain = intensities(read(tmp_path, content))
    for stored in (
        gzip.compress(content),
        content.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + content,
    ):
        assert intensities(read(tmp_path, stored)) == plain


@each_format
def test_a_fault_is_named_by_its_line_and_no_sample(tmp_path: Path, name: str) -> None:
    def change(cell: str) -> str:
        return re.sub(r"(?<!\d)8000\.5", cell, FIXTURES[name].text)

    for cell in ("high", "inf", "5,5" if name != "alphapept" else "x"):
        with pytest.raises(FormatError) as caught:
            read(tmp_path, change(cell))
        assert caught.value.line is not None
        assert caught.value.column is not None
        assert not any(sample in str(caught.value) for sample in SAMPLES)
    with pytest.raises(FormatError, match="negative"):
        read(tmp_path, change("-8000.5"))


@pytest.mark.parametrize(
    ("name", "value", "scale"),
    [
        ("maxquant", "lfq", 1),
        ("maxquant", "intensity", 2),
        ("maxquant", "iBAQ", 3),
        ("fragpipe", "intensity", 2),
        ("alphapept", "intensity", 2),
        ("diann_report", "PG.MaxLFQ", 1),
        ("spectronaut_report", "quantity", 1),
    ],
)
def test_the_user_may_name_another_quantity(
    tmp_path: Path, name: str, value: str, scale: float
) -> None:
    made = read(tmp_path, FIXTURES[name].text, value_column=value)
    wanted = {pair: scale * number for pair, number in expected().items()}
    assert intensities(made) == pytest.approx(wanted, rel=1e-12)


@each_format
def test_what_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="no such quantity in a table of"):
        read(tmp_path, FIXTURES[name].text, value_column="top3")
    with pytest.raises(UsageError, match=r"columns of a table of .* are known"):
        read(tmp_path, FIXTURES[name].text, id_column="mine")
    with pytest.raises(FormatError, match="a header and no rows"):
        read(tmp_path, FIXTURES[name].text.splitlines()[0] + "\n")


@pytest.mark.parametrize("name", ["fragpipe", "spectronaut_matrix", "alphapept", "diann_report"])
def test_a_line_cut_short_is_a_fault_where_no_program_cuts(tmp_path: Path, name: str) -> None:
    lines = FIXTURES[name].text.splitlines()
    mark = "," if name == "alphapept" else "\t"
    lines[3] = lines[3].rpartition(mark)[0]
    with pytest.raises(FormatError) as caught:
        read(tmp_path, "\n".join(lines) + "\n")
    assert caught.value.line == 4


@pytest.mark.parametrize("name", ["maxquant", "diann_matrix"])
def test_a_line_too_long_is_always_a_fault(tmp_path: Path, name: str) -> None:
    lines = FIXTURES[name].text.splitlines()
    lines[2] += "\t1\t1\t1"
    with pytest.raises(FormatError, match="fields where the header has"):
        read(tmp_path, "\n".join(lines) + "\n")


def test_a_group_with_two_quantities_in_a_run_is_refused(tmp_path: Path) -> None:
    text = FIXTURES["diann_report"].text
    with pytest.raises(FormatError, match="1 protein groups have another quantity"):
        read(tmp_path, text.replace("8000.5", "8001.5", 1))


def test_a_report_in_parquet_is_the_same(tmp_path: Path) -> None:
    lines = FIXTURES["diann_report"].text
    frame = pl.read_csv(lines.encode(), separator="\t")
    frame.write_parquet(tmp_path / "report.parquet")
    made = read_measurements(tmp_path / "report.parquet", scratch=tmp_path)
    assert intensities(made) == pytest.approx(expected(), rel=1e-12)


def test_doubtful_groups_of_a_report_are_kept_and_counted(tmp_path: Path) -> None:
    text = FIXTURES["spectronaut_report"].text
    first = next(line for line in text.splitlines() if "\tP05231\t" in line)
    made = read(tmp_path, text.replace(first, first.replace("0.002", "0.02")))
    assert any("1 quantities have a q-value of their group above 0.01" in n for n in made.notes)
    assert intensities(made) == pytest.approx(expected(), rel=1e-12)


def test_genes_are_found_in_fasta_headers(tmp_path: Path) -> None:
    text = FIXTURES["maxquant"].text.replace("Gene names", "Fasta headers")
    named = text.replace(
        "\tIL6\t", "\tsp|P05231|IL6_HUMAN Interleukin OS=Homo sapiens GN=IL6 PE=1\t"
    )
    made = read(tmp_path, named)
    assert made.assays.filter(pl.col("protein") == "P05231")["gene"].item() == "IL6"


def test_runs_of_one_name_keep_their_folders(tmp_path: Path) -> None:
    text = FIXTURES["diann_matrix"].text.replace("data\\B2", "day2\\A1")
    assert read(tmp_path, text).samples["sample_id"].to_list() == [
        "C:\\data\\A1.raw",
        "C:\\data\\C3.raw",
        "C:\\day2\\A1.raw",
    ]


def test_two_analyses_are_refused(tmp_path: Path) -> None:
    for name in ("one.tsv", "two.tsv"):
        (tmp_path / name).write_text(FIXTURES["fragpipe"].text)
    with pytest.raises(InputError, match="not on one scale"):
        read_measurements([tmp_path / "one.tsv", tmp_path / "two.tsv"], scratch=tmp_path)


def test_a_repeated_group_is_refused(tmp_path: Path) -> None:
    lines = FIXTURES["fragpipe"].text.splitlines()
    with pytest.raises(InputError, match="1 rows have the name of another protein"):
        read(tmp_path, "\n".join([*lines, lines[1]]) + "\n")


@pytest.mark.parametrize(
    ("file", "ending"),
    [
        ("diann_pg_matrix.tsv", ""),
        ("fragpipe.tsv", " Razor Intensity"),
        ("lobster_spectro_matrix.tsv", ""),
    ],
)
def test_a_published_matrix_equals_an_independent_reading(
    tmp_path: Path, reference: Path, file: str, ending: str
) -> None:
    path = reference / "formats" / "found" / file
    made = read_measurements(path, scratch=tmp_path)
    with path.open(encoding="utf-8", newline="") as lines:
        header, *rows = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    key = header.index({"f": "Protein ID", "d": "Protein.Group"}.get(file[0], "PG.ProteinGroups"))
    truth = {
        (sample, row[key]): float(row[header.index(sample + ending)])
        for row in rows
        for sample in made.samples["sample_id"]
        if header.index(sample + ending) < len(row) and row[header.index(sample + ending)]
    }
    assert {row[key] for row in rows} == set(made.proteins.names)
    known = {pair: value for pair, value in truth.items() if value > 0}
    assert len(known) > 50
    assert intensities(made) == pytest.approx(known, rel=1e-12)


def test_a_published_report_equals_an_independent_reading(tmp_path: Path, reference: Path) -> None:
    path = reference / "formats" / "found" / "lobster_spectro_long.tsv"
    made = read_measurements(path, scratch=tmp_path)
    frame = pl.read_csv(path, separator="\t")
    truth = {
        (row["R.FileName"].removesuffix(".raw"), row["PG.ProteinGroups"]): row["PG.Quantity"]
        for row in frame.iter_rows(named=True)
    }
    assert intensities(made) == pytest.approx(truth, rel=1e-12)
    assert np.isfinite(list(truth.values())).all()


def test_a_quantity_without_values_names_the_others(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in FIXTURES["maxquant"].text.splitlines()]
    empty = [place for place, name in enumerate(lines[0]) if name.startswith("LFQ")]
    for line in lines[1:]:
        for place in empty:
            line[place] = "0"
    text = "\n".join("\t".join(line) for line in lines) + "\n"
    with pytest.raises(
        FormatError, match=r"lfq has no value above 0; .* --value \(intensity, ibaq"
    ):
        read(tmp_path, text)
    assert read(tmp_path, text, value_column="ibaq").n == len(SAMPLES)


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("maxquant", "Protein IDs"),
        ("fragpipe", "Protein ID"),
        ("spectronaut_matrix", "PG.ProteinGroups"),
        ("spectronaut_report", "R.FileName"),
        ("diann_report", "Run"),
    ],
)
def test_a_table_that_lacks_a_column_of_its_format_is_no_other_table(
    tmp_path: Path, name: str, column: str
) -> None:
    text = FIXTURES[name].text.replace(column, "mine", 1)
    with pytest.raises(FormatError, match=f"lacks the column '{re.escape(column)}'"):
        read(tmp_path, text)
    with pytest.raises(FormatError, match="looks like a table of"):
        read(tmp_path, text.replace("mine", "ID", 1))


def test_the_columns_that_a_user_kept_are_enough(tmp_path: Path) -> None:
    lines = [line.split("\t") for line in FIXTURES["maxquant"].text.splitlines()]
    header = lines[0]
    kept = [place for place, name in enumerate(header) if name.startswith(("LFQ", "Protein IDs"))]
    text = "\n".join("\t".join(line[place] for place in kept) for line in lines) + "\n"
    assert intensities(read(tmp_path, text)) == pytest.approx(expected(), rel=1e-12)


def test_a_long_list_in_one_cell_is_read_and_no_limit_is_moved(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    lines = FIXTURES["maxquant"].text.splitlines()
    named = lines[1].replace("IL6", "1;" * 100_000, 1)
    made = read(tmp_path, "\n".join([lines[0], named, *lines[2:]]) + "\n")
    assert intensities(made) == pytest.approx(expected(), rel=1e-12)
    assert csv.field_size_limit() == before
