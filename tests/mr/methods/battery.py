"""How the battery builds a method that is known to it by its registry alone."""

from __future__ import annotations

from proteomr.mr.choice import build_methods
from proteomr.mr.methods.method import Method
from tests.effort import often

__all__ = ["build_for_tests", "build_named", "seeds"]

SLOWEST = ("cause", "hetpen")
"""Methods of which a fit takes some tenths of a second; their truths have pages."""

SLOW = (*SLOWEST, "mrmix", "raps")
"""Those of which one takes a tenth of a second, too: dozens of draws are a matter of seconds."""

FEW = 10
"""Designs up to which their number is no matter of time."""


def build_for_tests(kind: type[Method]) -> Method:
    """Return a method with its defaults; a sample size where it needs one, and few draws."""
    return build_named(kind.key)


def build_named(name: str) -> Method:
    """Return a method by its name with parameters, as `build_for_tests`."""
    return build_methods([name], draws=40, n_exposure=20_000.0)[0]


def seeds(method: Method | type[Method], count: int) -> range:
    """Seeds of the designs that a method is tried on: a share of them where it is slow."""
    many = count > FEW
    if method.key not in (SLOW if many else SLOWEST):
        return range(count)
    share = 8 if many and method.key in SLOWEST else 4
    return range(often(-(-count // share), thorough=count))
