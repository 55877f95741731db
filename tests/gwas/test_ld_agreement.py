"""Correlations of strangers: the very problem is named in every command that takes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from proteomr._typing import F64
from proteomr.colocalisation.calling import colocalise, smr
from proteomr.errors import InputError
from proteomr.finemapping.job import finemap
from proteomr.gwas import clump, cojo
from proteomr.gwas.ld_agreement import judge_agreement
from proteomr.gwas.trait_facts import TraitFacts
from proteomr.mr.job import run_mr
from proteomr.runs import Results
from proteomr.status import Status

M = 40
N = 5_000
SIGNS = np.where(np.arange(M) % 3 == 0, -1.0, 1.0)
R = 0.92 ** np.abs(np.subtract.outer(np.arange(M), np.arange(M))) * np.outer(SIGNS, SIGNS)
ALLELES = [("A", "G"), ("C", "T"), ("A", "C"), ("G", "T")]
NAMES = [f"rs{i + 100}_{'_'.join(ALLELES[i % 4])}" for i in range(M)]


def make_z(seed: int, causal: tuple[int, ...] = (8, 28), size: float = 20.0) -> F64:
    noise = np.linalg.cholesky(R) @ np.random.default_rng(seed).standard_normal(M)
    return np.asarray(R[:, list(causal)].sum(axis=1) * size + noise)


def write_study(path: Path, z: F64) -> Path:
    frame = pl.DataFrame(
        {
            "rsid": [name.split("_")[0] for name in NAMES],
            "chr": ["1"] * M,
            "pos": np.arange(M) * 5_000 + 1_000_000,
            "ea": [name.split("_")[1] for name in NAMES],
            "oa": [name.split("_")[2] for name in NAMES],
            "eaf": np.full(M, 0.4),
            "beta": z * 0.02,
            "se": np.full(M, 0.02),
            "n": np.full(M, N),
        }
    )
    frame.write_csv(path, separator="\t")
    return path


@pytest.fixture
def studies(tmp_path: Path) -> tuple[Path, Path]:
    return write_study(tmp_path / "x.tsv", make_z(1)), write_study(tmp_path / "y.tsv", make_z(2))


def write_ld(folder: Path, r: F64, names: list[str]) -> Path:
    place = folder / "ld.csv"
    pl.DataFrame(r, schema=names).insert_column(0, pl.Series("", names)).write_csv(place)
    return place


def turn(rows: slice) -> list[str]:
    """Return the names with the alleles of some variants the other way round."""
    turned = set(NAMES[rows])
    parts = [name.split("_") for name in NAMES]
    return [
        "_".join((rs, b, a) if name in turned else (rs, a, b))
        for name, (rs, a, b) in zip(NAMES, parts, strict=True)
    ]


ORDER = [NAMES[i] for i in np.random.default_rng(5).permutation(M)]

COMMANDS: dict[str, Callable[[Path, Path, Path], Results]] = {
    "finemap": lambda x, _, ld: finemap(x, ld, facts=TraitFacts(n=N)),
    "susie": lambda x, y, ld: colocalise(x, y, ld=ld, method="susie"),
    "conditional": lambda x, y, ld: colocalise(x, y, ld=ld, method="conditional"),
    "smr": lambda x, y, ld: smr(x, y, ld=ld),
    "cojo": lambda x, _, ld: cojo(x, ld),
    "abf": lambda x, y, ld: colocalise(x, y, ld=ld),
    "clump": lambda x, _, ld: clump(x, ld),
    "mr": lambda x, y, ld: run_mr(x, y, ld=ld, methods="ivw"),
}
WHOLE = ("finemap", "susie", "conditional", "smr", "cojo")  # which take all correlations, signed


@pytest.mark.parametrize("command", WHOLE)
@pytest.mark.parametrize("names", [ORDER, turn(slice(None, None, 4))], ids=["order", "alleles"])
def test_correlations_under_other_names_are_a_status(
    command: str, names: list[str], studies: tuple[Path, Path], tmp_path: Path
) -> None:
    table = COMMANDS[command](*studies, write_ld(tmp_path, R, names)).table()
    assert set(table["status"]) == {"mismatched"}
    assert table["message"].str.contains("other alleles|do not fit|other allele ").all()


@pytest.mark.parametrize("command", WHOLE)
def test_correlations_of_the_people_are_not_doubted(
    command: str, studies: tuple[Path, Path], tmp_path: Path
) -> None:
    ld = write_ld(tmp_path, R, turn(slice(None)))
    assert set(COMMANDS[command](*studies, ld).table()["status"]) == {"ok"}


@pytest.mark.parametrize("command", ["finemap", "susie", "conditional", "cojo"])
def test_correlations_of_nobody_are_a_status(
    command: str, studies: tuple[Path, Path], tmp_path: Path
) -> None:
    r = R.copy()
    r[0, 20] = r[20, 0] = 0.99
    table = COMMANDS[command](*studies, write_ld(tmp_path, r, NAMES)).table()
    assert set(table["status"]) == {"not_positive"}
    assert table["message"].str.contains("no genotypes have them").all()


@pytest.mark.parametrize("command", COMMANDS)
def test_strangers_are_named_before_squares_are_asked_for(
    command: str, studies: tuple[Path, Path], tmp_path: Path
) -> None:
    ld = write_ld(tmp_path, np.abs(R), [f"rs{i + 900}_A_G" for i in range(M)])
    with pytest.raises(InputError, match="none of the 40 variants is in the panel"):
        COMMANDS[command](*studies, ld)
    ld = write_ld(tmp_path, np.abs(R), NAMES)
    with pytest.raises(InputError, match="none of 780 correlations is negative"):
        COMMANDS[command](*studies, ld)


@pytest.mark.parametrize("command", WHOLE)
def test_other_alleles_are_named_for_what_they_are(
    command: str, studies: tuple[Path, Path], tmp_path: Path
) -> None:
    names = [f"{name.split('_')[0]}_AT_ATT" for name in NAMES]
    try:
        table = COMMANDS[command](*studies, write_ld(tmp_path, R, names)).table()
    except InputError as fault:
        told = str(fault)
    else:
        assert not (table["status"] == "ok").any()
        told = str(table["message"][0])
    assert "alleles_differ_from_panel" in told
    if command in ("finemap", "cojo"):  # the others look at squares first, to find regions
        with pytest.raises(InputError, match="alleles_differ_from_panel"):
            COMMANDS[command](*studies, write_ld(tmp_path, np.abs(R), names))


def test_a_note_tells_of_a_matrix_of_nobody_whose_bad_entries_are_not_used(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    bad = np.array([[1.0, 0.9, 0.9], [0.9, 1.0, -0.9], [0.9, -0.9, 1.0]])
    r = np.block([[R, np.zeros((M, 3))], [np.zeros((3, M)), bad]])
    ld = write_ld(tmp_path, r, [*NAMES, "rs1_A_G", "rs2_A_G", "rs3_A_G"])
    results = run_mr(studies[0], studies[1], ld=ld, methods="ivw", out=tmp_path / "out")
    notes = (tmp_path / "out" / "manifest.json").read_text()
    assert results.table().height
    assert "those of variant 'rs3_A_G' (number 43) contradict" in notes


def test_effects_of_an_exposure_that_contradict_correlations_are_said_by_their_methods(
    studies: tuple[Path, Path], tmp_path: Path
) -> None:
    x, y = (pl.read_csv(path, separator="\t") for path in studies)
    ready = x.select(
        SNP="rsid",
        exposure=pl.lit("X"),
        outcome=pl.lit("Y"),
        **{
            f"{name}.exposure": own
            for name, own in (
                ("effect_allele", "ea"),
                ("other_allele", "oa"),
                ("beta", "beta"),
                ("se", "se"),
            )
        },
    ).with_columns(**{"beta.outcome": y["beta"], "se.outcome": y["se"]})
    ready.write_csv(tmp_path / "ready.csv")

    def estimate(names: list[str]) -> str:
        ld = write_ld(tmp_path, R, names)
        found = run_mr(harmonised=tmp_path / "ready.csv", ld=ld, methods="ivw_correlated")
        return str(found.table()["message"][0])

    assert "contradict the correlations" in estimate(ORDER)
    assert "contradict" not in estimate(NAMES)


def test_few_strong_signals_are_no_contradiction() -> None:
    false = [
        judge_agreement(make_z(seed, (3, 5, 30), 60.0), R).status is not Status.ok
        for seed in range(30)
    ]
    assert not any(false)
