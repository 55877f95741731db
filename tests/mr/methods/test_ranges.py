"""No method takes a number outside its range: an estimate from it would be of no model."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from proteomr.errors import UsageError
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.contamination_mixture import ContaminationMixture
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS

ANY_SIGN = {  # points of a line, not sizes
    (name, end) for name in ("conmix", "hetpen", "mrmix") for end in ("lowest", "highest")
}
ZERO_IS_A_CHOICE = {
    ("ivw", "psi"),  # no correlation
    ("ivw_overlap", "psi"),
    ("maxlik", "psi"),
    ("pivw", "penalty"),  # none: the debiased estimate
    ("mv_lasso", "penalty"),  # none: every intercept is free
    ("cml", "perturbations"),  # none
    ("mv_cml", "perturbations"),  # none: the errors of the criterion
}
NUMBERS = [
    (kind, entry.name, entry.type)
    for kind in (*METHOD_CLASSES, *MULTIVARIABLE_METHODS)
    for entry in dataclasses.fields(kind)
    if str(entry.type) in {"float", "int", "float | None"}
]


@pytest.mark.parametrize(
    ("kind", "name", "type_"), NUMBERS, ids=[f"{kind.key}-{name}" for kind, name, _ in NUMBERS]
)
def test_a_number_outside_its_range_is_refused_by_its_name(
    kind: Any, name: str, type_: object
) -> None:
    key = (kind.key, name)
    values: list[float] = [] if key in ANY_SIGN else [-1, *([] if key in ZERO_IS_A_CHOICE else [0])]
    if type_ != "int":
        values += [math.nan] if key in ANY_SIGN else [math.nan, math.inf, -math.inf]
    for value in values:
        with pytest.raises(UsageError, match=r"needed|numbers|give 2 or more"):
            kind(**{name: value})


def test_a_grid_goes_upwards() -> None:
    with pytest.raises(UsageError, match="lowest is the larger"):
        ContaminationMixture(lowest=3.0, highest=2.0)
    assert ContaminationMixture(lowest=-3.0, highest=-2.0).lowest == -3.0
