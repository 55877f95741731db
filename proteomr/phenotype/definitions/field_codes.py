"""What the dictionary of UK Biobank fields says of the fields and codes that rules use."""

from __future__ import annotations

from proteomr.errors import FormatError
from proteomr.phenotype.definitions.one_question import Recode
from proteomr.phenotype.definitions.rule import Rule
from proteomr.phenotype.keys import Code
from proteomr.tables.dictionary import FieldInfo, load_dictionary

__all__ = ["check_codes", "describe_field", "label_value", "resolve_instance"]


def resolve_instance(field: int, *, instance: int) -> int:
    """Return the instance under which a field stands: 0 where it is asked once in a life.

    Examples
    --------
    >>> resolve_instance(31, instance=2), resolve_instance(709, instance=2)
    (0, 2)
    """
    entry = _find(field)
    return instance if entry is None or entry.instances else 0


def describe_field(field: int) -> str:
    """Return a field with its title, for a message.

    Examples
    --------
    >>> describe_field(709)
    '709 (Number in household)'
    """
    entry = _find(field)
    return f"{field} ({entry.title})" if entry is not None else str(field)


def check_codes(rule: Rule) -> None:
    """Refuse codes that a field does not have, and codes of a field that a rule says nothing of.

    Parameters
    ----------
    rule : with the fields that it reads.

    Raises
    ------
    FormatError
        A code is not in the field's coding, or is neither in a level nor missing.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.rule import parse_rule
    >>> facts = {"title": "", "kind": "recode", "field": 31, "levels": {"1": [1], "0": [2]}}
    >>> check_codes(parse_rule("sex", facts, file="mine.toml")[0])
    Traceback (most recent call last):
    ...
    proteomr.errors.FormatError: mine.toml: rule 'sex': field 31 (Sex) has no code 2; it has ...
    """
    for field in sorted(rule.fields):
        meanings = _meanings(field, whole=True)
        if meanings is None:
            continue
        levels = rule.formula.codes if isinstance(rule.formula, Recode) else ()
        used = (*levels, *rule.reading.missing, *rule.reading.replace)
        place = f"rule {rule.name!r}: field {describe_field(field)}"
        for code in used:
            if code not in meanings:
                codes = ", ".join(map(str, meanings))
                raise FormatError(f"{place} has no code {code}; it has {codes}", path=rule.file)
        unused = [code for code in meanings if code not in used]
        if isinstance(rule.formula, Recode) and unused:
            first = f"code {unused[0]} ({meanings[unused[0]]})"
            message = f"{place}: {first} stands neither in a level nor in 'missing'"
            raise FormatError(message, path=rule.file)


def label_value(rule: Rule, value: str) -> str | None:
    """Return what a value of a rule means, None where nothing is known.

    Parameters
    ----------
    rule : its labels come first; then the meaning of the one code of a level, or of a copied code.
    value : as text.

    Examples
    --------
    >>> from proteomr.phenotype.definitions.rule import parse_rule
    >>> facts = {"title": "Site", "kind": "copy", "field": 54}
    >>> label_value(parse_rule("site", facts, file="mine.toml")[0], "11002")
    'Oxford'
    """
    if value in rule.labels:
        return rule.labels[value]
    code: Code = int(value) if value.lstrip("-").isdecimal() else value
    if isinstance(rule.formula, Recode):
        codes = rule.formula.levels.get(value, ())
        if len(codes) != 1:
            return None
        code = codes[0]
    elif rule.formula.kind != "copy":
        return None
    for field in sorted(rule.fields):
        meanings = _meanings(field, whole=False)
        if meanings is not None and code in meanings:
            return meanings[code]
    return None


def _meanings(field: int, *, whole: bool) -> dict[Code, str] | None:
    """Return the codes of a field that are known; None where there are none, or not all."""
    entry = _find(field)
    if entry is None or entry.coding is None or entry.kind != "code":
        return None
    if whole and not entry.complete:
        return None
    return dict(load_dictionary().meanings(entry.coding))


def _find(field: int) -> FieldInfo | None:
    dictionary = load_dictionary()
    return dictionary.field(field) if dictionary.knows(field) else None
