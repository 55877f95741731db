"""The covariates as numbers, their moments, and what an omitted one does to an estimate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from proteomr._typing import F64
from proteomr.simulate.people import COMPONENTS, People
from proteomr.simulate.study import EXPOSURES, Study

__all__ = ["ADJUSTMENTS", "Covariates", "Moments"]

ADJUSTMENTS: Mapping[str, str] = {
    "simple": "timegap + age + sex + C(site) + C(batch) + PC1..PC20",
    "full": "simple + C(ethnicity) + C(education) + income + smoking + alcohol + bmi",
}

_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class Covariates:
    """The columns that act on proteins, by name, and the people they are read from.

    Columns: ``intercept``; the simple set (age and time gaps standardised by fixed constants, first
    levels of factors left out); the life-style and other covariates of the full set; the exposures.

    Examples
    --------
    >>> from proteomr.simulate.people import draw_people
    >>> from proteomr.simulate.study import SHEN2025
    >>> covariates = Covariates(SHEN2025, draw_people(SHEN2025, 300, seed=1))
    >>> covariates.rows(0, 300).shape, covariates.names[-2:]
    ((72, 300), ('isolation', 'loneliness'))
    """

    study: Study
    people: People

    @property
    def simple(self) -> tuple[str, ...]:
        """Columns of the simple adjustment set, time gaps of all panels included."""
        return (
            *(f"site={level}" for level in range(2, self.study.sites + 1)),
            *(f"batch={level}" for level in range(2, self.study.batches + 1)),
            *(f"PC{k}" for k in range(1, COMPONENTS + 1)),
            "age",
            "sex",
            *(f"gap={panel}" for panel in self.study.panels),
        )

    @property
    def further(self) -> tuple[str, ...]:
        """Columns that the full set adds."""
        return (
            *(f"ethnicity={level}" for level in tuple(self.study.ethnicity)[1:]),
            *(f"education={level}" for level in tuple(self.study.education)[1:]),
            *("income", "smoking", "alcohol", "bmi"),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """All columns, in the order of the matrix."""
        return ("intercept", *self.simple, *self.further, *EXPOSURES)

    def rows(self, start: int, stop: int, /) -> F64:
        """Return the matrix (k, stop - start) of the covariates of some people."""
        return np.vstack([self._row(name, start, stop) for name in self.names])

    def moments(self) -> Moments:
        """Return the mean products of the columns over all people."""
        k = len(self.names)
        total = np.zeros((k, k))
        for start in range(0, self.people.n, _ROWS):
            part = self.rows(start, min(start + _ROWS, self.people.n))
            total += part @ part.T
        return Moments(names=self.names, products=total / self.people.n)

    def _row(self, name: str, start: int, stop: int) -> F64:
        columns = self.people.columns
        if name == "intercept":
            return np.ones(stop - start)
        source, _, level = name.partition("=")
        if source == "gap":
            panel = self.study.panels.index(level)
            gap: F64 = self.people.time_gap[start:stop, panel] - 12.0
            return gap
        values = columns[source][start:stop]
        if level:
            marked: F64 = (values == values.dtype.type(level)).astype(np.float64)
            return marked
        centre, spread = {"age": (56.4, 8.2), "bmi": (27.4, 4.8)}.get(source, (0.0, 1.0))
        scaled: F64 = (values - centre) / spread
        return scaled


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean products of columns, from which every regression among them follows.

    Parameters
    ----------
    names : k columns.
    products : (k, k) means of their products; the first column is the intercept.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.array([[1.0, 1, 1, 1], [0, 1, 2, 3], [1, 3, 5, 7]])
    >>> moments = Moments(names=("intercept", "x", "y"), products=x @ x.T / 4)
    >>> moments.regress(("y",), on=("intercept", "x")).round(12).ravel().tolist()
    [1.0, 2.0]
    """

    names: tuple[str, ...]
    products: F64

    def places(self, names: tuple[str, ...], /) -> list[int]:
        """Return the positions of some columns."""
        where = {name: place for place, name in enumerate(self.names)}
        return [where[name] for name in names]

    def covariance(self) -> F64:
        """Return the (k, k) covariance of the columns, divisor n."""
        mean = self.products[0]
        centred: F64 = self.products - np.outer(mean, mean)
        return centred

    def regress(self, targets: tuple[str, ...], *, on: tuple[str, ...]) -> F64:
        """Return least-squares coefficients (len(on), len(targets)), of least norm if aliased."""
        t, r = self.places(targets), self.places(on)
        solved = np.linalg.lstsq(self.products[np.ix_(r, r)], self.products[np.ix_(r, t)])
        return np.asarray(solved[0], dtype=np.float64)

    def residual_variance(self, target: str, *, on: tuple[str, ...]) -> float:
        """Return the variance of a column that a regression on others leaves."""
        t, r = self.places((target,))[0], self.places(on)
        residual = self.products[t, t] - self.products[t, r] @ self.regress((target,), on=on)[:, 0]
        return max(float(residual), 0.0)
