"""Tables of estimates by dose: a study for each key and name, and its slope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast, get_args

import numpy as np
import polars as pl

from proteomr._typing import F64
from proteomr.errors import ColumnError, InputError, nearest, rows_have
from proteomr.io import read_table
from proteomr.io.result_rows import choose_rows
from proteomr.meta.published import read_effects, read_numbers
from proteomr.meta.reading import MEASURE, ORIGIN, STUDY, StudyRows, name_sources
from proteomr.meta.specification import DEFAULT_KEYS, DoseOptions, MetaRequest
from proteomr.runs import open_scratch
from proteomr.runs.notes import add_note
from proteomr.stats.dose_response import DoseDesign, DoseStudy, find_covariance, fit_slope
from proteomr.tables import Drop
from proteomr.tables import columns as c

__all__ = ["DosedStudy", "read_dosed_studies", "take_slopes"]

_DOSE: Final = "dose"
_CASES: Final = "cases"
_DESIGN: Final = "design"


@dataclass(frozen=True, slots=True)
class DosedStudy:
    """One study of one key, with the covariance of its estimates."""

    key: tuple[str | None, ...]
    name: str
    study: DoseStudy
    covariance: F64


def read_dosed_studies(
    asked: MetaRequest, options: DoseOptions
) -> tuple[tuple[str, ...], list[DosedStudy], tuple[Drop, ...]]:
    """Return the keys, the studies in order of key and name, and what was left out.

    Raises
    ------
    ColumnError, InputError
        A column is not there, or a study has no reference.
    """
    named = name_sources(asked.tables)
    frames = []
    with open_scratch() as scratch:
        for source, name in zip(asked.tables, named, strict=True):
            frame = choose_rows(
                read_table(source.on_disk(scratch)), asked.rows, path=source.on_disk(scratch)
            )
            frames.append(_take(frame, asked, options, origin=name, path=source.name))
    keys = asked.by or tuple(n for n in DEFAULT_KEYS if all(n in f.columns for f in frames))
    joined = pl.concat(frames, how="diagonal_relaxed").sort(*keys, STUDY, _DOSE, nulls_last=True)
    kept = joined.filter(pl.col(_DOSE).is_finite())
    drops = (
        [Drop("doses", "no dose", joined.height - kept.height)]
        if joined.height > kept.height
        else []
    )
    found = []
    for group, part in kept.group_by(*keys, STUDY, maintain_order=True):
        study = _read_study(part, str(group[-1]))
        covariance = find_covariance(study, options.covariance)
        if covariance is None:
            drops.append(Drop("doses", f"no {options.covariance} covariance", part.height))
            add_note(_explain(str(group[-1]), study, options))
            continue
        found.append(
            DosedStudy(
                cast("tuple[str | None, ...]", group[:-1]), str(group[-1]), study, covariance
            )
        )
    if not found:
        raise InputError(
            f"{asked.tables[0].name}: no study has a covariance; cases and n of every dose are "
            "needed, or --dose-covariance independent"
        )
    return tuple(keys), found, tuple(drops)


def _explain(name: str, study: DoseStudy, options: DoseOptions) -> str:
    told = np.isfinite(study.cases).all() and np.isfinite(study.size).all()
    why = f"no cells give its estimates ({options.covariance})"
    if not told:
        why = "cases or n of a dose are not told, and give the covariance of its estimates"
    return f"study {name} is left out: {why}; --dose-covariance independent goes without"


def _take(
    frame: pl.DataFrame, asked: MetaRequest, options: DoseOptions, *, origin: str, path: str
) -> pl.DataFrame:
    columns = [read_numbers(frame, _DOSE, path), *read_effects(frame, path)]
    for name in (_CASES, c.N):
        if name in frame.columns or options.covariance != "independent":
            columns.append(read_numbers(frame, name, path))
        else:
            columns.append(pl.Series(name, [None] * frame.height, dtype=pl.Float64))
    study = pl.Series(STUDY, [origin] * frame.height)
    if asked.study is not None:
        if asked.study not in frame.columns:
            hint = nearest(asked.study, frame.columns)
            raise ColumnError(f"{path}: no column {asked.study!r}{hint} (--study)")
        study = frame[asked.study].cast(pl.String).alias(STUDY)
    for name in asked.by:
        if name not in frame.columns:
            raise ColumnError(f"{path}: no column {name!r}{nearest(name, frame.columns)} (--by)")
    keys = [frame[n].cast(pl.String) for n in (asked.by or DEFAULT_KEYS) if n in frame.columns]
    design = pl.Series(_DESIGN, ["cc"] * frame.height)
    if _DESIGN in frame.columns:
        design = frame[_DESIGN].cast(pl.String)
        strange = sorted(set(design.drop_nulls().to_list()) - set(get_args(DoseDesign)))
        if strange or design.null_count():
            raise ColumnError(
                f"{path}: column 'design' holds {strange[0] if strange else 'empty cells'!r}; "
                "cc (case-control), ir (incidence rates) or ci (cumulative incidence) is needed"
            )
    elif options.covariance != "independent":
        add_note(f"{path}: no column 'design' (cc, ir or ci): case-control studies are taken")
    return pl.DataFrame(
        [*keys, study, pl.Series(ORIGIN, [origin] * frame.height), *columns, design]
    )


def _read_study(part: pl.DataFrame, name: str) -> DoseStudy:
    unheld = (pl.col(c.SE).is_null()) | (pl.col(c.SE) == 0.0)
    references = part.filter(unheld & (pl.col(c.ESTIMATE).fill_null(0.0) == 0.0))
    points = part.filter(~unheld & pl.col(c.ESTIMATE).is_finite() & (pl.col(c.SE) > 0.0))
    if references.height != 1:
        raise InputError(
            f"study {name}: {references.height} references; one row with the dose that others are "
            "held against, estimate 0 and se 0 or empty, is needed"
        )
    designs = part[_DESIGN].unique().to_list()
    if points.height + 1 < part.height or not points.height:
        raise InputError(
            f"study {name}: {rows_have(part.height - 1 - points.height)} an estimate or an error "
            "that is not a number above 0"
            if points.height
            else f"study {name}: a reference and no other dose"
        )
    if len(designs) > 1:
        raise InputError(f"study {name}: of two designs, {' and '.join(sorted(map(str, designs)))}")
    both = pl.concat([references, points])
    return DoseStudy(
        points[_DOSE].to_numpy(),
        float(references[_DOSE][0]),
        points[c.ESTIMATE].to_numpy(),
        points[c.SE].to_numpy(),
        both[_CASES].fill_null(np.nan).to_numpy(),
        both[c.N].fill_null(np.nan).to_numpy(),
        cast("DoseDesign", designs[0]),
    )


def take_slopes(
    keys: Sequence[str], studies: Sequence[DosedStudy], drops: Sequence[Drop]
) -> StudyRows:
    """Return the slope of each study on its dose, as rows to be pooled.

    Raises
    ------
    InputError
        No study has doses apart from its reference.
    """
    rows = []
    for one in studies:
        away = (one.study.dose - one.study.reference)[:, None]
        fitted = fit_slope(away, one.study.y, one.covariance)
        if fitted is not None:
            slope, variance = float(fitted[0][0]), float(fitted[1][0, 0])
            rows.append((*one.key, one.name, one.name, slope, variance**0.5))
    if not rows:
        raise InputError("no study has a dose that differs from its reference")
    labels = dict.fromkeys((*keys, STUDY, ORIGIN), pl.String)
    frame = pl.DataFrame(
        rows, schema={**labels, c.ESTIMATE: pl.Float64, c.SE: pl.Float64}, orient="row"
    )
    measured = frame.with_columns(pl.lit(None, dtype=pl.String).alias(MEASURE))
    return StudyRows(measured, tuple(keys), tuple(drops))
