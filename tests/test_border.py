"""Whatever the reading of a file raises becomes one line that names the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from proteomr.border import low_memory, read_each, read_toml, reading, reads, refused_by_system
from proteomr.errors import FormatError, InputError, LowMemoryError, StorageError, printable
from proteomr.files import read_errors


class Panic(BaseException):
    """What a panic of Rust is in Python: no Exception."""


@pytest.mark.parametrize(
    "fault",
    [
        KeyError("1000001"),
        ValueError("could not convert '1000001'"),
        RecursionError("deep"),
        Panic("pages"),
        StopIteration(),
        OSError("ZSTD"),
    ],
)
def test_any_fault_of_a_reader_names_the_file_and_nothing_of_its_content(
    fault: BaseException,
) -> None:
    with pytest.raises(FormatError) as refused, reading("a.csv"):
        raise fault
    assert str(refused.value).startswith("a.csv: ")
    assert "1000001" not in str(refused.value)
    assert refused.value.__cause__ is fault


@pytest.mark.parametrize("leaves", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_what_ends_a_program_passes(leaves: type[BaseException]) -> None:
    with pytest.raises(leaves), reading("a.csv"):
        raise leaves


def test_an_error_in_words_stays_as_it_is() -> None:
    said = FormatError("no number", path="b.csv", line=3)
    with pytest.raises(FormatError) as refused, reading("a.csv"):
        raise said
    assert refused.value is said


@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "x"), InputError, "there is no such file"),
        (PermissionError(errno.EACCES, "x"), InputError, "permission denied"),
        (OSError(errno.EIO, "fault"), InputError, "cannot be read (fault)"),
        (OSError(errno.ENOSPC, "x"), StorageError, "the disk is full"),
        (OSError(errno.ENOMEM, "x"), LowMemoryError, "more memory than the system gives"),
        (MemoryError(), LowMemoryError, "--threads"),
        (RuntimeError("can't start new thread"), LowMemoryError, "--threads"),
        (RuntimeError("Failed to launch worker thread: EAGAIN"), LowMemoryError, "--threads"),
    ],
)
def test_refusals_of_the_system_are_told_in_words(
    fault: BaseException, kind: type[Exception], words: str
) -> None:
    with pytest.raises(kind, match=r"a\.csv") as refused, reading("a.csv"):
        raise fault
    assert words in str(refused.value)


def test_a_folder_and_a_name_that_is_no_utf_8_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"), reading(tmp_path):
        tmp_path.read_bytes()
    with pytest.raises(FormatError, match="no UTF-8"), reading("a\udcff.csv"):
        "a\udcff".encode()


def test_a_name_with_a_nul_is_told_in_words() -> None:
    with pytest.raises(InputError, match=r"a\\x00b: is no name of a file"), reading("a\x00b"):
        Path("a\x00b").read_bytes()
    with pytest.raises(InputError, match="is no name of a file"), read_errors("a\x00b"):
        Path("a\x00b").read_bytes()


def test_a_panic_of_polars_crosses_the_border() -> None:
    panic: type[BaseException] = pl.exceptions.PanicException
    assert not issubclass(panic, Exception)
    with pytest.raises(FormatError, match="PanicException"), reading("a.parquet"):
        raise panic("called unwrap")


def test_a_fault_of_the_consumer_is_not_one_of_the_file() -> None:
    closed: list[bool] = []

    def batches() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append(True)

    def consume() -> None:
        for batch in read_each("a.csv", batches()):
            raise ZeroDivisionError(batch)

    with pytest.raises(ZeroDivisionError):
        consume()
    assert closed == [True]


def test_a_stream_that_breaks_names_the_file_after_what_it_gave() -> None:
    @reads
    def stream(path: Path) -> Iterator[int]:
        del path
        yield 1
        raise IndexError

    taken: list[int] = []
    with pytest.raises(FormatError, match=r"^b\.csv: "):
        taken.extend(stream(Path("b.csv")))
    assert taken == [1]


def test_a_decorated_reader_finds_its_path_in_its_argument_or_in_what_has_one() -> None:
    class Held:
        path = Path("held.parquet")

        @reads
        def column(self, name: str) -> int:
            return {"a": 1}[name]

    @reads
    def several(paths: tuple[Path, ...]) -> None:
        raise IndexError

    assert Held().column("a") == 1
    with pytest.raises(FormatError, match=r"^held\.parquet: "):
        Held().column("b")
    with pytest.raises(FormatError, match=r"^one\.csv: "):
        several((Path("one.csv"), Path("two.csv")))


def test_a_lack_of_memory_is_told_from_other_faults() -> None:
    assert low_memory(ValueError("memory")) is None
    assert isinstance(low_memory(RuntimeError("std::bad_alloc")), LowMemoryError)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"a = ", "is not TOML"),
        (b"a = 1\nb = '\xff'", "line 2: is not UTF-8"),
        (b"a = " + b"[" * 5000, "nested too deeply"),
        (b"x = 1\n" + b".".join([b"a"] * 20000) + b" = 1", "line 2: a key of more than 32 parts"),
        (b"[" + b" . ".join([b'"a"'] * 3000) + b"]", "line 1: a key of more than 32 parts"),
        (b"a = " + b"1" * 5000, "a number of too many digits"),
        (b"a = '" + b"1" * 1_000_001 + b"'", "larger than 1 MB"),
    ],
)
def test_settings_have_bounds(tmp_path: Path, text: bytes, words: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(text)
    with pytest.raises(FormatError) as refused:
        read_toml(file)
    assert words in str(refused.value)
    assert str(refused.value).startswith(str(file))


def test_absent_settings_are_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no such file"):
        read_toml(tmp_path / "absent.toml")


@pytest.mark.parametrize(
    "make", [InputError, lambda text: FormatError(text, path="a.csv", column=text)]
)
def test_a_message_is_one_short_line_whatever_it_quotes(make: Callable[[str], Exception]) -> None:
    shown = str(make("\x1b[31m" + "a\nb\u202e" * 2000 + "the remedy"))
    assert shown.isprintable()
    assert len(shown) < 600
    assert "the remedy" in shown


def test_half_characters_and_marks_of_direction_are_escaped() -> None:
    assert printable("a\udcff\u202eb") == "a\\udcff\\u202eb"
    assert printable("GDF15 å") == "GDF15 å"


def test_a_full_disk_met_where_a_library_prints_is_told_in_words() -> None:
    told = refused_by_system(OSError(errno.ENOSPC, "No space left on device"))
    assert isinstance(told, StorageError)
    assert str(told).startswith("output: the disk is full")
    assert refused_by_system(OSError(errno.ENOENT, "", "a.csv")) is None


_NO_FILE = "is no file but a pipe or a device"


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "people.csv"  # nobody writes into it: to open it would take for ever
    os.mkfifo(pipe)
    for opening in (reading, read_errors):
        with pytest.raises(InputError, match=_NO_FILE), opening(pipe):
            pipe.read_bytes()
