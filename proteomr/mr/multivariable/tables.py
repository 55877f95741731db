"""Several exposures at once: from a file to estimates, and how strong the instruments are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from proteomr.errors import ColumnError, FormatError, NothingToDo, nearest
from proteomr.io.tables import read_table
from proteomr.mr.choice import build_joint_methods, name_methods
from proteomr.mr.estimate import random_of, tabulate_estimates
from proteomr.mr.multivariable import measure_conditional_f
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["estimate_jointly", "read_joint", "tabulate_strength"]

_NAMES: Final = ("variant_id", "SNP", "snp", "rsid")
_OUTCOME: Final = ("beta_outcome", "se_outcome")


def read_joint(path: str | Path) -> Harmonised:
    r"""Return harmonised variants of several exposures and one outcome.

    Parameters
    ----------
    path : ``variant_id`` or ``SNP``; ``beta_NAME`` and ``se_NAME`` of each exposure;
        ``beta_outcome`` and ``se_outcome``. Rows with a missing number are dropped with a reason.

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
    told = frame.with_columns(pl.col(names).cast(pl.String).alias(c.VARIANT_ID))
    complete = pl.all_horizontal(
        pl.col(columns).cast(pl.Float64).is_finite().fill_null(value=False)
    )
    used = told.filter(complete)
    if not used.height:
        raise NothingToDo(f"{path}: none of {told.height} variants has all numbers")
    gone = told.filter(~complete).select(
        c.VARIANT_ID, pl.lit("a number is missing").alias("reason")
    )
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
        dropped=gone,
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
    methods = build_joint_methods(keys, n_exposure=n_exposure)
    rows = []
    for name, method in zip(name_methods(methods), methods, strict=True):
        random = random_of(seed, *data.exposures, data.outcome, method.key)
        estimates = method.estimate(data, random=random)
        rows += [
            (exposure, data.outcome, name, one)
            for exposure, one in zip(data.exposures, estimates, strict=True)
        ]
    return tabulate_estimates(rows)


def tabulate_strength(data: Harmonised) -> pl.DataFrame:
    """Return the conditional F of each exposure given the others; schema ``conditional_strength``.

    The exposures' studies are taken as independent.
    """
    values = measure_conditional_f(data)
    frame = pl.DataFrame(
        {
            c.EXPOSURE: list(data.exposures),
            c.NSNP: [data.m] * len(data.exposures),
            "conditional_f": pl.Series(list(values), dtype=pl.Float64).fill_nan(None),
        }
    )
    return load_schema("conditional_strength").validate(frame)
