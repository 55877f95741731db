"""A simulated cohort as the files that a biobank hands out, before anything is derived."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
from numpy.random import Generator

from proteomr._typing import I64, Bool
from proteomr.errors import UsageError
from proteomr.files import replace_file
from proteomr.simulate.people import COMPONENTS
from proteomr.simulate.study import random_stream

__all__ = ["EXPORT_FILES", "check_export", "name_fields", "write_ukb_export"]

_STREAM: Final = 8
EXPORT_FILES: Final[Mapping[str, str]] = {
    "participants": "export/participants.csv",
    "proteins": "export/olink_instance_0.csv",
    "assays": "export/helper_assay.tsv",
    "batches": "export/helper_batch_number.tsv",
    "dates": "export/helper_processing_start_date.tsv",
    "truth": "export/truth.parquet",
}
"""Names of the files of an export, in the folder of the cohort."""

_END: Final = date(2022, 11, 30)
_YEAR: Final = 365.25
_SAMPLES_PER_PLATE: Final = 88
_SITES: Final = (
    *(10003, 11001, 11002, 11003, 11004, 11005, 11006, 11007, 11008, 11009, 11010, 11011),
    *(11012, 11013, 11014, 11016, 11017, 11018, 11020, 11021, 11022, 11023),
)
_ETHNICITY: Final = {
    "white": (1001, 1002, 1003),
    "mixed": (2001, 2002, 2003, 2004),
    "asian": (3001, 3002, 3003, 5),
    "black": (4001, 4002, 4003),
    "other": (6,),
}
_QUALIFICATIONS: Final = {
    "college": ("1", "1|2|3", "1|6"),
    "age18": ("2", "2|3", "5", "3|6"),
    "age16": ("3", "4", "3|4"),
    "none": ("-7",),
}
_ACTIVITIES: Final = ("1", "2", "1|5", "3|4", "5")


def write_ukb_export(
    cohort: Mapping[str, Path], files: Mapping[str, Path], /, *, seed: int
) -> None:
    """Write a simulated cohort in the form of UK Biobank's exports.

    ``participants.csv`` holds raw codes under the research platform's field names: answers from
    which isolation, loneliness and the covariates follow by the rules of the model study, the dates
    of attendance and death, and the plate; ``olink_instance_0.csv`` the proteins under the names of
    its protein fields; ``helper_*.tsv`` assays, batches and dates of processing;
    ``truth.parquet`` the truth under these names. Time gaps come out within a few weeks of the
    cohort's own, since a plate is processed on one day.

    Parameters
    ----------
    cohort : files of the simulated cohort: samples, proteins, timegap, assays and truth.
    files : to write, by the names of `EXPORT_FILES`; their folder exists.
    seed : of the answers; the same seed gives the same files.

    Raises
    ------
    UsageError
        There are more proteins than names.
    StorageError
        The disk refused a file.

    Examples
    --------
    >>> import tempfile
    >>> from proteomr.simulate import simulate
    >>> with tempfile.TemporaryDirectory() as name:
    ...     dataset = simulate(f"{name}/cohort", people=120, proteins=5)
    ...     cohort = {table: dataset.path(table) for table in dataset.names}
    ...     files = {key: Path(name) / Path(file).name for key, file in EXPORT_FILES.items()}
    ...     write_ukb_export(cohort, files, seed=1)
    ...     pl.read_csv(files["proteins"]).columns
    ['eid', 'gdf15', 'cxcl14', 'pcsk9', 'adm', 'asgr1']
    """
    rng = random_stream(seed, _STREAM)
    samples, assays = (
        pl.read_parquet(cohort["samples"], glob=False),
        pl.read_parquet(cohort["assays"], glob=False),
    )
    fields = name_fields(assays["protein"].to_list())
    plates = _assign_plates(samples["batch"].to_numpy())
    gaps = pl.read_parquet(cohort["timegap"], glob=False)
    attended = _date_attendance(samples, gaps)
    _write_text(files["participants"], _answer(samples, plates, attended, rng))
    _write_proteins(cohort["proteins"], files["proteins"], fields)
    _write_text(files["assays"], _list_assays(assays, fields))
    _write_text(files["batches"], _list_batches(plates, samples["batch"]))
    _write_text(files["dates"], _date_processing(gaps, plates, attended))
    named = {protein: field.upper() for protein, field in fields.items()}
    truth = pl.read_parquet(cohort["truth"], glob=False)
    truth = truth.with_columns(pl.col("protein").replace(named))
    replace_file(files["truth"], truth.write_parquet)


def check_export(form: str, *, proteins: int) -> None:
    """Refuse an export that cannot be written.

    Raises
    ------
    UsageError
        There is no such form, or there are more proteins than it has names for.

    Examples
    --------
    >>> check_export("ukb", proteins=2_923)
    """
    if form != "ukb":
        raise UsageError(f"no export {form!r}; there is ukb")
    if proteins > (n_names := len(_known_names())):
        raise UsageError(
            f"{proteins:,} proteins for {n_names:,} names of protein fields: simulate fewer, or "
            "without the export"
        )


@functools.cache
def _known_names() -> tuple[str, ...]:
    listed = importlib.resources.files("proteomr.schemas") / "ukbiobank" / "olink_names.txt"
    return tuple(name for name in listed.read_text("utf-8").split() if name != "eid")


def name_fields(proteins: Sequence[str]) -> Mapping[str, str]:
    """Return the name of a protein field for each simulated protein, invented ones included.

    Raises
    ------
    UsageError
        There are more proteins than names.

    Examples
    --------
    >>> name_fields(["GDF15", "P0001"])["GDF15"]
    'gdf15'
    """
    check_export("ukb", proteins=len(proteins))
    field_names = frozenset(_known_names())
    own = {name: name.lower() for name in proteins if name.lower() in field_names}
    taken = frozenset(own.values())
    others = (name for name in _known_names() if name not in taken)
    return {name: own.get(name) or next(others) for name in proteins}


def _assign_plates(batch: I64) -> I64:
    """Fill plates of a batch with its people in their order."""
    plates = np.empty(batch.size, dtype=np.int64)
    for number in np.unique(batch):
        members = np.flatnonzero(batch == number)
        order = np.arange(members.size) // _SAMPLES_PER_PLATE
        plates[members] = 890_000_000_000 + 1_000_000 * number + order
    return plates


def _date_attendance(samples: pl.DataFrame, gaps: pl.DataFrame) -> pl.Series:
    """Return the dates from which the follow-up of the living reaches its end.

    Of who died the follow-up would have lasted as long as the time gap, and the lead of their
    batch, say: what processing came before the end is one per batch and panel.
    """
    panels = [name for name in gaps.columns if name != "sample_id"]
    people = samples.select("batch", "death", years="follow_up_years").with_columns(
        gap=gaps.select(pl.mean_horizontal(panels)).to_series()
    )
    lead = (pl.col("years") - pl.col("gap")).filter(pl.col("death") == 0).mean().over("batch")
    followed = (pl.col("gap") + lead.fill_null(1.6)).clip(lower_bound=pl.col("years"))
    years = pl.when(pl.col("death") == 1).then(followed).otherwise(pl.col("years"))
    days = people.select(years * _YEAR).to_series().round(0).cast(pl.Int64)
    return pl.Series("p53_i0", [_END] * samples.height).dt.offset_by(
        "-" + days.cast(pl.String) + "d"
    )


def _answer(
    samples: pl.DataFrame, plates: I64, attended: pl.Series, rng: Generator
) -> pl.DataFrame:
    n = samples.height
    isolated = samples["isolation"].to_numpy() == 1
    lonely = samples["loneliness"].to_numpy() == 1
    alone, rarely, inactive = _share_points(isolated, items=3, enough=2, rng=rng).T
    often, never = _share_points(lonely, items=2, enough=2, rng=rng).T
    died = pl.Series(samples["death"] == 1)
    days = pl.Series((samples["follow_up_years"] * _YEAR).round(0).cast(pl.Int64))
    death = attended.dt.offset_by(days.cast(pl.String) + "d")
    low = samples["income"].to_numpy() == 0
    drinks = samples["alcohol"].to_numpy() == 1
    sites = np.array(_SITES)[samples["site"].to_numpy() - 1]
    columns = {
        "eid": samples["sample_id"],
        "p31": samples["sex"],
        "p21022": samples["age"],
        "p53_i0": attended,
        "p54_i0": sites,
        "p709_i0": np.where(alone, 1, rng.integers(2, 6, n)),
        "p1031_i0": np.where(rarely, rng.integers(5, 8, n), rng.integers(1, 5, n)),
        "p6160_i0": np.where(inactive, "-7", rng.choice(np.array(_ACTIVITIES), n)),
        "p2020_i0": often.astype(np.int64),
        "p2110_i0": np.where(never, 0, rng.integers(1, 6, n)),
        "p21000_i0": _choose(samples["ethnicity"], _ETHNICITY, rng),
        "p6138_i0": _choose(samples["education"], _QUALIFICATIONS, rng),
        "p738_i0": np.where(low, rng.integers(1, 3, n), rng.integers(3, 6, n)),
        "p20116_i0": np.where(samples["smoking"].to_numpy() == 1, 2, rng.integers(0, 2, n)),
        "p1558_i0": np.where(drinks, rng.integers(1, 3, n), rng.integers(3, 7, n)),
        "p21001_i0": samples["bmi"],
        **{f"p22009_a{k}": samples[f"PC{k}"] for k in range(1, COMPONENTS + 1)},
        "p30901_i0": plates,
        "p40000_i0": death.set(~died, None),
    }
    return pl.DataFrame(columns)


def _share_points(has: Bool, *, items: int, enough: int, rng: Generator) -> Bool:
    """Return (n, items) which items score, so that whoever has it scores enough, and nobody else.

    Of the others about a third score one item less than enough.
    """
    points = np.where(
        has,
        rng.integers(enough, items + 1, has.size),
        np.where(rng.random(has.size) < 0.33, enough - 1, 0),
    )
    place = np.argsort(rng.random((has.size, items)), axis=1).argsort(axis=1)
    scored: Bool = place < points[:, None]
    return scored


def _choose(levels: pl.Series, codes: Mapping[str, Sequence[object]], rng: Generator) -> pl.Series:
    drawn = rng.random(levels.len())
    chosen = [
        codes[level][int(u * len(codes[level]))]
        for level, u in zip(levels.to_list(), drawn.tolist(), strict=True)
    ]
    return pl.Series(chosen)


def _write_proteins(source: Path, target: Path, fields: Mapping[str, str]) -> None:
    frame = pl.scan_parquet(source, glob=False).rename({"sample_id": "eid", **fields})
    replace_file(target, frame.sink_csv)


def _list_assays(assays: pl.DataFrame, fields: Mapping[str, str]) -> pl.DataFrame:
    named = pl.Series([fields[name].upper().replace("_", "-") for name in assays["protein"]])
    return pl.DataFrame(
        {
            "Assay": named,
            "UniProt": assays["uniprot"],
            "Panel": assays["panel"].str.replace("_", " "),
        }
    )


def _list_batches(plates: I64, batch: pl.Series) -> pl.DataFrame:
    return pl.DataFrame({"PlateID": plates, "Batch": batch}).unique().sort("PlateID")


def _date_processing(gaps: pl.DataFrame, plates: I64, attended: pl.Series) -> pl.DataFrame:
    """Return the day of processing of each plate and panel: the median over its people."""
    days = attended.to_physical().to_numpy()
    panels = [name for name in gaps.columns if name != "sample_id"]
    processed = pl.DataFrame(
        {name: days + np.rint(gaps[name].to_numpy() * _YEAR) for name in panels}
    ).with_columns(PlateID=pl.Series(plates))
    median = processed.group_by("PlateID").agg(pl.col(panels).median().round(0).cast(pl.Int32))
    long = median.unpivot(panels, index="PlateID", variable_name="Panel", value_name="Date")
    spelt = pl.col("Panel").str.replace("_", " ")
    dated = pl.col("Date").cast(pl.Date).alias("Processing_StartDate")
    return long.select("PlateID", spelt, dated).sort("PlateID", "Panel")


def _write_text(path: Path, frame: pl.DataFrame) -> None:
    mark = "\t" if path.suffix == ".tsv" else ","
    replace_file(path, lambda file: frame.write_csv(file, separator=mark))
