"""Curves by dose as the tables `meta_dose` and `meta_dose_curve`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal, cast

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import UsageError
from proteomr.meta.dose_studies import DosedStudy
from proteomr.meta.pooled_tables import Inference, name_statuses, shape_table
from proteomr.meta.specification import FEWEST_KNOTS, DoseOptions, MetaRequest
from proteomr.runs.notes import add_note
from proteomr.stats.distributions import neg_log10_p_chi2, p_from_neg_log10, quantile_normal
from proteomr.stats.dose_response import PooledCurve, bend_dose, fit_slope, pool_curves
from proteomr.stats.pooling import pool_effects
from proteomr.stats.study_effects import StudyEffects
from proteomr.status import Status
from proteomr.tables import columns as c

__all__ = ["check_dose_method", "tabulate_doses"]

_KNOTS = (0.1, 0.5, 0.9)  # Harrell's places of three knots
_STEPS = 11


@dataclass(frozen=True, slots=True)
class _Curve:
    """The pooled curve of one key."""

    key: tuple[str | None, ...]
    fit: PooledCurve
    df: float
    knots: tuple[float, ...]
    studies: int
    points: int
    reference: float
    at: F64


def check_dose_method(asked: MetaRequest, options: DoseOptions) -> None:
    """Refuse estimators that several coefficients, or one stage, do not have.

    Raises
    ------
    UsageError
        The estimator is for lines of two stages.
    """
    plain = options.shape == "linear" and options.stages == "two"
    if not plain and asked.tau2 not in {"FE", "ML", "REML"}:
        raise UsageError(
            f"--tau2 {asked.tau2} is for lines of two stages; splines and one stage have FE, ML "
            "and REML"
        )
    if not plain and asked.hartung != "none":
        raise UsageError("--hksj is for lines of two stages")


def tabulate_doses(
    keys: Sequence[str], studies: Sequence[DosedStudy], asked: MetaRequest, options: DoseOptions
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the tables ``meta_dose`` and ``meta_dose_curve``."""
    curves = [
        _fit(key, list(group), asked, options)
        for key, group in groupby(studies, key=lambda one: one.key)
    ]
    tables = [_tabulate(curve, keys, asked) for curve in curves]
    return pl.concat([one for one, _ in tables]), pl.concat([two for _, two in tables])


def _fit(
    key: tuple[str | None, ...], studies: list[DosedStudy], asked: MetaRequest, options: DoseOptions
) -> _Curve:
    doses = np.concatenate([[s.study.reference, *s.study.dose] for s in studies])
    knots = options.knots
    if options.shape == "spline" and not knots:
        knots = tuple(float(value) for value in np.quantile(doses, _KNOTS))
    reference = float(np.min([s.study.reference for s in studies]))
    at = np.array(options.at) if options.at else np.linspace(doses.min(), doses.max(), _STEPS)
    distinct = len(set(knots)) == len(knots)
    designs = [_design(s, knots if distinct else ()) for s in studies]
    fit, df, used = _pool(studies, designs, asked, options)
    if options.shape == "spline" and not distinct:
        fit = PooledCurve(*_nothing(FEWEST_KNOTS - 1), np.nan, 0, int(Status.collinear))
    points = sum(s.study.y.size for s in studies)
    return _Curve(key, fit, df, knots if distinct else (0.0, 1.0, 2.0), used, points, reference, at)


def _nothing(q: int) -> tuple[F64, F64, F64]:
    return np.full(q, np.nan), np.full((q, q), np.nan), np.full((q, q), np.nan)


def _design(one: DosedStudy, knots: tuple[float, ...]) -> F64:
    held = np.append(one.study.dose, one.study.reference)
    bent = bend_dose(held, knots)
    return np.asarray(bent[:-1] - bent[-1])


def _pool(
    studies: list[DosedStudy], designs: list[F64], asked: MetaRequest, options: DoseOptions
) -> tuple[PooledCurve, float, int]:
    """Return the pooled curve, its degrees of freedom and how many studies are in it."""
    ys, S = [s.study.y for s in studies], [s.covariance for s in studies]
    q = designs[0].shape[1]
    if options.stages == "two":
        own = [fit_slope(X, y, V) for X, y, V in zip(designs, ys, S, strict=True)]
        fitted = [one for one in own if one is not None]
        few = [s.name for s, one in zip(studies, own, strict=True) if one is None]
        if few:
            add_note(
                f"{', '.join(few[:3])}: fewer doses than the curve has coefficients, left out of "
                "it; --dose-stages one takes them in"
            )
        if not fitted:
            return PooledCurve(*_nothing(q), np.nan, 0, int(Status.too_few)), np.inf, 0
        ys, S = [b for b, _ in fitted], [V for _, V in fitted]
        designs = [np.eye(q)] * len(fitted)
        if q == 1:
            return (*_pool_slopes(ys, S, asked), len(fitted))
    method = cast("Literal['FE', 'ML', 'REML']", asked.tau2)
    return pool_curves(designs, ys, S, method=method), np.inf, len(designs)


def _pool_slopes(ys: list[F64], S: list[F64], asked: MetaRequest) -> tuple[PooledCurve, float]:
    y, v = np.array([[b[0] for b in ys]]), np.array([[V[0, 0] for V in S]])
    effects = StudyEffects.of(y, v)
    fit = pool_effects(effects, method=asked.tau2, hartung=asked.hartung)
    flat = pool_effects(effects, method="FE")
    squares = float(((y - flat.beta) ** 2 / v).sum())
    curve = PooledCurve(
        fit.beta[0], fit.covariance[0], fit.tau2[:, None], squares, y.size - 1, int(fit.status[0])
    )
    return curve, float(fit.df[0])


def _tabulate(
    curve: _Curve, keys: Sequence[str], asked: MetaRequest
) -> tuple[pl.DataFrame, pl.DataFrame]:
    fit, q = curve.fit, curve.fit.beta.size
    sound = fit.status == Status.ok
    blank = np.full(q, np.nan)
    beta = fit.beta if sound else blank
    se = np.sqrt(np.diag(fit.covariance)) if sound else blank
    status = np.full(q, fit.status, dtype=np.int64)
    inference = Inference(beta, se, np.full(q, curve.df), status)
    columns = inference.columns(level=asked.level)
    columns["tau2"] = np.diag(fit.between) if sound else blank
    names = ["dose" + "'" * bend for bend in range(q)]
    statuses = name_statuses(status)
    if q > 1:
        columns = {name: np.append(values, np.nan) for name, values in columns.items()}
        _add_test(columns, beta, fit, sound=sound)
        names, statuses = [*names, "nonlinear"], [*statuses, statuses[0]]
    n = len(names)
    q_p = p_from_neg_log10(neg_log10_p_chi2([fit.q], [max(fit.df, 1)]))[0] if fit.df > 0 else 1.0
    q_p = np.nan if np.isnan(fit.q) else q_p
    for name, value in (
        ("k", curve.studies),
        ("points", curve.points),
        ("q", fit.q),
        ("q_df", fit.df),
    ):
        columns[name] = np.full(n, float(value))
    columns["q_p"] = np.full(n, q_p)
    told = [pl.Series("coefficient", names), pl.Series(c.STATUS, statuses)]
    repeated = _repeat(curve.key, keys, n)
    return shape_table("meta_dose", repeated, columns, told), _draw(curve, keys, asked, sound=sound)


def _add_test(columns: dict[str, F64], beta: F64, fit: PooledCurve, *, sound: bool) -> None:
    """Write Wald's test of all bends into the last row."""
    df = beta.size - 1
    columns["test_df"] = np.append(np.full(beta.size, np.nan), df)
    if not sound:
        return
    bends = fit.covariance[1:, 1:]
    wald = float(beta[1:] @ np.linalg.solve(bends, beta[1:]))
    minus_log = neg_log10_p_chi2([wald], [df])
    columns[c.STATISTIC][-1] = wald
    columns[c.NEG_LOG10_P][-1] = minus_log[0]
    columns[c.P_VALUE][-1] = p_from_neg_log10(minus_log)[0]


def _draw(curve: _Curve, keys: Sequence[str], asked: MetaRequest, *, sound: bool) -> pl.DataFrame:
    knots = curve.knots if curve.fit.beta.size > 1 else ()
    X = bend_dose(np.append(curve.at, curve.reference), knots)
    away = X[:-1] - X[-1]
    estimate = away @ curve.fit.beta if sound else np.full(curve.at.size, np.nan)
    V = curve.fit.covariance
    se = (
        np.sqrt(np.einsum("ij,jk,ik->i", away, V, away))
        if sound
        else np.full(curve.at.size, np.nan)
    )
    reach = float(quantile_normal([0.5 + 0.5 * asked.level])[0]) * se
    if np.isfinite(curve.df) and sound:
        one = Inference(
            estimate,
            np.maximum(se, 1e-300),
            np.full(se.shape, curve.df),
            np.zeros(se.shape, np.int64),
        )
        reach = np.where(se > 0.0, one.columns(level=asked.level)[c.CONF_HIGH] - estimate, 0.0)
    columns = {
        "dose": curve.at,
        "reference": np.full(curve.at.size, curve.reference),
        c.ESTIMATE: estimate,
        c.SE: se,
        c.CONF_LOW: estimate - reach,
        c.CONF_HIGH: estimate + reach,
        c.RATIO: np.exp(estimate),
    }
    return shape_table("meta_dose_curve", _repeat(curve.key, keys, curve.at.size), columns, [])


def _repeat(key: tuple[str | None, ...], keys: Sequence[str], n: int) -> pl.DataFrame:
    if not keys:
        return pl.DataFrame({"_all": [None] * n})
    return pl.DataFrame(
        {name: [value] * n for name, value in zip(keys, key, strict=True)},
        schema=dict.fromkeys(keys, pl.String),
    )
