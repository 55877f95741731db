"""Methods chosen by name, with their parameters: ``ivw(robust=true),weighted_mode(phi=0.5)``."""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import polars as pl

from proteomr.errors import UsageError, nearest
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.base import Convention
from proteomr.mr.methods.method import Declared, Method
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS
from proteomr.mr.multivariable.base import MultivariableMethod

__all__ = [
    "build_joint_methods",
    "build_methods",
    "is_joint",
    "list_methods",
    "method_keys",
    "name_methods",
    "spell_methods",
    "split_methods",
]

_SHARED: Final = ("convention", "draws", "sample_size", "heidi", "ld_people", "instruments_p")
"""Parameters that a run gives to every method that has them."""
_RESISTANT: Final = (
    "invalid variants are named in the table outliers, and borne by weighted_median, "
    "weighted_mode, presso, mrmix, conmix, lasso and cml"
)
_NOT_HERE: Final = (  # names of methods elsewhere, and what there is instead
    ("heidi horse bwmr clust mrclust", _RESISTANT),
    ("lap mrlap lhc lhcmr apss mrapss", "--overlap bounds the bias of shared people (table reach)"),
    ("lcv", "the direction is tested in the table steiger, and by --reverse"),
    ("coloc susie colocalisation smr", "proteomr coloc compares traits region by region"),
    ("bma mrbma", "several exposures are for mv_ivw, mv_egger and the others of mv_"),
    ("steiger", "it is no estimator: the table steiger is always written, --steiger-filter drops"),
)
Kind = TypeVar("Kind", bound=Declared)


def method_keys() -> tuple[str, ...]:
    """Return the keys of all methods for one exposure.

    Examples
    --------
    >>> "ivw" in method_keys()
    True
    """
    return tuple(kind.key for kind in METHOD_CLASSES)


def split_methods(text: str) -> tuple[str, ...]:
    """Return the methods of a list, parted at the commas outside parentheses.

    Raises
    ------
    UsageError
        A parenthesis has no partner.

    Examples
    --------
    >>> split_methods("ivw(robust=true, psi=0.1), egger")
    ('ivw(robust=true, psi=0.1)', 'egger')
    """
    parts, depth = [""], 0
    for letter in text:
        depth += {"(": 1, ")": -1}.get(letter, 0)
        if depth not in {0, 1}:
            break
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    if depth:
        raise UsageError(f"{text!r}: a parenthesis has no partner")
    return tuple(part.strip() for part in parts)


def build_methods(
    names: Sequence[str],
    *,
    convention: Convention = "twosamplemr",
    draws: int = 1000,
    n_exposure: float | None = None,
    further: Mapping[str, object] | None = None,
) -> tuple[Method, ...]:
    """Return methods by their names, in the order given.

    A name is a key, a title (``Inverse variance weighted``), or what TwoSampleMR or
    MendelianRandomization call the method (``mr_ivw``), in any case and with any marks between its
    words; alone or with parameters in parentheses: ``ivw(robust=true,penalised=true)``. What stands
    there goes before what the run gives to all.

    Parameters
    ----------
    names : of the methods; ``all`` stands for every one.
    convention : whose defaults they follow where the field's two packages differ.
    draws : of those that draw random numbers for their standard errors.
    n_exposure : sample size for the methods that need one; None for the data's own.
    further : more parameters by name, for the methods that have them.

    Raises
    ------
    UsageError
        A name, a parameter or a value is unknown, a method is asked for twice in the same form, or
        too few draws are asked for.

    Examples
    --------
    >>> [method.key for method in build_methods(["ivw", "mr_egger_regression"])]
    ['ivw', 'egger']
    >>> build_methods(["weighted_mode(phi=0.5)"])[0].phi
    0.5
    """
    shared: dict[str, object] = {"convention": convention, "draws": draws}
    shared |= {"sample_size": n_exposure, **(further or {})}
    if draws < 2:
        raise UsageError(f"{draws} bootstraps: two or more are needed")
    methods = _build(names, METHOD_CLASSES, shared)
    name_methods(methods)
    return methods


def build_joint_methods(
    names: Sequence[str], *, n_exposure: float | None = None
) -> tuple[MultivariableMethod, ...]:
    """Return methods for several exposures by their names; see `build_methods`.

    Parameters
    ----------
    names : of the methods; ``all`` stands for every one.
    n_exposure : sample size for the methods that need one; None for the data's own.

    Raises
    ------
    UsageError
        As `build_methods`.

    Examples
    --------
    >>> build_joint_methods(["mv_median(draws=200)"])[0].draws
    200
    """
    methods = _build(names, MULTIVARIABLE_METHODS, {"sample_size": n_exposure})
    name_methods(methods)
    return methods


def is_joint(name: str) -> bool:
    """Tell whether a name is of a method for several exposures, with or without parameters.

    Examples
    --------
    >>> is_joint("mv_ivw(robust=true)"), is_joint("mr_mvegger"), is_joint("ivw")
    (True, True, False)
    """
    plain = _fold(name.partition("(")[0])
    known = {
        _fold(text)
        for kind in MULTIVARIABLE_METHODS
        for text in (kind.key, *kind.aliases, kind.label)
    }
    return plain in known or plain.startswith("mv ")


def name_methods(methods: Sequence[Declared]) -> tuple[str, ...]:
    """Return the name of each method in the tables: its key, with the parameters that it has.

    Named are the parameters that differ from the method's defaults. Those that a run gives to all
    methods alike (convention, draws, sample size) stand in its manifest, and are named only where
    two methods would otherwise have one name.

    Raises
    ------
    UsageError
        Two methods are the same.

    Examples
    --------
    >>> name_methods(build_methods(["ivw", "ivw(robust=true)"]))
    ('ivw', 'ivw(robust=true)')
    >>> name_methods(build_methods(["egger(convention=mendelianrandomization)", "egger"]))
    ('egger(convention=mendelianrandomization)', 'egger')
    """
    short = [_describe(method, hidden=_SHARED) for method in methods]
    whole = [_describe(method, hidden=()) for method in methods]
    names = [a if short.count(a) == 1 else b for a, b in zip(short, whole, strict=True)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{name}: a method is named twice; name each once in the same form")
    return tuple(names)


def spell_methods(methods: Sequence[Declared]) -> tuple[str, ...]:
    """Return methods with all their parameters, so that they can be built again from the text.

    Examples
    --------
    >>> spell_methods(build_methods(["mr_ivw_fe", "simple_median"], draws=50))
    ('ivw_fe', 'simple_median(draws=50)')
    >>> spelt = spell_methods(build_methods(["weighted_median"], draws=50))
    >>> spell_methods(build_methods(spelt)) == spelt
    True
    """
    return tuple(_write_method(method, _parameters(type(method))) for method in methods)


def list_methods() -> pl.DataFrame:
    """Return every method with what it needs, its parameters and its source, a row each.

    Returns
    -------
    table : ``key``, ``label``, ``exposures`` (one or several), ``min_variants``, ``needs``,
        ``stochastic``, ``parameters`` with their defaults, ``aliases`` and ``reference`` (a DOI).

    Examples
    --------
    >>> list_methods().filter(key="divw").select("label", "min_variants", "parameters").row(0)
    ('Debiased inverse variance weighted', 1, 'over_dispersion=true')
    """
    kinds: list[type[Declared]] = [*METHOD_CLASSES, *MULTIVARIABLE_METHODS]
    return pl.DataFrame(
        {
            "key": [kind.key for kind in kinds],
            "label": [kind.label for kind in kinds],
            "exposures": ["one"] * len(METHOD_CLASSES) + ["several"] * len(MULTIVARIABLE_METHODS),
            "min_variants": [kind.min_variants for kind in kinds],
            "needs": [", ".join(_list_needs(kind)) for kind in kinds],
            "stochastic": [kind.stochastic for kind in kinds],
            "parameters": [
                ", ".join(f"{name}={_write(default)}" for name, _, default in _parameters(kind))
                for kind in kinds
            ],
            "aliases": [", ".join(kind.aliases) for kind in kinds],
            "reference": [kind.reference for kind in kinds],
        }
    )


def _list_needs(kind: type[Declared]) -> list[str]:
    needs = ["sample sizes"] if kind.needs_sample_size else []
    if kind.needs_correlations:
        needs.append("correlations of the variants (--ld)")
    if kind.needs_genome:
        needs.append("whole studies, and correlations (--ld)")
    if kind.every_effect:
        needs.append("an effect of every variant on the exposure")
    if kind.max_variants is not None:
        needs.append(f"at most {kind.max_variants} variant{'s'[: kind.max_variants - 1]}")
    return needs


def _build(
    names: Sequence[str], kinds: Sequence[type[Kind]], shared: Mapping[str, object]
) -> tuple[Kind, ...]:
    keys = [kind.key for kind in kinds]
    wanted = [name for part in names for name in (keys if part == "all" else (part,))]
    return tuple(_configure(name, kinds, shared) for name in wanted)


def _configure(text: str, kinds: Sequence[type[Kind]], shared: Mapping[str, object]) -> Kind:
    name, opened, rest = text.strip().partition("(")
    titles = {text.casefold() for kind in kinds for text in (kind.label, *kind.aliases)}
    if text.strip().casefold() in titles:  # some have parentheses: MR Egger (bootstrap)
        name, opened, rest = text.strip(), "", ""
    if bool(opened) != rest.endswith(")"):
        raise UsageError(f"{text!r}: a parenthesis has no partner")
    kind = _find(name.strip(), kinds)
    hints = {parameter: hint for parameter, hint, _ in _parameters(kind)}
    values: dict[str, object] = {}
    for part in rest.removesuffix(")").split(",") if rest else []:
        parameter, equals, value = (piece.strip() for piece in part.partition("="))
        if not (parameter and equals and value):
            raise UsageError(f"{text!r}: parameters stand as name=value, between commas")
        if parameter not in hints:
            hint = nearest(parameter, hints)
            choices = ", ".join(hints) or "none"
            raise UsageError(f"{kind.key} has no parameter {parameter!r}{hint}; it has: {choices}")
        if parameter in values:
            raise UsageError(f"{text!r}: {parameter} is given twice")
        values[parameter] = _read(value, hints[parameter], f"{kind.key}: {parameter}")
    common = {name: value for name, value in shared.items() if name in hints and value is not None}
    return kind(**common | values)


def _find(name: str, kinds: Sequence[type[Kind]]) -> type[Kind]:
    spelt = {text: kind for kind in kinds for text in (kind.key, *kind.aliases, kind.label)}
    found = {_fold(text): kind for text, kind in spelt.items()}.get(_fold(name))
    if found is not None:
        return found
    keys = [kind.key for kind in kinds]
    elsewhere = _fold(name).removeprefix("mr ").replace(" ", "")
    for names, answer in _NOT_HERE:
        if elsewhere in names.split():
            message = f"the method {name!r} is not in this version: {answer}; --list prints all"
            raise UsageError(message)
    hint = nearest(name, [*spelt, *keys])  # of two spellings of one word the last is named
    raise UsageError(f"no method {name!r}{hint}; known: {', '.join(keys)}, or all")


def _fold(name: str) -> str:
    """Return what two spellings of a name have in common: letters and digits, whatever the case."""
    return re.sub(r"[^a-z0-9]+", " ", name.casefold()).strip()


@functools.cache  # hints are read from words anew each time, a millisecond for a name of a method
def _parameters(kind: type[Declared]) -> tuple[tuple[str, object, object], ...]:
    """Name, type and default of each parameter that a name can give."""
    hints = get_type_hints(kind)
    fields = dataclasses.fields(kind)
    return tuple(
        (field.name, hints[field.name], field.default)
        for field in fields
        if _list_types(hints[field.name])
    )


def _list_types(hint: object) -> tuple[object, ...]:
    """Return the simple types that a hint allows; none for one that no word can express."""
    if get_origin(hint) is Literal or hint in {bool, int, float, str}:
        return (hint,)
    parts = get_args(hint)
    simple = tuple(part for part in parts if part is type(None) or _list_types(part))
    return simple if parts and len(simple) == len(parts) else ()


def _read(text: str, hint: object, where: str) -> object:
    """Return a value of the type that a parameter has."""
    kinds = _list_types(hint)
    words = {word: value for kind in kinds for word, value in (_list_words(kind) or {}).items()}
    if text.lower() in words:
        return words[text.lower()]
    if str in kinds:
        return text
    wanted = list(words)
    for kind in [kind for kind in kinds if _list_words(kind) is None]:
        wanted.append("a whole number" if kind is int else "a finite number")
        number = _read_number(text, whole=kind is int)
        if number is not None:
            return number
    raise UsageError(
        f"{where} cannot be {text!r}{nearest(text, wanted)}; it takes: {', '.join(wanted)}"
    )


def _list_words(kind: object) -> dict[str, object] | None:
    """Return the words that a type has for its values; None where it is not a closed choice."""
    if kind is bool:
        return {"true": True, "false": False}
    if kind is type(None):
        return {"none": None}
    return {str(word): word for word in get_args(kind)} if get_origin(kind) is Literal else None


def _read_number(text: str, *, whole: bool) -> float | None:
    try:
        number = int(text) if whole else float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _describe(method: Declared, *, hidden: Sequence[str]) -> str:
    shown = [
        entry
        for entry in _parameters(type(method))
        if entry[0] not in hidden and getattr(method, entry[0]) != entry[2]
    ]
    return _write_method(method, shown)


def _write_method(method: Declared, parameters: Sequence[tuple[str, object, object]]) -> str:
    settings = [f"{name}={_write(getattr(method, name))}" for name, _, _ in parameters]
    return f"{method.key}({','.join(settings)})" if settings else method.key


def _write(value: object) -> str:
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
