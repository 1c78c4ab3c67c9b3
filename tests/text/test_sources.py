from pathlib import Path

import pytest

from pipeline.errors import GraftError
from pipeline.settings.data import FileData, VaderData
from pipeline.text.sources import read_rows

VADER = VaderData(source="vader")


def study(folder: Path) -> Path:
    (folder / "tweets.txt").write_bytes(b"1\t2.7\tSo lucky.\r\n2\t1.4\tYay.\r\n")
    (folder / "movies.txt").write_bytes(b"1\t-0.5\tIt''s caf\xc3\xa9 noir\r\nbroken line\r\n")
    (folder / "amazon.txt").write_bytes(b"1_1\t-0.9\tno picture\r\n1_2\t0\trepost\r\n12_1\t1\tworks")
    (folder / "nyt.txt").write_bytes(b"1_1\t0.4\tOn Dec. 19")
    return folder


def test_the_study_line_by_line(tmp_path: Path) -> None:
    rows = read_rows(study(tmp_path), VADER)
    assert rows.rows_in == 8
    assert rows.refused == {"malformed_row": ["movies-line-2"]}
    assert rows.frame["id"].tolist() == [
        "tweets-1", "tweets-2", "movies-1", "amazon-1_1", "amazon-1_2", "amazon-12_1", "nyt-1_1"
    ]  # fmt: skip
    assert rows.frame["group"].tolist()[2:] == ["movies-1", "amazon-1", "amazon-1", "amazon-12", "nyt-1"]
    assert rows.frame["text"].tolist()[2] == "It''s café noir"
    assert rows.frame["text"].tolist()[-1] == "On Dec. 19"
    assert rows.frame["domain"].tolist()[::3] == ["tweets", "amazon", "nyt"]


def test_named_columns_and_empty_groups(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text('who,says,stars,where\nann,"a, b",5,shop\n,"two\nlines",1,\n')
    data = FileData(source="file", path="x", text="says", label="stars", group="who", domain="where")
    frame = read_rows(tmp_path, data).frame
    assert frame.to_dict("list") == {
        "id": ["train-1", "train-2"],
        "text": ["a, b", "two\nlines"],
        "label": ["5", "1"],
        "group": ["ann", "train-2"],
        "domain": ["shop", ""],
        "split": ["train", "train"],
    }


def test_no_table_at_all(tmp_path: Path) -> None:
    with pytest.raises(GraftError, match="holds no table"):
        read_rows(tmp_path, FileData(source="file", path="x", text="a", label="b"))
