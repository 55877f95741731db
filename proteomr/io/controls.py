"""Which samples are controls of the laboratory and no people, told by their type or their name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

__all__ = [
    "ControlSamples",
    "find_control_names",
    "find_control_types",
    "find_type_column",
    "is_control_name",
    "is_control_type",
    "mark_controls",
    "may_be_control_name",
]

_TYPE_COLUMNS: Final = (
    *("sampletype", "sampletypes", "typeofsample", "samplekind", "welltype", "typeofwell"),
    *("probentyp", "probetyp", "typeechantillon", "tipodemuestra", "tipomuestra", "tipocampione"),
)
# Letters without accents and case: "témoin" is temoin, "Kontrolle" kontrolle.
_CONTROL: Final = (
    r"controls?|controles?|controll[oi]|kontroll(e|en|er)?|kontroler?|ctrls?|ctls?|cntrl|temoins?"
)
_QUALIFIED: Final = (
    r"negati(f|v[aeo]?)|neg|positi(f|v[aeo]?)|pos|plate|platten?|plaque|placa|interplate"
    r"|sample|proben?|echantillon|muestra|process|extraction|assay|technical|internal|blank"
    r"|no template|notemplate|quality|detection|hybridi[sz]ation|external|inter|pooled|run|batch"
)
_TECHNICAL: Final = (
    r"ipc|npc|ntc|hce|qc|qcs|aqsc|empty|blank|blanks|blanc|blanco|blindwert|bianco|leer|leerwert|vide"
    r"|vacio|vuoto|tomt|leeg|buffers?|puffer|tampon|tampone|buffert|water|h2o|calibrators?|calib"
    r"|calibrants?|kalibratore?n?|calibrateurs?|calibrador(es)?|calibratore|pool|pools|pooled|poolprobe"
    r"|bridge|bridges|bridging|inter ?plate|intra ?plate"
)
_CODES: Final = r"nc|pc|sc|ipc|neg|pos|cal|std|standards?|ref|references?|positive|negative"
_TECHNICAL_WORD: Final = re.compile(rf"\b({_TECHNICAL})\d*\b")
_QUALIFIED_CONTROL: Final = re.compile(
    rf"\b({_QUALIFIED}) ?({_CONTROL})\d*\b|\b({_CONTROL}) ?({_QUALIFIED})\d*\b"
)
_CONTROL_WORD: Final = re.compile(rf"\b({_CONTROL})\d*\b")
_CODE: Final = re.compile(rf"({_CODES}) ?\d*")
_PEOPLE: Final = re.compile(
    r"\b(healthy|health|normal|matched|population|community|disease|diseased|cases?|patients?"
    r"|subjects?|participants?|volunteers?|group|arm|clinical|placebo|care|gesunde?|sain|sano)\b"
)
_SAMPLE: Final = re.compile(
    r"(unknowns?|unk|(study |biological )?samples?|proben?|echantillons?|muestras?|campion[ei]"
    r"|prov|prove|monsters?|specimens?|plasma|serum|csf|urine|blood)\d*"
)

_CERTAIN_NAME: Final = re.compile(
    rf"(({_QUALIFIED}) ?({_CONTROL})|({_CONTROL}) ?(sample|probe)|empty( wells?)?|blanks?( wells?)?"
    r"|blindwert|leerwert|puffer|buffers?( wells?)?|calibrators?|inter ?plate( controls?)?"
    r"|pooled (plasma|serum|samples?|controls?|qc)|no template)\d*( [a-z0-9]{1,3})*( plate \w+)?"
    r"|(ipc|ntc) ?\d{0,2}( [a-z0-9]{1,3})?( plate \w+)?|(nc|sc|pc|ipc|qc) \d{1,2} (plate|p) ?\w+"
)
_DOUBTFUL_NAME: Final = re.compile(
    rf"(nc|pc|sc|ipc|ntc|qc|neg|pos|std|cal|ref|pools?|bridge|bridging|standards?|water|{_CONTROL})"
    r"( ?\d{1,3})?( [a-z0-9]{1,3})?"
)
_SIBLING: Final = re.compile(r"(nc|pc|sc) ?\d?")
_WELLS: Final = 8  # of inter-plate controls: three or four on a plate
_IPC: Final = re.compile(r"ipc ?\d{0,2}")
_CODED: Final = re.compile(r"(ipc|ntc) ?\d{0,2}")
_CASE: Final = re.compile(r"\b(cases?|patients?|pts?|pat)(?=\d*\b)")
_DIGITS: Final = re.compile(r" ?\d+")


@dataclass(frozen=True, slots=True, eq=False)
class ControlSamples:
    """Which samples are controls.

    Parameters
    ----------
    marked : one truth value per sample: a control for certain.
    by_name : number of names that are controls with no type to say so.
    doubtful : number of names that controls often have and people may; they are not marked.
    by_code : number of samples of a type that may be either, such as NC beside AD; not marked.
    """

    marked: pl.Series
    by_name: int
    doubtful: int
    by_code: int = 0

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know, counts only."""
        notes = []
        if self.by_name:
            notes.append(f"taken for control samples by their names alone: {self.by_name}")
        if self.doubtful:
            plural = "samples have names" if self.doubtful > 1 else "sample has a name"
            notes.append(
                f"{self.doubtful} {plural} as controls often have (NC, SC, QC, Pool, Control ...) "
                "and no type says so: taken for people; a column SampleType sets controls apart"
            )
        if self.by_code:
            notes.append(
                f"{self.by_code} samples are of a type (NC, PC, SC) that may be a control of the "
                "laboratory or of the study: taken for people, as the other types are no samples' "
                "or controls'; write Negative control where the laboratory's are meant"
            )
        return tuple(notes)


def find_type_column(names: Sequence[str]) -> str | None:
    """Return the column that tells the type of a sample, None where there is none.

    Examples
    --------
    >>> find_type_column(["SampleID", "Sample_Type", "NPX"])
    'Sample_Type'
    """
    return next((name for name in names if _fold(name).replace(" ", "") in _TYPE_COLUMNS), None)


def is_control_type(kind: str) -> bool:
    """Tell whether a type of sample, as a platform's own file gives it, is one of controls.

    Examples
    --------
    >>> is_control_type("PLATE_CONTROL"), is_control_type("IPC"), is_control_type("Empty well")
    (True, True, True)
    >>> is_control_type("SAMPLE"), is_control_type("Healthy control")
    (False, False)
    """
    return _is_technical(text := _fold(kind)) or _is_ambiguous(text)


def find_control_types(kinds: Iterable[str]) -> frozenset[str]:
    """Return those types of one column that are controls, in a table of no known platform.

    ``Control``, ``Neg`` or ``Reference`` alone may be people, as those of a case-control study
    are: they count where another type of the column is a sample, and none speaks of people. NC (or
    PC, SC) is people beside a disease alone: normal controls beside AD.

    Examples
    --------
    >>> sorted(find_control_types(["Sample", "NC", "Control"]))
    ['Control', 'NC']
    >>> sorted(find_control_types(["Case", "Control"]))
    []
    """
    folded = {kind: _fold(kind) for kind in kinds}
    technical = {kind for kind, text in folded.items() if _is_technical(text)}
    others = [text for kind, text in folded.items() if kind not in technical and text]
    plain = [text for text in others if not _is_ambiguous(text)]
    if plain and all(_SAMPLE.fullmatch(text) for text in plain):
        technical |= {kind for kind, text in folded.items() if _is_ambiguous(text)}
    elif plain and len({folded[kind][:2] for kind in technical if _is_code(folded[kind])}) == 1:
        codes = {kind for kind in technical if _is_code(folded[kind])}
        technical = technical if technical - codes else set()
    return frozenset(technical)


def is_control_name(name: str) -> bool:
    """Tell whether the name of a sample alone makes it a control for certain.

    Examples
    --------
    >>> is_control_name("Empty well_01"), is_control_name("Neg ctrl 2"), is_control_name("NC12")
    (True, True, False)
    """
    return _CERTAIN_NAME.fullmatch(_fold(name)) is not None


def may_be_control_name(name: str) -> bool:
    """Tell whether controls often have such a name and people may have it, too.

    Examples
    --------
    >>> may_be_control_name("NC12"), may_be_control_name("Control 7"), may_be_control_name("A7")
    (True, True, False)
    """
    return _DOUBTFUL_NAME.fullmatch(_fold(name)) is not None


def find_control_names(names: Iterable[str]) -> frozenset[str]:
    """Return the names among all of a study that are controls for certain.

    ``NC 1`` and ``SC 2`` are certain where an inter-plate control, ``IPC 1``, stands beside them.
    ``Batch_Control_7`` is a person where ``Batch_Case_12`` is one: the controls of a study bear the
    names of its cases.

    Examples
    --------
    >>> sorted(find_control_names(["NC1", "IPC1", "A1"])), sorted(find_control_names(["NC1", "A1"]))
    (['IPC1', 'NC1'], [])
    """
    known = list(names)
    certain = {name for name in known if is_control_name(name)}
    cases = {_stem(name, _CASE) for name in known if _CASE.search(_fold(name))}
    certain -= {name for name in certain if _stem(name, _CONTROL_WORD) in cases}
    coded = {name for name in certain if _CODED.fullmatch(_fold(name))}
    if len(coded) > _WELLS and 2 * len(coded) > len(known):  # the people of a study called IPC
        certain -= coded
    if any(_IPC.fullmatch(_fold(name)) for name in certain):
        certain |= {name for name in known if _SIBLING.fullmatch(_fold(name))}
    return frozenset(certain)


def mark_controls(names: pl.Series, types: pl.Series | None = None) -> ControlSamples:
    """Return which samples are controls: by their type where they have one, else by their name.

    Parameters
    ----------
    names : of the samples, text; one row per sample or per measurement.
    types : what the table says each is, text, null where it says nothing; None: no such column.

    Examples
    --------
    >>> found = mark_controls(pl.Series(["A1", "NC1"]), pl.Series(["Sample", "NC"]))
    >>> found.marked.to_list(), found.doubtful
    ([False, True], 0)
    >>> found = mark_controls(pl.Series(["A1", "NC12", "Empty well_01"]))
    >>> found.marked.to_list(), found.by_name, found.doubtful
    ([False, False, True], 1, 1)
    """
    if types is None:
        types = pl.Series([None], dtype=pl.String).new_from_index(0, names.len())
    texts = types.cast(pl.String).str.strip_chars()
    kinds = texts.drop_nulls().unique()
    typed = (texts != "").fill_null(value=False)
    controls = find_control_types(kinds)
    by_type = texts.is_in(list(controls)).fill_null(value=False)
    codes = [kind for kind in kinds if kind not in controls and _is_code(_fold(kind))]
    coded = names.filter(texts.is_in(codes).fill_null(value=False)).n_unique()
    untyped = names.filter(~typed).cast(pl.String).drop_nulls().unique()
    certain = find_control_names(names.cast(pl.String).drop_nulls().unique())
    by_name = ~typed & names.cast(pl.String).is_in(list(certain)).fill_null(value=False)
    doubtful = sum(may_be_control_name(name) for name in untyped if name not in certain)
    by_names = sum(name in certain for name in untyped)
    return ControlSamples(by_type | by_name, by_names, doubtful, coded)


def _stem(name: str, word: re.Pattern[str]) -> str:
    """What is left of a name without its numbers, and with a place where the word was."""
    return word.sub("*", _DIGITS.sub("", _fold(name)))


def _is_technical(text: str) -> bool:
    if _PEOPLE.search(text):
        return False
    return bool(_TECHNICAL_WORD.search(text) or _QUALIFIED_CONTROL.search(text) or _is_code(text))


def _is_code(text: str) -> bool:
    return re.fullmatch(r"(nc|pc|sc) ?\d*", text) is not None


def _is_ambiguous(text: str) -> bool:
    """A word that names a control of the laboratory in one table and people in another."""
    if _is_technical(text) or _PEOPLE.search(text):
        return False
    return bool(_CONTROL_WORD.search(text) or _CODE.fullmatch(text))


def _fold(text: str) -> str:
    """Return words in lower case without accents; ``PosCtrl`` and ``pos_ctrl`` are ``pos ctrl``."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    plain = unicodedata.normalize("NFKD", parted).encode("ascii", "ignore").decode().casefold()
    return " ".join(re.findall(r"[a-z0-9]+", plain))
