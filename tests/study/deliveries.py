"""Inputs of the studies that come with the package, drawn so that their answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from scipy.special import ndtri
from scipy.stats import t as student

from tests.io.genetics.test_genotypes import write_bed

START, STEP = 54_900_000, 2_500  # of GRCh38: from a hundred kb before PCSK9 on
PLACES, CAUSAL = (20, 60, 100), np.array([0.6, 0.7, 0.6])
EFFECT = 0.5


def write_plates(folder: Path, *, plates: int = 3, people: int = 40, assays: int = 24) -> None:
    """Write NPX of one laboratory, a long file for each plate, whose plates are shifted."""
    rng = np.random.default_rng(8)
    names = ["GDF15", "ADM", "IL6", "REN", "CXCL8", "FABP4", "NPPB", "CD4"][:assays]
    names += [f"CCL{i}" for i in range(2, 2 + assays - len(names))]
    (folder / "npx").mkdir()
    facts = []
    for plate in range(plates):
        ill = rng.integers(0, 2, people)
        values = rng.normal(size=(people, assays)) + 0.8 * plate
        values[:, 0] += 1.5 * ill
        ids = [f"S{plate}{i:03d}" for i in range(people)]
        facts += [
            {"SampleID": name, "case": int(one), "age": 40 + i % 30, "sex": "FM"[i % 2]}
            for i, (name, one) in enumerate(zip(ids, ill, strict=True))
        ]
        lines = ["SampleID;OlinkID;UniProt;Assay;NPX;Panel;PlateID;QC_Warning;LOD;MissingFreq"]
        lines += [
            f"{name};OID{10_000 + j};P{10_000 + j};{names[j]};{values[i, j]:.5f};Inflammation;"
            f"Plate{plate};PASS;-9.0;0.0"
            for i, name in enumerate(ids)
            for j in range(assays)
        ]
        (folder / "npx" / f"plate{plate}.csv").write_text("\n".join(lines) + "\n")
    pl.DataFrame(facts).write_csv(folder / "samples.csv")


def write_locus(folder: Path, *, people: int = 1_200, variants: int = 120) -> None:
    """Write a panel, a protein with three causal variants, and a disease of half the protein."""
    rng = np.random.default_rng(4)
    copies = _draw_copies(rng, people, variants)
    write_bed(folder / "panel", copies)
    position = START + STEP * np.arange(variants)
    bim = [f"1\trs{i}\t0\t{position[i]}\tA\tG" for i in range(variants)]
    (folder / "panel.bim").write_text("\n".join(bim) + "\n")
    protein = CAUSAL @ copies[list(PLACES)] + rng.normal(size=people)
    disease = EFFECT * protein + rng.normal(size=people)
    for name, trait in (("protein", protein), ("outcome", disease)):
        _regress(copies.astype(float), trait, position).write_csv(
            folder / f"{name}.tsv", separator="\t"
        )


def _draw_copies(
    rng: np.random.Generator, people: int, variants: int
) -> np.ndarray[tuple[int, ...], np.dtype[np.int8]]:
    """Draw copies of alleles whose correlation falls with their distance."""
    share = rng.uniform(0.2, 0.5, variants)
    copies = np.zeros((variants, people), dtype=np.int8)
    for _ in range(2):
        noise = rng.normal(size=(variants, people))
        latent = noise.copy()
        for i in range(1, variants):
            latent[i] = 0.9 * latent[i - 1] + np.sqrt(1 - 0.81) * noise[i]
        copies += (latent < ndtri(share)[:, None]).astype(np.int8)
    return copies


def _regress(
    copies: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    trait: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    position: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
) -> pl.DataFrame:
    m, n = copies.shape
    x = copies - copies.mean(axis=1, keepdims=True)
    y = trait - trait.mean()
    xx = (x**2).sum(axis=1)
    beta = x @ y / xx
    rss = (y**2).sum() - beta**2 * xx
    se = np.sqrt(rss / (n - 2) / xx)
    return pl.DataFrame(
        {
            "SNP": [f"rs{i}" for i in range(m)],
            "CHR": ["1"] * m,
            "BP": position,
            "A1": ["A"] * m,
            "A2": ["G"] * m,
            "FREQ": copies.mean(axis=1) / 2,
            "BETA": beta,
            "SE": se,
            "P": 2 * student.sf(np.abs(beta / se), n - 2),
            "N": [n] * m,
        }
    )
