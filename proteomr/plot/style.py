"""One look for all figures: colours, type sizes, widths, and the drawing library, loaded late."""

from __future__ import annotations

import importlib
import logging
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from proteomr.errors import UsageError

__all__ = [
    "BLACK",
    "BLUE",
    "GREY",
    "VERMILLION",
    "MethodLook",
    "PlotStyle",
    "choose_fonts",
    "find_undrawable",
    "house_style",
    "look_of_method",
]

Width: TypeAlias = Literal["single", "double"]

BLACK: Final = "#000000"
GREY: Final = "#999999"
BLUE: Final = "#0072B2"
VERMILLION: Final = "#D55E00"
GREEN: Final = "#009E73"
PURPLE: Final = "#CC79A7"
ORANGE: Final = "#E69F00"
SKY: Final = "#56B4E9"

_WIDTHS_MM: Final[dict[Width, float]] = {"single": 89.0, "double": 183.0}
_HEIGHTS_MM: Final[dict[Width, float]] = {"single": 62.0, "double": 90.0}
_DASHES: Final[tuple[tuple[float, ...], ...]] = (
    (),
    (5.0, 2.0),
    (5.0, 1.5, 1.0, 1.5),
    (1.0, 1.2),
    (3.0, 1.0),
    (7.0, 1.5, 1.0, 1.5, 1.0, 1.5),
    (9.0, 2.0),
)
_FAMILIES: Final[tuple[tuple[str, tuple[tuple[str, str], ...]], ...]] = (
    (
        BLUE,
        (
            ("ivw", "IVW"),
            ("ivw_fe", "IVW (fixed effects)"),
            ("ivw_mre", "IVW (random effects)"),
            ("ivw_correlated", "IVW (correlated)"),
            ("ivw_radial", "IVW radial"),
        ),
    ),
    (
        VERMILLION,
        (
            ("egger", "MR-Egger"),
            ("egger_radial", "MR-Egger radial"),
            ("egger_bootstrap", "MR-Egger (bootstrap)"),
            ("egger_correlated", "MR-Egger (correlated)"),
        ),
    ),
    (
        GREEN,
        (
            ("weighted_median", "Weighted median"),
            ("simple_median", "Simple median"),
            ("penalised_weighted_median", "Penalised weighted median"),
        ),
    ),
    (
        PURPLE,
        (
            ("weighted_mode", "Weighted mode"),
            ("weighted_mode_nome", "Weighted mode (NOME)"),
            ("simple_mode_nome", "Simple mode (NOME)"),
            ("penalised_mode", "Penalised mode"),
        ),
    ),
    (
        ORANGE,
        (
            ("simple_mode", "Simple mode"),
            ("raps", "RAPS"),
            ("maxlik", "Maximum likelihood"),
            ("divw", "Debiased IVW"),
            ("pivw", "Penalised IVW"),
            ("grip", "GRIP"),
        ),
    ),
    (
        SKY,
        (
            ("conmix", "Contamination mixture"),
            ("lasso", "MR-Lasso"),
            ("cml", "cML"),
            ("presso", "MR-PRESSO"),
            ("mrmix", "MRMix"),
            ("hetpen", "Heterogeneity-penalised"),
        ),
    ),
    (
        BLACK,
        (
            ("wald", "Wald ratio"),
            ("uwr", "Unweighted regression"),
            ("sign", "Sign test"),
            ("gsmr", "GSMR"),
            ("cause", "CAUSE"),
            ("pcgmm", "PC-GMM"),
            ("clr", "Conditional likelihood ratio"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class MethodLook:
    """How one method appears in every figure.

    Parameters
    ----------
    label : its name for readers.
    colour : hexadecimal colour.
    dashes : lengths on and off, in line widths; empty for a solid line.
    """

    label: str
    colour: str
    dashes: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class PlotStyle:
    """What a reader may choose about a figure.

    Parameters
    ----------
    width : "single" or "double", a journal's columns of 89 and 183 mm.
    title : printed above the figure; None for none.
    exposure_unit, outcome_unit : units of the effects, printed in brackets in the axis labels.
    labels : most variants that are named inside a figure.
    ratio : name of the ratio that effects are drawn as, such as "OR": the exponentials of effects
        that are log ratios, on log axes; None for effects as they are.
    small_print : a line at the foot of each figure.
    build : "GRCh38" or "GRCh37", whose genes stand below regions; None for none.

    Raises
    ------
    UsageError
        Another width or build, or a negative number of labels.

    Examples
    --------
    >>> PlotStyle(width="double").width_mm
    183.0
    """

    width: Width = "single"
    title: str | None = None
    exposure_unit: str | None = None
    outcome_unit: str | None = None
    labels: int = 12
    ratio: str | None = None
    small_print: str | None = None
    build: str | None = None

    def __post_init__(self) -> None:
        if self.width not in _WIDTHS_MM:
            raise UsageError(f"a width of {self.width!r}; 'single' or 'double' is needed")
        if self.labels < 0:
            raise UsageError(f"{self.labels} labels; zero or more are needed")
        if self.build not in (None, "GRCh38", "GRCh37"):
            raise UsageError(f"a build of {self.build!r}; 'GRCh38' or 'GRCh37' is needed")

    @property
    def width_mm(self) -> float:
        """Width of the figure in millimetres."""
        return _WIDTHS_MM[self.width]

    @property
    def plot_mm(self) -> float:
        """Height of the axes of a figure of points, in millimetres."""
        return _HEIGHTS_MM[self.width]


def _tabulate_looks() -> dict[str, MethodLook]:
    return {
        key: MethodLook(label, colour, _DASHES[(family + member) % len(_DASHES)])
        for family, (colour, members) in enumerate(_FAMILIES)
        for member, (key, label) in enumerate(members)
    }


_LOOKS: Final = _tabulate_looks()


def look_of_method(key: str) -> MethodLook:
    """Return the label, colour and dashes of a method, the same in every figure.

    Colours are those of Okabe and Ito (2008), which people who are colour-blind can tell apart; the
    dashes tell the lines apart in grey. A method of another name is black.

    Parameters
    ----------
    key : name of the method in a table of estimates.

    Examples
    --------
    >>> look_of_method("ivw")
    MethodLook(label='IVW', colour='#0072B2', dashes=())
    >>> look_of_method("my_method").label
    'my method'
    """
    if key in _LOOKS:
        return _LOOKS[key]
    dashes = _DASHES[zlib.crc32(key.encode("utf-8", "replace")) % len(_DASHES)]
    return MethodLook(key.replace("_", " "), BLACK, dashes)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw or save inside the block in one look, whatever settings matplotlib has from elsewhere.

    The settings that stood before are back after the block.

    Raises
    ------
    UsageError
        matplotlib is not installed, or lacks the font that it comes with.

    Examples
    --------
    >>> import matplotlib
    >>> with house_style():
    ...     matplotlib.rcParams["svg.hashsalt"]
    'proteomr'
    """
    matplotlib = _load_matplotlib()
    _refuse_missing_font()
    with matplotlib.rc_context(), warnings.catch_warnings(), _quiet_fonts():
        # a letter that no font holds is drawn as a box; a note names it, the data beside keep it
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from")
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        matplotlib.rcParams["font.family"] = choose_fonts()  # a list: one after another
        yield


def _refuse_missing_font() -> None:
    """Refuse to draw without the font of the house: its letters are what all sizes are of.

    Installations that take fonts out of matplotlib, and lists of fonts that no longer exist, leave
    it without one.
    """
    from matplotlib import font_manager

    try:
        font_manager.findfont(_FONT, fallback_to_default=False)
    except (ValueError, OSError):
        raise UsageError(
            f"figures need the font {_FONT}, which comes with matplotlib and is not there: "
            "install matplotlib again, or the font (fonts-dejavu)"
        ) from None


def choose_fonts() -> list[str]:
    """Return the families that letters are looked for in, one after another.

    The first comes with matplotlib and draws the same bytes everywhere; those installed of the
    others have letters that it lacks.
    """
    from matplotlib import font_manager

    installed = set(font_manager.get_font_names())
    return [_FONT, *(name for name in _FALLBACKS if name in installed)]


def find_undrawable(text: str) -> str:
    """Return the letters of a text that no font has, each once; they would be boxes."""
    from matplotlib import font_manager
    from matplotlib.ft2font import FT2Font

    held = [
        FT2Font(font_manager.findfont(font_manager.FontProperties(family=[name])))
        for name in choose_fonts()
    ]
    maps = [font.get_charmap() for font in held]
    return "".join(
        dict.fromkeys(
            letter
            for letter in text
            if letter.isprintable() and not any(ord(letter) in known for known in maps)
        )
    )


@contextmanager
def _quiet_fonts() -> Iterator[None]:
    """Say nothing of a font that has no bold: its plain letters serve."""
    logger = logging.getLogger("matplotlib.font_manager")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


def _load_matplotlib() -> Any:
    try:
        return importlib.import_module("matplotlib")
    except ModuleNotFoundError:
        raise UsageError(
            "figures need the package matplotlib, which is not installed: "
            "pip install 'proteomr[plot]'"
        ) from None


_FONT: Final = "DejaVu Sans"  # comes with matplotlib: the same bytes everywhere
_FALLBACKS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Noto Sans JP",
    "Noto Sans KR",
    "Source Han Sans SC",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "SimHei",
    "Arial Unicode MS",
    "Noto Sans Arabic",
    "Noto Sans Hebrew",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
)

_SETTINGS: Final[dict[str, object]] = {
    "figure.dpi": 300,
    "savefig.dpi": 300,
    "font.size": 7.0,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.0,
    "axes.linewidth": 0.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelpad": 3.0,
    "xtick.labelsize": 6.0,
    "ytick.labelsize": 6.0,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2.0,
    "ytick.major.size": 2.0,
    "xtick.major.pad": 2.0,
    "ytick.major.pad": 2.0,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "legend.labelspacing": 0.4,
    "legend.columnspacing": 1.4,
    "legend.borderpad": 0.1,
    "lines.linewidth": 1.0,
    "lines.scale_dashes": True,
    "svg.fonttype": "none",
    "svg.hashsalt": "proteomr",
    "pdf.fonttype": 42,
}
