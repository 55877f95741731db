"""A word of another program, or a slip, is answered with what is written here instead."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path
from typing import Any, get_args

import pytest
import typer.main
from proteomr_cli import main
from proteomr_cli.elsewhere import Elsewhere
from proteomr_cli.foreign_names import (
    CHOICES,
    COMMANDS_ELSEWHERE,
    NOT_HERE,
    OPTIONS_ELSEWHERE,
)
from proteomr_cli.main import app

from proteomr.families import LISTED_FAMILIES

GROUP: Any = typer.main.get_command(app)
COMMANDS: dict[str, Any] = {
    f"{prefix}{name}": entry
    for prefix, commands in (
        ("", GROUP.commands),
        *((f"{name} ", getattr(entry, "commands", {})) for name, entry in GROUP.commands.items()),
    )
    for name, entry in commands.items()
}
FLAG = re.compile(r"(?<![\w-])--?[a-z][a-z0-9-]*")
FIT = "associate samples.csv proteins.parquet --family linear"

# What was typed, and words of the answer: one line, with the way out; nothing is computed.
TYPED: tuple[tuple[str, str], ...] = (
    ("assoc samples.csv", "proteomr associate SAMPLES PROTEINS"),
    ("gwas", "munge, clump, leads"),
    ("gwas samples.csv", "proteomr gwas munge FILE"),
    ("phewas samples.csv", "--outcome NAME"),
    ("twosamplemr a b", "proteomr mr EXPOSURE OUTCOME..."),
    ("TwoSampleMR a b", "proteomr mr EXPOSURE OUTCOME..."),
    ("run", "proteomr run --help"),
    ("pipeline", "proteomr run STUDY.toml"),
    ("munge x", "proteomr gwas munge FILE"),
    ("harmonize x y", "did you mean harmonise?"),
    ("regenie --step 1", "runs no other program"),
    ("associate --phenoFile a --covarFile b --step 1", "proteomr associate SAMPLES PROTEINS"),
    (f"{FIT} --covarFile a", "without a flag"),
    (f"{FIT} --bed a", "no genotypes are taken"),
    (f"{FIT} --impute knn", "proteomr qc STORE --impute knn -o CLEAN"),
    ("score s.csv p.csv --outcome y --impute knn", "neighbours are found in everybody"),
    ("survive s.csv p.csv --outcome y --knn 5", "its own complete cases"),
    (f"{FIT} --step 2", "no genotypes are taken"),
    (f"{FIT} --phenoCol lonely", "--exposure NAME"),
    (f"{FIT} --covarColList age", '--adjust LABEL="age + sex'),
    (f"{FIT} --bt", "--family"),
    (f"{FIT} --covariates age", '--adjust LABEL="age + sex'),
    (f"{FIT} --covar age", '--adjust LABEL="age + sex'),
    (f"{FIT} --exposure lonely,isolated", "give the option once for each"),
    (f"{FIT} --exposure 'lonely isolated'", "give the option once for each"),
    (f"{FIT} --exposure lonely isolated", "--exposure A --exposure B"),
    (f"{FIT} --exposure P001", "it is a column of the proteins"),
    (f"{FIT} --exposure lonely --adjust age,bmi", 'write --adjust adjusted="age + bmi"'),
    (f"{FIT} --exposure lonely --adjust 'age bmi'", 'write --adjust adjusted="age + bmi"'),
    (f"{FIT} --exposure lonely --adjust ~age+bmi", 'write --adjust adjusted="age + bmi"'),
    (f"{FIT} --exposure lonely --adjust 'y ~ age + bmi'", 'write --adjust adjusted="age + bmi"'),
    (f"{FIT} --exposure lonely --adjust 'y ~ poly(age, degree=2)'", "has no label"),
    (f"{FIT} --exposure lonely --adjust 'm=y ~ age'", "only the right-hand side"),
    (f"{FIT} --exposure lonely --adjust 'm=rcs(age,4)'", "write ns(x, df)"),
    (f"{FIT} --exposure lonely --adjust 'm=sqrt(age)'", "beforehand"),
    (f"{FIT} --exposure lonely --adjust 'm=BMI at visit'", "a name with blanks in quotes"),
    (f"{FIT} --exposure lonely --adjust 'm=age, bmi'", "write + between terms"),
    (f"{FIT} --exposure lonely --adjust 'm=PC1-PC5'", "PC1..PC10"),
    (f"{FIT} --exposure lonely --adjust m=", "m=1 adjusts for nothing"),
    (f"{FIT} --exposure lonely --adjust m=PC1:PC5", "a range of columns is written PC1..PC10"),
    (f"{FIT} --exposure lonely --interaction age,bmi", "give others a run each"),
    ("associate --samples a --proteins b --family linear", "proteomr associate SAMPLES PROTEINS"),
    ("associate -s a -p b --family linear", "proteomr associate SAMPLES PROTEINS"),
    ("associate -f a --family linear", "proteomr associate SAMPLES PROTEINS"),
    ("associate -i a --family linear", "proteomr associate SAMPLES PROTEINS"),
    ("associate samples.csv proteins.parquet -o x", "linear: protein ~ exposure"),
    (f"{FIT} -o x", "--exposure NAME"),
    (f"{FIT} -out x", "two dashes: --out"),
    (f"{FIT} --out-dir x", "write -o DIR"),
    (f"{FIT} --n-jobs 4", "write --threads K"),
    (f"{FIT} -j 4", "write --threads K"),
    (f"{FIT} -y", "--overwrite"),
    (f"{FIT} --no_progress", "it is written --no-progress"),
    (f"{FIT} --ref Control", "write --reference-level LEVEL"),
    ("associate a b --family gaussian", "for 'gaussian' write 'linear'"),
    ("associate a b --family Logistic", "for 'Logistic' write 'logistic'"),
    (f"{FIT} --transform INT", "for 'INT' write 'rint'"),
    (f"{FIT} --se robust", "for 'robust' write 'HC3'"),
    (f"{FIT} --level 95", "such as 0.95"),
    (f"{FIT} --seed x", "valid integer"),
    (f"{FIT} --exposure three --family logistic", "make a column of two levels"),
    ("mr --exposure a --outcome b", "proteomr mr EXPOSURE OUTCOME..."),
    ("mr -e a -o b", "proteomr mr EXPOSURE OUTCOME..."),
    ("mr ieu-a-2 ieu-a-7 -o x", "Nothing is fetched"),
    ("mr a.tsv b.tsv --instruments rs1,rs2 -o x", "names a file"),
    ("mr a b --method ivw", "--methods ivw,egger"),
    ("mr a b --pval 5e-8", "--instruments-p P"),
    ("mr a b --clump_r2 0.1", "it is written --clump-r2"),
    ("mr a b --bfile x", "--ld BFILE"),
    ("mr --harmonized x", "it is written --harmonised"),
    ("mr a b --snp-col x", "proteomr gwas munge FILE --map"),
    ("genes IL6 --build hg19", "for 'hg19' write 'GRCh37'"),
    ("genes IL6 --build 38", "for '38' write 'GRCh38'"),
    ("gwas munge a -o b.parquet --a1 EA", "--map CANONICAL=COLUMN"),
    ("gwas munge a -o b.parquet --map beta:BETA", "write beta=BETA"),
    ("gwas clump a --bfile x -o b.parquet", "write --ld BFILE"),
    ("gwas leads a -o b.parquet --window 5", "write --distance-kb K"),
    ("ingest a -o b --platform Olink", "for 'Olink' write 'olink'"),
    ("ingest -f a -o b", "proteomr ingest FILE... -o STORE"),
    ("qc a", "Folder of the store of what is left"),
    ("simulate --n 100 -o x", "write --people N"),
    ("genes", "Symbols, former symbols"),
    ("schema asociations", "did you mean 'associations'"),
    ("associate a b --family cox", "proteomr survive --family cox"),
    ("associate a b --family Poisson", "there is no model of counts"),
    ("associate a b --family glm", "logistic is exposure ~ protein"),
    ("mr a b -o", "see proteomr mr --help"),
    ("gwas munge a -o", "see proteomr gwas munge --help"),
    ("mr a b -o --methods ivw", "-o lacks its value: the option --methods follows it"),
    (f"{FIT} --exposure --adjust m=age", "--exposure lacks its value"),
)


@pytest.mark.parametrize(("typed", "words"), TYPED)
def test_a_mistake_is_answered_with_the_way_out(
    proteomr: Any, study: Any, monkeypatch: pytest.MonkeyPatch, typed: str, words: str
) -> None:
    monkeypatch.chdir(study.folder)
    before = sorted(study.folder.iterdir())
    arguments = shlex.split(typed)
    if "--exposure" in arguments and "-o" not in arguments:
        arguments += ["-o", "out"]
    ending = proteomr(*arguments)
    assert ending.code in {2, 3}
    assert words in ending.message
    assert "No such" not in ending.message
    assert sorted(study.folder.iterdir()) == before


def test_what_is_harmonised_already_is_sent_to_its_option(proteomr: Any, tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    file.write_text("SNP,beta.exposure,se.exposure,beta.outcome,se.outcome\nrs1,1,1,1,1\n")
    other = tmp_path / "o.csv"
    other.write_text(file.read_text())
    assert "--harmonised FILE" in proteomr("mr", file, other, "-o", tmp_path / "x").message


def test_an_exposure_that_is_its_own_outcome_is_noted(proteomr: Any, tmp_path: Path) -> None:
    file = tmp_path / "x.txt"
    head = "SNP chr pos effect_allele other_allele eaf beta se pval samplesize\n"
    file.write_text(head + "rs1 1 10 A G 0.3 0.1 0.01 1e-23 900\n")
    assert "a trait on itself" in proteomr("mr", file, file, "-o", tmp_path / "r").err


def test_a_folder_that_cannot_be_made_is_said_so(associate: Any) -> None:
    ending = associate("-o", "/proc/foo")
    assert ending.code == 74
    assert (
        ending.message == "/proc/foo: no folder can be made there; choose one that can be written"
    )


@pytest.mark.parametrize(
    "typed", ["help", "help associate", "associate help", "help gwas munge", "gwas munge help"]
)
def test_help_may_be_asked_for_by_its_word(proteomr: Any, typed: str) -> None:
    ending = proteomr(*typed.split())
    named = [word for word in typed.split() if word != "help"]
    assert ending.code == 0
    assert ending.out.startswith(f"Usage: {' '.join(['proteomr', *named])} ")


@pytest.mark.parametrize("typed", ["-V", "version"])
def test_the_version_has_a_short_way(proteomr: Any, typed: str) -> None:
    assert proteomr(typed).out == proteomr("--version").out


@pytest.mark.parametrize("entry", COMMANDS_ELSEWHERE, ids=lambda entry: entry.names.split()[0])
def test_a_foreign_command_is_none_of_ours(entry: Elsewhere) -> None:
    assert set(entry.names.split()).isdisjoint(GROUP.commands)
    for named in re.findall(r"proteomr ([a-z]+)", entry.answer):
        assert named in GROUP.commands or named == "runs"


@pytest.mark.parametrize("entry", OPTIONS_ELSEWHERE, ids=lambda entry: entry.names.split()[0])
def test_a_foreign_option_is_none_of_ours_and_is_answered_by_options_that_are(
    entry: Elsewhere,
) -> None:
    homes = entry.commands.split(",") if entry.commands else ["associate"]
    for home in homes:
        own = {flag for option in COMMANDS[home].params for flag in option.opts}
        foreign = {name if name[0] == "-" else f"--{name}" for name in entry.names.split()}
        assert foreign.isdisjoint(own)
        beside = {
            flag
            for name in re.findall(r"(?:proteomr|help of) ((?:gwas )?[a-z]+)", entry.answer)
            for option in getattr(COMMANDS.get(name), "params", ())
            for flag in option.opts
        }
        assert set(FLAG.findall(entry.answer)) <= own | beside | {"--help"}


def test_foreign_choices_stand_for_choices_that_some_option_has() -> None:
    functions = [*main.COMMANDS, *(e.callback for g in main.GROUPS for e in g.registered_commands)]
    offered: set[str] = set()
    for function in functions:
        for kind in inspect.get_annotations(function).values():
            offered |= find_choices(kind)
    assert {choice for _, choice in CHOICES} <= offered


def find_choices(kind: Any) -> set[str]:
    """Return the texts of all literals in an annotation, however deep."""
    inner = get_args(kind)
    return {x for x in inner if isinstance(x, str)}.union(*(find_choices(x) for x in inner))


def test_a_choice_that_is_not_here_is_none_of_those_that_are() -> None:
    functions = [*main.COMMANDS, *(e.callback for g in main.GROUPS for e in g.registered_commands)]
    offered: set[str] = set()
    for function in functions:
        for kind in inspect.get_annotations(function).values():
            offered |= find_choices(kind)
    assert {choice for _, choice, _ in NOT_HERE} <= offered
    assert not LISTED_FAMILIES.keys() & {name for names, _, _ in NOT_HERE for name in names.split()}


def test_an_argument_of_the_name_of_its_place_is_no_option(proteomr: Any) -> None:
    ending = proteomr("qc", "store", "--components", "2", "-o", "clean", "--print-config")
    assert ending.code == 0
    assert 'store = "store"' in ending.out


@pytest.mark.parametrize(
    "typed",
    [
        "mr {} o.txt -o x",
        "gwas munge {} -o x.parquet",
        "check {}",
        "merge {}",
        "mr --harmonised {} -o x",
        "phenotype {} -o x.parquet",
        "associate {} p.csv --family linear --exposure a -o x",
    ],
)
@pytest.mark.parametrize("kind", ["long", "loop"])
def test_a_path_that_no_system_opens_is_one_line(
    proteomr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.tsv").symlink_to("b.tsv")
    Path("b.tsv").symlink_to("a.tsv")
    ending = proteomr(*typed.format("n" * 300 if kind == "long" else "a.tsv").split())
    assert ending.code == 3
    assert ending.err.count("\n") <= 1  # check lists it among its findings
    assert "Traceback" not in ending.err
