"""Definitions of phenotypes: read from TOML, put together, and checked as a whole."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

from proteomr.errors import FormatError, UsageError, nearest
from proteomr.phenotype.definitions.draft import Draft, apply_alternatives, read_draft
from proteomr.phenotype.definitions.field_codes import check_codes
from proteomr.phenotype.definitions.rule import Rule, parse_rule
from proteomr.phenotype.definitions.toml import write_toml
from proteomr.phenotype.keys import Keys
from proteomr.phenotype.outcomes.reading import OutcomeRules, parse_outcomes
from proteomr.provenance import canonical_json

__all__ = ["Definition", "definition_names", "load_definition"]

_FOLDER: Final = "definitions"


@dataclass(frozen=True, slots=True)
class Definition:
    """Rules, each for one column, and outcomes, as they are in force.

    Parameters
    ----------
    name, title, reference : what it is called, and the study that it follows.
    rules : by name, each after those that it needs.
    outcomes : of the follow-up; None where the definition has none.
    facts : all of it as plain values, alternatives in force.
    alternatives : chosen alternative of a rule, by the name of the rule.
    notes : what a user should know, such as a rule that replaces another.
    sources : names and files that were asked for.
    files : those that were read and are not shipped, what they extend and include among them.

    Examples
    --------
    >>> "isolation" in load_definition("shen2025").rules
    True
    """

    name: str
    title: str
    reference: str
    rules: Mapping[str, Rule]
    outcomes: OutcomeRules | None = None
    facts: Mapping[str, Any] = field(default_factory=dict[str, Any])
    alternatives: Mapping[str, str] = field(default_factory=dict[str, str])
    notes: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()

    @property
    def fields(self) -> frozenset[int]:
        """All fields that rules and outcomes read."""
        return frozenset(self.needs)

    @property
    def needs(self) -> Mapping[int, tuple[str, ...]]:
        """Fields in ascending order, each with the rules and outcomes that read it."""
        readers: dict[int, list[str]] = {}
        for rule in self.rules.values():
            for number in rule.fields:
                readers.setdefault(number, []).append(rule.name)
        if self.outcomes is not None:
            for number, names in self.outcomes.needs.items():
                readers.setdefault(number, []).extend(names)
        return {number: tuple(readers[number]) for number in sorted(readers)}

    @property
    def digest(self) -> str:
        """SHA-256 of what is in force: the same rules, the same digest."""
        return hashlib.sha256(canonical_json(_plain(self.facts))).hexdigest()

    def select(self, names: Iterable[str]) -> tuple[Rule, ...]:
        """Return the rules of these names and all that they need, in order; all for no names.

        Raises
        ------
        UsageError
            There is no rule of a name.

        Examples
        --------
        >>> chosen = load_definition("shen2025").select(["loneliness_score"])
        >>> [rule.name for rule in chosen]
        ['often_lonely', 'low_confiding', 'loneliness_score']
        """
        waiting, wanted = list(names), set[str]()
        if not waiting:
            return tuple(self.rules.values())
        while waiting:
            name = waiting.pop()
            if name not in self.rules:
                raise UsageError(f"no rule {name!r} in {self.name}{nearest(name, self.rules)}")
            if name not in wanted:
                wanted.add(name)
                waiting.extend(self.rules[name].needs)
        return tuple(rule for rule in self.rules.values() if rule.name in wanted)

    def to_toml(self) -> str:
        """Write the definition as it is in force, as a file that can be read back."""
        return write_toml(self.facts)


def definition_names() -> tuple[str, ...]:
    """Return the names of the definitions that are shipped, in alphabetical order.

    Examples
    --------
    >>> "shen2025" in definition_names()
    True
    """
    return tuple(sorted(name for name in _shipped() if not name.endswith("-outcomes")))


def load_definition(
    *sources: str | Path, alternatives: Mapping[str, str] | None = None
) -> Definition:
    """Return a definition, or several put together, with its alternatives in force.

    A definition may build on others (``extends``), take in further files (``include``) and choose
    alternatives (``use``). A rule written again replaces the earlier one as a whole, with a note;
    outcomes are those of the last file that has any.

    Parameters
    ----------
    sources : names of shipped definitions, or paths of TOML files, the later over the earlier.
    alternatives : alternative to use, by the name of the rule that offers it.

    Raises
    ------
    UsageError
        No definition, rule or alternative of a name.
    FormatError
        A file that is no definition: not TOML, unknown or missing keys, values of another type,
        codes that the field does not have, sources that do not exist, rules that need each other.

    Examples
    --------
    >>> load_definition("shen2025", alternatives={"isolation": "monthly"}).alternatives
    {'isolation': 'monthly'}
    """
    if not sources:
        raise UsageError("no definition is named; give one or several")
    notes: list[str] = []
    draft = Draft()
    for source in sources:
        draft = draft.over(read_draft(source, shipped=_shipped()), notes=notes)
    chosen = {**draft.use, **(alternatives or {})}
    tables = apply_alternatives(draft, chosen)
    rules: dict[str, Rule] = {}
    for name, (table, file) in tables.items():
        for rule in parse_rule(name, table, file=file):
            if rule.name in rules:
                raise Keys({}, file=file).fault(f"the column {rule.name!r} is made by two rules")
            check_codes(rule)
            rules[rule.name] = rule
    outcomes = None
    if draft.outcomes:
        outcomes = parse_outcomes(draft.outcomes, source=draft.outcomes_file)
        for column in (name for outcome in outcomes.outcomes for name in outcome.columns):
            if column in rules:
                file = draft.outcomes_file
                raise Keys({}, file=file).fault(f"the column {column!r} is made by a rule too")
    facts = {
        **{key: text for key, text in draft.heading.items() if text},
        **draft.outcomes,
        "rule": {name: table for name, (table, _) in tables.items()},
    }
    return Definition(
        **{key: draft.heading.get(key, "") for key in ("name", "title", "reference")},
        rules=_in_order(rules),
        outcomes=outcomes,
        facts=facts,
        alternatives=dict(sorted(chosen.items())),
        notes=tuple(notes),
        sources=tuple(map(str, sources)),
        files=draft.files,
    )


def _in_order(rules: Mapping[str, Rule]) -> dict[str, Rule]:
    """Return the rules, each after those that it needs, else in the order written."""
    for rule in rules.values():
        for need in rule.needs:
            if need not in rules:
                place = Keys({}, file=rule.file, where=f"rule {rule.name!r}")
                raise place.fault(f"there is no rule {need!r}{nearest(need, rules)}", key="rules")
    try:
        tuple(TopologicalSorter({r.name: r.needs for r in rules.values()}).static_order())
    except CycleError as fault:
        circle: Sequence[str] = fault.args[1]
        file = rules[circle[0]].file
        message = f"the rules need each other in a circle: {' -> '.join(reversed(circle))}"
        raise FormatError(message, path=file) from None
    ordered: dict[str, Rule] = {}
    for rule in rules.values():
        ordered.update((needed.name, needed) for needed in _walk(rule, rules))
    return ordered


def _walk(rule: Rule, rules: Mapping[str, Rule]) -> Iterator[Rule]:
    for need in rule.needs:
        yield from _walk(rules[need], rules)
    yield rule


def _shipped() -> dict[str, str]:
    """Return the text of each shipped definition by its name."""
    folder = importlib.resources.files("proteomr.schemas") / _FOLDER
    return {
        entry.name.removesuffix(".toml"): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    }


def _plain(value: Any) -> Any:
    """Return a value of TOML as JSON can hold it."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value.isoformat() if isinstance(value, date) else value
