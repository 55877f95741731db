"""The Cox family (the skeleton's, replaced by the one of the room)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from proteomr._typing import I64
from proteomr.models.base import Block, FitBlock, Layout, Problem, refuse_unfit
from proteomr.models.event_times import TIMES, count_events, count_persons
from proteomr.models.family import Distribution, Family, Scans, Support
from proteomr.models.targets import TargetKind

__all__ = ["Cox"]


@dataclass(frozen=True, slots=True)
class Cox(Family[Problem]):
    """Cox regression of each outcome on each protein."""

    name: ClassVar[str] = "cox"
    scans: ClassVar[Scans] = "predictor"
    takes: ClassVar[tuple[TargetKind, ...]] = (TIMES,)
    distribution: ClassVar[Distribution] = "normal"
    ratio: ClassVar[Literal["HR"]] = "HR"
    shares_rows: ClassVar[bool] = False
    supports: ClassVar[Support] = Support(
        roles=("outcome",), errors=("classical", "robust"), survival=("ties",)
    )

    def order(self, layout: Layout) -> I64:
        """Return the order of the ends of follow-up."""
        return np.argsort(layout.targets[0].values[:, 1], kind="stable")

    def prepare(self, problem: Problem) -> Problem:
        """Return the problem."""
        return problem

    def fit_block(self, state: Problem, block: Block) -> FitBlock:
        """Fit every model by Newton's method, with Breslow's ties."""
        fits = FitBlock.empty(block.values.shape[0], len(state.coefficients))
        fits.n[:] = count_persons(state, block)[:, None]
        fits.n_case[:] = count_events(state, block)
        fits.df[:] = np.inf
        open_fits = refuse_unfit(block, fits)
        for j, t in np.argwhere(open_fits).tolist():
            coefficient = state.coefficients[t]
            model = state.models[coefficient.model]
            rows = block.observed[j]
            columns = state.adjustments[model.adjustment].columns
            X = np.column_stack([block.values[j, rows], state.covariates[np.ix_(rows, columns)]])
            X = X[:, np.ptp(X, axis=0) > 0.0]
            end, event = state.targets[model.target].values[rows, 1:].T
            beta = np.zeros(X.shape[1])
            for _ in range(30):
                w = np.exp(X @ beta)
                s0 = np.cumsum(w[::-1])[::-1]
                s1 = np.cumsum((w[:, None] * X)[::-1], axis=0)[::-1]
                first = np.searchsorted(end, end, side="left")
                e = np.flatnonzero(event == 1.0)
                mean = s1[first[e]] / s0[first[e], None]
                score = X[e].sum(axis=0) - mean.sum(axis=0)
                information = np.zeros((X.shape[1],) * 2)
                for i, m in zip(first[e], mean, strict=True):
                    information += (X[i:].T * w[i:]) @ X[i:] / s0[i] - np.outer(m, m)
                step = np.linalg.solve(information, score)
                beta += step
                if score @ step < 1e-18:
                    break
            se = np.sqrt(np.linalg.inv(information)[0, 0])
            fits.accept(np.array([j]), t, estimate=beta[:1], se=np.array([se]))
        return fits

    def describe_path(self, state: Problem) -> str:
        """Say that fits go one by one."""
        del state
        return "one by one"
