"""All that is told of pairs of an exposure and an outcome: estimates and their diagnostics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from proteomr.execute import Executor
from proteomr.mr.choice import name_methods
from proteomr.mr.estimate import EstimateRow, estimate_rows, tabulate_estimates
from proteomr.mr.explained import EXCESS, Side, TraitSize, is_binary
from proteomr.mr.further import list_further, tabulate_further
from proteomr.mr.methods.method import Method
from proteomr.mr.rucker import choose_models, find_outliers
from proteomr.mr.sensitivity import (
    leave_one_out,
    measure_heterogeneity,
    measure_pleiotropy,
    split_variants,
)
from proteomr.mr.steiger import measure_direction
from proteomr.mr.verdict import PairKey, judge_pairs, word_verdicts
from proteomr.stats.multiple import adjust
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = [
    "Analysis",
    "TraitSize",
    "add_q",
    "add_units",
    "analyse",
    "measure_direction",
    "measure_pairs",
    "tell_log_odds",
]


@dataclass(frozen=True, slots=True, eq=False)
class Analysis:
    """The tables of an analysis, by the names of their files.

    Parameters
    ----------
    estimates, heterogeneity, pleiotropy, singlesnp, leaveoneout, rucker, outliers, steiger, \
    verdict : each in the schema of its name.
    further : the tables that the methods give beside their estimates, by name.
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
    further: Mapping[str, pl.DataFrame] = field(default_factory=dict[str, pl.DataFrame])

    @property
    def tables(self) -> Mapping[str, pl.DataFrame]:
        """The tables by name."""
        names = [name for name in self.__slots__ if name != "further"]
        return {name: getattr(self, name) for name in names} | dict(self.further)


def analyse(
    pairs: Sequence[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> Analysis:
    """Return the estimates of pairs with every diagnostic.

    Parameters
    ----------
    pairs : harmonised analyses of one exposure each.
    methods : as `proteomr.mr.estimate.build_methods` gives them.
    seed : of the random numbers.
    executor : runs blocks of pairs; None for one after another.
    exposure_size, outcome_size : of binary traits; None for what the variants tell.

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
        pairs,
        methods,
        seed=seed,
        executor=executor,
        exposure_size=exposure_size,
        outcome_size=outcome_size,
    )
    return replace(
        analysis,
        estimates=add_q(analysis.estimates),
        verdict=word_verdicts(analysis.verdict),
    )


def measure_pairs(
    pairs: Sequence[Harmonised],
    methods: Sequence[Method],
    *,
    seed: int = 1,
    executor: Executor | None = None,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> Analysis:
    """Return what `analyse` does but for q values and verdicts, for which all pairs are needed.

    No number of a pair depends on the other pairs. In the place of the verdicts stands their
    evidence, see `proteomr.mr.verdict.word_verdicts`.

    Parameters
    ----------
    pairs, methods, seed, executor, exposure_size, outcome_size : see `analyse`.

    Examples
    --------
    >>> measure_pairs([], []).estimates.height
    0
    """
    rows = estimate_rows(pairs, methods, seed=seed, executor=executor)
    estimates = tabulate_estimates(rows)
    correlated = _choose_correlated(rows, methods)
    heterogeneity = measure_heterogeneity(pairs, correlated)
    pleiotropy = measure_pleiotropy(pairs, correlated)
    steiger = measure_direction(pairs, exposure_size=exposure_size, outcome_size=outcome_size)
    return Analysis(
        estimates=add_units(
            estimates, pairs, exposure_size=exposure_size, outcome_size=outcome_size
        ),
        heterogeneity=heterogeneity,
        pleiotropy=pleiotropy,
        singlesnp=split_variants(pairs),
        leaveoneout=leave_one_out(pairs),
        rucker=choose_models(pairs),
        outliers=find_outliers(pairs),
        steiger=steiger,
        verdict=judge_pairs(
            estimates,
            heterogeneity=heterogeneity,
            pleiotropy=pleiotropy,
            steiger=steiger,
            caveats=_list_caveats(pairs, steiger),
        ),
        further=tabulate_further(rows, pairs, tables=list_further(methods)),
    )


def _choose_correlated(rows: Sequence[EstimateRow], methods: Sequence[Method]) -> list[EstimateRow]:
    """Return the estimates of methods for correlated variants."""
    names = [
        name
        for name, method in zip(name_methods(methods), methods, strict=True)
        if method.needs_correlations
    ]
    return [row for row in rows if row[3] in names]


def add_units(
    estimates: pl.DataFrame,
    pairs: Sequence[Harmonised],
    *,
    exposure_size: TraitSize | None = None,
    outcome_size: TraitSize | None = None,
) -> pl.DataFrame:
    """Return estimates with units where they are known, and odds ratios of binary outcomes.

    Parameters
    ----------
    estimates : of these pairs.
    pairs : whose variants may tell cases.
    exposure_size, outcome_size : of binary traits.

    Examples
    --------
    >>> add_units(load_schema("estimates").empty(), []).height
    0
    """
    units = pl.DataFrame(
        {
            c.EXPOSURE: [pair.exposures[0] for pair in pairs],
            c.OUTCOME: [pair.outcome for pair in pairs],
            c.DIRECTION: [pair.direction for pair in pairs],
            "exposure_unit": [_name_unit(pair, "exposure", exposure_size) for pair in pairs],
            "outcome_unit": [_name_unit(pair, "outcome", outcome_size) for pair in pairs],
        },
        schema_overrides=dict.fromkeys(
            (c.EXPOSURE, c.OUTCOME, c.DIRECTION, "exposure_unit", "outcome_unit"), pl.String
        ),
    )
    keys = [c.EXPOSURE, c.OUTCOME, c.DIRECTION]
    known = estimates.drop("exposure_unit", "outcome_unit").join(
        units, on=keys, how="left", maintain_order="left"
    )
    return _add_ratios(known)


def tell_log_odds(estimates: pl.DataFrame, side: Side) -> pl.DataFrame:
    """Return estimates whose exposures or outcomes are all in log odds, as the user says.

    Examples
    --------
    >>> tell_log_odds(load_schema("estimates").empty(), "outcome").height
    0
    """
    return _add_ratios(estimates.with_columns(pl.lit("log odds").alias(f"{side}_unit")))


def _add_ratios(estimates: pl.DataFrame) -> pl.DataFrame:
    """Return estimates with odds ratios where the outcome is in log odds."""
    ratio = pl.when(pl.col("outcome_unit").is_not_null()).then(pl.col(c.ESTIMATE).exp())
    finite = pl.when(ratio.is_finite()).then(ratio)  # none above the largest number
    return load_schema("estimates").validate(estimates.with_columns(finite.alias(c.RATIO)))


def _name_unit(pair: Harmonised, side: Side, size: TraitSize | None) -> str | None:
    return "log odds" if is_binary(pair, side, size) else None


def _list_caveats(
    pairs: Sequence[Harmonised], steiger: pl.DataFrame
) -> dict[PairKey, tuple[str, ...]]:
    """Return what speaks against the numbers of each pair beside its diagnostics."""
    keys = steiger.select(c.EXPOSURE, c.OUTCOME, c.DIRECTION).rows()
    impossible = pl.col("exposure_first").is_null() & pl.col(c.MESSAGE).str.contains(
        EXCESS, literal=True
    )
    why = steiger.select(pl.when(impossible).then(c.MESSAGE)).to_series().to_list()
    return {
        key: (*pair.caveats, *filter(None, [text]))
        for key, pair, text in zip(keys, pairs, why, strict=True)
    }


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
