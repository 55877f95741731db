from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proteomr.errors import ColumnError, IdentifierError, InputError, UsageError
from proteomr.io import read_cohort, read_protein_covariate, read_table
from proteomr.tables import Cohort

SAMPLES = "ID,age,sex\n10,61,F\n9,50,M\n2,44,F\n7,39,M\n"
PROTEINS = "ID,A,B\n2,0.2,-2\n9,0.9,-9\n11,1.1,-11\n10,1.0,-10\n"
NAN = float("nan")


def save(folder: Path, name: str, content: str) -> Path:
    path = folder / name
    path.write_text(content)
    return path


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    assays = save(tmp_path, "assays.csv", "protein,panel\nB,Cardiometabolic II\nA,Oncology\n")
    return read_cohort(
        save(tmp_path, "samples.csv", SAMPLES),
        save(tmp_path, "proteins.csv", PROTEINS),
        assays=assays,
        scratch=tmp_path,
    )


def test_people_of_both_files_are_kept_sorted_by_text(cohort: Cohort) -> None:
    assert cohort.samples.rows() == [("10", 61, "F"), ("2", 44, "F"), ("9", 50, "M")]
    block = cohort.proteins.read(slice(0, 2))
    np.testing.assert_array_equal(block, [[1.0, -10], [0.2, -2], [0.9, -9]])


def test_people_of_one_file_are_counted(cohort: Cohort) -> None:
    assert cohort.drops_table.rows() == [
        ("load", "in the samples, without proteins", 1),
        ("load", "in the proteins, not in the samples", 1),
    ]


def test_assays_stand_in_the_order_of_the_proteins(cohort: Cohort) -> None:
    assert cohort.assays.rows() == [("A", "Oncology"), ("B", "Cardiometabolic II")]


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(first=st.permutations(range(4)), second=st.permutations(range(4)))
def test_the_order_of_rows_has_no_influence(
    tmp_path: Path, first: list[int], second: list[int]
) -> None:
    def shuffled(content: str, order: list[int]) -> str:
        header, *rows = content.splitlines()
        return "\n".join([header, *(rows[i] for i in order)]) + "\n"

    samples = save(tmp_path, "s.csv", shuffled(SAMPLES, first))
    proteins = save(tmp_path, "p.csv", shuffled(PROTEINS, second))
    cohort = read_cohort(samples, proteins, scratch=tmp_path)
    assert cohort.samples["age"].to_list() == [61, 44, 50]
    assert cohort.proteins.read(slice(0, 1))[:, 0].tolist() == [1.0, 0.2, 0.9]


def test_whole_numbers_text_and_floats_are_the_same_identifiers(tmp_path: Path) -> None:
    samples, proteins = tmp_path / "s.parquet", tmp_path / "p.parquet"
    pl.DataFrame({"eid": [1000000.0, 2.0], "age": [1, 2]}).write_parquet(samples)
    pl.DataFrame({"sample_id": ["2", "1000000"], "A": [0.2, 0.1]}).write_parquet(proteins)
    cohort = read_cohort(samples, proteins, scratch=tmp_path)
    assert cohort.samples["eid"].to_list() == ["1000000", "2"]
    assert cohort.proteins.read(slice(0, 1)).T.tolist() == [[0.1, 0.2]]


def test_columns_that_the_samples_hold_are_no_proteins(tmp_path: Path) -> None:
    proteins = save(tmp_path, "p.csv", "ID,sex,A\n2,F,0.2\n9,M,0.9\n")
    cohort = read_cohort(save(tmp_path, "s.csv", SAMPLES), proteins, scratch=tmp_path)
    assert cohort.proteins.names == ("A",)
    assert cohort.drops_table.row(-1) == (
        "load",
        "columns of the protein files that are no proteins",
        1,
    )


def test_proteins_that_the_samples_hold_too_are_fitted_where_there_are_no_others(
    tmp_path: Path,
) -> None:
    cohort = read_cohort(
        save(tmp_path, "samples.csv", "ID,sex,CRP,IL6\n1,F,2,5\n2,M,3,6\n"),
        save(tmp_path, "proteins.csv", "ID,CRP\n1,2\n2,3\n"),
        scratch=tmp_path,
    )
    assert cohort.proteins.names == ("CRP",)
    assert cohort.notes == ("fitted as proteins, which the samples hold too: CRP",)


def test_one_file_for_both_needs_the_columns_that_are_no_proteins(tmp_path: Path) -> None:
    both = save(tmp_path, "both.csv", "ID,age,A\n1,50,0.5\n")
    with pytest.raises(InputError, match="stands for both the samples and the proteins"):
        read_cohort(both, both, scratch=tmp_path)
    cohort = read_cohort(both, both, scratch=tmp_path, exclude=["age"])
    assert cohort.proteins.names == ("A",)


def test_a_store_folder_stands_for_all_of_it(tmp_path: Path) -> None:
    for name, content in (("samples", SAMPLES), ("proteins", PROTEINS)):
        table = read_table(save(tmp_path, f"{name}.csv", content))
        table.write_parquet(tmp_path / f"{name}.parquet")
    pl.DataFrame({"protein": ["A", "B"], "gene": ["GA", "GB"]}).write_parquet(
        tmp_path / "assays.parquet"
    )
    cohort = read_cohort(tmp_path, scratch=tmp_path)
    assert cohort.assays["gene"].to_list() == ["GA", "GB"]
    (tmp_path / "samples.parquet").unlink()
    with pytest.raises(InputError, match=r"a folder without samples\.parquet"):
        read_cohort(tmp_path, scratch=tmp_path)


def test_samples_alone_are_no_request(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no protein file is named"):
        read_cohort(save(tmp_path, "s.csv", SAMPLES), scratch=tmp_path)


def test_withdrawn_people_leave_counts_alone(tmp_path: Path) -> None:
    withdrawn = save(tmp_path, "w.csv", "9\n11\n999\n")
    cohort = read_cohort(
        save(tmp_path, "s.csv", SAMPLES),
        save(tmp_path, "p.csv", PROTEINS),
        withdrawn=withdrawn,
        scratch=tmp_path,
    )
    assert cohort.samples["ID"].to_list() == ["10", "2"]
    assert cohort.drops_table["n"].to_list() == [1, 1, 0]
    assert cohort.provenance == {"withdrawn": {"listed": 3, "found": 1, "unknown": 2}}


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ("ID,age\n1,5\n1,6\n", r"s.csv: column 'ID': 1 duplicated identifiers among 2 rows"),
        ("ID,age\n,5\n1,6\n", r"s.csv: column 'ID': 1 of 2 rows have no identifier"),
        ("patient,age\n1,5\n", r"s.csv: no identifier column: name it with --id"),
        ("ID,age\n001,5\n", r"no identifier is shared: 1 in the samples, 4 in the proteins"),
        ("ID,age\n002,5\n009,6\n", r"0 identifiers are shared: .* zeros in front"),
    ],
)
def test_bad_identifiers_name_the_file_and_the_count(
    tmp_path: Path, samples: str, message: str
) -> None:
    proteins = save(tmp_path, "p.csv", PROTEINS)
    with pytest.raises(IdentifierError, match=message):
        read_cohort(save(tmp_path, "s.csv", samples), proteins, scratch=tmp_path)


@pytest.mark.parametrize(
    ("assays", "message"),
    [
        ("protien,panel\nA,x\n", r"no column 'protein' \(did you mean 'protien'"),
        ("protein,panel\nA,x\nA,y\n", "1 proteins stand twice"),
        ("protein,panel\nZ,x\n", "none of the 2 proteins, such as 'A'"),
    ],
)
def test_bad_assays_are_refused(tmp_path: Path, assays: str, message: str) -> None:
    with pytest.raises(ColumnError, match=message):
        read_cohort(
            save(tmp_path, "s.csv", SAMPLES),
            save(tmp_path, "p.csv", PROTEINS),
            assays=save(tmp_path, "a.csv", assays),
            scratch=tmp_path,
        )


def test_a_covariate_per_panel_ignores_spaces_and_case(cohort: Cohort, tmp_path: Path) -> None:
    path = save(tmp_path, "gap.csv", "ID,cardiometabolicII,ONCOLOGY\n9,1,2\n10,3,NA\n")
    gap = read_protein_covariate("gap", path, cohort=cohort, scratch=tmp_path)
    assert gap.column_of == (1, 0)
    np.testing.assert_array_equal(gap.values.read(slice(0, 2)), [[3, NAN], [NAN, NAN], [1, 2]])


def test_a_covariate_per_protein_takes_the_column_of_its_name(
    cohort: Cohort, tmp_path: Path
) -> None:
    path = save(tmp_path, "gap.csv", "ID,B,A,Oncology\n2,1,2,3\n9,4,5,6\n")
    gap = read_protein_covariate("gap", path, cohort=cohort, scratch=tmp_path)
    assert gap.column_of == (1, 0)
    assert gap.distinct


def test_proteins_without_a_column_are_counted_with_examples(
    cohort: Cohort, tmp_path: Path
) -> None:
    path = save(tmp_path, "gap.csv", "ID,Oncology\n2,1\n9,4\n")
    with pytest.raises(InputError, match="1 of 2 proteins have no column for 'gap', such as 'B'"):
        read_protein_covariate("gap", path, cohort=cohort, scratch=tmp_path)


def test_panels_need_assays(tmp_path: Path) -> None:
    samples, proteins = save(tmp_path, "s.csv", SAMPLES), save(tmp_path, "p.csv", PROTEINS)
    cohort = read_cohort(samples, proteins, scratch=tmp_path)
    path = save(tmp_path, "gap.csv", "ID,Oncology\n2,1\n")
    with pytest.raises(InputError, match=r"2 of 2 proteins .* \(--assays\)"):
        read_protein_covariate("gap", path, cohort=cohort, scratch=tmp_path)


def test_a_covariate_of_other_people_is_refused(cohort: Cohort, tmp_path: Path) -> None:
    path = save(tmp_path, "gap.csv", "ID,A,B\nx,1,2\n")
    with pytest.raises(IdentifierError, match="no identifier is shared"):
        read_protein_covariate("gap", path, cohort=cohort, scratch=tmp_path)


def test_the_reference_cohort_is_read_as_it_stands(reference: Path, tmp_path: Path) -> None:
    data = reference / "association" / "data"
    cohort = read_cohort(
        data / "assoc_samples.csv", data / "assoc_proteins.parquet", scratch=tmp_path
    )
    assert (cohort.n, len(cohort.proteins.names)) == (170, 5284)
    plain = pl.read_parquet(data / "assoc_proteins.parquet").sort(pl.col("ID").cast(pl.String))
    block = cohort.proteins.read(slice(40, 60))
    expected = plain.drop("ID")[:, 40:60].cast(pl.Float64).fill_null(NAN).to_numpy()
    np.testing.assert_array_equal(block, expected)
    gap = read_protein_covariate(
        "timegap", data / "assoc_timegap.csv.gz", cohort=cohort, scratch=tmp_path
    )
    assert gap.distinct


def test_the_edge_proteins_keep_their_infinity_and_lose_their_quotes(
    reference: Path, tmp_path: Path
) -> None:
    data = reference / "association" / "data"
    cohort = read_cohort(
        data / "assoc_samples.csv", data / "assoc_edge_proteins.csv", scratch=tmp_path
    )
    picked = cohort.proteins.select_columns(["inf_value", "nan_value", "all_na"])
    infinite, missing, nothing = picked.read(slice(0, 3)).T
    assert np.isinf(infinite).sum() == 1
    assert np.isnan(missing).sum() == 1
    assert np.isnan(nothing).all()
