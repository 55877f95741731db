from __future__ import annotations

import gzip
import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import FormatError
from proteomr.io.formats import Replicates, open_source
from proteomr.io.ukbiobank import long_file
from proteomr.io.ukbiobank.long_file import read_coding, read_long
from proteomr.io.ukbiobank.proteins import ProteinValues
from proteomr.io.ukbiobank.scatter import Scatter

HEADER = "eid\tins_index\tprotein_id\tresult\n"
CODING = {0: "GDF15", 7: "NPPB", 3: "HLA_DRA"}


def write(path: Path, lines: str, header: str = HEADER) -> Path:
    path.write_text(header + lines, encoding="utf-8")
    return path


def read(path: Path, *, instance: int = 0, replicates: Replicates = "refuse") -> ProteinValues:
    return read_long([open_source(path)], CODING, instance=instance, replicates=replicates)


def matrix(values: ProteinValues) -> list[list[float]]:
    rows: list[list[float]] = values.proteins.read(slice(0, None)).tolist()
    return rows


def fault_of(path: Path) -> str:
    with pytest.raises(FormatError) as fault:
        read(path)
    return str(fault.value).removeprefix(f"{path}")


def test_lines_become_a_matrix_sorted_by_person_and_protein(tmp_path: Path) -> None:
    lines = "1000002\t0\t7\t2\n1000001\t0\t0\t-1.5\n1000002\t0\t0\t3\n1000002\t2\t0\t9\n"
    values = read(write(tmp_path / "a.txt", lines))
    assert values.ids.to_list() == ["1000001", "1000002"]
    assert values.proteins.names == ("GDF15", "NPPB")
    np.testing.assert_array_equal(matrix(values), [[-1.5, np.nan], [3, 2]])
    assert {drop.reason: drop.n for drop in values.drops} == {
        "line of another instance": 1,
        "protein of coding 143 without a value": 1,
    }


cells = st.tuples(
    st.integers(1_000_000, 1_000_006), st.sampled_from([0, 2]), st.sampled_from([0, 3, 7])
)
values_of_cells = st.dictionaries(
    cells, st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=40
)


@settings(max_examples=60, deadline=None)
@given(table=values_of_cells, chunk=st.integers(1, 200), seed=st.integers(0, 99))
def test_any_order_and_chunk_gives_what_an_obvious_loop_gives(
    tmp_path_factory: pytest.TempPathFactory,
    table: dict[tuple[int, int, int], float],
    chunk: int,
    seed: int,
) -> None:
    table[1_000_000, 0, 0] = 0.1
    lines = [f"{e}\t{i}\t{p}\t{value!r}\n" for (e, i, p), value in table.items()]
    order = np.random.default_rng(seed).permutation(len(lines))
    file = write(tmp_path_factory.mktemp("long") / "a.txt", "".join(lines[i] for i in order))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(long_file, "_CHUNK_BYTES", chunk)
        values = read(file)
    people = sorted({str(e) for e, i, _ in table if i == 0})
    keys = sorted({CODING[p] for _, i, p in table if i == 0})
    assert values.ids.to_list() == people
    assert list(values.proteins.names) == keys
    expected = np.full((len(people), len(keys)), np.nan)
    for (e, i, p), value in table.items():
        if i == 0:
            expected[people.index(str(e)), keys.index(CODING[p])] = value
    assert np.array(matrix(values)).tobytes() == expected.tobytes()


def test_more_people_than_the_matrix_grows_by_at_once() -> None:
    n = 9001
    ids = np.random.default_rng(1).permutation(np.arange(1_000_000, 1_000_000 + n)).astype(np.int32)
    scatter = Scatter({0: "GDF15", 1: "NPPB"}, instance=0, replicates="refuse")
    for part in np.array_split(ids, 7):
        for code in (1, 0):
            scatter.add(
                pl.DataFrame(
                    {
                        "eid": part,
                        "ins_index": np.zeros(len(part), dtype=np.int8),
                        "protein_id": np.full(len(part), code, dtype=np.int32),
                        "result": part * 10.0 + code,
                    }
                )
            )
    people, proteins = scatter.finish()
    numbers = people.cast(pl.Int64).to_numpy()
    assert (np.diff(numbers) == 1).all()
    np.testing.assert_array_equal(
        proteins.read(slice(0, 2)), np.stack([numbers * 10.0, numbers * 10.0 + 1], axis=1)
    )


def test_a_value_that_stands_again_is_refused_with_the_count(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "1000001\t0\t0\t1\n1000001\t0\t7\t1\n1000001\t0\t0\t1\n")
    assert "1 lines stand again for the same person, instance and protein" in fault_of(file)


@pytest.mark.parametrize("chunk", [10, 1 << 20])
def test_replicates_are_averaged_in_no_order_or_the_first_is_taken(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_file, "_CHUNK_BYTES", chunk)
    results = [0.1, 0.7, 1e16, 0.7, -1e16]
    lines = [f"1000001\t0\t0\t{value!r}\n" for value in results] + ["1000002\t0\t0\t5\n"]
    forward = write(tmp_path / "a.txt", "".join(lines))
    backward = write(tmp_path / "b.txt", "".join(reversed(lines)))
    means = [matrix(read(file, replicates="mean")) for file in (forward, backward)]
    assert means[0] == means[1]
    assert means[0][1] == [5.0]
    assert math.isclose(means[0][0][0], sum(sorted(results)) / 5, rel_tol=0, abs_tol=1.0)
    assert matrix(read(forward, replicates="first")) == [[0.1], [5.0]]
    (note,) = read(forward, replicates="first").notes
    assert note.startswith("4 values stand again")


def test_a_mean_of_three_is_their_mean(tmp_path: Path) -> None:
    lines = "1000001\t0\t0\t1\n1000001\t0\t0\t1\n1000001\t0\t0\t4\n"
    assert matrix(read(write(tmp_path / "a.txt", lines), replicates="mean")) == [[2.0]]


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    header = "Result;note;EID;ins_index;protein_id\r\n"
    file = write(tmp_path / "a.txt", "0.5;x;1000001;0;7\r\n", header)
    assert matrix(read(file)) == [[0.5]]


def test_gzip_gives_the_same(tmp_path: Path) -> None:
    file = tmp_path / "a.txt.gz"
    file.write_bytes(gzip.compress((HEADER + "1000001\t0\t0\t0.25\n").encode()))
    assert matrix(read(file)) == [[0.25]]


def test_withdrawn_and_empty_results_are_counted(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "-1\t0\t0\t1\n1000001\t0\t0\tNA\n1000001\t0\t7\t2\n")
    assert {drop.reason: drop.n for drop in read(file).drops} == {
        "line with a negative identifier: withdrawn": 1,
        "line without a result": 1,
        "protein of coding 143 without a value": 2,
    }


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1000001\t0\t0\t1\n1000001\t0\t7\tx\n", ", line 3, column 'result': text where"),
        ("1000001\t0\t0\t1,5\n", ", line 2, column 'result': decimal comma"),
        ("1000001\t0\t0\t1\n1000001\t0\n", ", line 3: 2 fields where the header has 4"),
        ("1000001\t0\t0\t1\n1e6\t0\t0\t1\n", ", line 3, column 'eid': no whole number"),
        ("1000001\t0\t0\t1\n\t0\t0\t1\n", ", line 3, column 'eid': the cell is empty"),
        ("1000001\t0\t\t1\n", ", line 2, column 'protein_id': the cell is empty"),
        ("10000010000\t0\t0\t1\n", ", line 2, column 'eid': no whole number"),
        ("1000001000\t0\t0\t1\n", ", column 'eid': identifiers of more than eight digits"),
        ("1000001\t0\t5\t1\n1000001\t0\t0\t1\n", "'protein_id': 1 lines have a code that"),
        ("1000001\t0\t-7\t1\n", "coding 143 lacks (-7)"),
        ("1000001\t2\t0\t1\n", "no measurement of instance 0; there are those of instance 2"),
        ("1000001\t0\t0\t\n", ": no line holds a result"),
        ('1000001\t0\t0\t"1\n1000001\t0\t7\t1\n', "line 2"),
    ],
)
def test_a_fault_is_one_line_with_its_place(tmp_path: Path, lines: str, message: str) -> None:
    text = fault_of(write(tmp_path / "a.txt", lines))
    assert message in text
    assert "1000001" not in text


@pytest.mark.parametrize("swapped", ["protein_id", "ins_index"])
def test_columns_that_are_exchanged_show_nobody(tmp_path: Path, swapped: str) -> None:
    names = ["eid", "ins_index", "protein_id", "result"]
    place = names.index(swapped)
    names[0], names[place] = names[place], names[0]
    lines = "1000001\t0\t0\t1\n1000002\t0\t7\t2\n"
    text = fault_of(write(tmp_path / "a.txt", lines, header="\t".join(names) + "\n"))
    assert "are columns exchanged?" in text or swapped == "ins_index"
    assert "100000" not in text


def test_a_truncated_gzip_is_refused(tmp_path: Path) -> None:
    lines = "".join(f"{1000000 + i}\t0\t0\t{i / 7}\n" for i in range(20000))
    whole = gzip.compress((HEADER + lines).encode())
    file = tmp_path / "a.txt.gz"
    file.write_bytes(whole[: len(whole) - 4000])
    assert "the gzip stream is cut off or damaged" in fault_of(file)


def test_a_renamed_column_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.txt", "1\t0\t0\t1\n", "eid\tins_index\tprotein_idx\tresult\n")
    assert "no column 'protein_id' (did you mean 'protein_idx'?)" in fault_of(file)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("0\tGDF15;a\n0\tNPPB;b\n", "line 3: the code stands twice"),
        ("0\tHLA-DRA;a\n1\tHLA_DRA;b\n", "line 3: the gene stands twice"),
        ("0\tGDF15;a\nx\tNPPB;b\n", "line 3: the code is no whole number"),
        ("0\t;a\n", "line 2: a code without a gene"),
    ],
)
def test_a_faulty_coding_is_refused(tmp_path: Path, lines: str, message: str) -> None:
    file = write(tmp_path / "coding143.tsv", lines, "coding\tmeaning\n")
    with pytest.raises(FormatError, match=message):
        read_coding(file)


def test_a_stray_quote_in_a_column_that_is_not_read_takes_no_lines(tmp_path: Path) -> None:
    rows = [f"{1_000_001 + i}\t0\t7\t2\tx\n" for i in range(40)]
    rows[9], rows[29] = rows[9].replace("x", '"x'), rows[29].replace("x", 'x"')
    path = write(tmp_path / "a.txt", "".join(rows), HEADER.replace("\n", "\tnote\n"))
    assert fault_of(path).startswith(", line 11: a quote opens a cell")
    rows[9], rows[29] = rows[8], '1000090\t0\t7\t2\t"x y"\n'
    rows[9] = rows[9].replace("1000009", "1000091")
    path = write(tmp_path / "a.txt", "".join(rows), HEADER.replace("\n", "\tnote\n"))
    assert read(path).ids.len() == 40
