"""Harmonisation: the effects of variants on exposure and outcome per one and the same allele."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, NothingToDo, UsageError, nearest
from proteomr.gwas.alleles import clean_allele
from proteomr.gwas.match import (
    contradict_positions,
    is_number_or_place,
    name_keys,
)
from proteomr.gwas.shared_places import show_builds
from proteomr.io.sumstats.cells import parse_names, parse_rsids
from proteomr.mr.alleles import align_alleles
from proteomr.mr.repeated import keep_once
from proteomr.tables import Harmonised, load_schema

__all__ = [
    "HARMONISE_VERSION",
    "Action",
    "describe_outcomes",
    "harmonise_table",
    "to_harmonised",
]

HARMONISE_VERSION: Final = 2  # of how alleles are brought together: raised when rows change

Action: TypeAlias = Literal[1, 2, 3]
"""1: all on the forward strand; 2: palindromes by their frequencies; 3: palindromes dropped."""

_NUMBERS: Final = ("beta", "se", "eaf", "neg_log10_p", "n")
_NEEDED: Final = ("variant_id", "effect_allele", "other_allele", "beta", "se")
_RSID: Final = {"rsid": pl.String()}
_ROWS_TOGETHER: Final = 250_000  # of pairs of rows joined at a time: some tens of megabytes
_PLACES: Final = {"chromosome": pl.String(), "position_bp": pl.Int64(), "build": pl.String()}
_FURTHER: Final = {"n_case": pl.Float64(), "proxy_id": pl.String(), "proxy_r2": pl.Float64()}
_DIFFERENCE: Final = 0.2  # of frequencies: more than ancestries of one continent differ by
_PAIR: Final = ("exposure", "outcome")
_LETTERS: Final = {"exposure": "a", "outcome": "b"}


def harmonise_table(
    exposure: pl.DataFrame,
    outcome: pl.DataFrame,
    *,
    action: Action = 2,
    tolerance: float = 0.08,
    outcomes: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """Return each variant of the exposures with the outcomes' effects per the same allele.

    Effect alleles are exchanged (beta changes sign, eaf becomes 1 - eaf) and strands changed where
    that makes the alleles agree. A/T and C/G variants look alike on both strands: action 1 takes
    the forward strand in both studies, action 2 turns the outcome where the frequencies stand on
    opposite sides of the open band (0.5 - tolerance, 0.5 + tolerance) and drops those where one
    stands inside it or is unknown, action 3 drops them all. Alleles I and D are read as the longer
    and the shorter one of the other study. This is ``harmonise_data`` of the R package TwoSampleMR
    0.7 (Hemani and others 2018, doi:10.7554/eLife.34408), row for row; but rows whose single
    allele fits neither allele of the other study are dropped, which the package keeps in action 1,
    and rows of one name that lie at different places (`proteomr.gwas.match.contradict_positions`).

    Parameters
    ----------
    exposure, outcome : ``variant_id``, ``effect_allele``, ``other_allele`` (null where unknown),
        ``beta``, ``se``; where known ``rsid``, ``eaf``, ``neg_log10_p``, ``n``, ``n_case``,
        ``chromosome``, ``position_bp``, ``build``, ``mr_keep``, and ``trait``, which parts several
        exposures or outcomes.
    action : what becomes of palindromic variants.
    tolerance : half the width of the band of frequencies that tell no strand.
    outcomes : what `describe_outcomes` tells of the whole studies, of the outcomes wanted, where
        the rows given are a part of these studies; None where they are whole.

    Returns
    -------
    table : the columns of the schema ``harmonised``: one row per exposure, outcome and variant,
        repeated variants in all pairs, sorted; ``mr_keep`` says what enters an analysis and
        ``reason`` why or why not. Variants that the outcome lacks stand there as
        ``absent_from_outcome``.

    Raises
    ------
    ColumnError
        A column is absent, or holds text where numbers are needed.
    UsageError
        There is no such action.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["rs1", "rs2"], "effect_allele": ["A", "A"], "other_allele": ["G", "T"],
    ...      "eaf": [0.3, 0.45], "beta": [0.1, 0.2], "se": [0.01, 0.01]}
    ... )
    >>> outcome = exposure.with_columns(effect_allele=pl.lit("C"), other_allele=pl.lit("T"))
    >>> harmonise_table(exposure, outcome).select("variant_id", "beta_outcome", "reason").rows()
    [('rs1', -0.1, 'strand_changed_and_exchanged'), ('rs2', 0.2, 'incompatible_alleles')]
    """
    if action not in (1, 2, 3):
        raise UsageError(f"no action {action!r}: 1, 2 or 3")
    if not 0 <= tolerance < 0.5:
        raise UsageError(f"tolerance is {tolerance:g}; it lies from 0 to below 0.5")
    exposure_rows = _prepare(exposure, side="exposure")
    outcome_rows = _prepare(outcome, side="outcome")
    builds = _describe_outcomes(exposure_rows, outcome_rows) if outcomes is None else outcomes
    paired = exposure_rows.join(outcome_rows, on="variant_id", how="inner").join(
        builds, on="outcome", how="inner"
    )
    paired = paired.with_columns(_contradict(paired)).with_columns(
        pl.coalesce("chromosome", "chromosome_right").alias("chromosome"),
        pl.coalesce("position_bp", "position_bp_right").alias("position_bp"),
        pl.coalesce("rsid", "rsid_right").alias("rsid"),
    )
    aligned = align_alleles(paired, tolerance=tolerance)
    judged = _judge(aligned, action=action)
    absent = _list_absent(exposure_rows, outcome_rows, builds)
    table = pl.concat([judged.drop("one_build"), absent], how="diagonal_relaxed")
    return _arrange(table, action=action)


def describe_outcomes(exposure: pl.DataFrame, outcome: pl.DataFrame) -> pl.DataFrame:
    """Return what only the whole studies tell of each outcome, for harmonising them by parts.

    Parameters
    ----------
    exposure, outcome : see `harmonise_table`.

    Returns
    -------
    outcomes : ``outcome``, in alphabetical order, and ``one_build``, whether the positions of the
        variants that it shares with the exposures show that both are on one build; null where too
        few tell.

    Examples
    --------
    >>> study = pl.DataFrame(
    ...     {"variant_id": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"], "beta": [0.1],
    ...      "se": [0.01], "trait": ["height"]}
    ... )
    >>> describe_outcomes(study, study).rows()
    [('height', None)]
    """
    return _describe_outcomes(
        _prepare(exposure, side="exposure"), _prepare(outcome, side="outcome")
    )


def _describe_outcomes(exposure: pl.DataFrame, outcome: pl.DataFrame) -> pl.DataFrame:
    places = exposure.select("variant_id", *_PLACES)
    repeats = places["variant_id"].value_counts()["count"].to_numpy().max(initial=1)
    share = max(1, _ROWS_TOGETHER // int(repeats))  # of the outcomes' rows
    named = outcome.select("outcome", "variant_id", *_PLACES).sort("outcome").with_row_index("row")
    # Outcomes that begin within the same stretch of rows go together, each of them whole.
    stretch = (pl.col("row").first().over("outcome") // share).alias("stretch")
    shown: dict[str, bool | None] = dict.fromkeys(named["outcome"].unique().sort())
    for part in named.with_columns(stretch).partition_by("stretch", include_key=False):
        shown |= show_builds(places.join(part, on="variant_id", how="inner"), by="outcome")
    return pl.DataFrame(
        list(shown.items()), schema={"outcome": pl.String, "one_build": pl.Boolean}, orient="row"
    )


def to_harmonised(table: pl.DataFrame) -> list[Harmonised]:
    """Return the analyses that a harmonised table holds: one per exposure and outcome.

    Parameters
    ----------
    table : as `harmonise_table` gives it.

    Returns
    -------
    analyses : by exposure and outcome, in alphabetical order; variants in the order of the table,
        those with ``mr_keep``, each once (`proteomr.mr.repeated.keep_once`); the others in
        ``dropped`` with their reasons. A pair of which no
        variant is left is an analysis of none.

    Raises
    ------
    ColumnError
        A column is absent.
    NothingToDo
        The table has no rows.

    Examples
    --------
    >>> exposure = pl.DataFrame(
    ...     {"variant_id": ["rs1", "rs2"], "effect_allele": ["A", "C"], "other_allele": ["G", "G"],
    ...      "eaf": [0.3, 0.5], "beta": [0.1, 0.2], "se": [0.01, 0.01]}
    ... )
    >>> pair = to_harmonised(harmonise_table(exposure, exposure))[0]
    >>> pair.m, pair.dropped.rows()
    (1, [('rs2', 'palindromic_ambiguous')])
    """
    for name in load_schema("harmonised").names:
        if name not in table.columns:
            raise ColumnError(f"harmonised table: no column {name!r}{nearest(name, table.columns)}")
    if not table.height:
        raise NothingToDo("the harmonised table has no rows")
    table = keep_once(table)
    pairs = table.group_by(*_PAIR).agg(pl.col("mr_keep").sum().alias("m"), pl.len().alias("n"))
    pairs = pairs.sort(_PAIR).with_columns(
        (pl.col("m").cum_sum() - pl.col("m")).alias("first_kept"),
        (pl.col("n") - pl.col("m")).alias("left_out"),
    )
    ordered = table.sort(_PAIR, maintain_order=True)
    return _gather(ordered.filter(pl.col("mr_keep")), ordered.filter(~pl.col("mr_keep")), pairs)


def _prepare(frame: pl.DataFrame, *, side: str) -> pl.DataFrame:
    """Return a study with the columns that harmonisation takes, numbers as numbers."""
    for name in _NEEDED:
        if name not in frame.columns:
            hint = nearest(name, frame.columns)
            raise ColumnError(f"{side}: no column {name!r}{hint}")
    letter = _LETTERS[side]
    columns = [pl.col("variant_id").cast(pl.String)]
    columns += [_number(frame, name, side).alias(f"{name}_{letter}") for name in _NUMBERS]
    columns += [
        clean_allele(pl.col("effect_allele")).alias(f"{letter}1"),
        clean_allele(pl.col("other_allele")).alias(f"{letter}2"),
        _optional(frame, "trait", pl.String(), default=side).fill_null(side).alias(side),
        _optional(frame, "mr_keep", pl.Boolean(), default=True).alias(f"keep_{letter}"),
        *(_optional(frame, n, dtype).alias(n) for n, dtype in (_PLACES | _RSID).items()),
        *(
            pl.col(name).cast(dtype).alias(f"{name}_{side}")
            for name, dtype in _FURTHER.items()
            if name in frame.columns
        ),
    ]
    named = parse_names(frame["variant_id"].cast(pl.String)).is_not_null()
    return frame.select(columns).filter(named)


def _contradict(paired: pl.DataFrame) -> pl.Series:
    """Tell which rows share a name and lie at different places."""
    alleles = [pl.col(name) for name in ("a1", "a2", "b1", "b2")]
    long = [(allele.str.len_bytes() > 1) | allele.is_in(["I", "D"]) for allele in alleles]
    names = name_keys(paired["variant_id"])
    marked = paired.with_columns(
        pl.any_horizontal(long).fill_null(value=False).alias("indel"),
        word=~is_number_or_place(pl.lit(names)).fill_null(value=False),
    )
    return contradict_positions(marked, shown="one_build").alias("elsewhere")


def _optional(
    frame: pl.DataFrame, name: str, dtype: pl.DataType, *, default: str | bool | None = None
) -> pl.Expr:
    return pl.col(name).cast(dtype) if name in frame.columns else pl.lit(default, dtype)


def _number(frame: pl.DataFrame, name: str, side: str) -> pl.Expr:
    if name not in frame.columns:
        return pl.lit(None, pl.Float64)
    if not (frame.schema[name].is_numeric() or frame.schema[name] == pl.Null):
        raise ColumnError(f"{side}: column {name!r} holds {frame.schema[name]}; numbers are needed")
    return pl.col(name).cast(pl.Float64).fill_nan(None)


def _judge(aligned: pl.DataFrame, *, action: Action) -> pl.DataFrame:
    """Return the rows with what becomes of them, the outcome turned where frequencies say so."""
    turn = pl.col("palindromic") & pl.col("opposite") & (pl.col("case") == "2-2")
    turn &= pl.lit(action == 2)
    against, in_favour = _reasons_against(action), _reasons_in_favour(turn, action)
    said = pl.lit("alleles_agree")
    for condition, text in reversed([*against, *in_favour]):
        said = pl.when(condition).then(pl.lit(text)).otherwise(said)
    beta, eaf = pl.col("beta_b"), pl.col("eaf_b")
    return aligned.with_columns(
        said.alias("reason"),
        (pl.col("incompatible") | pl.col("elsewhere")).alias("remove"),
        pl.when(turn).then(-beta).otherwise(beta).alias("beta_b"),
        pl.when(turn).then(1.0 - eaf).otherwise(eaf).alias("eaf_b"),
    ).with_columns((~pl.col("reason").is_in([text for _, text in against])).alias("mr_keep"))


def _reasons_against(action: Action) -> list[tuple[pl.Expr, str]]:
    """Return why a row is left out, the first that holds being told."""
    col = pl.col
    palindromic, incompatible = col("palindromic"), col("incompatible")
    unsure = col("ambiguous") & pl.lit(action != 1)
    conditions = [col(name).is_finite() for name in ("beta_a", "beta_b", "se_a", "se_b")]
    conditions += [col(name) > 0 for name in ("se_a", "se_b")]
    usable = pl.all_horizontal(each.fill_null(value=False) for each in conditions)
    wanted = (col("keep_a") & col("keep_b")).fill_null(value=True)
    return [
        (col("elsewhere"), "position_differs"),
        (col("case").is_null(), "no_effect_allele"),
        (incompatible & palindromic & (col("case") != "2-2"), "palindromic_with_one_allele"),
        (incompatible, "incompatible_alleles"),
        (palindromic & pl.lit(action == 3), "palindromic"),
        (unsure & palindromic, "palindromic_ambiguous"),
        (unsure, "one_allele_ambiguous"),
        (~usable, "no_beta_or_se"),
        (~wanted, "excluded_in_input"),
    ]


def _reasons_in_favour(turn: pl.Expr, action: Action) -> list[tuple[pl.Expr, str]]:
    """Return how the alleles of a row that is kept were brought together."""
    palindromic = pl.col("palindromic")
    return [
        (turn, "palindromic_turned_by_frequency"),
        (palindromic & pl.lit(action == 2), "palindromic_by_frequency"),
        (palindromic, "palindromic_taken_as_forward"),
        (pl.col("flipped") & pl.col("turned"), "strand_changed_and_exchanged"),
        (pl.col("flipped"), "strand_changed"),
        (pl.col("turned"), "exchanged"),
    ]


def _list_absent(
    exposure: pl.DataFrame, outcome: pl.DataFrame, outcomes: pl.DataFrame
) -> pl.DataFrame:
    """Return the variants of the exposures that an outcome lacks."""
    pairs = exposure.join(outcomes.select("outcome"), how="cross")
    present = outcome.select("outcome", "variant_id").unique()
    return pairs.join(present, on=["outcome", "variant_id"], how="anti").with_columns(
        pl.lit("absent_from_outcome").alias("reason"),
        pl.lit(value=True).alias("remove"),
        *(pl.lit(value=False).alias(name) for name in ("palindromic", "ambiguous", "mr_keep")),
    )


def _arrange(table: pl.DataFrame, *, action: Action) -> pl.DataFrame:
    names = {
        f"{name}_{letter}": f"{name}_{side}"
        for side, letter in _LETTERS.items()
        for name in _NUMBERS
    }
    alleles = {"a1": "effect_allele_exposure", "a2": "other_allele_exposure"}
    alleles |= {"b1": "effect_allele_outcome", "b2": "other_allele_outcome"}
    named = table.rename(names | alleles).with_columns(
        pl.coalesce("rsid", parse_rsids(table["variant_id"])[0]).alias("rsid"),
        (pl.col("eaf_exposure") - pl.col("eaf_outcome")).abs().alias("eaf_difference"),
        pl.lit(action, pl.Int64).alias("action"),
    )
    marked = named.with_columns(
        (pl.col("eaf_difference") > _DIFFERENCE).fill_null(value=False).alias("eaf_differs")
    )
    schema = load_schema("harmonised")
    absent = [
        pl.lit(None, pl.Float64).alias(name) for name in schema.names if name not in marked.columns
    ]
    further = [name for name in marked.columns if name.startswith(("n_case_", "proxy_"))]
    ordered = schema.validate(marked.with_columns(absent).select(*schema.names, *further))
    return ordered.sort(["exposure", "outcome", "variant_id", *schema.names[3:], *further])


def _gather(used: pl.DataFrame, out: pl.DataFrame, pairs: pl.DataFrame) -> list[Harmonised]:
    """Return the analyses of pairs, each a slice of the rows kept and of those left out."""
    variants = used.drop(*_PAIR, "mr_keep", "remove")
    dropped = out.select("variant_id", "reason")
    names = ("beta_exposure", "se_exposure", "beta_outcome", "se_outcome")
    bx, sx, by, sy = (used[name].to_numpy() for name in names)
    n_x, n_y = (used[name].to_numpy() for name in ("n_exposure", "n_outcome"))
    analyses, start_out = [], 0
    for row in pairs.iter_rows(named=True):
        m, first = int(row["m"]), int(row["first_kept"])
        here = slice(first, first + m)
        analyses.append(
            Harmonised(
                exposures=(row["exposure"],),
                outcome=row["outcome"],
                variants=variants.slice(first, m),
                beta_x=bx[here, None],
                se_x=sx[here, None],
                beta_y=by[here],
                se_y=sy[here],
                dropped=dropped.slice(start_out, int(row["left_out"])),
                n_x=np.array([_mean(n_x[here])]),
                n_y=_mean(n_y[here]),
            )
        )
        start_out += int(row["left_out"])
    return analyses


def _mean(sizes: F64) -> float:
    """Return the mean of the sample sizes known, NaN without any."""
    present = sizes[~np.isnan(sizes)]
    return float(present.mean()) if present.size else float("nan")
