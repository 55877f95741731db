"""Numbers of traits by the codes of their variants, and a shelf for more than memory holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

import numpy as np

from proteomr._typing import F64, I64
from proteomr.files import storage_errors
from proteomr.gwas.region_traits import TraitForm
from proteomr.gwas.trait_facts import TraitFacts

__all__ = ["Trait", "TraitShelf"]

_NUMBERS: Final = ("sign", "beta", "se", "z", "maf", "eaf", "n", "neg_log10_p")
_WIDTH: Final = 8  # bytes of each number


@dataclass(frozen=True, slots=True, eq=False)
class Trait:
    """Numbers of one trait, by the codes of its variants.

    Attributes
    ----------
    name : of the trait.
    facts : what is said of it.
    form : effects, or P alone.
    codes : (k,) rows of the atlas, ascending.
    sign : (k,) -1 where effects here are per the other allele than the atlas's.
    beta, se, z : (k,) per the study's own effect allele; NaN where P alone is told, but z, which
        then has no sign.
    maf, eaf, n, neg_log10_p : (k,), NaN where unknown.
    """

    name: str
    facts: TraitFacts
    form: TraitForm
    codes: I64
    sign: F64
    beta: F64
    se: F64
    z: F64
    maf: F64
    eaf: F64
    n: F64
    neg_log10_p: F64

    def rows_between(self, low: int, high: int) -> slice:
        """Return the rows whose codes are low or more and below high."""
        start, end = np.searchsorted(self.codes, [low, high])
        return slice(int(start), int(end))


class TraitShelf(Sequence[Trait]):
    """Traits that stand in a file, each read when it is asked for.

    Parameters
    ----------
    path : the file, which is made; it outlives the shelf.

    Examples
    --------
    >>> import tempfile
    >>> numbers = [np.array([0.5, 0.25]) for _ in _NUMBERS]
    >>> trait = Trait("ADM", TraitFacts("cc"), "effects", np.array([3, 9]), *numbers)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     shelf = TraitShelf(Path(folder) / "traits.bin")
    ...     shelf.extend([trait])
    ...     (shelf[0].name, shelf[0].codes.tolist(), shelf[-1].beta.tolist(), len(shelf))
    ('ADM', [3, 9], [0.5, 0.25], 1)
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: list[tuple[str, TraitFacts, TraitForm]] = []
        self._starts: list[int] = [0]

    def extend(self, traits: Iterable[Trait]) -> None:
        """Put some traits behind the others.

        Raises
        ------
        StorageError
            The disk refused.
        """
        with storage_errors(self._path), self._path.open("ab") as file:
            for trait in traits:
                file.write(trait.codes.astype(np.int64).tobytes())
                for name in _NUMBERS:
                    file.write(np.asarray(getattr(trait, name), np.float64).tobytes())
                self._facts.append((trait.name, trait.facts, trait.form))
                self._starts.append(self._starts[-1] + (1 + len(_NUMBERS)) * trait.codes.size)

    def __len__(self) -> int:
        """Return how many traits there are."""
        return len(self._facts)

    @overload
    def __getitem__(self, place: int) -> Trait: ...
    @overload
    def __getitem__(self, place: slice) -> list[Trait]: ...

    def __getitem__(self, place: int | slice) -> Trait | list[Trait]:
        """Return a trait, read from the file, or several."""
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        at = range(len(self))[place]
        start, end = self._starts[at], self._starts[at + 1]
        with storage_errors(self._path):
            read = np.fromfile(self._path, np.float64, end - start, offset=start * _WIDTH)
        rows: F64 = read.reshape(1 + len(_NUMBERS), -1)
        name, facts, form = self._facts[at]
        codes: I64 = rows[0].view(np.int64)
        return Trait(name, facts, form, codes, *rows[1:])
