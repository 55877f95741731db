"""Several exposures at once: from a file to estimates, and how strong the instruments are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl

from proteomr.errors import ColumnError, FormatError, NothingToDo, UsageError, nearest
from proteomr.io.tables import read_table
from proteomr.mr.estimate import random_of, tabulate_estimates
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS, measure_conditional_f
from proteomr.tables import Harmonised, load_schema
from proteomr.tables import columns as c

__all__ = ["estimate_jointly", "multivariable_keys", "read_joint", "tabulate_strength"]

_NAMES: Final = ("variant_id", "SNP", "snp", "rsid")
_OUTCOME: Final = ("beta_outcome", "se_outcome")


def multivariable_keys() -> tuple[str, ...]:
    """Return the keys of the methods for several exposures.

    Examples
    --------
    >>> "mv_ivw" in multivariable_keys()
    True
    """
    return tuple(kind.key for kind in MULTIVARIABLE_METHODS)


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
    keys : of the methods, as `multivariable_keys` lists them; ``all`` stands for every one.
    seed : of the random numbers.
    n_exposure : sample size for the methods that need one.

    Raises
    ------
    UsageError
        A key is unknown.
    """
    known: dict[str, Any] = {kind.key: kind for kind in MULTIVARIABLE_METHODS}
    wanted = list(known) if list(keys) == ["all"] else list(keys)
    rows = []
    for key in wanted:
        if key not in known:
            raise UsageError(
                f"no method {key!r}{nearest(key, known)}; for several exposures: {', '.join(known)}"
            )
        method = known[key]()
        if n_exposure is not None and hasattr(method, "sample_size"):
            method = known[key](sample_size=n_exposure)
        found = method.estimate(data, random=random_of(seed, *data.exposures, data.outcome, key))
        rows += [
            (name, data.outcome, key, one) for name, one in zip(data.exposures, found, strict=True)
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
