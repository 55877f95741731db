"""What conditional analysis takes of a trait: its variants found in a panel, by chromosome."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64, I64
from proteomr.errors import InputError, UsageError
from proteomr.gwas.correlations import OrientedVariants, explain_absence, orient_variants
from proteomr.gwas.ld_agreement import Agreement, judge_panel
from proteomr.io.genetics.genotypes import LdSource
from proteomr.stats.distributions import neg_log10_p_normal
from proteomr.stats.joint_effects import (
    SimpleEffects,
    estimate_response_variance,
    from_frequencies,
    from_sizes,
    select,
)
from proteomr.tables import Drop

__all__ = [
    "CojoOptions",
    "Sizes",
    "TraitVariants",
    "Unit",
    "add_implied",
    "divide_trait",
    "read_implied",
]

Sizes: TypeAlias = Literal["reported", "effective"]
"""Which sizes count: those of the study, or those that errors and frequencies amount to."""

STEP: Final = "cojo"
NO_SIZE: Final = "n_missing"
NO_FREQUENCY: Final = "eaf_missing"
NO_PLACE: Final = "no_position"
TOO_STRONG: Final = "explains_more_than_all"
OTHER_FREQUENCY: Final = "frequency_differs"
NO_EFFECT: Final = "effect_missing"
# Of people: with fewer there is no error of an effect.
_FEWEST: Final = 3
# A size is far from another at half or twice of it, which poor imputation alone explains in few.
_FAR: Final = 0.5
_MANY: Final = 0.05
# Below it the errors of correlations bring in variants that are not there (Yang and others 2012).
_ENOUGH_PEOPLE: Final = 4_000
_COLUMNS: Final[dict[str, pl.DataType]] = {
    "rsid": pl.String(),
    "chromosome": pl.String(),
    "position_bp": pl.Int64(),
    "effect_allele": pl.String(),
    "other_allele": pl.String(),
    "eaf": pl.Float64(),
    "beta": pl.Float64(),
    "se": pl.Float64(),
    "neg_log10_p": pl.Float64(),
    "n": pl.Float64(),
}
_REMEDIES: Final = {
    NO_EFFECT: "no variant has an effect with an error above 0",
    NO_SIZE: "no variant has a sample size of 3 or more; map its column, as --map n=N, or give --n",
    NO_FREQUENCY: "--sizes effective: no variant has a frequency between 0 and 1; map its column, "
    "as --map eaf=FRQ, or let the sizes of the study count",
    TOO_STRONG: "--sizes effective: every variant explains more than there is; are the frequencies "
    "those of the effect alleles?",
    OTHER_FREQUENCY: "the frequencies of all variants differ from the panel's by more than "
    "--diff-freq; are they those of the effect alleles?",
    NO_PLACE: "no variant has a position",
}


@dataclass(frozen=True, slots=True)
class CojoOptions:
    """How variants are chosen and conditioned on.

    Parameters
    ----------
    p : largest p value, given all others chosen, of a chosen variant.
    collinear : largest share of a variant's variance that the chosen ones may tell.
    window_kb : distance beyond which variants are taken to be independent, in 1,000 bp.
    sizes : ``reported``: n of the study; ``effective``: what errors and frequencies amount to.
    diff_freq : a variant whose frequency in the panel differs by more leaves.

    Raises
    ------
    UsageError
        A threshold is out of its range.

    Examples
    --------
    >>> CojoOptions(p=1e-6).window_kb
    10000.0
    """

    p: float = 5e-8
    collinear: float = 0.9
    window_kb: float = 10_000.0
    sizes: Sizes = "reported"
    diff_freq: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.p <= 1:
            raise UsageError(f"--p is {self.p:g}; it lies above 0 and is at most 1")
        if not 0 < self.collinear < 1:
            raise UsageError(
                f"--collinear is {self.collinear:g}; a share between 0 and 1 is needed"
            )
        if not self.window_kb > 0:
            raise UsageError(f"--window-kb is {self.window_kb:g}; a distance above 0 is needed")
        if not 0 < self.diff_freq <= 1:
            raise UsageError(f"--diff-freq is {self.diff_freq:g}; it lies above 0 and is at most 1")


@dataclass(frozen=True, slots=True, eq=False)
class TraitVariants:
    """The variants of a trait that a panel has.

    Parameters
    ----------
    trait : its name.
    rows : by chromosome, position and name, with ``eaf_panel`` and ``n_effective``, null where not
        known.
    simple : what their effects tell, in the order of the rows.
    oriented : how they are correlated.
    found : (m,) positions of the rows among the variants of ``oriented``.
    drops, notes : what left, and what a user should know.
    """

    trait: str
    rows: pl.DataFrame
    simple: SimpleEffects
    oriented: OrientedVariants
    found: I64
    drops: tuple[Drop, ...]
    notes: tuple[str, ...]

    def units(self, options: CojoOptions) -> Iterator[Unit]:
        """Yield the variants of each chromosome."""
        chromosomes = self.rows["chromosome"].fill_null("")
        starts = np.flatnonzero(np.asarray(chromosomes != chromosomes.shift(1).fill_null("-")))
        for start, stop in zip(starts, [*starts[1:], self.rows.height], strict=True):
            yield Unit(self, int(start), int(stop), options.window_kb * 1000.0)


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """The variants of one trait on one chromosome.

    Parameters
    ----------
    trait : all its variants.
    start, stop : rows of the chromosome.
    width : distance beyond which variants are independent, in bp.
    """

    trait: TraitVariants
    start: int
    stop: int
    width: float

    @property
    def rows(self) -> pl.DataFrame:
        """The variants."""
        return self.trait.rows[self.start : self.stop]

    @property
    def simple(self) -> SimpleEffects:
        """What their effects tell."""
        return select(self.trait.simple, np.arange(self.start, self.stop))

    def reach(self, variant: int) -> tuple[int, int]:
        """Return first and last but one of the variants of a variant's window."""
        positions = self.rows["position_bp"]
        if positions.null_count():
            return 0, positions.len()
        places: F64 = positions.to_numpy().astype(np.float64)
        low = np.searchsorted(places, places[variant] - self.width, side="left")
        high = np.searchsorted(places, places[variant] + self.width, side="right")
        return int(low), int(high)

    def judge(self) -> Agreement:
        """Return whether a matrix is of genotypes, and a small one of those of the effects."""
        oriented, rows = self.trait.oriented, self.rows
        found = self.trait.found[self.start : self.stop]
        z = (rows["beta"] / rows["se"]).to_numpy()
        return judge_panel(
            z, oriented.panel, rows=oriented.rows[found], signs=oriented.signs[found]
        )

    def correlate(self, variant: int) -> tuple[int, F64]:
        """Return the correlations of a variant with those of its window, and where that starts."""
        low, high = self.reach(variant)
        found = self.trait.found[self.start : self.stop]
        r = self.trait.oriented.correlate(int(found[variant]), found[low:high])
        r[variant - low] = 1.0
        return low, r


def divide_trait(
    rows: pl.DataFrame, panel: LdSource, *, trait: str, options: CojoOptions
) -> TraitVariants:
    """Return the variants of a trait that can be conditioned on, found in a panel.

    Parameters
    ----------
    rows : canonical rows of one trait.
    panel : genotypes, correlated as ``genotype``, or a matrix of correlations.
    trait : its name.
    options : which sizes count, and how far frequencies may differ.

    Raises
    ------
    InputError
        No variant has a size, or a frequency where these are needed, or is in the panel.

    Examples
    --------
    >>> from proteomr.io.genetics.ld_matrices import LdMatrix
    >>> rows = pl.DataFrame({"variant_id": ["a"], "beta": [0.3], "se": [0.1], "n": [900.0]})
    >>> panel = LdMatrix(rows.select("variant_id"), np.eye(1))
    >>> divide_trait(rows, panel, trait="x", options=CojoOptions()).rows.height
    1
    """
    usable, drops = _leave_out(_complete(rows), _list_faults(options), trait=trait)
    told = add_implied(usable, options.sizes)
    sized, strong = _leave_out(told, {TOO_STRONG: ~(pl.col("_n") >= _FEWEST)}, trait=trait)
    oriented = orient_variants(sized, panel)
    if not oriented.places.size:
        absence = explain_absence(oriented.reasons)
        raise InputError(f"{trait}: none of the {sized.height} variants {absence}")
    found, misfits = _leave_out(
        _place(sized, oriented),
        {OTHER_FREQUENCY: _differs(options.diff_freq), NO_PLACE: _is_unplaced()},
        trait=trait,
    )
    number = pl.col("chromosome").cast(pl.Int64, strict=False)
    ordered = found.sort(number, "chromosome", "position_bp", "variant_id", nulls_last=True)
    counted = oriented.reasons.drop_nulls().value_counts(sort=True, name="n")
    absent = [Drop(STEP, str(reason), n) for reason, n in counted.iter_rows()]
    places: I64 = ordered["_found"].to_numpy().astype(np.int64)
    return TraitVariants(
        trait,
        ordered.select(pl.exclude("^_.*$")),
        read_implied(ordered),
        oriented,
        places,
        (*drops, *strong, *absent, *misfits),
        (*oriented.notes, *_describe_panel(oriented.n), *_describe_sizes(ordered, trait)),
    )


def add_implied(rows: pl.DataFrame, sizes: Sizes) -> pl.DataFrame:
    """Return rows with what their effects tell, and the size that these and frequencies amount to.

    Parameters
    ----------
    rows : ``beta``, ``se``, ``n``, and ``eaf``, null where not known.
    sizes : which sizes count.

    Returns
    -------
    rows : with ``n_effective``, null where not known, and the columns of `read_implied`.

    Examples
    --------
    >>> rows = pl.DataFrame({"beta": [0.0], "se": [0.1], "n": [102.0], "eaf": [0.5]})
    >>> add_implied(rows, "effective")["n_effective"].round(6).to_list()
    [102.0]
    """
    columns = ("beta", "se", "n", "eaf")
    beta, se, n, eaf = (rows[c].cast(pl.Float64).fill_null(np.nan).to_numpy() for c in columns)
    told = np.full(rows.height, np.nan)
    simple = None
    if ((eaf > 0) & (eaf < 1)).any():
        variance = estimate_response_variance(beta, se, n=n, eaf=eaf)
        simple = from_frequencies(beta, se, eaf=eaf, variance=variance)
        told = simple.n
    if simple is None or sizes == "reported":
        simple = from_sizes(beta, se, n=n)
    return rows.with_columns(
        pl.Series("n_effective", told).fill_nan(None),
        pl.Series("_rho", simple.rho),
        pl.Series("_n", simple.n),
        pl.Series("_unit", simple.unit),
    )


def read_implied(rows: pl.DataFrame) -> SimpleEffects:
    """Return what effects tell, of rows to which `add_implied` has added it.

    Examples
    --------
    >>> rows = pl.DataFrame({"beta": [0.0], "se": [0.1], "n": [102.0], "eaf": [None]})
    >>> read_implied(add_implied(rows, "reported")).n.tolist()
    [102.0]
    """
    return SimpleEffects(*(rows[name].to_numpy() for name in ("_rho", "_n", "_unit")))


def _complete(rows: pl.DataFrame) -> pl.DataFrame:
    """Return rows with every column that is read here, null where the study does not tell it."""
    absent = [pl.lit(None, t).alias(n) for n, t in _COLUMNS.items() if n not in rows.columns]
    numbers = [name for name, dtype in _COLUMNS.items() if dtype == pl.Float64]
    whole = rows.with_columns(absent).with_columns(pl.col(numbers).cast(pl.Float64).fill_nan(None))
    z = (pl.col("beta") / pl.col("se")).map_batches(
        lambda z: pl.Series(neg_log10_p_normal(z.to_numpy())), return_dtype=pl.Float64
    )
    return whole.with_columns(pl.coalesce("neg_log10_p", z).alias("neg_log10_p"))


def _list_faults(options: CojoOptions) -> dict[str, pl.Expr]:
    """Return what keeps a variant from being used, by reason."""
    faults = {
        NO_EFFECT: ~(pl.col("beta").is_finite() & pl.col("se").is_finite() & (pl.col("se") > 0)),
        NO_SIZE: ~(pl.col("n") >= _FEWEST),
    }
    if options.sizes == "effective":
        faults[NO_FREQUENCY] = ~((pl.col("eaf") > 0) & (pl.col("eaf") < 1))
    return faults


def _leave_out(
    rows: pl.DataFrame, faults: dict[str, pl.Expr], *, trait: str
) -> tuple[pl.DataFrame, list[Drop]]:
    """Return the rows that have none of the faults, and how many left by which.

    Raises
    ------
    InputError
        No row is left.
    """
    drops = []
    for reason, fault in faults.items():
        kept = rows.filter(~fault.fill_null(value=True))
        if rows.height and not kept.height:
            raise InputError(f"{trait}: {_REMEDIES[reason]}")
        drops.append(Drop(STEP, reason, rows.height - kept.height))
        rows = kept
    return rows, [drop for drop in drops if drop.n]


def _place(sized: pl.DataFrame, oriented: OrientedVariants) -> pl.DataFrame:
    """Return the variants that a panel has, with its places where the study tells none."""
    there = oriented.panel.variants[oriented.rows]
    return sized[oriented.places].with_columns(
        pl.Series("eaf_panel", oriented.frequencies).fill_nan(None),
        pl.coalesce("chromosome", there["chromosome"]).alias("chromosome"),
        pl.coalesce("position_bp", there["position_bp"]).alias("position_bp"),
        pl.Series("_found", np.arange(oriented.places.size)),
    )


def _differs(most: float) -> pl.Expr:
    """Tell which frequencies are known on both sides and differ by more."""
    return ((pl.col("eaf") - pl.col("eaf_panel")).abs() > most).fill_null(value=False)


def _is_unplaced() -> pl.Expr:
    """Tell which variants have no position on a chromosome where others have one."""
    placed = pl.col("position_bp").is_not_null()
    return ~placed & placed.any().over("chromosome")


def _describe_panel(n: int | None) -> tuple[str, ...]:
    """Return a note on a panel of few people."""
    if n is None or n >= _ENOUGH_PEOPLE:
        return ()
    message = (
        f"LD: the panel is of {n:,} people; effects of correlated variants beside each other need "
        f"{_ENOUGH_PEOPLE:,} or more of the study's own kind, unless they are the study's own"
    )
    return (message,)


def _describe_sizes(rows: pl.DataFrame, trait: str) -> tuple[str, ...]:
    """Return a note where many sizes are far from what errors and frequencies amount to."""
    ratio = (rows["n_effective"] / rows["n"]).drop_nulls()
    far = int(((ratio < _FAR) | (ratio > 1 / _FAR)).sum())
    if far <= _MANY * rows.height:
        return ()
    message = (
        f"{trait}: {far:,} of {rows.height:,} variants have twice or half the people that their "
        "errors and frequencies amount to; --sizes effective counts these instead"
    )
    return (message,)
