"""Meta-regressions as the table `meta_moderators`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.design import build, parse
from proteomr.errors import InputError, UsageError, rows_have
from proteomr.meta.dependence import infer_dependent
from proteomr.meta.laying_out import Layout
from proteomr.meta.pooled_tables import Inference, cut_units, name_statuses, shape_table
from proteomr.meta.specification import MetaRequest
from proteomr.runs.notes import add_note
from proteomr.stats.between_studies import estimate_tau2
from proteomr.stats.distributions import p_from_neg_log10
from proteomr.stats.pooling import Pooled, measure_heterogeneity, pool_effects
from proteomr.stats.study_effects import StudyEffects
from proteomr.status import Status
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["tabulate_moderators"]


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Meta-regressions of some units, and what is said of each as a whole."""

    fit: Pooled
    joint: tuple[F64, I64, F64]
    whole: dict[str, F64]


def tabulate_moderators(
    layout: Layout, asked: MetaRequest, *, correlation: F64 | None
) -> tuple[pl.DataFrame, list[Drop]]:
    """Return a row for each coefficient of each key, and the rows without moderators as drops.

    Raises
    ------
    FormulaError, ColumnError
        A moderator is not there, or cannot be used.
    InputError
        No row has all of them.
    """
    names, X, drops = _build(layout, asked)
    y, v = layout.effects, layout.variances
    p = len(names)
    parts = [_fit(y[some], v[some], X[some], asked, correlation) for some in cut_units(*y.shape)]
    beta, se = (np.concatenate([getattr(part.fit, n) for part in parts]) for n in ("beta", "se"))
    df = np.concatenate([np.repeat(part.fit.df[:, None], p, axis=1) for part in parts])
    status = np.concatenate([part.fit.status for part in parts])
    joint = [np.concatenate([part.joint[i] for part in parts]) for i in range(3)]
    whole = {n: np.concatenate([part.whole[n] for part in parts]) for n in parts[0].whole}
    untold = np.zeros(beta.shape, dtype=np.bool_)
    if asked.cluster is not None:
        found = infer_dependent(layout, asked, X)
        beta, se, df, status = found.beta, found.se, found.df, found.status
        joint = list(found.joint.T)
        whole |= found.describe()
        whole["r2"] = np.full_like(whole["k"], np.nan)
        untold = found.untold
    m = y.shape[0]
    each = np.repeat(np.arange(m), p)
    codes = np.where(
        np.isnan(beta) & (status == Status.ok)[:, None], int(Status.collinear), status[:, None]
    )
    codes[untold] = int(Status.not_identified)
    inference = Inference(beta.ravel(), se.ravel(), df.ravel(), codes.ravel())
    columns = inference.columns(level=asked.level)
    columns |= {name: values[each] for name, values in whole.items()}
    columns |= {
        "qm": joint[0][each],
        "qm_df": joint[1][each],
        "qm_p": p_from_neg_log10(joint[2])[each],
    }
    told = [
        pl.Series("moderator", list(names) * m),
        pl.Series(c.STATUS, name_statuses(inference.status)),
    ]
    return shape_table("meta_moderators", layout.keys[each], columns, told), drops


def _build(layout: Layout, asked: MetaRequest) -> tuple[tuple[str, ...], F64, list[Drop]]:
    formula = parse(" + ".join(asked.moderators)).resolve(layout.frame.columns)
    clash = [n for n in formula.variables if n in {c.ESTIMATE, c.SE, c.STATUS}]
    if clash:
        raise UsageError(f"--moderator {clash[0]}: the effect cannot explain itself")
    used = list(formula.variables)
    rows = np.flatnonzero(
        layout.frame.select(pl.all_horizontal(pl.col(used).is_not_null())).to_series()
    )
    if not rows.size:
        raise InputError(f"no row has {' and '.join(used)}, which --moderator names")
    design = build(formula, layout.frame[rows])
    out = layout.frame.height - rows.size
    drops = [Drop("moderators", f"without {' or '.join(used)}", out)] if out else []
    if out:
        add_note(f"{rows_have(out)} no {' or '.join(used)}: left out of the meta-regression alone")
    return design.names, layout.spread_columns(design.matrix, rows.astype(np.int64)), drops


def _fit(y: F64, v: F64, X: F64, asked: MetaRequest, correlation: F64 | None) -> _Chunk:
    effects = StudyEffects.of(y, v, X, correlation=correlation)
    fit = pool_effects(effects, method=asked.tau2, hartung=asked.hartung)
    spread = measure_heterogeneity(effects, fit.tau2, method=asked.tau2)
    there = np.isfinite(X).all(axis=2)
    mean = StudyEffects.of(np.where(there, y, np.nan), v, correlation=correlation)
    plain = estimate_tau2(mean, asked.tau2) * mean.scale**2
    with np.errstate(divide="ignore", invalid="ignore"):
        explained = np.clip(100.0 * (1.0 - fit.tau2 / plain), 0.0, 100.0)
    explained = np.where(np.isfinite(fit.tau2), np.where(plain > 0.0, explained, 0.0), np.nan)
    whole = {
        "k": fit.k.astype(np.float64),
        "tau2": fit.tau2,
        "tau2_se": fit.tau2_se,
        "i2": spread.i2,
        "q": spread.q,
        "q_df": spread.df,
        "q_p": p_from_neg_log10(spread.neg_log10_p),
        "r2": np.full(plain.shape, np.nan) if asked.tau2 == "FE" else explained,
    }
    return _Chunk(fit, fit.test_jointly(slice(1, X.shape[2])), whole)
