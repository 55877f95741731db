"""The job of a network: what it finds, what it tells, and what changes nothing."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from proteomr import associate
from proteomr.errors import InputError, UsageError
from proteomr.io import PeopleChoice, ProteinChoice
from proteomr.network import NetworkOptions, network
from proteomr.network.options import METHODS, Method
from proteomr.runs import Results
from proteomr.stats.soft_threshold import NETWORK_TYPES, NetworkType
from tests.network.people import LOOSE, SIZES, make, truth
from tests.stats.networks import rand_index

TABLES = ("modules", "eigenproteins", "module_summary", "power", "tree", "hubs", "edges")
FEW = NetworkOptions(power=3, min_size=8, second_stage="none")


def options(method: Method) -> NetworkOptions:
    return NetworkOptions(method=method, power=3, min_size=8)


@pytest.fixture(scope="module", params=METHODS)
def found(request: pytest.FixtureRequest) -> Results:
    return network(make(), options=options(request.param))


def assert_same(one: Results, other: Results, tables: tuple[str, ...] = TABLES) -> None:
    for name in tables:
        assert one.table(name).equals(other.table(name)), name


def test_planted_modules_are_found(found: Results) -> None:
    labels, planted = found.table()["module"].to_numpy(), truth() > 0
    assert rand_index(labels[planted], truth()[planted]) > 0.9
    assert found.table("module_summary").height == len(SIZES)
    assert set(found.table()["status"]) == {"ok"}


def test_modules_are_numbered_by_size(found: Results) -> None:
    sizes = found.table("module_summary")["n"].to_list()
    assert sizes == sorted(sizes, reverse=True)
    labels = found.table()["module"]
    assert [int((labels == k).sum()) for k in range(1, len(sizes) + 1)] == sizes


def test_memberships_are_correlations_with_the_eigenprotein(found: Results) -> None:
    people, profiles = make(), found.table("eigenproteins")
    assert profiles["id"].to_list() == sorted(people["ID"].to_list())
    for protein, module, membership in (
        found.table().select("protein", "module", "membership").rows()
    ):
        if module:
            r = np.corrcoef(people[protein].to_numpy(), profiles[f"M{module}"].to_numpy())[0, 1]
            np.testing.assert_allclose(membership, r, rtol=1e-10)
        else:
            assert membership is None


def test_what_eigenproteins_explain_is_the_mean_squared_membership() -> None:
    found = network(make(), options=FEW)
    by_module = found.table().filter(pl.col("module") > 0)
    mean = by_module.group_by("module").agg((pl.col("membership") ** 2).mean()).sort("module")
    np.testing.assert_allclose(
        mean["membership"], found.table("module_summary")["explained"], rtol=1e-10
    )


def test_hubs_are_the_most_connected_of_their_module(found: Results) -> None:
    hubs, modules = found.table("hubs"), found.table()
    for label in hubs["module"].unique():
        own = modules.filter(pl.col("module") == label).sort("connectivity_within", descending=True)
        listed = hubs.filter(pl.col("module") == label)["protein"].to_list()
        assert listed == own["protein"].head(10).to_list()
    summary = found.table("module_summary")
    assert summary["hub"].to_list() == hubs.filter(pl.col("rank") == 1)["protein"].to_list()


def test_edges_are_powers_of_correlations_within_a_module(found: Results) -> None:
    edges = found.table("edges")
    r = edges["correlation"].to_numpy()
    np.testing.assert_allclose(edges["adjacency"], np.abs(r) ** 3, rtol=1e-12)
    label = dict(found.table().select("protein", "module").rows())
    for module, one, other in edges.select("module", "protein1", "protein2").rows():
        assert label[one] == label[other] == module
        assert one < other


def test_the_tree_joins_every_protein_once() -> None:
    tree = network(make(), options=FEW).table("tree")
    p = sum(SIZES) + LOOSE
    assert tree["step"].to_list() == list(range(1, p))
    assert tree["height"].is_sorted()
    sides = [*tree["left"], *tree["right"]]
    assert sorted(side for side in sides if side < 0) == list(range(-p, 0))
    assert sorted(side for side in sides if side > 0) == list(range(1, p - 1))
    assert tree["n"][-1] == p


def test_the_power_is_the_first_that_reaches_the_fit() -> None:
    asked = NetworkOptions(min_size=8, scale_free=0.1)
    power = network(make(), options=asked).table("power")
    reached = power.filter(pl.col("signed_r2") >= 0.1)["power"][0]
    assert power.filter(pl.col("chosen"))["power"].to_list() == [reached]


def test_a_power_beside_those_that_are_tried_has_its_row() -> None:
    power = network(make(), options=NetworkOptions(power=11, min_size=8)).table("power")
    assert power.filter(pl.col("chosen"))["power"].to_list() == [11]
    assert power["power"].to_list() == [*range(1, 13), 14, 16, 18, 20]


def test_threads_and_the_order_of_people_change_no_bit(found: Results) -> None:
    method: Method = "wgcna" if found.table("tree")["tree"].max() == 1 else "netboost"
    asked = options(method)
    shuffled = make().sample(fraction=1.0, shuffle=True, seed=5)
    one = network(make(), options=asked, threads=1)
    assert_same(one, network(make(), options=asked, threads=3))
    assert_same(one, network(shuffled, options=asked, threads=2))


@pytest.mark.parametrize("method", METHODS)
def test_the_order_of_proteins_changes_no_label(method: Method) -> None:
    frame = make()
    turned = frame.select("ID", *reversed(frame.columns[1:]))
    one, other = (network(data, options=options(method)) for data in (frame, turned))
    assert one.table().sort("protein").equals(other.table().sort("protein"))
    assert_same(one, other, ("eigenproteins", "module_summary", "power", "hubs", "edges"))


def test_proteins_that_cannot_enter_have_a_row_and_a_status() -> None:
    n = make().height
    frame = make().with_columns(
        constant=pl.lit(3.0),
        absent=pl.lit(None, dtype=pl.Float64),
        rare=pl.Series([*np.arange(19.0), *[None] * (n - 19)]),
        huge=pl.Series([np.inf, *np.arange(n - 1.0)]),
    )
    with_odd, without = network(frame, options=FEW), network(make(), options=FEW)
    odd = with_odd.table().filter(pl.col("status") != "ok")
    assert dict(odd.select("protein", "status").rows()) == {
        "constant": "constant",
        "absent": "all_missing",
        "rare": "too_few",
        "huge": "infinite",
    }
    assert odd["module"].to_list() == [0] * 4
    assert odd["connectivity"].null_count() == 4
    assert with_odd.failed == 4
    kept = with_odd.table().filter(pl.col("status") == "ok")
    assert kept.equals(without.table())
    assert any("4 proteins cannot enter" in note for note in with_odd.notes)


@pytest.mark.parametrize("impute", ["none", "knn"])
@pytest.mark.parametrize("correlation", ["pearson", "spearman", "bicor"])
def test_missing_values_leave_the_modules_as_they_are(impute: str, correlation: str) -> None:
    frame = make()
    random = np.random.default_rng(7)
    holed = frame.with_columns(
        pl.when(pl.Series(random.random(frame.height) > 0.08)).then(pl.col(name)).alias(name)
        for name in frame.columns[1:]
    )
    asked = NetworkOptions(
        power=3,
        min_size=8,
        impute=impute,  # type: ignore[arg-type]
        correlation=correlation,  # type: ignore[arg-type]
        second_stage="none",
    )
    found = network(holed, options=asked)
    planted = truth() > 0
    labels = found.table()["module"].to_numpy()
    assert rand_index(labels[planted], truth()[planted]) > 0.85
    told = any("filled from the nearest ten" in note for note in found.notes)
    assert told == (impute == "knn")


@pytest.mark.parametrize("kind", NETWORK_TYPES)
def test_signed_networks_alone_keep_opposite_proteins_apart(kind: NetworkType) -> None:
    frame = make()
    opposite = frame.with_columns((-pl.col(f"P{j:02d}")).name.keep() for j in range(12))
    # a signed similarity of nothing is a half: a higher power brings it to as little
    asked = NetworkOptions(power=10, min_size=6, type=kind, second_stage="none")
    labels = network(opposite, options=asked).table()["module"].to_list()
    shared = {*labels[:12]} & {*labels[12:24]} - {0}
    assert bool(shared) == (kind == "unsigned")


def test_ranks_ignore_what_monotone_changes_do() -> None:
    frame = make()
    bent = frame.with_columns(pl.col(name).exp() for name in frame.columns[1:])
    asked = options("netboost")
    one, other = network(frame, options=asked), network(bent, options=asked)
    assert one.table()["module"].to_list() == other.table()["module"].to_list()


@pytest.mark.parametrize("transform", ["rint", "log2"])
def test_transforms_come_before_all_else(transform: str) -> None:
    frame = make()
    power = frame.with_columns((2.0 ** pl.col(name)).alias(name) for name in frame.columns[1:])
    asked = NetworkOptions(power=3, min_size=8, transform=transform)  # type: ignore[arg-type]
    one = network(power, options=asked).table()
    if transform == "log2":
        other = network(frame, options=NetworkOptions(power=3, min_size=8)).table()
        np.testing.assert_allclose(one["connectivity"], other["connectivity"], rtol=1e-9)
    else:
        assert one.equals(network(frame, options=asked).table())


def test_netboost_grows_a_tree_for_each_connected_part() -> None:
    asked = NetworkOptions(method="netboost", power=3, min_size=8, edge_p=1e-6)
    tree = network(make(), options=asked).table("tree")
    assert tree["tree"].n_unique() >= len(SIZES)
    assert tree["height"].is_sorted()


def test_modules_of_another_cohort_are_judged() -> None:
    found = network(make(), options=FEW, preserve_in=make(seed=2, n=100)).table("preservation")
    assert (found["z_summary"] > 5.0).all()
    assert set(found["status"]) == {"ok"}
    noise = make(seed=3).with_columns(
        pl.Series(name, np.random.default_rng(j).normal(size=120))
        for j, name in enumerate(make().columns[1:])
    )
    absent = network(make(), options=FEW, preserve_in=noise).table("preservation")
    assert (absent["z_summary"] < 3.0).all()


def test_preservation_does_not_depend_on_threads_and_follows_the_seed() -> None:
    other = make(seed=2, n=100)
    asked = NetworkOptions(power=3, min_size=8, permutations=100)
    again = NetworkOptions(power=3, min_size=8, permutations=100, seed=2)
    one = network(make(), options=asked, preserve_in=other, threads=1).table("preservation")
    two = network(make(), options=asked, preserve_in=other, threads=3).table("preservation")
    three = network(make(), options=again, preserve_in=other).table("preservation")
    assert one.equals(two)
    assert not one["z_summary"].equals(three["z_summary"])
    assert one["correlation"].equals(three["correlation"])


def test_a_module_that_the_other_cohort_lacks_has_a_status() -> None:
    kept = [f"P{j:02d}" for j in range(24)] + ["P60", "P61"]
    other = make(seed=2).select("ID", *kept)
    found = network(make(), options=FEW, preserve_in=other).table("preservation")
    lacking = found.filter(pl.col("n_common") < 3)
    assert lacking.height == 2
    assert set(lacking["status"]) == {"too_few"}
    assert lacking["z_summary"].null_count() == 2


def test_null_data_give_no_module() -> None:
    random = np.random.default_rng(11)
    frame = pl.DataFrame(
        {
            "ID": [f"S{i:03d}" for i in range(200)],
            **{f"P{j:03d}": random.normal(size=200) for j in range(120)},
        }
    )
    found = network(frame, options=NetworkOptions(power=6))
    assert found.table("module_summary").height == 0
    assert set(found.table()["module"]) == {0}
    assert found.table("eigenproteins").columns == ["id"]
    assert "no module was found" in found.notes


def test_eigenproteins_stand_for_proteins_in_associate() -> None:
    found = network(make(), options=FEW)
    profiles = found.table("eigenproteins")
    people = pl.DataFrame(
        {"ID": profiles["id"], "bmi": profiles["M1"] + 0.01 * np.sin(np.arange(120.0))}
    )
    rows = associate(people, profiles, family="linear", exposure="bmi", adjust={"a": "1"})
    by_protein = dict(rows.table().select("protein", "p_value").rows())
    assert sorted(by_protein) == ["M1", "M2", "M3"]
    assert by_protein["M1"] < 1e-20


def test_people_and_proteins_are_chosen() -> None:
    samples = make().select("ID", age=pl.Series(np.arange(120)))
    found = network(
        make(),
        options=FEW,
        samples=samples,
        people=PeopleChoice.of(where="age >= 40"),
        chosen_proteins=ProteinChoice.of([f"P{j:02d}" for j in range(40)]),
    )
    assert found.table("eigenproteins").height == 80
    assert found.table().height == 40
    kept = network(make(), options=FEW, people=PeopleChoice.of(keep=samples.head(50).select("ID")))
    assert kept.table("eigenproteins").height == 50
    gone = network(make(), options=FEW, withdrawn=samples.head(3).select("ID"))
    assert gone.table("eigenproteins").height == 117


@pytest.mark.parametrize(
    ("data", "asked", "words"),
    [
        (make().head(19), FEW, "19 people are left"),
        (make().select("ID", "P00", "P01"), FEW, "2 of 2 proteins can enter"),
        (make(), NetworkOptions(power=100, min_size=8), "leaves no edge"),
        (make(), NetworkOptions(min_size=8, scale_free=0.999), "no power gives"),
    ],
)
def test_what_cannot_be_a_network_is_refused(
    data: pl.DataFrame, asked: NetworkOptions, words: str
) -> None:
    weak = data
    if words == "leaves no edge":
        weak = data.with_columns(
            pl.Series(name, np.random.default_rng(j).normal(size=data.height))
            for j, name in enumerate(data.columns[1:])
        )
    with pytest.raises(InputError, match=words):
        network(weak, options=asked)


def test_a_power_that_leaves_edges_to_two_proteins_alone_is_refused() -> None:
    data = make()
    loose = data.with_columns(
        pl.Series(name, np.random.default_rng(j).normal(size=data.height))
        for j, name in enumerate(data.columns[1:])
    ).with_columns(P00=0.9 * pl.col("P01") + 0.1 * pl.col("P02"))
    with pytest.raises(InputError, match="power 100 leaves no edge to most proteins"):
        network(loose, options=NetworkOptions(power=100, min_size=8))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"power": 0}, "--power 0: 1 to 100"),
        ({"min_size": 1}, "--min-size 1: 2 or more"),
        ({"merge_height": 3.0}, "--merge-height 3"),
        ({"deep_split": 5}, "--deep-split 5"),
        ({"permutations": 10}, "--permutations 10: 100 or more"),
        ({"edge_p": 0.1}, "--edge-p is of --method netboost"),
        ({"method": "netboost", "deep_split": 1}, "--deep-split is of --method wgcna"),
        ({"method": "netboost", "second_stage": "none"}, "--second-stage is of"),
        ({"correlation": "person"}, "did you mean 'pearson'"),
        ({"type": "directed"}, "known: unsigned"),
    ],
)
def test_options_outside_their_range_or_of_the_other_method_are_refused(
    given: dict[str, object], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        NetworkOptions(**given)  # type: ignore[arg-type]


def test_another_cohort_without_the_proteins_is_refused() -> None:
    other = make().rename({name: name.lower() for name in make().columns[1:]})
    with pytest.raises(InputError, match="has 0 of 70 proteins"):
        network(make(), options=FEW, preserve_in=other)


@pytest.mark.usefixtures("several_blas_threads")
def test_more_people_than_a_sum_of_one_thread_holds_change_no_bit() -> None:
    random = np.random.default_rng(8)
    n, p = 10_500, 8  # the BLAS sums more than 10,000 numbers by threads, where it may
    values = random.normal(size=(n, 1)) + random.normal(size=(n, p))
    values[random.random((n, p)) < 0.05] = np.nan
    ids = pl.Series("ID", np.arange(n)).cast(pl.String).str.zfill(6)
    frame = pl.DataFrame([ids, *(pl.Series(f"P{j}", values[:, j]) for j in range(p))])
    asked = NetworkOptions(power=2, min_size=5)
    one, two = (network(frame, options=asked, threads=threads) for threads in (1, 2))
    assert_same(one, two)
