"""Further tables of a family's fits, and p values that are its own, from a block to a table."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import polars as pl
import pytest

from proteomr.association import ModelSpec, collect, plan_scan
from proteomr.association.details import collect_details
from proteomr.execute import Serial
from proteomr.models import Block, Details, FitBlock, Linear, Status
from proteomr.scan import fit_blocks
from proteomr.tables import ArrayProteins, Cohort

_PEOPLE = 60
# A table that is there and has keys and numbers: what it means does not matter here.
_TABLE = "joint_tests"


@dataclass(frozen=True, slots=True)
class _Telling(Linear):
    """Least squares that tells two rows of its second and third protein, and a p of its first."""

    @property
    def tables(self) -> tuple[str, ...]:
        return (_TABLE,)

    def fit_block(self, state, block: Block) -> FitBlock:  # type: ignore[no-untyped-def]
        fits = Linear.fit_block(self, state, block)
        p = np.full(fits.n.shape, np.nan)
        p[0] = 3.0
        rows = [
            (j, model, {"test": "interaction", "statistic": value, "df": 1.0 + model, **_NO_P})
            for j in range(1, fits.n.shape[0])
            for model in range(2)
            for value in (float(j), np.nan)
        ]
        return replace(fits, details={_TABLE: Details.of_rows(rows)}, neg_log10_p=p)


_NO_P = {"neg_log10_p": 0.0, "p_value": 1.0, "contrast": None}


@pytest.fixture
def parts() -> tuple[list[pl.DataFrame], ModelSpec]:
    draw = np.random.default_rng(1)
    samples = pl.DataFrame(
        {"id": [f"{i:02d}" for i in range(_PEOPLE)], "age": draw.normal(size=_PEOPLE),
         "bmi": draw.normal(size=_PEOPLE), "lonely": np.arange(_PEOPLE) % 2}
    )  # fmt: skip
    names = ("ADM", "GDF15", "REN")
    cohort = Cohort(
        samples, "id", ArrayProteins(names, draw.normal(size=(_PEOPLE, 3))),
        pl.DataFrame({"protein": names, "gene": ["ADM", None, "REN"]}),
    )  # fmt: skip
    spec = ModelSpec("linear", ("bmi", "lonely"), {"m": "age"})
    plan = plan_scan(cohort, spec)
    return fit_blocks(replace(plan, family=_Telling()), executor=Serial()), spec


def test_rows_of_a_further_table_bear_the_keys_of_their_model(
    parts: tuple[list[pl.DataFrame], ModelSpec],
) -> None:
    table = collect_details(parts[0], _TABLE)
    assert table["protein"].to_list() == ["GDF15"] * 4 + ["REN"] * 4
    assert table["gene"].to_list() == [None] * 4 + ["REN"] * 4
    assert table["exposure"].to_list() == ["bmi", "bmi", "lonely", "lonely"] * 2
    assert table["df"].to_list() == [1.0, 1.0, 2.0, 2.0] * 2
    assert table["statistic"].to_list() == [1.0, None, 1.0, None, 2.0, None, 2.0, None]
    assert set(table["adjustment"]) == {"m"}


def test_a_p_value_that_the_fit_gives_is_the_one_in_the_table(
    parts: tuple[list[pl.DataFrame], ModelSpec],
) -> None:
    frame = collect(*parts).frame
    own = frame.filter(pl.col("protein") == "ADM")
    assert own["neg_log10_p"].to_list() == [3.0, 3.0]
    assert own["p_value"].to_list() == pytest.approx([1e-3, 1e-3])
    others = frame.filter(pl.col("protein") != "ADM")
    assert others["neg_log10_p"].null_count() == 0
    assert (others["neg_log10_p"] != 3.0).all()


def test_a_refused_fit_has_no_p_value_of_its_own() -> None:
    fits = replace(FitBlock.empty(1, 2), neg_log10_p=np.array([[2.0, 3.0]]))
    fits.refuse(0, 1, Status.collinear, "made of others")
    assert fits.neg_log10_p is not None
    assert fits.neg_log10_p[0, 0] == 2.0
    assert np.isnan(fits.neg_log10_p[0, 1])
