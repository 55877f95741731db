"""Policies of what may leave: shipped by name, or a TOML file."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from proteomr.border import read_toml
from proteomr.errors import InputError, UsageError, nearest

__all__ = ["Policy", "policy_names", "read_policy"]

_FOLDER: Final = "policies"
# Seventeen digits are all of a double: such a policy would round nothing.
_MOST_DIGITS: Final = 15


@dataclass(frozen=True, slots=True)
class Policy:
    """What a platform lets out.

    Attributes
    ----------
    name : of the policy.
    description : what it asks, in words.
    k : fewest people that a count may tell of; the base that counts are rounded down to.
    digits : significant digits of estimates.
    extreme_digits : significant digits of quantiles and other values of single people.

    Raises
    ------
    InputError
        A number is outside what protects anybody.

    Examples
    --------
    >>> Policy("own", "ten people", 10).k
    10
    """

    name: str
    description: str
    k: int
    digits: int = 4
    extreme_digits: int = 2

    def __post_init__(self) -> None:
        if type(self.k) is not int or self.k < 2:
            raise InputError(
                f"policy {self.name!r}: k is {self.k!r}, and must be a whole number from 2 on: "
                "below, no count is protected"
            )
        for name in ("digits", "extreme_digits"):
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= _MOST_DIGITS:
                raise InputError(
                    f"policy {self.name!r}: {name} is {value!r}, and must be from 1 to "
                    f"{_MOST_DIGITS}"
                )


def policy_names() -> tuple[str, ...]:
    """Return the names of the policies that are shipped, in alphabetical order.

    Examples
    --------
    >>> policy_names()
    ('genomics-england', 'sacro', 'ukb')
    """
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def read_policy(policy: str | Path) -> Policy:
    """Return a policy by its name, or from a TOML file with its fields.

    Parameters
    ----------
    policy : one of `policy_names`, or a path that ends in ``.toml``.

    Raises
    ------
    UsageError
        There is no policy of that name.
    InputError
        The file lacks a field, has one too many, or a number that protects nobody.

    Examples
    --------
    >>> read_policy("sacro").k
    10
    """
    if str(policy).endswith(".toml"):
        return _make_policy(read_toml(policy), str(policy))
    names = policy_names()
    if str(policy) not in names:
        raise UsageError(
            f"there is no policy {str(policy)!r}{nearest(str(policy), names)}; "
            f"known: {', '.join(names)}, or name a file that ends in .toml"
        )
    file = importlib.resources.files("proteomr.schemas") / _FOLDER / f"{policy}.toml"
    return _make_policy(tomllib.loads(file.read_text(encoding="utf-8")), str(policy))


def _make_policy(facts: Mapping[str, Any], place: str) -> Policy:
    known = tuple(entry.name for entry in fields(Policy))
    for name in facts:
        if name not in known:
            raise InputError(f"{place}: no field {name!r} in a policy{nearest(name, known)}")
    for name in ("name", "description", "k"):
        if name not in facts:
            raise InputError(f"{place}: the policy has no {name}")
    return Policy(**facts)
