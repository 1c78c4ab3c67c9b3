"""The report stage on a finished pipeline in miniature: whole, safe, alone, and the same every time."""

import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.errors import GraftError
from pipeline.stages import report
from tests.report.conftest import COSTS, MACHINE, write_speed

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
    # The decision twice, for screens and phones; quality, gains; reliability and learning of teacher and students.
    assert page.tags.count("svg") == 2 + 2 + 5 + 5
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
    assert figures.loc[1, ["bytes_int8", "latency_ms"]].tolist() == [2_500_000, 2.0]
    assert figures.loc[1, "gain"] > 0
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


def test_a_job_without_rivals_has_its_page(fabricate):
    folder = fabricate()
    params = folder / "params.yaml"
    values = YAML().load(params)
    values["rivals"] = {}
    YAML().dump(values, params)
    report.main()
    assert "params.yaml names none under rivals" in read(folder, "report.md")
    assert "tfidf" not in read(folder, "index.html")


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
    lines = markdown.split("\n")
    at = next(at for at, line in enumerate(lines) if line.startswith("| Model") and "a\\|b" in line)
    bars = {len(re.findall(r"(?<!\\)\|", line)) for line in lines[at : at + 5]}
    assert bars == {1 + 1 + len(HOSTILE)}


def test_texts_are_shown_as_text_and_cut(fabricate):
    folder = fabricate()
    report.main()
    text = read(folder, "index.html")
    page = Page(text)
    assert page.tags.count("li") > 20
    assert {"script", "img"}.isdisjoint(page.tags)
    assert "\u202e" not in re.sub(r"<bdi>.*?</bdi>", "", text, flags=re.DOTALL)
    longest = max(len(part) for part in re.findall(r"<bdi>(.*?)</bdi>", text, flags=re.DOTALL))
    assert 100 < longest < 400
    for name in ("report.md", "figures.csv"):
        assert "gorgeous" not in read(folder, name)


def test_without_measured_speed_the_chart_is_of_sizes_and_says_so(fabricate):
    folder = fabricate()
    report.main()
    assert "milliseconds for one text" in read(folder, "index.html")
    (folder / "data/speed/speed.json").unlink()
    report.main()
    text = read(folder, "index.html")
    assert "milliseconds for one text" not in text
    assert "megabytes of the int8 file" in text
    assert "<code>make benchmark</code>" in text
    assert "times as fast" not in text
    assert pd.read_csv(folder / "report/figures.csv")["latency_ms"].isna().all()


def test_a_model_that_was_exported_anew_counts_as_not_measured(fabricate):
    folder = fabricate()
    (folder / "exports/textcnn/settings.json").write_text("another\n", encoding="utf-8")
    report.main()
    figures = pd.read_csv(folder / "report/figures.csv").set_index("model")["latency_ms"]
    assert figures.isna()["textcnn"]
    assert figures["bilstm"] == 2.0
    assert "How fast textcnn is, as exported now, has not been measured" in read(folder, "index.html")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "speed.json is no JSON; delete it, or run `make benchmark`"),
        ('{"machine": 1, "models": {}}', "speed.json: machine: "),
        (json.dumps({"machine": MACHINE, "models": {"static": {"digest": "0"}}}), "models.static.fp32: field required"),
    ],
)
def test_a_broken_speed_file_is_named_with_the_remedy(fabricate, text, message):
    (fabricate() / "data/speed/speed.json").write_text(text, encoding="utf-8")
    with pytest.raises(GraftError, match=re.escape(message)) as raised:
        report.main()
    assert "make benchmark" in str(raised.value)


def test_several_teachers_cost_what_they_cost_together(fabricate):
    folder = fabricate()
    parameters = folder / "params.yaml"
    text = parameters.read_text(encoding="utf-8")
    twin = "  twin: {pretrained: minilm, tokenizer: minilm, seed: 14}\n"
    parameters.write_text(text.replace("\nteach: ", f"\n{twin}\nteach: "), encoding="utf-8")
    for kind in ("exports", "models"):
        shutil.copytree(folder / kind / "teacher/minilm", folder / kind / "teacher/twin")
    shutil.copy(folder / "metrics/exports/teacher/minilm.json", folder / "metrics/exports/teacher/twin.json")
    report.main()
    figures = pd.read_csv(folder / "report/figures.csv").set_index("model").loc["teacher"]
    assert figures["bytes_int8"] == 2 * 22_500_000
    assert pd.isna(figures["latency_ms"])
    assert "The average of several teachers has no temperature of its own" in read(folder, "index.html")
    write_speed(folder, COSTS | {"teacher/twin": COSTS["teacher/minilm"]})
    report.main()
    figures = pd.read_csv(folder / "report/figures.csv").set_index("model").loc["teacher"]
    assert figures["latency_ms"] == 16.0


def test_many_labels_are_listed_by_their_commonest_confusions(fabricate):
    folder = fabricate(*[f"topic {at}" for at in range(20)])
    report.main()
    page = Page(read(folder, "index.html"))
    assert "commonest confusions" in "".join(page.text)
    assert "matrix" not in re.findall(r'<table class="(\w+)"', read(folder, "index.html"))
    assert re.search(r'<th scope="row">topic 19</th>', read(folder, "index.html"))


def test_two_runs_give_the_same_bytes(fabricate):
    folder = fabricate()
    digests = []
    for _ in range(2):
        report.main()
        digests.append({path: hashlib.sha256(path.read_bytes()).hexdigest() for path in files(folder / "report")})
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    "path",
    [
        "data/prepared/test.parquet",
        "metrics/exports/static.json",
        "metrics/controls/static.json",
        "metrics/parts/static.json",
        "predictions/teacher.parquet",
        "models/students/bilstm/curve.csv",
    ],
)
def test_a_missing_file_is_named_with_the_remedy(fabricate, path):
    (fabricate() / path).unlink()
    with pytest.raises(GraftError, match=rf"{path} is missing; run `dvc repro`"):
        report.main()
