"""Cases and controls of outcomes: for all, or by name, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

import proteomr
from proteomr.errors import UsageError
from proteomr.mr.explained import TraitSize
from proteomr.mr.trait_sizes import check_names, parse_cases

ROWS = [
    f"rs{i},X,{name},0.{i + 1},0.01,0.0{i + 1},0.01,20000,20000,0.3"
    for name in ("asthma", "LDL")
    for i in range(3)
]
HEAD = (
    "SNP,exposure,outcome,beta_exposure,se_exposure,beta_outcome,se_outcome,n_exposure,n_outcome,"
    "eaf_outcome"
)


@pytest.fixture
def harmonised(tmp_path: Path) -> Path:
    path = tmp_path / "h.csv"
    path.write_text("\n".join([HEAD, *ROWS]) + "\n")
    return path


def test_a_named_outcome_is_binary_and_the_others_are_not(harmonised: Path) -> None:
    named = (("asthma", 2_000.0, 18_000.0),)
    found = proteomr.run_mr(harmonised=harmonised, methods="ivw", outcome_cases=named)
    table = found.table().sort("outcome")
    assert table.select("outcome", "outcome_unit").rows() == [("LDL", None), ("asthma", "log odds")]
    assert table["ratio"].is_null().to_list() == [True, False]
    for name, size in (("asthma", TraitSize(2_000, 18_000)), ("LDL", None)):
        alone = proteomr.run_mr(harmonised=harmonised, methods="ivw", outcome_size=size)
        for kind in ("steiger", "reach"):
            one, other = (each.table(kind).filter(outcome=name) for each in (found, alone))
            assert one.equals(other), (name, kind)


@pytest.mark.parametrize(
    ("cases", "controls", "words"),
    [
        (["100"], [], "give both"),
        (["a=100"], ["b=100"], r"give both \(of a, b\)"),
        (["a=100", "200"], ["a=100", "200"], "not both"),
        (["a=many"], ["a=1"], "'a=many'"),
        (["0"], ["1"], "above zero"),
        (["a=1", "a=2"], ["a=1"], "told twice"),
    ],
)
def test_what_cannot_be_meant_is_refused(cases: list[str], controls: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_cases(cases, controls, prevalence=0.1)


def test_cases_of_what_is_no_outcome_are_refused_with_the_nearest(harmonised: Path) -> None:
    with pytest.raises(UsageError, match=r"no outcome 'astma' \(did you mean 'asthma'\?\)"):
        proteomr.run_mr(harmonised=harmonised, outcome_cases=(("astma", 1.0, 2.0),))
    check_names((), [])
