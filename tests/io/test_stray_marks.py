"""Valid files of every kind with one mark too many or too few: the same numbers, or a refusal."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ProteomrError
from proteomr.io.formats import IngestOptions
from proteomr.io.ingest import read_measurements

SAMPLES = [f"ID{i}x" for i in range(5)]
KEYS = ("OID1000", "OID1001", "OID1002")
SEQ_IDS = ("10000-28", "2597-8", "2705-5")
TRIALS = 40
PLAIN = IngestOptions()
NAMED = IngestOptions(assay_column="marker", value_column="level")
Rows = list[list[str]]


def number(i: int, j: int) -> str:
    return repr(round(101.5 + i * 1.37 + j * 0.113, 4))


def numbers(i: int) -> list[str]:
    return [number(i, j) for j in range(len(KEYS))]


def olink_long() -> Rows:
    rows = [["SampleID", "OlinkID", "UniProt", "Assay", "Panel", "NPX", "Site"]]
    pairs = itertools.product(enumerate(SAMPLES), enumerate(KEYS))
    return rows + [
        [sample, key, f"P{j}", f"G{j}", "CVD", number(i, j), f"site {i % 2}"]
        for (i, sample), (j, key) in pairs
    ]


def olink_wide() -> Rows:
    return [
        ["Project", "NPX Signature 1.8", "", "", "", ""],
        ["NPX Data", "", "", "", "", ""],
        ["Panel", *["CVD"] * 5],
        ["Assay", "G0", "G1", "G2", "Plate ID", "QC Warning"],
        ["Uniprot ID", "P0", "P1", "P2", "", ""],
        ["OlinkID", *KEYS, "", ""],
        [""] * 6,
        *([sample, *numbers(i), "P1", "Pass"] for i, sample in enumerate(SAMPLES)),
        [""] * 6,
        ["LOD", "0.1", "0.2", "0.3", "", ""],
    ]


def adat() -> Rows:
    names = ["PlateId", "SampleId", "SampleType"]
    facts = {"SeqId": [*SEQ_IDS], "Target": ["a", "b", "c"], "ColCheck": ["PASS"] * 3}
    return [
        *(["^HEADER"], ["!AssayVersion", "V4"], ["^TABLE_BEGIN"]),
        *(["", "", "", name, *cells] for name, cells in facts.items()),
        [*names, *[""] * 4],
        *(["Set A", sample, "Sample", "", *numbers(i)] for i, sample in enumerate(SAMPLES)),
    ]


def plain_wide() -> Rows:
    rows = [["sample_id", "sex", "G0", "G1", "G2"]]
    return rows + [[sample, "FM"[i % 2], *numbers(i)] for i, sample in enumerate(SAMPLES)]


def plain_long() -> Rows:
    pairs = itertools.product(enumerate(SAMPLES), range(3))
    rows = [["sample_id", "marker", "level", "sex"]]
    return rows + [[sample, f"G{j}", number(i, j), "FM"[i % 2]] for (i, sample), j in pairs]


FORMS = {
    "olink long": (olink_long(), ";", PLAIN),
    "olink wide": (olink_wide(), ";", PLAIN),
    "adat": (adat(), "\t", PLAIN),
    "plain wide": (plain_wide(), ",", PLAIN),
    "plain long": (plain_long(), ",", NAMED),
}


def damage(rows: Rows, delimiter: str, draw: random.Random) -> bytes:
    """Put a mark somewhere, take one away, or cut the file; digits stay as they are."""
    quotes = draw.random() < 0.3
    text = "".join(
        delimiter.join(f'"{cell}"' if quotes else cell for cell in row) + "\n" for row in rows
    )
    if draw.random() < 0.5:
        at = [place for place, mark in enumerate(text) if mark in f'\n"{delimiter}']
        place = draw.choice(at)
        return (text[:place] + text[place + 1 :]).encode()
    mark = draw.choice([delimiter, "\n", "\r", "\r\n", '"', "\x00"])
    inside = [
        place
        for place in range(1, len(text))
        if not (text[place - 1].isdigit() or text[place - 1] == ".")
        or not (text[place].isdigit() or text[place] == ".")
    ]
    place = draw.choice(inside)
    return (text[:place] + mark + text[place:]).encode()


def read(content: bytes, folder: Path, options: IngestOptions) -> dict[tuple[str, str], float]:
    path = folder / "damaged.txt"
    path.write_bytes(content)
    made = read_measurements(path, scratch=folder, options=options)
    values = made.proteins.read(slice(0, len(made.proteins.names)))
    pairs = itertools.product(made.samples["sample_id"], made.proteins.names)
    return dict(zip(pairs, values.ravel().tolist(), strict=True))


def check_message(fault: ProteomrError) -> None:
    assert not any(sample in str(fault) for sample in SAMPLES), fault


@pytest.mark.parametrize("form", FORMS)
def test_a_stray_mark_gives_the_same_numbers_or_a_refusal(tmp_path: Path, form: str) -> None:
    rows, delimiter, options = FORMS[form]
    whole = "".join(delimiter.join(row) + "\n" for row in rows).encode()
    truth = read(whole, tmp_path, options)
    assert len(truth) == len(SAMPLES) * len(KEYS)
    draw = random.Random(form)
    refused = 0
    for _ in range(TRIALS):
        try:
            found = read(damage(rows, delimiter, draw), tmp_path, options)
        except ProteomrError as fault:
            refused += 1
            check_message(fault)
            continue
        for pair, value in found.items():
            assert np.isnan(value) or truth.get(pair, value) == value, pair
    assert refused > 0


@pytest.mark.parametrize("form", ["olink long", "plain wide"])
def test_a_broken_byte_of_parquet_is_never_a_traceback(tmp_path: Path, form: str) -> None:
    rows, _, options = FORMS[form]
    frame = pl.DataFrame(rows[1:], schema=rows[0], orient="row")
    measured = [name for name in frame.columns if name in {"NPX", "G0", "G1", "G2"}]
    target = tmp_path / "whole.parquet"
    frame.with_columns(pl.col(measured).cast(pl.Float64)).write_parquet(target)
    whole = target.read_bytes()
    draw = random.Random(form)
    refused = 0
    for _ in range(3 * TRIALS):
        broken = bytearray(whole)
        broken[draw.randrange(4, len(whole))] ^= 1 << draw.randrange(8)
        try:
            read(bytes(broken), tmp_path, options)
        except ProteomrError as fault:
            refused += 1
            check_message(fault)
    assert refused > 0
