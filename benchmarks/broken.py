"""Broken files, made from a seed: tables, lists of texts and lines as users should never send them.

Each is a file of good and bad rows in one of the formats that ``prepare`` or ``predict`` reads, and most are then
damaged as a whole. ``rows`` is how many rows the file was given, where the damage leaves that known: the reader must
account for as many.
"""

import csv
import gzip
import io
import json
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

# How many of the files hold a row of ten million characters.
HUGE = 0.001

Row = tuple[Any, Any]
TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
UNLABELLED = (".txt", ".txt.gz", ".csv", ".csv.gz", ".tsv", ".jsonl", ".jsonl.gz", ".parquet")
LINES = (".lines", ".lines.gz")
WORDS = ("good", "bad", "film", "book", "plot", "naïve", "Größe", "это", "好看", "قصة", "🎬", "नमस्ते")


@dataclass(frozen=True)
class Broken:
    """An input: what reads it, its suffix, its bytes (None: a folder), what is wrong with it, and its rows if known."""

    kind: str
    suffix: str
    content: bytes | None
    faults: tuple[str, ...]
    rows: int | None
    settings: dict[str, Any] = field(default_factory=dict)


def make_broken(seed: int, number: int) -> Broken:
    """Return input ``number`` of the corpus ``seed``; the same bytes each time."""
    source = random.Random(f"{seed}:{number}")
    kind = ("table", "unlabelled", "lines")[number % 3]
    suffix = source.choice({"table": TABLES, "unlabelled": UNLABELLED, "lines": LINES}[kind])
    rows, faults = _rows(source)
    if source.random() < 0.03:
        return Broken(kind, suffix, None, ("a folder in place of a file",), None)
    content, count, settings = _write(suffix.removesuffix(".gz"), rows, source)
    damage = source.choice(DAMAGES) if source.random() < 0.35 else None
    if damage is not None:
        content, keeps = damage(content, source)
        count = count if keeps else None
        faults = (*faults, damage.__name__.strip("_").replace("_", " "))
    if suffix.endswith(".gz"):
        packed = gzip.compress(content, mtime=0, compresslevel=1)
        content, whole = _damage_archive(packed, source)
        count = count if whole else None
        faults = faults if whole else (*faults, "archive")
    odd = _settings(source) if kind == "table" else {}
    # Lines are read as UTF-8 whatever they are, and a wrong encoding may see line ends anywhere.
    count = None if "encoding" in odd or (kind == "lines" and settings) else count
    settings |= odd
    return Broken(kind, suffix, content, faults, count, settings)


def _rows(source: random.Random) -> tuple[list[Row], tuple[str, ...]]:
    rows: list[Row] = [(_text(source, at), ("good", "bad")[at % 2]) for at in range(source.choice((0, *[24] * 8, 40)))]
    faults = [source.choice(list(BAD_TEXTS)) for _ in range(source.randint(0, 8))]
    rows += [(BAD_TEXTS[fault](source), source.choice(("good", "bad"))) for fault in faults]
    if source.random() < HUGE:
        rows.append((source.choice("a\0\u200b\u0301好") * (10 * 2**20), "good"))
        faults.append("ten megabytes")
    rows += [(_text(source, at), label) for at, label in enumerate(_bad_labels(source), 1000)]
    source.shuffle(rows)
    return rows, tuple(dict.fromkeys(faults))


def _text(source: random.Random, number: int) -> str:
    return f"{' '.join(source.choices(WORDS, k=source.randint(2, 9)))} {number}"


def _scattered(hidden: str, share: float = 0.4) -> Callable[[random.Random], str]:
    def make(source: random.Random) -> str:
        text = _text(source, source.randrange(10**6))
        return "".join(c + (source.choice(hidden) if source.random() < share else "") for c in text)

    return make


def _flood(characters: str, low: int = 1, high: int = 20_000) -> Callable[[random.Random], str]:
    def make(source: random.Random) -> str:
        return "a" * source.randint(0, 1) + "".join(source.choices(characters, k=source.randint(low, high)))

    return make


def _any(source: random.Random) -> str:
    # Any code point at all, halves of surrogate pairs and unassigned ones too.
    return "".join(chr(source.randrange(0x110000)) for _ in range(source.randint(0, 60)))


BAD_TEXTS: dict[str, Callable[[random.Random], str]] = {
    "NUL bytes": _scattered("\0"),
    "control characters": _scattered("".join(map(chr, [*range(1, 32), *range(127, 160)]))),
    "right-to-left overrides": _scattered("\u202e\u202d\u202c\u2066\u2069\u200f"),
    "lone surrogates": _scattered("\ud800\udbff\udc00\udfff"),
    "zero-width flood": _flood("\u200b\u200c\u200d\u2060\ufeff"),
    "flood of marks": _flood("\u0301\u0316\u0f71\u0f73\u0344\u3099"),
    "line separators": _scattered("\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"),
    "line ends inside": _scattered("\r\n", 0.2),
    "quotes and delimiters": _scattered("\"',;\t\\|", 0.5),
    "private use": _scattered("\ue000\uf8ff\U000f0000"),
    "any code points": _any,
    "only white space": _flood(" \t\u00a0\u3000\u2003", 0, 50),
    "nothing": lambda source: "",
    "one character": lambda source: source.choice("a!好🎬\u0301"),
    "too long": _flood("a ", 5001, 30_000),
    "a formula": lambda source: f"=HYPERLINK({source.randrange(9)})",
}


def _bad_labels(source: random.Random) -> list[Any]:
    label = source.choice(BAD_LABELS)
    return [label] * source.choice((0, 0, 1, 3, 15))


BAD_LABELS: tuple[Any, ...] = (
    None, math.nan, math.inf, -math.inf, 0, 1, 1.0, 2.5, True, False, "", "  ", " Good", "GOOD", "1", "1.0", "nan",
    "None", 10**30, "9" * 5000, "٣", "lab\nel", "la\0bel", "label\ud800", "\u202egood", "x" * 20_000, "p_good", "id",
    [], ["good"], {"a": 1}, "=1+1", "ﬁ", "e\u0301", "\u200b",
)  # fmt: skip


def _write(suffix: str, rows: Sequence[Row], source: random.Random) -> tuple[bytes, int | None, dict[str, Any]]:
    """Return the file's bytes, how many rows are in it if that is known, and the settings that name its encoding."""
    if suffix == ".parquet":
        return _write_parquet(rows, source), len(rows), {}
    end = source.choice(("\n", "\n", "\r\n", "\r"))
    if suffix == ".jsonl":
        text = "".join(json.dumps({"text": text, "label": label}) + end for text, label in rows)
    elif suffix in (".csv", ".tsv"):
        stream = io.StringIO()
        writer = csv.writer(stream, "excel-tab" if suffix == ".tsv" else "excel", lineterminator=end, quoting=1)
        writer.writerows([("text", "label"), *rows])
        text = stream.getvalue()
    else:
        text = "".join(re.sub("[\r\n]", " ", text) + end for text, _ in rows)
    encoding = source.choice(("utf-8",) * 20 + ("utf-8-sig", "utf-16", "utf-16-le", "cp1252", "gb18030"))
    # Half of a surrogate pair fits into no encoding but JSON's escapes.
    content = text.encode(encoding, "replace")
    named = encoding in ("utf-8", "utf-8-sig") or source.random() < 0.5
    settings = {"encoding": encoding} if named and not encoding.startswith("utf-8") else {}
    return content, len(rows) if named else None, settings


def _write_parquet(rows: Sequence[Row], source: random.Random) -> bytes:
    texts = [text.encode("utf-8", "surrogatepass") for text, _ in rows]
    column = pa.array(texts, pa.binary())
    if source.random() < 0.9:
        # As bytes: what is no UTF-8 goes in as it is, which Parquet does not check.
        column = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
    sink = io.BytesIO()
    table = pa.table({"text": column, "label": _parquet_labels([label for _, label in rows], source)})
    pq.write_table(table, sink, compression=source.choice(("zstd", "snappy", "none")))
    return sink.getvalue()


def _parquet_labels(labels: Sequence[Any], source: random.Random) -> pa.Array:
    number = len(labels)
    names = [label.encode("utf-8", "replace").decode() if isinstance(label, str) else "good" for label in labels]
    moments = [datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=at % 3) for at in range(number)]
    kinds: list[Callable[[], pa.Array]] = [
        *[lambda: pa.array(names)] * 6,
        lambda: pa.array([label if isinstance(label, float) else None for label in labels], pa.float64()),
        lambda: pa.array([at % 2 for at in range(number)], pa.int8()),
        lambda: pa.array([at % 2 == 0 for at in range(number)]),
        lambda: pa.array([Decimal(at % 3) / 2 for at in range(number)], pa.decimal128(10, 3)),
        lambda: pa.array(moments, pa.timestamp("ns", tz="UTC")),
        lambda: pa.array([10**14 + at % 2 for at in range(number)], pa.timestamp("s")),
        lambda: pa.array([date(2020, 1, 1 + at % 2) for at in range(number)]),
        lambda: pa.array([timedelta(seconds=at % 2) for at in range(number)]),
        lambda: pa.array([[name] for name in names], pa.list_(pa.string())),
        lambda: pa.array([{"name": name} for name in names], pa.struct([("name", pa.string())])),
        lambda: pa.array([name.encode() for name in names]),
        lambda: pa.array(names).dictionary_encode(),
        lambda: pa.nulls(number),
    ]
    return source.choice(kinds)()


def _settings(source: random.Random) -> dict[str, Any]:
    """Settings of ``data`` that go with some of the files, and do not with others."""
    return source.choice(
        (
            *[{}] * 40, {"group": "label"}, {"domain": "text"}, {"domain": "label"}, {"labels": ["good", "bad"]},
            {"cuts": [0.5], "labels": ["low", "high"]}, {"label": "text"}, {"text": "label"}, {"label": "stars"},
            {"encoding": "utf-99"}, {"encoding": "idna"}, {"encoding": "utf-7"}, {"encoding": "undefined"},
            {"encoding": "unicode_escape"}, {"encoding": "utf\0"},
        )
    )  # fmt: skip


Damage = Callable[[bytes, random.Random], tuple[bytes, bool]]


def _place(content: bytes, source: random.Random) -> int:
    return source.randint(0, len(content))


def _cut_short(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return content[: _place(content, source)], False


def _flipped_bytes(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    damaged = bytearray(content)
    for _ in range(source.randint(1, 20)):
        if damaged:
            damaged[source.randrange(len(damaged))] = source.randrange(256)
    return bytes(damaged), False


def _inserted(piece: Callable[[random.Random], bytes]) -> Damage:
    def damage(content: bytes, source: random.Random) -> tuple[bytes, bool]:
        at = _place(content, source)
        return content[:at] + piece(source) + content[at:], False

    return damage


def _invalid_utf8(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return _inserted(lambda source: source.choice((b"\xff", b"\xc3(", b"\xed\xa0\x80", b"\xf8\x88\x80\x80")))(
        content, source
    )


def _nul_bytes(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return _inserted(lambda source: b"\0" * source.randint(1, 500))(content, source)


def _mixed_encodings(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return content + "Größe, café,good\n".encode(source.choice(("latin-1", "utf-16", "gb18030"))), False


def _open_quote(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return _inserted(lambda source: b'"')(content, source)


def _doubled(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return content + content, False


def _byte_order_mark(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return source.choice((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0")) + content, False


def _empty(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return source.choice((b"", b"\n", b"\r\n\r\n", b" ", b"\xef\xbb\xbf", b"text,label\n")), False


def _noise(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return source.randbytes(source.randint(1, 4000)), False


def _json_of_another_kind(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    lines = (
        b'{"text": NaN, "label": "good"}', b'{"text": "a b c", "label": NaN}', b"[" * 50_000, b'{"text": {}}', b"null",
        b'{"text": "a", "label": ' + b"1" * 5000 + b"}", b'{"text": "a", "text": "b", "label": []}', b"{}", b'"text"',
        b'{"text": "x y", "label": 1e999}', b'{"text": "x y", "label": -0.0}', b"Infinity",
    )  # fmt: skip
    return content + b"".join(source.choice(lines) + b"\n" for _ in range(source.randint(1, 20))), False


def _ragged_rows(content: bytes, source: random.Random) -> tuple[bytes, bool]:
    return content + b"".join(b"a,b\tc," * source.randint(0, 4) + b"\n" for _ in range(source.randint(1, 9))), False


DAMAGES: tuple[Any, ...] = (
    _cut_short, _flipped_bytes, _invalid_utf8, _nul_bytes, _mixed_encodings, _open_quote, _doubled, _byte_order_mark,
    _empty, _noise, _json_of_another_kind, _ragged_rows,
)  # fmt: skip


def _damage_archive(packed: bytes, source: random.Random) -> tuple[bytes, bool]:
    """Return the archive, in two of five cases cut short, with bytes flipped, or with something behind its end."""
    case = source.randrange(10)
    if case == 0:
        return _cut_short(packed, source)
    if case == 1:
        return _flipped_bytes(packed, source)
    if case == 2:
        return packed + source.choice((b"garbage", b"\0" * 9, packed, b"\x1f\x8b")), False
    return packed, True
