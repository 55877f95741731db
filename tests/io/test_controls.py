"""Which samples are controls of the laboratory, by type and by name."""

from __future__ import annotations

import polars as pl
import pytest

from proteomr.io.controls import (
    find_control_names,
    find_control_types,
    find_type_column,
    is_control_name,
    is_control_type,
    mark_controls,
    may_be_control_name,
)

_TYPES = (
    *("Empty well_01", "EMPTY", "blank", "NC1", "IPC", "SC", "Bridge", "Pool", "QC", "Neg ctrl"),
    *("PosCtrl", "Buffer", "Calibrator", "PLATE_CONTROL", "NEGATIVE_CONTROL", "SAMPLE_CONTROL"),
    *("Negativkontrolle", "Contrôle négatif", "Leerwert", "Puffer", "NTC", "Pooled plasma", "H2O"),
    *("InterPlateControl", "Inter-plate control", "qc_sample", "Bridging sample", "ipc 3"),
)
_PEOPLE = ("Sample", "SAMPLE", "Case", "Plasma", "Healthy control", "Control group", "Matched")


@pytest.mark.parametrize("kind", _TYPES)
def test_a_type_of_controls_is_known_in_any_spelling(kind: str) -> None:
    assert is_control_type(kind)
    assert kind in find_control_types(["Sample", kind])
    assert mark_controls(pl.Series(["A", "B"]), pl.Series(["Sample", kind])).marked.to_list() == [
        False,
        True,
    ]


@pytest.mark.parametrize("kind", _PEOPLE)
def test_people_are_no_controls_of_the_laboratory(kind: str) -> None:
    assert not is_control_type(kind)
    assert kind not in find_control_types(["Sample", kind, "IPC"])


@pytest.mark.parametrize("word", ["Control", "ctrl", "Neg", "Positive", "Reference"])
def test_a_word_that_may_mean_people_counts_beside_samples_alone(word: str) -> None:
    assert find_control_types([word, "Sample", "Buffer"]) == {word, "Buffer"}
    assert find_control_types([word, "Case"]) == frozenset()
    assert find_control_types([word, "Sample", "Patient"]) == frozenset()
    assert find_control_types([word]) == frozenset()


@pytest.mark.parametrize(
    "name",
    [
        *("Empty well_01", "EMPTY", "blank 2", "IPC_1", "Neg ctrl 2", "PosCtrl3"),
        *("Sample control 1", "Inter-plate control 1", "NC_2_Plate_02", "CONTROL_SAMPLE_AS 1"),
    ],
)
def test_a_name_that_no_person_bears_is_enough(name: str) -> None:
    assert is_control_name(name)
    assert mark_controls(pl.Series(["A1", name])).by_name == 1


@pytest.mark.parametrize("name", ["NC12", "SC", "PC-3", "QC 1", "Pool 2", "Control 12", "Bridge1"])
def test_a_name_that_people_may_bear_is_kept_and_counted(name: str) -> None:
    assert may_be_control_name(name)
    found = mark_controls(pl.Series(["A1", name, name]))
    assert (found.marked.any(), found.doubtful, found.by_name) == (False, 1, 0)
    assert found.notes[0].startswith("1 sample has a name as controls often have")


def test_no_message_names_a_person() -> None:
    assert "NC12" not in "".join(mark_controls(pl.Series(["NC12"])).notes)


def test_codes_beside_an_inter_plate_control_are_certain() -> None:
    assert find_control_names(["NC 1", "SC2", "NC12", "IPC 1", "P9"]) == {"NC 1", "SC2", "IPC 1"}


def test_people_of_a_study_called_ipc_stay_people() -> None:
    assert find_control_names([f"IPC{i:03}" for i in range(9)]) == frozenset()
    assert find_control_names([f"IPC{i}" for i in range(9)]) == frozenset()
    assert mark_controls(pl.Series([f"IPC{i}" for i in range(9)])).doubtful == 9
    assert not is_control_name("IPC123")


def test_a_type_goes_before_the_name() -> None:
    found = mark_controls(pl.Series(["IPC1", "NC1", "B"]), pl.Series(["Sample", None, ""]))
    assert found.marked.to_list() == [False, True, False]
    assert not mark_controls(pl.Series(["NC12"]), pl.Series(["Sample"])).doubtful


@pytest.mark.parametrize(
    ("control", "case"),
    [
        ("Sample_Control_{}", "Sample_Case_{}"),
        ("POS-CTRL-{:03d}", "POS-PATIENT-{:03d}"),
        ("Batch Control{}", "Batch Case{}"),
    ],
)
def test_controls_of_a_study_bear_the_names_of_its_cases(control: str, case: str) -> None:
    people = [name.format(k) for name in (control, case) for k in range(1, 6)]
    assert find_control_names([*people, "Empty well 1", "Neg Ctrl 1"]) == {
        "Empty well 1",
        "Neg Ctrl 1",
    }


def test_a_study_of_that_name_is_no_plate_of_controls() -> None:
    assert find_control_names(f"NTC{k}" for k in range(1, 40)) == frozenset()
    assert find_control_names(["A1", "A2", "NTC1", "NTC2"]) == {"NTC1", "NTC2"}


@pytest.mark.parametrize("name", ["SampleType", "Sample_Type", "sample type", "Sample.Type"])
def test_the_column_of_types_is_found_in_any_spelling(name: str) -> None:
    assert find_type_column(["SampleID", name, "NPX"]) == name
    assert find_type_column(["SampleID", "NPX"]) is None


@pytest.mark.parametrize(
    ("kinds", "controls"),
    [
        (["AD", "NC"], set()),
        (["AD", "MCI", "NC"], set()),
        (["AD", "NC", "IPC"], {"NC", "IPC"}),
        (["Patient", "NC", "SC"], {"NC", "SC"}),
        (["Sample", "NC"], {"NC"}),
        (["NC", "IPC"], {"NC", "IPC"}),
        (["AD", "NC1", "NC2"], set()),
    ],
)
def test_a_code_beside_diseases_alone_is_of_people(kinds: list[str], controls: set[str]) -> None:
    assert find_control_types(kinds) == controls


def test_people_of_a_type_that_controls_may_have_are_told() -> None:
    found = mark_controls(pl.Series(["A", "B", "C"]), pl.Series(["AD", "NC", "NC"]))
    assert not found.marked.any()
    (note,) = found.notes
    assert note.startswith("2 samples are of a type (NC, PC, SC)")
