"""The log of a command: on stderr as text or JSON, and in the run folder's log."""

import contextlib
import json
import logging
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from proteomr.files import storage_errors

from .console import one_line

__all__ = [
    "close_journal",
    "keep_journal",
    "open_journal",
    "record_cause",
    "record_failure",
    "was_told",
]

_logger = logging.getLogger("proteomr")
_FRAMES = 8  # the last of them: where the fault arose
_CLOCK = "%Y-%m-%dT%H:%M:%SZ"


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "time": self.formatTime(record, _CLOCK),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            facts["traceback"] = self.formatException(record.exc_info)
        return json.dumps(facts)


class _AsLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return one_line(record.getMessage())


class _Shown(logging.StreamHandler[Any]):
    """Writes to stderr as it is at the time: a bar that is drawn puts lines above itself."""

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, stream: Any) -> None:
        del stream


class _Told(logging.Handler):
    """Remembers which warnings have been told."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.add(record.getMessage())


class _Held(logging.Handler):
    """Keeps records until there is a file for them."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def open_journal(
    *, quiet: bool = False, verbose: bool = False, as_json: bool = False
) -> logging.Logger:
    """Return the logger of proteomr, its lines on stderr as asked."""
    close_journal()
    logging.raiseExceptions = False  # a full disk fails the results, which say so, not the log
    _logger.setLevel(logging.DEBUG)
    _logger.propagate = False
    shown = _Shown()
    chatty = verbose or as_json
    shown.setLevel(logging.ERROR if quiet else logging.INFO if chatty else logging.WARNING)
    shown.setFormatter(_in_utc(_AsJson()) if as_json else _AsLine())
    _logger.addHandler(shown)
    _logger.addHandler(_Held())
    _logger.addHandler(_Told())
    return _logger


def keep_journal(path: Path, *, again: bool, mode: int) -> None:
    """Write the log to a file: what it has said so far, and the rest.

    Parameters
    ----------
    path : the file.
    again : whether to go on with the log that is there.
    mode : permission bits of the file.
    """
    with storage_errors(path):
        path.touch(mode=mode)
        path.chmod(mode)
        journal = logging.FileHandler(path, mode="a" if again else "w", encoding="utf-8")
    journal.setLevel(logging.INFO)
    journal.setFormatter(
        _in_utc(logging.Formatter("%(asctime)s %(levelname)s %(message)s", _CLOCK))
    )
    for handler in list(_logger.handlers):
        if isinstance(handler, _Held):
            for record in handler.records:
                journal.handle(record)
            _logger.removeHandler(handler)
    _logger.addHandler(journal)


def was_told(text: str) -> bool:
    """Tell whether a warning has stood in the log of this command."""
    return any(text in handler.texts for handler in _logger.handlers if isinstance(handler, _Told))


def record_failure(text: str, *, fault: BaseException | None = None) -> bool:
    """Put the ending of a command into its log; True where stderr has had it as JSON.

    Parameters
    ----------
    text : what happened.
    fault : what was raised, where its traceback belongs in the log.
    """
    handlers = [h for h in _logger.handlers if not _is_plain(h)]
    record = _logger.makeRecord(
        _logger.name,
        logging.ERROR,
        "",
        0,
        text,
        (),
        None if fault is None else (type(fault), fault, fault.__traceback__),
    )
    for handler in handlers:
        handler.handle(record)
    return any(isinstance(handler.formatter, _AsJson) for handler in handlers)


def record_cause(error: BaseException) -> None:
    """Put where an error comes from into the log, shown by ``-v``; nothing that a file holds."""
    cause = error.__cause__
    while cause is not None:
        _logger.info("cause: %s", type(cause).__name__)
        for frame in traceback.extract_tb(cause.__traceback__)[-_FRAMES:]:
            _logger.info("  at %s:%s in %s", frame.filename, frame.lineno, frame.name)
        cause = cause.__cause__


def close_journal() -> None:
    """Give up all files and streams of the log."""
    for handler in list(_logger.handlers):
        _logger.removeHandler(handler)
        with contextlib.suppress(OSError):  # a full disk fails the results, not the log
            handler.close()


def _in_utc(formatter: logging.Formatter) -> logging.Formatter:
    formatter.converter = time.gmtime
    return formatter


def _is_plain(handler: logging.Handler) -> bool:
    return isinstance(handler.formatter, _AsLine)
