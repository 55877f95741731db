"""How the battery builds a method that is known to it by its registry alone."""

from __future__ import annotations

from typing import Any

from proteomr.mr.choice import build_methods
from proteomr.mr.methods.method import Method

__all__ = ["build_for_tests"]


def build_for_tests(kind: type[Method], **parameters: Any) -> Method:
    """Return a method with its defaults; a sample size where it needs one, and few draws."""
    text = ",".join(f"{name}={value}" for name, value in parameters.items())
    name = f"{kind.key}({text})" if text else kind.key
    return build_methods([name], draws=40, n_exposure=20_000.0)[0]
