"""The job of `harmonise`: an exposure and an outcome per one and the same allele."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from proteomr.execute import Executor
from proteomr.gwas.match import Match
from proteomr.gwas.study import filter_rows
from proteomr.io.sumstats.source import ReadOptions
from proteomr.mr.frequencies import tabulate_frequencies
from proteomr.mr.harmonise import Action
from proteomr.mr.outputs import ColumnStyle
from proteomr.mr.pairing import HarmoniseRequest, harmonise_pair
from proteomr.mr.twosamplemr import to_twosamplemr
from proteomr.runs import Data, Forecast, Ledger, Outcome, Results, TableFormat, call_job

__all__ = ["HarmoniseJob", "harmonise"]

_STEP: Final = "harmonise"


@dataclass(frozen=True, slots=True)
class HarmoniseJob:
    """Every variant of an exposure with the outcome's effect per the same allele.

    Parameters
    ----------
    request : what is asked.
    columns : names of the columns, proteomr's own or TwoSampleMR's.
    """

    main: ClassVar[str] = "harmonised"
    as_file: ClassVar[bool] = False
    people: ClassVar[tuple[str, ...]] = ()

    request: HarmoniseRequest
    columns: ColumnStyle = "native"

    @property
    def results(self) -> Sequence[str]:
        """Names of what stands beside the table."""
        return ("frequencies.tsv",)

    def plan(self, *, threads: int) -> Forecast:
        """Harmonise the variants, and say how many would stay."""
        del threads
        started = time.perf_counter()
        pair = harmonise_pair(self.request)
        return Forecast(
            units={"variants": pair.table.height, "kept": int(pair.table["mr_keep"].sum())},
            seconds=time.perf_counter() - started,
            lines=(
                ("matched", pair.summary),
                *(("left out", f"{d.n:,} {d.reason} ({d.step})") for d in pair.drops if d.n),
            ),
            parallel=False,
        )

    def run(self, ledger: Ledger, executor: Executor) -> Outcome:
        """Harmonise the variants and write them."""
        del executor
        pair = harmonise_pair(self.request)
        style = to_twosamplemr if self.columns == "twosamplemr" else None
        ledger.write_table(self.main, pair.table, style=style)
        frequencies = tabulate_frequencies(pair.checks)
        ledger.write_table("frequencies", frequencies, formats=("tsv",))
        ledger.count_drops(pair.drops)
        own = [drop for drop in pair.drops if drop.step == _STEP]
        return Outcome(
            filters=filter_rows(pair.table.height, own),
            configuration={"matched": pair.summary},
            notes=pair.notes,
        )


def harmonise(
    exposure: Data,
    outcome: Data,
    *,
    read_exposure: ReadOptions | None = None,
    read_outcome: ReadOptions | None = None,
    exposure_trait: str | None = None,
    outcome_trait: str | None = None,
    match: Match = "auto",
    action: Action = 2,
    tolerance: float = 0.08,
    out: str | Path | None = None,
    formats: Sequence[TableFormat] = ("parquet",),
    columns: ColumnStyle = "native",
    threads: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Results:
    """Return each variant of an exposure with the outcome's effect per the same allele.

    As ``harmonise_data`` of the R package TwoSampleMR 0.7 (Hemani and others 2018,
    doi:10.7554/eLife.34408), see `proteomr.mr.harmonise.harmonise_table`.

    Parameters
    ----------
    exposure, outcome : summary statistics in any known format, paths or frames (polars, pandas,
        pyarrow).
    read_exposure, read_outcome : how they are read.
    exposure_trait, outcome_trait : names of the traits; None for those of the studies.
    match : by what a variant is found in the outcome: auto, name, rsid or position.
    action : palindromic variants: 1 as they stand, 2 by their frequencies, 3 left out.
    tolerance : frequencies this near to a half tell no strand.
    out : run folder; None keeps the tables in memory.
    formats : of the table, parquet first; the others stand beside it.
    columns : native, or the names of the R package TwoSampleMR.
    threads : to work with; None for as many as this process may use.
    resume, overwrite : take the result of this same request that is there, or replace what is.

    Returns
    -------
    results : tables ``harmonised`` (every variant, kept or not, with the reason), ``frequencies``
        (whether both studies' frequencies are of the same allele) and ``drops``.

    Raises
    ------
    InputError
        A file cannot be read, or the outcome has none of the variants.
    NothingToDo
        No variant is left.
    RunFolderError
        The folder is in use, or holds what is not this request's.

    Examples
    --------
    >>> import polars as pl
    >>> x = pl.DataFrame({
    ...     "rsid": ["rs1"], "effect_allele": ["A"], "other_allele": ["G"], "beta": [0.1],
    ...     "se": [0.02]})
    >>> y = x.with_columns(effect_allele=pl.lit("G"), other_allele=pl.lit("A"))
    >>> harmonise(x, y).table()["beta_outcome"].to_list()
    [-0.1]
    """
    request = HarmoniseRequest.of(
        exposure,
        outcome,
        read_exposure=read_exposure,
        read_outcome=read_outcome,
        exposure_trait=exposure_trait,
        outcome_trait=outcome_trait,
        match=match,
        action=action,
        tolerance=tolerance,
    )
    return call_job(
        HarmoniseJob(request, columns),
        out=out,
        threads=threads,
        formats=formats,
        resume=resume,
        overwrite=overwrite,
    )
