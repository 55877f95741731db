"""Seeds of the files that hold people: cohorts, laboratories, participants."""

from __future__ import annotations

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteomr.design import parse
from proteomr.enrichment.listing import read_hits, read_ranks
from proteomr.io import read_cohort, read_measurements, read_outcomes, read_protein_covariate
from proteomr.io.gene_sets import read_gmt
from proteomr.io.imputations import split_imputations
from proteomr.io.kinship import read_kinship
from proteomr.io.people_lists import read_people_list
from proteomr.io.protein_choice import read_protein_list
from proteomr.io.spells import read_spells
from proteomr.io.tables import read_table
from proteomr.io.ukbiobank.participants import read_fields
from tests.fuzz.seed import IDS, PEOPLE, Door, Seed, as_csv, as_parquet, what_is_taken
from tests.io.deliveries import DELIVERIES
from tests.io.mass_spectrometry.tables import FIXTURES

PROTEINS = ("ADM", "GDF15", "IL6")
_RANKS = b"IL6\t2.5\nADM\t-0.25\nREN\t1e-3\n"
_GENES = b"heart\tof an atlas\tNPPB\tTNNI3\nliver\tof an atlas\tALB\tAPOA1\tADM\n"


def _samples() -> pl.DataFrame:
    place = np.arange(PEOPLE)
    return pl.DataFrame(
        {
            "eid": IDS,
            "age": 40 + place,
            "bmi": (25 + place / 7).round(3),
            "site": [("Leeds", "Oxford")[i % 2] for i in place],
        }
    )


def _proteins() -> pl.DataFrame:
    values = np.random.default_rng(3).normal(size=(PEOPLE, len(PROTEINS))).round(4)
    values[2, 1] = np.nan
    return pl.DataFrame({"eid": IDS, **dict(zip(PROTEINS, values.T, strict=True))}).fill_nan(None)


def _cohort(samples: str, proteins: str, **named: str) -> Door:
    def read(folder: Path) -> object:
        given: dict[str, Any] = {key: folder / file for key, file in named.items()}
        gap = given.pop("gap", None)
        cohort = read_cohort(folder / samples, folder / proteins, scratch=folder, **given)
        values = cohort.proteins.read(slice(0, len(cohort.proteins.names)))
        taken = [cohort.samples, cohort.proteins.names, values, cohort.assays, cohort.drops]
        if gap is not None:
            own = read_protein_covariate("gap", gap, cohort=cohort, scratch=folder)
            taken += [own.values.read(slice(0, len(own.values.names)))]
        return taken

    return read


def cohort_seeds() -> list[Seed]:
    people = frozenset(map(str, IDS))
    samples, proteins = as_csv(_samples()), as_parquet(_proteins())
    read = _cohort("samples", "proteins")
    stored: dict[str, tuple[bytes, bytes, str]] = {
        "samples csv": (samples, proteins, "samples"),
        "samples tsv": (as_csv(_samples(), "\t"), proteins, "samples"),
        "samples gz": (gzip.compress(samples), proteins, "samples"),
        "samples parquet": (as_parquet(_samples()), proteins, "samples"),
        "proteins csv": (samples, as_csv(_proteins()), "proteins"),
        "proteins semicolons": (samples, as_csv(_proteins(), ";"), "proteins"),
        "proteins gz": (samples, gzip.compress(as_csv(_proteins())), "proteins"),
        "proteins parquet": (samples, proteins, "proteins"),
    }
    seeds = [
        Seed(name, {"samples": one, "proteins": other}, (mutated,), read, people)
        for name, (one, other, mutated) in stored.items()
    ]
    beside = {"samples": samples, "proteins": proteins}
    assays = as_csv(pl.DataFrame({"protein": PROTEINS, "panel": ["A", "A", "B"]}), "\t")
    withdrawn = b"".join(b"%d\n" % one for one in (*IDS[:3], 7_999_999))
    further = {
        "assays": ({"assays": assays}, "assays"),
        "withdrawn": ({"withdrawn": withdrawn}, "withdrawn"),
        "withdrawn gz": ({"withdrawn": gzip.compress(withdrawn)}, "withdrawn"),
        "protein covariate": ({"gap": as_csv(_proteins())}, "gap"),
    }
    for name, (files, key) in further.items():
        door = _cohort("samples", "proteins", **{key: key})
        seeds.append(Seed(name, {**beside, **files}, (key,), door, people))
    listed = b"eid,date\n" + b"".join(b"%d,2021-05-0%d\n" % (one, one % 9 + 1) for one in IDS[:4])
    files = {"w": listed}
    alone = Seed("withdrawn csv", files, ("w",), lambda f: read_people_list(f / "w"), people)
    return [*seeds, alone]


def choice_seeds() -> list[Seed]:
    """Return seeds of files of outcomes, and of lists and tables of proteins."""
    people = frozenset(map(str, IDS))
    beside = {"samples": as_csv(_samples()), "proteins": as_parquet(_proteins())}
    outcomes = _samples().select("eid", "site", grip=pl.col("age") / 7, mass="bmi")

    def read(folder: Path) -> object:
        cohort = read_cohort(folder / "samples", folder / "proteins", scratch=folder)
        formula = parse("C(site)")
        table = read_outcomes(folder / "o", label="o", cohort=cohort, formula=formula)
        return [table.outcomes, table.covariates, table.drops]

    hits = pl.DataFrame({"protein": PROTEINS, "q_bh": [0.01, 0.2, 0.03]})

    def choose(folder: Path) -> object:
        return read_protein_list(folder / "hits", rows=["q_bh < 0.05"])

    listed = "".join(f"{name}\n" for name in PROTEINS).encode()
    return [
        Seed("outcomes csv", {**beside, "o": as_csv(outcomes)}, ("o",), read, people),
        Seed("outcomes parquet", {**beside, "o": as_parquet(outcomes)}, ("o",), read, people),
        Seed("hits csv", {"hits": as_csv(hits)}, ("hits",), choose),
        Seed("hits parquet", {"hits": as_parquet(hits)}, ("hits",), choose),
        Seed("list of proteins", {"l": listed}, ("l",), lambda f: read_protein_list(f / "l")),
        Seed("sets of genes", {"s": _GENES}, ("s",), lambda f: read_gmt(f / "s")),
        Seed("list of hits", {"l": listed}, ("l",), lambda f: read_hits(f / "l").frame),
        Seed(
            "table of hits",
            {"hits": as_csv(hits)},
            ("hits",),
            lambda f: read_hits(f / "hits").frame,
        ),
        Seed("ranks", {"r": _RANKS}, ("r",), lambda f: read_ranks(f / "r", rank=None).frame),
    ]


def relative_seeds() -> list[Seed]:
    """Return seeds of relatedness, in the forms that it comes in."""
    ids = pl.Series("id", list(map(str, IDS)))
    people = frozenset(ids)

    def read(name: str) -> Door:
        def door(folder: Path) -> object:
            found = read_kinship(folder / name, ids)
            return [found.matrix.toarray(), found.known]

        return door

    pairs = pl.DataFrame({"ID1": IDS[:-1:2], "ID2": IDS[1::2], "Kinship": [0.25, 0.125] * 3})
    values = np.eye(PEOPLE) + 0.5 * (np.eye(PEOPLE, k=1) + np.eye(PEOPLE, k=-1)) * 0.9
    square = pl.DataFrame({"ID": IDS, **{str(one): values[i] for i, one in enumerate(IDS)}})
    lines = "".join(
        f"{i + 1}\t{j + 1}\t100\t{values[i, j]}\n" for i in range(PEOPLE) for j in range(i + 1)
    )
    named = "".join(f"{one}\t{one}\n" for one in IDS).encode()
    gcta = {"k.grm.gz": gzip.compress(lines.encode()), "k.grm.id": named}
    return [
        Seed("relatives pairs", {"k": as_csv(pairs, "\t")}, ("k",), read("k"), people),
        Seed("relatives square", {"k": as_csv(square)}, ("k",), read("k"), people),
        Seed("relatives gcta", gcta, tuple(gcta), read("k.grm.gz"), people),
    ]


def imputation_seeds() -> list[Seed]:
    """Return seeds of multiply imputed samples in one long file."""
    people = frozenset(map(str, IDS))
    once = _samples().rename({"eid": ".id"})
    long = pl.concat([once.with_columns(pl.lit(i).alias(".imp")) for i in range(3)])

    def read(folder: Path) -> object:
        return [read_table(file) for file in split_imputations(folder / "i", scratch=folder)]

    return [
        Seed("imputations csv", {"i": as_csv(long)}, ("i",), read, people),
        Seed("imputations parquet", {"i": as_parquet(long)}, ("i",), read, people),
    ]


def spell_seeds() -> list[Seed]:
    """Return seeds of people with a row for each spell."""
    people = frozenset(map(str, IDS))
    once = _samples().with_columns(start=pl.lit(0.0), stop=pl.lit(2.0), event=pl.lit(0))
    later = once.with_columns(start=pl.lit(2.0), stop=pl.lit(5.0), event=pl.lit(1))
    spells, proteins = pl.concat([once, later]), as_parquet(_proteins())

    def read(folder: Path) -> object:
        found = read_spells(
            folder / "s",
            (folder / "proteins",),
            person="eid",
            start="start",
            stop="stop",
            scratch=folder,
        )
        return [found.cohort.samples, found.rows, found.cohort.drops]

    return [
        Seed("spells csv", {"s": as_csv(spells), "proteins": proteins}, ("s",), read, people),
        Seed(
            "spells parquet", {"s": as_parquet(spells), "proteins": proteins}, ("s",), read, people
        ),
    ]


def delivery_seeds() -> list[Seed]:
    seeds = []
    for one in DELIVERIES:

        def read(folder: Path, options: Any = one.options) -> object:
            return what_is_taken(
                read_measurements(folder / "given", scratch=folder, options=options)
            )

        name, content = f"{one.platform} {one.form}", one.encode()
        people = frozenset(one.people)
        seeds.append(Seed(name, {"given": content}, ("given",), read, people))
        packed = {"given": gzip.compress(content)}
        seeds.append(Seed(f"{name} gz", packed, ("given",), read, people))
        if one.form == "wide" and one.platform == "olink":
            book = {"given": _workbook(one.cells)}
            seeds.append(Seed("olink workbook", book, ("given",), read, people))
        if one.platform == "table" or (one.platform, one.form) == ("olink", "long"):
            frame = pl.read_csv(io.BytesIO(content), separator=one.delimiter)
            given = {"given": as_parquet(frame)}
            seeds.append(Seed(f"{name} parquet", given, ("given",), read, people))
    return seeds


_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATED = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def _workbook(cells: list[list[str]]) -> bytes:
    def cell(text: str) -> str:
        try:
            return f"<c><v>{float(text)!r}</v></c>"
        except ValueError:
            return f'<c t="inlineStr"><is><t>{text}</t></is></c>'

    rows = "".join(f"<row>{''.join(map(cell, line))}</row>" for line in cells)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"/>',
        "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" '
        f'Type="{_RELATED}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATED}"><sheets><sheet '
        'name="NPX" sheetId="1" r:id="r1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships">'
        f'<Relationship Id="r1" Type="{_RELATED}/worksheet" Target="worksheets/sheet1.xml"/>'
        "</Relationships>",
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{_MAIN}"><sheetData>{rows}</sheetData>'
        "</worksheet>",
    }
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return content.getvalue()


def mass_spectrometry_seeds() -> list[Seed]:
    """Return a seed for every table and report of a search program."""

    def read(folder: Path) -> object:
        return what_is_taken(read_measurements(folder / "given", scratch=folder))

    return [
        Seed(f"mass spectrometry {name}", {"given": one.text.encode()}, ("given",), read)
        for name, one in FIXTURES.items()
    ]


def ukb_seeds() -> list[Seed]:
    people = frozenset(map(str, IDS))
    codes = {"ADM": 7, "GDF15": 8, "IL6": 9}
    lines = [
        f"{eid}\t0\t{codes[name]}\t{row[name]}\n"
        for eid, row in zip(IDS, _proteins().iter_rows(named=True), strict=True)
        for name in PROTEINS
        if row[name] is not None
    ]
    long = "eid\tins_index\tprotein_id\tresult\n" + "".join(lines)
    coding = "coding\tmeaning\n" + "".join(f"{n}\t{name};{name}\n" for name, n in codes.items())
    wide = as_csv(_proteins().rename({name: name.lower() for name in PROTEINS}))
    helpers = {
        "olink_assay_version.dat": b"Assay\tAssay_Version\nADM\t1\nGDF15\t1\nIL6\t2\n",
        "olink_batch_number.dat": b"PlateID\tBatch\n890000000001\t0\n",
        "olink_processing_start_date.dat": b"PlateID\tPanel\tProcessing_StartDate\n"
        b"890000000001\tCardiometabolic\t2021-05-06\n",
        "olink_limit_of_detection.dat": b"PlateID\tInstance\tAssay\tLOD\n"
        b"890000000001\t0\tADM\t-1.5\n890000000001\t0\tGDF15\t-2.5\n",
        "olink_assay.dat": b"Assay\tUniProt\tPanel\nADM\tP35318\tCardiometabolic\n"
        b"GDF15\tQ99988\tCardiometabolic\nIL6\tP05231\tInflammation\n",
    }
    answers = pl.DataFrame(
        {
            "eid": IDS,
            "p31": [i % 2 for i in range(PEOPLE)],
            "p34": [1950 + i for i in range(PEOPLE)],
            "p53_i0": [f"2008-05-0{i % 9 + 1}" for i in range(PEOPLE)],
            "p20160_i0": [i % 2 for i in range(PEOPLE)],
            "p6138_i0": ["[1,2]", "[-7]", "", "[3]"] * 3,
        }
    )

    def ingest(*names: str) -> Door:
        def read(folder: Path) -> object:
            files = [folder / name for name in names]
            return what_is_taken(read_measurements(files, scratch=folder))

        return read

    def fields(folder: Path) -> object:
        held = read_fields(folder / "answers", scratch=folder)
        return held.frame

    named = tuple(helpers)
    return [
        Seed(
            "ukb long",
            {"olink_data.txt": long.encode(), "coding143.tsv": coding.encode()},
            ("olink_data.txt", "coding143.tsv"),
            ingest("olink_data.txt", "coding143.tsv"),
            people,
        ),
        Seed("ukb helpers", {"w.csv": wide, **helpers}, named, ingest("w.csv", *named), people),
        Seed("participants", {"answers": as_csv(answers)}, ("answers",), fields, people),
        Seed("participants tsv", {"answers": as_csv(answers, "\t")}, ("answers",), fields, people),
        Seed(
            "participants parquet", {"answers": as_parquet(answers)}, ("answers",), fields, people
        ),
    ]
