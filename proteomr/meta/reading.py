"""Tables of results as rows of studies: which study, what of, the effect and its error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from proteomr.errors import ColumnError, InputError, UsageError, nearest, rows_have
from proteomr.io import read_table
from proteomr.io.result_rows import choose_rows
from proteomr.meta.published import read_effects
from proteomr.meta.specification import DEFAULT_KEYS, MetaRequest
from proteomr.runs import Source, open_scratch
from proteomr.runs.notes import add_note
from proteomr.stats.ratio_measures import RATIOS, convert_ratio, name_ratio
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = [
    "MEASURE",
    "ORIGIN",
    "STUDY",
    "StudyRows",
    "name_sources",
    "read_studies",
]

STUDY: Final = "study"
ORIGIN: Final = "_table"
MEASURE: Final = "_measure"
_MAIN: Final = "associations.parquet"
_OF_FAMILY: Final = {"logistic": "OR", "cox": "HR", "linear": "difference", "mixed": "difference"}
_MEASURE_COLUMN: Final = "measure"


@dataclass(frozen=True, slots=True)
class StudyRows:
    """Rows of all tables that have an effect and an error.

    Attributes
    ----------
    frame : sorted by keys and study: keys, ``study``, the table, estimate, se, and what else the
        request names.
    keys : columns that say what an effect is of.
    drops : rows left out, by reason.
    lost : keys of effects of which no row is left.
    """

    frame: pl.DataFrame
    keys: tuple[str, ...]
    drops: tuple[Drop, ...]
    lost: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def studies(self) -> list[str]:
        """Names of the studies, sorted."""
        return sorted(self.frame[STUDY].unique().to_list())


def read_studies(asked: MetaRequest) -> StudyRows:
    """Read the tables of a request.

    Raises
    ------
    ColumnError
        A column is not there, or holds what it may not hold.
    InputError
        No row has an effect, or tables have nothing in common.
    """
    named = name_sources(asked.tables)
    with open_scratch() as scratch:
        frames = [_read(source.on_disk(scratch), asked) for source in asked.tables]
    keys = _find_keys(asked, frames)
    parts = [
        _take(frame, asked, keys, origin=name, path=source.name)
        for frame, name, source in zip(frames, named, asked.tables, strict=True)
    ]
    joined = pl.concat(parts, how="diagonal_relaxed")
    kept, drops = _leave_out(joined)
    if not kept.height:
        raise InputError(
            f"{asked.tables[0].name}: no row has an estimate with a standard error above 0"
        )
    converted, further = _convert(kept, asked)
    ordered = converted.sort(*keys, STUDY, ORIGIN, c.ESTIMATE, c.SE, nulls_last=True)
    _refuse_strangers(ordered, keys, asked)
    lost = _find_lost(joined, ordered, keys)
    return StudyRows(ordered, keys, (*drops, *further), lost)


def _find_lost(joined: pl.DataFrame, left: pl.DataFrame, keys: tuple[str, ...]) -> pl.DataFrame:
    """Return the keys of the tables of which no row is left."""
    if not keys:
        return pl.DataFrame()
    known = left.select(keys).unique()
    return joined.select(keys).unique().join(known, on=keys, how="anti", nulls_equal=True)


def name_sources(sources: Sequence[Source]) -> list[str]:
    """Return the names of tables as studies: stems of files, or what tells their paths apart.

    Examples
    --------
    >>> name_sources([Source.of("a/one.csv"), Source.of("b/two.csv.gz")])
    ['one', 'two']
    >>> name_sources([Source.of("ukb/associations.parquet"), Source.of("arc/associations.parquet")])
    ['ukb', 'arc']
    """
    parts = []
    for source in sources:
        path = Path(source.name)
        stem = path.name.removesuffix(".gz")
        known = (".parquet", ".csv", ".tsv", ".txt")
        ending = next((end for end in known if stem.lower().endswith(end)), "")
        parts.append((*path.parts[:-1], stem[: len(stem) - len(ending)]))
    for places in ([-1], [-2], [-2, -1]):
        names = ["/".join(p[at] for at in places if len(p) >= -at) for p in parts]
        if len(set(names)) == len(names) and all(names):
            return names
    return ["/".join(p) for p in parts]


def _read(path: Path, asked: MetaRequest) -> pl.DataFrame:
    frame = read_table(path / _MAIN if path.is_dir() else path)
    return choose_rows(frame, asked.rows, path=path)


def _find_keys(asked: MetaRequest, frames: Sequence[pl.DataFrame]) -> tuple[str, ...]:
    """Return the columns that say what an effect is of."""
    for name in asked.by:
        for frame, source in zip(frames, asked.tables, strict=True):
            if name not in frame.columns:
                raise ColumnError(
                    f"{source.name}: no column {name!r}{nearest(name, frame.columns)} (--by)"
                )
    if asked.by:
        return asked.by
    found = [name for name in DEFAULT_KEYS if any(name in frame.columns for frame in frames)]
    for name in found:
        for frame, source in zip(frames, asked.tables, strict=True):
            if name not in frame.columns:
                raise ColumnError(
                    f"{source.name}: no column {name!r}, which others have; name the keys that all "
                    "have, such as --by protein"
                )
    return tuple(found)


def _take(
    frame: pl.DataFrame, asked: MetaRequest, keys: Sequence[str], *, origin: str, path: str
) -> pl.DataFrame:
    """Return the columns that count, under their names."""
    estimate, se = read_effects(frame, path)
    texts = [frame[name].cast(pl.String).alias(name) for name in keys]
    study = pl.Series(STUDY, [origin] * frame.height)
    if asked.study is not None:
        study = _text(frame, asked.study, path, option="--study").alias(STUDY)
    columns = [*texts, study, pl.Series(ORIGIN, [origin] * frame.height), estimate, se]
    if asked.cluster is not None:
        columns.append(_text(frame, asked.cluster, path, option="--cluster").alias("_cluster"))
    columns.append(_name_measure(frame, asked).alias(MEASURE))
    if c.N in frame.columns and frame[c.N].dtype.is_numeric():
        columns.append(frame[c.N].cast(pl.Float64).alias("_n"))
    taken = {column.name for column in columns}
    others = (
        [frame[name] for name in frame.columns if name not in taken] if asked.moderators else []
    )
    return pl.DataFrame([*columns, *others])


def _text(frame: pl.DataFrame, name: str, path: str, *, option: str) -> pl.Series:
    if name not in frame.columns:
        raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)} ({option})")
    column = frame[name].cast(pl.String)
    if column.null_count():
        raise ColumnError(f"{path}: {rows_have(column.null_count())} no {name} ({option})")
    return column


def _name_measure(frame: pl.DataFrame, asked: MetaRequest) -> pl.Series:
    """Return what each estimate is: by its column, else its family, else the request.

    A family that has no such name is one by itself, where the request says nothing either.
    """
    named = pl.Series([None] * frame.height, dtype=pl.String)
    if _MEASURE_COLUMN in frame.columns:
        told = frame[_MEASURE_COLUMN].cast(pl.String)
        spelt = {text: name_ratio(text) or None for text in told.drop_nulls().unique()}
        named = told.replace_strict(spelt, default=None, return_dtype=pl.String)
    family = pl.Series([None] * frame.height, dtype=pl.String)
    if c.FAMILY in frame.columns:
        family = frame[c.FAMILY].cast(pl.String)
    named = named.fill_null(family.replace_strict(_OF_FAMILY, default=None, return_dtype=pl.String))
    return named.fill_null(family if asked.measure is None else asked.measure)


def _leave_out(frame: pl.DataFrame) -> tuple[pl.DataFrame, list[Drop]]:
    """Leave out rows that cannot be weighed, and count them by reason."""
    reasons = (
        ("no finite estimate", ~pl.col(c.ESTIMATE).is_finite().fill_null(value=False)),
        ("no standard error", ~pl.col(c.SE).is_finite().fill_null(value=False)),
        ("standard error of 0 or less", ~(pl.col(c.SE) > 0.0).fill_null(value=False)),
        ("error without a finite square", ~(pl.col(c.SE) ** 2).is_finite()),
    )
    drops = []
    for reason, where in reasons:
        out = int(frame.select(where.sum()).item())
        if out:
            drops.append(Drop("studies", reason, out))
            if reason.startswith("standard"):
                add_note(
                    f"{rows_have(out)} a standard error of 0 or less, which would weigh more than "
                    "all others: they are left out"
                )
            frame = frame.filter(~where)
    return frame, drops


def _convert(frame: pl.DataFrame, asked: MetaRequest) -> tuple[pl.DataFrame, list[Drop]]:
    """Bring ratios to one measure, or say that they are of several."""
    kinds = sorted(frame[MEASURE].drop_nulls().unique().to_list())
    unknown = frame[MEASURE].null_count()
    if asked.to is None:
        ratios = [kind for kind in kinds if kind in RATIOS]
        if len(kinds) > 1:
            hint = " (convert them: --to RR --baseline-risk P)" if len(ratios) > 1 else ""
            add_note(f"estimates of several kinds are pooled: {', '.join(kinds)}{hint}")
        if kinds and unknown:
            add_note(
                f"{unknown:,} of {frame.height:,} rows do not say what their estimate is, and are "
                f"pooled with {' and '.join(kinds)}: a column 'measure', or --measure, says it"
            )
        return frame, []
    if unknown:
        raise UsageError(
            f"{unknown:,} rows do not say what their estimate is: a column 'measure' (OR, RR or "
            "HR), or --measure for all"
        )
    strange = [kind for kind in kinds if kind not in RATIOS]
    if strange:
        raise UsageError(
            f"estimates that are {strange[0]!r} are no ratio to convert: {', '.join(RATIOS)}"
        )
    parts = []
    for kind in RATIOS:
        part = frame.filter(pl.col(MEASURE) == kind)
        log, se = convert_ratio(
            part[c.ESTIMATE].to_numpy(),
            part[c.SE].to_numpy(),
            measure=kind,
            to=asked.to,
            baseline_risk=float(asked.baseline_risk or 0.0),
        )
        parts.append(part.with_columns(pl.Series(c.ESTIMATE, log), pl.Series(c.SE, se)))
    joined = pl.concat(parts).with_columns(pl.lit(asked.to).alias(MEASURE))
    sound = joined.filter(pl.col(c.ESTIMATE).is_finite() & pl.col(c.SE).is_finite())
    out = joined.height - sound.height
    reason = f"a risk above 1 at the baseline risk {asked.baseline_risk:g}"
    return sound, [Drop("conversion", reason, out)] if out else []


def _refuse_strangers(frame: pl.DataFrame, keys: Sequence[str], asked: MetaRequest) -> None:
    """Refuse tables whose keys have nothing in common."""
    there = set(frame[ORIGIN].to_list())
    for name in name_sources(asked.tables):
        if name not in there:
            add_note(f"{name}: no row can be pooled; it is left out")
    if len(there) < 2 or not keys:
        return
    among = frame.group_by(*keys).agg(pl.col(ORIGIN).n_unique().alias("tables"))
    if among.filter(pl.col("tables") > 1).height:
        return
    firsts = frame.group_by(ORIGIN, maintain_order=True).first().head(2)
    shown = [
        f"{row[ORIGIN]} has {', '.join(str(row[key]) for key in keys)}"
        for row in firsts.iter_rows(named=True)
    ]
    raise InputError(
        f"the tables have no {' and '.join(keys)} in common: {'; '.join(shown)}; bring the names "
        "to one form, or choose other keys (--by)"
    )
