"""Policies: which assays and samples leave, as thresholds in a small class and in TOML."""

from __future__ import annotations

import importlib.resources
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from proteomr.border import read_toml
from proteomr.errors import UsageError, nearest

__all__ = ["DEFAULT_POLICY", "Policy", "load_policy", "policy_names", "restore_policy"]

DEFAULT_POLICY: Final = "default"
_FOLDER: Final = "qc"
_SHARES: Final = ("max_missing_per_assay", "max_below_lod_per_assay", "max_missing_per_sample")
_COUNTS: Final = (
    "max_flags_per_assay",
    "max_failed_panels",
    "max_panels_outlying_median_iqr",
    "max_panels_outlying_components",
)
_PERCENT: Final = ("max_cv_intra_percent", "max_cv_inter_percent")
_DEVIATIONS: Final = ("sd_median_iqr", "sd_components")
_LISTS: Final = ("remove_kinds", "failing_values")
_KINDS: Final = ("protein", "non_human", "control")


@dataclass(frozen=True, slots=True)
class Policy:
    """What makes an assay or a sample leave; None switches a rule off.

    An assay or sample leaves when it is above a threshold, not when it equals it.

    Parameters
    ----------
    name : of the policy.
    description : what it does, in a few words.
    max_missing_per_assay : share of the samples in which an assay may be missing.
    max_below_lod_per_assay : share of an assay's values that may be below their limit of detection.
    max_flags_per_assay : warnings of the laboratory that an assay may have.
    max_cv_intra_percent, max_cv_inter_percent : coefficient of variation of control samples within
        a plate and between plates, in percent.
    remove_kinds : kinds of assay that leave, of protein, non_human, control.
    remove_empty_samples : whether samples without any value leave; they are then counted nowhere.
    max_missing_per_sample : share of the kept assays that a sample may lack.
    max_failed_panels : panels on which a sample may have a failing flag.
    max_panels_outlying_median_iqr : panels on which a sample may lie apart by median or IQR.
    max_panels_outlying_components : panels on which it may lie apart by the first two principal
        components.
    failing_values : results of the laboratory's checks that count as failing, in upper or lower
        case: those of Olink, and FLAG, as SomaScan's RowCheck says of a sample.
    sd_median_iqr : standard deviations from the mean beyond which a median or IQR lies apart.
    sd_components : the same for scores of principal components.

    Raises
    ------
    UsageError
        A threshold is no number of its kind.

    Examples
    --------
    >>> Policy(max_missing_per_assay=0.5).max_missing_per_sample is None
    True
    """

    name: str = "none"
    description: str = ""
    max_missing_per_assay: float | None = None
    max_below_lod_per_assay: float | None = None
    max_flags_per_assay: int | None = None
    max_cv_intra_percent: float | None = None
    max_cv_inter_percent: float | None = None
    remove_kinds: tuple[str, ...] = ()
    remove_empty_samples: bool = False
    max_missing_per_sample: float | None = None
    max_failed_panels: int | None = None
    max_panels_outlying_median_iqr: int | None = None
    max_panels_outlying_components: int | None = None
    failing_values: tuple[str, ...] = ("FAIL", "EXCLUDED", "FLAG")
    sd_median_iqr: float = 3.0
    sd_components: float = 5.0

    def __post_init__(self) -> None:
        for name in (*_SHARES, *_PERCENT, *_DEVIATIONS, *_COUNTS):
            self._check_number(name)
        for name in _LISTS:
            value = getattr(self, name)
            if not (isinstance(value, tuple) and all(isinstance(item, str) for item in value)):
                raise self._fault(name, "a list of texts")
        for kind in self.remove_kinds:
            if kind not in _KINDS:
                raise UsageError(
                    f"policy {self.name!r}: remove_kinds has {kind!r}{nearest(kind, _KINDS)}; "
                    f"kinds of assay are {', '.join(_KINDS)}"
                )
        for name, sort, what in (
            ("name", str, "a text"),
            ("description", str, "a text"),
            ("remove_empty_samples", bool, "true or false"),
        ):
            if not isinstance(getattr(self, name), sort):
                raise self._fault(name, what)

    def _check_number(self, name: str) -> None:
        value = getattr(self, name)
        if value is None and name not in _DEVIATIONS:
            return
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if name in _SHARES and not (number and 0 <= value <= 1):
            raise self._fault(name, "a share from 0 to 1 (half is 0.5)")
        if name in _PERCENT and not (number and 0 <= value < float("inf")):
            raise self._fault(name, "a percentage, 0 or more")
        if name in _COUNTS and not (number and isinstance(value, int) and value >= 0):
            raise self._fault(name, "a whole number, 0 or more")
        if name in _DEVIATIONS and not (number and 0 < value < float("inf")):
            raise self._fault(name, "a number of standard deviations above 0")

    def _fault(self, name: str, needed: str) -> UsageError:
        shown = getattr(self, name)
        return UsageError(f"policy {self.name!r}: {name} is {shown!r}; {needed} is needed")

    def settings(self) -> dict[str, object]:
        """Return all settings as JSON values, by name.

        Examples
        --------
        >>> Policy(remove_kinds=("control",)).settings()["remove_kinds"]
        ['control']
        """
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in values.items()}


def restore_policy(settings: Mapping[str, Any]) -> Policy:
    """Return the policy that has these settings.

    Parameters
    ----------
    settings : of :meth:`Policy.settings`, as they come back from JSON.

    Raises
    ------
    UsageError
        A setting is unknown, or no value of its kind.

    Examples
    --------
    >>> restore_policy(Policy(remove_kinds=("control",)).settings()).remove_kinds
    ('control',)
    """
    return _parse(settings, where="the recorded policy", name="none")


def policy_names() -> tuple[str, ...]:
    """Return the names of the policies that come with the package.

    Examples
    --------
    >>> policy_names()
    ('default', 'shen2025', 'strict')
    """
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    files = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in files if name.endswith(".toml")))


def load_policy(source: str | Path) -> Policy:
    """Return a policy by its name, or from a TOML file of one's own.

    Parameters
    ----------
    source : a name of `policy_names`; or a file whose name ends in ``.toml``, with the parameters
        of `Policy` as keys. What the file does not name is off.

    Raises
    ------
    UsageError
        There is no policy of that name, or a key is unknown.
    InputError
        The file is absent or no TOML.

    Examples
    --------
    >>> load_policy("shen2025").max_missing_per_assay
    0.5
    """
    if str(source).endswith(".toml"):
        path = Path(source)
        return _parse(read_toml(path), where=str(path), name=path.stem)
    name, names = str(source), policy_names()
    if name not in names:
        hint = nearest(name, names)
        raise UsageError(
            f"no policy {name!r}{hint}; known: {', '.join(names)}, or a file that ends in .toml"
        )
    file = importlib.resources.files("proteomr.schemas") / _FOLDER / f"{name}.toml"
    return _parse(tomllib.loads(file.read_text(encoding="utf-8")), where=name, name=name)


def _parse(facts: Mapping[str, Any], *, where: str, name: str) -> Policy:
    settings = [entry.name for entry in fields(Policy)]
    for key in facts:
        if key not in settings:
            raise UsageError(f"{where}: a policy has no setting {key!r}{nearest(key, settings)}")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}
    try:
        return Policy(**({"name": name} | values))  # refuses itself what is wrong in kind
    except UsageError as fault:
        raise UsageError(f"{where}: {fault}") from None
