"""Tests of several coefficients at once: of an interaction, and between strata."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.scan import JOINT_TESTS, PART_ORDER, TERM_POSITION
from proteomr.stats.distributions import neg_log10_p_chi2, p_from_neg_log10
from proteomr.tables import JointTests
from proteomr.tables import columns as c

__all__ = ["collect_joint_tests"]

HETEROGENEITY = "heterogeneity"
_KEYS = [c.PROTEIN, c.GENE, c.EXPOSURE, c.OUTCOME, c.ADJUSTMENT]
# All that a model is but its stratum.
_MODEL = list(PART_ORDER[:3])


def collect_joint_tests(
    parts: Iterable[pl.DataFrame], *, provenance: dict[str, object] | None = None
) -> JointTests:
    """Return the joint tests of a scan: of its models, and between its strata.

    Between strata it is Cochran's Q over the k of them that have an estimate of the main effect
    (Cochran 1954, doi:10.2307/3001666), on k - 1 degrees of freedom, for each contrast of a target
    by itself. There is none where a stratum
    is separated, since its estimate is infinite or penalised, or where fewer than two have one.

    Parameters
    ----------
    parts : of :func:`proteomr.scan.fit_blocks` or a run folder.
    """
    frame = pl.concat(parts).sort(PART_ORDER)
    rows = pl.concat([_list_tests_of_models(frame), _test_between_strata(frame)])
    order = [*_MODEL, "stratum_position"]
    rows = rows.sort(order, maintain_order=True, nulls_last=True)
    p = p_from_neg_log10(rows[c.NEG_LOG10_P].to_numpy().astype(np.float64))
    rows = rows.with_columns(pl.Series(c.P_VALUE, p, dtype=pl.Float64).fill_nan(None))
    return JointTests(rows.select(c.JOINT_TESTS), provenance or {})


def _list_tests_of_models(frame: pl.DataFrame) -> pl.DataFrame:
    tested = frame.filter(pl.col(JOINT_TESTS).is_not_null())
    listed = tested.select(*_MODEL, "stratum_position", *_KEYS, c.STRATUM, JOINT_TESTS)
    of_all = pl.lit(None, dtype=pl.String).alias(c.CONTRAST)
    return listed.explode(JOINT_TESTS).unnest(JOINT_TESTS).with_columns(of_all)


def _test_between_strata(frame: pl.DataFrame) -> pl.DataFrame:
    main = frame.filter(pl.col(TERM_POSITION) == 0)
    if main["stratum_position"].n_unique() < 2:
        main = main.clear()  # nothing to compare: groups of one row each take a tenth of a second
    keys = [*_MODEL, "contrast_position"]
    # a power of two changes no digit, and squares of errors of any size stay numbers
    unit = pl.lit(2.0).pow(pl.col(c.SE).max().log(2.0).floor())
    estimate, weight = pl.col(c.ESTIMATE) / unit, (pl.col(c.SE) / unit) ** -2
    has = pl.col(c.ESTIMATE).is_not_null()
    mean = (weight * estimate).sum() / weight.sum()
    tests = main.group_by(keys, maintain_order=True).agg(
        pl.col(*_KEYS, c.CONTRAST).first(),
        (weight * (estimate - mean) ** 2).sum().alias(c.STATISTIC),
        (has.sum().cast(pl.Float64) - 1.0).alias(c.DF),
        (pl.col(c.STATUS) == "separated").any().alias("apart"),
        pl.len().alias("strata"),
    )
    tests = tests.filter((pl.col("strata") > 1) & (pl.col(c.DF) > 0) & ~pl.col("apart"))
    statistic: F64 = tests[c.STATISTIC].to_numpy()
    minus_log = neg_log10_p_chi2(statistic, tests[c.DF].to_numpy())
    return tests.with_columns(
        pl.lit(None, dtype=pl.Int32).alias("stratum_position"),
        pl.lit(None, dtype=pl.String).alias(c.STRATUM),
        pl.lit(HETEROGENEITY).alias(c.TEST),
        pl.Series(c.NEG_LOG10_P, minus_log, dtype=pl.Float64),
    ).select(
        *_MODEL,
        "stratum_position",
        *_KEYS,
        c.STRATUM,
        c.TEST,
        c.STATISTIC,
        c.DF,
        c.NEG_LOG10_P,
        c.CONTRAST,
    )
