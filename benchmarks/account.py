"""The account of the kept results, in Markdown; every number is read from them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from benchmarks.figures import cost, curve_of, exponent, number, timed
from benchmarks.growth import AXES, Axis, Point
from benchmarks.interfaces import PROTEOMR
from benchmarks.records import ABSENT, OK, Measurement, Reading
from benchmarks.rows import ROWS
from benchmarks.rows.floors import PRODUCT, READING, Floors
from benchmarks.rows.kept import NUMPY_LOOP, find_line, read_growth, read_scan
from benchmarks.rows.ranks import RANKS
from benchmarks.rows.row import MILLI, Row, Standing
from benchmarks.run import FAMILIES

__all__ = ["Kept", "Stored", "write_summary", "write_text"]

_GROWTH_FIGURE = "../benchmarks/growth.svg"
_SAID: dict[Standing, str] = {"aim": "aim reached", "must": "reached", "short": "**not reached**"}


@dataclass(frozen=True, slots=True)
class Stored:
    """A peer that was measured elsewhere: its time of a unit, with when and how."""

    row: str
    tool: str
    ms: float
    unit: str
    date: str
    source: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The newest results of each kind, and older ones where they hold what the newest lack.

    Attributes
    ----------
    scans : lines of each family, newest run.
    older : timed lines of tools that the newest run of their family could not measure.
    elsewhere : lines of the newest run of a family on each other kind of machine.
    """

    scans: Sequence[Sequence[Measurement]]
    older: Sequence[Measurement] = ()
    elsewhere: Sequence[Sequence[Measurement]] = ()
    readings: Sequence[Reading] = ()
    points: Sequence[Point] = ()
    stored: Sequence[Stored] = ()

    def ours(self, row: Row) -> Reading | None:
        """Return the reading of a row, or of a floor."""
        for reading in self.readings:
            if reading.row == row.key and reading.tool in {PROTEOMR, "floor"}:
                return reading if reading.state == OK else None
        return None


def write_text(kept: Kept) -> str:
    """Return the whole account: peers, goals, growth and what limits the rest."""
    parts = [_write_peers(kept)]
    if kept.elsewhere:
        parts.append(_write_elsewhere(kept.elsewhere))
    if kept.readings:
        parts.append(_write_goals(kept))
    if kept.points:
        parts.append(_write_growth(kept.points))
    limits = _write_limits(kept)
    if limits:
        parts.append(f"**What limits the rest.** {limits}")
    return "\n\n".join(parts)


def write_summary(kept: Kept) -> str:
    """Return what a reader of the README wants to know: how long, how much memory, against whom."""
    said = []
    for panel in kept.scans:
        command, peer = find_line(panel, "command"), _name_peer(panel)
        if command is None or command.cpu_seconds is None:
            continue
        said.append(
            f"- {command.family}: {command.fits:,} fits in {command.cpu_seconds:.0f} s on one "
            f"thread, {command.peak_memory_mb:,.0f} MB at most{peer}"
        )
    line = kept.scans[0][0]
    setting = (
        f"{line.people:,} people, {line.proteins:,} proteins, {line.columns} covariate columns "
        f"({line.machine.processor}, {line.date}; [the whole account](docs/benchmarks.md)):"
    )
    return "\n".join([setting, "", *said])


def _name_peer(panel: Sequence[Measurement]) -> str:
    """Return how long the plain function of R takes for a fit, where it was timed."""
    for line in timed(panel):
        if line.tool in {"R glm.fit", "R lm"} and line.ratio is not None:
            return f"; {line.tool} takes {number(line.ratio)} times as long for a fit"
    return ""


def _write_peers(kept: Kept) -> str:
    lines = [
        _setting(kept.scans[0][0], older=bool(kept.older)),
        "",
        "| scan | tool | what is timed | ms per fit | ratio | largest error, estimate / SE |",
        "|---|---|---|---:|---:|---:|",
    ]
    for panel in kept.scans:
        family = panel[0].family
        lines += [_row(line) for line in timed(panel)]
        lines += [_older_row(line) for line in kept.older if line.family == family]
    lines += ["", *(f"- {_sentence(panel)}" for panel in kept.scans)]
    remembered = {(line.family, line.tool) for line in kept.older}
    absent = sorted(
        line.tool
        for panel in kept.scans
        for line in panel
        if line.state == ABSENT and (line.family, line.tool) not in remembered
    )
    if absent:
        lines.append(f"- Not on the machine, not measured: {', '.join(absent)}.")
    return "\n".join(lines)


def _setting(line: Measurement, *, older: bool) -> str:
    dated = " A ratio with a date is of an older run: its tool was not on the machine in this one."
    return (
        f"{line.people:,} people, {line.proteins:,} proteins with missing values, {line.columns} "
        "covariate columns, two exposures under two adjustment sets. CPU time of one thread, all "
        "tools on the same people in alternating rounds of one run, every fit checked against the "
        f"maximum in that run ({line.machine.processor}, {line.date}).{dated if older else ''}"
    )


def _row(line: Measurement) -> str:
    ratio = "1" if line.tool == PROTEOMR or line.ratio is None else number(line.ratio)
    return _table_row(line, number(cost(line)), ratio)


def _older_row(line: Measurement) -> str:
    """Return a tool of an older run: its ratio, since its milliseconds are of other minutes."""
    return _table_row(line, "", f"{number(line.ratio or 0.0)} ({line.date})")


def _table_row(line: Measurement, ms: str, ratio: str) -> str:
    errors = f"{line.estimate_error or 0.0:.0e} / {line.se_error or 0.0:.0e}"
    return f"| {line.family} | {line.tool} | {line.includes} | {ms} | {ratio} | {errors} |"


def _sentence(panel: Sequence[Measurement]) -> str:
    """Say what the whole command took, and what two threads and compiled loops bring."""
    parts = []
    command, workers = find_line(panel, "command"), find_line(panel, "workers")
    loops = find_line(panel, "loops")
    if command is not None and command.cpu_seconds is not None:
        parts.append(
            f"The whole {command.family} scan, {command.fits:,} fits from parquet to tables: "
            f"{command.cpu_seconds:.0f} s CPU, {command.wall_seconds:.0f} s wall, "
            f"{command.peak_memory_mb:,.0f} MB at most"
        )
    if workers is not None and workers.ratio is not None:
        parts.append(f"two threads are {workers.ratio:.2f} times as fast as one")
    if loops is not None and loops.ratio is not None:
        parts.append(f"compiled loops save a factor of {loops.ratio:.2f} in CPU time")
    return "; ".join(parts) + "."


def _write_elsewhere(panels: Sequence[Sequence[Measurement]]) -> str:
    """Return what the same scans took on other processors, each beside its own numpy loop."""
    lines = [
        "The same scans on other processors, each in one quiet run:",
        "",
        "| processor | scan | ms per fit | numpy's loop | whole command | two threads |",
        "|---|---|---:|---:|---:|---:|",
    ]
    for panel in panels:
        fit, loop = (find_line(panel, "fits", tool=tool) for tool in (PROTEOMR, NUMPY_LOOP))
        command, workers = find_line(panel, "command"), find_line(panel, "workers")
        machine = panel[0].machine
        kernel = machine.blas.rpartition(" ")[2]
        cells = (
            f"{machine.processor}, {machine.caches}, OpenBLAS for {kernel} ({panel[0].date})",
            panel[0].family,
            "" if fit is None else number(cost(fit)),
            "" if loop is None else f"{number(loop.ratio or 0.0)}x",
            "" if command is None else f"{command.cpu_seconds or 0.0:.0f} s CPU",
            "" if workers is None else f"{workers.ratio or 0.0:.2f}x",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _write_goals(kept: Kept) -> str:
    readings = kept.readings
    floors = {row.key for row in Floors.rows}
    scans = [found for panel in kept.scans for found in read_scan(panel)]
    by_row = {
        row.key: reading
        for row in ROWS
        if row.key not in floors and (reading := kept.ours(row)) is not None
    }
    measured = [(row, by_row[row.key]) for row in ROWS if row.key in by_row]
    lines = [
        f"Each piece of work beside its yardstick in the same run ({readings[0].date}):",
        "",
        "| work | size | takes | held against | ratio | goal | beside it |",
        "|---|---|---:|---|---:|---|---|",
    ]
    for row, reading in [*scans, *read_growth(kept.points), *measured]:
        cells = (
            row.title,
            reading.work,
            _say_cost(reading),
            row.against,
            _say_ratio(row, reading.ratio),
            _say_goal(row, reading.ratio),
            _say_peers(reading, kept),
        )
        lines.append(f"| {' | '.join(cells)} |")
    wrong = sorted({reading.row for reading in readings if reading.state not in {OK, ABSENT}})
    if wrong:
        lines += ["", f"Failed their check and are left out: {', '.join(wrong)}."]
    return "\n".join(lines)


def _say_cost(reading: Reading) -> str:
    parts = []
    if reading.cpu_seconds is not None:
        parts.append(f"{number(reading.cpu_seconds)} s CPU")
    if reading.ms is not None and reading.unit != "run":
        parts.append(f"{number(reading.ms)} ms a {reading.unit}")
    if reading.peak_memory_mb is not None:
        parts.append(f"{reading.peak_memory_mb:,.0f} MB")
    return ", ".join(parts)


def _say_ratio(row: Row, ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{number(ratio)}x {'as fast' if row.gain else 'its time'}"


def _say_goal(row: Row, ratio: float | None) -> str:
    """Return what the ratio must be and is meant to be, and whether it is."""
    standing = row.standing(ratio)
    if not standing:
        return ""
    bound = "at least" if row.gain else "at most"
    goals = [] if row.must is None else [f"{bound} {row.must:g}"]
    if row.aim is not None and row.aim != row.must:
        goals.append(f"aim {row.aim:g}")
    return f"{', '.join(goals)}: {_SAID[standing]}"


def _say_peers(reading: Reading, kept: Kept) -> str:
    """Return the peers of a row, measured beside it or stored with their date."""
    parts = [
        f"{other.tool}: {_say_cost(other) or f'{number(other.ms or 0.0)} ms'}"
        + ("" if other.ratio is None else f", {number(other.ratio)}x")
        for other in kept.readings
        if other.row == reading.row and other.tool != PROTEOMR and other.state == OK
    ]
    parts += [
        f"{peer.tool}: {number(peer.ms)} ms a {peer.unit} (stored {peer.date}: {peer.source})"
        for peer in kept.stored
        if peer.row == reading.row
    ]
    return "; ".join(parts)


def _write_growth(points: Sequence[Point]) -> str:
    sentences = [text for axis in AXES for text in _say_slopes(points, axis)]
    return (
        f"![How time and memory grow]({_GROWTH_FIGURE})\n\n"
        f"The whole command on simulated cohorts, one thread ({points[0].date}); a slope is that "
        f"of the last two points on log axes. {' '.join(sentences)}"
    )


def _say_slopes(points: Sequence[Point], axis: Axis) -> list[str]:
    """Return a sentence on one axis; none where it has a single point."""
    slopes = []
    for family in FAMILIES:
        curve = curve_of(points, axis, family)[-2:]
        if len(curve) == 2:
            time, memory = (exponent(curve, of) for of in ("cpu_seconds", "peak_memory_mb"))
            slopes.append((f"{time:.2f} ({family})", f"{memory:.2f} ({family})"))
            span = " to ".join(f"{point.at:,}" for point in curve)
    if not slopes:
        return []
    times, memories = (" and ".join(part) for part in zip(*slopes, strict=True))
    return [f"From {span} {axis}, time has a slope of {times}, memory of {memories}."]


def _write_limits(kept: Kept) -> str:
    """Say where the time of the scans goes, from the growth along proteins and the floors."""
    ranks, reading, product = (kept.ours(row) for row in (RANKS, READING, PRODUCT))
    sentences = []
    for panel in kept.scans:
        family = panel[0].family
        parts = _split(curve_of(kept.points, "proteins", family))
        if parts is None or ranks is None or reading is None:
            continue
        fixed, protein = parts
        least = (ranks.ms or 0.0) + (reading.ms or 0.0)
        sentences.append(
            f"the {family} scan takes {fixed:.1f} s whatever the number of proteins (start, "
            f"digests, plan, the panels' bases, tables) and {protein:.1f} ms for each of them; "
            f"ranks take {number(ranks.ms or 0.0)} ms of these, reading at least "
            f"{number(reading.ms or 0.0)} ms, and the fits with all that prepares them the other "
            f"{max(0.0, 1.0 - least / protein):.0%}"
        )
    sentences += _compare_products(kept, product)
    sentences += _compare_workers(kept)
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in sentences)


def _split(curve: Sequence[Point]) -> tuple[float, float] | None:
    """Return the seconds that do not grow with the proteins, and the milliseconds of each."""
    if len(curve) < 2:
        return None
    before, last = curve[-2:]
    each = (last.cpu_seconds - before.cpu_seconds) / (last.at - before.at)
    return max(0.0, last.cpu_seconds - each * last.at), MILLI * each


def _compare_products(kept: Kept, product: Reading | None) -> Iterable[str]:
    """Say how a fit compares with one product of its design, the floor of a single fit alone."""
    if product is None or not product.ms:
        return []
    fits = [
        line for panel in kept.scans if (line := find_line(panel, "fits", PROTEOMR)) is not None
    ]
    parts = [f"{number(cost(line) / product.ms)} ({line.family})" for line in fits]
    said = " and ".join(parts)
    text = (
        f"a fit takes {said} times as long as one weighted cross-product of its design, of which a "
        "fit by itself needs one for each of Newton's steps: what is left are passes over the "
        "design that all fits of a block share, and the loops over its rows"
    )
    return [text]


def _compare_workers(kept: Kept) -> Iterable[str]:
    """Say what two threads bring, and what they would if all that grows were shared."""
    sentences = []
    for panel in kept.scans:
        family = panel[0].family
        workers, command = find_line(panel, "workers"), find_line(panel, "command")
        parts = _split(curve_of(kept.points, "proteins", family))
        if workers is None or command is None or parts is None:
            continue
        whole = command.cpu_seconds or 0.0
        ideal = whole / (parts[0] + (whole - parts[0]) / 2.0)
        sentences.append(
            f"two threads are {workers.ratio or 0.0:.2f} times as fast as one in the {family} "
            f"scan; were all that grows shared, they would be {ideal:.2f} times as fast, and the "
            "rest is contention"
        )
    return sentences
