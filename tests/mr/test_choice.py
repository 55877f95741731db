from __future__ import annotations

import pytest

from proteomr.errors import UsageError
from proteomr.mr.choice import (
    _NOT_HERE,
    build_joint_methods,
    build_methods,
    is_joint,
    list_methods,
    name_methods,
    split_methods,
)
from proteomr.mr.methods import METHOD_CLASSES
from proteomr.mr.methods.contamination_mixture import ContaminationMixture
from proteomr.mr.methods.egger import EggerRegression
from proteomr.mr.methods.ivw import InverseVarianceWeighted
from proteomr.mr.methods.method import Method
from proteomr.mr.methods.mode import PenalisedMode
from proteomr.mr.multivariable import MULTIVARIABLE_METHODS, MultivariableConstrainedMl


def test_parameters_are_read_by_their_types() -> None:
    names = split_methods(
        "ivw(robust=TRUE, psi=0.25,weights=delta), conmix(lowest=none,highest=2),"
        "egger(distribution=t),penalised_mode(penalty=5,draws=30)"
    )
    assert build_methods(names) == (
        InverseVarianceWeighted(robust=True, psi=0.25, weights="delta"),
        ContaminationMixture(lowest=None, highest=2.0),
        EggerRegression(distribution="t"),
        PenalisedMode(penalty=5.0, draws=30),
    )
    joint = build_joint_methods(["mv_cml(sample_size=1000,perturbations=0)"])
    assert joint == (MultivariableConstrainedMl(sample_size=1000.0, perturbations=0),)


def test_a_parameter_goes_before_what_the_run_gives_to_all() -> None:
    methods = build_methods(
        ["weighted_median(draws=30)", "simple_median", "ivw(convention=twosamplemr)", "ivw", "cml"],
        convention="mendelianrandomization",
        draws=50,
        n_exposure=1e4,
    )
    assert [getattr(method, "draws", None) for method in methods] == [30, 50, None, None, None]
    assert [getattr(method, "convention", "") for method in methods[2:4]] == [
        "twosamplemr",
        "mendelianrandomization",
    ]
    assert getattr(methods[4], "sample_size", None) == 1e4


def test_the_names_of_r_s_functions_are_known() -> None:
    for name, key in (
        ("mr_ivw", "ivw"),
        ("mr_egger_regression", "egger"),
        ("mr_weighted_median", "weighted_median"),
        ("mr_two_sample_ml", "maxlik"),
        ("mr_ivw(robust=true)", "ivw"),
        ("mr_cML", "cml"),
        ("Inverse variance weighted", "ivw"),
        ("inverse-variance weighted", "ivw"),
        ("Inverse variance weighted (fixed effects)", "ivw_fe"),
        ("MR Egger (bootstrap)", "egger_bootstrap"),
        ("MR-Egger", "egger"),
        ("IVW", "ivw"),
        ("Penalized weighted median", "penalised_weighted_median"),
        ("WEIGHTED_MODE(phi=0.5)", "weighted_mode"),
        ("mr_mbe", "weighted_mode"),
    ):
        assert build_methods([name])[0].key == key


@pytest.mark.parametrize("kind", METHOD_CLASSES, ids=lambda kind: kind.key)
def test_every_parameter_that_is_listed_can_be_given(kind: type[Method]) -> None:
    row = list_methods().filter(key=kind.key).row(0, named=True)
    plain = build_methods([kind.key])[0]
    for part in filter(None, row["parameters"].split(", ")):
        assert build_methods([f"{kind.key}({part})"])[0] == plain


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ivw(robst=true)", "ivw has no parameter 'robst' (did you mean 'robust'?); it has: "),
        ("sign(x=1)", "sign has no parameter 'x'; it has: none"),
        ("ivw(weights=dleta)", "'dleta' (did you mean 'delta'?); it takes: first_order, delta"),
        ("ivw(robust=1)", "ivw: robust cannot be '1'; it takes: true, false"),
        ("weighted_median(draws=2.5)", "draws cannot be '2.5'; it takes: a whole number"),
        ("conmix(lowest=low)", "lowest cannot be 'low'; it takes: none, a finite number"),
        ("ivw(psi=nan)", "psi cannot be 'nan'; it takes: a finite number"),
        ("ivw(psi=1.5)", "psi is 1.5"),
        ("weighted_mode(phi=0)", "phi is 0.0"),
        ("conmix(step=-1)", "step is -1.0: a finite number above zero is needed"),
        ("weighted_median(draws=1)", "1 bootstrap draws"),
        ("ivw(robust)", "parameters stand as name=value"),
        ("ivw()", "parameters stand as name=value"),
        ("ivw(robust=true", "a parenthesis has no partner"),
        ("ivw robust=true)", "no method 'ivw robust=true)'"),
        ("ivw(psi=0.1,psi=0.2)", "psi is given twice"),
        ("mv_ivw", "no method 'mv_ivw'"),
        ("MR-HORSE", "the method 'MR-HORSE' is not in this version"),
        ("mrclust", "the table outliers"),
        ("horse", "is not in this version"),
        ("", "no method ''"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_remedy(name: str, message: str) -> None:
    with pytest.raises(UsageError) as fault:
        build_methods([name])
    assert message in str(fault.value)


def test_a_list_with_a_lonely_parenthesis_is_refused() -> None:
    for text in ("ivw(psi=0.1", "ivw)psi=0.1(", "ivw((psi=0.1)"):
        with pytest.raises(UsageError, match="a parenthesis has no partner"):
            split_methods(text)


def test_two_forms_of_a_method_have_two_names_and_one_form_one() -> None:
    names = name_methods(build_methods(["ivw", "ivw(robust=true)", "mr_ivw(psi=0.1,robust=true)"]))
    assert names == ("ivw", "ivw(robust=true)", "ivw(psi=0.1,robust=true)")
    assert name_methods(build_methods(["ivw(robust=false)"])) == ("ivw",)
    with pytest.raises(UsageError, match="a method is named twice"):
        build_methods(["ivw", "mr_ivw"])
    with pytest.raises(UsageError, match="a method is named twice"):
        build_methods(["weighted_median", "weighted_median(draws=1000)"])


def test_a_name_builds_its_method_again() -> None:
    names = ["ivw(weights=delta,psi=0.1)", "raps(loss=tukey,over_dispersion=false)", "conmix"]
    methods = build_methods(names)
    assert build_methods(name_methods(methods)) == methods


def test_every_name_of_every_method_finds_it_and_no_other() -> None:
    kinds = [*METHOD_CLASSES, *MULTIVARIABLE_METHODS]
    spelt: dict[str, str] = {}
    for kind in kinds:
        build = build_joint_methods if kind in MULTIVARIABLE_METHODS else build_methods
        for name in (kind.key, kind.label, *kind.aliases, kind.label.upper()):
            assert build([name], n_exposure=1e4)[0].key == kind.key
            folded = "".join(filter(str.isalnum, name.casefold()))
            assert spelt.setdefault(folded, kind.key) == kind.key
            assert is_joint(name) == (kind in MULTIVARIABLE_METHODS)


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("mr_egger_regresion", "'mr_egger_regression'"),
        ("Inverse variance wieghted", "'Inverse variance weighted'"),
        ("Weighted medain", "'Weighted median'"),
        ("mv_presso", None),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(name: str, near: str | None) -> None:
    with pytest.raises(UsageError, match="no method") as caught:
        build_methods([name])
    assert near is None or near in str(caught.value)


def test_no_method_that_is_said_to_be_absent_is_there() -> None:
    for names, _ in _NOT_HERE:
        for name in names.split():
            with pytest.raises(UsageError, match="is not in this version"):
                build_methods([name])
