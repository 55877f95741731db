"""The same ten variants as a file of every format, and what they are."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from proteomr.io.sumstats import ReadOptions, open_sumstats

FOLDER = Path(__file__).with_name("fixtures")

# one with a p-value that no double holds, one without frequency, one without estimate
TRUTH = pl.DataFrame(
    [
        ("rs1", "X", 500, "A", "G", 0.3, 0.2, 0.05, 4.1983),
        ("rs2", "1", 1000, "C", "T", 0.25, -0.1, 0.02, 6.24162),
        ("rs3", "2", 2000, "G", "A", 0.5, 0.0, 0.03, 0.0),
        ("rs4", "6", 30_000_000, "T", "C", 0.01, 1.5, 0.035, 400.57219),
        ("rs5", "8", 50, "AT", "A", 0.4, 0.05, 0.04, 0.6751),
        ("rs6", "MT", 7028, "C", "T", 0.2, -0.3, 0.1, 2.56867),
        ("rs7", "11", 116_648_917, "G", "C", None, 0.08, 0.02, 4.1983),
        ("rs8", "19", 45_411_941, "T", "C", 0.15, None, None, None),
        ("rs9", "22", 42, "A", "T", 0.45, 0.01, 0.02, 0.20966),
        ("rs10", "Y", 2700, "G", "A", 0.05, -0.02, 0.01, 1.34199),
    ],
    schema=[
        *("rsid", "chromosome", "position_bp", "effect_allele", "other_allele"),
        *("eaf", "beta", "se", "neg_log10_p"),
    ],
    orient="row",
).with_columns(n=pl.lit(900.0))

_UNPLACED = ("chromosome", "position_bp")
UNTOLD: dict[str, tuple[str, ...]] = {
    "bolt_lmm": ("n",),
    "cojo": _UNPLACED,
    "decode": ("eaf",),
    "eqtl_catalogue": ("eaf", "n"),
    "finngen": ("n",),
    "ldsc": (*_UNPLACED, "eaf"),
    "metal": (*_UNPLACED, "n"),
    "named": ("n",),
    "neale": ("rsid",),
    "twosamplemr_exposure": _UNPLACED,
    "twosamplemr_harmonised": (*_UNPLACED, "n"),
    "twosamplemr_input": _UNPLACED,
    "twosamplemr_outcome": _UNPLACED,
    "ukb_ppp": ("rsid",),
}
"""Columns of which the fixture of a format says nothing."""


def fixture_names() -> list[str]:
    return sorted(file.stem for file in FOLDER.iterdir())


def fixture_of(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def read(path: Path, options: ReadOptions | None = None) -> pl.DataFrame:
    opened = open_sumstats(path, options=options)
    return pl.concat([chunk.frame for chunk in opened.chunks()])


def write(folder: Path, content: str | bytes, name: str = "given.txt") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
