"""Kinds of files that are no tables here, told by their first bytes, with the way out of each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

__all__ = ["name_foreign", "name_foreign_archive"]

_R: Final = "an R data file; save it with write.csv(x, row.names = FALSE)"
_STATA: Final = "a Stata file; save it in Stata with export delimited"
_SAS: Final = "a SAS file; save it in SAS with proc export as csv"
_SPSS: Final = "an SPSS file; save it in SPSS as csv"
_MAGIC: Final = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (or a workbook with a password); save it as csv"),
    (b"BZh", "compressed with bzip2; compress it with gzip instead"),
    (b"\xfd7zXZ", "compressed with xz; compress it with gzip instead"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; compress it with gzip instead"),
    (b"\x1f\x9d", "compressed with compress; compress it with gzip instead"),
    (b"\x1f\x8b", "compressed twice; decompress it once (gunzip)"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (b"Rar!", "a RAR archive; unpack it"),
    (b"\x89HDF", "an HDF5 file (h5, h5ad); save the table as parquet or csv"),
    (b"CDF\x01", "a netCDF file; save the table as csv"),
    (b"CDF\x02", "a netCDF file; save the table as csv"),
    (b"ARROW1", "a feather file; save it as parquet or csv"),
    (b"FEA1", "a feather file; save it as parquet or csv"),
    (b"ORC", "an ORC file; save it as parquet"),
    (b"Obj\x01", "an Avro file; save it as parquet"),
    (b"PARE", "an encrypted parquet file; decrypt it first"),
    (b"SQLite format 3\x00", "a SQLite database; export the table as csv"),
    *((magic + digit + b"\n", _R) for magic in (b"RDX", b"RDA") for digit in (b"2", b"3")),
    (b"X\n\x00", _R),
    (b"B\n\x02", _R),
    (b"B\n\x03", _R),
    (b"$FL2@(#)", _SPSS),
    (b"$FL3@(#)", _SPSS),
    (b"<stata_dta>", _STATA),
    *((bytes((release, order, 1)), _STATA) for release in range(0x69, 0x74) for order in (1, 2)),
    (b"HEADER RECORD*******LIB", _SAS),
    (b"\x93NUMPY", "a numpy array; save it as csv or parquet with the names of its columns"),
    *(
        (bytes((0x80, protocol)), "a Python pickle; save the table as parquet or csv")
        for protocol in range(2, 6)
    ),
    (b"MATLAB ", "a MATLAB file; save the table with writetable"),
    (b"%PDF-", "a PDF document; ask the laboratory for the table itself"),
    (b"%!PS", "a PostScript document; ask the laboratory for the table itself"),
    (b"{\\rtf", "an RTF document; save the table as csv"),
    (b"\x89PNG", "an image; ask the laboratory for the table itself"),
    (b"\xff\xd8\xff", "an image; ask the laboratory for the table itself"),
    (b"GIF89a", "an image; ask the laboratory for the table itself"),
    (b"FCS3.", "a flow-cytometry file; proteomr reads tables of protein levels"),
)
_MARKUP: Final = (
    (b"<!doctype", "a web page, as a failed download leaves; download it again"),
    (b"<html", "a web page, as a failed download leaves; download it again"),
    (b"<", "XML, no table; export the table as csv"),
    (b'{"', "JSON; save the table as csv or parquet"),
    (b"[{", "JSON; save the table as csv or parquet"),
    (b"[[", "JSON; save the table as csv or parquet"),
    (b"{", "JSON; save the table as csv or parquet"),
    (b'["', "JSON; save the table as csv or parquet"),
)
_SAS_DATA: Final = bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011")
_R_TEXT: Final = re.compile(rb"A\n[23]\n\d{5,}\n\d{5,}\n")
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x1f]")
_TAR: Final = (257, b"ustar")
_ARCHIVES: Final = (
    ("xl/workbook.bin", "a binary Excel workbook (xlsb); save it as xlsx or csv"),
    ("word/document.xml", "a Word document; save the table as csv"),
    ("ppt/presentation.xml", "a PowerPoint document; save the table as csv"),
    ("content.xml", "an OpenDocument file (ods); save it as xlsx or csv"),
    ("Index/Document.iwa", "a Numbers or Pages document; export it as xlsx or csv"),
)


def name_foreign(head: bytes) -> str | None:
    r"""Return what a file is, and what to do, where it is of a known kind that is not read here.

    Parameters
    ----------
    head : its first bytes, decompressed: some hundred.

    Examples
    --------
    >>> name_foreign(b"%PDF-1.7\n")
    'a PDF document; ask the laboratory for the table itself'
    >>> name_foreign(b"SampleID,NPX\n") is None
    True
    """
    is_binary = _CONTROL.search(head[:512]) is not None
    for magic, what in _MAGIC:
        # A header may begin with PARENT or ORC1: letters alone tell a kind where binary follows.
        if head.startswith(magic) and (is_binary or not magic.isalnum()):
            return what
    if _R_TEXT.match(head):
        return _R
    if _SAS_DATA in head[:64]:
        return _SAS
    if head[_TAR[0] : _TAR[0] + 5] == _TAR[1]:
        return "a tar archive; unpack it"
    text = head[:256].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    return next((what for mark, what in _MARKUP if text.startswith(mark)), None)


def name_foreign_archive(names: Iterable[str]) -> str | None:
    """Return what a zip file is, and what to do, where it is a document and no archive of tables.

    Examples
    --------
    >>> name_foreign_archive(["mimetype", "content.xml"])
    'an OpenDocument file (ods); save it as xlsx or csv'
    """
    members = list(names)
    if members and all(name.endswith(".npy") for name in members):
        return "a numpy archive (npz); save the table as csv or parquet"
    return next((what for name, what in _ARCHIVES if name in members), None)
