"""The files of a definition as tables, before they are checked: extended, included, replaced."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from proteomr.border import read_toml, reading
from proteomr.errors import FormatError, UsageError, nearest
from proteomr.phenotype.keys import Keys
from proteomr.phenotype.outcomes.reading import merge_outcomes

__all__ = ["Draft", "apply_alternatives", "read_draft"]

_HEADING: Final = ("name", "title", "reference")
_OUTCOMES: Final = ("follow_up", "outcome")


@dataclass(frozen=True, slots=True)
class Draft:
    """What the files of a definition hold.

    Parameters
    ----------
    heading : name, title and reference, of the last file that is no inclusion.
    rules : table and file of each rule.
    outcomes : the tables of follow-up and outcomes.
    outcomes_file : the file that these are in.
    use : alternatives that the files choose, by the name of the rule.
    files : those that are no shipped definitions, each once.
    """

    heading: Mapping[str, str] = field(default_factory=dict[str, str])
    rules: Mapping[str, tuple[dict[str, Any], str]] = field(
        default_factory=dict[str, tuple[dict[str, Any], str]]
    )
    outcomes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    outcomes_file: str = ""
    use: Mapping[str, str] = field(default_factory=dict[str, str])
    files: tuple[Path, ...] = ()

    def over(self, later: Draft, *, notes: list[str]) -> Draft:
        """Return both, the later in place of the earlier; what is replaced is noted."""
        for name in self.rules:
            if name in later.rules:
                before, after = self.rules[name][1], later.rules[name][1]
                notes.append(f"rule {name!r} of {before} is replaced by that of {after}")
        if self.outcomes and later.outcomes:
            notes.append(
                f"{later.outcomes_file} changes the outcomes or the follow-up of "
                f"{self.outcomes_file}"
            )
        return Draft(
            heading={**self.heading, **later.heading},
            rules={**self.rules, **later.rules},
            outcomes=merge_outcomes(self.outcomes, later.outcomes),
            outcomes_file=later.outcomes_file or self.outcomes_file,
            use={**self.use, **later.use},
            files=tuple(dict.fromkeys((*self.files, *later.files))),
        )


def read_draft(
    source: str | Path,
    *,
    shipped: Mapping[str, str],
    beside: Path | None = None,
    trail: tuple[str, ...] = (),
) -> Draft:
    r"""Return what a definition and the files that it builds on hold.

    Parameters
    ----------
    source : name of a shipped definition, or path of a file.
    shipped : text of each shipped definition by its name.
    beside : folder from which a path is looked for.
    trail : the files that have led to this one.

    Raises
    ------
    UsageError
        There is no definition of that name.
    FormatError
        A file that is not TOML, holds keys that no definition has, or leads back to itself.

    Examples
    --------
    >>> shipped = {"mine": 'title = "Mine"\n[rule.age]\nkind = "copy"\nfield = 21003\n'}
    >>> list(read_draft("mine", shipped=shipped).rules)
    ['age']
    """
    facts, file, folder = _read(source, shipped=shipped, beside=beside)
    trail = (*trail, file if folder is None else str(Path(file).resolve()))
    if trail[-1] in trail[:-1]:
        circle = " -> ".join(Path(name).name for name in trail[trail.index(trail[-1]) :])
        raise FormatError(f"the files build on each other in a circle: {circle}", path=file)
    keys = Keys(facts, file=file)
    heading = {key: keys.text(key, "") for key in _HEADING}
    heading["name"] = heading["name"] or Path(file).stem
    draft = Draft()
    for key in ("extends", "include"):
        for further in keys.texts(key):
            part = read_draft(further, shipped=shipped, beside=folder, trail=trail)
            draft = draft.over(part, notes=[])
    rules = {}
    for name, table in keys.table("rule").items():
        if not isinstance(table, dict):
            raise keys.fault("a table is needed", key=f"rule.{name}")
        rules[name] = (table, file)
    outcomes = {key: facts[key] for key in _OUTCOMES if keys.has(key)}
    use = {rule: str(name) for rule, name in keys.table("use").items()}
    keys.finish()
    own = Draft(
        {k: v for k, v in heading.items() if v},
        rules,
        outcomes,
        file if outcomes else "",
        use,
        () if folder is None else (Path(file),),
    )
    return draft.over(own, notes=[])


def apply_alternatives(
    draft: Draft, chosen: Mapping[str, str]
) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the tables of the rules with the keys that the chosen alternatives change.

    Parameters
    ----------
    draft : the files.
    chosen : name of the alternative, by the rule that offers it.

    Raises
    ------
    UsageError
        No rule, or no alternative of it, has the name.
    FormatError
        An alternative has other keys than title, evidence, certainty and change, or changes a rule
        that is not there.

    Examples
    --------
    >>> wide = {"title": "One item is enough", "change": {"score": {"at_least": 1}}}
    >>> rule = {"at_least": 2, "alternative": {"any": wide}}
    >>> tables = apply_alternatives(Draft(rules={"score": (rule, "mine.toml")}), {"score": "any"})
    >>> tables["score"][0]["at_least"]
    1
    """
    tables = {name: (dict(table), file) for name, (table, file) in draft.rules.items()}
    offered: dict[str, dict[str, dict[str, Any]]] = {}
    for name, (table, file) in tables.items():
        offered[name] = _parse_offers(name, table, file, rules=tables)
    for rule, alternative in chosen.items():
        if rule not in offered:
            raise UsageError(f"no rule {rule!r}{nearest(rule, _with_offers(offered))}")
        if alternative not in offered[rule]:
            alternatives = ", ".join(offered[rule]) or "none"
            hint = nearest(alternative, offered[rule])
            message = (
                f"rule {rule!r} has no alternative {alternative!r}{hint}; there is {alternatives}"
            )
            raise UsageError(message)
        for changed, values in offered[rule][alternative].items():
            tables[changed][0].update(values)
    return tables


def _with_offers(offered: Mapping[str, Mapping[str, object]]) -> list[str]:
    return [rule for rule, alternatives in offered.items() if alternatives]


def _parse_offers(
    rule: str, table: Mapping[str, Any], file: str, *, rules: Mapping[str, object]
) -> dict[str, dict[str, Any]]:
    """Return the changes of each alternative of a rule, by the names of the rules changed."""
    offers = Keys(table, file=file, where=f"rule {rule!r}").table("alternative")
    changes: dict[str, dict[str, Any]] = {}
    for name, facts in offers.items():
        where = f"alternative {name!r} of rule {rule!r}"
        if not isinstance(facts, dict):
            raise Keys({}, file=file, where=where).fault("a table is needed")
        keys = Keys(facts, file=file, where=where)
        keys.text("title")
        for key in ("evidence", "certainty"):
            keys.text(key, "")
        change = keys.table("change")
        keys.finish()
        for target, values in change.items():
            if target not in rules:
                raise keys.fault(f"there is no rule {target!r}{nearest(target, rules)}")
            if not isinstance(values, dict):
                raise keys.fault("a table is needed", key=f"change.{target}")
        changes[name] = change
    return changes


def _read(
    source: str | Path, *, shipped: Mapping[str, str], beside: Path | None
) -> tuple[dict[str, Any], str, Path | None]:
    """Return the content of a definition, its name for messages, and the folder that it is in."""
    name = str(source)
    if name in shipped:
        return tomllib.loads(shipped[name]), f"{name}.toml", None
    path = Path(source) if beside is None else beside / source
    with reading(path):  # a name in a definition may be none of a file at all
        there = path.exists()
    if path.suffix != ".toml" and not there:
        shown = ", ".join(sorted(entry for entry in shipped if not entry.endswith("-outcomes")))
        raise UsageError(
            f"no definition {name!r}{nearest(name, shipped)}; there is {shown}, or name a TOML file"
        )
    return read_toml(path), str(path), path.parent
