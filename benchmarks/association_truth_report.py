"""The page of the documentation on type I error and coverage, from kept results."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy.special import betaincinv

from benchmarks.association_designs import DESIGNS
from benchmarks.association_lines import NOMINAL, Line
from benchmarks.mr_truth_report import fill_marks
from proteomr.files import replace_file

__all__ = ["DOCUMENT", "Verdict", "fill_document", "find_limits", "judge", "remedy", "write_text"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "type-one-error.md"
_SAYS = {design.key: design.says for design in DESIGNS}
_LIMITS = 0.99
_MARGIN = 0.1  # of a nominal level, beyond the limits, before it counts as failing
_COVERAGE, _COVERAGE_MARGIN = 0.95, 0.005
_EXPECTED = 5.0  # tests that chance alone lets pass a level, below which it is not resolved
_TITLES = {
    "linear": "Linear",
    "logistic": "Logistic",
    "ordinal": "Ordinal",
    "multinomial": "Multinomial",
    "mixed": "Mixed",
    "iv": "Instrumental variables",
}
_RARE = (
    "few people carry the error: a rank-normal protein with `classical` errors, or `--permutations`"
)
_TAIL = (
    "`--firth always`, or `--joint-tests lr`: both keep the level, and find more in the far tail"
)
_REMEDIES: dict[tuple[str, str], str] = {
    ("linear normal small", "HC0"): "HC3 (or HC2) where n is small",
    ("linear normal small", "HC3"): "classical errors where spreads are equal",
    ("linear ranks 35", "HC0"): "`--se HC3` where n is small, or classical errors",
    ("linear ranks", "HC0"): _RARE,
    ("linear ranks", "HC1"): _RARE,
    ("linear ranks", "HC2"): _RARE,
    ("linear ranks", "HC3"): _RARE,
    ("linear t3", "classical"): "`--transform rint`, the default: see the row below it",
    ("linear spread", "classical"): "robust errors: `--se HC3`",
    ("linear spread", "HC0"): "`--se HC3`",
    ("linear spread", "HC1"): "`--se HC3`",
    ("linear spread", "HC2"): "`--se HC3`",
    ("linear spread", "HC3"): (
        "the best of its kind, and no normal tail with so few carriers: CR2 with each person a "
        "cluster has degrees of freedom of its own"
    ),
    ("linear five persons", "classical"): "CR2 with each person a cluster (`--cluster` the id)",
    ("linear five persons", "HC3"): "CR2 with each person a cluster (`--cluster` the id)",
    ("linear five persons", "CR2"): "more exposed people; `--permutations` where spreads are equal",
    ("linear 10", "classical"): "errors that know the clusters: `--se CR2`",
    ("linear 10", "CR0"): "`--se CR2`",
    ("linear 10", "CR1"): "`--se CR2`",
    ("linear 10", "CR2"): "none is needed for safety: it errs to the side of too few findings",
    ("logistic", "wald"): _TAIL,
    ("logistic", "lr"): "`--firth always`, or `--joint-tests score`",
    ("logistic", "score"): "`--joint-tests lr`, or `--firth always`",
    ("logistic", "firth"): "`--joint-tests lr`",
    ("logistic", "HC0"): "classical errors, or `--firth always`: robust ones need some 50 cases",
    ("ordinal", "wald"): "`lr`, which stands beside it in joint_tests.parquet",
    ("ordinal", "lr"): "`--joint-tests score`",
    ("ordinal", "score"): "`lr`",
    ("ordinal", "proportional_odds"): "levels of more people before slopes are called unequal",
    ("multinomial", "wald"): "`lr`, which stands beside it in joint_tests.parquet",
    ("multinomial", "lr"): "`--joint-tests score`",
    ("multinomial", "score"): "`lr`",
    ("mixed", "none"): "degrees of freedom: `--ddf satterthwaite` (the default) or `kr`",
    ("mixed few", "satterthwaite"): "`--ddf kr`",
    ("mixed few", "kr"): "more people: a dozen has little to tell a variance by",
    ("iv weak", "2sls"): "the Anderson-Rubin test and set (confidence_sets.parquet)",
    ("iv weak", "liml"): "the Anderson-Rubin test and set (confidence_sets.parquet)",
    ("iv strong", "2sls"): "`--estimator liml`, or the Anderson-Rubin test and set",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is clearly wrong with a test in a design; nothing where it holds.

    Attributes
    ----------
    often, seldom : (level, rejections over their nominal number), from the nearest level on.
    covered : share of intervals that hold the truth, where that is not 95 %.
    """

    often: tuple[tuple[float, float], ...] = ()
    seldom: tuple[tuple[float, float], ...] = ()
    covered: float | None = None

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return bool(self.often or self.seldom or self.covered is not None)

    def say(self) -> str:
        """Return it in words."""
        said = []
        for found, word in ((self.often, "too often"), (self.seldom, "too seldom")):
            if found:
                ends = dict.fromkeys((found[0], found[-1]))
                figures = ", ".join(f"{_times(ratio)} at {_level(level)}" for level, ratio in ends)
                said.append(f"rejects {word} ({figures})")
        if self.covered is not None:
            said.append(f"intervals hold the truth in {100 * self.covered:.1f} %")
        return "; ".join(said) or "holds"


def find_limits(hits: int, tests: int, *, spread: float = 1.0) -> tuple[float, float]:
    """Return exact 99 % Monte Carlo limits of a share (Clopper and Pearson 1934).

    Parameters
    ----------
    spread : as many times fewer independent tests would say as much.

    Examples
    --------
    >>> [round(limit, 3) for limit in find_limits(5, 100)]
    [0.011, 0.135]
    """
    few, many = hits / spread, tests / spread
    tail = (1.0 - _LIMITS) / 2.0
    low = float(betaincinv(few, many - few + 1.0, tail)) if hits else 0.0
    high = float(betaincinv(few + 1.0, many - few, 1.0 - tail)) if hits < tests else 1.0
    return low, high


def judge(lines: Iterable[Line]) -> Verdict:
    """Return what clearly fails of a test in a design, from its lines without and with an effect.

    Clearly means by a tenth of a level, or half a point of coverage, beyond the Monte Carlo limits.
    """
    often, seldom, covered = [], [], []
    for line in lines:
        if line.effect == 0.0:
            for level, hits in line.rejections:
                low, high = find_limits(hits, line.tests, spread=line.spread)
                ratio = hits / line.tests / level
                if low > (1.0 + _MARGIN) * level:
                    often.append((level, ratio))
                elif high < (1.0 - _MARGIN) * level:
                    seldom.append((level, ratio))
        if line.intervals:
            low, high = find_limits(line.covered, line.intervals, spread=line.spread)
            if high < _COVERAGE - _COVERAGE_MARGIN or low > _COVERAGE + _COVERAGE_MARGIN:
                covered.append(line.covered / line.intervals)
    return Verdict(tuple(often), tuple(seldom), covered[0] if covered else None)


def remedy(line: Line) -> str:
    """Return what to do instead, of the longest begin of the design's key that has a remedy.

    Raises
    ------
    KeyError
        None is written down.
    """
    found = [
        (len(begin), text)
        for (begin, test), text in _REMEDIES.items()
        if test == line.test and line.design.startswith(begin)
    ]
    if not found:
        raise KeyError(f"{line.design}, {line.test}: it fails, and no remedy is written down")
    return max(found)[1]


def fill_document(document: Path, lines: Sequence[Line], *, source: str) -> None:
    """Write the tables between the marks of the page.

    Raises
    ------
    ValueError
        The page has not both marks, in their order.
    FileNotFoundError
        There is no such page.
    """
    filled = fill_marks(document.read_text("utf-8"), write_text(lines, source=source))
    if filled is None:
        raise ValueError(f"{document}: no marks to write between")
    replace_file(document, lambda file: file.write(filled.encode()))


def write_text(lines: Sequence[Line], *, source: str) -> str:
    """Return what fails with its remedy, and a table of each family."""
    parts = [
        "## What fails, and what to do",
        _write_failures(lines),
        f"All numbers: `benchmarks/results/{source}`.",
        *_write_missing(lines),
    ]
    for family in dict.fromkeys(line.family for line in lines):
        own = [line for line in lines if line.family == family]
        parts += [f"## {_TITLES[family]}", _write_table(own)]
    return "\n\n".join(parts)


def _write_missing(lines: Sequence[Line]) -> list[str]:
    """Name the designs that have no results yet; nothing where all have."""
    done = {line.design for line in lines}
    said = [f"{says} ({key})" for key, says in _SAYS.items() if key not in done]
    if not said:
        return []
    return [f"**Not measured yet** (`--missing` measures them): {'; '.join(said)}."]


def _group(lines: Sequence[Line]) -> dict[tuple[str, str], list[Line]]:
    """Return the lines of each test in each design, that without an effect first."""
    found: dict[tuple[str, str], list[Line]] = {}
    for line in sorted(lines, key=lambda line: line.effect):
        found.setdefault((line.design, line.test), []).append(line)
    order = {key: place for place, key in enumerate(_SAYS)}
    return dict(sorted(found.items(), key=lambda item: order[item[0][0]]))


def _write_failures(lines: Sequence[Line]) -> str:
    rows = [_row(["family", "design", "test", "what is wrong", "instead"]), _row(["---"] * 5)]
    for (design, test), own in _group(lines).items():
        verdict = judge(own)
        if verdict:
            first = own[0]
            where = f"{_SAYS[design]}; n = {first.people:,}"
            cells = [first.family, where, f"`{test}`", verdict.say(), remedy(first)]
            rows.append(_row(cells))
    return "\n".join(rows)


def _write_table(lines: Sequence[Line]) -> str:
    heads = ["design", "n", "test", "tests", *(_level(level) for level in NOMINAL), "coverage, %"]
    rows = [_row(heads), _row(["---", "---:", "---", "---:", *["---"] * (len(NOMINAL) + 1)])]
    for (design, test), own in _group(lines).items():
        null = own[0]
        failed = f" ({null.failed:,} without)" if null.failed else ""
        cells = [_SAYS[design], f"{null.people:,}", f"`{test}`", f"{null.tests:,}{failed}"]
        cells += [_write_ratio(null, level, hits) for level, hits in null.rejections]
        shares = [100.0 * line.covered / line.intervals for line in own if line.intervals]
        cells.append(" / ".join(f"{share:.1f}" for share in shares) or "–")
        rows.append(_row(cells))
    return "\n".join(rows)


def _write_ratio(line: Line, level: float, hits: int) -> str:
    """Return rejections over their nominal number with limits; a dash where nothing is resolved."""
    low, high = (each / level for each in find_limits(hits, line.tests, spread=line.spread))
    if line.tests * level / line.spread < _EXPECTED and low <= 1.0 + _MARGIN:
        return "–"
    text = f"{_times(hits / line.tests / level)} ({_times(low)}–{_times(high)})"
    clear = low > 1.0 + _MARGIN or high < 1.0 - _MARGIN
    return f"**{text}**" if clear else text


def _times(ratio: float) -> str:
    return (
        f"{ratio:,.0f}" if ratio >= 9.95 else f"{ratio:.1f}" if ratio >= 1.995 else f"{ratio:.2f}"
    )


def _level(level: float) -> str:
    return f"{level:.0e}".replace("e-0", "e-")


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
