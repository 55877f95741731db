"""Names from data stand in tables, messages and terminals as they are, or are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr.errors import FormatError, ProteomrError
from proteomr.io.sumstats import open_sumstats
from proteomr.mr.harmonised_files import judge_harmonised
from proteomr.tables import ArrayProteins, Cohort
from proteomr.tables.names import refuse_names

ODD = [
    "=cmd|calc!A0",
    "@SUM(1)",
    "\x1b[31mRED",
    "a\nb",
    "a\tb",
    "a\x00",
    "IL6\u202e6LI",
    "a\u2028b",
]
SOUND = ["GDF15", "HLA-DRA", "-x", "+x", "α-synuclein", "NT-proBNP (ng/l)", "a=b", "x@y", "N'x"]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_cannot_stand_in_a_table_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(
        FormatError, match=r"name of a protein, '.*', (begins|holds).*rename it"
    ) as e:
        refuse_names(["ADM", name], what="a protein")
    assert str(e.value).isprintable()


def test_names_in_use_pass() -> None:
    refuse_names(SOUND, what="a protein")


def test_a_long_name_is_cut_in_the_message() -> None:
    with pytest.raises(FormatError) as refused:
        refuse_names(["=" + "n" * 5000], what="a protein")
    assert len(str(refused.value)) < 200


def cohort(protein: str = "ADM", column: str = "age") -> Cohort:
    return Cohort(
        samples=pl.DataFrame({"eid": ["1", "2"], column: [50, 61]}),
        id_column="eid",
        proteins=ArrayProteins((protein,), np.array([[0.5], [1.5]])),
        assays=pl.DataFrame({"protein": [protein]}),
    )


@pytest.mark.parametrize("name", ODD)
def test_no_cohort_holds_such_a_name(name: str) -> None:
    assert cohort().n == 2
    with pytest.raises(FormatError, match="name of a protein"):
        cohort(protein=name)
    with pytest.raises(FormatError, match="name of a column of the samples"):
        cohort(column=name)


@pytest.mark.parametrize("name", ["=1+1", "a\x1bb", "a\u202eb"])
def test_no_trait_and_no_exposure_has_such_a_name(name: str, tmp_path: Path) -> None:
    statistics = {
        "rsid": ["rs1"],
        "effect_allele": ["A"],
        "other_allele": ["G"],
        "beta": [0.1],
        "se": [0.01],
        "trait": [name],
    }
    pl.DataFrame(statistics).write_parquet(tmp_path / "s.parquet")
    with pytest.raises(FormatError, match=r"s\.parquet: the name of a trait"):
        list(open_sumstats(tmp_path / "s.parquet").chunks())
    effects = {
        f"{what}_{side}": [0.1] for what in ("beta", "se") for side in ("exposure", "outcome")
    }
    frame = pl.DataFrame({"variant_id": ["rs1"], "outcome": [name], **effects})
    frame.write_parquet(tmp_path / "h.parquet")
    with pytest.raises(ProteomrError, match=r"h\.parquet: the name of an outcome"):
        judge_harmonised(tmp_path / "h.parquet")
