"""What a process has held is its own."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from proteomr.runs.timing import peak_memory

_ASK = "from proteomr.runs.timing import peak_memory; print(peak_memory())"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems hand nothing on")
def test_the_most_memory_is_of_this_process_and_not_of_what_started_it() -> None:
    held = np.ones(60_000_000)  # 480 MB
    assert peak_memory() > held.nbytes
    told = subprocess.run([sys.executable, "-c", _ASK], check=True, capture_output=True, text=True)
    assert 1e7 < float(told.stdout) < held.nbytes
