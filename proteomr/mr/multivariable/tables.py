"""Several exposures at once: from a file to estimates, and how strong the instruments are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeVar

import numpy as np
import polars as pl

from proteomr.errors import ColumnError, FormatError, InputError, NothingToDo, nearest
from proteomr.gwas.match import name_keys
from proteomr.gwas.repeats import mark_repeats
from proteomr.io.tables import read_table
from proteomr.mr.choice import build_joint_methods, name_methods
from proteomr.mr.estimate import EstimateRow, tabulate_estimates
from proteomr.mr.harmonised_files import name_variants
from proteomr.mr.multivariable import (
    MultivariableMethod,
    measure_conditional_f,
    measure_pleiotropy,
    minimise_heterogeneity,
    select_exposures,
)
from proteomr.stats.generators import random_of
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["estimate_joint_rows", "estimate_jointly", "read_joint", "tabulate_strength"]

_NAMES: Final = ("variant_id", "SNP", "snp", "rsid")
_OUTCOME: Final = ("beta_outcome", "se_outcome")

T = TypeVar("T")


def read_joint(path: str | Path) -> Harmonised:
    r"""Return harmonised variants of several exposures and one outcome.

    Parameters
    ----------
    path : ``variant_id`` or ``SNP``; ``beta_NAME`` and ``se_NAME`` of each exposure;
        ``beta_outcome`` and ``se_outcome``. Rows with a missing number, and rows that repeat a
        variant, are dropped with a reason.

    Raises
    ------
    ColumnError
        A column is absent.
    FormatError
        A column holds text where numbers are needed.
    NothingToDo
        No row is complete.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("SNP,beta_ldl,se_ldl,beta_hdl,se_hdl,beta_outcome,se_outcome\n")
    ...     size = file.write("rs1,0.1,0.01,0,0.01,0.05,0.02\n")
    ...     file.flush()
    ...     read_joint(file.name).exposures
    ('ldl', 'hdl')
    """
    frame = read_table(path)
    exposures = [
        name.removeprefix("beta_")
        for name in frame.columns
        if name.startswith("beta_") and name != _OUTCOME[0]
    ]
    if len(exposures) < 2:
        raise ColumnError(
            f"{path}: {len(exposures)} columns beta_NAME of exposures; two are needed"
        )
    names = next((name for name in _NAMES if name in frame.columns), None)
    if names is None:
        raise ColumnError(f"{path}: no column variant_id or SNP{nearest('SNP', frame.columns)}")
    columns = [f"{part}_{name}" for part in ("beta", "se") for name in exposures] + [*_OUTCOME]
    for name in columns:
        if name not in frame.columns:
            raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)}")
        if not frame[name].dtype.is_numeric():
            raise FormatError("text where numbers are needed", path=path, column=name)
    named = frame.with_columns(name_variants(frame[names]).alias(c.VARIANT_ID))
    complete = pl.all_horizontal(
        pl.col(columns).cast(pl.Float64).is_finite().fill_null(value=False)
    )
    whole = named.filter(complete)
    pairs = {f"beta_{name}": f"se_{name}" for name in [*exposures, "outcome"]}
    keyed = whole.with_columns(name_keys(whole[c.VARIANT_ID]).alias("key"))
    repeats = mark_repeats(keyed, keys=["key"], numbers=pairs).alias("reason")
    used = whole.filter(repeats.is_null())
    if not used.height:
        raise NothingToDo(f"{path}: none of {named.height} variants can be used")
    missing = named.filter(~complete).with_columns(pl.lit("a number is missing").alias("reason"))
    gone = pl.concat([missing, whole.with_columns(repeats).drop_nulls("reason")])
    e = len(exposures)
    arrays = used.select(pl.col(columns).cast(pl.Float64)).to_numpy()
    return Harmonised(
        exposures=tuple(exposures),
        outcome="outcome",
        variants=used,
        beta_x=np.ascontiguousarray(arrays[:, :e]),
        se_x=np.ascontiguousarray(arrays[:, e : 2 * e]),
        beta_y=np.ascontiguousarray(arrays[:, -2]),
        se_y=np.ascontiguousarray(arrays[:, -1]),
        dropped=gone.select(c.VARIANT_ID, "reason"),
    )


def estimate_jointly(
    data: Harmonised, keys: Sequence[str], *, seed: int = 1, n_exposure: float | None = None
) -> pl.DataFrame:
    """Return the direct effect of each exposure by methods, a row each; schema ``estimates``.

    Parameters
    ----------
    data : variants of several exposures.
    keys : names of the methods, as `proteomr.mr.choice.build_joint_methods` takes them.
    seed : of the random numbers.
    n_exposure : sample size for the methods that need one.

    Raises
    ------
    UsageError
        A name is unknown.
    """
    rows = estimate_joint_rows(data, build_joint_methods(keys, n_exposure=n_exposure), seed=seed)
    return tabulate_estimates(rows)


def estimate_joint_rows(
    data: Harmonised, methods: Sequence[MultivariableMethod], *, seed: int = 1
) -> list[EstimateRow]:
    """Return the direct effects that `estimate_jointly` brings into a table.

    Parameters
    ----------
    data, methods, seed : see `estimate_jointly`.
    """
    rows: list[EstimateRow] = []
    for name, method in zip(name_methods(methods), methods, strict=True):
        random = random_of(seed, *data.exposures, data.outcome, method.key)
        estimates = method.estimate(data, random=random)
        rows += [
            (exposure, data.outcome, data.direction, name, estimate)
            for exposure, estimate in zip(data.exposures, estimates, strict=True)
        ]
    return rows


def tabulate_strength(data: Harmonised, *, seed: int = 1) -> pl.DataFrame:
    """Return how well each exposure is told from the others; schema ``conditional_strength``.

    The conditional F of each exposure, the heterogeneity of all variants about the regression, the
    effects at which that is least, and the effects that a lasso leaves. The exposures' studies are
    taken as independent; what the variants are too few for is empty.

    Parameters
    ----------
    data : variants of several exposures.
    seed : of the lasso's folds.
    """
    count = len(data.exposures)
    nothing: list[float | None] = [None] * count
    test = _attempt(lambda: measure_pleiotropy(data))
    robust = _attempt(lambda: minimise_heterogeneity(data).effects)
    random = random_of(seed, *data.exposures, data.outcome, "lasso")
    chosen = _attempt(lambda: select_exposures(data, random=random))
    frame = pl.DataFrame(
        {
            c.EXPOSURE: list(data.exposures),
            c.NSNP: [data.m] * count,
            "conditional_f": list(measure_conditional_f(data)),
            "q": nothing if test is None else [test.q] * count,
            "q_df": nothing if test is None else [test.df] * count,
            "q_neg_log10_p": nothing if test is None else [test.neg_log10_p] * count,
            "least_q_estimate": nothing if robust is None else list(robust),
            "lasso_estimate": nothing if chosen is None else list(chosen),
        },
        schema_overrides={
            **dict.fromkeys(
                ("conditional_f", "q", "q_neg_log10_p", "least_q_estimate", "lasso_estimate"),
                pl.Float64,
            ),
            "q_df": pl.Int64,
        },
    )
    return load_schema("conditional_strength").validate(frame.fill_nan(None))


def _attempt(measure: Callable[[], T]) -> T | None:
    """Return a measure, or None where the variants cannot give it."""
    try:
        return measure()
    except InputError:
        return None
