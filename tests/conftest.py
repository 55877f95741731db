from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_SPECIAL = {"NaN": float("nan"), "Inf": float("inf"), "-Inf": float("-inf")}


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name compressed content by what it is: its bytes hold the time at which it was made."""
    del config
    compressed = isinstance(val, bytes) and val.startswith(b"\x1f\x8b")
    return f"{argname}-gzip" if compressed else None


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the reference data, which is kept outside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "reference"
    folder = Path(os.environ.get("PROTEOMR_REFERENCE", beside))
    if not folder.is_dir():
        pytest.skip("no reference data: set PROTEOMR_REFERENCE to their folder")
    return folder


@pytest.fixture(scope="session")
def expected(reference: Path) -> Callable[[str], dict[str, Any]]:
    """Return a reader of the values of a case of the association reference, by its id."""

    def read(case: str) -> dict[str, Any]:
        path = reference / "association" / "expected" / f"{case}.json"
        values: dict[str, Any] = _with_special_numbers(
            json.loads(path.read_text("utf-8"))["values"]
        )
        return values

    return read


def _with_special_numbers(value: Any) -> Any:
    """Turn the strings that stand for NaN and the infinities into numbers, at any depth."""
    if isinstance(value, dict):
        return {key: _with_special_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_special_numbers(item) for item in value]
    return _SPECIAL.get(value, value) if isinstance(value, str) else value
