from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr.errors import ColumnError, IdentifierError, InputError, UsageError
from proteomr.tables import ArrayProteins, Drop, Measurements, load_schema

SAMPLES, ASSAYS = ["A1", "A2", "A3"], ["ADM", "CTRL", "GDF15"]
VALUES = np.arange(9.0).reshape(3, 3)


def side_table(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    schema = load_schema(name).empty().schema
    return pl.DataFrame(rows, schema=schema)


def measure(**changes: Any) -> Measurements:
    """Return three samples by three assays, with a row about each in every table beside them."""
    control = {"sample_id": "NC", "sample_type": "negative", "kind": "protein", "value": 0.1}
    made = Measurements(
        platform="olink",
        samples=pl.DataFrame({"sample_id": SAMPLES}),
        proteins=ArrayProteins(tuple(ASSAYS), VALUES),
        assays=pl.DataFrame({"protein": ASSAYS, "kind": ["protein", "control", "protein"]}),
        flags=side_table(
            "qc_flags",
            [
                {"sample_id": "A1", "flag": "sample_qc", "value": "WARN"},
                {"sample_id": "A2", "protein": "ADM", "flag": "assay_qc", "value": "WARN"},
                {"protein": "GDF15", "flag": "assay_qc", "value": "WARN"},
            ],
        ),
        plates=side_table("plates", [{"sample_id": name, "plate": "P1"} for name in SAMPLES]),
        limits=side_table("limits", [{"protein": name, "lod": 0.5} for name in ASSAYS]),
        controls=side_table(
            "controls",
            [
                {**control, "protein": "ADM"},
                {**control, "sample_id": "A1", "sample_type": "sample", "protein": "EXT"},
            ],
        ),
        time_gap=pl.DataFrame({"sample_id": SAMPLES, "Oncology": [1.0, 2.0, 3.0]}),
    )
    return replace(made, **changes)


def test_of_a_sample_that_leaves_no_table_keeps_a_row() -> None:
    made = measure()
    kept = made.select_samples(
        made.samples["sample_id"] != "A1", drop=Drop("withdrawn", "withdrawn", 1)
    )
    assert kept.samples["sample_id"].to_list() == ["A2", "A3"]
    np.testing.assert_array_equal(kept.proteins.read(slice(0, 3)), VALUES[1:])
    assert kept.flags["sample_id"].to_list() == ["A2", None]
    assert kept.plates["sample_id"].to_list() == ["A2", "A3"]
    assert kept.time_gap is not None
    assert kept.time_gap["Oncology"].to_list() == [2.0, 3.0]
    assert kept.controls["sample_id"].to_list() == ["NC"]
    assert [drop.n for drop in kept.drops] == [1]


def test_a_missing_truth_value_keeps_nobody() -> None:
    kept = measure().select_samples(pl.Series([None, True, False], dtype=pl.Boolean))
    assert kept.samples["sample_id"].to_list() == ["A2"]


def test_chosen_assays_stand_in_the_order_of_the_measurements() -> None:
    kept = measure().select_assays(["GDF15", "ADM"])
    assert kept.proteins.names == ("ADM", "GDF15")
    assert kept.assays["protein"].to_list() == ["ADM", "GDF15"]
    np.testing.assert_array_equal(kept.proteins.read(slice(0, 2)), VALUES[:, [0, 2]])
    assert kept.limits["protein"].to_list() == ["ADM", "GDF15"]


def test_flags_of_samples_and_values_of_controls_outlast_an_assay() -> None:
    kept = measure().select_assays(["CTRL"])
    assert kept.flags["sample_id"].to_list() == ["A1"]
    assert kept.controls.height == 2


def test_an_unknown_assay_has_a_hint() -> None:
    with pytest.raises(ColumnError, match=r"no assay 'GDF51' among 3 \(did you mean 'GDF15'\?\)"):
        measure().select_assays(["GDF51"])


@pytest.mark.parametrize("names", [["A2", "A1", "A3"], ["A1", "A1", "A3"], ["A1", None, "A3"]])
def test_names_of_samples_are_sorted_unique_text(names: list[str | None]) -> None:
    with pytest.raises(IdentifierError, match="'sample_id' of the samples are"):
        measure(samples=pl.DataFrame({"sample_id": names}))


def test_samples_without_names_are_refused() -> None:
    with pytest.raises(IdentifierError, match="no identifier column 'sample_id' among"):
        measure(samples=pl.DataFrame({"eid": SAMPLES}))


def test_parts_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(InputError, match="3 samples in the proteins, 2 in their list"):
        measure(samples=pl.DataFrame({"sample_id": SAMPLES[:2]}))
    with pytest.raises(InputError, match="not stand in the order"):
        measure(assays=pl.DataFrame({"protein": ASSAYS[::-1]}))


def test_nothing_left_is_an_error() -> None:
    made = measure()
    with pytest.raises(InputError, match="0 samples and 3 assays"):
        made.select_samples(made.samples["sample_id"] == "B")
    with pytest.raises(InputError, match="3 samples and 0 assays"):
        made.select_assays([])


def test_one_truth_value_per_sample_is_needed() -> None:
    with pytest.raises(UsageError, match="2 truth values for 3 samples"):
        measure().select_samples(pl.Series([True, False]))
