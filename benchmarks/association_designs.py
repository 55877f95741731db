"""The designs that ``benchmarks.association_truth`` measures, and what is asked in each.

Far tails cost tests: 10 million for a level of 1e-5, which linear and logistic regression have
where fits are cheap; the others as many as their cost allows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from benchmarks.association_draws import (
    Asked,
    Clustering,
    Design,
    draw_endogenous,
    draw_exposed,
    draw_groups,
    draw_ordered,
    draw_visits,
)
from proteomr.models import FitOptions, Further, IvOptions, MixedOptions
from proteomr.stats.sandwich import ErrorKind

__all__ = ["DESIGNS"]

_FAR = 10_000_000
_INSTRUMENTS = ("z1", "z2", "z3")


def _errors(null: int, *kinds: ErrorKind, effect: int = 0) -> tuple[Asked, ...]:
    return tuple(Asked(kind, FitOptions(errors=kind), null, effect) for kind in kinds)


def _tests(null: int, *, effect: int = 0) -> Asked:
    """Ask for tests of the likelihood alone; the estimate's own is counted where it is cheap."""
    options = FitOptions(further=Further(("lr", "score")))
    return Asked("", options, null, effect, beside=("lr", "score"))


def _wald(null: int, *, effect: int = 0) -> Asked:
    return Asked("wald", FitOptions(), null, effect)


def _firth(null: int, *, effect: int = 0) -> Asked:
    return Asked("firth", FitOptions(firth="always"), null, effect)


def _mixed(null: int, effect: int) -> tuple[Asked, ...]:
    kinds: tuple[Literal["none", "satterthwaite", "kr"], ...] = ("none", "satterthwaite", "kr")
    return tuple(
        Asked(ddf, FitOptions(mixed=MixedOptions(("1|person",), ddf)), null, effect)
        for ddf in kinds
    )


def _iv(null: int, effect: int) -> tuple[Asked, ...]:
    squares = FitOptions(iv=IvOptions(_INSTRUMENTS, "2sls"))
    limited = FitOptions(iv=IvOptions(_INSTRUMENTS, "liml"))
    return (
        Asked("2sls", squares, null, effect, beside=("anderson_rubin",)),
        Asked("liml", limited, null, effect),
    )


_LINEAR = Design(
    "linear ranks 35",
    "linear",
    "rank-normal scores, 35 % exposed (35)",
    100,
    draw_exposed,
    (*_errors(_FAR, "classical"), *_errors(12_000, "HC0", "HC3")),
    shares=(0.65, 0.35),
    noise="ranks",
    batch=4000,
)
_UNEQUAL: tuple[ErrorKind, ...] = ("classical", "HC0", "HC1", "HC2", "HC3")
LINEAR = (
    _LINEAR,
    replace(
        _LINEAR,
        key="linear ranks 5",
        n=500,
        batch=2000,
        says="rank-normal scores, 5 % exposed (25)",
        shares=(0.95, 0.05),
        asked=(*_errors(200_000, "classical"), *_errors(10_000, "HC0", "HC1", "HC2", "HC3")),
    ),
    replace(
        _LINEAR,
        key="linear ranks 1",
        n=500,
        batch=2000,
        says="rank-normal scores, 1 % exposed (5)",
        shares=(0.99, 0.01),
        asked=(*_errors(200_000, "classical"), *_errors(10_000, "HC0", "HC3")),
    ),
    replace(
        _LINEAR,
        key="linear normal small",
        batch=2000,
        says="normal values, 35 % exposed",
        n=30,
        noise="normal",
        asked=(
            *_errors(1_000_000, "classical", effect=20_000),
            *_errors(60_000, "HC0", "HC3", effect=20_000),
        ),
    ),
    replace(
        _LINEAR,
        key="linear t3",
        n=500,
        batch=2000,
        says="values of heavy tails (t, 3 df), 1 % exposed (5)",
        shares=(0.99, 0.01),
        noise="t3",
        asked=_errors(500_000, "classical", effect=20_000),
    ),
    replace(
        _LINEAR,
        key="linear t3 ranked",
        n=500,
        batch=2000,
        says="the same with `--transform rint`, 1 % exposed (5)",
        shares=(0.99, 0.01),
        noise="t3 ranked",
        asked=_errors(500_000, "classical"),
    ),
    replace(
        _LINEAR,
        key="linear spread exposed",
        n=500,
        batch=2000,
        says="normal values, 5 % exposed (25) of threefold spread",
        shares=(0.95, 0.05),
        noise="normal",
        spread="exposed",
        asked=_errors(30_000, *_UNEQUAL, effect=10_000),
    ),
    replace(
        _LINEAR,
        key="linear spread grows",
        n=500,
        batch=2000,
        says="normal values whose spread grows with a number (65 % a standard deviation)",
        shares=(),
        noise="normal",
        spread="grows",
        asked=_errors(30_000, "classical", "HC0", "HC3", effect=10_000),
    ),
    replace(
        _LINEAR,
        key="linear five persons",
        says="normal values, 5 exposed of threefold spread; CR2: each person a cluster",
        n=100,
        shares=(0.95, 0.05),
        noise="normal",
        spread="exposed",
        batch=200,
        clustering=None,
        own_clusters=True,
        asked=(
            *_errors(30_000, "classical", "HC3", effect=10_000),
            *_errors(2_000, "CR2", effect=400),
        ),
    ),
    replace(
        _LINEAR,
        key="linear ranks 1 large",
        says="rank-normal scores, 1 % exposed (50)",
        n=5_000,
        shares=(0.99, 0.01),
        batch=500,
        asked=(*_errors(20_000, "classical"), *_errors(5_000, "HC0", "HC3")),
    ),
    replace(
        _LINEAR,
        key="linear spread exposed large",
        says="normal values, 1 % exposed (50) of threefold spread",
        n=5_000,
        shares=(0.99, 0.01),
        noise="normal",
        spread="exposed",
        batch=500,
        asked=_errors(20_000, "classical", "HC0", "HC3", effect=5_000),
    ),
)

_CLUSTERED = replace(
    _LINEAR,
    key="linear 10 clusters",
    says="10 clusters of 30, 5 of them exposed",
    n=300,
    shares=(),
    noise="normal",
    batch=500,
    clustering=Clustering(10, 5),
    asked=(
        *_errors(8_000, "classical", "CR0", "CR1", effect=2_000),
        *_errors(500, "CR2", effect=500),
    ),
)
CLUSTERED = (
    _CLUSTERED,
    replace(
        _CLUSTERED,
        key="linear 10 clusters rare",
        says="10 clusters of 30, 2 of them exposed",
        clustering=Clustering(10, 2),
    ),
    replace(
        _CLUSTERED,
        key="linear 100 clusters",
        says="100 clusters of 3, 50 of them exposed",
        clustering=Clustering(100, 50),
    ),
    replace(
        _CLUSTERED,
        key="linear 100 clusters rare",
        says="100 clusters of 3, 4 of them exposed",
        clustering=Clustering(100, 4),
    ),
)

_LOGISTIC = Design(
    "logistic 35",
    "logistic",
    "35 % cases (35)",
    100,
    draw_groups,
    (
        _wald(_FAR, effect=20_000),
        _tests(5_000),
        _firth(20_000, effect=5_000),
        *_errors(4_000, "HC0", effect=2_000),
    ),
    shares=(0.65, 0.35),
    batch=1000,
)
LOGISTIC = (
    _LOGISTIC,
    replace(
        _LOGISTIC,
        key="logistic 5",
        says="5 % cases (10)",
        n=200,
        shares=(0.95, 0.05),
        asked=(
            _wald(50_000, effect=5_000),
            _tests(1_000),
            _firth(5_000, effect=1_000),
            *_errors(1_000, "HC0", effect=1_000),
        ),
    ),
    replace(
        _LOGISTIC,
        key="logistic t3",
        says="35 % cases (35), proteins of heavy tails (t, 3 df)",
        noise="t3",
        asked=(_wald(20_000), _tests(1_000), _firth(3_000)),
    ),
    replace(
        _LOGISTIC,
        key="logistic 1 large",
        says="1 % cases (50)",
        n=5_000,
        shares=(0.99, 0.01),
        batch=250,
        asked=(
            _wald(8_000, effect=2_000),
            _tests(750),
            _firth(250),
            *_errors(1_000, "HC0", effect=1_000),
        ),
    ),
    replace(
        _LOGISTIC,
        key="logistic 35 large",
        says="35 % cases (1,750)",
        n=5_000,
        batch=250,
        asked=(_wald(8_000, effect=2_000), _tests(750)),
    ),
)

_THREE = (0.6, 0.35, 0.05)
_BESIDE = FitOptions(further=Further(("lr", "score")))
_ORDINAL = Design(
    "ordinal",
    "ordinal",
    "levels of 60, 35 and 5 % (15)",
    300,
    draw_ordered,
    (Asked("wald", _BESIDE, 400, 200, beside=("lr", "score", "proportional_odds")),),
    shares=_THREE,
    batch=200,
)
ORDINAL = (
    _ORDINAL,
    replace(
        _ORDINAL,
        key="ordinal large",
        says="levels of 60, 35 and 5 % (250)",
        n=5_000,
        asked=(replace(_ORDINAL.asked[0], null=1_200, effect=400),),
    ),
)

_MULTINOMIAL = Design(
    "multinomial",
    "multinomial",
    "levels of 60, 35 and 5 % (15)",
    300,
    draw_groups,
    (Asked("wald", _BESIDE, 1_200, 400, beside=("lr", "score")),),
    shares=_THREE,
    batch=200,
)
MULTINOMIAL = (
    _MULTINOMIAL,
    replace(
        _MULTINOMIAL,
        key="multinomial large",
        says="levels of 60, 35 and 5 % (250)",
        n=5_000,
        asked=(replace(_MULTINOMIAL.asked[0], null=3_000, effect=600),),
    ),
)

_MIXED = Design(
    "mixed few",
    "mixed",
    "12 people seen 4 times, 6 of them exposed",
    48,
    draw_visits,
    _mixed(6_000, 1_000),
    visits=4,
)
MIXED = (
    _MIXED,
    replace(
        _MIXED,
        key="mixed few within",
        says="12 people seen 4 times, an exposure that changes from visit to visit",
        within=True,
    ),
    replace(_MIXED, key="mixed many", says="100 people seen 4 times, 50 of them exposed", n=400),
    replace(
        _MIXED,
        key="mixed large",
        says="1,250 people seen 4 times, 625 of them exposed",
        n=5_000,
        batch=200,
        asked=_mixed(1_000, 400),
    ),
)

_IV = Design(
    "iv strong",
    "iv",
    "3 instruments, first-stage F about 40",
    500,
    draw_endogenous,
    _iv(600, 200),
    batch=1,
    strength=39.0,
)
IV = (
    _IV,
    replace(_IV, key="iv weak", says="3 instruments, first-stage F about 3", strength=2.0),
    replace(
        _IV,
        key="iv strong large",
        says="3 instruments, first-stage F about 40",
        n=5_000,
        asked=_iv(100, 50),
    ),
)

DESIGNS = (*LINEAR, *CLUSTERED, *LOGISTIC, *ORDINAL, *MULTINOMIAL, *MIXED, *IV)
