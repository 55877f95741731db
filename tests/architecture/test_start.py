"""What a command loads before it knows that it needs it: little, as every command waits for it."""

from __future__ import annotations

import subprocess
import sys

# Each takes a tenth of a second or more to load. Compiled loops need numba, figures matplotlib.
SLOW = ("scipy.stats", "statsmodels", "linearmodels", "numba", "matplotlib", "pandas", "dask")
CODE = f"""
import importlib, pkgutil, sys
import proteomr
def ready(name):
    return not (name.endswith("__main__") or ".compil" in name or ".plot." in name)
for found in pkgutil.walk_packages(proteomr.__path__, "proteomr."):
    if ready(found.name):
        importlib.import_module(found.name)
        slow = [name for name in {SLOW!r} if name in sys.modules]
        if slow:
            sys.exit(f"{{found.name}} loads {{', '.join(slow)}}")
"""


def test_no_module_loads_at_its_beginning_what_few_runs_need() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
