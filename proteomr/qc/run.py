"""The whole of quality control: assess, leave out, correct, impute, find components."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from proteomr.qc.assess import Assessment, apply, assess
from proteomr.qc.components import ProteinComponents, check_components, find_protein_components
from proteomr.qc.corrections import Correction, correct, find_groups
from proteomr.qc.imputation import Imputation, impute
from proteomr.qc.policy import Policy
from proteomr.tables import Measurements

__all__ = ["Cleaned", "change_values", "clean"]


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """Measurements after quality control, and what it saw.

    Parameters
    ----------
    measured : what is left, corrected and imputed as asked.
    assessment : of the measurements as they came.
    components : principal components of what is left, where they were asked for.
    """

    measured: Measurements
    assessment: Assessment
    components: ProteinComponents | None = None

    @property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All tables that are written beside the measurements, by name."""
        tables = self.assessment.tables
        if self.components is None:
            return tables
        return {
            **tables,
            "principal_components": self.components.scores,
            "loadings": self.components.loadings,
        }


def clean(
    measured: Measurements,
    *,
    policy: Policy,
    correction: Correction | None = None,
    imputation: Imputation | None = None,
    components: int | None = None,
) -> Cleaned:
    """Return the measurements after quality control, with its tables.

    Each step that changes values happens only where it is asked for, in this order: what the
    policy excludes leaves; plates or batches are corrected; missing values are imputed; principal
    components are found. The parameters of the measurements record all of them.

    Parameters
    ----------
    measured : what a platform measured.
    policy : what makes an assay or a sample leave.
    correction : of plates or batches; None for none.
    imputation : of missing values; None for none.
    components : principal components to find; None for none.

    Raises
    ------
    NothingToDo
        No assay, or no sample, would be left.
    InputError
        A value is infinite, there are no plates to correct for, or people miss too many values to
        impute.
    UsageError
        More components are asked for than there are.

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
    >>> clean(measured, policy=Policy(max_missing_per_assay=0.5)).measured.n
    2
    """
    if correction is not None:
        find_groups(measured, by=correction.by)  # refused before the steps that take their time
    return change_values(
        measured,
        assess(measured, policy=policy),
        correction=correction,
        imputation=imputation,
        components=components,
    )


def change_values(
    measured: Measurements,
    assessment: Assessment,
    *,
    correction: Correction | None = None,
    imputation: Imputation | None = None,
    components: int | None = None,
) -> Cleaned:
    """Return the measurements after all that follows an assessment, see :func:`clean`.

    Raises
    ------
    InputError
        There are no plates to correct for, or people miss too many values to impute.
    UsageError
        More components are asked for than there are.
    """
    cleaned = apply(measured, assessment)
    if components is not None:
        check_components(cleaned, components=components)
    recorded_policy = assessment.policy.settings()
    cleaned = replace(cleaned, parameters={**cleaned.parameters, "policy": recorded_policy})
    if correction is not None:
        cleaned = correct(cleaned, correction=correction)
    if imputation is not None:
        cleaned = impute(cleaned, imputation=imputation)
    protein_components = None
    if components is not None:
        protein_components = find_protein_components(cleaned, components=components)
        recorded = {"asked": components, "variance_shares": protein_components.shares.tolist()}
        cleaned = replace(cleaned, parameters={**cleaned.parameters, "components": recorded})
    return Cleaned(cleaned, assessment, protein_components)
