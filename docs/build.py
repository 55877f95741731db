"""Build the pages as HTML, offline: ``python -m docs.build``.

The pages of the repository are laid out in a folder as they stand in it, so that links lead where
they lead here; beside them come pages that are written from the options of the commands, the
schemas of the tables and the docstrings. Sphinx's warnings are errors: a page that the index lacks,
a link to a file or a heading that is not there.
"""

from __future__ import annotations

import argparse
import re
import shutil
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from docs.reference.commands import write_commands
from docs.reference.python import write_python
from docs.reference.tables import write_tables

__all__ = ["add_toctrees", "lay_out", "main"]

ROOT = Path(__file__).parents[1]
_BESIDE = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
_LINK = re.compile(r"^- \[[^]]*\]\(([^)]+)\.md\)", re.MULTILINE)
_SECTION = re.compile(r"^## (.+)\n", re.MULTILINE)


def add_toctrees(index: str) -> str:
    r"""Return the index with a hidden tree of pages in each section, of the pages that it lists.

    Examples
    --------
    >>> print(add_toctrees("# Pages\n\n## Jobs\n\n- [One](one.md): a page\n"))
    # Pages
    <BLANKLINE>
    ## Jobs
    <BLANKLINE>
    - [One](one.md): a page
    <BLANKLINE>
    ```{toctree}
    :hidden:
    :caption: Jobs
    <BLANKLINE>
    one
    ```
    """
    begins = [*(found.start() for found in _SECTION.finditer(index)), len(index)]
    parts = [index[: begins[0]].rstrip()]
    for start, end in pairwise(begins):
        section = index[start:end].rstrip()
        caption = section.partition("\n")[0].removeprefix("## ")
        listed = "\n".join(found[1] for found in _LINK.finditer(section))
        parts.append(f"{section}\n\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n{listed}\n```")
    return "\n\n".join(parts)


def lay_out(folder: Path) -> None:
    """Write all pages into an empty folder, those of the repository under their own paths."""
    pages = {file.name: file.read_text("utf-8") for file in sorted((ROOT / "docs").glob("*.md"))}
    written = {f"docs/{name}": text for name, text in pages.items()}
    written["docs/index.md"] = add_toctrees(pages["index.md"])
    written |= {name: (ROOT / name).read_text("utf-8") for name in _BESIDE}
    for kind, reference in (
        ("commands", write_commands(pages)),
        ("tables", write_tables()),
        ("python", write_python()),
    ):
        listed = "\n".join(name.removesuffix(".md") for name in reference if name != "index.md")
        reference["index.md"] += f"\n```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
        written |= {f"docs/reference/{kind}/{name}": text for name, text in reference.items()}
    for name, text in written.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for home in ("benchmarks", "docs"):
        for figure in (ROOT / home).glob("*.svg"):
            target = folder / home / figure.name
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(figure, target)


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the pages, and return Sphinx's exit code."""
    from sphinx.cmd.build import main as build

    parser = argparse.ArgumentParser(prog="python -m docs.build", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "pages", help="a folder")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as held:
        lay_out(Path(held))
        settings = ["-c", str(ROOT / "docs"), "-W", "--keep-going", "-q", "-E", "-j", "1"]
        code = build([*settings, "-d", f"{held}/.doctrees", held, str(options.out)])
    if code == 0:
        print(options.out / "docs" / "index.html")
    return code


if __name__ == "__main__":
    raise SystemExit(main())
