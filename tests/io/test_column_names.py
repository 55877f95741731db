from __future__ import annotations

import pytest

from proteomr.io.column_names import find_facts, find_proteins, share_of_proteins


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


@pytest.mark.parametrize("form", ["{}{}", "{}-{}", "{}_{}", "{} {}", "{}{:02d}"])
@pytest.mark.parametrize("stem", ["CD", "CT", "ST", "ALS", "CA", "ID", "AK", "PT", "S", "Pat"])
@pytest.mark.parametrize("n", [3, 6, 25])
def test_numbered_people_are_no_proteins(stem: str, form: str, n: int) -> None:
    numbered = [form.format(stem, at + 1) for at in range(n)]
    assert share_of_proteins(numbered) == 0
    assert share_of_proteins([*numbered, *(f"HC{at + 1}" for at in range(n))]) == 0


@pytest.mark.parametrize(
    "names",
    [
        ("IL-2", "IL-4", "IL-6", "IL-10"),
        ("CCL2", "CCL3", "CCL4"),
        ("MMP1", "MMP2", "MMP3", "MMP7", "MMP8", "MMP9", "MMP10", "MMP12", "MMP13"),
        ("OID00471", "OID00472", "OID00473"),
        ("SL000001", "SL000002", "SL000003"),
        ("P05231", "P01375", "P01584"),
        ("IL 6", "CD 4"),
        ("ADM",),
    ],
)
def test_panels_of_one_family_and_lists_of_identifiers_are_proteins(names: tuple[str, ...]) -> None:
    assert share_of_proteins(names) == 1
