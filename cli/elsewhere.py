"""A name that other programs use, and the answer to it."""

from typing import NamedTuple

__all__ = ["Elsewhere"]


class Elsewhere(NamedTuple):
    """Names that others use, and the sentence that answers them.

    Parameters
    ----------
    names : separated by blanks.
    answer : what is written here, after "no option --name: ".
    commands : whose options they would be, separated by commas; empty for all.
    """

    names: str
    answer: str
    commands: str = ""
