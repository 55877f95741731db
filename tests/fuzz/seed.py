"""What a seed of the fuzzer is: small valid files, and the door that they go through."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

__all__ = ["IDS", "PEOPLE", "Door", "Seed", "as_csv", "as_parquet", "what_is_taken"]

Door: TypeAlias = Callable[[Path], object]

FIRST_ID, PEOPLE = 7_100_001, 12
IDS = tuple(range(FIRST_ID, FIRST_ID + PEOPLE))


@dataclass(frozen=True, slots=True, eq=False)
class Seed:
    """Files that are read together.

    Parameters
    ----------
    name : of the format.
    files : content by name.
    mutated : those that a case may change.
    door : reads them from a folder and returns what it took.
    people : words that no message may hold.
    """

    name: str
    files: Mapping[str, bytes]
    mutated: tuple[str, ...]
    door: Door
    people: frozenset[str] = frozenset()


def as_csv(frame: pl.DataFrame, separator: str = ",") -> bytes:
    return frame.write_csv(separator=separator).encode()


def as_parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


def what_is_taken(measured: Any) -> object:
    values = measured.proteins.read(slice(0, len(measured.proteins.names)))
    tables = ("samples", "assays", "plates", "flags", "limits", "controls", "time_gap")
    return [
        measured.platform,
        measured.proteins.names,
        values,
        [getattr(measured, name) for name in tables],
        measured.drops,
    ]
