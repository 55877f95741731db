"""Reading the text of a formula: a closed grammar, in which a name is a column or a label.

::

    formula  = sum
    sum      = product { "+" product }
    product  = crossed { "*" crossed }               a*b = a + b + a:b
    crossed  = atom { ":" atom }
    atom     = "1" | label | "(" sum ")" | part
    part     = (names | call) { "^" integer }
    names    = name [ ".." name ]                    PC1..PC20
    call     = "C" "(" names [ "," "ref" "=" level ] ")"
             | ("log" | "log2" | "scale") "(" part ")"
             | ("poly" | "ns" | "bs") "(" part "," integers ")"
    name     = letters, digits, "_" and inner dots | any text in double, single or back quotes

Nothing is ever evaluated. A name that is not in the grammar bare is written in quotes; inside them
the quotation mark is doubled to stand for itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final, Literal, cast

from proteomr.design.formula import MAX_TERMS, Formula, Part, Step, Term, unique_terms
from proteomr.design.tokens import Source, Token, scan
from proteomr.errors import FormulaError, nearest

__all__ = ["parse", "parse_sets"]

_NO_LABELS: Final[Mapping[str, Formula]] = MappingProxyType({})
_MAX_DEPTH: Final = 20
_MAX_ORDER: Final = 10
_ELEMENTWISE: Final = ("log", "log2", "scale")
_BASES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"poly": ("degree",), "ns": ("df",), "bs": ("df", "degree")}
)
_FUNCTIONS: Final = ("C", *_ELEMENTWISE, *_BASES)
_OTHERWISE: Final = MappingProxyType(
    {
        "I": "write x^2 for a power",
        "factor": "write C(x)",
        "as.factor": "write C(x)",
        "relevel": 'write C(x, ref="level")',
        "log10": "log(x) differs from it by a constant",
        **dict.fromkeys(
            ("s", "rcs", "cr", "pspline", "spline", "te", "lsp", "splines", "rcspline", "ps"),
            "write ns(x, df) for a smooth curve",
        ),
        "pol": "write poly(x, degree)",
        "polynomial": "write poly(x, degree)",
        "as.numeric": "a column of numbers is one already: write its name",
        "as.character": "write C(x)",
        "scale2": "write scale(x)",
        "ln": "write log(x)",
        "z": "write scale(x)",
        "interaction": "write a:b",
        "strata": "the column goes to the option for strata, not into the formula",
        "cluster": "the column goes to the option for clusters, not into the formula",
        "offset": "there are no offsets",
        "frailty": "there are no random effects in a formula",
        **dict.fromkeys(
            ("sqrt", "exp", "cut", "ifelse", "pmin", "pmax", "abs", "round", "lag", "as.Date"),
            "make the column in the file beforehand",
        ),
    }
)


def parse(
    text: str,
    *,
    labels: Mapping[str, Formula] = _NO_LABELS,
    pending: Collection[str] = (),
) -> Formula:
    """Return the formula that a text says.

    Parameters
    ----------
    text : the right-hand side, such as ``age + C(site) + PC1..PC20``; ``1`` for no covariates.
    labels : earlier formulas; a bare name that is one of these stands for its terms.
    pending : labels that cannot be used here: the formula's own, and those of later ones.

    Raises
    ------
    FormulaError
        Anything that the grammar does not allow, with the character where it was found.

    Examples
    --------
    >>> simple = parse("age * sex")
    >>> str(parse('simple + C(site, ref="2")', labels={"simple": simple}))
    'age + sex + age:sex + C(site, ref="2")'
    """
    return _Parser(text, labels, pending).formula()


def parse_sets(texts: Mapping[str, str]) -> dict[str, Formula]:
    """Return labelled formulas, each of which may use the labels of those before it.

    Parameters
    ----------
    texts : formulas by label, in order.

    Raises
    ------
    FormulaError
        A formula outside the grammar, or one that uses its own or a later label.

    Examples
    --------
    >>> sets = parse_sets({"simple": "age + sex", "full": "simple + bmi"})
    >>> str(sets["full"])
    'age + sex + bmi'
    """
    formulas: dict[str, Formula] = {}
    for label, text in texts.items():
        pending = [name for name in texts if name not in formulas]
        formulas[label] = parse(text, labels=formulas, pending=pending)
    return formulas


class _Parser:
    """Recursive descent over the marks of one text."""

    def __init__(self, text: str, labels: Mapping[str, Formula], pending: Collection[str]) -> None:
        self._text = text
        self._tokens = scan(text)
        self._at = 0
        self._depth = 0
        self._labels = labels
        self._pending = pending
        self._used: list[tuple[str, Source]] = []

    def formula(self) -> Formula:
        if self._ends():
            raise self._error("the formula is empty (write 1 for no covariates)")
        terms = self._sum()
        if not self._ends():
            raise self._error(
                f"found {self._shown()} where + : * or the end was needed (write + between terms, "
                "and a name with blanks in quotes)"
            )
        return Formula(terms, labels=tuple(self._used))

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _source(self, token: Token | None = None) -> Source:
        return Source(self._text, (token or self._token).position)

    def _error(self, message: str, token: Token | None = None) -> FormulaError:
        return self._source(token).error(message)

    def _shown(self) -> str:
        return "the end" if self._ends() else repr(self._token.value)

    def _ends(self) -> bool:
        return self._token.kind == "end"

    def _take(self) -> Token:
        token = self._token
        self._at += 1
        return token

    def _is(self, symbol: str, *, ahead: int = 0) -> bool:
        token = self._tokens[min(self._at + ahead, len(self._tokens) - 1)]
        return token.kind == "symbol" and token.value == symbol

    def _expect(self, symbol: str) -> None:
        if not self._is(symbol):
            raise self._error(f"found {self._shown()} where {symbol!r} was needed")
        self._take()

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise self._error(f"parentheses are nested more than {_MAX_DEPTH} deep")

    # sums and products of terms

    def _sum(self) -> tuple[Term, ...]:
        terms = list(self._product())
        while self._is("+"):
            self._take()
            terms.extend(self._product())
        return self._limited(unique_terms(terms))

    def _product(self) -> tuple[Term, ...]:
        terms = self._crossed()
        while self._is("*"):
            mark = self._take()
            if self._is("*"):
                raise self._error("'**' is not in the grammar (write x^2 for a power)", mark)
            other = self._crossed()
            terms = unique_terms((*terms, *other, *self._cross(terms, other, mark=mark)))
        return self._limited(terms)

    def _crossed(self) -> tuple[Term, ...]:
        terms = self._atom()
        while self._is(":"):
            mark = self._take()
            terms = self._cross(terms, self._atom(), mark=mark)
        return terms

    def _cross(
        self, left: tuple[Term, ...], right: tuple[Term, ...], *, mark: Token
    ) -> tuple[Term, ...]:
        if not left or not right:
            raise self._error("the intercept cannot stand in a product", mark)
        if len(left) * len(right) > MAX_TERMS:
            raise self._error(f"the product makes more than {MAX_TERMS} terms", mark)
        terms = unique_terms(
            Term(tuple(dict.fromkeys((*first.parts, *second.parts))))
            for first in left
            for second in right
        )
        if any(len(term.parts) > _MAX_ORDER for term in terms):
            raise self._error(f"an interaction has more than {_MAX_ORDER} parts", mark)
        return terms

    def _limited(self, terms: tuple[Term, ...]) -> tuple[Term, ...]:
        if len(terms) > MAX_TERMS:
            raise self._error(f"the formula has more than {MAX_TERMS} terms")
        return terms

    def _atom(self) -> tuple[Term, ...]:
        token = self._token
        if token.kind == "number":
            self._take()
            if token.value == "1":
                return ()
            message = f"found {token.value} where a name was needed (there is always an intercept)"
            raise self._error(message, token)
        if self._is("("):
            return self._group()
        if token.kind == "name" and not self._is("(", ahead=1) and not self._is("..", ahead=1):
            terms = self._label(token)
            if terms is not None:
                return terms
        return (Term((self._part(),)),)

    def _group(self) -> tuple[Term, ...]:
        self._take()
        self._enter()
        terms = self._sum()
        self._expect(")")
        self._depth -= 1
        if self._is("^"):
            raise self._error("a power applies to one column, not to a group")
        return terms

    def _label(self, token: Token) -> tuple[Term, ...] | None:
        """Return the terms of an earlier formula, or None where the name is a column."""
        if token.value in self._labels:
            self._take()
            if self._is("^"):
                raise self._error(f"{token.value!r} is a label, and a power applies to one column")
            self._used.append((token.value, self._source(token)))
            return self._labels[token.value].terms
        if token.value in self._pending:
            message = (
                f"{token.value!r} is the label of this or a later formula, and only earlier ones "
                "can be used (quote the name for a column)"
            )
            raise self._error(message, token)
        return None

    # one column and its transformations

    def _part(self) -> Part:
        part = self._call() if self._is("(", ahead=1) else self._names()
        while self._is("^"):
            mark = self._take()
            self._check_numeric(part, "a power", mark)
            power = self._integer("a power", low=2, high=9)
            part = replace(part, steps=(*part.steps, Step("power", power)))
        return part

    def _names(self) -> Part:
        first = self._name()
        part = Part(first.value, source=self._source(first))
        if self._is(".."):
            self._take()
            part = replace(part, last=self._name().value)
            _ = part.columns  # an impossible range is refused where it is written
        return part

    def _name(self) -> Token:
        token = self._token
        if token.kind not in {"name", "quoted"}:
            raise self._error(f"found {self._shown()} where a name was needed")
        return self._take()

    def _call(self) -> Part:
        name = self._name()
        if name.kind != "name" or name.value not in _FUNCTIONS:
            hint = _OTHERWISE.get(name.value)
            remedy = f" ({hint})" if hint else nearest(name.value, _FUNCTIONS)
            remedy = remedy or "; a column with such a name is written in back quotes"
            message = f"{name.value!r} is not one of the functions {', '.join(_FUNCTIONS)}{remedy}"
            raise self._error(message, name)
        self._expect("(")
        self._enter()
        part = self._factor() if name.value == "C" else self._numeric(name)
        if not self._is(")"):
            hint = "a function takes one column and its numbers: make sums of columns beforehand"
            raise self._error(f"found {self._shown()} where ')' was needed ({hint})")
        self._expect(")")
        self._depth -= 1
        return part

    def _argument(self) -> Part:
        token = self._token
        is_label = token.value in self._labels or token.value in self._pending
        if token.kind == "name" and is_label and not self._is("..", ahead=1):
            raise self._error(f"{token.value!r} is a label, and a function needs a column")
        return self._part()

    def _factor(self) -> Part:
        start = self._token
        part = self._argument()
        if part.steps or part.categorical:
            raise self._error("C() needs the name of a column", start)
        if not self._is(","):
            return replace(part, categorical=True)
        self._take()
        keyword = self._take()
        if keyword.kind != "name" or keyword.value != "ref":
            raise self._error('C() takes ref="level" and nothing else', keyword)
        self._expect("=")
        if self._token.kind not in {"name", "quoted", "number"}:
            raise self._error(f'found {self._shown()} where ref="level" needs a level')
        return replace(part, categorical=True, reference=self._take().value)

    def _numeric(self, name: Token) -> Part:
        start = self._token
        part = self._argument()
        self._check_numeric(part, f"{name.value}()", start)
        if name.value in _ELEMENTWISE:
            step = Step(cast("Literal['log', 'log2', 'scale']", name.value))
        else:
            step = self._basis(name)
        return replace(part, steps=(*part.steps, step))

    def _check_numeric(self, part: Part, wanted_by: str, token: Token) -> None:
        if part.categorical or any(step.function in _BASES for step in part.steps):
            raise self._error(f"{wanted_by} needs one numeric column", token)
        if len(part.steps) >= _MAX_DEPTH:
            raise self._error(f"more than {_MAX_DEPTH} transformations of one column", token)

    def _basis(self, name: Token) -> Step:
        keywords = _BASES[name.value]
        arguments: dict[str, int] = {}
        while self._is(","):
            self._take()
            keyword = keywords[len(arguments)] if len(arguments) < len(keywords) else ""
            if self._is("=", ahead=1):
                keyword = self._take().value
                self._expect("=")
            if keyword not in keywords or keyword in arguments:
                message = f"{name.value}() takes a column, {' and '.join(keywords)}, each once"
                raise self._error(message)
            arguments[keyword] = self._integer(keyword, low=1, high=50)
        if keywords[0] not in arguments:
            raise self._error(f"{name.value}() needs its {keywords[0]}, as in {name.value}(x, 3)")
        if name.value != "bs":
            return Step(cast("Literal['poly', 'ns']", name.value), arguments[keywords[0]])
        degree = arguments.get("degree", 3)
        if arguments["df"] < degree:
            raise self._error(f"bs() of degree {degree} needs df of {degree} or more")
        return Step("bs", arguments["df"], degree)

    def _integer(self, what: str, *, low: int, high: int) -> int:
        token = self._token
        if token.kind != "number" or not low <= int(token.value) <= high:
            message = f"found {self._shown()} where {what} from {low} to {high} was needed"
            raise self._error(message)
        self._take()
        return int(token.value)
