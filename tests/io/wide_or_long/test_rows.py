from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, IdentifierError, InputError, UsageError
from proteomr.io import read_measurements
from proteomr.io.formats import IngestOptions
from proteomr.tables import Measurements

NAN = float("nan")
GENES = "gene,B7,A1\nIL6,1.5,2.5\nADM,0.5,\nGDF15,3,4\n"
VALUES = [[NAN, 4.0, 2.5], [0.5, 3.0, 1.5]]  # samples A1, B7; proteins ADM, GDF15, IL6


def read(folder: Path, content: str, **options: object) -> Measurements:
    file = folder / "table.csv"
    file.write_text(content)
    chosen = IngestOptions(**options)  # type: ignore[arg-type]
    return read_measurements(file, scratch=folder, options=chosen)


def values(made: Measurements) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return made.proteins.read(slice(0, len(made.proteins.names)))


@pytest.mark.parametrize(
    "content",
    [
        GENES,
        GENES.replace("gene", "sample_id"),
        GENES.replace("gene", "anything"),
        GENES.replace(",", "\t"),
        GENES.replace(",", ";"),
        "\n".join(GENES.splitlines()[:1] + GENES.splitlines()[:0:-1]) + "\n",
    ],
    ids=["comma", "identifier", "any name", "tab", "semicolon", "other order"],
)
def test_proteins_in_rows_are_known_by_their_genes_and_said(tmp_path: Path, content: str) -> None:
    made = read(tmp_path, content)
    assert made.proteins.names == ("ADM", "GDF15", "IL6")
    assert made.samples["sample_id"].to_list() == ["A1", "B7"]
    np.testing.assert_array_equal(values(made), VALUES)
    assert made.assays["gene"].to_list() == ["ADM", "GDF15", "IL6"]
    assert any("proteins stand in rows" in note for note in made.notes)


@pytest.mark.parametrize(
    "names",
    [
        ("P05231", "P01375", "Q99988"),
        ("Q9Y6K5", "A0A024R1X6", "P05231-2"),
        ("OID20049", "OID20050", "OID20051"),
        ("X10000.28", "seq.2597.8", "seq.2705.5"),
        ("P05231;P05232", "P01375", "REV__Q99988"),
    ],
    ids=["accessions", "letters", "Olink", "SomaScan", "groups"],
)
def test_they_are_known_by_identifiers_as_well(tmp_path: Path, names: tuple[str, ...]) -> None:
    rows = "".join(f"{name},{place},{place + 0.5}\n" for place, name in enumerate(names))
    made = read(tmp_path, f"sample_id,S1,S2\n{rows}")
    assert set(made.proteins.names) == set(names)
    assert made.n == 2


def test_parquet_and_text_give_the_same(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {"gene": ["IL6", "ADM", "GDF15"], "B7": [1.5, 0.5, 3], "A1": [2.5, None, 4]}
    )
    frame.write_parquet(tmp_path / "table.parquet")
    made = read_measurements(tmp_path / "table.parquet", scratch=tmp_path)
    np.testing.assert_array_equal(values(made), VALUES)


def test_further_columns_go_with_the_assays(tmp_path: Path) -> None:
    content = (
        "Gene,UniProt,Length,Q.value,Description,PT1,PT2\n"
        "IL6,P05231,212,0.01,a word,1.5,2\nTNF,P01375,233,0.02,another,2.5,\n"
    )
    made = read(tmp_path, content)
    assert made.samples["sample_id"].to_list() == ["PT1", "PT2"]
    assert made.assays["uniprot"].to_list() == ["P05231", "P01375"]
    assert made.assays["gene"].to_list() == ["IL6", "TNF"]
    assert made.assays["Length"].to_list() == [212, 233]
    assert any("go with the assays: UniProt, Length, Q.value" in note for note in made.notes)


@pytest.mark.parametrize(
    "content",
    [
        "ID,IL6,TNF\nP10001,1,2\nP10002,2,3\nP10003,4,5\n",
        "ID,IL6,TNF\nS1,1,2\nS2,2,3\n",
        "ID,prot1,prot2\n10023-1,1,2\n10024-1,2,3\n",
        "ID,prot1,prot2\nA,1,2\nB,2,3\n",
        "ID,sex,GDF15\n1,F,2\n2,M,3\n",
        "ID,best,GDF15\n1,IL6,2\n2,TNF,3\n",
        "ID,prot1,prot2\nCD1,1,2\nCD2,2,3\nCD3,4,5\nCD5,4,5\n",
        "ID,OID20049,OID20050\nST1,1,2\nST2,2,3\nST3,4,5\n",
        "ID,IL6,TNF\nAD1,1,2\nAD2,2,3\nAD3,4,5\nHC1,1,2\nHC2,2,3\nHC3,4,5\n",
        "ID,prot1,prot2\nMS 1,1,2\nMS 2,2,3\n",
    ],
)
def test_samples_in_rows_stay_there(tmp_path: Path, content: str) -> None:
    made = read(tmp_path, content)
    assert made.n == content.count("\n") - 1
    assert not any("in rows" in note for note in made.notes)


def test_where_both_may_be_the_user_says(tmp_path: Path) -> None:
    content = "ID,IL6,TNF\nP05231,1,2\nP01375,2,3\nQ99988,4,5\n"
    with pytest.raises(UsageError, match="say with --proteins-in rows or columns"):
        read(tmp_path, content)
    assert read(tmp_path, content, proteins_in="columns").proteins.names == ("IL6", "TNF")
    turned = read(tmp_path, content, proteins_in="rows")
    assert turned.samples["sample_id"].to_list() == ["IL6", "TNF"]


def test_unknown_names_are_turned_when_asked(tmp_path: Path) -> None:
    content = "protein,S1,S2\nprot1,1,2\nprot2,2,3\n"
    with pytest.raises(IdentifierError, match="where proteins stand in rows, say --proteins-in"):
        read(tmp_path, content)
    assert read(tmp_path, content, proteins_in="rows").proteins.names == ("prot1", "prot2")


def test_faults_name_the_line_and_no_sample(tmp_path: Path) -> None:
    for cell in ("high", "inf"):
        with pytest.raises(FormatError) as caught:
            read(tmp_path, GENES.replace("B7", "Q7001").replace("0.5", cell))
        assert (caught.value.line, caught.value.column) == (3, "number 2")
        assert "Q7001" not in str(caught.value)
    with pytest.raises(InputError, match="1 rows have the name of another protein"):
        read(tmp_path, GENES.replace("ADM", "IL6"), proteins_in="rows", id_column="gene")


def test_logarithms_are_of_linear_values(tmp_path: Path) -> None:
    linear = "gene,S1,S2\nIL6,64,128\nADM,32,1024\n"
    assert values(read(tmp_path, linear, log2=True)).tolist() == [[5, 6], [10, 7]]
    with pytest.raises(UsageError, match="look like logarithms already"):
        read(tmp_path, GENES, log2=True)
    with pytest.raises(FormatError, match="zero or negative has no logarithm"):
        read(tmp_path, linear.replace("32", "0"), log2=True)


def test_decoys_and_controls_are_marked(tmp_path: Path) -> None:
    made = read(
        tmp_path, "protein,A,B,Empty well_01\nP05231,1,2,0\nP01375,2,3,0\nCON__P00761,1,1,0\n"
    )
    assert made.samples["sample_id"].to_list() == ["A", "B"]
    kinds = dict(made.assays.select("protein", "kind").iter_rows())
    assert kinds["CON__P00761"] == "control"
    assert made.flags["flag"].to_list() == ["contaminant"]


def test_a_published_table_reads_the_same_when_turned(tmp_path: Path, reference: Path) -> None:
    path = reference / "formats" / "kivisakk2022_olink_143x400.csv"
    facts = ["PIDN", "Age_at_Baseline", "Sex", "Outcome"]
    frame = pl.read_csv(path, infer_schema=False).drop(facts)
    turned = frame.transpose(
        include_header=True, header_name="protein", column_names="Plasma_Sample"
    )
    turned.write_csv(tmp_path / "turned.csv")
    made = read_measurements(tmp_path / "turned.csv", scratch=tmp_path)
    options = IngestOptions(id_column="Plasma_Sample", sample_columns=("PIDN",))
    expected = read_measurements(path, scratch=tmp_path, options=options)
    assert made.proteins.names == expected.proteins.names
    assert made.samples["sample_id"].to_list() == expected.samples["sample_id"].to_list()
    np.testing.assert_array_equal(values(made), values(expected))


def test_rows_of_facts_above_the_proteins_go_with_the_samples(tmp_path: Path) -> None:
    content = (
        "SampleName,B,A,NC1\nSampleType,Sample,Sample,NC\nage,50,61,\nbatch number,1,2,1\n"
        "IL6,1.5,2.5,0\nADM,0.5,,0\nGDF15,3,4,0\n"
    )
    made = read(tmp_path, content)
    assert made.samples.columns == ["sample_id", "SampleType", "age", "batch number"]
    assert made.samples.rows() == [("A", "Sample", 61, 2), ("B", "Sample", 50, 1)]
    np.testing.assert_array_equal(values(made), VALUES)
    assert made.controls["sample_id"].unique().to_list() == ["NC1"]
    assert "rows that go with the samples: SampleType, age, batch number" in made.notes
    with pytest.raises(FormatError) as caught:
        read(tmp_path, content.replace("0.5", "high"))
    assert caught.value.line == 6


def test_no_message_holds_the_name_of_a_sample_in_the_header(tmp_path: Path) -> None:
    semicolons = "gene;Q7001;Q7002\nIL6;1,5;2,5\nADM;0,5;3,5\n"
    counts = "gene,Q7001,Q7002\nIL6,1,25\nADM,007,35\nGDF15,1200,4\n"
    for content, message in ((semicolons, "decimal comma"), (counts, "zeros in front")):
        with pytest.raises(FormatError, match=message) as caught:
            read(tmp_path, content)
        assert caught.value.column == "number 2"
        assert "Q700" not in str(caught.value)
