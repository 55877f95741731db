"""Whether samples and proteins were given in each other's place."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from proteomr.errors import InputError
from proteomr.io.protein_columns import ORDER, list_columns

__all__ = ["doubt_order"]


@contextlib.contextmanager
def doubt_order(
    samples: Path, proteins: Sequence[Path], targets: Collection[str], scratch: Path
) -> Iterator[None]:
    """Add to an error of reading that the files seem to be in each other's place.

    So they are where exposures and outcomes are columns of the proteins, and not of the samples.

    Raises
    ------
    InputError
        Whatever the block raised.
    """
    try:
        yield
    except InputError as fault:
        if _are_swapped(samples, proteins, targets, scratch):
            said = f"{fault}".replace(f"; {ORDER}", "")  # the reader may ask the same
            raise InputError(f"{ORDER}: {targets_of(targets)} in the second ({said})") from None
        raise


def targets_of(targets: Collection[str]) -> str:
    """Name the targets as a subject with its verb.

    Examples
    --------
    >>> targets_of(["lonely"]), targets_of(["lonely", "isolated"])
    ("'lonely' is", "'lonely' and 'isolated' are")
    """
    return f"{' and '.join(map(repr, targets))} {'is' if len(targets) == 1 else 'are'}"


def _are_swapped(
    samples: Path, proteins: Sequence[Path], targets: Collection[str], scratch: Path
) -> bool:
    if not targets or not all(path.is_file() for path in (samples, *proteins)):
        return False
    with contextlib.suppress(InputError):
        first = list_columns(samples, scratch=scratch)
        second = [name for path in proteins for name in list_columns(path, scratch=scratch)]
        return all(name in second and name not in first for name in targets)
    return False
