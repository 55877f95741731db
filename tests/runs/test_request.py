"""A request has one digest, that of its numbers, whatever words or files it was made from."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from proteomr.errors import InputError, UsageError
from proteomr.provenance import canonical_json
from proteomr.runs import Request, Source, describe_request, digest_request

PEOPLE = pl.DataFrame({"id": ["1", "2"], "age": [61.5, None]})


@dataclass(frozen=True, slots=True)
class Asked(Request):
    command: ClassVar[str] = "demo"
    samples: Source
    levels: tuple[float, ...] = (0.95,)
    kinds: frozenset[str] = frozenset()
    named: Mapping[str, Source] = field(default_factory=dict)
    version: int = 1

    def formulas(self) -> Mapping[str, int]:
        return {"demo": self.version}


@dataclass(frozen=True, slots=True)
class Listing(Request):
    command: ClassVar[str] = "demo"
    samples: Source | None
    withdrawn: Source | None

    def formulas(self) -> Mapping[str, int]:
        return {"demo": 1}


def test_equal_frames_of_any_library_and_chunks_have_one_digest() -> None:
    twice = pl.concat([PEOPLE[:1], PEOPLE[1:]], rechunk=False)
    frames = [PEOPLE, PEOPLE.lazy(), twice, PEOPLE.to_arrow()]
    assert len({digest_request(Asked(Source.of(frame))) for frame in frames}) == 1
    pandas = pd.DataFrame({"a": [1, 2]})
    assert Source.of(pandas).frame is not None
    assert Source.of(pa.table({"a": [1]})).frame is not None


@pytest.mark.parametrize(
    "changed",
    [
        {"levels": (0.9,)},
        {"kinds": frozenset({"x"})},
        {"version": 2},
        {"named": {"gap": Source.of(PEOPLE, name="gap")}},
        {"samples": Source.of(PEOPLE.with_columns(age=pl.lit(1.0)))},
        {"samples": Source.of(PEOPLE, name="others")},
    ],
)
def test_whatever_determines_numbers_changes_the_digest(changed: dict[str, Any]) -> None:
    one = Asked(Source.of(PEOPLE))
    assert digest_request(replace(one, **changed)) != digest_request(one)


def test_a_file_counts_by_name_and_content_wherever_it_is(tmp_path: Path) -> None:
    here, there = tmp_path / "samples.csv", tmp_path / "there" / "samples.csv"
    PEOPLE.write_csv(here)
    there.parent.mkdir()
    shutil.copy(here, there)
    assert digest_request(Asked(Source.of(here))) == digest_request(Asked(Source.of(str(there))))
    there.write_text("id,age\n1,61.5\n")
    assert digest_request(Asked(Source.of(here))) != digest_request(Asked(Source.of(there)))


def test_a_run_folder_counts_by_its_results(tmp_path: Path) -> None:
    (tmp_path / "samples.parquet").write_bytes(b"rows")
    before = digest_request(Asked(Source.of(tmp_path)))
    (tmp_path / "manifest.json").write_text("{}")
    (tmp_path / "log.txt").write_text("begun")
    assert digest_request(Asked(Source.of(tmp_path))) == before
    (tmp_path / "drops.tsv").write_text("step")
    assert digest_request(Asked(Source.of(tmp_path))) != before


def test_sources_are_recorded_in_their_order(tmp_path: Path) -> None:
    PEOPLE.write_csv(tmp_path / "samples.csv")
    asked = Asked(Source.of(tmp_path / "samples.csv"), named={"gap": Source.of(PEOPLE, name="gap")})
    assert [record.name for record in describe_request(asked).inputs] == [
        str(tmp_path / "samples.csv"),
        "gap",
    ]


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(UsageError, match="a path or a frame of polars, pandas or pyarrow"):
        Source.of(3)
    with pytest.raises(InputError, match="there is no such file"):
        digest_request(Asked(Source.of("nowhere.csv")))
    with pytest.raises(TypeError, match="cannot hold a PosixPath"):
        digest_request(Asked(Source.of(PEOPLE), levels=cast("Any", (Path("x"),))))


def test_a_whole_number_asks_for_the_same_as_an_integer_or_as_a_float() -> None:
    one, other = (Asked(Source.of(PEOPLE), levels=levels) for levels in ((1, 10_000), (1.0, 1e4)))
    assert digest_request(one) == digest_request(other)
    large = [Asked(Source.of(PEOPLE), levels=(value,)) for value in (1e300, 2e300)]
    assert digest_request(large[0]) != digest_request(large[1])


def _listing(tmp_path: Path, people: bytes, samples: bytes = b"eid,age\n1000001,50\n") -> Listing:
    listed, read = tmp_path / "w.csv", tmp_path / "samples.csv"
    listed.write_bytes(people)
    read.write_bytes(samples)
    return Listing(Source.of(read), Source.of_people(listed, name="withdrawn"))


def test_a_list_of_people_leaves_no_digest_that_can_be_guessed(tmp_path: Path) -> None:
    described = describe_request(_listing(tmp_path, b"1000001\n"))
    text = canonical_json(described.facts) + repr(described.inputs).encode()
    assert hashlib.sha256(b"1000001\n").hexdigest().encode() not in text
    assert [record.size_bytes for record in described.inputs][1] is None
    assert [record.sha256 for record in described.inputs][1] is None


def test_a_changed_list_of_people_is_another_request(tmp_path: Path) -> None:
    one = digest_request(_listing(tmp_path, b"1000001\n"))
    assert digest_request(_listing(tmp_path, b"1000001\n")) == one
    assert digest_request(_listing(tmp_path, b"1000002\n")) != one


def test_without_the_data_of_people_the_digest_of_their_list_cannot_be_made(
    tmp_path: Path,
) -> None:
    def keyed(samples: bytes) -> object:
        facts = describe_request(_listing(tmp_path, b"1000001\n", samples)).facts
        inputs = facts["inputs"]
        assert isinstance(inputs, dict)
        return inputs["withdrawn"][0][0]["keyed"]

    assert keyed(b"eid,age\n1000001,50\n") == keyed(b"eid,age\n1000001,50\n")
    assert keyed(b"eid,age\n1000001,50\n") != keyed(b"eid,age\n1000001,51\n")
    alone = Listing(None, Source.of_people(tmp_path / "w.csv", name="withdrawn"))
    assert digest_request(alone) != digest_request(alone)
