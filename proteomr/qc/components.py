"""Principal components of the proteins, to be written beside them."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError, UsageError
from proteomr.qc.samples import read_standardised
from proteomr.stats.principal_components import find_components
from proteomr.tables import Measurements, load_schema
from proteomr.tables import columns as c

__all__ = ["ProteinComponents", "check_components", "find_protein_components"]


@dataclass(frozen=True, slots=True, eq=False)
class ProteinComponents:
    """Scores and loadings.

    Parameters
    ----------
    scores : ``sample_id`` and one column per component, PC1 and on.
    loadings : ``protein`` and one column per component.
    shares : (k,) of the variance.
    """

    scores: pl.DataFrame
    loadings: pl.DataFrame
    shares: F64


def check_components(measured: Measurements, *, components: int) -> None:
    """Refuse to find more principal components than there are.

    Raises
    ------
    UsageError
        Fewer than one is asked for, or more than there are samples or assays.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"]}),
    ... )
    >>> check_components(measured, components=1)
    """
    most = min(measured.n, len(measured.proteins.names))
    if not 1 <= components <= most:
        raise UsageError(f"{components} principal components; 1 to {most:,} can be had here")


def find_protein_components(measured: Measurements, *, components: int) -> ProteinComponents:
    """Return the leading principal components of the standardised proteins.

    A missing value stands at the mean of its assay, for this alone. The whole matrix is held in
    memory.

    Parameters
    ----------
    measured : the measurements.
    components : how many; fewer are returned where the rest have no variance.

    Raises
    ------
    UsageError
        Fewer than one is asked for, or more than there are samples or assays.
    InputError
        No assay varies.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.tables import ArrayProteins
    >>> measured = Measurements(
    ...     platform="table",
    ...     samples=pl.DataFrame({"sample_id": ["A1", "A2"]}),
    ...     proteins=ArrayProteins(("ADM",), np.array([[1.0], [2.0]])),
    ...     assays=pl.DataFrame({"protein": ["ADM"], "kind": ["protein"]}),
    ... )
    >>> find_protein_components(measured, components=1).scores.columns
    ['sample_id', 'PC1']
    """
    check_components(measured, components=components)
    decomposition = find_components(read_standardised(measured.proteins), components=components)
    if not decomposition.shares.size:
        raise InputError("no assay varies between the samples; there are no principal components")
    names = [f"PC{place + 1}" for place in range(decomposition.shares.size)]
    scores = pl.DataFrame({name: decomposition.scores[:, j] for j, name in enumerate(names)})
    loadings = pl.DataFrame({name: decomposition.loadings[:, j] for j, name in enumerate(names)})
    keys = measured.samples[c.SAMPLE_ID], measured.assays[c.PROTEIN]
    return ProteinComponents(
        load_schema("principal_components").validate(scores.insert_column(0, keys[0])),
        load_schema("loadings").validate(loadings.insert_column(0, keys[1])),
        decomposition.shares,
    )
