"""Prior weights of variants, from a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from proteomr.border import reads
from proteomr.errors import FormatError, nearest
from proteomr.io.sumstats.cells import parse_names, parse_numbers
from proteomr.io.sumstats.delimited import open_delimited

__all__ = ["read_prior_weights"]


@reads
def read_prior_weights(path: Path) -> Mapping[str, float]:
    r"""Return the weight of each variant by its name; only their ratios count.

    Parameters
    ----------
    path : delimited text, also compressed, or parquet, with columns ``snp`` and ``weight``.

    Raises
    ------
    FormatError
        A column lacks; a variant stands twice; a weight is no number, negative or infinite; or all
        are 0.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     size = file.write("snp,weight\nrs1,2\nrs2,0.5\n")
    ...     file.flush()
    ...     read_prior_weights(Path(file.name))
    {'rs1': 2.0, 'rs2': 0.5}
    """
    table = open_delimited(path)
    for name in ("snp", "weight"):
        if name not in table.names:
            hint = nearest(name, table.names)
            raise FormatError(f"no column {name!r}{hint}", path=path, line=1)
    rows = pl.concat(list(table.read(["snp", "weight"])))
    names = parse_names(rows["snp"].cast(pl.String))
    weights = parse_numbers(rows["weight"])[0].fill_null(np.nan)
    bad = names.is_null() | ~weights.is_finite() | (weights < 0)
    if bad.any():
        row = int(bad.arg_max() or 0)
        message = "a weight of 0 or above and the name of a variant are needed"
        raise FormatError(message, path=path, line=row + 2, column="weight")
    if names.is_duplicated().any():
        again = names.filter(names.is_duplicated())[0]
        raise FormatError(f"variant {again!r} stands twice", path=path, column="snp")
    if not (weights > 0).any():
        raise FormatError("all weights are 0", path=path, column="weight")
    return dict(zip(names.to_list(), weights.to_list(), strict=True))
