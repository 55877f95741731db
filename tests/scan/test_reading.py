"""What is asked of a cohort is told where it is likely to be meant otherwise."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr.design import parse
from proteomr.errors import UsageError
from proteomr.runs.notes import collect_notes
from proteomr.scan.reading import read_formulas
from proteomr.tables import ArrayProteins, Cohort


def make_cohort(n: int) -> Cohort:
    place = pl.int_range(n, eager=True)
    samples = pl.DataFrame(
        {"eid": (place + 100).cast(pl.String), "age": place + 40, "town": place.cast(pl.String)}
    )
    proteins = ArrayProteins(("ADM",), np.ones((n, 1)))
    return Cohort(samples, "eid", proteins, pl.DataFrame({"protein": ["ADM"]}))


def test_an_identifier_among_the_covariates_is_called_what_it_is() -> None:
    with pytest.raises(UsageError, match="'eid' names the people and is in 'm'"):
        read_formulas(make_cohort(3), {"m": parse("age + eid")})


@pytest.mark.parametrize(("n", "strata", "told"), [(11, "age", 1), (10, "age", 0), (30, "town", 0)])
def test_numbers_of_many_values_make_strata_with_a_word(n: int, strata: str, told: int) -> None:
    with collect_notes() as notes:
        reading = read_formulas(make_cohort(n), strata=strata)
    assert len(reading.strata) == n
    assert sum("strata, one of each number" in str(note) for note in notes) == told
