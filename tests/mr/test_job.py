"""`mr` as a job: the same from Python and the shell, for any blocks, whole or absent, resumed."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from proteomr_cli import main

import proteomr
from proteomr.errors import InputError, NothingToDo, RunFolderError, UsageError
from proteomr.execute import Serial, Threads
from proteomr.gwas.gene_regions import Region
from proteomr.gwas.study import read_study
from proteomr.mr import blocks as blocks_module
from proteomr.mr.analysis import analyse, measure_pairs
from proteomr.mr.blocks import cut_blocks
from proteomr.mr.caveats import caution
from proteomr.mr.choice import build_methods
from proteomr.mr.harmonise import harmonise_table, to_harmonised
from proteomr.mr.inputs import InstrumentRule, Instruments, Outcomes
from proteomr.mr.job import MrJob
from proteomr.mr.pairs import StudyPairs
from proteomr.mr.repeated import keep_once
from proteomr.mr.request import MrRequest
from proteomr.runs import Ledger, Output, Results, digest_request, run_job
from tests.mr.studies import make_studies, write_studies
from tests.runs.stopping import check_stops, content_of

METHODS = ("wald", "ivw", "egger", "weighted_median(draws=20)")
FLAGGED = InstrumentRule(unproven="flag")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return write_studies(tmp_path, exposures=3, outcomes=4, m=5)


def run_shell(*arguments: object) -> None:
    with pytest.raises(SystemExit) as left:
        main.run([str(argument) for argument in arguments])
    assert not left.value.code


def cut_smaller(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(blocks_module, "_FEWEST_PAIRS", size)
    monkeypatch.setattr(blocks_module, "_BLOCKS", 10**9)


def assert_same_tables(one: Results, other: Results) -> None:
    assert one.names == other.names
    for name in one.names:
        assert_frame_equal(one.table(name), other.table(name), check_exact=True)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 100])
def test_how_pairs_are_cut_into_blocks_changes_no_digit(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    asked: dict[str, Any] = {"methods": METHODS, "rule": FLAGGED, "steiger_filter": True}
    whole = proteomr.run_mr(*files, **asked, reverse=True, threads=1)
    cut_smaller(monkeypatch, size)
    parts = proteomr.run_mr(*files, **asked, reverse=True, threads=2)
    assert_same_tables(whole, parts)
    assert whole.notes == parts.notes


def test_blocks_give_what_all_pairs_at_once_give(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_smaller(monkeypatch, 2)
    results = proteomr.run_mr(*files, methods=METHODS, rule=FLAGGED)
    x, y = (read_study(path).rows for path in files)
    table = keep_once(harmonise_table(x, y))
    pairs = caution(to_harmonised(table), results.table("instruments"))
    found = analyse(pairs, build_methods(METHODS))
    for name, expected in found.tables.items():
        assert_frame_equal(results.table(name), expected, check_exact=True)
    written = results.table("harmonised").drop("direction")
    assert_frame_equal(written, table, check_exact=True)
    assert results.table("estimates")["q_bh"].null_count() < results.table("estimates").height


def test_a_build_that_only_the_whole_study_shows_is_known_in_every_block() -> None:
    x, y = make_studies(exposures=4, outcomes=1, m=6)
    name = y["variant_id"][3]
    moved = pl.when(pl.col("variant_id") == name).then(7).otherwise("position_bp")
    y = y.with_columns(position_bp=moved)
    whole = keep_once(harmonise_table(x, y))
    assert whole.filter(variant_id=name)["reason"].unique().to_list() == ["position_differs"]
    empty = pl.DataFrame()
    pairs = StudyPairs.of(Instruments(x, empty, (), ()), Outcomes(y, (), ()), rule=FLAGGED)
    parts = [pairs.take(stretch)[0] for stretch in pairs.cut(1)]
    assert len(parts) == 4
    assert_frame_equal(pl.concat(parts), whole, check_exact=True)


@pytest.mark.parametrize(
    ("exposures", "outcomes"), [(1, 1), (1, 700), (700, 1), (9, 300), (300, 9)]
)
def test_blocks_hold_every_pair_once_and_are_neither_few_nor_large(
    exposures: int, outcomes: int
) -> None:
    described = pl.DataFrame({"outcome": [f"{o}" for o in range(outcomes)], "one_build": False})
    nothing = Instruments(pl.DataFrame(), pl.DataFrame(), (), ())
    names = tuple(str(e) for e in range(exposures))
    pairs = StudyPairs(nothing, Outcomes(pl.DataFrame(), (), ()), FLAGGED, names, described)
    stretches = [block.stretch for block in cut_blocks([pairs])]
    covered = [place for start, end in stretches for place in range(start, end)]
    assert covered == list(range(exposures * outcomes))
    assert len(stretches) <= 2 * 64 + exposures
    for start, end in stretches:
        rows = {place // outcomes for place in range(start, end)}
        assert len(rows) == 1 or (start % outcomes, end % outcomes) == (0, 0)


def test_each_option_makes_another_request(files: tuple[Path, Path]) -> None:
    requests = [
        MrRequest.of(*files),
        MrRequest.of(*files, bootstraps=999),
        MrRequest.of(*files, seed=2),
        MrRequest.of(*files, convention="mendelianrandomization"),
    ]
    assert len({digest_request(request) for request in requests}) == len(requests)


def test_frames_give_what_their_files_give(tmp_path: Path, files: tuple[Path, Path]) -> None:
    x, y = make_studies(exposures=3, outcomes=4, m=5)
    asked: dict[str, Any] = {"methods": "ivw,egger", "rule": FLAGGED}
    from_files = proteomr.run_mr(*files, **asked)
    assert_same_tables(from_files, proteomr.run_mr(x, y, **asked))
    assert_same_tables(from_files, proteomr.run_mr(x.to_pandas(), [y.to_arrow()], **asked))
    on_disk = proteomr.run_mr(*files, **asked, out=tmp_path / "out", formats=("parquet", "tsv"))
    assert_same_tables(from_files, on_disk)
    assert (tmp_path / "out" / "verdict.tsv").is_file()
    assert on_disk.to_pandas("verdict").shape[0] == 12


def test_threads_and_formats_are_no_part_of_the_request(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_smaller(monkeypatch, 1)
    job = MrJob(MrRequest.of(*files, methods=METHODS, rule=FLAGGED))
    run_job(job, Output(tmp_path / "one"), executor=Serial())
    run_job(job, Output(tmp_path / "two"), executor=Threads(3))
    assert content_of(tmp_path / "one") == content_of(tmp_path / "two")


@pytest.mark.skipif(find_spec("distributed") is None, reason="Dask, an extra, is not installed")
def test_dask_gives_the_bytes_of_a_local_run(files: tuple[Path, Path], tmp_path: Path) -> None:
    asked = ("mr", *files, "--methods", "ivw,simple_median", "--unproven", "flag")
    run_shell(*asked, "--executor", "dask", "--threads", 1, "-o", tmp_path / "dask")
    run_shell(*asked, "-o", tmp_path / "local")
    own = [content_of(tmp_path / name) for name in ("dask", "local")]
    for name in own[0]:
        assert name == "log.txt" or own[0][name] == own[1][name], name


def test_a_plan_says_what_would_run_and_writes_nothing(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    before = sorted(tmp_path.iterdir())
    forecast = MrJob(MrRequest.of(*files, methods="ivw,egger", rule=FLAGGED)).plan(threads=2)
    assert dict(forecast.units) == {"pairs": 12, "instruments": 19, "methods": 2}
    assert forecast.seconds is not None
    assert forecast.memory_bytes is not None
    assert ("timed", "12 pairs") in forecast.lines
    run_shell("mr", *files, "--unproven", "flag", "--dry-run", "-o", tmp_path / "out")
    assert sorted(tmp_path.iterdir()) == before


def test_a_plan_refuses_what_the_run_would(files: tuple[Path, Path]) -> None:
    near = make_studies(exposures=1, outcomes=1, m=5)[0].with_columns(chromosome=pl.lit("7"))
    with pytest.raises(InputError, match="may be correlated"):
        MrJob(MrRequest.of(near, files[1])).plan(threads=1)
    with pytest.raises(NothingToDo, match="no instrument at p"):
        MrJob(MrRequest.of(*files, rule=InstrumentRule(p=1e-99))).plan(threads=1)


def test_what_leaves_no_instrument_is_named_with_its_option(files: tuple[Path, Path]) -> None:
    nowhere = InstrumentRule(region=Region("7", 1, 2))
    with pytest.raises(NothingToDo, match=r"outside_region\); --cis and --cis-kb set the region$"):
        MrJob(MrRequest.of(*files, rule=nowhere)).plan(threads=1)


def test_pairs_of_which_no_variant_is_left_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    x, y = make_studies(exposures=2, outcomes=2, m=4)
    other = y.with_columns(other_allele=pl.lit("C"), effect_allele=pl.lit("A"))
    palindromic = x.with_columns(other_allele=pl.lit("T"))
    with pytest.raises(NothingToDo, match=r"no variant is left of 20: 18 incompatible_alleles"):
        proteomr.run_mr(palindromic, other, rule=FLAGGED, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_kept_blocks_are_not_worked_through_again(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_smaller(monkeypatch, 4)
    job = MrJob(MrRequest.of(*files, methods="ivw", rule=FLAGGED))
    run_job(job, Output(tmp_path / "whole"))
    plain = measure_pairs
    sizes: list[int] = []

    def measure(pairs: Any, methods: Any, **options: Any) -> Any:
        if sum(sizes) >= 8:
            raise KeyboardInterrupt
        sizes.append(len(pairs))
        return plain(pairs, methods, **options)

    monkeypatch.setattr(blocks_module, "measure_pairs", measure)
    with pytest.raises(KeyboardInterrupt):
        run_job(job, Output(tmp_path / "out"))
    assert sizes == [4, 4]
    with pytest.raises(RunFolderError, match="unfinished run of this same request"):
        run_job(job, Output(tmp_path / "out"))
    sizes.clear()
    run_job(job, Output(tmp_path / "out", resume=True))
    assert sizes == [4]
    assert content_of(tmp_path / "out") == content_of(tmp_path / "whole")


def test_a_users_file_among_results_is_never_replaced(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "k"
    run_shell("harmonise", *files, "-o", out)
    (out / "estimates.parquet").write_text("mine")
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main.run(["mr", *map(str, files), "--unproven", "flag", "--overwrite", "-o", str(out)])
    assert left.value.code == 3
    assert "not proteomr's (estimates.parquet)" in capsys.readouterr().err
    assert (out / "estimates.parquet").read_text() == "mine"
    assert (out / "harmonised.parquet").is_file()


def test_figures_of_many_pairs_are_a_book_of_the_hits(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    files = write_studies(tmp_path, exposures=1, outcomes=8, m=6)
    asked = ("mr", *files, "--methods", "ivw", "--unproven", "flag", "--figures")
    run_shell(*asked, "-o", tmp_path / "out")
    names = {path.name for path in (tmp_path / "out" / "figures").iterdir()}
    assert "hits.pdf" in names
    written = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert {f"figures/{name}" for name in names} <= {entry["name"] for entry in written["outputs"]}


def test_several_exposures_without_an_estimate_are_counted(tmp_path: Path) -> None:
    few = pl.DataFrame(
        {"SNP": ["rs1", "rs2", "rs3"], "beta_a": [0.1, 0.0, 0.1], "se_a": 0.01,
         "beta_b": [0.0, 0.2, 0.1], "se_b": 0.01, "beta_outcome": [0.1, 0.2, 0.3],
         "se_outcome": 0.01}
    )  # fmt: skip
    results = proteomr.run_mr(harmonised=few, methods="mv_egger")
    assert (results.units, results.failed) == (2, 2)
    assert proteomr.run_mr(harmonised=few, methods="mv_ivw").failed == 0
    with pytest.raises(UsageError, match="--figures draws one exposure at a time"):
        MrJob(MrRequest.of(harmonised=few, methods="mv_ivw"), draw=lambda *_, **__: ())


def test_two_runs_into_one_folder_exclude_each_other(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    with (
        Ledger.open(tmp_path / "out", request={"other": 1}),
        pytest.raises(RunFolderError, match="in use"),
    ):
        proteomr.run_mr(*files, rule=FLAGGED, out=tmp_path / "out")


def test_a_run_stopped_before_any_change_of_the_disk_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_smaller(monkeypatch, 1)
    table = proteomr.harmonise(*make_studies(exposures=2, outcomes=1, m=3)).table()
    job = MrJob(MrRequest.of(harmonised=table, methods="ivw"))

    def run(out: Path, *, again: bool) -> None:
        run_job(job, Output(out, resume=again))

    check_stops(tmp_path, run, least=60)
