"""The model of the mediator, which all methods have."""

from __future__ import annotations

from proteomr.stats.mediation import Scaled
from proteomr.stats.mediation_bases import root_rows
from proteomr.stats.mediation_regressions import (
    BinaryModel,
    LinearModel,
    Unfit,
    fit_regression,
)
from proteomr.status import Status

__all__ = ["DETERMINED", "fit_mediator"]

DETERMINED = "exposure and covariates determine the protein"
"""What is said of a mediator of which the exposure and the covariates leave nothing."""


def fit_mediator(scaled: Scaled) -> LinearModel | BinaryModel:
    """Fit the mediator to its covariates and the exposure, the last column.

    A mediator that these determine, as the exposure itself does, mediates nothing that could be
    told from them, whatever the method and the model of the outcome.

    Raises
    ------
    Unfit
        It has no estimate.

    Examples
    --------
    >>> import numpy as np
    >>> from proteomr.stats.mediation import Trio, scale_trio
    >>> from proteomr.stats.mediation_effects import Contrast
    >>> one, a, m = np.ones((5, 1)), np.array([0.0, 1, 0, 1, 1]), np.array([1.0, 2, 3, 5, 2])
    >>> trio = Trio.of(a, m, np.zeros(5), for_mediator=one, for_outcome=one)
    >>> scaled = scale_trio(trio, Contrast(0.0, 1.0), scales_outcome=False)
    >>> round(float(fit_mediator(scaled).coefficients[1] * scaled.mediator_unit), 9)
    1.0
    """
    trio = scaled.trio
    basis = trio.bench.mediator_basis(trio.there, line=not scaled.binary)
    told = basis.k - 1 in basis.kept and basis.kept.size < basis.n
    if told and basis.determines(
        scaled.mediator if scaled.binary else root_rows(scaled.mediator, trio.weights)
    ):
        raise Unfit(Status.collinear, DETERMINED)
    return fit_regression(
        basis,
        scaled.mediator,
        link="logit" if scaled.binary else "linear",
        needed=[basis.k - 1],
        what=["the exposure"],
        of="the protein",
        weights=trio.weights,
    )
