"""Whole commands beside the same work done in memory by a short script, each in its own process."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
from scipy.special import ndtr

from benchmarks.interfaces import PROTEOMR
from benchmarks.records import Reading
from benchmarks.rows.row import MILLI, Row, Scope, SizeName
from benchmarks.timing import ProcessCost, proteomr_command, run_process

__all__ = ["Munging", "QualityControl"]

_MEGABYTE = 1e6
_MOST_ROUNDS = 2  # minutes each at full size
_COMPONENTS = 10
_CORRECT = """
import sys
import polars as pl
store, out = sys.argv[1:]
proteins = pl.read_parquet(store + "/proteins.parquet")
plates = pl.read_parquet(store + "/samples.parquet", columns=["sample_id", "plate"])
assays = pl.all().exclude("sample_id", "plate")
both = proteins.join(plates, on="sample_id", maintain_order="left")
both = both.with_columns(assays - assays.mean().over("plate") + assays.mean())
both.drop("plate").write_parquet(out)
"""
_DECOMPOSE = f"""
import sys
import numpy as np
import polars as pl
store, out = sys.argv[1:]
proteins = pl.read_parquet(store + "/proteins.parquet")
X = proteins.drop("sample_id").cast(pl.Float64).fill_null(float("nan")).to_numpy(writable=True)
X -= np.nanmean(X, axis=0)
X /= np.nanstd(X, axis=0, ddof=1)
np.nan_to_num(X, copy=False)
values, vectors = np.linalg.eigh(X.T @ X)
scores = X @ vectors[:, : -{_COMPONENTS + 1} : -1]
frame = pl.DataFrame(scores, schema=[f"PC{{k + 1}}" for k in range({_COMPONENTS})])
frame.insert_column(0, proteins["sample_id"]).write_parquet(out)
"""
_MUNGE = """
import sys
import polars as pl
rows = pl.read_csv(sys.argv[1], separator="\\t", schema_overrides={"chromosome": pl.String})
rows.write_parquet(sys.argv[2])
"""


class QualityControl:
    """``qc --correct`` and ``qc --components`` on a store of the biobank's size."""

    correct = Row(
        "qc-correct",
        "qc --correct regression",
        "polars, by plate, in memory",
        gain=False,
        quick=False,
    )
    components = Row(
        "qc-components",
        f"qc --components {_COMPONENTS}",
        "numpy's eigh, in memory",
        gain=False,
        quick=False,
    )
    rows = (correct, components)
    _sizes: ClassVar[dict[SizeName, tuple[int, int]]] = {
        "full": (54_000, 2_923),
        "quick": (2_000, 200),
        "tiny": (300, 24),
    }

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield seconds and memory of each command; its values are held against the script's."""
        people, proteins = self._sizes[scope.size]
        store = _make_store(scope.folder, people, proteins)
        ways = {
            self.correct.key: (["--correct", "regression"], _CORRECT, _compare_values),
            self.components.key: (["--components", str(_COMPONENTS)], _DECOMPOSE, _compare_scores),
        }
        for row in rows:
            options, script, compare = ways[row.key]
            out, peer = scope.folder / f"{row.key}-store", scope.folder / f"{row.key}.parquet"
            command = proteomr_command("qc", str(store), *options, "-o", str(out), "--overwrite")
            costs = _alternate(command, script, [str(store), str(peer)], scope.rounds)
            yield from _read_costs(
                row,
                scope,
                costs,
                work=f"{people:,} people, {proteins:,} proteins",
                error=compare(out, peer),
                # the largest difference in units of an assay, or one less a correlation
                bound=1e-9,
            )


class Munging:
    """``gwas munge`` of a table in GWAS-SSF, beside reading and writing it."""

    rows = (Row("munge", "gwas munge", "polars, read and write", gain=False),)
    _counts: ClassVar[dict[SizeName, int]] = {"full": 10_000_000, "quick": 200_000, "tiny": 5_000}

    def measure(self, rows: Sequence[Row], scope: Scope) -> Iterator[Reading]:
        """Yield seconds and memory; every row must come out with the numbers that went in."""
        source, out = scope.folder / "gwas.tsv", scope.folder / "gwas.parquet"
        peer = scope.folder / "gwas-peer.parquet"
        count = self._counts[scope.size]
        _make_gwas(count).write_csv(source, separator="\t")
        words = ["gwas", "munge", str(source), "--build", "GRCh38", "-o", str(out), "--overwrite"]
        costs = _alternate(proteomr_command(*words), _MUNGE, [str(source), str(peer)], scope.rounds)
        for row in rows:
            yield from _read_costs(
                row,
                scope,
                costs,
                work=f"{count:,} variants, text to parquet",
                error=_compare_gwas(out, peer),
                bound=0.0,
            )


def _alternate(
    command: list[str], script: str, arguments: list[str], rounds: int
) -> dict[str, list[ProcessCost]]:
    costs: dict[str, list[ProcessCost]] = {PROTEOMR: [], "": []}
    for _ in range(min(rounds, _MOST_ROUNDS)):
        costs[PROTEOMR].append(run_process(command))
        costs[""].append(run_process([sys.executable, "-c", script, *arguments]))
    return costs


def _read_costs(
    row: Row,
    scope: Scope,
    costs: dict[str, list[ProcessCost]],
    *,
    work: str,
    error: float,
    bound: float,
) -> Iterator[Reading]:
    """Yield proteomr, with its ratio to the script, and the script."""
    cpu = {
        tool: statistics.median(cost.cpu_seconds for cost in mine) for tool, mine in costs.items()
    }
    for tool, mine in costs.items():
        ours = tool == PROTEOMR
        yield scope.read(
            row,
            tool=tool or row.against,
            work=work,
            unit="run",
            rounds=len(mine),
            ms=MILLI * cpu[tool],
            ratio=cpu[PROTEOMR] / cpu[""] if ours else None,
            cpu_seconds=cpu[tool],
            wall_seconds=statistics.median(cost.wall_seconds for cost in mine),
            peak_memory_mb=max(cost.peak_memory_bytes for cost in mine) / _MEGABYTE,
            error=error if ours else None,
            bound=bound if ours else None,
        )


def _make_store(folder: Path, people: int, proteins: int) -> Path:
    """Return a store with plates, of a simulated cohort's exports."""
    cohort, store = folder / "qc-cohort", folder / "qc-store"
    sizes = ("--people", str(people), "--proteins", str(proteins))
    run_process(proteomr_command("simulate", *sizes, "--export", "ukb", "-o", str(cohort)))
    files = sorted(
        str(path)
        for pattern in ("*.csv", "helper_*.tsv")
        for path in (cohort / "export").glob(pattern)
    )
    run_process(proteomr_command("ingest", *files, "-o", str(store)))
    return store


def _compare_values(store: Path, peer: Path) -> float:
    """Return the largest difference of any value; infinite where other people are in it."""
    ours = pl.read_parquet(store / "proteins.parquet").sort("sample_id")
    theirs = pl.read_parquet(peer, columns=ours.columns).sort("sample_id")
    if not ours["sample_id"].equals(theirs["sample_id"]):
        return float("inf")
    worst = 0.0
    for name in ours.columns[1:]:
        off = (ours[name] - theirs[name]).abs()
        if off.null_count() != ours[name].null_count():
            return float("inf")
        worst = max(worst, float(off.max() or 0.0))  # type: ignore[arg-type]
    return worst


def _compare_scores(store: Path, peer: Path) -> float:
    """Return how far the correlation of any component with the script's is from 1 or -1."""
    ours = pl.read_parquet(store / "principal_components.parquet")
    both = ours.join(pl.read_parquet(peer), on="sample_id", suffix="_peer")
    if both.height != ours.height:
        return float("inf")
    worst = 0.0
    for k in range(1, _COMPONENTS + 1):
        pair = both.select(f"PC{k}", f"PC{k}_peer").to_numpy()
        worst = max(worst, 1.0 - abs(float(np.corrcoef(pair.T)[0, 1])))
    return worst


def _make_gwas(count: int) -> pl.DataFrame:
    """Return summary statistics in GWAS-SSF, each variant once, rows in no order."""
    rng = np.random.default_rng(3)
    place = rng.permutation(count)
    beta = np.round(rng.normal(0.0, 0.02, count), 6)
    se = np.round(rng.uniform(0.008, 0.02, count), 6)
    alleles = rng.integers(0, 4, count)
    others = (alleles + rng.integers(1, 4, count)) % 4
    letters = np.array(["A", "C", "G", "T"])
    return pl.DataFrame(
        {
            "chromosome": pl.Series(place % 22 + 1).cast(pl.String),
            "base_pair_location": 10_000 + 7 * (place // 22),
            "effect_allele": letters[alleles],
            "other_allele": letters[others],
            "beta": beta,
            "standard_error": se,
            "effect_allele_frequency": np.round(rng.uniform(0.01, 0.99, count), 5),
            "p_value": 2.0 * ndtr(-np.abs(beta / se)),
            "n": np.full(count, 400_000),
        }
    )


def _compare_gwas(out: Path, peer: Path) -> float:
    """Return how many variants are missing or have another effect or error."""
    names = {"base_pair_location": "position_bp", "standard_error": "se"}
    key = ["chromosome", "position_bp"]
    ours = pl.read_parquet(out, columns=[*key, "effect_allele", "beta", "se"])
    theirs = pl.read_parquet(peer).rename(names)
    both = ours.join(theirs, on=key, suffix="_peer")
    turned = pl.col("effect_allele") != pl.col("effect_allele_peer")
    effect = pl.when(turned).then(-pl.col("beta")).otherwise(pl.col("beta"))
    right = (effect == pl.col("beta_peer")) & (pl.col("se") == pl.col("se_peer"))
    return float(theirs.height - both.filter(right).height)
