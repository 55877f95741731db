"""The scale of the values: logarithms as they come, or quantities, or their logarithm."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import polars as pl

from proteomr.errors import FormatError, InputError
from proteomr.io.formats import IngestOptions
from proteomr.io.long_form.parts import Part, categories_of, collect, mark
from proteomr.io.long_form.records import describe
from proteomr.io.long_form.stacking import CONTROL_SAMPLE
from proteomr.io.long_form.vocabulary import SCALED, Vocabulary
from proteomr.tables import columns as c

__all__ = ["settle_scale"]

_AMOUNT: Final = re.compile(r"(?i)[a-zµμ]+ ?/ ?[a-zµμ]+|(?-i:[afpnumµμ]?M)")


def settle_scale(
    rows: pl.LazyFrame,
    vocabulary: Vocabulary,
    *,
    options: IngestOptions,
    parts: Sequence[Part],
) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """Return rows with quantities, and their limits, as logarithms where the user asks for them.

    What has no logarithm becomes missing in control samples, which may hold nothing, and is
    refused in people.

    Parameters
    ----------
    rows : the rows of all files, with what is a control.
    vocabulary : which units are logarithms.
    options : whether the logarithm is asked for.
    parts : the files, for messages.

    Raises
    ------
    InputError
        An assay is measured in two units.
    FormatError
        A quantity is not positive and its logarithm is asked for.
    """
    units, several = describe(rows, [c.UNIT], by=c.PROTEIN)
    if several[c.UNIT]:
        raise InputError(
            f"{several[c.UNIT]} assays are measured in two units; read "
            f"{vocabulary.logarithmic[0]} and quantities apart"
        )
    untold = units[c.UNIT].null_count()
    note = (f"the unit of {untold} quantified assays is not told",) if untold else ()
    known = units[c.UNIT].drop_nulls().cast(pl.String).unique().sort()
    amounts = [unit for unit in known if _AMOUNT.fullmatch(unit)]
    kind = rows.collect_schema()[c.UNIT]
    linear = ~mark(kind, c.UNIT, vocabulary.logarithmic.__contains__)
    if not options.log2 or not collect(rows.select(linear.any())).item():
        return rows, (*note, *_advise(amounts, untold))
    _refuse_no_logarithm(rows, linear, parts)
    renamed = {
        unit: unit if unit in vocabulary.logarithmic else f"log2 {unit}"
        for unit in categories_of(kind)
    }
    unit = pl.col(c.UNIT).cast(pl.String).replace(renamed)
    taken = [name for name in SCALED if name in rows.collect_schema()]
    logged = rows.with_columns(
        *(_take_log2(name, linear) for name in taken),
        unit.cast(pl.Enum(sorted(set(renamed.values())))).alias(c.UNIT),
    )
    said = [f"values are the base-2 logarithm of {', '.join(amounts)}"] if amounts else []
    return logged, (*note, *said)


def _advise(amounts: Sequence[str], untold: int) -> tuple[str, ...]:
    if not amounts and not untold:
        return ()
    what = f"quantities ({', '.join(amounts)})" if amounts else "quantities"
    said = "ranks are unaffected, but linear models need their logarithm (--log2)"
    return (f"{what} are on a linear scale: {said}",)


def _refuse_no_logarithm(rows: pl.LazyFrame, linear: pl.Expr, parts: Sequence[Part]) -> None:
    without = linear & ~pl.col(CONTROL_SAMPLE) & (pl.col(c.VALUE) <= 0)
    faulty = collect(rows.select(without.sum())).item()
    if faulty:
        message = f"{faulty} quantities are not positive; their logarithm is not taken"
        raise FormatError(message, path=parts[0].path if len(parts) == 1 else None)


def _take_log2(name: str, linear: pl.Expr) -> pl.Expr:
    logarithm = pl.when(pl.col(name) > 0).then(pl.col(name).log(2))
    return pl.when(linear).then(logarithm).otherwise(pl.col(name)).alias(name)
