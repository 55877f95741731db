"""What is asked of instrumental variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["IvEstimator", "IvOptions"]

IvEstimator: TypeAlias = Literal["2sls", "liml", "gmm", "2sri"]


@dataclass(frozen=True, slots=True)
class IvOptions:
    """Instruments and the estimator.

    Attributes
    ----------
    instruments : columns of the samples, or terms of them, that move the endogenous variable and
        nothing else of the model; none where each protein has its own.
    estimator : two-stage least squares, limited-information maximum likelihood, two-step efficient
        GMM, or two-stage residual inclusion for outcomes of two levels; None for two-stage least
        squares, and residual inclusion where an outcome has two levels.
    by_protein : whether each protein has instruments of its own.

    Examples
    --------
    >>> IvOptions(("price",)).is_default, IvOptions().is_default
    (False, True)
    """

    instruments: tuple[str, ...] = ()
    estimator: IvEstimator | None = None
    by_protein: bool = False

    @property
    def is_default(self) -> bool:
        """Whether nothing is asked."""
        return self == IvOptions()
