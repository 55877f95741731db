"""The truth of permutations: designs run, and the page has a row of each."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.association_truth_report import DOCUMENT
from benchmarks.permutation_truth import DESIGNS, measure


def test_the_page_has_a_row_of_each_design() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    told = page.split("<!-- permuted -->")[1].split("<!-- /permuted -->")[0]
    assert [f"| {d.family} | {d.says} |" for d in DESIGNS if d.says not in told] == []
    for design in DESIGNS:
        assert told.count(f"| {design.family} | {design.says} |") == 1


def test_many_covariates_do_not_make_errors_frequent() -> None:
    (design,) = (d for d in DESIGNS if d.family == "linear" and d.covariates)
    found = measure(replace(design, exposures=10, covariates=20), trials=100)
    # 15 of 100 without the draws' lengths; a chance of 5 % gives more than 12 one time in 700
    assert found.single <= 12
    assert found.down == found.single  # the largest score's p is that of one step
