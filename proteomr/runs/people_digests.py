"""Digests of lists of people, which mean nothing without the data of the people.

A list of seven-digit identifiers is found from its SHA-256 in less than a second where it is short.
What an account of a run holds of it is an HMAC, and its key is the content of the other inputs: the
data of people are the project's own secret. Whoever resumes a run has them and tells a changed list
from the same; whoever has the account alone cannot try a single identifier.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from pathlib import Path

from proteomr.files import read_errors
from proteomr.provenance import list_results

__all__ = ["digest_keyed", "key_content"]


def key_content(contents: Iterable[Path | bytes]) -> bytes:
    """Return a key that whoever holds the same contents can make, and nobody from their digests.

    Data of people are such a secret: they are the project's own and are not published, as their
    SHA-256 is.

    Parameters
    ----------
    contents : files and bytes, in order; of a folder, the files that `digest_results` takes.

    Examples
    --------
    >>> key_content([b"1000001,50"]) == key_content([b"1000001,51"])
    False
    """
    digest = hashlib.blake2b(person=b"proteomr key", digest_size=32)
    for content in contents:
        if isinstance(content, bytes):
            digest.update(content)
            continue
        with read_errors(content):
            for file in list_results(content) if content.is_dir() else [content]:
                with file.open("rb") as opened:
                    while block := opened.read(1 << 20):
                        digest.update(block)
    return digest.digest()


def digest_keyed(content: bytes, *, key: bytes) -> str:
    """Return the HMAC of a content that is short enough to be guessed from its plain digest.

    Examples
    --------
    >>> len(digest_keyed(b"1000001", key=b"secret"))
    64
    """
    return hmac.new(key, content, "sha256").hexdigest()
