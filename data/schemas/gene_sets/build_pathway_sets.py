# /// script
# requires-python = ">=3.11"
# dependencies = []
# ///
r"""Build a GMT for ``proteomr enrich`` from files of Reactome or WikiPathways that were downloaded.

Nothing is downloaded here, and nothing of either is shipped with proteomr::

    python build_pathway_sets.py UniProt2Reactome_All_Levels.txt --date 2026-09-12 -o reactome.gmt
    python build_pathway_sets.py ReactomePathways.gmt.zip --date 2026-09-12 -o reactome.gmt
    python build_pathway_sets.py wikipathways-20260910-gmt-Homo_sapiens.gmt -o wikipathways.gmt

The description of each set says what it is, where from, of which date and under which licence:
Reactome's annotations are released under CC0 1.0, WikiPathways' content under CC0 1.0. Read the
page of the file that was taken: a licence may change. KEGG's does not allow copies to be made
or passed on: a GMT of it is the user's own affair.

Rules
-----
Mapping files of Reactome have six columns without a header: identifier, pathway, URL, name,
evidence, species. A pathway holds the distinct identifiers of one species, whatever the evidence;
in files ``_All_Levels`` also those of the pathways below it. ReactomePathways.gmt has name,
identifier and symbols. The long names of WikiPathways tell date and species. Members are left as
they are spelt: ``enrich`` finds their genes.
"""

from __future__ import annotations

import argparse
import gzip
import sys
import zipfile
from pathlib import Path
from typing import Final

LICENCES: Final = {"Reactome": "CC0 1.0", "WikiPathways": "CC0 1.0"}
MAPPED: Final = 6  # columns of a mapping file
LONG_NAME: Final = 4  # parts of a name of WikiPathways
Sets = dict[str, tuple[str, dict[str, None]]]  # title and members, by identifier


def read_lines(path: Path) -> list[list[str]]:
    """Return the cells of each line of a file, of the one in a zip, or of a gzip."""
    content = path.read_bytes()
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if not name.endswith("/")]
            if len(inside) != 1:
                sys.exit(f"{path}: {len(inside)} files in the zip; one is read: unpack it")
            content = archive.read(inside[0])
    elif content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    lines = content.decode("utf-8-sig").splitlines()
    return [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]


def take_mapping(lines: list[list[str]], species: str) -> Sets:
    """Return the pathways of a mapping file."""
    sets: Sets = {}
    for identifier, pathway, _, name, _, organism in lines:
        if organism == species:
            sets.setdefault(pathway, (name, {}))[1][identifier] = None
    return sets


def take_reactome(lines: list[list[str]]) -> Sets:
    """Return the pathways of ReactomePathways.gmt."""
    return {cells[1]: (cells[0], dict.fromkeys(filter(None, cells[2:]))) for cells in lines}


def take_wikipathways(lines: list[list[str]], species: str) -> tuple[Sets, str]:
    """Return the pathways of WikiPathways, and the date that their names tell."""
    sets: Sets = {}
    dates: set[str] = set()
    for cells in lines:
        title, release, identifier, organism = cells[0].split("%")
        if organism == species:
            dates.add(release.removeprefix("WikiPathways_"))
            sets[identifier] = (title, dict.fromkeys(filter(None, cells[2:])))
    return sets, max(dates, default="")


def take_sets(path: Path, species: str) -> tuple[str, Sets, str]:
    """Return where a file is from, its sets, and the date where it tells one."""
    lines = read_lines(path)
    if not lines:
        sys.exit(f"{path}: holds no line")
    first = lines[0]
    if len(first[0].split("%")) == LONG_NAME:
        return "WikiPathways", *take_wikipathways(lines, species)
    if len(first) > 1 and first[1].startswith("R-"):
        if all(len(cells) == MAPPED and cells[2].startswith("http") for cells in lines):
            return "Reactome", take_mapping(lines, species), ""
        return "Reactome", take_reactome(lines), ""
    sys.exit(
        f"{path}: neither a mapping file or GMT of Reactome nor a GMT of WikiPathways; other GMT "
        "files go to proteomr enrich as they are"
    )


def main() -> None:
    """Read the arguments and write the sets."""
    parser = argparse.ArgumentParser(description="Build a GMT of Reactome or WikiPathways.")
    parser.add_argument("file", type=Path, help="as it was downloaded")
    parser.add_argument("-o", "--out", type=Path, required=True, help="the GMT")
    parser.add_argument("--date", default="", help="of the release, where the file tells none")
    parser.add_argument("--species", default="Homo sapiens", help="whose pathways")
    given = parser.parse_args()
    source, sets, told = take_sets(given.file, given.species)
    date = given.date or told
    if not date:
        sys.exit(f"{given.file}: tells no date: name that of the release (--date YYYY-MM-DD)")
    if not sets:
        sys.exit(f"{given.file}: no pathway of {given.species!r}")
    about = f"{source} {date}, {LICENCES[source]}"
    lines = [
        "\t".join([name, f"{title} ({about})", *sorted(members)])
        for name, (title, members) in sorted(sets.items())
        if members
    ]
    given.out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{len(lines)} sets of {about}\n")


if __name__ == "__main__":
    main()
