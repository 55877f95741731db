"""Tables of several imputations of the samples, row beside row."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from proteomr._typing import F64, Bool
from proteomr.tables import columns as c

__all__ = ["name_imputation", "stack_column", "take_fewest", "tell_status"]


def stack_column(tables: Sequence[pl.DataFrame], name: str) -> F64:
    """Return a column of all imputations ``(m, r)``, NaN for none.

    Examples
    --------
    >>> tables = [pl.DataFrame({"se": [0.1, None]}), pl.DataFrame({"se": [0.2, 0.3]})]
    >>> stack_column(tables, "se").tolist()
    [[0.1, nan], [0.2, 0.3]]
    """
    return np.array([one[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for one in tables])


def take_fewest(tables: Sequence[pl.DataFrame], names: Sequence[str]) -> list[pl.Series]:
    """Return counts of the imputation that has the fewest, row by row.

    Examples
    --------
    >>> tables = [pl.DataFrame({"n": [10, 12]}), pl.DataFrame({"n": [11, 9]})]
    >>> [fewest.to_list() for fewest in take_fewest(tables, ["n"])]
    [[10, 9]]
    """
    out = []
    for name in names:
        counts = pl.DataFrame([one[name].alias(str(i)) for i, one in enumerate(tables)])
        out.append(counts.min_horizontal().cast(tables[0].schema[name]).alias(name))
    return out


def name_imputation(said: Sequence[str | None], at: int) -> str | None:
    """Return what one of the imputations says, with its number unless all say the same.

    Parameters
    ----------
    said : by each imputation, None or empty for nothing.
    at : place of the one that is told.

    Examples
    --------
    >>> name_imputation([None, "nobody has the event"], 1)
    'imputation 2: nobody has the event'
    >>> name_imputation(["one group alone", "one group alone"], 0)
    'one group alone'
    """
    alike = len(set(said)) == 1
    return said[at] if alike or not said[at] else f"imputation {at + 1}: {said[at]}"


def tell_status(tables: Sequence[pl.DataFrame], there: Bool) -> tuple[list[str], list[str | None]]:
    """Return status and message of each row: of the first imputation that has one to tell.

    Parameters
    ----------
    tables : of the same rows.
    there : ``(m, r)``, whether an imputation has an estimate.

    Examples
    --------
    >>> tables = [
    ...     pl.DataFrame({"status": ["ok"], "message": [None]}),
    ...     pl.DataFrame({"status": ["too_few"], "message": ["nobody has the event"]})]
    >>> tell_status(tables, np.array([[True], [False]]))
    (['too_few'], ['imputation 2: nobody has the event'])
    """
    statuses = [one[c.STATUS].to_list() for one in tables]
    messages = [one[c.MESSAGE].to_list() for one in tables]
    told_status, told = list[str](), list[str | None]()
    for row in range(tables[0].height):
        odd = [i for i in range(len(tables)) if not there[i][row]]
        odd = odd or [i for i in range(len(tables)) if messages[i][row]]
        at = odd[0] if odd else 0
        told_status.append(statuses[at][row])
        told.append(name_imputation([one[row] for one in messages], at) or None)
    return told_status, told
