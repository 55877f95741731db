"""Sample sizes of a pair as methods of one regression on all variants take them."""

from __future__ import annotations

import numpy as np
import polars as pl

from proteomr.tables import Harmonised

__all__ = ["find_sizes"]


def find_sizes(data: Harmonised) -> tuple[float, float]:
    """Return the medians of the variants' sample sizes, exposure and outcome; NaN where unknown.

    Where the variants do not tell, the sizes are those of the studies.

    Examples
    --------
    >>> one = np.ones(1)
    >>> pair = Harmonised(
    ...     exposures=("x",), outcome="y", variants=pl.DataFrame({"n_exposure": [5.0]}),
    ...     beta_x=one[:, None], se_x=one[:, None], beta_y=one, se_y=one, n_y=7.0,
    ... )
    >>> find_sizes(pair)
    (5.0, 7.0)
    """
    n_x = float("nan") if data.n_x is None else float(data.n_x[0])
    return _median(data, "n_exposure", n_x), _median(data, "n_outcome", data.n_y)


def _median(data: Harmonised, name: str, known: float) -> float:
    if name not in data.variants.columns or not data.m:
        return known
    sizes = data.variants[name].cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
    return known if np.isnan(sizes).any() else float(np.median(sizes))
