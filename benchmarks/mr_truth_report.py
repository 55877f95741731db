"""The tables of the documentation of what the causal estimators do, from kept results."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from proteomr.files import replace_file

__all__ = ["DOCUMENT", "fill_between", "fill_document", "fill_marks", "judge", "write_text"]

DOCUMENT = Path(__file__).parent.parent / "docs" / "mendelian-randomisation.md"
_START, _END = "<!-- truth -->", "<!-- /truth -->"
_KINDS = ("none", "balanced", "directional", "correlated")
_TITLES = {
    "none": "no pleiotropy",
    "balanced": "balanced",
    "directional": "directional",
    "correlated": "InSIDE violated",
}
_BIAS_ALLOWED = 0.02
_REJECTION_ALLOWED = 0.075
_COVERAGE_NEEDED = 0.925
_CLEAR = 2.0


def fill_document(document: Path, results: pl.DataFrame, *, source: str) -> None:
    """Write the tables between the marks of a document.

    Raises
    ------
    ValueError
        The document has not both marks, in their order.
    FileNotFoundError
        There is no such document.
    """
    text = document.read_text("utf-8")
    filled = fill_marks(text, write_text(results, source=source))
    if filled is None:
        raise ValueError(f"{document}: no lines {_START} and {_END} to write between")
    replace_file(document, lambda file: file.write(filled.encode()))


def fill_marks(document: str, text: str) -> str | None:
    """Return the document with the text between its marks; None where it has not both, in order.

    Examples
    --------
    >>> fill_marks("a <!-- truth --> old <!-- /truth --> b", "new").split()
    ['a', '<!--', 'truth', '-->', 'new', '<!--', '/truth', '-->', 'b']
    """
    try:
        return fill_between(document, text, (_START, _END))
    except ValueError:
        return None


def fill_between(document: str, text: str, marks: tuple[str, str]) -> str:
    """Return the document with the text between two marks.

    Raises
    ------
    ValueError
        It has not both marks, in their order.

    Examples
    --------
    >>> fill_between("a ( old ) b", "new", ("(", ")")).split()
    ['a', '(', 'new', ')', 'b']
    """
    before, start, rest = document.partition(marks[0])
    _, end, after = rest.partition(marks[1])
    if not start or not end:
        raise ValueError(f"the document has no lines {marks[0]} and {marks[1]} to write between")
    return f"{before}{marks[0]}\n\n{text}\n\n{marks[1]}{after}"


def write_text(results: pl.DataFrame, *, source: str) -> str:
    """Return the summary and one table for each strength and number of instruments."""
    parts = [_write_verdicts(results), f"All numbers: `benchmarks/results/{source}`."]
    for strength in sorted(results["strength"].unique(), reverse=True):
        for variants in sorted(results["variants"].unique()):
            block = results.filter(
                (pl.col("strength") == strength) & (pl.col("variants") == variants)
            )
            parts.append(f"### {variants} instruments, mean F {strength:g}")
            parts.append(_write_block(block))
    return "\n\n".join(parts)


def judge(results: pl.DataFrame, *, method: str, pleiotropy: str, strength: float) -> str:
    """Return what clearly fails for a method, in either number of instruments; "holds" if nothing.

    Clearly means by more than two Monte Carlo standard errors beyond: a bias of 0.02, with or
    without the effect of 0.2; a type I error of 7.5 %; a coverage of 92.5 %.
    """
    rows = results.filter(
        (pl.col("method") == method)
        & (pl.col("pleiotropy") == pleiotropy)
        & (pl.col("strength") == strength)
    )
    bias = pl.col("bias").abs() - _CLEAR * pl.col("bias_error") > _BIAS_ALLOWED
    error = pl.col("rejection") - _CLEAR * pl.col("rejection_error") > _REJECTION_ALLOWED
    cover = pl.col("coverage") + _CLEAR * pl.col("coverage_error") < _COVERAGE_NEEDED
    found = {
        "bias": rows.select(bias.any()).item(),
        "type I": rows.filter(pl.col("effect") == 0).select(error.any()).item(),
        "coverage": rows.select(cover.any()).item(),
    }
    return ", ".join(name for name, failed in found.items() if failed) or "holds"


def _write_verdicts(results: pl.DataFrame) -> str:
    strengths = sorted(results["strength"].unique(), reverse=True)
    heads = [f"{_TITLES[kind]}, F {strength:g}" for strength in strengths for kind in _KINDS]
    lines = [_row(["method", *heads]), _row(["---"] * (1 + len(heads)))]
    for method in results["method"].unique(maintain_order=True):
        cells = [
            judge(results, method=method, pleiotropy=kind, strength=strength)
            for strength in strengths
            for kind in _KINDS
        ]
        lines.append(_row([f"`{method}`", *cells]))
    return "\n".join(lines)


def _write_block(block: pl.DataFrame) -> str:
    heads = [_TITLES[kind] for kind in _KINDS]
    lines = [_row(["method", "replicates", *heads]), _row(["---"] * (2 + len(heads)))]
    for method in block["method"].unique(maintain_order=True):
        rows = block.filter(pl.col("method") == method)
        cells = [_write_cell(rows.filter(pl.col("pleiotropy") == kind)) for kind in _KINDS]
        lines.append(_row([f"`{method}`", f"{rows['replicates'][0]:,}", *cells]))
    return "\n".join(lines)


def _write_cell(rows: pl.DataFrame) -> str:
    """Return bias, SE over its truth and coverage with the effect, then the type I error."""
    with_effect = rows.filter(pl.col("effect") != 0).row(0, named=True)
    without = rows.filter(pl.col("effect") == 0).row(0, named=True)
    parts = []
    if with_effect["bias"] is not None:
        parts.append(f"{with_effect['bias']:+.3f} ± {with_effect['bias_error']:.3f}")
    if with_effect["mean_se"] is not None:
        parts.append(f"{with_effect['mean_se']:.3f}/{with_effect['empirical_se']:.3f}")
    elif with_effect["empirical_se"] is not None:
        parts.append(f"–/{with_effect['empirical_se']:.3f}")
    if with_effect["coverage"] is not None:
        parts.append(_percent(with_effect["coverage"], with_effect["coverage_error"]))
    parts.append(_percent(without["rejection"], without["rejection_error"]))
    failed = with_effect["failed"] + without["failed"]
    return "; ".join(parts) + (f" ({failed} without estimate)" if failed else "")


def _percent(share: float | None, error: float | None) -> str:
    return "–" if share is None or error is None else f"{100 * share:.0f} ± {100 * error:.1f}"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
