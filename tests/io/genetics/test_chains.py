from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proteomr.errors import ColumnError, FormatError, InputError, UsageError
from proteomr.io.genetics.chains import Chain, name_chromosome, read_chain

FORWARD = "chain 100 chr1 1000 + 100 160 chr2 500 + 20 85 1\n10 5 0\n20 0 10\n25\n\n"
REVERSE = "chain 50 chr1 1000 + 300 330 chr1 400 - 40 70 2\n30\n\n"


def chain_of(folder: Path, text: str, *, name: str = "made.chain") -> Chain:
    path = folder / name
    path.write_text(text)
    return read_chain(path)


def places(chain: Chain, name: str, positions: list[int]) -> list[tuple[object, ...]]:
    return chain.lift([name] * len(positions), positions).rows()


def test_positions_are_counted_from_one_and_gaps_have_no_counterpart(tmp_path: Path) -> None:
    lifted = places(chain_of(tmp_path, FORWARD), "1", [100, 101, 110, 111, 115, 116, 135, 136, 161])
    nothing = (None, None, None)
    assert lifted == [
        nothing,
        ("2", 21, 1),
        ("2", 30, 1),
        nothing,
        nothing,
        ("2", 31, 1),
        ("2", 50, 1),
        ("2", 61, 1),
        nothing,
    ]


def test_the_other_strand_is_counted_from_the_far_end(tmp_path: Path) -> None:
    # offsets 40 to 69 of the reverse complement of 400 bases are bases 360 to 331
    chain = chain_of(tmp_path, REVERSE)
    assert places(chain, "chr1", [301, 330]) == [("1", 360, -1), ("1", 331, -1)]


def test_the_chain_of_the_highest_score_holds_the_place(tmp_path: Path) -> None:
    low = "chain 1 1 1000 + 0 100 low 1000 + 0 100 1\n100\n\n"
    high = "chain 2 1 1000 + 40 60 high 1000 + 0 20 2\n20\n\n"
    for text in (low + high, high + low):
        lifted = places(chain_of(tmp_path, text), "1", [40, 41, 60, 61])
        assert lifted == [("low", 40, 1), ("high", 1, 1), ("high", 20, 1), ("low", 61, 1)]


def test_of_equal_scores_the_chain_that_aligns_more_holds_the_place(tmp_path: Path) -> None:
    short = "chain 1 1 1000 + 0 10 short 1000 + 0 10 1\n10\n\n"
    long = "chain 1 1 1000 + 0 20 long 1000 + 0 20 2\n20\n\n"
    for text in (short + long, long + short):
        assert places(chain_of(tmp_path, text), "1", [5]) == [("long", 5, 1)]


def test_of_equal_scores_the_same_chromosome_goes_before_a_patch(tmp_path: Path) -> None:
    patch = "chain 1 1 1000 + 0 30 HG1_PATCH 1000 + 0 30 1\n30\n\n"
    other = "chain 1 1 1000 + 0 20 2 1000 + 0 20 2\n20\n\n"
    same = "chain 1 1 1000 + 0 10 1 1000 + 0 10 3\n10\n\n"
    for text in (patch + other + same, same + other + patch):
        lifted = chain_of(tmp_path, text).lift(["1"] * 3, [5, 15, 25])
        assert lifted["chromosome"].to_list() == ["1", "2", "HG1_PATCH"]


def test_a_plain_file_and_a_compressed_one_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "made.chain.gz").write_bytes(gzip.compress((FORWARD + REVERSE).encode()))
    plain = chain_of(tmp_path, "#a comment\n" + FORWARD + REVERSE)
    packed = read_chain(tmp_path / "made.chain.gz")
    positions = list(range(90, 340))
    assert places(plain, "chr1", positions) == places(packed, "1", positions)


def test_names_of_chromosomes_may_be_text_numbers_or_missing(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, FORWARD)
    for names in (
        pl.Series([1, 1]),
        pl.Series(["CHR1", " 1"]),
        pl.Series(["1", "1"], dtype=pl.Categorical),
    ):
        assert chain.lift(names, [101, 102])["position"].to_list() == [21, 22]
    missing = chain.lift(pl.Series(["1", None, "7"]), pl.Series([None, 101, 101]))
    assert missing["position"].null_count() == 3
    assert chain.lift([], []).height == 0


@pytest.mark.parametrize("position", [0, -5, -(2**60), 2**60, 1001])
def test_a_position_that_no_chromosome_has_is_lifted_to_nothing(
    tmp_path: Path, position: int
) -> None:
    whole = "chain 1 1 1000 + 0 1000 1 1000 + 0 1000 1\n1000\n\n"
    neighbour = whole.replace(" 1 1000", " 0 1000")
    lifted = chain_of(tmp_path, neighbour + whole).lift(["1"], [position])
    assert lifted.row(0) == (None, None, None)


def test_as_many_positions_as_chromosomes_are_needed_and_whole_ones(tmp_path: Path) -> None:
    chain = chain_of(tmp_path, FORWARD)
    with pytest.raises(UsageError, match="2 positions for 1 chromosomes"):
        chain.lift(["1"], [1, 2])
    with pytest.raises(ColumnError, match="positions hold Float64; whole numbers"):
        chain.lift(["1"], pl.Series([1.5]))


@pytest.mark.parametrize(
    ("name", "plain"),
    [("chrX", "X"), ("x", "X"), ("CHR_HSCHR1_1_CTG31", "CHR_HSCHR1_1_CTG31"), ("chrMT", "MT")],
)
def test_a_chromosome_has_one_name(name: str, plain: str) -> None:
    assert name_chromosome(name) == plain


FAULTS = {
    "head of a chain; 13 are needed": (FORWARD.replace(" 85 1", ""), 1),
    "text where the head of a chain needs a number": (FORWARD.replace(" 85 ", " x "), 1),
    "strands are": (FORWARD.replace("500 +", "500 *"), 1),
    "do not fit the size": (FORWARD.replace("1000 +", "150 +"), 1),
    "a block is one length": (FORWARD.replace("20 0 10", "20 0"), 3),
    "do not add up": (FORWARD.replace("20 0 10", "20 1 10"), 4),
    "lacks its last block": (FORWARD.replace("25\n", "") + REVERSE, 5),
    "the file ends within a chain": (FORWARD.replace("25\n\n", ""), 3),
    "no chain begins before this line": ("sample,age\n" + FORWARD, 1),
    "holds no chain": ("# nothing\n", 1),
}


@pytest.mark.parametrize("message", FAULTS)
def test_a_damaged_file_is_refused_with_its_line(tmp_path: Path, message: str) -> None:
    text, line = FAULTS[message]
    with pytest.raises(FormatError, match=message) as fault:
        chain_of(tmp_path, text)
    assert fault.value.line == line


def test_a_compressed_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    noise = "".join(FORWARD.replace("100 160", f"{100 + i} {160 + i}") for i in range(400))
    whole = gzip.compress(noise.encode())
    (tmp_path / "cut.chain.gz").write_bytes(whole[: len(whole) - 40])
    with pytest.raises(FormatError, match="cut off or damaged"):
        read_chain(tmp_path / "cut.chain.gz")
    with pytest.raises(InputError, match=r"no such file \(did you mean 'cut.chain.gz'"):
        read_chain(tmp_path / "cut.chain")


@dataclass(frozen=True)
class Made:
    """A chain as the loop below reads it."""

    score: int
    source: int
    start: int
    target: int
    target_start: int
    reverse: bool
    blocks: tuple[tuple[int, int, int], ...]  # length, gap in the source, gap in the target

    @property
    def text(self) -> str:
        source, target = (sum(b[0] + b[k] for b in self.blocks) for k in (1, 2))
        ends = (self.start + source, self.target_start + target)
        head = f"chain {self.score} {self.source} 400 + {self.start} {ends[0]} "
        head += f"t{self.target} 500 {'-' if self.reverse else '+'} {self.target_start} {ends[1]} 1"
        lines = [f"{n} {a} {b}" for n, a, b in self.blocks[:-1]] + [f"{self.blocks[-1][0]}"]
        return "\n".join([head, *lines, "", ""])

    def carry(self, base: int) -> int | None:
        at, target = self.start, self.target_start
        for length, gap, target_gap in self.blocks:
            for step in range(length):
                if at + step == base:
                    place = target + step
                    return 500 - place if self.reverse else place + 1
            at, target = at + length + gap, target + length + target_gap
        return None


def follow(chains: list[Made], source: int, position: int) -> tuple[object, ...]:
    """Carry one position through all chains, one base at a time, the best chain first."""
    for chain in sorted(chains, key=lambda one: (-one.score, -sum(b[0] for b in one.blocks))):
        place = chain.carry(position - 1) if chain.source == source else None
        if place is not None:
            return f"t{chain.target}", place, -1 if chain.reverse else 1
    return None, None, None


gaps = st.integers(0, 6)
inner = st.lists(st.tuples(st.integers(1, 9), gaps, gaps), max_size=4)
made_chains = st.builds(
    Made,
    score=st.integers(1, 3),
    source=st.integers(1, 2),
    start=st.integers(0, 60),
    target=st.integers(1, 3),
    target_start=st.integers(0, 300),
    reverse=st.booleans(),
    blocks=st.builds(lambda first, last: (*first, (last, 0, 0)), inner, st.integers(1, 9)),
)


@given(chains=st.lists(made_chains, min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_lifting_equals_following_each_base(
    tmp_path_factory: pytest.TempPathFactory, chains: list[Made]
) -> None:
    folder = tmp_path_factory.mktemp("chains")
    chain = chain_of(folder, "".join(one.text for one in chains))
    asked = [(source, position) for source in (1, 2, 3) for position in range(-1, 140, 2)]
    names, positions = zip(*asked, strict=True)
    lifted = chain.lift([f"chr{name}" for name in names], positions).rows()
    assert lifted == [follow(chains, source, position) for source, position in asked]


@pytest.fixture(scope="module")
def builds(reference: Path) -> tuple[Chain, Chain]:
    formats = reference / "formats"
    return (
        read_chain(formats / "ensembl_GRCh38_to_GRCh37.chain.gz"),
        read_chain(formats / "ensembl_GRCh37_to_GRCh38.chain.gz"),
    )


def test_known_variants_stand_where_dbsnp_has_them(builds: tuple[Chain, Chain]) -> None:
    # rs429358, rs7412 (APOE) and rs3131972, build 156 of dbSNP
    names, old, new = (
        ["19", "chr19", "1"],
        [45411941, 45412079, 752721],
        [44908684, 44908822, 817341],
    )
    down, up = builds
    assert up.lift(names, old)["position"].to_list() == new
    assert down.lift(names, new)["position"].to_list() == old


def test_there_and_back_is_where_it_began(builds: tuple[Chain, Chain]) -> None:
    # a few places of GRCh38 are in GRCh37 on patches alone, from which no chain leads back
    down, up = builds
    rng = np.random.default_rng(5)
    n = 200_000
    names = pl.Series("from", rng.integers(1, 23, n).astype(str))
    start = pl.DataFrame({"from": names, "at": rng.integers(1, 130_000_000, n)})
    there = start.with_columns(down.lift(names, start["at"])).drop_nulls()
    back = up.lift(there["chromosome"], there["position"])
    whole = there.filter(~pl.col("chromosome").str.contains("PATCH"))
    assert there.height - whole.height < 2e-3 * n
    assert whole.height > 0.75 * n
    back = up.lift(whole["chromosome"], whole["position"])
    assert back["position"].to_list() == whole["at"].to_list()
    assert back["chromosome"].to_list() == whole["from"].to_list()
