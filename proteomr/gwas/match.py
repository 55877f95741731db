"""Variants of one source found in another: by name, by rsid, or by position and alleles.

Names that are places (``1:5:A:G``) are one name in either order of the alleles, and words like
``-`` and ``NA`` are none. What stands at several places of a source names no variant by itself:
there the places must agree, too. A variant found by name or rsid on another chromosome, or on the
same build at another position, is another variant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import polars as pl

from proteomr.errors import ColumnError, InputError, nearest
from proteomr.gwas.shared_places import lie_on_other_chromosomes, shows_one_build
from proteomr.io.sumstats.cells import parse_names, parse_rsids
from proteomr.tables.texts import fill_text

__all__ = [
    "Key",
    "Match",
    "Matched",
    "add_keys",
    "contradict_positions",
    "describe_match",
    "is_listed",
    "is_number_or_place",
    "match_variants",
    "name_keys",
    "read_places",
]

Key: TypeAlias = Literal["name", "rsid", "position"]
"""By what a variant is found."""
Match: TypeAlias = Literal["auto", "name", "rsid", "position"]
"""By what variants are looked for; ``auto``: by name, those not found by rsid, then by position."""

_PLACE: Final = (
    r"(?i)^(?:chr)?([0-9]{1,2}|X|Y|XY|MT?)[:_-]([0-9]+)[:_-]([ACGTDI]+)[:_/-]([ACGTDI]+)"
    r"(?:[^A-Z0-9].*)?$"
)
_RS: Final = r"^rs[1-9][0-9]*$"
# The position of an insertion or deletion depends on how it is anchored, by as much as it is long
# within a repeat; 100 bp cover all but the longest.
_INDEL_SHIFT_BP: Final = 100
_DTYPES: Final = {
    "variant_id": pl.String(),
    "rsid": pl.String(),
    "chromosome": pl.String(),
    "position_bp": pl.Int64(),
    "build": pl.String(),
}


@dataclass(frozen=True, slots=True, eq=False)
class Matched:
    """Rows of a source under the names that another has.

    Parameters
    ----------
    rows : rows that match, with ``variant_id`` of the other source; a row that matches several of
        its variants stands there once for each. ``name_there`` is the name in its own source.
    counts : by what how many variants of the other source were found.
    n : number of variants looked for.
    """

    rows: pl.DataFrame
    counts: dict[Key, int]
    n: int


def match_variants(
    wanted: pl.DataFrame, rows: pl.DataFrame, *, by: Match = "auto", path: object = "the outcome"
) -> Matched:
    """Return the rows of a source that are of the variants wanted, under the names wanted.

    With ``auto`` each variant is looked for by its name, then by its rsid, and by its position
    where both sources tell the same build; in each trait of the source by itself.
    Alleles are left to harmonisation, which lists those that do not fit.

    Parameters
    ----------
    wanted : ``variant_id``; where known ``rsid``, ``chromosome``, ``position_bp``, ``build``.
    rows : the same of the source that is searched, and ``trait`` where it has several; further
        columns stay.
    by : what they are found by.
    path : the source, for messages.

    Raises
    ------
    ColumnError
        There is no column of names.
    InputError
        Positions are asked for, and the builds differ.

    Examples
    --------
    >>> wanted = pl.DataFrame({"variant_id": ["1:5:A:G", "1:9:C:T"], "rsid": [None, "rs9"]})
    >>> rows = pl.DataFrame({"variant_id": ["chr1_5_G_A", "rs9", "rs3"]})
    >>> matched = match_variants(wanted, rows)
    >>> matched.rows["variant_id"].to_list(), matched.counts
    (['1:5:A:G', '1:9:C:T'], {'name': 1, 'rsid': 1})
    """
    first = add_keys(wanted, what="variants").unique("variant_id", maintain_order=True)
    second = add_keys(rows, what=str(path)).with_row_index("_row")
    if by == "position":
        _refuse_other_build(first, second, path=path)
    one_build = len(_told_builds(first) & _told_builds(second)) == 1
    in_turn: Sequence[Key] = ("name", "rsid", "position") if one_build else ("name", "rsid")
    keys = in_turn if by == "auto" else (by,)
    joined, counts = _join_in_turn(first, second, keys)
    plain = second.select("_row", *rows.columns).rename({"variant_id": "name_there"})
    named = (
        plain.join(joined, on="_row", how="inner", maintain_order="left")
        .rename({"_wanted": "variant_id"})
        .select(*rows.columns, "name_there")
    )
    return Matched(named, counts, first.height)


def describe_match(found: Matched) -> str:
    """Return how many variants were found, and by what, in one sentence.

    Examples
    --------
    >>> describe_match(Matched(pl.DataFrame(), {"name": 7, "rsid": 2}, 12))
    '9 of 12 variants found (7 by name, 2 by rsid)'
    """
    total = sum(found.counts.values())
    parts = [f"{n:,} by {key}" for key, n in found.counts.items()]
    if len(found.counts) == 1:
        (key,) = found.counts
        return f"{total:,} of {found.n:,} variants found by {key}"
    how = f" ({', '.join(parts)})" if parts else ""
    return f"{total:,} of {found.n:,} variants found{how}"


def is_listed(frame: pl.DataFrame, names: Sequence[str]) -> pl.Series:
    """Return which variants stand in a list of names or rsids.

    A word that stands at several places of the frame names none of them.

    Examples
    --------
    >>> frame = pl.DataFrame({"variant_id": ["1:5:A:G", "x"], "rsid": ["rs5", None]})
    >>> is_listed(frame, ["rs5", "y"]).to_list(), is_listed(frame, ["chr1:5:G:A"]).to_list()
    ([True, False], [True, False])
    """
    listed = add_keys(pl.DataFrame({"variant_id": list(names)}, schema={"variant_id": pl.String}))
    keyed = add_keys(frame)
    word = keyed.select(pl.col("_name_shared") & ~is_number_or_place(pl.col("_name"))).to_series()
    by_name = keyed["_name"].is_in(listed["_name"].drop_nulls().implode()) & ~word
    by_rsid = keyed["_rsid"].is_in(listed["_rsid"].drop_nulls().implode())
    return by_name.fill_null(value=False) | by_rsid.fill_null(value=False)


def name_keys(names: pl.Series) -> pl.Series:
    """Return what names are compared by: places in one spelling, rs numbers in small letters.

    Examples
    --------
    >>> name_keys(pl.Series(["chr1_5_t_c", "1:5:C:T:imp:v1", "RS7", "Affx-1", "NA"])).to_list()
    ['1:5:C:T', '1:5:C:T', 'rs7', 'Affx-1', None]
    """
    words = parse_names(names).alias("name")
    parts = words.str.extract_groups(_PLACE).struct.unnest()
    if parts.width < 4:  # no names at all
        return words
    chromosome, position, first_allele, second_allele = (
        parts.to_series(i).str.to_uppercase() for i in range(4)
    )
    frame = pl.DataFrame(
        [
            words,
            chromosome.str.strip_chars_start("0").replace({"M": "MT", "XY": "X"}).alias("c"),
            position.alias("p"),
            first_allele.alias("one"),
            second_allele.alias("two"),
        ]
    )
    low, high = pl.min_horizontal("one", "two"), pl.max_horizontal("one", "two")
    lower = pl.col("name").str.to_lowercase()
    return frame.select(
        pl.when(pl.col("c").is_not_null())
        .then(fill_text("{}:{}:{}:{}", "c", "p", low, high))
        .when(lower.str.contains(_RS))
        .then(lower)
        .otherwise("name")
        .alias("name")
    ).to_series()


def read_places(names: pl.Series) -> pl.DataFrame:
    """Return ``chromosome``, ``position_bp``, ``allele_1`` and ``allele_2`` as names spell them.

    Examples
    --------
    >>> read_places(pl.Series(["chr1_5_t_c", "rs7"])).rows()
    [('1', 5, 'T', 'C'), (None, None, None, None)]
    """
    columns = ("chromosome", "position_bp", "allele_1", "allele_2")
    parts = names.cast(pl.String).str.extract_groups(_PLACE).struct.unnest()
    if parts.width < len(columns):  # no names at all
        parts = pl.DataFrame(schema=dict.fromkeys(columns, pl.String)).clear(names.len())
    parts.columns = list(columns)
    chromosome = pl.col("chromosome").str.to_uppercase().str.strip_chars_start("0")
    return parts.with_columns(
        chromosome.replace({"M": "MT", "XY": "X"}),
        pl.col("position_bp").cast(pl.Int64, strict=False),
        pl.col("allele_1", "allele_2").str.to_uppercase(),
    )


def add_keys(frame: pl.DataFrame, *, what: str = "variants") -> pl.DataFrame:
    """Return rows with ``_name``, ``_rsid`` and ``_place``, null where there is none.

    ``_name_shared`` and ``_rsid_shared`` tell which stand at several places.

    Parameters
    ----------
    frame : ``variant_id``; where known ``rsid``, ``chromosome``, ``position_bp``, ``build``.
    what : the frame, for messages.

    Raises
    ------
    ColumnError
        There is no column of names.
    """
    if "variant_id" not in frame.columns:
        hint = nearest("variant_id", frame.columns)
        raise ColumnError(f"{what}: no column 'variant_id'{hint}")
    absent = [pl.lit(None, t).alias(n) for n, t in _DTYPES.items() if n not in frame.columns]
    whole = frame.with_columns(absent).with_columns(
        pl.col("variant_id", "rsid", "chromosome", "build").cast(pl.String)
    )
    names = name_keys(whole["variant_id"])
    rsids = parse_rsids(whole["rsid"])[0]
    rsids = rsids.zip_with(rsids.is_not_null(), parse_rsids(whole["variant_id"])[0])
    chromosome = pl.col("chromosome").str.replace("(?i)^chr", "").str.to_uppercase()
    keyed = whole.with_columns(
        names.alias("_name"),
        rsids.alias("_rsid"),
        chromosome.alias("_chromosome"),
        pl.col("position_bp").cast(pl.Int64).alias("_position"),
    )
    place = fill_text("{}:{}", "_chromosome", "_position")
    return keyed.with_columns(place.alias("_place")).with_columns(
        (pl.col("_place").n_unique().over(name) > 1).alias(f"{name}_shared")
        for name in ("_name", "_rsid")
    )


def is_number_or_place(keys: pl.Expr) -> pl.Expr:
    """Tell which keys of names are rs numbers or places, and no words of a source's own.

    Examples
    --------
    >>> keys = pl.DataFrame({"key": ["rs7", "1:5:A:G", "Affx-1"]})
    >>> keys.select(is_number_or_place(pl.col("key"))).to_series().to_list()
    [True, True, False]
    """
    return keys.str.contains(_RS) | keys.str.contains(_PLACE)


def _join_in_turn(
    wanted: pl.DataFrame, rows: pl.DataFrame, keys: Sequence[Key]
) -> tuple[pl.DataFrame, dict[Key, int]]:
    """Return which rows are of which variant by the first key that finds it in a row's trait."""
    trait = pl.col("trait") if "trait" in rows.columns else pl.lit(None)
    traits = rows.select("_row", trait.cast(pl.String).alias("_trait"))
    found = traits.clear().select("_row", pl.lit(None, pl.String).alias("_wanted"), "_trait")
    n_traits, counts = traits["_trait"].n_unique(), dict[Key, int]()
    for key in keys:
        n_found = pl.col("_trait").n_unique()
        everywhere = found.group_by("_wanted").agg(n_found).filter(pl.col("_trait") == n_traits)
        left = wanted.join(everywhere, left_on="variant_id", right_on="_wanted", how="anti")
        pairs = _pair(left, rows, key).join(traits, on="_row", maintain_order="left")
        pairs = pairs.join(found, on=["_wanted", "_trait"], how="anti", nulls_equal=True)
        found = pl.concat([found, pairs])
        if n_more := found["_wanted"].n_unique() - sum(counts.values()):
            counts[key] = n_more
    return found, counts


def _pair(wanted: pl.DataFrame, rows: pl.DataFrame, key: Key) -> pl.DataFrame:
    """Return which rows are of which variant."""
    column = {"name": "_name", "rsid": "_rsid", "position": "_place"}[key]
    shared = pl.lit(value=False) if key == "position" else pl.col(f"{column}_shared")
    place = pl.col("_place").alias("_at")
    names_wanted = wanted.select(
        pl.col("variant_id").alias("_wanted"), column, place, shared.alias("_shared")
    ).drop_nulls(column)
    return (
        rows.select("_row", column, place, shared.alias("_shared"))
        .drop_nulls(column)
        .join(names_wanted, on=column, how="inner", maintain_order="left_right")
        .filter(
            ~(pl.col("_shared") | pl.col("_shared_right"))
            | (pl.col("_at") == pl.col("_at_right")).fill_null(value=False)
        )
        .select("_row", "_wanted")
    )


def _told_builds(frame: pl.DataFrame) -> set[str]:
    return set(frame["build"].drop_nulls().unique())


def _refuse_other_build(wanted: pl.DataFrame, rows: pl.DataFrame, *, path: object) -> None:
    builds = [_told_builds(frame) for frame in (wanted, rows)]
    if all(builds) and builds[0] != builds[1]:
        shown = [", ".join(sorted(names)) for names in builds]
        raise InputError(
            f"{path}: is on {shown[1]}, the variants looked for on {shown[0]}; lift one with gwas "
            "munge --liftover, or give --match rsid"
        )


def contradict_positions(pairs: pl.DataFrame, *, shown: str | None = None) -> pl.Series:
    """Return which pairs of rows that share a name lie at different places.

    Another chromosome contradicts on any builds. Another position does so where both rows are on
    one build: as told, or as the positions of the pairs themselves show. A word that is neither an
    rs number nor a place is contradicted unless builds are told or shown to differ: a word that
    stands for no name may be in both sources.

    Parameters
    ----------
    pairs : ``chromosome``, ``position_bp``, ``build``, the same with ``_right`` behind for the
        other source, all null where unknown, and ``indel``, where positions may be some bp apart;
        ``word`` tells which names are neither rs numbers nor places.
    shown : column that tells, where no build is told, whether a row's sources are on one, null
        where nothing shows it; None for what these pairs show, see `shows_one_build`.

    Examples
    --------
    >>> columns = {"chromosome": ["1", "1"], "position_bp": [5, 5], "build": ["GRCh37"] * 2}
    >>> other = {"chromosome_right": ["1", "7"], "position_bp_right": [5, 5]}
    >>> contradict_positions(
    ...     pl.DataFrame({**columns, **other, "build_right": [None] * 2, "indel": [False] * 2})
    ... ).to_list()
    [False, True]
    """
    if not pairs.height:
        return pl.Series("contradicts", [], dtype=pl.Boolean)
    same_build = pl.col("build").cast(pl.String) == pl.col("build_right").cast(pl.String)
    of_all = pl.lit(shows_one_build(pairs), pl.Boolean) if shown is None else pl.col(shown)
    word = pl.col("word") if "word" in pairs.columns else pl.lit(value=False)
    one_build = pl.coalesce(same_build, of_all, word)
    return pairs.select(
        (lie_on_other_chromosomes() | (_is_apart() & one_build)).alias("c")
    ).to_series()


def _is_apart() -> pl.Expr:
    distance = (pl.col("position_bp") - pl.col("position_bp_right")).abs()
    allowed = pl.when("indel").then(_INDEL_SHIFT_BP).otherwise(0)
    return (distance > allowed).fill_null(value=False)
