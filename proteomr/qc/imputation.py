"""Missing values of measurements filled from the proteins that resemble each other most."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.qc.assays import blocks_of
from proteomr.stats.knn import KnnAccount, impute_knn
from proteomr.tables import ArrayProteins, Measurements

__all__ = ["R_SPLITS_ABOVE", "Imputation", "impute"]

R_SPLITS_ABOVE: Final = 1500


@dataclass(frozen=True, slots=True)
class Imputation:
    """How missing values are filled; the defaults of R's ``impute.knn``.

    Parameters
    ----------
    neighbours : proteins over which a missing value is averaged.
    max_missing_per_protein : share beyond which a protein gets the means of the people, over the
        other proteins, and is nobody's neighbour.
    max_missing_per_person : share beyond which nothing is imputed.

    Raises
    ------
    UsageError
        Fewer than one neighbour, or a share outside 0 to 1.
    """

    neighbours: int = 10
    max_missing_per_protein: float = 0.5
    max_missing_per_person: float = 0.8

    def __post_init__(self) -> None:
        if self.neighbours < 1:
            raise UsageError(f"{self.neighbours} neighbours; at least one is needed")
        for share in (self.max_missing_per_protein, self.max_missing_per_person):
            if not 0 <= share <= 1:
                raise UsageError(f"a share of missing values of {share:g}; 0 to 1 is needed")


def impute(measured: Measurements, *, imputation: Imputation) -> Measurements:
    """Return the measurements with missing values filled by k nearest neighbours.

    The neighbours of a protein are sought among all proteins of all panels, with
    `proteomr.stats.knn.impute_knn`. Up to 1,500 proteins this is R's ``impute.knn``; R splits more
    of them into clusters first and seeks neighbours inside these, and a note says so. The whole
    matrix is held in memory.

    Parameters
    ----------
    measured : the measurements.
    imputation : how.

    Raises
    ------
    InputError
        People miss more of their proteins than allowed, or values are infinite.

    Examples
    --------
    >>> import polars as pl
    >>> x = np.array([[1.0, 1.1, 9.0], [2.0, 2.1, 9.0], [np.nan, 3.1, 9.0]])
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": list("ABC")}),
    ...     proteins=ArrayProteins(("ADM", "GDF15", "REN"), x),
    ...     assays=pl.DataFrame({"protein": ["ADM", "GDF15", "REN"], "kind": ["protein"] * 3}),
    ... )
    >>> impute(measured, imputation=Imputation(neighbours=1)).proteins.read(slice(0, 1)).T
    array([[1. , 2. , 3.1]])
    """
    p = len(measured.proteins.names)
    matrix: F64 = np.empty((p, measured.n))
    for columns, block in blocks_of(measured.proteins):
        matrix[columns] = block
    account = impute_knn(
        matrix,
        neighbours=imputation.neighbours,
        max_missing_per_row=imputation.max_missing_per_protein,
        max_missing_per_column=imputation.max_missing_per_person,
    )
    notes = _describe(account, p, imputation)
    return replace(
        measured,
        proteins=ArrayProteins(measured.proteins.names, matrix.T),
        precision="float64",
        notes=(*measured.notes, *notes),
        parameters={**measured.parameters, "imputation": _parameters(account, p, imputation)},
    )


def _describe(account: KnnAccount, p: int, imputation: Imputation) -> list[str]:
    k, by_mean = imputation.neighbours, account.cells_by_column_mean
    notes = [f"{account.cells:,} missing values imputed, {k} neighbours; {by_mean:,} by means"]
    if account.rows_by_column_mean:
        notes.append(
            f"{account.rows_by_column_mean:,} proteins miss more than "
            f"{imputation.max_missing_per_protein:.0%} and got the means of the people"
        )
    if account.cells_left:
        notes.append(f"{account.cells_left:,} values of people without any other stay missing")
    if p > R_SPLITS_ABOVE:
        notes.append(
            f"neighbours were sought among all {p:,} proteins; R's impute.knn splits more than "
            f"{R_SPLITS_ABOVE:,} into clusters first, so that its values differ"
        )
    return notes


def _parameters(account: KnnAccount, p: int, imputation: Imputation) -> dict[str, object]:
    return {
        "method": "knn",
        "neighbours": imputation.neighbours,
        "max_missing_per_protein": imputation.max_missing_per_protein,
        "max_missing_per_person": imputation.max_missing_per_person,
        "searched": "all proteins",
        "as_r_impute_knn": p <= R_SPLITS_ABOVE,
        "cells": account.cells,
        "cells_by_mean_of_person": account.cells_by_column_mean,
        "proteins_by_mean_of_person": account.rows_by_column_mean,
        "cells_left": account.cells_left,
    }
