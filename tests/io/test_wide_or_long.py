from __future__ import annotations

import gzip
import itertools
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr.errors import (
    ColumnError,
    FormatError,
    IdentifierError,
    InputError,
    UsageError,
)
from proteomr.io.formats import IngestOptions, open_source
from proteomr.io.wide_or_long import PlainTable
from proteomr.tables import Measurements, load_schema

NAN = float("nan")
WIDE = "ID,sex,GDF15,ADM\n3,F,1.5,NA\n1,M,2.5,-9\n2,,999,0.25\n"
LONG = (
    "ID,assay,npx,age,Gene,note\n"
    "3,GDF15,1.5,50,GDF15,a\n1,ADM,-9,40,ADM,b\n1,GDF15,2.5,40,GDF15,c\n"
    "2,GDF15,999,,GDF15,d\n3,ADM,NA,50,ADM,e\n2,ADM,0.25,61,ADM,f\n"
)
VALUES = [[-9, 2.5], [0.25, 999], [NAN, 1.5]]
PLAIN = IngestOptions()
NAMED = IngestOptions(assay_column="assay", value_column="npx")


def read(
    folder: Path, *contents: str | bytes | pl.DataFrame, options: IngestOptions = PLAIN
) -> Measurements:
    sources = []
    for number, content in enumerate(contents):
        path = folder / f"table{number}"
        if isinstance(content, pl.DataFrame):
            content.write_parquet(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        sources.append(open_source(path))
    assert all(PlainTable().matches(source) for source in sources)
    return PlainTable().read(tuple(sources), options=options, scratch=folder)


def values(made: Measurements) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return made.proteins.read(slice(0, len(made.proteins.names)))


@pytest.mark.parametrize(
    "content",
    [
        WIDE,
        WIDE.replace(",", ";"),
        WIDE.replace(",", "\t").replace("\n", "\r\n"),
        gzip.compress(WIDE.encode()),
        pl.read_csv(WIDE.encode(), null_values="NA"),
    ],
    ids=["comma", "semicolon", "tab", "gz", "parquet"],
)
def test_a_wide_table_gives_numbers_as_assays_and_the_rest_as_samples(
    tmp_path: Path, content: str | bytes | pl.DataFrame
) -> None:
    made = read(tmp_path, content)
    assert made.samples.rows() == [("1", "M"), ("2", None), ("3", "F")]
    assert made.proteins.names == ("ADM", "GDF15")
    np.testing.assert_array_equal(values(made), VALUES)
    assert load_schema("assays").validate(made.assays)["platform"].to_list() == ["table"] * 2
    assert any(note.endswith(": sex") for note in made.notes)


@pytest.mark.parametrize(
    "content",
    [
        LONG,
        LONG.replace(",", ";"),
        gzip.compress(LONG.encode()),
        pl.read_csv(LONG.encode(), null_values="NA"),
        LONG.replace("npx", "npx").replace(",1.5,", ',"1.5",'),
    ],
    ids=["comma", "semicolon", "gz", "parquet", "quotes"],
)
def test_a_long_table_gives_the_same_as_the_wide_one(
    tmp_path: Path, content: str | bytes | pl.DataFrame
) -> None:
    made = read(tmp_path, content, options=NAMED)
    assert made.proteins.names == ("ADM", "GDF15")
    np.testing.assert_array_equal(values(made), VALUES)
    assert made.samples.rows() == [("1", 40), ("2", 61), ("3", 50)]
    assert made.assays["gene"].to_list() == ["ADM", "GDF15"]
    assert made.notes == ("left out, for they describe neither samples nor assays: note",)


def test_wide_files_are_joined_and_their_order_is_no_matter(tmp_path: Path) -> None:
    other = "ID,sex,IL6\n1,M,7\n4,F,8\n3,,9\n"
    made = [read(tmp_path, *files) for files in ((WIDE, other), (other, WIDE))]
    expected = [[-9, 2.5, 7], [0.25, 999, NAN], [NAN, 1.5, 9], [NAN, NAN, 8]]
    for each in made:
        assert each.samples.rows() == [("1", "M"), ("2", None), ("3", "F"), ("4", "F")]
        np.testing.assert_array_equal(values(each), expected)


def test_columns_that_contradict_each_other_are_counted(tmp_path: Path) -> None:
    with pytest.raises(ColumnError, match="column 'sex' differs from another file in 1 samples"):
        read(tmp_path, WIDE, "ID,sex,IL6\n1,F,7\n3,F,9\n")


def test_single_precision_of_parquet_is_kept(tmp_path: Path) -> None:
    wide = pl.DataFrame({"ID": [1, 2], "ADM": [0.1, 0.2]}, schema_overrides={"ADM": pl.Float32})
    made = read(tmp_path, wide)
    assert made.precision == "float32"
    assert values(made)[0, 0] == np.float32(0.1)
    whole = wide.with_columns(IL6=pl.Series([1, 16_777_217]))
    assert read(tmp_path, whole).precision == "float64"
    assert read(tmp_path, wide.cast({"ADM": pl.Float64})).precision == "float64"
    long = wide.select("ID", pl.lit("ADM").alias("assay"), pl.col("ADM").alias("npx"))
    assert read(tmp_path, long, options=NAMED).precision == "float32"


@pytest.mark.parametrize(
    ("content", "options", "line", "column", "message"),
    [
        (WIDE.replace("1.5", "inf"), IngestOptions(), 2, "GDF15", "infinite"),
        (WIDE.replace("1.5", "high"), IngestOptions(), 2, "GDF15", "text where a number"),
        (WIDE.replace(",", ";").replace(".", ","), IngestOptions(), 2, "GDF15", "decimal comma"),
        (WIDE, IngestOptions(log2=True), 3, "ADM", "no logarithm"),
        (LONG.replace("2.5", "inf"), NAMED, 4, "npx", "infinite"),
        (LONG.replace("2.5", "high"), NAMED, 4, "npx", "text where a number"),
        (LONG.replace("2.5", '"2,5"'), NAMED, 4, "npx", "decimal comma"),
        (LONG.replace("\n2,ADM", "\n2,"), NAMED, 7, "assay", "name of the assay is missing"),
        (LONG.replace("\n2,ADM", "\nNA,ADM"), NAMED, 7, "ID", "name of the sample is missing"),
        (LONG.replace("999", "999,x"), NAMED, 5, None, "7 fields where the header has 6"),
    ],
)
def test_a_faulty_cell_is_named_by_line_and_column(
    tmp_path: Path, content: str, options: IngestOptions, line: int, column: str, message: str
) -> None:
    with pytest.raises(FormatError, match=message) as caught:
        read(tmp_path, content, options=options)
    assert (caught.value.line, caught.value.column) == (line, column)


def test_an_infinite_value_in_parquet_is_named_by_its_row(tmp_path: Path) -> None:
    wide = pl.DataFrame({"ID": [2, 1], "ADM": [0.5, float("-inf")]})
    with pytest.raises(FormatError, match="row 2: an infinite value"):
        read(tmp_path, wide)


def test_logarithms_are_taken_once(tmp_path: Path) -> None:
    rfu = "ID,ADM\n1,1024\n2,512.5\n"
    made = read(tmp_path, rfu, options=IngestOptions(log2=True))
    np.testing.assert_array_equal(values(made), [[10.0], [np.log2(512.5)]])
    np.testing.assert_array_equal(
        made.proteins.select_rows(np.array([1, -1])).read(slice(0, 1)), [[np.log2(512.5)], [NAN]]
    )
    assert made.assays["unit"].to_list() == ["log2"]
    logged = IngestOptions(assay_column="assay", value_column="npx", log2=True)
    long = "ID,assay,npx\n1,ADM,10\n2,ADM,9\n"
    with pytest.raises(UsageError, match="logarithms already"):
        read(tmp_path, "ID,ADM\n1,10\n2,9\n", options=IngestOptions(log2=True))
    with pytest.raises(UsageError, match="logarithms already"):
        read(tmp_path, long, options=logged)
    made = read(tmp_path, long.replace("10", "1024"), options=logged)
    np.testing.assert_array_equal(values(made), [[10.0], [np.log2(9)]])


def test_repeated_values_are_refused_or_averaged(tmp_path: Path) -> None:
    again = LONG + "1,GDF15,0.7,40,GDF15,g\n3,ADM,NA,50,ADM,h\n1,GDF15,0.1,40,GDF15,i\n"
    with pytest.raises(InputError, match="2 rows repeat a sample and an assay"):
        read(tmp_path, again, options=NAMED)
    made = read(tmp_path, again, options=replace(NAMED, replicates="mean"))
    assert values(made)[0, 1] == pytest.approx((2.5 + 0.1 + 0.7) / 3, rel=1e-15)
    assert made.drops[0].n == 2
    np.testing.assert_array_equal(values(made)[1:], VALUES[1:])


def test_which_of_two_values_is_the_first_is_never_guessed(tmp_path: Path) -> None:
    first = replace(NAMED, replicates="first")
    same = LONG + "1,GDF15,2.50,40,GDF15,g\n"
    with pytest.raises(InputError, match=r"1 rows .* with the same values; --replicates first"):
        read(tmp_path, same, options=NAMED)
    made = read(tmp_path, same, options=first)
    np.testing.assert_array_equal(values(made), VALUES)
    assert (made.drops[0].reason, made.drops[0].n) == ("repeated rows with the same value", 1)
    header, *rows = (LONG + "1,GDF15,0.7,40,GDF15,g\n").splitlines(keepends=True)
    for order in (rows, rows[::-1]):
        with pytest.raises(InputError, match="1 of them with another value, and nothing in a"):
            read(tmp_path, header + "".join(order), options=first)


def test_repeated_samples_of_a_wide_table_are_refused_with_their_count(tmp_path: Path) -> None:
    with pytest.raises(IdentifierError, match="1 duplicated identifiers"):
        read(tmp_path, WIDE + "3,F,1,1\n", options=IngestOptions(replicates="first"))


def test_a_long_table_without_its_columns_named_says_which_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--assay \(assay, Gene, note\?\) and --value \(npx, age"):
        read(tmp_path, LONG)
    with pytest.raises(UsageError, match="both --assay and --value"):
        read(tmp_path, LONG, options=IngestOptions(assay_column="assay"))
    with pytest.raises(ColumnError, match="did you mean 'assay'"):
        read(tmp_path, LONG, options=IngestOptions(assay_column="asay", value_column="npx"))
    with pytest.raises(UsageError, match="two purposes"):
        read(tmp_path, LONG, options=IngestOptions(assay_column="npx", value_column="npx"))


def test_a_long_table_sorted_by_assay_is_known_too(tmp_path: Path) -> None:
    n = 12_000
    long = pl.DataFrame({"ID": [*range(n)] * 2, "assay": ["ADM"] * n + ["IL6"] * n, "npx": 0.5})
    with pytest.raises(UsageError, match="looks like a long table"):
        read(tmp_path, long)


def test_numbers_that_sound_like_information_on_samples_are_named(tmp_path: Path) -> None:
    made = read(tmp_path, WIDE.replace("ADM", "Age_at_Visit"))
    assert any("Age_at_Visit" in note for note in made.notes)
    kept = read(tmp_path, WIDE.replace("ADM", "Age").replace("-9", "90+"))
    assert kept.proteins.names == ("GDF15",)
    assert kept.samples["Age"].to_list() == ["90+", "0.25", None]


def test_codes_with_leading_zeros_are_no_values(tmp_path: Path) -> None:
    made = read(tmp_path, "ID,centre,ADM\n007,0012,1\n010,0100,2\n")
    assert made.samples.rows() == [("007", "0012"), ("010", "0100")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("ID,ADM\n", "a header and no rows"),
        ("ID,sex\n1,F\n", "no protein columns"),
        ("name,ADM\n1,2\n", "--id"),
        ("ID,sample_id,ADM\n1,2,3\n", "a name that is needed"),
        ("ID,ADM,ADM\n1,2,3\n", "the name stands twice"),
    ],
)
def test_a_table_that_cannot_be_read_says_why(tmp_path: Path, content: str, message: str) -> None:
    options = IngestOptions(id_column="ID" if "sample_id" in content else None)
    with pytest.raises(InputError, match=message):
        read(tmp_path, content, options=options)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    n=st.integers(1, 6),
    p=st.integers(1, 4),
    seed=st.integers(0, 10_000),
    files=st.integers(1, 3),
)
def test_scattered_rows_equal_a_slow_loop(
    tmp_path: Path, n: int, p: int, seed: int, files: int
) -> None:
    draw = random.Random(seed)
    cells = [(str(i), f"P{j}") for i, j in itertools.product(range(n), range(p))]
    chosen = draw.sample(cells, draw.randint(1, len(cells))) + draw.choices(
        cells, k=draw.randint(0, 5)
    )
    rows = [(*cell, draw.choice([None, draw.gauss(0, 1)])) for cell in chosen]
    seen: dict[tuple[str, str], list[float]] = {}
    for sample, assay, value in rows:
        seen.setdefault((sample, assay), [])
        if value is not None:
            seen[sample, assay].append(value)
    frame = pl.DataFrame(
        rows, schema={"ID": pl.String, "assay": pl.String, "npx": pl.Float64}, orient="row"
    )
    edges = np.linspace(0, frame.height, files + 1).astype(int)
    parts = [frame[a:b] for a, b in itertools.pairwise(edges.tolist()) if b > a]
    options = IngestOptions(assay_column="assay", value_column="npx", replicates="mean")
    made = read(tmp_path, *(part.write_csv() for part in parts), options=options)
    known = values(made)
    for (i, sample), (j, assay) in itertools.product(
        enumerate(made.samples["sample_id"]), enumerate(made.proteins.names)
    ):
        found = seen.get((sample, assay), [])
        expected = np.mean(found) if found else NAN
        assert known[i, j] == pytest.approx(expected, rel=1e-12, abs=1e-15, nan_ok=True)


def test_a_published_table_is_read_with_its_identifier_named(
    tmp_path: Path, reference: Path
) -> None:
    path = reference / "formats" / "kivisakk2022_olink_143x400.csv"
    options = IngestOptions(id_column="Plasma_Sample")
    made = PlainTable().read((open_source(path),), options=options, scratch=tmp_path)
    frame = pl.read_csv(path, infer_schema=False).sort("Plasma_Sample")
    assert made.samples["sample_id"].to_list() == frame["Plasma_Sample"].to_list()
    assert made.samples.columns[1:] == ["Age_at_Baseline", "Outcome", "PIDN", "Sex"]
    assert made.notes[0].endswith("go with the samples: Age_at_Baseline, Outcome, PIDN, Sex")
    expected = frame.select(made.proteins.names).cast(pl.Float64, strict=False)
    np.testing.assert_array_equal(values(made), expected.fill_null(NAN).to_numpy())


def test_relative_fluorescence_saved_as_csv_is_a_wide_table(
    tmp_path: Path, reference: Path
) -> None:
    path = reference / "association" / "data" / "soma_rfu.csv"
    options = IngestOptions(id_column="RowName", log2=True)
    made = PlainTable().read((open_source(path),), options=options, scratch=tmp_path)
    frame = pl.read_csv(path).sort("RowName")
    chosen = made.proteins.names[:50]
    np.testing.assert_array_equal(
        made.proteins.read(slice(0, 50)), np.log2(frame.select(chosen).to_numpy())
    )
