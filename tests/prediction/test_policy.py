"""Whoever reads a text with a model reads it by the policy that the model's texts were prepared with."""

import json
import shutil
from pathlib import Path

import pytest

from pipeline.artifacts import write_json
from pipeline.errors import GraftError
from pipeline.prediction.loading import load_classifier
from pipeline.prediction.trained import read_policy
from pipeline.serving.explanation import explain
from pipeline.text.policy import Policy

STRICT = Policy(mask=("e_mail",), letters=3)
# Hidden characters and an address that the policy takes out, and what is left for the model.
HIDDEN, PLAIN = "go\u200bod f\u0456lm, ann@example.org", "good film, [e-mail]"


@pytest.fixture
def strict(trained: Path, exported: Path, tmp_path: Path) -> dict[str, Path]:
    """The same model, trained in a project with a policy of its own, and exported from it."""
    folders = {"trained": tmp_path / "models/students/static", "exported": tmp_path / "exports/static"}
    shutil.copytree(trained, folders["trained"], ignore=shutil.ignore_patterns("text.json"))
    write_json(tmp_path / "data/prepared/text.json", STRICT.values())
    shutil.copytree(exported, folders["exported"])
    path = folders["exported"] / "settings.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "text": STRICT.values()}), encoding="utf-8")
    return folders


@pytest.mark.parametrize("kind", ["trained", "exported"])
def test_a_model_reads_by_its_own_policy(strict: dict[str, Path], kind: str) -> None:
    classifier = load_classifier(strict[kind], "fp32" if kind == "exported" else None)
    assert [each.get("refused") for each in classifier.classify([":)", "ab", "abc", "ann@example.org"])] == [
        "too_little_language", "too_little_language", None, "too_little_language",
    ]  # fmt: skip
    hidden, plain = (next(iter(classifier.classify([text]))) for text in (HIDDEN, PLAIN))
    assert hidden == {**plain, "text": HIDDEN}, "the answer is to the text as it came"


def test_so_does_the_explanation(strict: dict[str, Path]) -> None:
    classifier = load_classifier(strict["exported"])
    assert explain(classifier, ":)", 9, lambda: None) == {"refused": "too_little_language"}
    assert explain(classifier, HIDDEN, 9, lambda: None)["text"] == PLAIN


def test_the_policy_beside_a_model_goes_before_that_of_its_project(strict: dict[str, Path], trained: Path) -> None:
    assert read_policy(strict["trained"]) == STRICT
    assert read_policy(strict["trained"] / "../static") == STRICT
    write_json(strict["trained"] / "text.json", Policy().values())
    assert read_policy(strict["trained"]) == read_policy(trained) == Policy()


def test_a_policy_that_is_missing_or_broken_is_no_default(strict: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "data/prepared/text.json"
    for broken in ("{", "[]", '{"form": "nfc"}', '{"mask": [], "emoji": true}'):
        path.write_text(broken, encoding="utf-8")
        with pytest.raises(GraftError, match=r"text\.json cannot be read .*; run `dvc repro prepare`"):
            read_policy(strict["trained"])
    path.unlink()
    with pytest.raises(GraftError, match="is not known; run `dvc repro prepare`, or copy data/prepared/text"):
        read_policy(strict["trained"])
