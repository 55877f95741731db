"""Tables of prior weights, read or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from proteomr.errors import FormatError
from proteomr.gwas.prior_weights import read_prior_weights


def test_weights_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "weights.tsv"
    path.write_text("snp\tweight\tnote\nrs1\t2\ta\nrs2\t0\tb\n")
    assert read_prior_weights(path) == {"rs1": 2.0, "rs2": 0.0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("snp,wieght\nrs1,1\n", "did you mean 'wieght'"),
        ("snp,weight\nrs1,1\nrs2,-1\n", "line 3"),
        ("snp,weight\nrs1,many\nrs2,1\n", "line 2"),
        ("snp,weight\nrs1,1\nrs1,2\n", "'rs1' stands twice"),
        ("snp,weight\nrs1,0\nrs2,0\n", "all weights are 0"),
    ],
)
def test_what_is_no_weight_is_refused_where_it_stands(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "weights.csv"
    path.write_text(text)
    with pytest.raises(FormatError, match=message):
        read_prior_weights(path)
