"""The table of tests of several coefficients at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from proteomr.tables.table import Table

__all__ = ["JointTests"]


@dataclass(frozen=True, slots=True)
class JointTests(Table):
    """One row for each protein, exposure or outcome, adjustment set, stratum and test.

    Parameters
    ----------
    frame : the rows, with the columns of ``proteomr schema joint_tests``.
    provenance : what made the table.

    Raises
    ------
    ColumnError
        The frame lacks a column, has one too many, or holds what a column may not hold.

    Examples
    --------
    >>> from proteomr.tables import load_schema
    >>> JointTests(load_schema("joint_tests").empty()).frame.height
    0
    """

    schema_name: ClassVar[str] = "joint_tests"
