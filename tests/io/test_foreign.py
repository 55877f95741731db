"""Files that are no tables are named, with the way out."""

from __future__ import annotations

import gzip
import pickle
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from proteomr.errors import FormatError
from proteomr.io.foreign import name_foreign, name_foreign_archive
from proteomr.io.formats import open_source
from proteomr.io.sources import inspect_file


def _npy() -> bytes:
    content = BytesIO()
    np.save(content, np.zeros(3))
    return content.getvalue()


_KINDS = {
    "XML": b'<?xml version="1.0" encoding="UTF-8"?>\n<Plate/>\n',
    "XML ": b'\xef\xbb\xbf  <?xml version="1.0"?><a/>',
    "web page": b"<!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
    "web page ": b"\n<HTML><head></head></HTML>",
    "JSON": b'{"SampleID": "A", "NPX": 1}\n',
    "JSON ": b'[\n{"SampleID": "A"}]'.replace(b"\n", b""),
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "R data": b"RDX3\nX\n\x00\x00\x00\x03",
    "R data (saveRDS)": b"X\n\x00\x00\x00\x03\x00\x04\x02\x02",
    "R data (text)": b"A\n3\n262146\n197888\n5\n",
    "SPSS": b"$FL2@(#) SPSS DATA FILE\x00\x02",
    "SPSS (zsav)": b"$FL3@(#) SPSS DATA FILE\x00\x03",
    "Stata": b"<stata_dta><header><release>118</release>",
    "Stata 12": b"\x73\x02\x01\x00\x05\x00",
    "SAS": bytes(12) + bytes.fromhex("c2ea8160b31411cfbd92080009c7318c181f1011") + bytes(32),
    "SAS transport": b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!000000000000",
    "SQLite": b"SQLite format 3\x00\x10\x00",
    "numpy": _npy(),
    "pickle": pickle.dumps({"a": [1, 2]}, protocol=4),
    "image": b"\x89PNG\r\n\x1a\n\x00\x00",
    "tar": bytes(257) + b"ustar\x0000" + bytes(200),
    "7z": b"7z\xbc\xaf\x27\x1c\x00\x04",
    "old Excel": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
    "RTF": b"{\\rtf1\\ansi Table}",
}


@pytest.mark.parametrize("kind", _KINDS)
def test_a_known_kind_is_named_and_answered(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_bytes(_KINDS[kind])
    word = "web page" if kind.startswith("web") else kind.split(maxsplit=1)[0]
    for read in (inspect_file, open_source):
        with pytest.raises(FormatError, match=word) as caught:
            read(path)
        assert "\n" not in str(caught.value)
        assert ";" in str(caught.value).removeprefix(str(path))


def test_r_compresses_its_files(tmp_path: Path) -> None:
    path = tmp_path / "data.rds"
    path.write_bytes(gzip.compress(_KINDS["R data (saveRDS)"]))
    with pytest.raises(FormatError, match=r"an R data file; save it with write.csv"):
        open_source(path)


def test_hdf5_is_named() -> None:
    assert "HDF5" in str(name_foreign(b"\x89HDF\r\n\x1a\n"))


@pytest.mark.parametrize(
    "head",
    [
        *(b"SampleID,NPX\nA,1\n", b"PARENT,IL6\n1,2\n", b"ORC1,IL6\n1,2\n", b"CDF,IL6\n1,2\n"),
        *(b"RDX,IL6\n1,2\n", b"A\n3\n4\n5\n", b"^HEADER\n!Version\t1.2\n", b"#CHROM\tPOS\n"),
        *(b"HEADER,IL6\n", b"", b"BZH2,IL6\n", b"Obj,IL6\n", b"MATLAB,IL6\n"),
    ],
)
def test_tables_are_not_taken_for_one(head: bytes) -> None:
    assert name_foreign(head) is None


@pytest.mark.parametrize(
    ("names", "word"),
    [
        (["mimetype", "content.xml", "meta.xml"], "OpenDocument"),
        (["[Content_Types].xml", "word/document.xml"], "Word"),
        (["[Content_Types].xml", "xl/workbook.bin"], "xlsb"),
        (["a.npy", "b.npy"], "numpy"),
    ],
)
def test_documents_that_are_zip_files_are_named(
    names: list[str], word: str, tmp_path: Path
) -> None:
    path = tmp_path / "data.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    with pytest.raises(FormatError, match=word):
        open_source(path)
    assert name_foreign_archive(["npx.csv", "README.txt"]) is None
