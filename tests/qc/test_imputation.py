from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from proteomr.errors import InputError, UsageError
from proteomr.qc import Imputation, impute
from proteomr.stats.knn import impute_knn


def test_measurements_are_imputed_as_their_matrix_is(lab: Any) -> None:
    matrix = np.ascontiguousarray(lab.values.T)
    account = impute_knn(matrix, neighbours=4)
    imputed = impute(lab.measured, imputation=Imputation(4))
    np.testing.assert_array_equal(imputed.proteins.read(slice(0, 16)), matrix.T)
    recorded: Any = imputed.parameters["imputation"]
    assert recorded["cells"] == account.cells == int(np.isnan(lab.values).sum())
    assert recorded["neighbours"] == 4
    assert recorded["as_r_impute_knn"] is True
    assert np.isnan(lab.values).any()


def test_above_1500_proteins_the_difference_from_r_is_said(make: Any, values: Any) -> None:
    x = values(41, n=20, p=1501, missing=0.01)
    found = impute(make(x), imputation=Imputation(2))
    assert any("all 1,501 proteins; R's impute.knn splits" in note for note in found.notes)
    recorded: Any = found.parameters["imputation"]
    assert recorded["as_r_impute_knn"] is False


def test_proteins_mostly_missing_are_said(make: Any, values: Any) -> None:
    x = values(42, missing=0.0)
    x[:40, 3] = np.nan
    found = impute(make(x), imputation=Imputation(2))
    assert "1 proteins miss more than 50% and got the means of the people" in found.notes


def test_people_mostly_missing_are_counted_and_refused(make: Any, values: Any) -> None:
    x = values(43, missing=0.0)
    x[[4, 8], :14] = np.nan
    with pytest.raises(InputError, match=r"^2 people have more than 80%"):
        impute(make(x), imputation=Imputation())


@pytest.mark.parametrize("wrong", [{"neighbours": 0}, {"max_missing_per_person": 1.5}])
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="needed"):
        Imputation(**wrong)
