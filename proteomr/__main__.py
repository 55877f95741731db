"""``python -m proteomr``: the command line, found by its entry point."""

from __future__ import annotations

import importlib.metadata
import sys


def main() -> None:
    """Start the installed console script.

    Examples
    --------
    >>> callable(main)
    True
    """
    scripts = importlib.metadata.entry_points(group="console_scripts", name="proteomr")
    if not scripts:
        sys.exit("error: proteomr is not installed here; install it, for instance with pip")
    next(iter(scripts)).load()()


if __name__ == "__main__":
    main()
