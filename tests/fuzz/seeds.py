"""A small valid file of every format that proteomr reads, made here, and the door it goes through.

A reader is fuzzed by having a seed; a test fails where a module with a door has none.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from proteomr_cli.options import load_configuration

from proteomr.gwas.annotation import read_annotation
from proteomr.gwas.panel import open_panel
from proteomr.gwas.study import read_names_and_p, read_study, read_variant_list
from proteomr.io import read_cohort, read_measurements, read_protein_covariate, write_store
from proteomr.io.genetics.chains import read_chain
from proteomr.io.store import read_store
from proteomr.io.sumstats import ReadOptions, open_sumstats
from proteomr.io.sumstats.books import load_book
from proteomr.io.ukbiobank.participants import read_fields
from proteomr.io.withdrawals import read_withdrawn
from proteomr.mr.harmonised_files import judge_harmonised
from proteomr.phenotype.definitions.definition import load_definition
from proteomr.qc.policy import load_policy
from proteomr.runs import Ledger, check_table
from tests.io.deliveries import DELIVERIES, read_delivery
from tests.io.sumstats.formats import fixture_names, fixture_of

Door: TypeAlias = Callable[[Path], object]

FIRST_ID, PEOPLE = 7_100_001, 12
IDS = tuple(range(FIRST_ID, FIRST_ID + PEOPLE))
PROTEINS = ("ADM", "GDF15", "IL6")


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


def _csv(frame: pl.DataFrame, separator: str = ",") -> bytes:
    return frame.write_csv(separator=separator).encode()


def _parquet(frame: pl.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.write_parquet(content)
    return content.getvalue()


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
        given = {key: folder / file for key, file in named.items()}
        gap = given.pop("gap", None)
        cohort = read_cohort(folder / samples, folder / proteins, scratch=folder, **given)
        values = cohort.proteins.read(slice(0, len(cohort.proteins.names)))
        taken = [cohort.samples, cohort.proteins.names, values, cohort.assays, cohort.drops]
        if gap is not None:
            own = read_protein_covariate("gap", gap, cohort=cohort, scratch=folder)
            taken += [own.values.read(slice(0, len(own.values.names)))]
        return taken

    return read


def _cohort_seeds() -> list[Seed]:
    people = frozenset(map(str, IDS))
    samples, proteins = _csv(_samples()), _parquet(_proteins())
    read = _cohort("samples", "proteins")
    stored: dict[str, tuple[bytes, bytes, str]] = {
        "samples csv": (samples, proteins, "samples"),
        "samples tsv": (_csv(_samples(), "\t"), proteins, "samples"),
        "samples gz": (gzip.compress(samples), proteins, "samples"),
        "samples parquet": (_parquet(_samples()), proteins, "samples"),
        "proteins csv": (samples, _csv(_proteins()), "proteins"),
        "proteins semicolons": (samples, _csv(_proteins(), ";"), "proteins"),
        "proteins gz": (samples, gzip.compress(_csv(_proteins())), "proteins"),
        "proteins parquet": (samples, proteins, "proteins"),
    }
    seeds = [
        Seed(name, {"samples": one, "proteins": other}, (mutated,), read, people)
        for name, (one, other, mutated) in stored.items()
    ]
    beside = {"samples": samples, "proteins": proteins}
    assays = _csv(pl.DataFrame({"protein": PROTEINS, "panel": ["A", "A", "B"]}), "\t")
    withdrawn = b"".join(b"%d\n" % one for one in (*IDS[:3], 7_999_999))
    further = {
        "assays": ({"assays": assays}, "assays"),
        "withdrawn": ({"withdrawn": withdrawn}, "withdrawn"),
        "withdrawn gz": ({"withdrawn": gzip.compress(withdrawn)}, "withdrawn"),
        "protein covariate": ({"gap": _csv(_proteins())}, "gap"),
    }
    for name, (files, key) in further.items():
        door = _cohort("samples", "proteins", **{key: key})
        seeds.append(Seed(name, {**beside, **files}, (key,), door, people))
    listed = b"eid,date\n" + b"".join(b"%d,2021-05-0%d\n" % (one, one % 9 + 1) for one in IDS[:4])
    alone = Seed("withdrawn csv", {"w": listed}, ("w",), lambda f: read_withdrawn(f / "w"), people)
    return [*seeds, alone]


def _delivery_seeds() -> list[Seed]:
    seeds = []
    for one in DELIVERIES:

        def read(folder: Path, options: Any = one.options) -> object:
            return _taken(read_measurements(folder / "given", scratch=folder, options=options))

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
            given = {"given": _parquet(frame)}
            seeds.append(Seed(f"{name} parquet", given, ("given",), read, people))
    return seeds


def _taken(measured: Any) -> object:
    values = measured.proteins.read(slice(0, len(measured.proteins.names)))
    tables = ("samples", "assays", "plates", "flags", "limits", "controls", "time_gap")
    return [
        measured.platform,
        measured.proteins.names,
        values,
        [getattr(measured, name) for name in tables],
        measured.drops,
    ]


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


def _ukb_seeds() -> list[Seed]:
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
    wide = _csv(_proteins().rename({name: name.lower() for name in PROTEINS}))
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
            return _taken(read_measurements(files, scratch=folder))

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
        Seed("participants", {"answers": _csv(answers)}, ("answers",), fields, people),
        Seed("participants tsv", {"answers": _csv(answers, "\t")}, ("answers",), fields, people),
        Seed("participants parquet", {"answers": _parquet(answers)}, ("answers",), fields, people),
    ]


def _statistics(folder: Path) -> object:
    opened = open_sumstats(folder / "given.txt")
    chunks = [chunk.frame for chunk in opened.chunks()]
    return [opened.layout.book.name, opened.notes, chunks]


def _study(folder: Path) -> object:
    study = read_study(next(folder.glob("given*")))
    return [study.rows, study.drops, study.notes]


def _archive() -> bytes:
    import tarfile

    header = "CHROM GENPOS ID ALLELE0 ALLELE1 A1FREQ INFO N TEST BETA SE CHISQ LOG10P EXTRA\n"
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for chromosome in ("1", "7"):
            text = header + "".join(
                f"{chromosome} {1000 + i} {chromosome}:{1000 + i}:G:A:imp:v1 G A 0.3 0.9 900 ADD "
                f"0.2 0.05 16 {4.5 + i} NA\n"
                for i in range(3)
            )
            packed = gzip.compress(text.encode())
            info = tarfile.TarInfo(f"SORT1/discovery_chr{chromosome}_SORT1.gz")
            info.size = len(packed)
            archive.addfile(info, io.BytesIO(packed))
    return content.getvalue()


def _sumstats_seeds() -> list[Seed]:
    seeds = [
        Seed(f"sumstats {name}", {"given.txt": fixture_of(name).encode()}, ("given.txt",), door)
        for name in fixture_names()
        for door in (_study if name.startswith("twosamplemr") else _statistics,)
    ]
    gz = {"given.txt": gzip.compress(fixture_of("regenie").encode())}
    table = pl.read_csv(io.BytesIO(fixture_of("proteomr").encode()), separator="\t")
    parquet = {"given.txt": _parquet(table)}
    sidecar = b"genome_assembly: GRCh38\ncoordinate_system: 1-based\ntrait_description:\n  - a\n"
    ssf = {"given.tsv": fixture_of("gwas_ssf").encode(), "given.tsv-meta.yaml": sidecar}
    seeds += [
        Seed("sumstats gz", gz, ("given.txt",), _statistics),
        Seed("sumstats parquet", parquet, ("given.txt",), _statistics),
        Seed("sumstats archive", {"given.tar": _archive()}, ("given.tar",), _study),
        Seed(
            "sumstats sidecar",
            ssf,
            ("given.tsv-meta.yaml",),
            lambda folder: open_sumstats(folder / "given.tsv").facts,
        ),
        Seed(
            "names and p",
            {"given": b"SNP P\nrs1 0.01\nrs2 1e-9\n"},
            ("given",),
            lambda folder: read_names_and_p(folder / "given", ReadOptions()),
        ),
        Seed(
            "annotation",
            {"given": b"ID\trsid\teaf\n1:5:A:G:imp:v1\trs7\t0.25\n1:6:A:G:imp:v1\trs8\t0.5\n"},
            ("given",),
            lambda folder: read_annotation(folder / "given").frame,
        ),
        Seed(
            "variant list",
            {"given": b"rs1\nrs2 A\n\nrs3\n"},
            ("given",),
            lambda folder: read_variant_list(folder / "given"),
        ),
    ]
    return seeds


def _genetics_seeds() -> list[Seed]:
    r = np.array([[1.0, 0.25, 0.5], [0.25, 1.0, 0.125], [0.5, 0.125, 1.0]])
    names = ["rs1", "rs2", "rs3"]
    lines = ["\t".join(names), *("\t".join(map(str, row)) for row in r.tolist())]
    archive = io.BytesIO()
    np.savez(
        archive,
        r=r,
        variant_id=np.array(names),
        chromosome=np.array(["1"] * 3),
        position_bp=np.array([1, 2, 3]),
        allele_1=np.array(["A"] * 3),
        allele_2=np.array(["G"] * 3),
    )
    bim = "".join(f"1\t{name}\t0\t{100 * i}\tA\tG\n" for i, name in enumerate(names, 1))
    fam = "".join(f"{eid} {eid} 0 0 1 -9\n" for eid in IDS)
    bed = b"\x6c\x1b\x01" + bytes([0b11100011, 0b10110010, 0b11101000] * 3)

    def panel(name: str) -> Door:
        def read(folder: Path) -> object:
            opened: Any = open_panel(folder / name)
            return [opened.variants, opened.matrix(np.arange(opened.variants.height))]

        return read

    chain = (
        "chain 90 chr1 1000 + 10 60 chr1 900 + 0 47 1\n5 5 2\n40\n\n"
        "chain 80 chr2 1000 + 10 30 chr2 900 - 0 20 2\n20\n\n"
    )

    def lift(folder: Path) -> object:
        return read_chain(folder / "given").lift(["1", "1", "2"], [15, 40, 12])

    return [
        Seed("ld text", {"m.ld": "\n".join(lines).encode() + b"\n"}, ("m.ld",), panel("m.ld")),
        Seed("ld npz", {"m.npz": archive.getvalue()}, ("m.npz",), panel("m.npz")),
        Seed(
            "ld parquet",
            {"m.parquet": _parquet(pl.DataFrame(dict(zip(names, r, strict=True))))},
            ("m.parquet",),
            panel("m.parquet"),
        ),
        Seed(
            "plink",
            {"p.bed": bed, "p.bim": bim.encode(), "p.fam": fam.encode()},
            ("p.bed", "p.bim", "p.fam"),
            panel("p.bed"),
            frozenset(map(str, IDS)),
        ),
        Seed("chain", {"given": chain.encode()}, ("given",), lift),
        Seed("chain gz", {"given": gzip.compress(chain.encode())}, ("given",), lift),
    ]


class _Context:
    """What a command's context is to the reader of its configuration."""

    resilient_parsing = False
    default_map: Mapping[str, object] | None = None
    info_name = "associate"

    class command:  # noqa: N801 - as click calls it
        """A command with a few options."""

        params = tuple(
            type("Option", (), {"param_type_name": "option", "opts": [f"--{n}"], "name": n})
            for n in ("family", "exposure", "adjust", "threads")
        )


def _settings_seeds() -> list[Seed]:
    definition = """
extends = "shen2025"
[rule.young]
title = "age"
kind = "copy"
field = 21022
"""
    policy = 'name = "own"\nmax_missing_per_assay = 0.5\nremove_kinds = ["control"]\n'
    config = 'family = "linear"\nexposure = ["a", "b"]\nthreads = 2\n[adjust]\nsimple = "age"\n'
    book = (
        'name = "own"\ntitle = "Own"\npriority = 1\nrequired = ["SNP"]\n\n'
        '[[columns]]\nto = "variant_id"\nfrom = ["SNP"]\n\n'
        '[[columns]]\nto = "effect_allele"\nfrom = ["A1"]\n'
    )

    def configuration(folder: Path) -> object:
        context: Any = _Context()
        load_configuration(context, folder / "c.toml")
        return context.default_map

    return [
        Seed(
            "definition",
            {"d.toml": definition.encode()},
            ("d.toml",),
            lambda folder: repr(load_definition(folder / "d.toml")),
        ),
        Seed(
            "policy",
            {"p.toml": policy.encode()},
            ("p.toml",),
            lambda folder: repr(load_policy(folder / "p.toml")),
        ),
        Seed("configuration", {"c.toml": config.encode()}, ("c.toml",), configuration),
        Seed(
            "book",
            {"b.toml": book.encode()},
            ("b.toml",),
            lambda folder: repr(load_book(str(folder / "b.toml"))),
        ),
    ]


def _signed(folder: Path) -> None:
    """Write the digests of changed files into the manifest, so that reading gets past it."""
    place = folder / "manifest.json"
    try:
        facts = json.loads(place.read_bytes())
        for entry in facts["outputs"]:
            file = folder / entry["name"]
            if file.is_file():
                entry["sha256"] = hashlib.sha256(file.read_bytes()).hexdigest()
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    place.write_text(json.dumps(facts))


def _store_seeds() -> list[Seed]:
    one = next(entry for entry in DELIVERIES if (entry.platform, entry.form) == ("olink", "long"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = read_delivery(one, one.encode(), folder)
        write_store(measured, folder / "store")
        files = {file.name: file.read_bytes() for file in (folder / "store").iterdir()}

    def read(folder: Path) -> object:
        return _taken(read_store(folder))

    def read_signed(folder: Path) -> object:
        _signed(folder)
        return _taken(read_store(folder))

    def check(folder: Path) -> object:
        return check_table(folder / "samples.parquet")

    every, people = tuple(sorted(files)), frozenset(one.people)
    return [
        Seed("store", files, every, read, people),
        Seed("store signed", files, every, read_signed, people),
        Seed("table checked", files, ("samples.parquet", "manifest.json"), check, people),
    ]


def _run_seeds() -> list[Seed]:
    request = {"command": "fuzz", "seed": 1}
    tables = {"hits": pl.DataFrame({"protein": ["ADM"], "p": [0.5]})}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Ledger.open(folder, request=request) as ledger:
            ledger.parts.keep_facts({"total": 2})
            ledger.parts.save(0, tables)
            ledger.parts.save(1, tables)
        files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        }

    def resume(folder: Path) -> object:
        with Ledger.open(folder, request=request, resume=True) as ledger:
            return [ledger.parts.pending(2), ledger.parts.load(0), ledger.parts.facts]

    mutated = tuple(name for name in files if name.startswith("parts/"))
    return [Seed("resumed run", files, mutated, resume)]


def _harmonised_seeds() -> list[Seed]:
    frame = pl.DataFrame(
        {
            "variant_id": ["rs1", "rs2", "rs3"],
            "exposure": ["IL6"] * 3,
            "outcome": ["stroke"] * 3,
            "effect_allele": ["A", "C", "G"],
            "other_allele": ["G", "T", "A"],
            "beta_exposure": [0.1, 0.2, 0.3],
            "se_exposure": [0.01] * 3,
            "beta_outcome": [0.05, 0.1, 0.2],
            "se_outcome": [0.02] * 3,
            "mr_keep": [True, True, False],
        }
    )
    contents = {"csv": _csv(frame), "tsv": _csv(frame, "\t"), "parquet": _parquet(frame)}
    return [
        Seed(f"harmonised {kind}", {"h": content}, ("h",), lambda f: judge_harmonised(f / "h"))
        for kind, content in contents.items()
    ]


@functools.cache
def seeds() -> tuple[Seed, ...]:
    """Return the seeds of all readers, always the same."""
    made = (
        *_cohort_seeds(),
        *_delivery_seeds(),
        *_ukb_seeds(),
        *_sumstats_seeds(),
        *_genetics_seeds(),
        *_settings_seeds(),
        *_store_seeds(),
        *_run_seeds(),
        *_harmonised_seeds(),
    )
    return tuple(sorted(made, key=lambda seed: seed.name))
