from __future__ import annotations

import pytest

from proteomr.io.column_names import find_facts, find_proteins


@pytest.mark.parametrize(
    "name",
    [
        *(
            "IL6",
            "il6",
            "IL-6",
            "HLA-DRA",
            "hla_dra",
            "NT-proBNP_NPPB_P16860",
            "P05231",
            "P05231-2",
        ),
        *("P05231;P12345", "IL12A_IL12B", "OID20049", "SL000001", "seq.10000.28", "10000-28_3"),
        *(
            "X2182.54.1",
            "C3",
            "F2",
            "TP53",
            "AGER",
            "KIT",
            "MET",
            "ID4",
            "BMI1",
            "id1",
            "GENE:P05231:OID20049:v1",
        ),
    ],
)
def test_names_of_proteins_are_known(name: str) -> None:
    assert find_proteins([name]) == (name,)
    assert not find_facts([name])


@pytest.mark.parametrize(
    "name",
    [
        *("plate", "well_number", "batch", "Age", "age_at_baseline", "AgeAtVisit", "sex", "BMI"),
        *("PC1", "pc_20", "PC40", "smoking", "is_smoker", "townsend", "SampleDate", "group"),
        *("bmi_score", "genetic_pc1", "follow_up_years", "lonely", "C-isolation"),
    ],
)
def test_facts_about_samples_are_known(name: str) -> None:
    assert find_facts([name]) == (name,)
    assert not find_proteins([name])


@pytest.mark.parametrize(
    "name", ["S1", "A12", "sample7", "prot1", "NPX", "value", "p53", "hip", "sbp", "P", "100", ""]
)
def test_other_names_tell_nothing(name: str) -> None:
    assert not find_proteins([name])
    assert not find_facts([name])
