"""Ten lines of each format, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SAMPLES = ("A1", "B2", "C3")
GROUPS = {
    "P05231": "IL6",
    "P01375;P01374": "TNF;LTA",
    "Q99988": "GDF15",
    "P35318": "ADM",
    "P16860": "NPPB",
    "P02533": "KRT14",
    "CON__P00761": "",
    "REV__P02768": "",
}


def intensity(sample: int, group: int) -> float:
    """Return an intensity; every seventh is zero."""
    place = 3 * group + sample
    return 0.0 if place % 7 == 5 else 1000.0 * (place + 1) + 0.5


def expected() -> dict[tuple[str, str], float]:
    """Return the intensities that are there, by sample and group."""
    cells = {
        (sample, group): intensity(i, j)
        for i, sample in enumerate(SAMPLES)
        for j, group in enumerate(GROUPS)
    }
    return {pair: value for pair, value in cells.items() if value}


@dataclass(frozen=True, slots=True)
class Fixture:
    """A file of a format.

    Parameters
    ----------
    text : the file.
    gene : whether it tells the genes.
    """

    text: str
    gene: bool = True


def _table(header: list[str], rows: list[list[str]], delimiter: str = "\t") -> str:
    return "".join(delimiter.join(line) + "\n" for line in [header, *rows])


def _values(group: int, scale: float = 1.0) -> list[str]:
    return [f"{scale * intensity(i, group):g}" for i in range(len(SAMPLES))]


def _maxquant() -> Fixture:
    header = ["Protein IDs", "Majority protein IDs", "Gene names", "Q-value", "Intensity"]
    header += [f"Intensity {name}" for name in SAMPLES]
    header += [f"iBAQ {name}" for name in SAMPLES]
    header += [f"LFQ intensity {name}" for name in SAMPLES]
    header += ["Only identified by site", "Reverse", "Potential contaminant", "id"]
    rows = []
    for j, (group, gene) in enumerate(GROUPS.items()):
        row = [group, group.split(";")[0], gene, "0.001", "99", *_values(j, 2), *_values(j, 3)]
        row += [*_values(j), "", "+" * group.startswith("REV"), "+" * group.startswith("CON")]
        rows.append([*row, str(j)] if j % 2 else row)  # empty cells at the end are cut off
    return Fixture(_table(header, rows))


def _diann_matrix() -> Fixture:
    header = ["Protein.Group", "Protein.Ids", "Protein.Names", "Genes", "First.Protein.Description"]
    header += [f"C:\\data\\{name}.raw" for name in SAMPLES]
    rows = []
    for j, (group, gene) in enumerate(GROUPS.items()):
        row = [group, group, "X_HUMAN", gene, "words", *_values(j)]
        while row[-1] == "0":
            row.pop()  # cut off, as DIA-NN does
        rows.append(row)
    return Fixture(_table(header, rows))


def _diann_report() -> Fixture:
    header = ["File.Name", "Run", "Protein.Group", "Genes", "PG.Quantity", "PG.MaxLFQ"]
    header += ["Precursor.Id", "PG.Q.Value"]
    rows = [
        [f"/x/{sample}.d", sample, group, gene, "7", _values(j)[i], f"PEPTIDE{k}", "0.001"]
        for j, (group, gene) in enumerate(GROUPS.items())
        for i, sample in enumerate(SAMPLES)
        for k in range(2)
    ]
    return Fixture(_table(header, rows))


def _fragpipe() -> Fixture:
    header = ["Protein", "Protein ID", "Entry Name", "Gene", "Protein Length", "Description"]
    for name in SAMPLES:
        header += [f"{name} Spectral Count", f"{name} Intensity", f"{name} MaxLFQ Intensity"]
    rows = []
    for j, (group, gene) in enumerate(GROUPS.items()):
        row = [group, group, "X_HUMAN", gene, "212", "words"]
        for i in range(len(SAMPLES)):
            row += ["3", _values(j, 2)[i], _values(j)[i]]
        rows.append(row)
    return Fixture(_table(header, rows))


def _spectronaut_matrix() -> Fixture:
    header = ["PG.ProteinGroups", "PG.Genes", "PG.Qvalue"]
    header += [f"[{i}] {name}.raw.PG.Quantity" for i, name in enumerate(SAMPLES, start=1)]
    header += [f"[{i}] {name}.raw.PG.Qvalue" for i, name in enumerate(SAMPLES, start=1)]
    rows = [
        [group, gene, "0.01", *_values(j), *["0.001"] * 3]
        for j, (group, gene) in enumerate(GROUPS.items())
    ]
    return Fixture(_table(header, rows))


def _spectronaut_report() -> Fixture:
    header = ["R.FileName", "PG.ProteinGroups", "PG.Genes", "PG.Quantity", "PG.Qvalue"]
    rows = [
        [f"{sample}.raw", group, gene, _values(j)[i], "0.002"]
        for j, (group, gene) in enumerate(GROUPS.items())
        for i, sample in enumerate(SAMPLES)
    ]
    return Fixture(_table([*header, "EG.PrecursorId"], [[*row, "_P_"] for row in rows]))


def _alphapept() -> Fixture:
    header = ["", *(f"{name}_LFQ" for name in SAMPLES), *SAMPLES]
    rows = [[group, *_values(j), *_values(j, 2)] for j, group in enumerate(GROUPS)]
    return Fixture(_table(header, rows, ","), gene=False)


FIXTURES: Mapping[str, Fixture] = {
    "maxquant": _maxquant(),
    "diann_matrix": _diann_matrix(),
    "diann_report": _diann_report(),
    "fragpipe": _fragpipe(),
    "spectronaut_matrix": _spectronaut_matrix(),
    "spectronaut_report": _spectronaut_report(),
    "alphapept": _alphapept(),
}
