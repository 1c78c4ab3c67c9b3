"""Inputs that break off and outputs that cannot be written: what could be read is answered, nothing is half-written."""

import gzip
import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline.deployment.classifier import Classifier
from pipeline.errors import GraftError
from pipeline.prediction.formats import open_source
from pipeline.prediction.rows import BrokenInputError, Chunk
from tests.prediction.tables import answer, read, write

ROWS = [(f"{number}", f"a text of its own {number * 7919 % 10007}") for number in range(5000)]


def broken(folder: Path, kind: str) -> Path:
    """A file of ``ROWS`` that cannot be read to its end."""
    path = folder / f"in{kind}"
    if kind == ".parquet":
        # Without compression or dictionary, so that there is a page for every few hundred rows.
        table = pa.table({"id": [row[0] for row in ROWS], "text": [row[1] for row in ROWS]})
        pq.write_table(table, path, compression="none", use_dictionary=False, data_page_size=4096, write_batch_size=128)
        content = bytearray(path.read_bytes())
        text = ROWS[3000][1].encode()
        middle = content.index(len(text).to_bytes(4, "little") + text)
        content[middle - 6000 : middle + 6000] = random.Random(0).randbytes(12_000)
        path.write_bytes(content)
    else:
        write(path, ["id", "text"], ROWS)
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])
    return path


@pytest.mark.parametrize("kind", [".csv", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet"])
def test_rows_before_a_fault_are_answered_and_no_table_is_left(
    tmp_path: Path, classifier: Classifier, kind: str
) -> None:
    path = broken(tmp_path, kind)
    found: list[Chunk] = []
    with pytest.raises(BrokenInputError, match=r"line \d+|beyond row \d+") as caught:
        found.extend(open_source(path, "text").chunks(1000))
    assert "\n" not in str(caught.value)
    texts = [row.text for chunk in found for row in chunk.rows]
    assert texts == [text for _, text in ROWS][: len(texts)]
    assert len(texts) > 1000
    for sink in (".csv.gz", ".jsonl", ".parquet"):
        with pytest.raises(BrokenInputError):
            answer(classifier, path, tmp_path / f"out{sink}")
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_a_quote_left_open_is_named_and_not_read_on_without_end(
    tmp_path: Path, classifier: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.prediction.separated.CHARACTERS", 1000)
    (tmp_path / "in.csv").write_text('text,n\nfine,1\n"open,2\n' + "more,3\n" * 1000)
    rows = open_source(tmp_path / "in.csv", "text").rows()
    assert next(rows).text == "fine"
    with pytest.raises(BrokenInputError, match=r"the row at line 3 opens a quote .*\(field larger than field limit"):
        next(rows)


def test_lines_before_the_end_of_a_cut_archive_are_answered(tmp_path: Path) -> None:
    packed = gzip.compress("".join(f"{text}\n" for _, text in ROWS).encode())
    (tmp_path / "in.txt.gz").write_bytes(packed[: len(packed) // 2])
    found: list[Chunk] = []
    with pytest.raises(
        BrokenInputError, match=r"cannot be read beyond line \d+ \(.*it may be cut short: copy it again"
    ):
        found.extend(open_source(tmp_path / "in.txt.gz", "text").chunks(4096))
    assert sum(len(chunk.rows) for chunk in found) > 1000


@pytest.mark.parametrize("sink", [".csv", ".jsonl.gz", ".parquet"])
def test_a_folder_that_is_missing_or_a_full_disk_is_one_line(
    tmp_path: Path, classifier: Classifier, sink: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "in.csv", ["id", "text"], ROWS)
    with pytest.raises(GraftError, match="could not be written whole: No such file or directory"):
        answer(classifier, tmp_path / "in.csv", tmp_path / "nowhere" / f"out{sink}")
    full = tmp_path / f"out{sink}"
    real = Path.open

    def open_full(path: Path, *mode: str) -> object:
        return real(Path("/dev/full"), "wb") if path.name.startswith(".partial-") else real(path, *mode)

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(GraftError, match="could not be written whole: No space left on device"):
        answer(classifier, tmp_path / "in.csv", full)
    assert not full.exists()


def test_an_old_table_stays_where_the_new_one_fails(tmp_path: Path, classifier: Classifier) -> None:
    write(tmp_path / "good.csv", ["text"], [("a",)])
    answer(classifier, tmp_path / "good.csv", tmp_path / "out.jsonl")
    before = read(tmp_path / "out.jsonl")
    with pytest.raises(BrokenInputError):
        answer(classifier, broken(tmp_path, ".csv.gz"), tmp_path / "out.jsonl")
    assert read(tmp_path / "out.jsonl") == before
