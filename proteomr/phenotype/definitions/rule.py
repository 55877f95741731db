"""One rule of a definition: from which answers, by which kind, into which column, and why."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from proteomr.errors import nearest
from proteomr.phenotype.answers import Reading, Summary
from proteomr.phenotype.definitions.kinds import KINDS, Kind
from proteomr.phenotype.definitions.one_question import Component, Copy, Recode
from proteomr.phenotype.keys import Keys

__all__ = ["Certainty", "PublishedValues", "Role", "Rule", "Source", "parse_rule"]

Role: TypeAlias = Literal["exposure", "item", "covariate", "additional"]
Certainty: TypeAlias = Literal["high", "medium", "low"]

_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_MEANINGS: Final = {-1: "do not know", -3: "prefer not to answer"}
_TOLERANCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule takes its answers from: a field, a column of the file, or another rule.

    Parameters
    ----------
    name : of the column or rule; for a field, ``field 709``.
    field : number of the field; None for a column or a rule.
    instance : of the field; None for the one that is asked for at derivation.
    is_rule : whether it is another rule.

    Examples
    --------
    >>> Source("field 709", field=709).is_rule
    False
    """

    name: str
    field: int | None = None
    instance: int | None = None
    is_rule: bool = False


@dataclass(frozen=True, slots=True)
class PublishedValues:
    """What a study reports of a column, and how far off is far.

    Parameters
    ----------
    shares : share of people by value, of those who have one.
    mean, sd : of a number; None where not reported.
    tolerance : a share is far when it is over ``1 + tolerance`` times the published one, or under
        it divided by that; a mean, when it is off by more than `tolerance` standard deviations.

    Examples
    --------
    >>> PublishedValues({"1": 0.093}).tolerance
    0.5
    """

    shares: Mapping[str, float] = field(default_factory=dict[str, float])
    mean: float | None = None
    sd: float | None = None
    tolerance: float = _TOLERANCE


@dataclass(frozen=True, slots=True)
class Rule:
    """How one column is made.

    Parameters
    ----------
    name : of the column.
    title : what it says.
    formula : the kind of rule, with its numbers.
    sources : where the answers come from, in order.
    reading : codes for no answer, and the range of the others.
    role : what the column is for; the flow follows exposures and covariates.
    labels : what a value means, by the text of the value.
    summary : whether it is counted by its levels, or has a mean.
    published : what the study reports.
    evidence, certainty : what the rule rests on, and how sure that is.
    optional : whether it is left out where its sources are absent.
    keep : whether the column is written, and not only used by other rules.
    watch : answers that are taken as any other, but counted on a line of their own.
    file : the definition that it comes from.
    """

    name: str
    title: str
    formula: Kind
    sources: tuple[Source, ...]
    reading: Reading = field(default_factory=Reading)
    role: Role = "additional"
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    summary: Summary = "levels"
    published: PublishedValues = field(default_factory=PublishedValues)
    evidence: str = ""
    certainty: Certainty = "high"
    optional: bool = False
    keep: bool = True
    watch: tuple[int, ...] = ()
    file: str = ""

    @property
    def fields(self) -> frozenset[int]:
        """Fields that the rule reads itself."""
        return frozenset(source.field for source in self.sources if source.field is not None)

    @property
    def columns(self) -> frozenset[str]:
        """Columns of no field that the rule reads itself."""
        named = (source for source in self.sources if source.field is None and not source.is_rule)
        return frozenset(source.name for source in named)

    @property
    def needs(self) -> tuple[str, ...]:
        """Rules that the rule takes its answers from."""
        return tuple(source.name for source in self.sources if source.is_rule)

    @property
    def any_source(self) -> bool:
        """Whether one of its sources is enough."""
        return isinstance(self.formula, Copy)


def parse_rule(name: str, facts: Mapping[str, Any], *, file: str) -> tuple[Rule, ...]:
    """Return the rule that a table describes; one for each component where it has several.

    Parameters
    ----------
    name : of the rule, and of its column.
    facts : the table ``[rule.NAME]``.
    file : name of the definition, for messages.

    Raises
    ------
    FormatError
        An unknown or missing key, a value of the wrong type, a kind that does not exist; with the
        file, the rule, the key and the nearest that is known.

    Examples
    --------
    >>> facts = {"title": "Lives alone", "kind": "threshold", "field": 709, "at_most": 1}
    >>> parse_rule("lives_alone", facts, file="mine.toml")[0].formula
    Threshold(relation='at_most', bound=1.0)
    """
    keys = Keys(facts, file=file, where=f"rule {name!r}")
    if not _NAME.fullmatch(name):
        raise keys.fault("a name of letters, digits and _ is needed, beginning with a letter")
    keys.has("alternative")  # read by the definition
    kind = KINDS[keys.choice("kind", tuple(KINDS))]
    formula = kind.parse(keys)
    rule = Rule(
        name=name,
        title=keys.text("title"),
        formula=formula,
        sources=_parse_sources(keys, formula),
        reading=_parse_reading(keys, formula),
        role=cast("Role", keys.choice("role", get_args(Role), "additional")),
        labels={key: str(text) for key, text in keys.table("labels").items()},
        summary=cast("Summary", keys.choice("summary", get_args(Summary), kind.summary)),
        published=_parse_published(keys),
        evidence=keys.text("evidence", ""),
        certainty=cast("Certainty", keys.choice("certainty", get_args(Certainty), "high")),
        optional=keys.yes("optional"),
        keep=not keys.yes("hidden"),
        watch=keys.wholes("watch"),
        file=file,
    )
    keys.finish()
    if not isinstance(formula, Component):
        return (rule,)
    return tuple(
        replace(rule, name=f"{name}{place}", formula=Component(place))
        for place in range(1, formula.place + 1)
    )


def _parse_sources(keys: Keys, formula: Kind) -> tuple[Source, ...]:
    ways = ("field", "column", "rule")
    ways_used = [way for way in ways if keys.has(way) or keys.has(f"{way}s")]
    if formula.kind == "linear" and not ways_used:
        names = tuple(keys.weights("weights"))
        return tuple(Source(name, is_rule=True) for name in names)
    if len(ways_used) != 1:
        raise keys.fault(f"its source is needed: one of {', '.join(ways)}, or {'s, '.join(ways)}s")
    (way,) = ways_used
    key = way if keys.has(way) else f"{way}s"
    if way == "field":
        instance = keys.whole("instance") if keys.has("instance") else None
        numbers = keys.wholes(key)
        sources = tuple(Source(f"field {n}", field=n, instance=instance) for n in numbers)
    else:
        sources = tuple(Source(name, is_rule=way == "rule") for name in keys.texts(key))
    least, most = formula.parts
    if len(sources) < least or (most is not None and len(sources) > most):
        wanted = f"{least}" if most == least else f"at least {least}"
        message = f"{wanted} needed for the kind {formula.kind!r}, {len(sources)} given"
        raise keys.fault(message, key=key)
    if len(set(sources)) < len(sources):
        raise keys.fault("the same source stands twice", key=key)
    return sources


def _parse_reading(keys: Keys, formula: Kind) -> Reading:
    """Take the codes; a negative number that is not declared is no answer, but a fault."""
    missing = {code: _MEANINGS.get(code, "no answer") for code in keys.wholes("missing")}
    replaced = {
        int(code) if code.lstrip("-").isdecimal() else _refuse_code(keys, code): number
        for code, number in keys.weights("replace").items()
    }
    if isinstance(formula, Recode):
        if both := [code for code in missing if code in formula.codes]:
            raise keys.fault(f"code {both[0]} stands in a level too", key="missing")
        return Reading(missing)
    return Reading(
        missing,
        replace=replaced,
        minimum=keys.maybe_number("minimum"),
        maximum=keys.maybe_number("maximum"),
    )


def _refuse_code(keys: Keys, code: str) -> int:
    raise keys.fault(f"a whole number is needed, {code!r} was found", key="replace")


def _parse_published(keys: Keys) -> PublishedValues:
    table = keys.table("published")
    moments = {"mean", "sd"}
    for key, value in table.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise keys.fault("a number is needed", key=f"published.{key}")
        if key not in moments and not 0 <= value <= 1:
            hint = nearest(key, moments)
            raise keys.fault(f"a share from 0 to 1 is needed{hint}", key=f"published.{key}")
    tolerance = keys.number("tolerance", _TOLERANCE)
    if tolerance <= 0:
        raise keys.fault("a number above 0 is needed", key="tolerance")
    shares = {key: float(value) for key, value in table.items() if key not in moments}
    return PublishedValues(shares, table.get("mean"), table.get("sd"), tolerance)
