"""What `mr` reads and prints: instruments, harmonised variants, estimates."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from proteomr.errors import InputError, UsageError

from .console import print_rows, report_note, say

if TYPE_CHECKING:
    import polars as pl

    from proteomr.io.genotypes import LdSource
    from proteomr.mr.harmonise import Action
    from proteomr.mr.inputs import InstrumentRule
    from proteomr.mr.instruments import Region
    from proteomr.plot import Drawing
    from proteomr.tables import Drop, Harmonised

__all__ = [
    "Found",
    "Unproven",
    "draw_figures",
    "make_rule",
    "name_inputs",
    "read_files",
    "read_ready",
    "report_pairs",
]

Build = Literal["GRCh37", "GRCh38"]
Unproven = Literal["refuse", "flag"]

_SHOWN_PAIRS, _SHOWN_ROWS, _IN_A_BOOK = 6, 12, 40


@dataclass(frozen=True, slots=True)
class Found:
    """The analyses that files hold, and what was left out on the way."""

    pairs: "list[Harmonised]"
    harmonised: "pl.DataFrame"
    tables: "dict[str, pl.DataFrame]"
    drops: "tuple[Drop, ...]"
    notes: tuple[str, ...]


def choose_place(
    region: str | None, cis: str | None, *, window_kb: int, build: Build
) -> "Region | None":
    """Return the stretch that instruments come from: as named, or around a gene."""
    from proteomr.io.sumstats.selection import parse_region
    from proteomr.mr.instruments import Region, find_cis_region

    if region is not None and cis is not None:
        raise UsageError("--region and --cis both say where instruments lie: give one")
    if cis is not None:
        return find_cis_region(cis, build=build, window_bp=1000 * window_kb)
    if region is None:
        return None
    found = parse_region(region)
    return Region(found.chromosome, found.start, found.end)


def make_rule(
    p: float,
    place: "Region | None",
    clumping: tuple[float, float],
    unproven: Unproven,
    outcome_p: float | None,
    action: int,
) -> "InstrumentRule":
    """Return the rule for instruments that the options amount to."""
    from proteomr.gwas.clump import Clumping
    from proteomr.mr.inputs import InstrumentRule

    if not 0 < p <= 1:
        raise UsageError(f"--instruments-p {p:g}: above 0 and at most 1")
    return InstrumentRule(
        p=p,
        region=place,
        clumping=Clumping(p1=p, p2=1.0, r2=clumping[0], kb=clumping[1]),
        unproven=unproven,
        outcome_p=outcome_p,
        action=cast("Action", action),
    )


def read_names(path: Path | None) -> tuple[str, ...] | None:
    """Read names of variants, one a line; None where no file is named."""
    if path is None:
        return None
    try:
        names = path.read_text(encoding="utf-8").split()
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file") from None
    except (OSError, UnicodeDecodeError) as fault:
        raise InputError(f"{path}: cannot be read ({type(fault).__name__})") from None
    if not names:
        raise InputError(f"{path}: holds no name of a variant")
    return tuple(names)


def keep_forward(found: Found) -> Found:
    """Drop variants that explain more of the outcome than of the exposure, and count them."""
    from proteomr.mr.reach import keep_forward_variants
    from proteomr.tables import Drop

    pairs = [keep_forward_variants(pair) for pair in found.pairs]
    gone = sum(old.m - new.m for old, new in zip(found.pairs, pairs, strict=True))
    drop = Drop("steiger", "explains more of the outcome than of the exposure", gone)
    return replace(found, pairs=pairs, drops=(*found.drops, drop))


def read_ready(path: Path, *, outcome_p: float | None) -> Found:
    """Read variants that were harmonised before."""
    from proteomr.mr.harmonised_files import drop_significant, read_harmonised
    from proteomr.mr.outputs import list_harmonised
    from proteomr.tables import Drop

    pairs = read_harmonised(path)
    if outcome_p is not None:
        pairs = [drop_significant(pair, p=outcome_p) for pair in pairs]
    table = list_harmonised(pairs)
    counts = table.filter(~table["mr_keep"])["reason"].value_counts(sort=True).rows()
    drops = tuple(Drop("harmonised", reason, n) for reason, n in counts)
    return Found(pairs, table, {}, drops, ())


def read_files(
    files: Sequence[Path],
    rule: "InstrumentRule",
    *,
    ld: Path | None,
    reverse: bool,
    log: logging.Logger,
) -> Found:
    """Read exposure and outcomes, choose instruments and harmonise them, both ways if asked."""
    import polars as pl

    from proteomr.io.genotypes import open_genotypes

    panel = None if ld is None else open_genotypes(ld)
    exposure, outcomes = files[0], list(files[1:])
    ways = [(exposure, outcomes), *(((path, [exposure]) for path in outcomes) if reverse else ())]
    parts = [_harmonise(first, others, rule, panel, log) for first, others in ways]
    return Found(
        [pair for part in parts for pair in part.pairs],
        pl.concat([part.harmonised for part in parts], how="diagonal_relaxed"),
        {
            "instruments": pl.concat(
                [part.tables["instruments"] for part in parts], how="diagonal_relaxed"
            )
        },
        tuple(drop for part in parts for drop in part.drops),
        tuple(dict.fromkeys(note for part in parts for note in part.notes)),
    )


def _harmonise(
    exposure: Path,
    outcomes: list[Path],
    rule: "InstrumentRule",
    panel: "LdSource | None",
    log: logging.Logger,
) -> Found:
    from proteomr.mr.frequencies import check_frequencies
    from proteomr.mr.inputs import harmonise_files, read_instruments, read_outcomes
    from proteomr.tables import Drop

    log.info("instruments from %s", exposure)
    instruments = read_instruments([exposure], rule=rule, ld=panel)
    log.info("%s instruments; looking them up in %s files", instruments.rows.height, len(outcomes))
    stand_in = panel if rule.proxies else None
    found, notes = read_outcomes(outcomes, instruments, panel=stand_in)
    table, pairs = harmonise_files(instruments, found, rule=rule)
    counts = table.filter(~table["mr_keep"])["reason"].value_counts(sort=True).rows()
    checks = check_frequencies(table)
    swapped = [check.message for check in checks if check.swapped and check.message]
    return Found(
        pairs,
        table,
        {"instruments": instruments.strength},
        (*instruments.drops, *(Drop("harmonise", reason, n) for reason, n in counts)),
        (*instruments.notes, *notes, *swapped),
    )


def name_inputs(
    files: list[Path] | None, harmonised: Path | None, ld: Path | None
) -> list[Path | None]:
    """List the files that were read, those of a panel of genotypes included."""
    panel: list[Path | None] = []
    if ld is not None:
        kinds = ("", ".bed", ".bim", ".fam", ".pgen", ".pvar", ".psam")
        panel = [path for kind in kinds if (path := Path(f"{ld}{kind}")).is_file()]
    return [*(files or []), harmonised, *panel]


def read_several(path: Path, keys: Sequence[str], *, seed: int) -> Found:
    """Read variants of several exposures, and estimate the effect of each given the others."""
    from proteomr.mr.multivariable.tables import estimate_jointly, read_joint, tabulate_strength
    from proteomr.tables import Drop

    data = read_joint(path)
    estimates = estimate_jointly(data, keys, seed=seed)
    counts = data.dropped["reason"].value_counts(sort=True).rows()
    return Found(
        [],
        data.variants,
        {"estimates": estimates, "conditional_strength": tabulate_strength(data)},
        tuple(Drop("harmonised", reason, n) for reason, n in counts),
        (),
    )


def add_controls(found: Found, path: Path | None) -> Found:
    """Check the estimates against controls whose answers are known, where a file tells them."""
    from proteomr.mr.controls import check_controls, read_controls

    if path is None:
        return found
    checked = check_controls(found.tables["estimates"], read_controls(path))
    return replace(found, tables={**found.tables, "controls_checked": checked})


def draw_figures(found: Found, folder: Path) -> int:
    """Draw the pairs, or of many the strongest that have q below 0.05 as one book; count them."""
    import polars as pl

    from proteomr.files import storage_errors
    from proteomr.plot import draw_pair, save_book, save_drawing

    estimates = found.tables["estimates"]
    chosen = [pair for pair in found.pairs if pair.m]
    many = len(chosen) > _SHOWN_PAIRS
    if many:
        main = estimates.filter(pl.col("method").is_in(["ivw", "wald"]) & (pl.col("q_bh") < 0.05))
        top = main.sort("neg_log10_p", descending=True).head(_IN_A_BOOK)
        wanted = set(top.select("exposure", "outcome").iter_rows())
        chosen = [pair for pair in chosen if (pair.exposures[0], pair.outcome) in wanted]
    if not chosen:
        return 0
    with storage_errors(folder):
        folder.mkdir(exist_ok=True)

    def draw(pair: "Harmonised") -> "Iterator[Drawing]":
        same = (pl.col("exposure") == pair.exposures[0]) & (pl.col("outcome") == pair.outcome)
        return draw_pair(
            pair,
            estimates=estimates.filter(same),
            singlesnp=found.tables["singlesnp"].filter(same),
            leaveoneout=found.tables["leaveoneout"].filter(same),
        )

    if many:
        save_book((drawing for pair in chosen for drawing in draw(pair)), folder / "hits")
        return len(chosen)
    for place, pair in enumerate(chosen, start=1):
        for drawing in draw(pair):
            save_drawing(drawing, folder / f"{place:02}-{drawing.kind}")
    return len(chosen)


def report_pairs(found: Found, *, quiet: bool) -> int:
    """Print what was found, and return the number of pairs without an estimate."""
    estimates = found.tables["estimates"]
    verdict = found.tables.get("verdict")
    failed = 0 if verdict is None else verdict.filter(verdict["main_method"].is_null()).height
    if quiet:
        return failed
    for drop in found.drops:
        if drop.n:
            say(f"left out: {drop.n:,} {drop.reason} ({drop.step})")
    if verdict is None or verdict.height <= _SHOWN_PAIRS:
        _print_estimates(estimates)
        for row in [] if verdict is None else verdict.iter_rows(named=True):
            say(f"{row['exposure']} on {row['outcome']}: {row['verdict']}")
        _print_strength(found.tables.get("conditional_strength"))
    else:
        _print_hits(estimates)
    checked = found.tables.get("controls_checked")
    for row in [] if checked is None else checked.iter_rows(named=True):
        say(f"control {row['exposure']} on {row['outcome']}: {row['message']}")
    for note in found.notes:
        report_note(f"note: {note}")
    if failed and verdict is not None:
        report_note(f"{failed} of {verdict.height} pairs have no estimate; see status")
    return failed


def _print_strength(strength: "pl.DataFrame | None") -> None:
    for row in [] if strength is None else strength.iter_rows(named=True):
        value = row["conditional_f"]
        shown = "not known" if value is None else f"{value:.1f}"
        say(f"conditional F of {row['exposure']}: {shown}")


def _print_estimates(estimates: "pl.DataFrame") -> None:
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in estimates.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _print_hits(estimates: "pl.DataFrame") -> None:
    import polars as pl

    main = estimates.filter(pl.col("method").is_in(["ivw", "wald"]) & (pl.col("status") == "ok"))
    top = main.sort("neg_log10_p", descending=True).head(_SHOWN_ROWS)
    hits = main.filter(pl.col("q_bh") < 0.05).height
    say(f"{main.height:,} pairs with an estimate, {hits:,} with q < 0.05; the strongest:")
    headings = ["exposure", "outcome", "method", "variants", "estimate", "95 %|low", "|high"]
    rows = [_row(row) for row in top.iter_rows(named=True)]
    print_rows([*headings, "-log10p", "status"], rows, left=3)


def _row(row: Mapping[str, object]) -> list[str]:
    numbers = [row[name] for name in ("estimate", "conf_low", "conf_high")]
    minus_log = row["neg_log10_p"]
    return [
        *[str(row[name]) for name in ("exposure", "outcome", "method")],
        str(row["nsnp"]),
        *(f"{value:.4g}" if isinstance(value, float) else "" for value in numbers),
        f"{minus_log:.1f}" if isinstance(minus_log, float) else "",
        str(row["status"]),
    ]
