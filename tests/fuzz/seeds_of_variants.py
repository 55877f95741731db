"""Seeds of the files that hold variants: summary statistics, panels, chains."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from proteomr.gwas.annotation import read_annotation
from proteomr.gwas.panel import open_panel
from proteomr.gwas.prior_weights import read_prior_weights
from proteomr.gwas.regions import read_region_traits
from proteomr.gwas.study import read_hits, read_study, read_variant_list
from proteomr.io.genetics.chains import read_chain
from proteomr.io.genetics.dosages import open_dosages
from proteomr.io.sumstats import ReadOptions, open_sumstats
from tests.fuzz.seed import IDS, PEOPLE, Door, Seed, as_csv, as_parquet
from tests.io.sumstats.formats import fixture_names, fixture_of


def _statistics(folder: Path) -> object:
    opened = open_sumstats(folder / "given.txt")
    chunks = [chunk.frame for chunk in opened.chunks()]
    return [opened.layout.book.name, opened.notes, chunks]


def _study(folder: Path) -> object:
    study = read_study(next(folder.glob("given*")))
    return [study.rows, study.drops, study.notes]


def _archive() -> bytes:
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


def sumstats_seeds() -> list[Seed]:
    seeds = [
        Seed(f"sumstats {name}", {"given.txt": fixture_of(name).encode()}, ("given.txt",), door)
        for name in fixture_names()
        for door in (_study if name.startswith("twosamplemr") else _statistics,)
    ]
    gz = {"given.txt": gzip.compress(fixture_of("regenie").encode())}
    table = pl.read_csv(io.BytesIO(fixture_of("proteomr").encode()), separator="\t")
    parquet = {"given.txt": as_parquet(table)}
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
            lambda folder: read_hits(folder / "given", ReadOptions()),
        ),
        Seed(
            "annotation",
            {"given": b"ID\trsid\teaf\n1:5:A:G:imp:v1\trs7\t0.25\n1:6:A:G:imp:v1\trs8\t0.5\n"},
            ("given",),
            lambda folder: read_annotation(folder / "given").frame,
        ),
        Seed(
            "lists of coloc",
            {"given.csv": b"snp,position,beta,varbeta,N\ns2,9,0.1,0.01,90\ns1,5,0.4,0.04,90\n"},
            ("given.csv",),
            lambda folder: [
                [trait.rows, trait.drops, trait.notes]
                for trait in read_region_traits(folder / "given.csv")
            ],
        ),
        Seed(
            "prior weights",
            {"given": b"snp,weight\nrs1,2\nrs2,0.5\n"},
            ("given",),
            lambda folder: dict(read_prior_weights(folder / "given")),
        ),
        Seed(
            "variant list",
            {"given": b"rs1\nrs2 A\n\nrs3\n"},
            ("given",),
            lambda folder: read_variant_list(folder / "given"),
        ),
    ]
    return seeds


def genetics_seeds() -> list[Seed]:
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

    def dosages(name: str) -> Door:
        def read(folder: Path) -> object:
            opened = open_dosages(folder / name, names[:2], scratch=folder)
            return [opened.ids, opened.values.read(slice(0, 2))]

        return read

    people = frozenset(map(str, IDS))
    copies = pl.DataFrame({"eid": IDS, **{name: [0, 1, 2] * (PEOPLE // 3) for name in names}})
    plink = {"p.bed": bed, "p.bim": bim.encode(), "p.fam": fam.encode()}

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
            {"m.parquet": as_parquet(pl.DataFrame(dict(zip(names, r, strict=True))))},
            ("m.parquet",),
            panel("m.parquet"),
        ),
        Seed("plink", plink, tuple(plink), panel("p.bed"), people),
        Seed("dosages plink", plink, tuple(plink), dosages("p.bed"), people),
        Seed("dosages csv", {"d": as_csv(copies)}, ("d",), dosages("d"), people),
        Seed("dosages parquet", {"d": as_parquet(copies)}, ("d",), dosages("d"), people),
        Seed("chain", {"given": chain.encode()}, ("given",), lift),
        Seed("chain gz", {"given": gzip.compress(chain.encode())}, ("given",), lift),
    ]
