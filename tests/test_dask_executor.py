"""The processes of Dask give the bits that one thread gives, and stop when they must."""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import scipy.linalg
from threadpoolctl import threadpool_info

from proteomr import dask_executor
from proteomr.association import ModelSpec, Plan, plan_scan
from proteomr.dask_executor import Dask
from proteomr.errors import FormatError, ProteomrError, UsageError
from proteomr.execute import Serial, available_threads
from proteomr.io import read_cohort
from proteomr.io.blocks import ParquetMatrix
from proteomr.scan import Scan

dask: Any = pytest.importorskip("dask", reason="Dask, an extra, is not installed")
distributed: Any = pytest.importorskip("distributed", reason="Dask, an extra, is not installed")

PEOPLE, PROTEINS = 90, 11


def start_cluster(*, workers: int = 1) -> Any:
    """Start a cluster as a user would have it: a scheduler, and workers of two threads."""
    return distributed.LocalCluster(
        n_workers=workers,
        threads_per_worker=2,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
        scheduler_kwargs={"dashboard": False},
        silence_logs=logging.CRITICAL,
    )


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    with start_cluster() as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Plan of a scan whose proteins stay in their file."""
    g = np.random.default_rng(5)
    ids = [f"{i:03d}" for i in range(PEOPLE)]
    values = g.normal(size=(PEOPLE, PROTEINS))
    values[g.random(values.shape) < 0.05] = np.nan
    columns = {f"P{j:02d}": values[:, j] for j in range(PROTEINS)}
    samples = {"ID": ids, "lonely": g.integers(0, 2, PEOPLE), "age": g.normal(size=PEOPLE)}
    pl.DataFrame(samples).write_parquet(tmp_path / "samples.parquet")
    pl.DataFrame({"ID": ids, **columns}).write_parquet(tmp_path / "proteins.parquet")
    cohort = read_cohort(
        tmp_path / "samples.parquet", [tmp_path / "proteins.parquet"], scratch=tmp_path
    )
    spec = ModelSpec("logistic", ("lonely",), {"none": "1", "aged": "age"})
    return plan_scan(cohort, spec, block_size=3)


def blas_threads() -> set[int]:
    assert scipy.linalg.norm(np.ones(4)) == 2.0
    libraries = threadpool_info()
    return {library["num_threads"] for library in libraries if library["user_api"] == "blas"}


def test_processes_of_dask_give_a_scan_the_bits_of_one_thread(plan: Plan) -> None:
    alone = dict(Serial().map(Scan(plan), plan.blocks))
    shared = dict(Dask(workers=2).map(Scan(plan), plan.blocks))
    assert sorted(alone) == sorted(shared) == list(range(4))
    for position, frame in alone.items():
        assert frame.equals(shared[position])
        assert frame.schema == shared[position].schema
        assert frame["estimate"].null_count() == 0


def test_an_own_process_ends_with_the_run_and_leaves_no_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    found = dict(Dask(workers=1).map(lambda _: os.getpid(), range(3)))
    assert set(found) == {0, 1, 2}
    assert len(set(found.values())) == 1
    assert os.getpid() not in found.values()
    with pytest.raises(ProcessLookupError):
        os.kill(found[0], 0)
    assert list(tmp_path.iterdir()) == []


def test_a_scheduler_that_runs_already_gives_each_block_its_result_once(scheduler: str) -> None:
    blocks = (block for block in range(50))
    results = list(Dask(scheduler).map(lambda block: block * block, blocks))
    assert sorted(results) == [(position, position**2) for position in range(50)]


def test_no_blocks_give_no_results_and_start_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "require_dask", None)
    assert list(Dask().map(abs, [])) == []


def test_an_exception_of_one_block_propagates_and_the_rest_do_not_begin(
    scheduler: str, tmp_path: Path
) -> None:
    def work(block: int) -> None:
        (tmp_path / str(block)).touch()
        if block == 3:
            raise FormatError("is damaged", path="proteins.parquet", column="GDF15")
        time.sleep(0.02)

    with pytest.raises(FormatError, match=r"^proteins.parquet, column 'GDF15': is damaged$"):
        list(Dask(scheduler).map(work, range(300)))
    assert len(list(tmp_path.iterdir())) < 100


def test_closing_the_iterator_stops_what_has_not_begun(scheduler: str, tmp_path: Path) -> None:
    def work(block: int) -> None:
        (tmp_path / str(block)).touch()
        time.sleep(0.02)

    with contextlib.closing(Dask(scheduler).map(work, range(300))) as results:
        next(results)
    time.sleep(0.1)
    settled = len(list(tmp_path.iterdir()))
    time.sleep(0.2)
    assert settled == len(list(tmp_path.iterdir())) < 100


@pytest.mark.skipif(available_threads() < 2, reason="BLAS has one thread on one processor")
def test_blas_is_held_to_one_thread_in_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    with start_cluster() as cluster:
        with distributed.Client(cluster, set_as_default=False) as client:
            assert client.submit(blas_threads).result() == {2}
        found = dict(Dask(cluster.scheduler_address).map(lambda _: blas_threads(), range(6)))
    assert list(found.values()) == [{1}] * 6


def test_a_block_that_ends_its_worker_again_and_again_is_an_error_in_words() -> None:
    words = r"^Dask lost the worker .* \(lost every one that had a certain block\): use fewer"
    settings = {"distributed.scheduler.allowed-failures": 0}
    with dask.config.set(settings), pytest.raises(ProteomrError, match=words):
        list(Dask(workers=2).map(os._exit, [3]))


def test_work_that_is_lost_too_often_is_an_error_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "_LOSSES_BORNE", 1)
    with pytest.raises(ProteomrError, match=r"\(2 times lost all that had the data of the run\)"):
        list(Dask(workers=1).map(os._exit, [3, 3]))


def kill_once(work: Any, blocks: list[Any], marker: Path) -> Callable[[int], bytes]:
    """Return work that ends its own process at block 1, unless it has done so before."""

    def kill_or_work(position: int) -> bytes:
        if position == 1 and not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return pickle.dumps(work(blocks[position]))

    return kill_or_work


def check_nothing_is_lost(executor: Dask, work: Any, blocks: list[Any], marker: Path) -> None:
    positions = range(len(blocks))
    results = list(executor.map(kill_once(work, blocks, marker), positions))
    assert marker.exists()
    alone = Serial().map(kill_once(work, blocks, marker), positions)
    assert sorted(results) == sorted(alone)


def test_an_own_process_that_is_killed_loses_nothing_of_a_scan(plan: Plan, tmp_path: Path) -> None:
    blocks = list(plan.blocks)
    check_nothing_is_lost(Dask(workers=2), Scan(plan), blocks, tmp_path / "killed")


def test_the_only_process_that_has_the_work_is_killed_and_nothing_is_lost(tmp_path: Path) -> None:
    check_nothing_is_lost(Dask(workers=1), abs, [-1, -2, -3], tmp_path / "killed")


def test_a_worker_of_a_cluster_that_is_killed_loses_nothing(tmp_path: Path) -> None:
    with start_cluster(workers=2) as cluster:
        executor = Dask(cluster.scheduler_address)
        check_nothing_is_lost(executor, abs, list(range(-40, 0)), tmp_path / "killed")


def test_a_block_that_reads_what_is_gone_is_not_tried_again(scheduler: str, tmp_path: Path) -> None:
    def work(block: int) -> None:
        with (tmp_path / "tries").open("a") as tries:
            tries.write(f"{block}\n")
        raise FileNotFoundError(block)

    with pytest.raises(FileNotFoundError):
        list(Dask(scheduler).map(work, [7]))
    assert (tmp_path / "tries").read_text() == "7\n"


def test_a_scheduler_that_ends_in_the_middle_is_an_error_in_words() -> None:
    with (
        start_cluster() as cluster,
        contextlib.closing(Dask(cluster.scheduler_address).map(time.sleep, [0, 60])) as results,
    ):
        assert next(results) == (0, None)
        cluster.close()
        with pytest.raises(ProteomrError, match="the Dask scheduler ended, or is out of reach"):
            next(results)


@pytest.mark.parametrize("address", ["127.0.0.1", "nowhere://127.0.0.1:1", ""])
def test_an_address_that_is_none_is_refused_with_its_remedy(address: str) -> None:
    with pytest.raises(UsageError, match=f"no Dask scheduler answers at '{address}': correct"):
        list(Dask(address).map(abs, [1]))


def test_an_address_without_a_scheduler_is_refused_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"answers at '{address}'"):
            list(Dask(address).map(abs, [1]))


def test_a_scheduler_without_workers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dask_executor, "_PATIENCE_SECONDS", 0.3)
    cluster = start_cluster(workers=0)
    with cluster, pytest.raises(UsageError, match="has no workers: start some with `dask worker"):
        list(Dask(cluster.scheduler_address).map(abs, [1]))


def test_without_the_extra_the_message_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'proteomr\[dask\]'"):
        list(Dask().map(abs, [1]))


@pytest.mark.parametrize("workers", [0, -1])
def test_dask_needs_at_least_one_worker(workers: int) -> None:
    with pytest.raises(UsageError, match="must be 1 or more"):
        Dask(workers=workers)


def test_a_matrix_in_a_file_travels_by_its_path_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pl.DataFrame({"ADM": [float(i) for i in range(5000)]})
    frame.write_parquet(tmp_path / "proteins.parquet")
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(ParquetMatrix(Path("proteins.parquet"), reported_as=Path("given.csv")))
    monkeypatch.chdir("/")
    arrived: ParquetMatrix = pickle.loads(sent)  # noqa: S301
    assert len(sent) < 1000
    assert arrived.path == tmp_path / "proteins.parquet"
    assert arrived.reported_as == Path("given.csv")
    assert arrived.read_column("ADM").to_pylist() == frame["ADM"].to_list()


def test_a_scan_travels_with_its_family_and_none_of_its_state(plan: Plan) -> None:
    scan = Scan(plan)
    before = scan(plan.blocks[0])
    sent = pickle.dumps(scan)
    arrived: Scan = pickle.loads(sent)  # noqa: S301
    assert arrived.family == scan.family
    assert arrived(plan.blocks[0]).equals(before)
    assert len(sent) == len(pickle.dumps(Scan(plan)))


def make_certificate(folder: Path) -> dict[str, str]:
    """Return the settings of Dask for a certificate that is made here and trusts itself alone."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    named = ["-keyout", str(key), "-out", str(certificate), "-subj", "/CN=proteomr"]
    subprocess.run([*request, *named], check=True, capture_output=True)
    roles = ("client", "scheduler", "worker")
    settings = {"distributed.comm.tls.ca-file": str(certificate)}
    settings |= {f"distributed.comm.tls.{role}.cert": str(certificate) for role in roles}
    return settings | {f"distributed.comm.tls.{role}.key": str(key) for role in roles}


def test_tls_takes_the_certificates_of_dasks_configuration(tmp_path: Path) -> None:
    with dask.config.set(make_certificate(tmp_path)):
        cluster = distributed.LocalCluster(
            n_workers=1,
            processes=False,
            protocol="tls://",
            host="tls://127.0.0.1",
            security=distributed.Security(),
            dashboard_address="127.0.0.1:0",
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.CRITICAL,
        )
        with cluster:
            assert cluster.scheduler_address.startswith("tls://")
            assert dict(Dask(cluster.scheduler_address).map(abs, [-1, -2])) == {0: 1, 1: 2}


@pytest.mark.parametrize(
    ("named", "words"), [(None, "none is named"), ("/nowhere.pem", "they cannot be read")]
)
def test_tls_without_certificates_is_refused_with_the_names_of_the_settings(
    named: str | None, words: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"tls://127.0.0.1:{listening.getsockname()[1]}"
        settings = {f"distributed.comm.tls.{key}": named for key in ("ca-file", "client.cert")}
        with (
            dask.config.set(settings),
            pytest.raises(UsageError, match=rf"distributed\.comm\.tls\.ca-file.*{words}"),
        ):
            list(Dask(address).map(abs, [1]))
