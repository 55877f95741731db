"""What is asked of the outcomes of a scan beside their names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from proteomr.design import Formula, parse
from proteomr.errors import UsageError, nearest
from proteomr.models import OUTCOME_TRANSFORMS, OutcomeTransform

__all__ = ["OutcomeOptions", "label_file"]

_LABELLED: Final = re.compile(r"\s*([\w.-]+)\s*=(?!=)\s*(.*\S)\s*", re.DOTALL)
_ONE: Final = "1"


@dataclass(frozen=True, slots=True)
class OutcomeOptions:
    """Files of outcomes, what their models adjust for, and the transform of outcomes.

    Attributes
    ----------
    covariates : of each file of outcomes, in their order, its label and the terms that join every
        adjustment set for its outcomes alone; ``1`` for none.
    transform : of continuous outcomes, within the complete cases of each fit; ``log`` is the
        natural logarithm.

    Raises
    ------
    UsageError
        There is no such transform.
    FormulaError
        Terms outside the grammar.

    Examples
    --------
    >>> options = OutcomeOptions.of(["brain"], {"brain": "C(site), volume"})
    >>> options.covariates
    (('brain', 'C(site) + volume'),)
    """

    covariates: tuple[tuple[str, str], ...] = ()
    transform: OutcomeTransform = "none"

    def __post_init__(self) -> None:
        if self.transform not in OUTCOME_TRANSFORMS:
            hint = nearest(self.transform, OUTCOME_TRANSFORMS)
            hint = hint or f": one of {', '.join(OUTCOME_TRANSFORMS)}"
            raise UsageError(f"there is no transform {self.transform!r} of outcomes{hint}")
        self.formulas()

    @classmethod
    def of(
        cls,
        labels: Sequence[str],
        covariates: Mapping[str, str] | None = None,
        *,
        transform: OutcomeTransform = "none",
    ) -> Self:
        """Take the labels of files, and the terms of some of them.

        Terms may be parted by commas, as names in a list are.

        Raises
        ------
        UsageError
            Terms are given for no file of that label.
        """
        terms = dict(covariates or {})
        for label in terms:
            if label not in labels:
                hint = nearest(label, labels) or f"; there are {', '.join(labels) or 'none'}"
                raise UsageError(f"covariates of outcomes {label!r}, which are in no file{hint}")
        return cls(tuple((label, _as_sum(terms.get(label, _ONE))) for label in labels), transform)

    @classmethod
    def read(
        cls,
        labels: Sequence[str],
        texts: Sequence[str],
        *,
        transform: OutcomeTransform = "none",
    ) -> Self:
        """Take terms as texts, ``LABEL=TERMS``, or without a label where there is one file.

        Examples
        --------
        >>> OutcomeOptions.read(["brain"], ["age_at_scan"]).covariates
        (('brain', 'age_at_scan'),)
        """
        terms: dict[str, str] = {}
        for text in texts:
            labelled = _LABELLED.fullmatch(text)
            if labelled is None and len(labels) != 1:
                raise UsageError(
                    f"covariates of outcomes {text!r}: say of which file, LABEL=TERMS with one of "
                    f"the labels {', '.join(labels)}"
                    if labels
                    else f"covariates of outcomes {text!r} need a file of outcomes"
                )
            label, said = (labels[0], text) if labelled is None else labelled.groups()
            if label in terms:
                raise UsageError(f"covariates of outcomes {label!r} are given twice")
            terms[label] = said
        return cls.of(labels, terms, transform=transform)

    def to_dict(self) -> dict[str, object]:
        """Return the options as JSON values."""
        return {
            "covariates": [[label, text] for label, text in self.covariates],
            "transform": self.transform,
        }

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Self:
        """Return the options that :meth:`to_dict` wrote."""
        return cls(tuple((label, text) for label, text in facts["covariates"]), facts["transform"])

    def formulas(self) -> dict[str, Formula]:
        """Return the covariates of each file, parsed, by label."""
        return {label: parse(text) for label, text in self.covariates}

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels of the files."""
        return tuple(label for label, _ in self.covariates)


def label_file(path: str | Path) -> str:
    """Return what a file is called where nothing else is said: its name without endings.

    Examples
    --------
    >>> label_file("data/brain.csv.gz")
    'brain'
    """
    return re.sub(r"(\.(csv|tsv|txt|parquet|gz))+$", "", Path(path).name)


def _as_sum(text: str) -> str:
    """Return terms that commas part, outside of parentheses and quotes, as a sum.

    Examples
    --------
    >>> _as_sum("C(site), poly(volume, 2)")
    'C(site) + poly(volume, 2)'
    """
    depth, mark, pieces = 0, "", [""]
    for letter in text:
        if mark:
            mark = "" if letter == mark else mark
        elif letter in "\"'`":
            mark = letter
        depth += {"(": 1, ")": -1}.get(letter, 0) if not mark else 0
        if letter == "," and not mark and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    return " + ".join(piece.strip() for piece in pieces)
