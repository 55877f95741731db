"""Row models on trial: Poisson and Cox regression as the kernel meets them.

Nothing here is shipped. Each model is written as plainly as can be, in double precision throughout,
to show what the kernel's interface can carry: several predictors of a row, thresholds, rows that
depend on one another. Shapes: ``(B, F, L, c)`` for what is of a predictor, ``(B, F, t)`` and ``(B,
F, t, c)`` for thresholds and what rows add to them, ``(B, F, M, c)`` for states.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from proteomr._typing import F64, I64
from proteomr.stats.chunked import ChunkedDesign
from proteomr.stats.row_models import Base, BaseThresholds, Reach, Rows

_Array = NDArray[Any]


@dataclass(frozen=True)
class Seen:
    """What rows show: responses ``(F, c)`` and masks ``(B, 1, c)``."""

    y: F64
    m: F64


class TrialRows:
    """A row model from four formulas, which the subclasses give."""

    reach: ClassVar[Reach] = "row"

    @property
    def predictors(self) -> int:
        return 1

    @property
    def thresholds(self) -> int:
        return 0

    @property
    def states(self) -> int:
        return 1

    def evaluate(self, eta: F64, tau: F64, seen: Seen) -> tuple[F64, F64, F64]:
        """Return residuals, what rows add to the scores of thresholds, and the state."""
        raise NotImplementedError

    def multiply(self, u: F64, tau: F64, state: F64, seen: Seen) -> tuple[F64, F64]:
        """Return the product of the curvature with ``u`` and ``tau``, the latter by rows."""
        raise NotImplementedError

    def shift(self, state: F64, shift: F64, tau: F64, seen: Seen) -> F64:
        """Return the state after the predictors and thresholds have moved, to first order."""
        raise NotImplementedError

    def weigh(self, state: F64, seen: Seen) -> F64:
        """Return the diagonal of the curvature by the predictors."""
        raise NotImplementedError

    def begin(self, design: ChunkedDesign, response: F64) -> F64:
        """Return where the fit to covariates alone starts from."""
        return np.zeros(self.predictors * design.k + self.thresholds)

    def log_likelihoods(self, rows: Rows, state: F64) -> F64:
        raise NotImplementedError

    def concentrate(self, effects: F64) -> F64:
        """Weights are log-normal at worst, as Poisson's are: their effective number falls so."""
        return np.exp(np.square(effects))

    def leave_residuals(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> None:
        self._leave(eta, rows, coefficients=coefficients, start=start, score=score)

    def keep_state(
        self,
        eta: F64,
        rows: Rows,
        *,
        coefficients: F64,
        start: int,
        score: F64,
        state: F64,
        weights: _Array,
    ) -> None:
        new = self._leave(eta, rows, coefficients=coefficients, start=start, score=score)
        here = slice(start, start + eta.shape[1])
        state[:, :, here] = new.reshape(state[:, :, here].shape)
        seen = self._see(rows, here)
        weights[:, :, here] = self.weigh(new, seen).reshape(weights[:, :, here].shape)

    def move_state(
        self,
        u: F64,
        shift: _Array,
        rows: Rows,
        *,
        vector: F64,
        step: F64,
        start: int,
        product: F64,
        state: F64,
    ) -> None:
        here = slice(start, start + u.shape[1])
        seen = self._see(rows, here)
        moved, tau = self._add_borders(shift, rows, step, here)
        new = self.shift(self._shape_state(state, rows, here), moved, tau, seen)
        state[:, :, here] = new.reshape(state[:, :, here].shape)
        self._curve(u, rows, vector, start=start, product=product, state=state)

    def curve(
        self,
        u: _Array,
        rows: Rows,
        *,
        vector: _Array,
        start: int,
        product: F64,
        state: F64,
        weights: _Array,
    ) -> None:
        self._curve(u, rows, vector, start=start, product=product, state=state)

    def curve_exactly(
        self, u: F64, rows: Rows, *, vector: F64, start: int, product: F64, state: F64
    ) -> None:
        self._curve(u, rows, vector, start=start, product=product, state=state)

    def _leave(
        self, eta: _Array, rows: Rows, *, coefficients: _Array, start: int, score: F64
    ) -> F64:
        here = slice(start, start + eta.shape[1])
        whole, tau = self._add_borders(eta, rows, coefficients, here)
        residuals, added, state = self.evaluate(whole, tau, self._see(rows, here))
        self._add_products(residuals, added, rows, here, score)
        eta[:] = residuals.reshape(eta.shape)
        return state

    def _curve(
        self, u: _Array, rows: Rows, vector: _Array, *, start: int, product: F64, state: F64
    ) -> None:
        here = slice(start, start + u.shape[1])
        whole, tau = self._add_borders(u, rows, vector, here)
        of_rows = self._shape_state(state, rows, here)
        out, added = self.multiply(whole, tau, of_rows, self._see(rows, here))
        self._add_products(out, added, rows, here, product)
        u[:] = out.reshape(u.shape)

    def _see(self, rows: Rows, here: slice) -> Seen:
        return Seen(
            rows.response[:, here].astype(np.float64), rows.mask[:, None, here].astype(np.float64)
        )

    def _shape_state(self, state: F64, rows: Rows, here: slice) -> F64:
        B, F = rows.mask.shape[0], rows.response.shape[0]
        return np.asarray(state[:, :, here].reshape(B, F, self.states, -1))

    def _add_borders(self, eta: _Array, rows: Rows, beside: _Array, here: slice) -> tuple[F64, F64]:
        B, s, _ = rows.borders.shape
        F, L, t = rows.response.shape[0], self.predictors, self.thresholds
        gamma = beside[:, t:].reshape(B, F, L, s).astype(np.float64)
        added = gamma @ rows.borders[:, None, :, here]
        return eta.reshape(B, F, L, -1) + added, beside[:, :t].reshape(B, F, t).astype(np.float64)

    def _add_products(self, of_rows: F64, added: F64, rows: Rows, here: slice, total: F64) -> None:
        t = self.thresholds
        products = of_rows @ rows.borders[:, None, :, here].transpose(0, 1, 3, 2)
        total[:, t:] += products.reshape(total[:, t:].shape)
        total[:, :t] += added.sum(axis=-1).reshape(total[:, :t].shape)

    def fit_base(self, design: ChunkedDesign, response: F64) -> Base | None:
        """Fit the covariates alone by Newton's method with a dense information matrix."""
        A, L, t = design.matrix(), self.predictors, self.thresholds
        n, k = A.shape
        seen = Seen(response[None], np.ones((1, 1, n)))
        theta = self.begin(design, response)
        for _ in range(60):
            eta = (theta[: L * k].reshape(L, k) @ A.T)[None, None]
            residuals, added, state = self.evaluate(eta, theta[None, None, L * k :], seen)
            score = np.concatenate([(residuals[0, 0] @ A).ravel(), added[0, 0].sum(axis=-1)])
            information = self._inform(A, state, seen)
            step = np.linalg.solve(information, score)
            theta = theta + step
            if score @ step < 1e-24:
                break
        by_threshold = [self.multiply(0 * eta, e, state, seen) for e in np.eye(t)[:, None, None]]
        thresholds = BaseThresholds(
            added[0, 0],
            np.array([out[0, 0] for out, _ in by_threshold]).reshape(t, L, n),
            np.diagonal(information)[L * k :].copy(),
        )
        inverse = np.asarray(np.linalg.inv(information), dtype=np.float64)
        weights = self.weigh_pairs(state, seen)
        return Base(
            response,
            theta,
            weights,
            residuals[0, 0],
            inverse,
            thresholds if t else None,
        )

    def weigh_pairs(self, state: F64, seen: Seen) -> F64:
        """Return the curvature by pairs of predictors ``(L, L, n)``."""
        L, n = self.predictors, seen.y.shape[1]
        tau = np.zeros((1, 1, self.thresholds))
        units = np.broadcast_to(np.eye(L)[:, :, None], (L, L, n))
        return np.array([self.multiply(u[None, None], tau, state, seen)[0][0, 0] for u in units])

    def _inform(self, A: F64, state: F64, seen: Seen) -> F64:
        L, t, k = self.predictors, self.thresholds, A.shape[1]
        rows = []
        for e in np.eye(L * k + t):
            u = (e[: L * k].reshape(L, k) @ A.T)[None, None]
            out, added = self.multiply(u, e[None, None, L * k :], state, seen)
            rows.append(np.concatenate([(out[0, 0] @ A).ravel(), added[0, 0].sum(axis=-1)]))
        return np.array(rows)


def _no_thresholds(like: F64) -> F64:
    return np.zeros((*like.shape[:2], 0, like.shape[3]))


class PoissonRows(TrialRows):
    """Counts with a log link; the state is the mean."""

    def begin(self, design: ChunkedDesign, response: F64) -> F64:
        theta = super().begin(design, response)
        theta[design.d] = np.log(response.mean())  # the intercept is the first column of cells
        return theta

    def evaluate(self, eta: F64, tau: F64, seen: Seen) -> tuple[F64, F64, F64]:
        mu = seen.m[:, None] * np.exp(eta)
        return seen.m[:, None] * seen.y[:, None] - mu, _no_thresholds(eta), mu

    def multiply(self, u: F64, tau: F64, state: F64, seen: Seen) -> tuple[F64, F64]:
        return state * u, _no_thresholds(u)

    def shift(self, state: F64, shift: F64, tau: F64, seen: Seen) -> F64:
        return state * (1.0 + shift)

    def weigh(self, state: F64, seen: Seen) -> F64:
        return state


@dataclass(frozen=True)
class CoxRows(TrialRows):
    """Proportional hazards with Breslow's ties; the state is the relative hazard.

    Rows are in order of time; ``starts`` are the first rows of each time. A response is 1 where the
    row ends with the event.
    """

    starts: I64
    reach: ClassVar[Reach] = "cohort"

    def evaluate(self, eta: F64, tau: F64, seen: Seen) -> tuple[F64, F64, F64]:
        hazard = seen.m[:, None] * np.exp(eta)
        events = seen.m[:, None] * seen.y[:, None]
        return events - self.weigh(hazard, seen), _no_thresholds(eta), hazard

    def multiply(self, u: F64, tau: F64, state: F64, seen: Seen) -> tuple[F64, F64]:
        at_risk = self._at_risk(state)
        jumps = self._events(seen) / np.square(np.where(at_risk > 0.0, at_risk, 1.0))
        means = self._accumulate(jumps * self._at_risk(state * u), seen)
        return self.weigh(state, seen) * u - state * means, _no_thresholds(u)

    def shift(self, state: F64, shift: F64, tau: F64, seen: Seen) -> F64:
        return state * (1.0 + shift)

    def weigh(self, state: F64, seen: Seen) -> F64:
        at_risk = self._at_risk(state)
        jumps = self._events(seen) / np.where(at_risk > 0.0, at_risk, 1.0)
        return state * self._accumulate(jumps, seen)

    def weigh_pairs(self, state: F64, seen: Seen) -> F64:
        return np.asarray(self.weigh(state, seen)[0])

    def _events(self, seen: Seen) -> F64:
        """Return the events at each time."""
        return np.asarray(np.add.reduceat(seen.m * seen.y, self.starts, axis=-1)[:, :, None])

    def _at_risk(self, of_rows: F64) -> F64:
        """Return the sums over those at risk at each time."""
        sums = np.cumsum(of_rows[..., ::-1], axis=-1)[..., ::-1]
        return np.asarray(sums[..., self.starts])

    def _accumulate(self, of_times: F64, seen: Seen) -> F64:
        """Return, for each row, the sum over the times up to its own."""
        counts = np.diff(self.starts, append=seen.y.shape[1])
        return np.repeat(np.cumsum(of_times, axis=-1), counts, axis=-1)
