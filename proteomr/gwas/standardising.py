"""Effects per standard deviation of the trait, from z statistics, frequencies and people."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl

from proteomr._typing import Bool

__all__ = ["NOT_STANDARDISED", "standardise_effects"]

NOT_STANDARDISED: Final = "size_or_frequency_missing"
"""Why a row leaves whose effect cannot be standardised."""


def standardise_effects(frame: pl.DataFrame) -> tuple[pl.DataFrame, Bool]:
    r"""Return the rows that tell z, frequency and people, with effects on the scale of the trait.

    .. math:: s = 1 / \sqrt{2 f (1 - f) (n + z^2)}, \qquad b = z s

    (Zhu and others 2016, doi:10.1038/ng.3538; R: ``gsmr2::std_effect`` 1.1.1). P stays as it is.

    Parameters
    ----------
    frame : r rows with ``beta``, ``se``, ``eaf`` and ``n``.

    Returns
    -------
    rows, told : the rows, and (r,) which of those given they are.

    Examples
    --------
    >>> given = {"beta": [0.3, 0.3], "se": [0.1, 0.1], "eaf": [0.5, None], "n": [991.0, 991.0]}
    >>> rows, told = standardise_effects(pl.DataFrame(given))
    >>> rows["se"].round(6).to_list(), told.tolist()
    ([0.044721], [True, False])
    """
    beta, se, eaf, n = (
        frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        for name in ("beta", "se", "eaf", "n")
    )
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        z = beta / se
        error = 1.0 / np.sqrt(2.0 * eaf * (1.0 - eaf) * (n + z**2))
    told = (eaf > 0.0) & (eaf < 1.0) & (n > 0.0) & (se > 0.0) & np.isfinite(z) & (error > 0.0)
    changed = frame.with_columns(pl.Series("beta", z * error), pl.Series("se", error))
    return changed.filter(pl.Series(told)), told
