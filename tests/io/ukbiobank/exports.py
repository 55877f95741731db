"""Synthetic participants, and exports of them in every form that users hold."""

from __future__ import annotations

import datetime as dt
import gzip
import io
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np
import polars as pl

from proteomr.tables.dictionary import FieldInfo, load_dictionary

Style: TypeAlias = Literal["rap", "entity", "r_entity", "ukb", "r", "mangled", "stata", "title"]
STYLES: tuple[Style, ...] = (
    "rap",
    "entity",
    "r_entity",
    "ukb",
    "r",
    "mangled",
    "stata",
    "title",
)

_IDS: dict[Style, str] = {
    "rap": "eid",
    "entity": "participant.eid",
    "r_entity": "participant_eid",
    "ukb": "eid",
    "r": "f.eid",
    "mangled": "eid",
    "stata": "n_eid",
    "title": "Participant ID",
}
_ICD10 = {"I251": "I25.1 Atherosclerotic heart disease", "E119": "E11.9 Without complications"}
_PLACEHOLDERS = 2


@dataclass(frozen=True)
class People:
    """Participants as they should be read: see `proteomr.tables.Fields.frame`."""

    frame: pl.DataFrame

    @property
    def n(self) -> int:
        return self.frame.height

    def only(self, fields: Collection[int]) -> People:
        """Return the same people with some fields, and no column of their own."""
        kept = [c for c in self.frame.columns if _is_field(c) and _place(c)[0] in set(fields)]
        return People(self.frame.select("eid", *kept))


def make_people(n: int = 200, seed: int = 1) -> People:
    """Return people with every kind of answer, missing, special and repeated ones included."""
    rng = np.random.default_rng(seed)
    ids = [str(i) for i in sorted(1_000_000 + rng.choice(5_000_000, n, replace=False))]
    columns: dict[str, pl.Series] = {"eid": pl.Series(ids, dtype=pl.String)}

    def whole(name: str, values: Collection[int], missing: float = 0.05) -> None:
        drawn = rng.choice(np.array(list(values)), n).tolist()
        columns[name] = pl.Series(_blank(drawn, rng, missing), dtype=pl.Int64)

    def number(name: str, mean: float, sd: float, missing: float = 0.05) -> None:
        drawn = rng.normal(mean, sd, n).round(4).tolist()
        columns[name] = pl.Series(_blank(drawn, rng, missing), dtype=pl.Float64)

    def date(name: str, first: dt.date, days: int, missing: float) -> None:
        drawn = [first + dt.timedelta(int(day)) for day in rng.integers(0, days, n)]
        columns[name] = pl.Series(_blank(drawn, rng, missing), dtype=pl.Date)

    def lists(name: str, values: Collection[Any], kind: type[pl.DataType], most: int) -> None:
        pool = list(values)
        drawn = [
            [pool[i] for i in rng.choice(len(pool), rng.integers(0, most + 1), replace=False)]
            for _ in range(n)
        ]
        columns[name] = pl.Series(drawn, dtype=pl.List(kind))

    meanings = load_dictionary().meanings
    whole("p31_i0", [0, 1], missing=0.0)
    whole("p34_i0", range(1937, 1970))
    whole("p52_i0", range(1, 13))
    date("p53_i0", dt.date(2006, 3, 13), 1600, missing=0.0)
    date("p53_i1", dt.date(2012, 8, 1), 300, missing=0.8)
    whole("p54_i0", [11001, 11002, 11012, 11025, 10003], missing=0.0)
    whole("p190_i0", range(1, 6), missing=0.97)
    date("p191_i0", dt.date(2010, 1, 1), 4000, missing=0.97)
    whole("p709_i0", [1, 1, 2, 3, 4, 12, -1, -3])
    for field in (738, 1031, 1558, 2020, 2050, 2060, 2070, 2080, 2110, 20116, 21000):
        coding = load_dictionary().field(field).coding or 0
        whole(f"p{field}_i0", [int(code) for code in meanings(coding)])
    whole("p2020_i1", [0, 1], missing=0.8)
    for field in (864, 884, 904):
        whole(f"p{field}_i0", [*range(8), -1, -3] + [-2] * (field == 864))
    for field in (874, 894, 914):
        whole(f"p{field}_i0", [5, 10, 30, 60, 240, 600, -1, -3], missing=0.3)
    day = [dt.date(2007, 5, 1) + dt.timedelta(7 * i) for i in range(100)]
    lists("p3166_i0", day, pl.Date, 2)
    lists("p6138_i0", [1, 2, 3, 4, 5, 6], pl.Int64, 4)
    lists("p6160_i0", [-7, -3, 1, 2, 3, 4, 5], pl.Int64, 3)
    lists("p20002_i0", [1065, 1074, 1075, 1220, 1223, 1286, 99999], pl.Int64, 4)
    number("p21001_i0", 27.4, 4.8)
    whole("p21003_i0", range(40, 71), missing=0.0)
    whole("p21022_i0", range(40, 71), missing=0.0)
    pcs = rng.normal(0, 3, (n, 3)).round(5).tolist()
    columns["p22009_i0"] = pl.Series(
        [[] if rng.random() < 0.1 else row for row in pcs], dtype=pl.List(pl.Float64)
    )
    number("p22189_i0", -1.3, 3.0)
    whole("p30900_i0", [2923, 2922, 1463])
    whole("p30901_i0", [890000000001, 890000000022])
    columns["p30902_i0"] = pl.Series(
        _blank([f"{'ABCDEFGH'[i % 8]}{i % 12 + 1}" for i in range(n)], rng, 0.1), dtype=pl.String
    )
    whole("p30903_i0", [1], missing=0.9)
    date("p40000_i0", dt.date(2010, 1, 1), 4700, missing=0.9)
    date("p40005_i0", dt.date(1990, 1, 1), 10000, missing=0.9)
    columns["p40006_i0"] = pl.Series(_blank(["I251"] * n, rng, 0.9), dtype=pl.String)
    lists("p41270_i0", list(_ICD10), pl.String, 2)
    lists("p41280_i0", day, pl.Date, 2)
    for field in (130708, 131296, 131306):
        date(f"p{field}_i0", dt.date(1985, 1, 1), 13000, missing=0.7)
        special = [dt.date(1900, 1, 1), dt.date(1902, 2, 2), dt.date(1903, 3, 3)]
        dates = columns[f"p{field}_i0"].to_list()
        dates[: len(special)] = special
        columns[f"p{field}_i0"] = pl.Series(dates, dtype=pl.Date)
        sources = [None if d is None else int(rng.choice([20, 30, 40, 41, 50])) for d in dates]
        columns[f"p{field + 1}_i0"] = pl.Series(sources, dtype=pl.Int64)
    number("own_score", 0.0, 1.0)
    frame = pl.DataFrame(columns)
    fields = sorted((c for c in frame.columns if _is_field(c)), key=_place)
    return People(frame.select("eid", *fields, "own_score"))


def write_export(
    people: People,
    folder: Path,
    *,
    style: Style,
    coding: Literal["raw", "labels"] = "raw",
    arrays: Literal["joined", "columns", "json"] = "joined",
    dates: Literal["iso", "dmy"] = "iso",
    file: Literal["csv", "tsv.gz", "parquet"] = "csv",
    name: str = "export",
) -> Path:
    """Return a file of the people in one of the forms of UK Biobank, rows and columns shuffled."""
    rng = np.random.default_rng(len(style) + len(coding) + len(arrays) + len(file))
    cells = {_IDS[style]: people.frame["eid"].cast(pl.Int64)}
    for column in people.frame.columns[1:]:
        held = people.frame[column]
        if not _is_field(column):
            cells[column] = held
            continue
        number, instance = _place(column)
        info = load_dictionary().field(number)
        lists = info.kind in {"code", "text"} and arrays != "columns"
        typed = file == "parquet"
        if not info.array:
            label = _name(info, style, instance, None)
            cells[label] = _write(held, info, coding, dates, typed=typed)
        elif lists:
            label = _name(info, style, instance, None)
            cells[label] = _write_list(held, info, coding, dates, json_form=arrays == "json")
            if typed and arrays == "json":
                flat = pl.Series([[*x] for x in held], dtype=held.dtype)
                cells[label] = flat if coding == "raw" else _label_lists(held, info)
        else:
            first = 1 if info.kind == "float" else 0
            for i in range(int(held.list.len().max() or 0)):  # type: ignore[arg-type]
                part = held.list.get(i, null_on_oob=True)
                label = _name(info, style, instance, i + first)
                cells[label] = _write(part, info, coding, dates, typed=typed)
    frame = pl.DataFrame([series.alias(key) for key, series in cells.items()])
    frame = pl.concat([frame, _placeholders(frame, _IDS[style])])
    frame = frame[rng.permutation(frame.height)]
    frame = frame.select(rng.permutation(np.array(frame.columns)).tolist())
    return _save(frame, folder / f"{name}-{style}-{coding}-{arrays}-{dates}.{file}", file)


def _name(info: FieldInfo, style: Style, instance: int, array: int | None) -> str:
    number = info.field
    visit = f"_i{instance}" if info.instances else ""
    answer = "" if array is None else f"_a{array}"
    if style == "title":
        parts = [info.title]
        parts += [f"Instance {instance}"] if info.instances else []
        parts += [] if array is None else [f"Array {array}"]
        return " | ".join(parts)
    letter = {"code": "n", "text": "s", "date": "ts"}.get(info.kind, "n")
    return {
        "rap": f"p{number}{visit}{answer}",
        "entity": f"participant.p{number}{visit}{answer}",
        "r_entity": f"participant_p{number}{visit}{answer}",
        "ukb": f"{number}-{instance}.{array or 0}",
        "r": f"f.{number}.{instance}.{array or 0}",
        "mangled": f"X{number}.{instance}.{array or 0}",
        "stata": f"{letter}_{number}_{instance}_{array or 0}",
    }[style]


def _write(held: pl.Series, info: FieldInfo, coding: str, dates: str, *, typed: bool) -> pl.Series:
    if typed and coding == "raw" and not (info.kind == "date" and dates == "dmy"):
        return held
    return pl.Series([_cell(value, info, coding, dates) for value in held], dtype=pl.String)


def _write_list(
    held: pl.Series, info: FieldInfo, coding: str, dates: str, *, json_form: bool
) -> pl.Series:
    written: list[str | None] = []
    for values in held:
        parts = [_cell(value, info, coding, dates) for value in values]
        if json_form and coding == "raw" and info.kind == "code":
            written.append(json.dumps(list(values)) if parts else None)
        elif json_form:
            written.append(json.dumps(parts) if parts else None)
        else:
            written.append("|".join(str(part) for part in parts) or None)
    return pl.Series(written, dtype=pl.String)


def _label_lists(held: pl.Series, info: FieldInfo) -> pl.Series:
    rows = [[_cell(value, info, "labels", "iso") for value in values] for values in held]
    return pl.Series(rows, dtype=pl.List(pl.String))


def _cell(value: Any, info: FieldInfo, coding: str, dates: str) -> str | None:
    if value is None:
        return None
    codings = load_dictionary().codings
    if coding == "labels" and info.coding is not None:
        key = value.isoformat() if isinstance(value, dt.date) else value
        label = codings.get(info.coding, {}).get(key) or _ICD10.get(str(value))
        if label is not None:
            return label
    if isinstance(value, dt.date):
        return value.isoformat() if dates == "iso" else value.strftime("%d/%m/%Y")
    return str(value)


def _placeholders(frame: pl.DataFrame, id_name: str) -> pl.DataFrame:
    empty = frame.clear(_PLACEHOLDERS)
    return empty.with_columns(pl.Series(id_name, [-1, -2], dtype=pl.Int64))


def _save(frame: pl.DataFrame, path: Path, file: str) -> Path:
    if file == "parquet":
        frame.write_parquet(path)
        return path
    text = io.StringIO()
    frame.write_csv(text, separator="," if file == "csv" else "\t")
    data = text.getvalue().encode()
    path.write_bytes(data if file == "csv" else gzip.compress(data, mtime=0))
    return path


def _blank(values: list[Any], rng: np.random.Generator, missing: float) -> list[Any]:
    return [None if rng.random() < missing else value for value in values]


def _is_field(column: str) -> bool:
    return column.startswith("p") and column[1:2].isdigit()


def _place(column: str) -> tuple[int, int]:
    number, _, instance = column.removeprefix("p").partition("_i")
    return int(number), int(instance)
