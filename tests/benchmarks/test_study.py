"""The time of a whole study is that of all its stages, and is held to a limit."""

from __future__ import annotations

from pathlib import Path

from benchmarks.study import time_study

STUDY = """
[stages.people]
command = "simulate"
people = 200
proteins = 5

[stages.fits]
command = "associate"
samples = { from = "people" }
family = "linear"
exposure = ["isolation"]

[stages.wrong]
command = "associate"
samples = { from = "people" }
family = "linear"
exposure = ["nothing"]
"""


def test_stages_without_results_and_too_much_time_are_told(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(STUDY)
    failed, slow = time_study(str(tmp_path / "study.toml"), minutes=1e-6)  # a whole run of three
    assert failed == "wrong: failed"
    assert slow.endswith("seconds of processors are more than 0")
