from __future__ import annotations

import pytest

from proteomr.io.mass_spectrometry.groups import find_accessions, find_flags


@pytest.mark.parametrize(
    ("group", "flags"),
    [
        ("P05231", ()),
        ("P05231;P01375", ()),
        ("CON__P00761", ("contaminant",)),
        ("P02533;CON__P02533", ("contaminant",)),
        ("contam_sp|P00761|TRYP_PIG", ("contaminant",)),
        ("Cont_P00761", ("contaminant",)),
        ("cRAP-P00761", ("contaminant",)),
        ("REV__P02768", ("decoy",)),
        ("rev_sp|P02768|ALBU_HUMAN", ("decoy",)),
        ("DECOY_P02768", ("decoy",)),
        ("REV__CON__P02768", ("decoy", "contaminant")),
        ("CONTROL1", ()),
        ("REVL1", ()),
        ("sp|P12345|CON_RABIT", ()),
    ],
)
def test_marks_of_decoys_and_contaminants(group: str, flags: tuple[str, ...]) -> None:
    assert find_flags(group) == flags


def test_accessions_are_found_in_every_spelling() -> None:
    assert find_accessions("CON__P02533;sp|P02533-2|K1C14_HUMAN;tr|A0A024R1X6|X") == (
        "P02533;P02533-2;A0A024R1X6"
    )
    assert find_accessions("CON__ENSEMBL:ENSBTAP00000031900") is None
