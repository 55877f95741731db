from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.qc import Masking, Policy, assess, load_policy, mask
from proteomr.tables import Measurements, load_schema

NAMES = ("sample_id", "protein", "panel", "plate", "flag", "value")


def flags(*rows: tuple[str | None, ...]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(NAMES, pl.String), orient="row")
    return load_schema("qc_flags").validate(frame)


def all_of(measured: Measurements) -> F64:
    return measured.proteins.read(slice(0, len(measured.proteins.names)))


def hide(values: F64, rows: Any, columns: Any) -> F64:
    hidden = values.copy()
    hidden[np.ix_(rows, columns)] = np.nan
    return hidden


FIRST, SECOND = range(8), range(8, 16)  # assays of panels A and B
ON_P1 = range(1, 60, 4)


@pytest.mark.parametrize(
    ("flag", "rows", "columns"),
    [
        (("S0003", None, "A", "P3", "sample_qc", "FAIL"), [3], FIRST),
        (("S0003", None, None, None, "RowCheck", "FLAG"), [3], range(16)),
        ((None, "Q002", "A", "P1", "assay_qc", "EXCLUDED"), ON_P1, [2]),
        ((None, "Q012", None, None, "ColCheck", "FLAG"), range(60), [12]),
        (("S0007", "Q012", "B", "P3", "assay_qc", "Fail"), [7], [12]),
        (("S0007", None, "C", None, "sample_qc", "FAIL"), [], []),
        (("S0003", None, "A", "P3", "sample_qc", "WARN"), [], []),
    ],
)
def test_a_failing_flag_hides_exactly_the_values_it_is_about(
    make: Any, values: Any, flag: tuple[str | None, ...], rows: Any, columns: Any
) -> None:
    x = values()
    masked, table = mask(make(x, flags=flags(flag)), masking=Masking(), policy=Policy())
    expected = hide(x, rows, columns)
    np.testing.assert_array_equal(all_of(masked), expected)
    assert table["n_values"].sum() == np.isnan(expected).sum() - np.isnan(x).sum()


def test_warnings_are_masked_where_all_flags_are_asked_for(make: Any, values: Any) -> None:
    x = values()
    measured = make(x, flags=flags(("S0003", None, "A", "P3", "sample_qc", "WARN")))
    masked, _ = mask(measured, masking=Masking("flagged"), policy=Policy())
    np.testing.assert_array_equal(all_of(masked), hide(x, [3], FIRST))


def test_a_block_of_a_panel_is_hidden_alone(make: Any, values: Any) -> None:
    x = values()
    blocks = pl.Series("block", ["1", "2"] * 8)
    measured = make(x, flags=flags(("S0005", None, "A:2", None, "sample_qc", "FAIL")))
    with_blocks = make(x, flags=measured.flags, assays=measured.assays.with_columns(blocks))
    masked, _ = mask(with_blocks, masking=Masking(), policy=Policy())
    np.testing.assert_array_equal(all_of(masked), hide(x, [5], range(1, 8, 2)))


def test_a_value_of_two_flags_counts_once(make: Any, values: Any) -> None:
    x = values(missing=0.0)
    both = flags(
        ("S0003", None, "A", None, "sample_qc", "FAIL"),
        (None, "Q002", None, None, "assay_qc", "FAIL"),
    )
    _, table = mask(make(x, flags=both), masking=Masking(), policy=Policy())
    assert table["n_values"].to_list() == [8, 59]


def test_a_masked_sample_is_kept_that_the_strict_policy_takes_out(make: Any, values: Any) -> None:
    measured = make(values(), flags=flags(("S0003", None, "A", None, "sample_qc", "FAIL")))
    strict = load_policy("strict")
    before = assess(measured, policy=strict).exclusions["name"].to_list()
    masked, _ = mask(measured, masking=Masking(), policy=strict)
    after = assess(masked, policy=strict).exclusions["name"].to_list()
    assert "S0003" in before
    assert "S0003" not in after


def test_masked_proteins_stay_masked_for_chosen_samples_and_assays(make: Any, values: Any) -> None:
    x = values()
    measured = make(x, flags=flags(("S0003", None, "A", None, "sample_qc", "FAIL")))
    masked, _ = mask(measured, masking=Masking(), policy=Policy())
    chosen = masked.proteins.select_rows(np.array([4, 3, -1])).select_columns(["Q009", "Q001"])
    found = chosen.read(slice(0, 2))
    np.testing.assert_array_equal(found[:, 0], [x[4, 9], x[3, 9], np.nan])
    np.testing.assert_array_equal(found[:, 1], [x[4, 1], np.nan, np.nan])


def test_drops_count_the_values_by_flag(make: Any, values: Any) -> None:
    measured = make(
        values(missing=0.0), flags=flags(("S0003", None, "A", None, "sample_qc", "FAIL"))
    )
    masked, _ = mask(measured, masking=Masking(), policy=Policy())
    assert [(drop.reason, drop.n) for drop in masked.drops] == [
        ("values missing: sample_qc FAIL", 8)
    ]


def test_without_flags_there_is_nothing_to_mask(make: Any, values: Any) -> None:
    with pytest.raises(InputError, match="no flags of the laboratory"):
        mask(make(values()), masking=Masking(), policy=Policy())


def test_an_unknown_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="known: failed, flagged"):
        Masking("all")  # type: ignore[arg-type]
