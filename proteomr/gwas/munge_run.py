"""How summary statistics become the canonical table, batch by batch, and the account of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import polars as pl

from proteomr._typing import F64, I64, Bool
from proteomr.errors import NothingSelected, NothingToDo, UsageError
from proteomr.gwas.agreement import AgreementSample
from proteomr.gwas.annotation import Annotation, read_annotation
from proteomr.gwas.build import BuildEvidence, BuildWitness, describe, lift_rows
from proteomr.gwas.key_store import KeyStore
from proteomr.gwas.munge_report import MungeReport, describe_made, describe_nothing
from proteomr.gwas.parting import refuse_parted
from proteomr.gwas.policy import FINDINGS, VariantPolicy
from proteomr.gwas.qc import examine
from proteomr.gwas.repeats import REPEATED, REPEATED_DIFFERENTLY, differing_groups
from proteomr.gwas.sinks import Sink
from proteomr.gwas.standardising import NOT_STANDARDISED, standardise_effects
from proteomr.gwas.variant_keys import key_variants
from proteomr.io.genetics.chains import Chain, read_chain
from proteomr.io.sumstats.source import ReadOptions, SumStatsFile, open_sumstats
from proteomr.runs.progress import follow
from proteomr.tables.sumstats import GenomeBuild

__all__ = ["MUNGE_VERSION", "MungeOptions", "MungeRun"]

Rows = TypeVar("Rows")

MUNGE_VERSION: Final = 2  # of how rows are read and judged: raised when a file gives other rows


@dataclass(frozen=True, slots=True)
class MungeOptions:
    """How files become the canonical table.

    Parameters
    ----------
    read : format, columns, selection, and what holds for all rows of the files.
    policy : for what a variant leaves.
    chain, lift_to : chain file from the build of the files, and the build that it leads to.
    annotation : table of names or frequencies by variant.
    known_positions : ``rsid``, ``position_bp``, ``build`` of some variants, to infer the build.
    map_option : option by which columns are mapped, for messages.
    zstd : make effects per standard deviation of the trait, see
        `proteomr.gwas.standardising.standardise_effects`.

    Raises
    ------
    UsageError
        A chain is given without the build that it leads to, or a build without a chain.
    """

    read: ReadOptions = field(default_factory=ReadOptions)
    policy: VariantPolicy = field(default_factory=VariantPolicy)
    chain: Path | None = None
    lift_to: GenomeBuild | None = None
    annotation: Path | None = None
    known_positions: pl.DataFrame | None = None
    map_option: str = "--map"
    zstd: bool = False

    def __post_init__(self) -> None:
        if (self.chain is None) != (self.lift_to is None):
            raise UsageError("lifting needs both a chain file and the build that it leads to")


class MungeRun:
    """What is gathered over the batches of all files.

    Parameters
    ----------
    options : how they are read, what leaves, and what is done to positions and names.
    traits : by file, the column that holds its traits, where it turned out to be one.
    """

    def __init__(self, options: MungeOptions, traits: Mapping[Path, str]) -> None:
        self._options = options
        self._traits = traits
        self._chain: Chain | None = None if options.chain is None else read_chain(options.chain)
        self._annotation: Annotation | None = (
            None if options.annotation is None else read_annotation(options.annotation)
        )
        self._found: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._passed: Counter[str] = Counter()
        self._keys = KeyStore()
        self._strength: list[F64] = []
        self._stays: list[Bool] = []
        self._builds: list[BuildEvidence] = []
        self._formats: list[str] = []
        self._notes: list[str] = []
        self._files: list[SumStatsFile] = []
        self._ends: list[int] = []
        self._rows = 0

    def close(self) -> None:
        """Let go of what stands aside."""
        self._keys.close()

    def read(self, path: Path, sink: Sink[Any]) -> None:
        """Read a file to its end."""
        column, read = self._traits.get(path), self._options.read
        if column is not None:
            read = replace(read, columns={**read.columns, "trait": column})
            self._notes.append(
                f"{path.name}: {self._traits[path]!r} parts the rows of a variant; "
                "it is taken for the trait"
            )
        opened = open_sumstats(path, options=read)
        sample = AgreementSample(opened.layout, path=path, option=self._options.map_option)
        witness = BuildWitness(self._options.known_positions)
        made: Counter[str] = Counter()
        self._check_lift(opened)
        for chunk in follow(opened.chunks(), doing=f"reading {path.name}", unit="pieces"):
            self._rows += chunk.rows_read
            self._passed.update(chunk.passed_over)
            sample.add(chunk.sample)
            if chunk.frame.height:
                witness.add(chunk.frame)
                made.update({name: int(chunk.marks[name].sum()) for name in chunk.marks})
                self._take(chunk.frame, chunk.marks, sink)
        doubts = sample.check(refuse=self._options.read.scales == "refuse")
        evidence = witness.conclude(opened.declared, path=path)
        self._builds.append(evidence)
        self._files.append(opened)
        self._ends.append(sum(int(part.sum()) for part in self._stays))
        self._formats.append(opened.layout.book.name)
        self._notes += [
            f"{path.name}: {note}" for note in (*opened.notes, *describe_made(made), *doubts)
        ]
        self._notes.append(describe(path, evidence))

    def finish(self, sink: Sink[Rows]) -> tuple[Rows, int]:
        """Look for repeated variants over all rows, and close the table."""
        if not self._stays:
            raise NothingSelected("no row of the files is in the selection")
        stays = np.concatenate(self._stays)
        keep = np.ones(int(stays.sum()), dtype=np.bool_)
        self._drop_multiallelic(stays, keep)
        repeats = self._drop_repeated(stays, keep)
        if not keep.any():
            paths = [file.path for file in self._files]
            option = self._options.map_option
            raise NothingToDo(describe_nothing(paths, self._rows, self._dropped, option=option))
        rows = sink.finish(None if keep.all() else keep, self._fill())
        if repeats is not None and repeats.any():
            self._note_repeats(sink.find_name(int(repeats.arg_max() or 0)))
        return rows, int(keep.sum())

    def _drop_multiallelic(self, stays: Bool, keep: Bool) -> None:
        """Count rows of places with several variants, and let go of them where asked."""
        keys = self._keys
        repeated = keys.find_repeated("site")
        if not repeated.len():
            return
        several = keys.rows_of("site", repeated)
        alone = keys.take(np.flatnonzero(several)).unique("variant", keep="first")
        shared = alone.filter(alone["site"].is_duplicated())["site"].unique()
        if not shared.len():
            return
        several = keys.rows_of("site", shared)
        self._found["multiallelic"] = int(several.sum())
        if "multiallelic" in self._options.policy.drop:
            keep &= ~several[stays]
            self._dropped["multiallelic"] += int((~keep).sum())

    def _drop_repeated(self, stays: Bool, keep: Bool) -> pl.Series | None:
        """Let go of repeated rows by the policy; return the rows of variants that contradict."""
        left = stays.copy()
        left[stays] = keep
        repeated = self._keys.find_repeated("variant", among=left)
        if not repeated.len():
            return None
        among = self._keys.rows_of("variant", repeated)
        rows = self._keys.take(np.flatnonzero(among & left))
        at = np.flatnonzero(among[stays] & keep)
        further = rows["variant"].is_first_distinct().not_()
        differ = differing_groups(rows, keys=["variant"], numbers={"effect": "error"})
        chosen = pl.Series(self._choose(rows["variant"], at))
        if self._options.policy.duplicates == "agreeing":
            chosen &= ~differ
        dropped = self._options.policy.drop
        if REPEATED in dropped:
            chosen &= ~(further & ~differ)
        if REPEATED_DIFFERENTLY in dropped:
            chosen &= ~differ
        for reason, those in ((REPEATED, ~differ), (REPEATED_DIFFERENTLY, differ)):
            self._found[reason] = int((further & those).sum())
            self._dropped[reason] = int((those & ~chosen).sum())
        contradicting = np.zeros(keep.size, dtype=np.bool_)
        contradicting[at] = differ.to_numpy()
        if self._options.policy.duplicates != "all":
            option = self._options.map_option
            variants = rows["variant"].filter(differ)
            refuse_parted(self._files, self._ends, contradicting, variants, option=option)
        keep[at] = chosen.to_numpy()
        return pl.Series(contradicting)

    def _note_repeats(self, first: str) -> None:
        """Say which variants stand several times with different numbers, and which row stays."""
        further = self._found[REPEATED_DIFFERENTLY]
        clause = {
            "agreeing": "none of them is kept",
            "first": "the first of each is kept",
            "strongest": "the strongest of each is kept",
            "none": "none of them is kept",
            "all": "all are kept",
        }[self._options.policy.duplicates]
        if REPEATED_DIFFERENTLY in self._options.policy.drop:
            clause = "none of them is kept"
        file = f"{self._files[0].path.name}: " if len(self._files) == 1 else ""
        rows_repeat = "1 row repeats" if further == 1 else f"{further:,} rows repeat"
        message = f"{file}{rows_repeat} a variant with another effect or error, as {first!r}"
        self._notes.append(f"{message}; {clause}")

    def report(self, rows_kept: int) -> MungeReport:
        """Return the account of all files."""
        order: dict[str, int] = {name: rank for rank, name in enumerate(FINDINGS)}

        def ordered(counts: Counter[str]) -> dict[str, int]:
            items = [item for item in counts.items() if item[1]]
            return dict(sorted(items, key=lambda item: order.get(item[0], -1)))

        return MungeReport(
            formats=tuple(self._formats),
            rows_read=self._rows,
            rows_kept=rows_kept,
            passed_over=ordered(self._passed),
            dropped=ordered(self._dropped),
            found=ordered(self._found),
            builds=tuple(self._builds),
            notes=tuple(self._notes),
        )

    def _check_lift(self, opened: SumStatsFile) -> None:
        if self._chain is None:
            return
        if opened.facts.build is None and opened.layout.get("build") is None:
            raise UsageError(f"{opened.path}: lifting needs the build of the file; give build=")
        if opened.facts.build == self._options.lift_to:
            raise UsageError(f"{opened.path}: the positions are on {opened.facts.build} already")

    def _fill(self) -> dict[str, str]:
        """Return the build for rows without one, where all files are inferred to be on the same."""
        inferred = {entry.inferred for entry in self._builds}
        declared = any(entry.declared for entry in self._builds)
        build = next(iter(inferred)) if len(inferred) == 1 else None
        return {} if declared or build is None else {"build": build}

    def _take(self, frame: pl.DataFrame, marks: dict[str, Bool], sink: Sink[Any]) -> None:
        """Lift, annotate and judge rows, and hand on those that stay."""
        policy = self._options.policy
        if self._options.zstd:
            frame, told = standardise_effects(frame)
            self._dropped[NOT_STANDARDISED] += int(np.count_nonzero(~told))
            marks = {name: rows[told] for name, rows in marks.items()}
        findings = dict(marks)
        if self._chain is not None and self._options.lift_to is not None:
            frame, findings["lift_failed"] = lift_rows(
                frame, chain=self._chain, build=self._options.lift_to
            )
        if self._annotation is not None:
            frame = self._annotation.apply(frame)
        findings |= examine(frame, policy=policy)
        leaves = np.zeros(frame.height, dtype=np.bool_)
        for name in FINDINGS:
            rows = findings.get(name)
            if rows is None or not rows.any():
                continue
            self._found[name] += int(rows.sum())
            if name in policy.drop:
                self._dropped[name] += int((rows & ~leaves).sum())
                leaves |= rows
        self._keys.add(key_variants(frame))
        self._stays.append(~leaves)
        if policy.duplicates == "strongest":
            p = frame["neg_log10_p"].fill_null(-1.0).to_numpy()
            self._strength.append(p[~leaves])
        sink.add(frame.filter(pl.Series(~leaves)) if leaves.any() else frame)

    def _choose(self, keys: pl.Series, at: I64) -> Bool:
        """Return which rows of repeated variants, at some places of those that stay, are kept."""
        how = self._options.policy.duplicates
        if how == "all":
            return np.ones(keys.len(), dtype=np.bool_)
        if how == "none":
            return keys.is_unique().to_numpy()
        if how in ("agreeing", "first"):
            return keys.is_first_distinct().to_numpy()
        strength = np.concatenate(self._strength)[at]
        order = np.argsort(-strength, kind="stable")
        chosen = np.zeros(keys.len(), dtype=np.bool_)
        chosen[order] = keys.gather(order).is_first_distinct().to_numpy()
        return chosen
