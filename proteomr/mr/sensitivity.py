"""What a reviewer asks of an estimate: heterogeneity, pleiotropy, single variants, direction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.mr.estimate import EstimateRow
from proteomr.mr.methods.base import Estimate
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.methods.maximum_likelihood import MaximumLikelihood
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.units import bring_to_size
from proteomr.stats.distributions import neg_log10_p_normal, p_from_neg_log10
from proteomr.status import Status
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["leave_one_out", "measure_heterogeneity", "measure_pleiotropy", "split_variants"]

ALL: Final = "all"
_TOGETHER: Final = (InverseVarianceWeighted(), EggerRegression())
_WITH_Q: Final = (*_TOGETHER, MaximumLikelihood())
_KEYS: Final = (c.EXPOSURE, c.OUTCOME, c.DIRECTION, c.METHOD)
_EVERY: Final = pl.Series([ALL], dtype=pl.String)
_UNNUMBERED: Final = pl.Series([None], dtype=pl.String)


def measure_heterogeneity(
    pairs: Iterable[Harmonised], further: Sequence[EstimateRow] = ()
) -> pl.DataFrame:
    r"""Return Cochran's Q of the inverse-variance weighted, Egger and likelihood estimates.

    .. math:: Q = \sum_j w_j (y_j - \hat y_j)^2, \quad I^2 = \max(0, (Q - df) / Q), \quad
              H = \sqrt{Q / df}

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    further : estimates whose own Q stands there too, such as those of correlated variants.

    Returns
    -------
    table : the schema ``heterogeneity``; pairs of too few variants have no row.

    Examples
    --------
    >>> measure_heterogeneity([]).columns[:4]
    ['exposure', 'outcome', 'direction', 'method']
    """
    rows = []
    listed = list(pairs)
    for pair, *fits in zip(listed, *(_run(method, listed) for method in _WITH_Q), strict=True):
        for method, fit in zip(_WITH_Q, fits, strict=True):
            rows += _describe_q({**_names(pair), c.METHOD: method.key}, fit)
    for *names, fit in further:
        rows += _describe_q(dict(zip(_KEYS, names, strict=True)), fit)
    return _tabulate("heterogeneity", rows)


def measure_pleiotropy(
    pairs: Iterable[Harmonised], further: Sequence[EstimateRow] = ()
) -> pl.DataFrame:
    """Return the intercept of Egger regression, which no directional pleiotropy leaves at zero.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    further : estimates whose own intercept stands there too.

    Returns
    -------
    table : the schema ``pleiotropy``; pairs of fewer than three variants have no row.

    Examples
    --------
    >>> measure_pleiotropy([]).height
    0
    """
    rows = []
    listed = list(pairs)
    for pair, fit in zip(listed, _run(EggerRegression(), listed), strict=True):
        rows += _describe_intercept({**_names(pair), c.METHOD: EggerRegression.key}, fit)
    for *names, fit in further:
        rows += _describe_intercept(dict(zip(_KEYS, names, strict=True)), fit)
    return _tabulate("pleiotropy", rows)


def _describe_q(keys: dict[str, str], fit: Estimate) -> list[dict[str, Any]]:
    """Return the row of an estimate's Q; none where it has no test."""
    if fit.status != Status.ok or "q_neg_log10_p" not in fit.details:
        return []
    q, df = fit.details["q"], fit.details["q_df"]
    minus_log = fit.details["q_neg_log10_p"]
    return [
        {
            **keys,
            "q": q,
            "q_df": int(df),
            c.NEG_LOG10_P: minus_log,
            c.P_VALUE: float(p_from_neg_log10(np.array([minus_log]))[0]),
            "i2": fit.details["i2"],
            "h": float(np.sqrt(q / df)),
        }
    ]


def _describe_intercept(keys: dict[str, str], fit: Estimate) -> list[dict[str, Any]]:
    """Return the row of an estimate's intercept; none where it has none."""
    if fit.status != Status.ok or "intercept" not in fit.details:
        return []
    minus_log = fit.details["intercept_neg_log10_p"]
    return [
        {
            **keys,
            "egger_intercept": fit.details["intercept"],
            c.SE: fit.details["intercept_se"],
            c.NEG_LOG10_P: minus_log,
            c.P_VALUE: float(p_from_neg_log10(np.array([minus_log]))[0]),
            "i2_gx": fit.details.get("i2_gx", float("nan")),
        }
    ]


def split_variants(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    r"""Return the ratio of each variant by itself, and the estimates of all of them together.

    .. math:: \hat\beta_j = y_j / x_j, \qquad s_j = s_{yj} / |x_j|

    Returns
    -------
    table : the schema ``singlesnp``: variants as they stand in the pair, then ``all`` by the
        methods ivw and egger. A variant without effect on the exposure, or with one so small
        that no number holds the ratio, has empty numbers.

    Examples
    --------
    >>> split_variants([]).height
    0
    """
    rows = _Rows()
    listed = list(pairs)
    for pair, *fits in zip(listed, *(_run(method, listed) for method in _TOGETHER), strict=True):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ratio, se = pair.beta_y / pair.x, pair.se_y / np.abs(pair.x)
        rows.add_variants(pair, "wald", *_keep_numbers(ratio, se))
        for method, fit in zip(_TOGETHER, fits, strict=True):
            rows.add_all(pair, method.key, fit)
    return rows.tabulate("singlesnp")


def leave_one_out(pairs: Iterable[Harmonised]) -> pl.DataFrame:
    """Return the inverse-variance weighted estimate without each variant, and with all of them.

    Returns
    -------
    table : the schema ``leaveoneout``; ``variant_id`` is the one left out, or ``all``. Pairs of
        fewer than three variants have the row ``all`` alone.

    Examples
    --------
    >>> leave_one_out([]).height
    0
    """
    rows = _Rows()
    listed = list(pairs)
    for pair, fit in zip(listed, _run(InverseVarianceWeighted(), listed), strict=True):
        if pair.m > 2:
            rows.add_variants(pair, "ivw", *_without_each(pair))
        rows.add_all(pair, "ivw", fit)
    return rows.tabulate("leaveoneout")


def _without_each(pair: Harmonised) -> tuple[F64, F64]:
    """Return (m,) estimates and standard errors, from sums less one variant's share."""
    found = bring_to_size(pair)
    if found is None:
        return np.full(pair.m, np.nan), np.full(pair.m, np.nan)
    estimate, se = _leave_out_each(found[0])
    with np.errstate(over="ignore", under="ignore"):
        estimate, se = np.ldexp(estimate, found[1]), np.ldexp(se, found[1])
    return _keep_numbers(estimate, se)


def _keep_numbers(estimate: F64, se: F64) -> tuple[F64, F64]:
    """Return estimates and errors, NaN where one is beyond what a number holds."""
    told = np.isfinite(estimate) & np.isfinite(se) & (se > 0.0)
    return np.where(told, estimate, np.nan), np.where(told, se, np.nan)


def _leave_out_each(pair: Harmonised) -> tuple[F64, F64]:
    """Return what :func:`_without_each` does, of effects of the size of one."""
    w, x, y = 1 / pair.se_y**2, pair.x, pair.beta_y
    xx, xy, yy = w * x * x, w * x * y, w * y * y
    left_xx, left_xy, left_yy = (share.sum() - share for share in (xx, xy, yy))
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = left_xy / left_xx
        q = np.maximum(left_yy - estimate * left_xy, 0.0)
        sigma = np.sqrt(q / (pair.m - 2))
        se = np.maximum(1.0, sigma) / np.sqrt(left_xx)
    nothing = left_xx <= 0
    return np.where(nothing, np.nan, estimate), np.where(nothing, np.nan, se)


def _run(method: Method, pairs: Sequence[Harmonised]) -> list[Estimate]:
    return method.estimate_many(pairs, draw=lambda _: np.random.default_rng(0))


def _names(pair: Harmonised) -> dict[str, str]:
    return {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.DIRECTION: pair.direction,
    }


@dataclass(slots=True, eq=False)
class _Rows:
    """Rows of single variants and of all of them, gathered pair by pair into columns."""

    pairs: list[Harmonised] = field(default_factory=list[Harmonised])
    methods: list[str] = field(default_factory=list[str])
    variants: list[pl.Series] = field(default_factory=list[pl.Series])
    numbers: list[pl.Series] = field(default_factory=list[pl.Series])
    estimates: list[F64] = field(default_factory=list[F64])
    errors: list[F64] = field(default_factory=list[F64])
    minus_logs: list[F64] = field(default_factory=list[F64])

    def add_variants(self, pair: Harmonised, method: str, estimate: F64, se: F64) -> None:
        """Add a row for each variant of a pair, its p value of the normal distribution."""
        with np.errstate(divide="ignore", invalid="ignore"):  # ratios beyond numbers have no p
            z = estimate / se
        known = "rsid" in pair.variants.columns
        rsid = pair.variants["rsid"] if known else _UNNUMBERED
        self._add(
            pair,
            method,
            pair.variants[c.VARIANT_ID].cast(pl.String),
            rsid.cast(pl.String) if known else rsid.new_from_index(0, pair.m),
            (estimate, se, neg_log10_p_normal(z)),
        )

    def add_all(self, pair: Harmonised, method: str, fit: Estimate) -> None:
        """Add a row for all variants of a pair together, unless there is no estimate."""
        if fit.status == Status.ok:
            values = (np.array([each]) for each in (fit.estimate, fit.se, fit.neg_log10_p))
            self._add(pair, method, _EVERY, _UNNUMBERED, tuple(values))

    def _add(
        self,
        pair: Harmonised,
        method: str,
        variants: pl.Series,
        numbers: pl.Series,
        values: tuple[F64, ...],
    ) -> None:
        self.pairs.append(pair)
        self.methods.append(method)
        self.variants.append(variants)
        self.numbers.append(numbers)
        for column, own in zip((self.estimates, self.errors, self.minus_logs), values, strict=True):
            column.append(own)

    def tabulate(self, schema: str) -> pl.DataFrame:
        """Return the rows as the table of a schema."""
        declared = load_schema(schema)
        if not self.pairs:
            return declared.empty()
        counts = np.array([each.size for each in self.estimates])
        place = pl.Series(np.repeat(np.arange(counts.size), counts))
        names = [_names(pair) for pair in self.pairs]
        minus_log = np.concatenate(self.minus_logs)
        columns = {
            c.ESTIMATE: np.concatenate(self.estimates),
            c.SE: np.concatenate(self.errors),
            c.NEG_LOG10_P: minus_log,
            c.P_VALUE: p_from_neg_log10(minus_log),
        }
        frame = pl.DataFrame(
            {
                **{
                    key: pl.Series([name[key] for name in names], dtype=pl.String).gather(place)
                    for key in (c.EXPOSURE, c.OUTCOME, c.DIRECTION)
                },
                c.VARIANT_ID: pl.concat(self.variants),
                "rsid": pl.concat(self.numbers),
                c.METHOD: pl.Series(self.methods, dtype=pl.String).gather(place),
                **{name: pl.Series(values).fill_nan(None) for name, values in columns.items()},
            }
        )
        return declared.validate(frame)


def _tabulate(schema: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    declared = load_schema(schema)
    if not rows:
        return declared.empty()
    frame = pl.DataFrame(rows, infer_schema_length=None)
    return declared.validate(frame.with_columns(pl.selectors.float().fill_nan(None)))
