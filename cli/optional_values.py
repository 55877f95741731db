"""Options that stand alone or before a value: `--firth` and `--firth always`."""

from collections.abc import Iterator, Mapping, Sequence

__all__ = ["OPTIONAL", "fill_values", "value_of_flag"]

# The values of each option, the first being what it means alone.
OPTIONAL: Mapping[str, tuple[str, ...]] = {
    "--firth": ("separated", "always"),
    "--hksj": ("plain", "truncated"),
}


def fill_values(arguments: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return arguments in which an option that stands alone has the value that it means.

    Parameters
    ----------
    known : the options of the command.

    Examples
    --------
    >>> fill_values(["--firth", "-o", "dir"], ["--firth"])
    ['--firth', 'separated', '-o', 'dir']
    >>> fill_values(["--firth", "always"], ["--firth"])
    ['--firth', 'always']
    """
    return list(_fill(arguments, known))


def _fill(arguments: Sequence[str], known: Sequence[str]) -> Iterator[str]:
    options = True
    for place, argument in enumerate(arguments):
        options &= argument != "--"
        yield argument
        if options and argument in OPTIONAL and argument in known:
            following = arguments[place + 1 : place + 2]
            if not following or following[0] not in OPTIONAL[argument]:
                yield OPTIONAL[argument][0]


def value_of_flag(option: str, value: object) -> object:
    """Return what true or false means for an option in a file of settings.

    Examples
    --------
    >>> value_of_flag("firth", True), value_of_flag("firth", "always"), value_of_flag("seed", 1)
    ('separated', 'always', 1)
    """
    values = OPTIONAL.get(f"--{option}")
    if values is None or not isinstance(value, bool):
        return value
    return values[0] if value else None
