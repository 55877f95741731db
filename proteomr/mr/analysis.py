"""All that is told of pairs of an exposure and an outcome: estimates and their diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import InputError
from proteomr.execute import Executor
from proteomr.mr.estimate import estimate
from proteomr.mr.methods.method import Method
from proteomr.mr.rucker import choose_models, find_outliers
from proteomr.mr.sensitivity import (
    leave_one_out,
    measure_heterogeneity,
    measure_pleiotropy,
    split_variants,
)
from proteomr.mr.steiger import judge_direction, sample_sizes
from proteomr.mr.verdict import judge_pairs
from proteomr.stats.multiple import adjust
from proteomr.stats.variance_explained import (
    correlation_from_beta,
    correlation_from_log_odds,
)
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["Analysis", "TraitSize", "add_q", "analyse", "measure_direction", "measure_pairs"]


@dataclass(frozen=True, slots=True)
class TraitSize:
    """What is known of a trait's study beside its summary statistics.

    Parameters
    ----------
    n_case, n_control : people of a binary trait, whose effects are log odds ratios.
    prevalence : of a binary trait in the population.
    """

    n_case: float | None = None
    n_control: float | None = None
    prevalence: float = 0.1

    @property
    def binary(self) -> bool:
        """Whether cases and controls are told."""
        return self.n_case is not None and self.n_control is not None


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The tables of an analysis, by the names of their files.

    Parameters
    ----------
    estimates, heterogeneity, pleiotropy, singlesnp, leaveoneout, rucker, outliers, steiger, \
    verdict : each in the schema of its name.
    """

    estimates: pl.DataFrame
    heterogeneity: pl.DataFrame
    pleiotropy: pl.DataFrame
    singlesnp: pl.DataFrame
    leaveoneout: pl.DataFrame
    rucker: pl.DataFrame
    outliers: pl.DataFrame
    steiger: pl.DataFrame
    verdict: pl.DataFrame

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def analyse(
    pairs: Sequence[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
    outcome_size: TraitSize | None = None,
) -> Analysis:
    """Return the estimates of pairs with every diagnostic.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    methods : as `proteomr.mr.estimate.build_methods` gives them.
    seed : of the random numbers.
    executor : runs blocks of pairs; None for one after another.
    outcome_size : of binary outcomes, for the direction; None for quantitative ones.

    Examples
    --------
    >>> from proteomr.mr.estimate import build_methods
    >>> pair = Harmonised(
    ...     exposures=("loneliness",),
    ...     outcome="ADM",
    ...     variants=pl.DataFrame({"variant_id": ["rs1", "rs2", "rs3"]}),
    ...     beta_x=np.array([[0.1], [0.2], [0.3]]),
    ...     se_x=np.full((3, 1), 0.01),
    ...     beta_y=np.array([0.06, 0.09, 0.15]),
    ...     se_y=np.full(3, 0.02),
    ... )
    >>> analysis = analyse([pair], build_methods(["ivw", "egger"]))
    >>> analysis.estimates.height, analysis.leaveoneout.height, analysis.verdict.height
    (2, 4, 1)
    """
    analysis = measure_pairs(
        pairs, methods, seed=seed, executor=executor, outcome_size=outcome_size
    )
    return replace(analysis, estimates=add_q(analysis.estimates))


def measure_pairs(
    pairs: Sequence[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
    outcome_size: TraitSize | None = None,
) -> Analysis:
    """Return what `analyse` does but for the q values, for which all pairs are needed.

    No number of a pair depends on the other pairs.

    Parameters
    ----------
    pairs, methods, seed, executor, outcome_size : see `analyse`.

    Examples
    --------
    >>> measure_pairs([], []).estimates.height
    0
    """
    estimates = estimate(pairs, methods, seed=seed, executor=executor)
    heterogeneity = measure_heterogeneity(pairs)
    pleiotropy = measure_pleiotropy(pairs)
    steiger = measure_direction(pairs, outcome_size=outcome_size)
    return Analysis(
        estimates=estimates,
        heterogeneity=heterogeneity,
        pleiotropy=pleiotropy,
        singlesnp=split_variants(pairs),
        leaveoneout=leave_one_out(pairs),
        rucker=choose_models(pairs),
        outliers=find_outliers(pairs),
        steiger=steiger,
        verdict=judge_pairs(
            estimates, heterogeneity=heterogeneity, pleiotropy=pleiotropy, steiger=steiger
        ),
    )


def measure_direction(
    pairs: Sequence[Harmonised], *, outcome_size: TraitSize | None = None
) -> pl.DataFrame:
    """Return Steiger's test of each pair whose sample sizes are known.

    Returns
    -------
    table : the schema ``steiger``; pairs of unknown sizes have a row with the reason.

    Examples
    --------
    >>> measure_direction([]).height
    0
    """
    declared = load_schema("steiger")
    rows = [_direct(pair, outcome_size or TraitSize()) for pair in pairs]
    return declared.validate(
        pl.DataFrame(rows, infer_schema_length=None) if rows else declared.empty()
    )


def _direct(pair: Harmonised, size: TraitSize) -> dict[str, object]:
    row: dict[str, object] = {
        c.EXPOSURE: pair.exposures[0],
        c.OUTCOME: pair.outcome,
        c.NSNP: pair.m,
        "r2_exposure": None,
        "r2_outcome": None,
        "exposure_first": None,
        c.NEG_LOG10_P: None,
        c.P_VALUE: None,
        "sensitivity_ratio": None,
        c.MESSAGE: None,
    }
    try:
        n_x, n_y = sample_sizes(pair, "n_exposure"), _outcome_sizes(pair, size)
        direction = judge_direction(
            correlation_from_beta(pair.x, pair.sx, n_x),
            _correlate_outcome(pair, size, n_y),
            n_x=float(n_x.mean()) if n_x.size else float("nan"),
            n_y=float(n_y.mean()) if n_y.size else float("nan"),
        )
    except InputError as fault:
        return {**row, c.MESSAGE: str(fault)}
    ratio = direction.sensitivity_ratio
    return {
        **row,
        "r2_exposure": direction.r2_exposure,
        "r2_outcome": direction.r2_outcome,
        "exposure_first": direction.exposure_first,
        c.NEG_LOG10_P: direction.neg_log10_p,
        c.P_VALUE: direction.p_value,
        "sensitivity_ratio": ratio if np.isfinite(ratio) else None,
    }


def _outcome_sizes(pair: Harmonised, size: TraitSize) -> F64:
    if size.n_case is not None and size.n_control is not None:
        return np.full(pair.m, size.n_case + size.n_control)
    return sample_sizes(pair, "n_outcome")


def _correlate_outcome(pair: Harmonised, size: TraitSize, n_y: F64) -> F64:
    if size.n_case is None or size.n_control is None:
        return correlation_from_beta(pair.beta_y, pair.se_y, n_y)
    if "eaf_outcome" not in pair.variants.columns or pair.variants["eaf_outcome"].null_count():
        raise InputError("frequencies are needed: eaf_outcome is not known of every variant")
    return correlation_from_log_odds(
        pair.beta_y,
        pair.variants["eaf_outcome"].cast(pl.Float64).to_numpy(),
        n_case=size.n_case,
        n_control=size.n_control,
        prevalence=size.prevalence,
    )


def add_q(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return estimates with Benjamini-Hochberg q values over all pairs, method by method.

    Examples
    --------
    >>> add_q(load_schema("estimates").empty()).columns[-1]
    'q_bh'
    """
    minus_log = estimates[c.NEG_LOG10_P].to_numpy().astype(np.float64)
    method = estimates[c.METHOD].to_numpy()
    q = np.full(estimates.height, np.nan)
    for key in np.unique(method):
        rows = np.flatnonzero(method == key)
        if not np.isnan(minus_log[rows]).all():
            q[rows] = adjust(minus_log[rows], method="bh")
    return estimates.with_columns(pl.Series(c.Q_BH, q, dtype=pl.Float64).fill_nan(None))
