"""The kernel carries likelihoods of every shape: row models on trial against statsmodels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import statsmodels.api as sm
from numpy.typing import NDArray

from proteomr._typing import F64, Bool
from proteomr.stats.batched_regressions import BatchedRegressions
from proteomr.stats.block_rows import lay_out_block
from proteomr.stats.chunked import ChunkedDesign, chunk_design
from proteomr.stats.multinomial_rows import MultinomialRows
from proteomr.stats.ordinal_rows import OrdinalRows
from proteomr.stats.row_models import Base, RowModel
from tests.stats.trial_models import CoxRows, PoissonRows

N, PROTEINS, LEVELS = 2600, 4, 4
# Estimate and error of the protein in each predictor, given the columns of one fit, the protein
# last, its responses and its rows.
Oracle = Callable[[F64, F64, Bool], tuple[F64, F64]]


@dataclass(frozen=True)
class Trial:
    """A row model, data for it, and who says what is right."""

    model: RowModel
    design: ChunkedDesign
    responses: F64
    borders: F64
    mask: NDArray[np.float32]
    oracle: Oracle

    def build(self) -> BatchedRegressions:
        bases = [self.model.fit_base(self.design, y) for y in self.responses]
        certain: list[Base] = [base for base in bases if base is not None]
        assert len(certain) == len(bases)
        return BatchedRegressions(self.design, certain, model=self.model)


@dataclass(frozen=True)
class Draw:
    """Covariates and proteins, from which each trial makes its responses."""

    dense: F64
    site: NDArray[np.int64]
    borders: F64
    mask: NDArray[np.float32]
    eta: F64
    chance: F64


def draw(*, effect: float, own: int, seed: int = 0) -> Draw:
    g = np.random.default_rng(seed)
    site = np.sort(g.integers(0, 5, N))
    dense = np.linalg.qr(g.normal(size=(N, 3)))[0] * np.sqrt(N)
    mask = (g.random((PROTEINS, N)) < np.linspace(0.7, 1.0, PROTEINS)[:, None]).astype(np.float32)
    borders = g.normal(size=(PROTEINS, 1 + own, N)) * mask[:, None]
    eta = effect * borders[0, 0] + 0.3 * dense[:, 0] + 0.1 * (site % 3)
    return Draw(dense, site, borders, mask, eta, g.random((2, N)))


def with_intercept(data: Draw) -> ChunkedDesign:
    cells = np.column_stack([np.ones(5), np.eye(5)[:, 1:]])
    return chunk_design(data.dense, cells, data.site)


def try_poisson(*, effect: float, own: int) -> Trial:
    data = draw(effect=effect, own=own)
    y = np.random.default_rng(1).poisson(np.exp(data.eta - 0.5), (2, N)).astype(float)

    def oracle(X: F64, y: F64, rows: Bool) -> tuple[F64, F64]:
        fit = sm.GLM(y[rows], X[rows], family=sm.families.Poisson()).fit(tol=1e-14, maxiter=100)
        return fit.params[-1:], fit.bse[-1:]

    return Trial(PoissonRows(), with_intercept(data), y, data.borders, data.mask, oracle)


def try_multinomial(*, effect: float, own: int) -> Trial:
    data = draw(effect=effect, own=own)
    slopes = np.linspace(0.0, 1.0, LEVELS)
    powers = np.exp(slopes[:, None] * data.eta)
    shares = np.cumsum(powers / powers.sum(axis=0), axis=0)
    y = (data.chance[:, None] > shares).sum(axis=1).astype(float)

    def oracle(X: F64, y: F64, rows: Bool) -> tuple[F64, F64]:
        fit = sm.MNLogit(y[rows], X[rows]).fit(disp=0, method="newton", tol=1e-12, maxiter=50)
        return np.asarray(fit.params)[-1], np.asarray(fit.bse)[-1]

    model = MultinomialRows.load(np.ones((LEVELS, N)))
    return Trial(model, with_intercept(data), y, data.borders, data.mask, oracle)


def try_ordinal(*, effect: float, own: int) -> Trial:
    data = draw(effect=effect, own=own)
    latent = data.eta + np.log(data.chance / (1.0 - data.chance))
    y = (latent[:, None] > np.array([-1.0, 0.2, 1.5])[:, None]).sum(axis=1).astype(float)
    design = chunk_design(data.dense, np.eye(5)[:, 1:], data.site)
    model = OrdinalRows.load(LEVELS, compiled=own == 0)
    return Trial(model, design, y, data.borders, data.mask, fit_ordinal)


def try_cox(*, effect: float, own: int) -> Trial:
    data = draw(effect=effect, own=own)
    event_at = -np.log(data.chance[0]) * np.exp(-data.eta)
    time = np.ceil(40.0 * np.minimum(event_at, data.chance[1] * 3.0))
    order = np.argsort(time, kind="stable")
    time, event = time[order], (event_at < data.chance[1] * 3.0)[order].astype(float)
    starts = np.flatnonzero(np.diff(time, prepend=-1.0) > 0)
    dense = np.column_stack([data.dense, data.site == 2])[order]
    design = chunk_design(dense, np.empty((1, 0)), np.zeros(N, dtype=np.int64))

    def oracle(X: F64, y: F64, rows: Bool) -> tuple[F64, F64]:
        model = sm.PHReg(time[rows], X[rows], status=y[rows], ties="breslow")
        fit = model.fit(tol=1e-12, disp=0)
        return fit.params[-1:], fit.bse[-1:]

    borders, mask = data.borders[:, :, order], data.mask[:, order]
    return Trial(CoxRows(starts), design, event[None], borders, mask, oracle)


def fit_ordinal(X: F64, y: F64, rows: Bool) -> tuple[F64, F64]:
    """Maximise the likelihood of proportional odds from its text alone: the score by a complex
    step, the information by differences of it, Richardson's extrapolation of two.
    """
    X, levels = X[rows], y[rows].astype(int)

    def score(theta: F64) -> F64:
        # h = 1e-30 leaves no error of its own.
        steps = theta + 1e-30j * np.eye(theta.size)
        zero = np.zeros(theta.size)
        tau = np.column_stack([zero - 1e3, steps[:, : LEVELS - 1], zero + 1e3])
        eta = steps[:, LEVELS - 1 :] @ X.T
        upper, lower = (
            1.0 / (1.0 + np.exp(np.clip(eta - tau[:, levels + i], -700, 700))) for i in (1, 0)
        )
        return np.asarray(np.log(upper - lower).sum(axis=1).imag / 1e-30)

    def inform(theta: F64) -> F64:
        def differ(h: float) -> F64:
            units = h * np.eye(theta.size)
            return np.array([(score(theta - u) - score(theta + u)) / (2 * h) for u in units])

        return (4 * differ(5e-4) - differ(1e-3)) / 3

    theta = np.concatenate([[-1.0, 0.0, 1.0], np.zeros(X.shape[1])])
    for _ in range(9):
        theta = theta + np.linalg.solve(inform(theta), score(theta))
    return theta[-1:], np.sqrt(np.diagonal(np.linalg.inv(inform(theta))))[-1:]


TRIALS = [try_poisson, try_multinomial, try_ordinal, try_cox]


@pytest.mark.parametrize("make", TRIALS)
@pytest.mark.parametrize(("effect", "own"), [(0.3, 0), (1.0, 2)])
def test_each_fit_of_a_row_model_on_trial_equals_the_fit_of_its_own_rows(
    make: Callable[..., Trial], effect: float, own: int
) -> None:
    trial = make(effect=effect, own=own)
    found = trial.build().fit(lay_out_block(trial.borders, trial.mask))
    assert found.converged.all()
    assert found.estimate.shape == (PROTEINS, len(trial.responses), trial.model.predictors)
    for j, f in [(0, 0), (PROTEINS - 1, len(trial.responses) - 1)]:
        border = trial.borders[j]
        X = np.column_stack([trial.design.matrix(), border[1:].T, border[0]])
        estimate, se = trial.oracle(X, trial.responses[f], trial.mask[j] > 0)
        np.testing.assert_allclose(found.se[j, f], se, rtol=1e-8)
        assert np.abs((found.estimate[j, f] - estimate) / se).max() < 1e-8


@pytest.mark.parametrize("make", TRIALS)
def test_what_has_a_certificate_is_the_maximum_however_strong_the_effect(
    make: Callable[..., Trial],
) -> None:
    trial = make(effect=2.5, own=0)
    found = trial.build().fit(lay_out_block(trial.borders, trial.mask))
    # With a log link the first full step runs away, which must not pass for a maximum.
    assert found.converged[0, 0] == (make is not try_poisson)
    for j in np.flatnonzero(found.converged[:2, 0]):
        X = np.column_stack([trial.design.matrix(), trial.borders[j, 0]])
        estimate, se = trial.oracle(X, trial.responses[0], trial.mask[j] > 0)
        np.testing.assert_allclose(found.se[j, 0], se, rtol=1e-8)
        assert np.abs((found.estimate[j, 0] - estimate) / se).max() < 1e-8
