"""What the batched kernel asks of a model: what one row adds to score and curvature.

The kernel (:mod:`proteomr.stats.batched_regressions`) knows matrices, steps and bounds. A row model
knows a likelihood: given the linear predictors of some rows it gives the residuals there and, from
a state of its own that it keeps at the maximum, products with the curvature. Between the two lie
arrays of the shapes below, filled in place.

Shapes: ``R = B F`` fits, fit ``r`` is protein ``r // F`` and response ``r % F``; ``k`` covariates;
``L`` linear predictors of a row (``K - 1`` for a response of K unordered levels, else 1); ``t``
thresholds (``K - 1`` for K ordered levels, else 0); ``s`` border columns, the protein first; ``c``
rows from row ``start`` on, in which row ``r L + l`` of an array ``(R L, c)`` is predictor ``l`` of
fit ``r``. The coefficients that rows meet beside the covariates, ``(R, t + L s)``, are those of the
thresholds, then those of the borders of each predictor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.chunked import ChunkedDesign

__all__ = [
    "Base",
    "BaseThresholds",
    "Layout",
    "Reach",
    "RowModel",
    "Rows",
    "check_base",
]

Reach = Literal["row", "cohort"]
"""Whether a row's residual follows from its own predictors, or from those of other rows too."""

_Array = NDArray[Any]
_Single = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class BaseThresholds:
    """What the fit to covariates alone says of its t thresholds.

    Attributes
    ----------
    residuals : ``(t, n)``, the derivative of each row's log-likelihood.
    weights : ``(t, L, n)``, minus its derivatives by a threshold and a predictor.
    information : ``(t,)``, minus its second derivative, summed over the rows.
    """

    residuals: F64
    weights: F64
    information: F64


@dataclass(frozen=True, slots=True)
class Base:
    """The fit of one response to the covariates alone, from which the fits with a protein start.

    Attributes
    ----------
    response : ``(n,)``, as the row model reads it.
    coefficients : ``(L k + t,)``, those of the covariates for each predictor, then the thresholds.
    weights : ``(L, L, n)``, minus the second derivatives of each row's log-likelihood by its
        predictors. Where rows depend on one another, a diagonal that bounds the information from
        above.
    residuals : ``(L, n)``, its first derivatives.
    inverse_information : ``(L k + t, L k + t)``.
    thresholds : where the model has any.
    """

    response: F64
    coefficients: F64
    weights: F64
    residuals: F64
    inverse_information: F64
    thresholds: BaseThresholds | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the coefficients of a fit lie: covariates of each predictor, thresholds, borders.

    Examples
    --------
    >>> layout = Layout(covariates=4, predictors=2, thresholds=0, borders=3)
    >>> layout.shared, layout.size, layout.interest.tolist()
    (8, 14, [8, 11])
    """

    covariates: int
    predictors: int
    thresholds: int
    borders: int

    @property
    def sloped(self) -> int:
        """Coefficients of covariates: ``L k``."""
        return self.predictors * self.covariates

    @property
    def shared(self) -> int:
        """Coefficients that the fit to the covariates alone has as well: ``L k + t``."""
        return self.sloped + self.thresholds

    @property
    def size(self) -> int:
        """Coefficients of a fit: ``L k + t + L s``."""
        return self.shared + self.predictors * self.borders

    @property
    def interest(self) -> I64:
        """Places of the protein's coefficients, one for each predictor ``(L,)``."""
        return self.places(1)

    def places(self, terms: int) -> I64:
        """Places of the coefficients of the first borders, by predictor ``(L terms,)``."""
        of_predictors = self.shared + self.borders * np.arange(self.predictors)
        return (of_predictors[:, None] + np.arange(terms)).ravel()

    @property
    def is_single(self) -> bool:
        """Whether a row has one predictor and no threshold: a curvature that is one weight."""
        return self.predictors == 1 and self.thresholds == 0


@dataclass(frozen=True, slots=True)
class Rows:
    """The row-level data of proteins in one precision.

    Attributes
    ----------
    borders : ``(B, s, n)``, the protein first; 0 where the mask is 0.
    mask : ``(B, n)``, what a row counts, which is 1 without weights, where the protein and its own
        covariates are observed, else 0.
    response : ``(F, n)``.
    """

    borders: _Array
    mask: _Array
    response: _Array


class RowModel(Protocol):
    """One likelihood, as the batched kernel meets it.

    The log-likelihood of a fit is concave in its coefficients near the maximum, rows of mask 0 add
    nothing to it, and everything below is derivatives of it by the linear predictors and the
    thresholds. Residuals of no finite number are allowed: such a fit gets no certificate.
    """

    @property
    def reach(self) -> Reach:
        """``row``: the kernel may hand over any rows by themselves. ``cohort``: it hands over all
        rows at once, in the order of the design.
        """
        ...

    @property
    def predictors(self) -> int:
        """Linear predictors of a row, L."""
        ...

    @property
    def thresholds(self) -> int:
        """Coefficients that multiply no column, t."""
        ...

    @property
    def states(self) -> int:
        """Numbers that the model keeps for each row of a fit, M."""
        ...

    def fit_base(self, design: ChunkedDesign, response: F64) -> Base | None:
        """Fit a response to the covariates alone; None where there is no certified maximum."""
        ...

    def concentrate(self, effects: F64) -> F64:
        """Return by which factor effects of such size gather the information in fewer rows.

        Parameters
        ----------
        effects : of standardised columns, any shape.
        """
        ...

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        """Return the log-likelihood of each fit ``(R,)`` from its state ``(R, M, n)``."""
        ...

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        """Replace the covariates' part of the predictors by the residuals.

        Parameters
        ----------
        eta : ``(R L, c)``, in; the derivatives of the log-likelihood by the predictors, out.
        coefficients : ``(R, t + L s)``.
        score : ``(R, t + L s)``; the derivatives by them are added to it.
        """
        ...

    def keep_state(
        self,
        eta: F64,
        rows: Rows,
        *,
        coefficients: F64,
        start: int,
        score: F64,
        state: F64,
        weights: _Single,
    ) -> None:
        """As :meth:`leave_residuals`, in double precision, and keep the state and the weights.

        Parameters
        ----------
        state : ``(R, M, n)``, all that curvature needs of these rows of a fit.
        weights : ``(R, L, n)``, minus the second derivatives by each predictor, or a diagonal that
            bounds them from above.
        """
        ...

    def move_state(
        self,
        u: F64,
        shift: _Single,
        rows: Rows,
        *,
        vector: F64,
        step: F64,
        start: int,
        product: F64,
        state: F64,
    ) -> None:
        """Move the state by a last, small step, to first order; then as :meth:`curve_exactly`.

        Parameters
        ----------
        shift : ``(R L, c)``, what the covariates' part of the predictors moves by.
        step : ``(R, t + L s)``, the step of the other coefficients.
        """
        ...

    def curve(
        self,
        u: _Single,
        rows: Rows,
        *,
        vector: _Single,
        start: int,
        product: F64,
        state: F64,
        weights: _Single,
    ) -> None:
        """Replace ``A v`` by its product with minus the second derivatives by the predictors.

        Parameters
        ----------
        u : ``(R L, c)``, in and out.
        vector : ``(R, t + L s)``, the rest of v.
        product : ``(R, t + L s)``; the products of the thresholds and borders are added to it.
        """
        ...

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        """As :meth:`curve`, in double precision from the state alone."""
        ...


def check_base(base: Base, *, model: RowModel, n: int, k: int) -> None:
    """Refuse a fit to covariates alone that is not of the shapes that its model declares.

    Raises
    ------
    ValueError : naming the field, its shape and the one declared.
    """
    L, t = model.predictors, model.thresholds
    q = L * k + t
    arrays = {
        "response": (base.response, (n,)),
        "coefficients": (base.coefficients, (q,)),
        "weights": (base.weights, (L, L, n)),
        "residuals": (base.residuals, (L, n)),
        "inverse_information": (base.inverse_information, (q, q)),
    }
    thresholds = base.thresholds
    if (thresholds is not None) != (t > 0):
        raise ValueError(f"a model of {t} thresholds with a base of another number")
    if thresholds is not None:
        arrays["thresholds.residuals"] = (thresholds.residuals, (t, n))
        arrays["thresholds.weights"] = (thresholds.weights, (t, L, n))
        arrays["thresholds.information"] = (thresholds.information, (t,))
    for name, (array, shape) in arrays.items():
        if array.shape != shape:
            raise ValueError(f"{name} of a base: {array.shape}, where {shape} is declared")
