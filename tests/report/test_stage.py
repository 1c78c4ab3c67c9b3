"""The report stage on a finished pipeline in miniature: whole, safe, alone, and the same every time."""

import hashlib
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import GraftError
from pipeline.stages import report

HOSTILE = ["<script>alert(1)</script>", "a|b & $x$ \"q\" 'r'", "积极"]
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Page(HTMLParser):
    """Collects what a test asks about; fails on tags that are not closed in order."""

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.references: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.references += [values[key] for key in ("src", "href", "xlink:href", "action", "srcset") if key in values]
        self.references += re.findall(r"url\((.*?)\)", " ".join(value or "" for value in values.values()))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(folder: Path, name: str) -> str:
    return (folder / "report" / name).read_text(encoding="utf-8")


def csv_names(folder: Path) -> set[str]:
    return {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.csv")}


def files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_the_page_is_sound_and_stands_alone(fabricate):
    folder = fabricate()
    report.main()
    text = read(folder, "index.html")
    page = Page(text)
    assert not page.open
    assert len(page.ids) == len(set(page.ids))
    assert page.references
    assert all(reference.startswith("#") and reference[1:] in page.ids for reference in page.references)
    assert not re.search(r"https?://|@import|<script", text)
    assert page.tags.count("table") == page.tags.count("caption")
    assert page.tags.count("svg") == 1 + 1 + 4
    assert str(folder) not in text


def test_every_model_is_shown(fabricate):
    folder = fabricate()
    report.main()
    page, markdown = "".join(Page(read(folder, "index.html")).text), read(folder, "report.md")
    for name in ("minilm", "bilstm", "bilstm, no transfer", "textcnn", "static", "tfidf", "vader", "not applicable"):
        assert name in page
        assert name in markdown
    figures = pd.read_csv(folder / "report/figures.csv")
    assert figures["model"].tolist()[:3] == ["teacher", "bilstm", "controls/bilstm"]
    students = {"bilstm", "textcnn", "static", "minibert"}
    trained = students | {f"controls/{name}" for name in students}
    assert csv_names(folder / "report/curves") == {"teacher/minilm", *trained}
    assert csv_names(folder / "report/confusion") == {"teacher", *trained, "rivals/tfidf"}
    confusion = pd.read_csv(folder / "report/confusion/controls/static.csv")
    assert list(confusion.columns) == ["label", "predicted"]
    assert len(confusion) == 1500


def test_a_student_that_is_no_longer_named_is_not_shown(fabricate):
    folder = fabricate()
    for kind in ("metrics", "predictions"):
        for path in list((folder / kind).rglob("bilstm.*")):
            shutil.copy(path, path.with_stem("ghost"))
    report.main()
    for path in files(folder / "report"):
        assert "ghost" not in path.name
        assert "ghost" not in path.read_text(encoding="utf-8")


def test_names_from_the_data_are_escaped(fabricate):
    folder = fabricate(*HOSTILE)
    parameters = folder / "params.yaml"
    text = re.sub(r'title: ".*"', "title: '</title><script>alert(2)</script>'", parameters.read_text(encoding="utf-8"))
    parameters.write_text(text, encoding="utf-8")
    report.main()
    page = Page(read(folder, "index.html"))
    assert "script" not in page.tags
    assert all(any(label in part for part in page.text) for label in HOSTILE)
    markdown = read(folder, "report.md")
    assert "<script" not in markdown.replace("\\<", "")
    row = next(line for line in markdown.split("\n") if line.startswith("| a\\|b"))
    columns = len(re.findall(r"(?<!\\)\|", row))
    assert columns == len(re.findall(r"(?<!\\)\|", next(line for line in markdown.split("\n") if "积极" in line)))


def test_many_labels_are_listed_by_their_commonest_confusions(fabricate):
    folder = fabricate(*[f"topic {at}" for at in range(20)])
    report.main()
    page = Page(read(folder, "index.html"))
    assert "commonest confusions" in "".join(page.text)
    assert "matrix" not in re.findall(r'<table class="(\w+)"', read(folder, "index.html"))


def test_two_runs_give_the_same_bytes(fabricate):
    folder = fabricate()
    digests = []
    for _ in range(2):
        report.main()
        digests.append({path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder / "report")})
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "path", ["metrics/controls/static.json", "predictions/teacher.parquet", "models/students/bilstm/curve.csv"]
)
def test_a_missing_file_is_named_with_the_remedy(fabricate, path):
    (fabricate() / path).unlink()
    with pytest.raises(GraftError, match=rf"{path} is missing; run `dvc repro`"):
        report.main()
