"""Seeds of settings, and of what proteomr writes and reads again: stores, runs, tables."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from proteomr_cli.options import load_configuration

from proteomr import associate
from proteomr.egress import judge_release
from proteomr.egress.policies import read_policy
from proteomr.io import write_store
from proteomr.io.own_results import name_result
from proteomr.io.store import read_store
from proteomr.io.sumstats.books import load_book
from proteomr.mr.harmonised_files import judge_harmonised
from proteomr.phenotype.definitions.definition import load_definition
from proteomr.qc.policy import load_policy
from proteomr.report import make_report
from proteomr.runs import Ledger, check_table
from proteomr.study import read_kept_figures, read_study_file
from proteomr.study.locking import open_lock
from proteomr.tables import load_schema
from proteomr.withdrawal import purge
from tests.fuzz.seed import IDS, Seed, as_csv, as_parquet, what_is_taken
from tests.io.deliveries import DELIVERIES, read_delivery


class _Context:
    """What a command's context is to the reader of its configuration."""

    resilient_parsing = False
    default_map: Mapping[str, object] | None = None
    info_name = "associate"

    class command:  # noqa: N801 - as click calls it
        """A command with a few options."""

        params = tuple(
            type(
                "Option",
                (),
                {
                    "param_type_name": "option",
                    "opts": [f"--{name}"],
                    "name": name,
                    "multiple": name in {"exposure", "adjust"},
                    "nargs": 1,
                },
            )
            for name in ("family", "exposure", "adjust", "threads")
        )


def settings_seeds() -> list[Seed]:
    definition = """
extends = "shen2025"
[rule.young]
title = "age"
kind = "copy"
field = 21022
"""
    policy = 'name = "own"\nmax_missing_per_assay = 0.5\nremove_kinds = ["control"]\n'
    config = 'family = "linear"\nexposure = ["a", "b"]\nthreads = 2\n[adjust]\nsimple = "age"\n'
    study = (
        'title = "x"\n[defaults]\nadjust = { full = "age" }\n'
        '[stages.people]\ncommand = "simulate"\npeople = 100\n'
        '[stages.associate]\nproteins = { from = "people", where = "p < 1", union = ["ADM"] }\n'
    )
    lock = f'[inputs]\n"p.tsv" = "{"ab" * 32}"\n'
    release = 'name = "own"\ndescription = "ours"\nk = 10\ndigits = 3\nextreme_digits = 2\n'
    kept = {
        "figure1": {
            "about": "proteins",
            "panels": [
                {"kind": "volcano", "from": "associate", "where": ["adjustment == full"]},
                {"kind": "forest", "from": "associate", "by": "protein", "top": 3, "title": "Top"},
            ],
        }
    }
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
        Seed(
            "study",
            {"s.toml": study.encode()},
            ("s.toml",),
            lambda folder: repr(read_study_file(folder / "s.toml").stages),
        ),
        Seed(
            "lock of a study",
            {"s.lock": lock.encode()},
            ("s.lock",),
            lambda folder: getattr(
                open_lock(folder / "s.toml", folder=folder, adds=False), "known", None
            ),
        ),
        Seed(
            "policy of a release",
            {"p.toml": release.encode()},
            ("p.toml",),
            lambda folder: repr(read_policy(folder / "p.toml")),
        ),
        Seed(
            "figures of a study",
            {"figures/figures.json": json.dumps(kept).encode()},
            ("figures/figures.json",),
            lambda folder: repr(read_kept_figures(folder)),
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
    except (ValueError, KeyError, TypeError, RecursionError, OSError):  # as of a name too long
        return
    place.write_text(json.dumps(facts))


def store_seeds() -> list[Seed]:
    one = next(entry for entry in DELIVERIES if (entry.platform, entry.form) == ("olink", "long"))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = read_delivery(one, one.encode(), folder)
        write_store(measured, folder / "store")
        files = {file.name: file.read_bytes() for file in (folder / "store").iterdir()}

    def read(folder: Path) -> object:
        return what_is_taken(read_store(folder))

    def read_signed(folder: Path) -> object:
        _signed(folder)
        return what_is_taken(read_store(folder))

    def check(folder: Path) -> object:
        return check_table(folder / "samples.parquet")

    def purge_signed(folder: Path) -> object:
        _signed(folder)
        return repr(purge(folder, withdrawn=folder / "list.txt", dry_run=True)).replace(
            str(folder), ""
        )

    every, people = tuple(sorted(files)), frozenset(one.people)
    listed = files | {"list.txt": f"{min(one.people)}\n".encode()}
    return [
        Seed("store", files, every, read, people),
        Seed("store signed", files, every, read_signed, people),
        Seed("store purged", listed, ("list.txt", *every), purge_signed, people),
        Seed("table checked", files, ("samples.parquet", "manifest.json"), check, people),
    ]


def finished_seeds() -> list[Seed]:
    """Return what reads the folders of finished runs: a report, and what may leave of them."""
    people = pl.DataFrame(
        {"id": IDS, "age": range(40, 52), "bmi": [20.5 + i % 5 for i in range(12)]}
    )
    proteins = pl.DataFrame({"id": IDS, "ADM": [0.1 * (i % 7) for i in range(12)]})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        people.write_csv(folder / "people.csv")
        proteins.write_csv(folder / "proteins.csv")
        associate(
            folder / "people.csv",
            folder / "proteins.csv",
            family="linear",
            exposure="bmi",
            adjust={"full": "age"},
            out=folder / "runs" / "scan",
        )
        files = {
            str(file.relative_to(folder)): file.read_bytes()
            for file in sorted((folder / "runs").rglob("*"))
            if file.is_file()
        }
    files["left/release.json"] = b'{"policy": {"name": "ukb", "k": 5}}'
    mutated = tuple(name for name in files if name.endswith(("manifest.json", "release.json")))
    tables = tuple(name for name in files if name.endswith(".parquet"))

    def judge(folder: Path) -> object:
        release = judge_release(folder / "runs", earlier=[folder / "left"])
        return [len(release.tables), release.sums]

    def tell(folder: Path) -> object:
        return make_report(folder / "runs", title="x").markdown

    def recognise(folder: Path) -> object:
        return [name_result(folder / file) for file in ("hits.parquet", "heterogeneity.csv")]

    named = {
        "hits.parquet": next(files[file] for file in tables if file.endswith(".parquet")),
        "heterogeneity.csv": as_csv(load_schema("heterogeneity").empty()),
    }
    return [
        Seed("results named", named, tuple(named), recognise),
        Seed("release", files, (*mutated, *tables), judge),
        Seed("report", files, (*mutated, *tables), tell),
    ]


def run_seeds() -> list[Seed]:
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
            return [ledger.parts.pending(2), ledger.parts.load(0), ledger.parts.facts()]

    mutated = tuple(name for name in files if name.startswith("parts/"))
    return [Seed("resumed run", files, mutated, resume)]


def harmonised_seeds() -> list[Seed]:
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
    contents = {"csv": as_csv(frame), "tsv": as_csv(frame, "\t"), "parquet": as_parquet(frame)}
    return [
        Seed(f"harmonised {kind}", {"h": content}, ("h",), lambda f: judge_harmonised(f / "h"))
        for kind, content in contents.items()
    ]
