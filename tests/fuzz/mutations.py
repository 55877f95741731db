"""Ways to damage a file: of bytes, of lines and cells, and within archives, parquet and JSON."""

from __future__ import annotations

import gzip
import io
import json
import random
import re
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import polars as pl

Mutation: TypeAlias = Callable[[bytes, random.Random], bytes]

CELLS: Final = (
    *("", "NA", "nan", "inf", "-inf", "1e999", "-1", "0", "1e-400", "1,5", "0x10", "00012", "1_0"),
    *(
        "9" * 30,
        "7" * 5000,
        "high",
        "TRUE",
        "=1+1",
        "@x",
        '"',
        "'",
        "a\tb",
        "\x1b[31mred",
        "\u202e",
    ),
    *("x" * 200_000, "\x00", "2020-13-45", "ß" * 50, "-", ".", "[1,2", '{"a":', "\ud800", "1e5"),
)
_DELIMITERS: Final = b",;\t |"
_DEEP: Final = (b"[" * 4000, b"{" * 4000, b"(" * 4000, b".".join([b"a"] * 4000), b"[[" * 900)


def _flip_bits(content: bytes, rng: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 3, 16))):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(content: bytes, rng: random.Random) -> bytes:
    return content[: rng.randrange(len(content))]


def _behead(content: bytes, rng: random.Random) -> bytes:
    return content[rng.randrange(1, min(len(content), 64) + 1) :]


def _insert(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    marks = (b'"', b"'", b"\x00", b"\xff\xfe", b"\n", b"\r", b"\n\n", b"\xc3", b"#", b"\\", b"\xa0")
    return content[:place] + rng.choice(marks) + content[place:]


def _insert_deep(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content) + 1)
    return content[:place] + rng.choice(_DEEP) + content[place:]


def _repeat(content: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(content))
    last = min(len(content), first + rng.randrange(1, 200))
    return content[:last] + content[first:last] * rng.choice((1, 2, 50)) + content[last:]


def _remove(content: bytes, rng: random.Random) -> bytes:
    first = rng.randrange(len(content))
    return content[:first] + content[first + rng.randrange(1, 200) :]


def _replace_whole(content: bytes, rng: random.Random) -> bytes:
    text = content[:50].decode("latin-1")
    return rng.choice(
        (
            b"",
            b"\n",
            b" \n \n",
            b"\xef\xbb\xbf",
            text.encode("utf-16"),
            b"\x00" * 100,
            b"PK\x03\x04",
        )
    )


def _prepend(content: bytes, rng: random.Random) -> bytes:
    return rng.choice((b"\xef\xbb\xbf", b"\n", b" ", b"# a remark\n", b"##meta\n", b",")) + content


def _lines(content: bytes, rng: random.Random) -> bytes:
    lines = content.splitlines(keepends=True)
    place, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    what = rng.choice(("double", "remove", "swap", "blank", "first"))
    if what == "double":
        lines.insert(other, lines[place])
    elif what == "remove":
        del lines[place]
    elif what == "swap":
        lines[place], lines[other] = lines[other], lines[place]
    elif what == "blank":
        lines.insert(place, b"\n")
    else:
        lines = lines[:1]
    return b"".join(lines)


def _line_ends(content: bytes, rng: random.Random) -> bytes:
    return content.replace(b"\n", rng.choice((b"\r\n", b"\r", b"\n\n", b"\t\n", b" \n", b",\n")))


def _delimiters(content: bytes, rng: random.Random) -> bytes:
    old, new = rng.sample(_DELIMITERS, 2)
    if rng.random() < 0.5:
        return content.replace(bytes([old]), bytes([new]))
    first, last = sorted(rng.randrange(len(content) + 1) for _ in range(2))
    middle = content[first:last].replace(bytes([old]), bytes([new]))
    return content[:first] + middle + content[last:]


def _cells(content: bytes, rng: random.Random) -> bytes:
    """Put another text in place of one cell, or of all cells of a column."""
    return _with_cells(content, rng, lambda _: rng.choice(CELLS).encode("utf-8", "surrogatepass"))


def _case(content: bytes, rng: random.Random) -> bytes:
    changes: tuple[Callable[[bytes], bytes], ...] = (
        bytes.upper,
        bytes.title,
        lambda cell: b" " + cell + b" ",
        lambda cell: b'"' + cell + b'"',
        lambda cell: cell + b".0",
        lambda cell: b"0" + cell,
        lambda cell: cell.replace(b".", b","),
        lambda cell: b"1" + cell[1:],
    )
    return _with_cells(content, rng, rng.choice(changes))


def _with_cells(content: bytes, rng: random.Random, change: Callable[[bytes], bytes]) -> bytes:
    mark = max((bytes([one]) for one in _DELIMITERS), key=content.count)
    rows = [line.split(mark) for line in content.split(b"\n")]
    row = rng.randrange(len(rows))
    column = rng.randrange(len(rows[row]))
    whole = rng.random() < 0.25
    for place in range(len(rows)) if whole else (row,):
        if column < len(rows[place]) and not (whole and place == 0):
            rows[place][column] = change(rows[place][column])
    return b"\n".join(mark.join(line) for line in rows)


def _columns(content: bytes, rng: random.Random) -> bytes:
    mark = max((bytes([one]) for one in _DELIMITERS), key=content.count)
    rows = [line.split(mark) for line in content.split(b"\n")]
    width = max(map(len, rows))
    one, other = rng.randrange(width), rng.randrange(width)
    what = rng.choice(("swap", "remove", "double", "swap names"))
    for place, line in enumerate(rows):
        if max(one, other) >= len(line):
            continue
        if what == "swap" or (what == "swap names" and place == 0):
            line[one], line[other] = line[other], line[one]
        elif what == "remove":
            del line[one]
        elif what == "double":
            line.insert(other, line[one])
    return b"\n".join(mark.join(line) for line in rows)


def _long_number(content: bytes, rng: random.Random) -> bytes:
    numbers = list(re.finditer(rb"\d+", content))
    if not numbers:
        return content + b"1" * 5000
    chosen = rng.choice(numbers)
    long = rng.choice((b"9" * 5000, b"1" * 40, b"0" * 50 + b"1", b"1e" + b"9" * 400, b"-" * 3))
    return content[: chosen.start()] + long + content[chosen.end() :]


TEXT: Final[tuple[Mutation, ...]] = (
    *(_flip_bits, _cut, _behead, _insert, _insert_deep, _repeat, _remove, _replace_whole),
    *(_prepend, _lines, _line_ends, _delimiters, _cells, _cells, _case, _columns, _long_number),
)
BYTES: Final[tuple[Mutation, ...]] = (_flip_bits, _cut, _behead, _insert, _repeat, _remove)


def _in_gzip(content: bytes, rng: random.Random) -> bytes:
    plain = gzip.decompress(content)
    if rng.random() < 0.2:
        return gzip.compress(gzip.compress(plain))
    return gzip.compress(rng.choice(TEXT)(plain, rng), 1)


def _in_zip(content: bytes, rng: random.Random) -> bytes:
    """Change, drop or rename one member of a zip archive: a workbook, or numpy's npz."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice(sorted(members))
    what = rng.choice(("change", "change", "change", "drop", "rename", "empty", "header"))
    if what == "change":
        members[name] = rng.choice(TEXT)(members[name], rng)
    elif what == "drop":
        del members[name]
    elif what == "rename":
        members[name[::-1]] = members.pop(name)
    elif what == "empty":
        members[name] = b""
    else:
        shapes = (b"(100000, 100000)", b"(-3, 3)", b"(3,)", b"()", b"'<f8'", b"'|O'", b"'>U9'")
        held = re.sub(rb"\(3,? ?3?,?\)|'<[fiU]\d+'", rng.choice(shapes), members[name], count=1)
        members[name] = held
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for key, held in members.items():
            archive.writestr(key, held)
    return target.getvalue()


def _in_tar(content: bytes, rng: random.Random) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = []
        for entry in archive.getmembers():
            opened = archive.extractfile(entry)
            members.append((entry, b"" if opened is None else opened.read()))
    place = rng.randrange(len(members))
    entry, held = members[place]
    what = rng.choice(("change", "drop", "double", "rename", "link", "outside"))
    if what == "change":
        members[place] = (entry, (_in_gzip if rng.random() < 0.7 else _flip_bits)(held, rng))
    elif what == "drop":
        del members[place]
    elif what == "double":
        members.append(members[place])
    elif what == "rename":
        entry.name += rng.choice((".tmp", "\n", "x" * 200, " "))
    elif what == "link":
        entry.type = rng.choice((tarfile.SYMTYPE, tarfile.FIFOTYPE, tarfile.LNKTYPE))
    else:
        entry.name = f"../{entry.name}"
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for entry, held in members:
            entry.size = len(held)
            archive.addfile(entry, io.BytesIO(held))
    return target.getvalue()


def _in_parquet(content: bytes, rng: random.Random) -> bytes:
    """Write the table anew with a column of another type, name, order or content."""
    frame = pl.read_parquet(io.BytesIO(content))
    name = rng.choice(frame.columns)
    column = frame[name]
    changes: tuple[Callable[[], pl.DataFrame], ...] = (
        lambda: frame.drop(name),
        lambda: frame.rename({name: rng.choice(("\x1b[1m", "", "a\nb", "\u202e", "n" * 5000))}),
        lambda: frame.with_columns(column.cast(pl.String)),
        lambda: frame.with_columns(column.cast(pl.String).cast(pl.Binary)),
        lambda: frame.with_columns(column.cast(pl.String).cast(pl.Categorical)),
        lambda: frame.with_columns(column.implode().repeat_by(frame.height).explode().alias(name)),
        lambda: frame.with_columns(pl.lit(None).alias(name)),
        lambda: frame.with_columns(pl.lit(value=True).alias(name)),
        lambda: frame.with_columns(pl.lit(float("inf")).alias(name)),
        lambda: frame.with_columns(pl.lit(-(2**63)).alias(name)),
        lambda: frame.with_columns(pl.struct(column).alias(name)),
        lambda: frame.with_columns(pl.date(2020, 1, 1).alias(name)),
        lambda: frame.head(0),
        lambda: frame.sample(fraction=1.0, shuffle=True, seed=rng.randrange(99)),
        lambda: pl.concat([frame, frame.head(1)]),
        lambda: frame.select(sorted(frame.columns, key=lambda _: rng.random())),
        lambda: frame.with_columns(column.alias(f"{name}_duplicated_0")),
    )
    target = io.BytesIO()
    try:
        rng.choice(changes)().write_parquet(target)
    except pl.exceptions.PolarsError:
        return _flip_bits(content, rng)
    return target.getvalue()


def _in_json(content: bytes, rng: random.Random) -> bytes:
    facts: Any = json.loads(content)
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        keys = node if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            places.append((node, key))
            if isinstance(node[key], dict | list):
                walk(node[key])

    walk(facts)
    if not places:
        return b"[]"
    node, key = rng.choice(places)
    if rng.random() < 0.3:
        del node[key]
    else:
        node[key] = rng.choice((None, 1e308, "x\x1b", [], {}, -1, [[[]]], "1" * 700, True))
    return json.dumps(facts).encode()


def _structure_of(content: bytes) -> Mutation | None:
    for start, mutation in (
        (b"\x1f\x8b", _in_gzip),
        (b"PK", _in_zip),
        (b"PAR1", _in_parquet),
        (b"{", _in_json),
    ):
        if content.startswith(start):
            return mutation
    return _in_tar if content[257:262] == b"ustar" else None


def mutate(content: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Return a damaged copy of a file, and the kind of the damage."""
    inside = _structure_of(content)
    if inside is not None and rng.random() < 0.7:
        chosen = inside
    else:
        chosen = rng.choice(TEXT if inside in {None, _in_json} else BYTES)
    return chosen(content, rng) if content else b"x", chosen.__name__.strip("_")
