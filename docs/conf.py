"""Settings of Sphinx; the pages are laid out and built by `docs.build`."""

from __future__ import annotations

from functools import cache
from typing import Any

from docutils import nodes
from docutils.utils.math.latex2mathml import tex2mathml
from pygments.lexers.special import TextLexer
from sphinx.search.en import SearchEnglish

import proteomr
from docs.reference.python import spell_parameters

project = "proteomr"
author = copyright = "the proteomr authors"  # noqa: A001 - the name that Sphinx reads
version = release = proteomr.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
exclude_patterns: list[str] = []

myst_heading_anchors = 4  # links to headings are those of GitHub
myst_links_external_new_tab = False
default_role = "code"
smartquotes = False  # --option has two dashes
napoleon_google_docstring = False
napoleon_use_ivar = True
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"

html_math_renderer = "mathml"
pygments_style = "bw"  # the theme's own is too pale to read
html_theme = "alabaster"
html_theme_options = {
    "description": "From proteins and exposures to causes",
    "fixed_sidebar": True,
    "page_width": "1080px",
    "sidebar_width": "250px",
    "show_powered_by": False,
}
html_copy_source = False
html_show_sphinx = html_show_copyright = False
html_last_updated_fmt = None  # the same pages at any hour


class _Stems(SearchEnglish):
    """Sphinx's own, which keeps the stem of a word: a tenth of a build went into finding them."""

    stem = cache(SearchEnglish.stem)


def _spell(
    _app: object, _what: str, _name: str, _value: object, _options: object, lines: list[str]
) -> None:
    lines[:] = spell_parameters(lines)


def _write_formula(translator: Any, node: Any) -> None:
    translator.body.append(tex2mathml(node.astext(), as_block=node.tagname == "math_block"))
    raise nodes.SkipNode


def _help_readers(
    _app: object, _page: str, _template: str, context: dict[str, Any], _tree: object
) -> None:
    """Let code that is wider than the screen be scrolled by keys, and tell levels of headings."""
    if "body" in context:
        context["body"] = context["body"].replace("<pre>", '<pre tabindex="0">')
    draw = context.get("toctree")
    if draw is not None:
        level = 'role="heading" aria-level="3"'
        context["toctree"] = lambda **asked: draw(**asked).replace('role="heading"', level)


def setup(app: Any) -> None:
    """Tell Sphinx how docstrings and formulas are written, and of files that have no grammar.

    Formulas become MathML, which browsers draw by themselves: no script, nothing from elsewhere.
    """
    app.add_html_math_renderer(
        "mathml", inline_renderers=(_write_formula, None), block_renderers=(_write_formula, None)
    )
    app.add_search_language(_Stems)
    app.connect("html-page-context", _help_readers)
    app.connect("autodoc-process-docstring", _spell, priority=400)  # before napoleon's 500
    for name in ("csv", "tsv"):
        app.add_lexer(name, TextLexer)
