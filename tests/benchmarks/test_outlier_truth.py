from __future__ import annotations

from functools import partial

import pytest

from benchmarks.outlier_truth import (
    CURSED,
    PAGE,
    SCENARIOS,
    SHARED,
    Scenario,
    compare,
    draw_cursed,
    draw_scenario,
    draw_shared,
    write_table,
)


def test_every_kind_of_pleiotropy_and_every_variant_invalid_are_among_the_scenarios() -> None:
    kinds = {(one.pleiotropy, one.invalid) for one in SCENARIOS}
    for kind in ("balanced", "directional", "correlated"):
        assert {(kind, 0.1), (kind, 0.3), (kind, 1.0)} <= kinds


def test_presso_corrects_for_a_tenth_of_directional_variants() -> None:
    draw = partial(draw_scenario, scenario=Scenario("directional", 0.1), replicates=25)
    row = compare("some", draw, ("ivw", "presso(simulations=200)"))
    bias = {name: row.some[name][0] - 0.2 for name in row.some}
    assert abs(bias["presso(simulations=200)"]) < 0.7 * abs(bias["ivw"])


def test_the_curse_and_the_overlap_are_corrected_for() -> None:
    cursed = compare("cursed", partial(draw_cursed, replicates=60, p=1e-3), CURSED)
    assert cursed.some["rivw"][0] == pytest.approx(0.2, abs=0.02)
    shared = compare("shared", partial(draw_shared, replicates=60, psi=0.5), SHARED)
    assert abs(shared.none["ivw"][0]) > 0.05
    assert shared.none["ivw_overlap(psi=0.5)"][0] == pytest.approx(0.0, abs=0.02)


def test_a_table_has_a_row_for_each_scenario_and_says_where_there_is_no_estimate() -> None:
    draw = partial(draw_scenario, scenario=Scenario(instruments=30), replicates=2)
    row = compare("none", draw, ("ivw", "hetpen"))
    text = write_table([row], ("ivw", "hetpen"))
    assert text.splitlines()[0] == "| variants | `ivw` | `hetpen` |"
    assert text.endswith("| no estimate |")


def test_the_page_has_the_tables_that_the_benchmark_writes() -> None:
    page = PAGE.read_text("utf-8")
    for name in ("many", "few", "cursed", "shared"):
        start, _, rest = page.partition(f"<!-- {name} -->")
        table = rest.partition(f"<!-- /{name} -->")[0]
        assert start
        assert table.count("\n|") >= 3
    for scenario in SCENARIOS:
        assert page.count(f"| {scenario.title} |") == 2
