from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from proteomr.errors import FormatError, InputError, UsageError
from proteomr.qc import Policy, load_policy, policy_names


def test_a_policy_that_names_nothing_excludes_nothing(tmp_path: Path) -> None:
    (tmp_path / "open.toml").write_text("")
    assert load_policy(tmp_path / "open.toml") == Policy(name="open")


def test_the_model_study_leaves_out_proteins_by_missing_values_alone() -> None:
    found = load_policy("shen2025")
    assert found == Policy("shen2025", found.description, max_missing_per_assay=0.5)


@pytest.mark.parametrize("name", policy_names())
def test_every_policy_that_is_shipped_is_valid_and_described(name: str) -> None:
    found = load_policy(name)
    assert found.name == name
    assert found.description
    assert found.max_missing_per_assay == 0.5


def test_an_unknown_policy_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"no policy 'strickt' \(did you mean 'strict'\?\)"):
        load_policy("strickt")


def test_an_unknown_setting_names_file_and_nearest(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("max_missing_per_asay = 0.2\n")
    with pytest.raises(UsageError, match=r"mine.toml: .*'max_missing_per_asay' \(did you mean"):
        load_policy(file)


def test_a_policy_that_is_no_toml_or_absent_is_a_format_error(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    with pytest.raises(InputError, match="no such file"):
        load_policy(file)
    file.write_text("max_missing_per_assay 0.2\n")
    with pytest.raises(FormatError, match="is not TOML"):
        load_policy(file)


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_missing_per_assay": 50},
        {"max_missing_per_assay": "0.5"},
        {"max_missing_per_sample": True},
        {"max_cv_intra_percent": -1.0},
        {"max_failed_panels": 0.5},
        {"sd_median_iqr": None},
        {"sd_components": 0},
        {"remove_kinds": "control"},
        {"remove_kinds": ("control", 3)},
        {"remove_empty_samples": 1},
    ],
)
def test_a_threshold_of_the_wrong_kind_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is .* needed"):
        Policy(**wrong)


def test_an_unknown_kind_of_assay_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'nonhuman' \(did you mean 'non_human'\?\); kinds of"):
        Policy(remove_kinds=("nonhuman",))


def test_a_wrong_threshold_in_a_file_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("max_missing_per_assay = 50\n")
    with pytest.raises(UsageError, match=r"mine.toml: policy 'mine': .* \(half is 0.5\) is needed"):
        load_policy(file)
