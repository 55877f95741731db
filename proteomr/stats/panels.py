"""Densities of one variable as polynomials on panels: masses, what is unresolved, quantiles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final, Self

import numpy as np
from numpy.polynomial import legendre

from proteomr._typing import F64, Bool

__all__ = ["Panels"]

_HALVINGS: Final = 60  # of an interval that holds a quantile: to the last digit of a number


@dataclass(frozen=True, slots=True, eq=False)
class Panels:
    """Intervals side by side, each with the Gauss-Legendre nodes of one order.

    Parameters
    ----------
    edges : (p + 1,) ends of the panels, rising.
    order : nodes in each.

    Examples
    --------
    >>> panels = Panels.even(-8.0, 8.0, count=8, order=6)
    >>> density = np.exp(-0.5 * panels.nodes**2)
    >>> round(float(panels.weights @ density), 6)
    2.506628
    >>> panels.quantiles(density, [0.025, 0.975]).round(3).tolist()
    [-1.96, 1.96]
    """

    edges: F64
    order: int

    @classmethod
    def even(cls, low: float, high: float, *, count: int, order: int) -> Self:
        """Return panels of one width.

        Parameters
        ----------
        low, high : ends of all.
        count, order : how many, and nodes in each.
        """
        return cls(np.linspace(low, high, count + 1), order)

    @property
    def count(self) -> int:
        """How many panels there are."""
        return int(self.edges.size - 1)

    @property
    def nodes(self) -> F64:
        """Nodes of all panels, rising, (p * order,)."""
        unit = _find_unit(self.order)[0]
        middle, half = 0.5 * (self.edges[1:] + self.edges[:-1]), 0.5 * np.diff(self.edges)
        return np.asarray((middle[:, None] + half[:, None] * unit).ravel())

    @property
    def weights(self) -> F64:
        """Weights of the nodes in an integral, (p * order,)."""
        unit = _find_unit(self.order)[1]
        return np.asarray((0.5 * np.diff(self.edges)[:, None] * unit).ravel())

    def masses(self, density: F64) -> F64:
        """Return the integral over each panel.

        Parameters
        ----------
        density : at the nodes.
        """
        return np.asarray((self.weights * density).reshape(self.count, self.order).sum(axis=1))

    def unresolved(self, density: F64, *, share: float) -> Bool:
        """Return which panels the density leaves without being a polynomial there.

        The last two coefficients of its Legendre series say how much is beyond them.

        Parameters
        ----------
        density : at the nodes.
        share : of the whole integral that a panel may lack.
        """
        series = np.abs(self._series(density)[:, -2:]).sum(axis=1)
        return np.asarray(series * np.diff(self.edges) > share * self.masses(density).sum())

    def bisect(self, chosen: Bool) -> Self:
        """Return panels of which the chosen ones are cut in two.

        Parameters
        ----------
        chosen : which panels.
        """
        middle = 0.5 * (self.edges[1:] + self.edges[:-1])
        return type(self)(np.sort(np.concatenate([self.edges, middle[chosen]])), self.order)

    def keep(self, chosen: Bool) -> Self:
        """Return the panels from the first chosen one to the last.

        Parameters
        ----------
        chosen : which panels.
        """
        places = np.flatnonzero(chosen)
        return type(self)(self.edges[places[0] : places[-1] + 2], self.order)

    def cumulate(self, density: F64, at: F64) -> F64:
        """Return the integral from the first edge to each place, which may lie outside.

        Parameters
        ----------
        density : at the nodes; a row for each of several densities.
        at : places, one for each density.
        """
        return self.make_cumulative(density)(at)

    def make_cumulative(self, density: F64) -> Callable[[F64], F64]:
        """Return `cumulate` for many places in turn: what depends on the density is found once.

        Parameters
        ----------
        density : at the nodes; a row for each of several densities.
        """
        rows = np.atleast_2d(density)
        cells = rows.reshape(rows.shape[0], self.count, self.order)
        before = np.zeros((rows.shape[0], self.count + 1))
        np.cumsum(self._shared_masses(cells), axis=1, out=before[:, 1:])
        halves, row = 0.5 * np.diff(self.edges), np.arange(rows.shape[0])
        first, last, top = self.edges[0], self.edges[-1], self.count - 1
        antiderivative = _make_antiderivative(self.order).T

        def cumulate(at: F64) -> F64:
            inside = np.minimum(np.maximum(at, first), last)
            found = np.searchsorted(self.edges, inside, side="right") - 1
            panel = np.minimum(np.maximum(found, 0), top)
            half = halves[panel]
            place = (inside - self.edges[panel]) / half - 1.0
            series = cells[row, panel] @ antiderivative
            part = (legendre.legvander(place, self.order) * series).sum(axis=1)
            return np.asarray(before[row, panel] + half * part)

        return cumulate

    def quantiles(self, density: F64, levels: F64 | list[float]) -> F64:
        """Return the places below which these shares of the whole lie.

        Parameters
        ----------
        density : at the nodes.
        levels : shares.
        """
        whole = float(self.masses(density).sum())
        cumulate = self.make_cumulative(density)
        found = []
        for level in levels:
            low, high = self.edges[0], self.edges[-1]
            for _ in range(_HALVINGS):
                middle = 0.5 * (low + high)
                if cumulate(np.array([middle]))[0] < level * whole:
                    low = middle
                else:
                    high = middle
            found.append(0.5 * (low + high))
        return np.array(found)

    def _series(self, density: F64) -> F64:
        return np.asarray(density.reshape(self.count, self.order) @ _make_transform(self.order).T)

    def _shared_masses(self, cells: F64) -> F64:
        return np.asarray((cells @ _find_unit(self.order)[1]) * 0.5 * np.diff(self.edges))


@cache
def _find_unit(order: int) -> tuple[F64, F64]:
    """Return nodes and weights from -1 to 1."""
    nodes, weights = legendre.leggauss(order)
    return np.asarray(nodes), np.asarray(weights)


@cache
def _make_transform(order: int) -> F64:
    """Return what makes Legendre coefficients (order, order) of values at the nodes."""
    nodes, weights = _find_unit(order)
    basis = legendre.legvander(nodes, order - 1)
    scale = np.arange(order) + 0.5
    return np.asarray(scale[:, None] * (basis * weights[:, None]).T)


@cache
def _make_antiderivative(order: int) -> F64:
    """Return what makes the coefficients (order + 1, order) of the integral from -1 on."""
    return np.asarray(legendre.legint(_make_transform(order), lbnd=-1.0, axis=0))
