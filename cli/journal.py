"""The log of a command: on stderr as text or JSON, and in the run folder's log.txt."""

import json
import logging
import sys
from pathlib import Path

__all__ = ["keep_journal", "open_journal"]

_NAME = "proteomr"


class _AsJson(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        return json.dumps(facts, ensure_ascii=False)


class _Held(logging.Handler):
    """Keeps records until there is a file for them."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


def open_journal(*, quiet: bool, verbose: bool, as_json: bool) -> logging.Logger:
    """Return the logger of proteomr, its lines on stderr as asked."""
    logger = logging.getLogger(_NAME)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
    shown = logging.StreamHandler(sys.stderr)
    level = logging.WARNING
    if verbose or as_json:
        level = logging.INFO
    shown.setLevel(logging.ERROR if quiet else level)
    shown.setFormatter(_AsJson() if as_json else logging.Formatter("%(message)s"))
    logger.addHandler(shown)
    logger.addHandler(_Held())
    return logger


def keep_journal(path: Path) -> None:
    """Write the log to a file from here on, and what it has said so far."""
    logger = logging.getLogger(_NAME)
    kept = logging.FileHandler(path, mode="a", encoding="utf-8")
    kept.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for handler in list(logger.handlers):
        if isinstance(handler, _Held):
            for record in handler.records:
                kept.emit(record)
            logger.removeHandler(handler)
    logger.addHandler(kept)
