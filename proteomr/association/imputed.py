"""The fits of several imputations as those of one scan, by Rubin's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.association.imputed_details import pool_details
from proteomr.association.plan import Plan
from proteomr.association.specification import ModelSpec
from proteomr.errors import InputError
from proteomr.models import Distribution, find_family
from proteomr.models.further import OF_LIKELIHOOD
from proteomr.scan import GIVEN_P, JOINT_TESTS, PART_ORDER
from proteomr.stats.rubin import pool_estimates, pool_tests
from proteomr.tables import columns as c
from proteomr.tables.imputed import stack_column

__all__ = ["count_parameters", "pool_parts", "pool_scan"]

_FEWEST = (c.N, c.N_CASE)
_ROW = (*PART_ORDER, c.PROTEIN, c.TERM, c.CONTRAST, c.STRATUM)
_MODEL = PART_ORDER[1:4]
_PARAMETERS = "parameters"


def count_parameters(plan: Plan) -> list[dict[str, int]]:
    """Return the coefficients of each model: covariates, protein and products.

    Where a baseline stands for the intercept, that is none. A model whose panels differ has those
    of the first.

    Returns
    -------
    A row for each model: its positions among targets, adjustment sets and strata, and their number.
    """
    intercept = int(plan.family.of_events)
    counted: dict[tuple[int, int, int], int] = {}
    for group in plan.groups:
        if not group.rows.size:
            continue
        problem = plan.problem(group)
        beside = len(problem.own_names) + problem.terms - intercept
        for key, model in zip(group.models, problem.models, strict=True):
            columns = problem.adjustments[model.adjustment].columns.size
            at = (key.target, key.adjustment, key.stratum)
            counted.setdefault(at, int(columns) + beside)
    return [dict(zip((*_MODEL, _PARAMETERS), (*at, n), strict=True)) for at, n in counted.items()]


def pool_scan(
    imputed: Sequence[Sequence[pl.DataFrame]],
    spec: ModelSpec,
    *,
    parameters: Sequence[Mapping[str, int]],
) -> list[pl.DataFrame]:
    """Return the parts of a scan, those of m imputations pooled as :func:`pool_parts` does.

    Parameters
    ----------
    imputed : the parts of each imputation; those of one are returned as they are.
    spec : of the scan.
    parameters : of :func:`count_parameters`.
    """
    if len(imputed) == 1:
        return list(imputed[0])
    family = find_family(spec.family)
    law, of_events = family.distribution, family.of_events
    return [
        pool_parts(imputed, parameters=parameters, law=law, of_events=of_events, level=spec.level)
    ]


def pool_parts(
    imputed: Sequence[Sequence[pl.DataFrame]],
    *,
    parameters: Sequence[Mapping[str, int]],
    law: Distribution,
    of_events: bool,
    level: float,
) -> pl.DataFrame:
    """Return a part of all fits, pooled over m imputations, with m and the missing information.

    A fit has an estimate where it has one in every imputation; else the status is that of the first
    imputation without, and the message says which. People and cases are those of the imputation
    with the fewest. Limits and p values that are no Wald ones are not pooled: those of the pooled
    estimate take their place.

    Parameters
    ----------
    imputed : the parts of each imputation.
    parameters : of :func:`count_parameters`; families without degrees of freedom of their own have
        n less so many of complete data, as ``mice::pool`` has it.
    law : reference distribution of the family: with t its joint tests are F.
    of_events : whether complete data have as many degrees of freedom as events, not people, less
        the parameters.
    level : of the limits in further tables.
    """
    frames = [pl.concat(parts).sort(PART_ORDER) for parts in imputed]
    frame = frames[0]
    if not all(other.select(_ROW).equals(frame.select(_ROW)) for other in frames):
        raise InputError(
            "the imputations give other models than the first: a stratum or a level of the target "
            "is not in all of them"
        )
    m, rows = len(frames), frame.height
    estimate, se, df = (stack_column(frames, name) for name in (c.ESTIMATE, c.SE, c.DF))
    fewest = {
        name: pl.Series(name, stack_column(frames, name).min(axis=0)).fill_nan(None).cast(pl.Int64)
        for name in _FEWEST
    }
    every = np.all(np.isfinite(estimate), axis=0)
    pooled_estimate, pooled_se, pooled_df, fmi = (np.full(rows, np.nan) for _ in range(4))
    own = df[:, every].mean(axis=0)
    counted = stack_column(frames, c.N_CASE if of_events else c.N).min(axis=0)
    counted = counted - _find_parameters(frame, parameters)
    complete = np.where(np.isnan(own), counted[every], own)
    pooled = pool_estimates(estimate[:, every], se[:, every], complete)
    pooled_estimate[every], pooled_se[every] = pooled.estimate, pooled.se
    pooled_df[every], fmi[every] = np.where(np.isinf(pooled.df), np.nan, pooled.df), pooled.fmi
    status, message = _tell(frames, np.isfinite(estimate))
    none = pl.lit(None, dtype=pl.Float64)
    return frame.with_columns(
        *pool_details(frames, counted, level=level),
        *(
            pl.Series(name, values, dtype=pl.Float64).fill_nan(None)
            for name, values in (
                (c.ESTIMATE, pooled_estimate),
                (c.SE, pooled_se),
                (c.DF, pooled_df),
                (c.FMI, fmi),
            )
        ),
        *fewest.values(),
        *(none.alias(name) for name in (c.CONF_LOW, c.CONF_HIGH, GIVEN_P)),
        pl.Series(c.STATUS, status, dtype=pl.String),
        pl.Series(c.MESSAGE, message, dtype=pl.String),
        pl.Series(JOINT_TESTS, _pool_joint_tests(frames, law), dtype=frame[JOINT_TESTS].dtype),
        pl.lit(m, dtype=pl.Int64).alias(c.M),
    )


def _find_parameters(frame: pl.DataFrame, parameters: Sequence[Mapping[str, int]]) -> F64:
    """Return the coefficients of the model of each row; those of a model without people are 0."""
    kinds = {name: frame.schema[name] for name in _MODEL}
    known = pl.DataFrame(parameters, schema={**kinds, _PARAMETERS: pl.Int64})
    joined = frame.select(_MODEL).join(known, on=_MODEL, how="left", maintain_order="left")
    return joined[_PARAMETERS].fill_null(0).cast(pl.Float64).to_numpy()


def _tell(frames: Sequence[pl.DataFrame], there: F64) -> tuple[list[str], list[str | None]]:
    """Return the status and the message of each pooled fit."""
    statuses = [frame[c.STATUS].to_list() for frame in frames]
    messages = [frame[c.MESSAGE].to_list() for frame in frames]
    told_status, told = [], []
    for row in range(frames[0].height):
        odd = [i for i in range(len(frames)) if statuses[i][row] != "ok" or not there[i][row]]
        at = odd[0] if odd else 0
        said = messages[at][row]
        told_status.append(statuses[at][row])
        told.append(f"imputation {at + 1}: {said}" if odd and said else said)
    return told_status, told


def _pool_joint_tests(
    frames: Sequence[pl.DataFrame], law: Distribution
) -> list[list[dict[str, object]] | None]:
    """Return the joint tests of the models, pooled by the rule D2 where all imputations have one.

    The statistic is an F, on the degrees of freedom of the first imputation.
    """
    pooled: list[list[dict[str, object]] | None] = []
    for tests in zip(*(frame[JOINT_TESTS].to_list() for frame in frames), strict=True):
        if any(of_one is None for of_one in tests):
            pooled.append(None)
        else:
            pooled.append([_pool_test(of_all, law) for of_all in zip(*tests, strict=True)])
    return pooled


def _pool_test(tests: Sequence[dict[str, object]], law: Distribution) -> dict[str, object]:
    numbers = np.array([[t[c.STATISTIC], t[c.DF]] for t in tests], dtype=np.float64)
    statistic, df = numbers[:, :1], numbers[:, 1]
    if not np.all(np.isfinite(numbers)) or np.ptp(df) > 0:
        return {**tests[0], c.STATISTIC: None, c.DF: None, c.NEG_LOG10_P: None}
    is_f = law == "t" and tests[0][c.TEST] not in OF_LIKELIHOOD
    found = pool_tests(statistic * df[0] if is_f else statistic, df[:1])
    return {
        **tests[0],
        c.STATISTIC: float(found.statistic[0]),
        c.DF: float(found.df[0]),
        c.NEG_LOG10_P: float(found.neg_log10_p[0]),
    }
