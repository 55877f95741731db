"""The account of a run is complete, stable and names nobody."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
from pathlib import Path

import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import InputError
from proteomr.provenance import (
    BlasLibrary,
    InputFile,
    Manifest,
    RowFilter,
    blas_in_use,
    canonical_json,
    digest_file,
    tool_versions,
    utc_now,
)

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def test_the_digest_of_a_file_is_its_sha256(tmp_path: Path) -> None:
    content = b"sample_id,GDF15\n" * 100_000
    (tmp_path / "proteins.csv").write_bytes(content)
    assert digest_file(tmp_path / "proteins.csv") == hashlib.sha256(content).hexdigest()


def test_the_digest_of_an_abc_file_is_that_of_fips_180_4(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert digest_file(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_the_digest_of_a_folder_changes_with_content_and_names_alone(tmp_path: Path) -> None:
    store = tmp_path / "store"
    (store / "deep").mkdir(parents=True)
    (store / "b").write_text("1")
    (store / "deep" / "a").write_text("2")
    first = digest_file(store)
    assert digest_file(store.rename(tmp_path / "moved")) == first
    (tmp_path / "moved" / "b").rename(tmp_path / "moved" / "c")
    assert digest_file(tmp_path / "moved") != first


def test_the_record_of_an_input_holds_its_name_as_given_and_its_facts(tmp_path: Path) -> None:
    file = tmp_path / "samples.csv"
    file.write_text("id")
    record = InputFile.read(file)
    assert (record.name, record.size_bytes) == (str(file), 2)
    assert record.sha256 == digest_file(file)
    assert record.modified.endswith("Z")


def test_the_size_of_a_folder_is_that_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("123")
    (tmp_path / "b").write_text("4567")
    assert InputFile.read(tmp_path).size_bytes == 7


def test_an_empty_folder_has_a_record(tmp_path: Path) -> None:
    assert InputFile.read(tmp_path).size_bytes == 0


def test_a_missing_input_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"absent\.csv: there is no such file"):
        InputFile.read(tmp_path / "absent.csv")


def test_the_versions_name_every_library_that_computes() -> None:
    versions = tool_versions()
    assert versions["python"] == platform.python_version()
    assert {"numpy", "scipy", "polars", "pyarrow", "statsmodels"} <= versions.keys()
    assert "not installed" not in {versions["numpy"], versions["scipy"]}


def test_blas_in_use_describes_each_copy() -> None:
    assert scipy.linalg.norm([3.0, 4.0]) == 5.0
    libraries = blas_in_use()
    assert libraries
    assert all(isinstance(library, BlasLibrary) and library.threads >= 1 for library in libraries)


def test_the_manifest_is_sorted_json_and_the_same_for_the_same_facts() -> None:
    manifest = Manifest(
        command="associate",
        arguments=("--seed", "1"),
        configuration={"transform": "rint", "exposure": ("iso", "lo")},
        inputs=(InputFile("s.csv", 2, "00", "2026-01-01T00:00:00Z"),),
        filters=(RowFilter("withdrawn", 10, 9),),
        seed=1,
    )
    facts = json.loads(manifest.to_json())
    assert manifest.to_json() == manifest.to_json()
    assert list(facts) == sorted(facts)
    assert facts["configuration"] == {"transform": "rint", "exposure": ["iso", "lo"]}
    assert facts["filters"] == [{"step": "withdrawn", "rows_in": 10, "rows_out": 9}]
    assert facts["inputs"][0]["sha256"] == "00"
    assert {"versions", "blas", "platform", "threads", "family_of_tests", "exit_status"} <= set(
        facts
    )


def test_the_manifest_names_neither_host_nor_user() -> None:
    text = Manifest(command="associate").to_json()
    facts = json.loads(text)
    assert platform.node() not in facts["platform"].values()
    assert getpass.getuser() not in facts["platform"].values()


def test_the_manifest_refuses_what_json_cannot_hold() -> None:
    with pytest.raises(TypeError, match="cannot hold a set"):
        Manifest(command="x", configuration={"a": {1}}).to_json()
    with pytest.raises(ValueError, match="not JSON compliant"):
        Manifest(command="x", configuration={"a": float("nan")}).to_json()


def test_the_present_moment_is_utc_to_the_second() -> None:
    assert len(utc_now()) == len("2026-01-01T00:00:00Z")
    assert utc_now().endswith("Z")


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON_VALUES))
def test_canonical_json_ignores_the_order_of_keys_and_keeps_the_value(
    value: dict[str, object],
) -> None:
    backwards = dict(reversed(value.items()))
    assert canonical_json(backwards) == canonical_json(value)
    assert json.loads(canonical_json(value)) == value
