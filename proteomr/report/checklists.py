"""Checklists for readers and editors: what of their items a report can fill, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from typing import Any, Final

import polars as pl

from proteomr.border import read_toml
from proteomr.report.blocks import Block, TableBlock
from proteomr.report.causal_facts import CAUSAL_FACTS
from proteomr.report.cohort_facts import COHORT_FACTS
from proteomr.report.reading import Reported
from proteomr.report.score_facts import SCORE_FACTS

__all__ = ["fill_checklists", "list_facts"]

_LISTS: Final = ("strobe", "strobe_mr", "tripod")
_ABSENT: Final = "not provided"


def fill_checklists(reported: Reported) -> list[Block]:
    """Return each checklist as a table: item, what the runs say of it, and from where.

    A checklist of certain commands is there where one of them ran. What no run says is ``not
    provided``.
    """
    facts = list_facts(reported)
    lists = [_read(name) for name in _LISTS]
    return [
        _fill(listed, facts)
        for listed in lists
        if "commands" not in listed or reported.of(*listed["commands"])
    ]


def list_facts(reported: Reported) -> dict[str, tuple[str, str]]:
    """Return what the runs say, by the names that checklists ask by: text, and where it is from."""
    tellers = {**COHORT_FACTS, **CAUSAL_FACTS, **SCORE_FACTS}
    found = {name: tell(reported) for name, tell in tellers.items()}
    return {name: said for name, said in found.items() if said is not None}


def _read(name: str) -> dict[str, Any]:
    place = resources.files("proteomr.schemas") / "checklists" / f"{name}.toml"
    with resources.as_file(place) as path:
        return read_toml(path)


def _fill(listed: Mapping[str, Any], facts: Mapping[str, tuple[str, str]]) -> TableBlock:
    rows = []
    for item in listed["items"]:
        text, source = facts.get(item.get("fact", ""), (_ABSENT, ""))
        rows.append(
            {
                "item": item["number"],
                "part": item["part"],
                "asks for": item["asks"],
                "text": text,
                "from": source,
            }
        )
    return TableBlock(str(listed["name"]), pl.DataFrame(rows), str(listed["source"]))
