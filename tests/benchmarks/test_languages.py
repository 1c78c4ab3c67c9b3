"""The recipe that tells languages apart: its texts as they lie in their packages, and the whole of it on a slice."""

import random
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from benchmarks.languages import measure, tables
from pipeline.errors import GraftError
from recipes.languages import packages
from recipes.languages.catalogues import clean_message, read_po
from recipes.languages.codes import LANGUAGES, NAMES, language_of
from recipes.languages.data import TEXTS, write_data
from recipes.languages.held_out import LENGTHS, cut, read_snippets
from recipes.languages.held_out import test_rows as rows_of
from recipes.languages.lexicon import mixed, normalised, owners, read_frequencies, without_foreign
from recipes.languages.scripts import is_written_in, join_words, main_scripts, words_of
from recipes.languages.serbian import to_cyrillic
from tests.benchmarks.language_archives import LETTERS, frequencies, words, write_archives
from tests.benchmarks.slices import keep_one_student, settings
from tests.project import Project
from tests.warm import Warm

CATALOGUE = """
msgid ""
msgstr "Language: de"

#, fuzzy
msgid "guess"
msgstr "geraten"

#. a comment, which is not fuzzy
msgid "one %d\\n"
msgid_plural ""
"many %d"
msgstr[0] "eins"
msgstr[1] ""
"vie"
"le"

msgctxt "context"
msgid "say \\"no\\""
msgstr "sag \\"nein\\""
msgid "next"
msgstr "weiter"

msgid "missing"
msgstr ""

#~ msgid "old"
#~ msgstr "alt"
"""


@pytest.fixture
def archives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "download_package", write_archives(tmp_path / "archives"))


def test_gettext_is_read_without_guesses_and_the_untranslated() -> None:
    assert list(read_po(CATALOGUE)) == [
        ("one %d\n", "eins"),
        ("many %d", "viele"),
        ('say "no"', 'sag "nein"'),
        ("next", "weiter"),
    ]


@pytest.mark.parametrize(
    ("message", "left"),
    [
        ("&Datei %(name)s speichern", ["Datei speichern"]),
        ("{count} Zeilen von ${all}", ["Zeilen von"]),
        ("Siehe <a href='x'>diese Seite</a> unter https://example.org/a.", ["Siehe diese Seite unter"]),
        ("Erster Satz. Zweiter Satz!\nDritter", ["Erster Satz.", "Zweiter Satz!", "Dritter"]),
        ("{n, plural, one {eine} other {viele}}", []),
        ("Der Wert ``a`` in :ref:`b` &amp; settings.py", ["Der Wert in"]),
        ("%s: 100", []),
        ("हिन्दी में %s", ["हिन्दी में"]),
    ],
)  # fmt: skip
def test_a_message_is_left_with_language_alone(message: str, left: list[str]) -> None:
    assert clean_message(message) == left


def test_locales_are_languages() -> None:
    given = ["pt_BR", "sr@Latn", "zh-Hans", "nn", "nb_NO", "fil", "iw", "en-GB", "be@tarask", "tlh", "", "ast"]
    assert [language_of(each) for each in given] == ["pt", "sr", "zh", "no", "no", "tl", "he", "en", *[None] * 4]
    assert set(NAMES.values()) <= set(LANGUAGES)
    assert len(set(LANGUAGES)) == len(LANGUAGES)


def test_words_of_every_script() -> None:
    assert words_of("«Où» est-il, 3 fois?") == ["Où", "est-il", "fois"]
    assert words_of("हिन्दी, में।") == ["हिन्दी", "में"]
    assert words_of("你好，世界 123bc") == ["你好", "世界", "bc"]
    assert words_of("ที่นี่มี") == ["ที่นี่"]
    assert (join_words(["你好", "世界"]), join_words(["a", "b"]), join_words(["a", "世"])) == (
        "你好世界",
        "a b",
        "a 世",
    )
    assert main_scripts(["Привет, world мир как дела"]) == {"CYRILLIC", "LATIN"}
    assert main_scripts(["Привет мир как ваши дела ok"]) == {"CYRILLIC"}
    assert main_scripts(["漢字とかな"]) == {"CJK"}
    assert (
        is_written_in("WiFi сеть", frozenset({"CYRILLIC"})),
        is_written_in("да, сеть", frozenset({"CYRILLIC"})),
    ) == (
        False,
        True,
    )


def test_serbian_changes_its_script() -> None:
    assert to_cyrillic("Nova njiva, Ljubav i džep; Đak, qwx 1") == "Нова њива, Љубав и џеп; Ђак, qwx 1"


def test_lists_of_words_have_shares(tmp_path: Path) -> None:
    (tmp_path / "de.gz").write_bytes(frequencies("de"))
    found = read_frequencies(tmp_path / "de.gz")
    listed = words("de")[::3]
    assert list(found) == listed
    assert sum(found.values()) == pytest.approx(1)
    assert found[listed[0]] / found[listed[1]] == pytest.approx(10**0.03), "three bins are three hundredths of a power"
    assert normalised({"Ab,": 2.0, "ab": 1.0, "12": 5.0, "abcdefgh": 1.0, "я": 9.0}) == {"ab": 0.75, "abcdefgh": 0.25}
    assert mixed([(0.5, {"a": 1.0}), (0.3, {}), (1.5, {"a": 0.5, "b": 0.5})]) == {"a": 0.625, "b": 0.375}


def test_a_word_belongs_to_who_uses_it_most_and_foreign_ones_go() -> None:
    lists = {"en": {"the": 0.06, "taxi": 0.001}, "de": {"der": 0.05, "the": 0.001, "taxi": 0.0005}}
    assert without_foreign(lists)["de"] == {"der": 0.05, "taxi": 0.0005}
    assert without_foreign(lists)["en"] == lists["en"]
    assert owners(lists) == {"the": "en", "taxi": "en", "der": "de"}


def test_a_sentence_is_cut_into_words_and_pairs_that_do_not_overlap() -> None:
    text = "O rato roeu, a roupa!"
    assert cut(text) == {"word": ["rato", "roeu", "roupa"], "pair": ["O rato", "roeu a"], "sentence": [text]}
    assert cut("今天天气很好")["pair"] == ["今天天气"]


def test_snippets_are_cut_into_sentences(tmp_path: Path) -> None:
    path = tmp_path / "data.cc"
    path.write_text('A::kTestStrDE =\n "eins zwei "\n    "\\"drei\\"";\nB::kTestStrXX = "x";\n', encoding="utf-8")
    assert list(read_snippets(path)) == [("de", 'eins zwei "drei"')]
    path.write_text(f'A::kTestStrIW = "{"א " * 30}";', encoding="utf-8")
    assert [(code, len(text.split())) for code, text in read_snippets(path)] == [("he", 15), ("he", 15)]


def test_test_rows_are_spread_over_sentences_and_in_the_script_of_their_language() -> None:
    texts = {
        "ru": [f"Это очень новое слово{letter} от Apple и старый дом{letter}" for letter in "абвгд"],
        "de": ["ein Haus"],
    }
    rows = rows_of(texts, random.Random(0))
    assert {length for _, _, length in rows} == set(LENGTHS)
    assert not any(text == "Apple" for text, _, _ in rows)
    assert sorted(text for text, label, length in rows if (label, length) == ("de", "word")) == ["Haus", "ein"]
    assert len(rows) == len(set(rows))


def test_the_texts_come_from_their_packages(archives: None, tmp_path: Path) -> None:
    write_data(tmp_path)
    train, test = (pd.read_csv(tmp_path / TEXTS / f"{name}.csv", keep_default_na=False) for name in ("train", "test"))
    assert set(train["label"]) == set(test["label"]) == set(LETTERS)
    for language, letters in LETTERS.items():
        written = {letter for text in train["text"][train["label"] == language] for letter in text.lower()}
        assert written <= set(letters) | {" "}, "no placeholder, and no English in another language"
    assert {"word", "pair", "sentence"} == set(test["length"])
    assert not train.duplicated().any()
    before = (tmp_path / TEXTS / "train.csv").read_bytes()
    write_data(tmp_path)
    assert (tmp_path / TEXTS / "train.csv").read_bytes() == before
    write_data(tmp_path, scale=0.1)
    assert len(pd.read_csv(tmp_path / TEXTS / "train.csv")) < len(train)


def test_a_package_without_the_files_is_refused(archives: None) -> None:
    other = packages.Package("jusText==3.0.2", "0" * 64, r"nothing/(\w+)")
    with pytest.raises(GraftError, match=r"jusText==3.0.2: .* holds none of the files that the recipe reads"):
        packages.unpacked(other).__enter__()


@pytest.fixture
def project(archives: None, tmp_path: Path, warm: Warm) -> Project:
    (tmp_path / "project").mkdir()
    project = Project(tmp_path / "project")
    write_data(project.folder, scale=0.2)
    values = settings("languages")
    keep_one_student(values, "static")
    small = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    for tokenizer in values["tokenizers"].values():
        tokenizer.update(vocabulary=500, max_length=24)
    values["pretraining"]["brief"]["config"].update(small)
    values["pretraining"]["brief"].update(steps=10, length=32, batch_size=8, evaluations=1, held_out=0.1)
    values["prepare"]["validation"] = 0.1
    values["finetune"].update(batch_size=32, evaluations=1, learning_rate=3e-3)
    values["budget"].update(steps=60, evaluations=2, batch_size=32, learning_rate=1e-2)
    values["students"]["static"]["config"]["embedding_size"] = 16
    YAML().dump(values, project.folder / "params.yaml")
    project.put_first(warm.python3(tmp_path / "bin"))
    return project


@pytest.mark.long
def test_the_whole_of_it_on_a_slice_and_its_measure(project: Project) -> None:
    assert {"pretrain@brief", "teach@brief", "transfer@static", "export@static", "report"} <= project.repro()
    summary = project.json("data/prepared/summary.json")
    assert summary["leakage"]["train_test"] == {"exact": 0, "loose": 0}
    assert set(summary["splits"]["test"]["domains"]) == set(LENGTHS)
    assert project.json("metrics/static.json")["accuracy"] > 0.7
    test = pd.read_parquet(project.folder / "data/prepared/test.parquet")
    names = dict.fromkeys(("ours", "langid"), str(project.folder / "exports/static"))
    found = measure(names, project.folder, test, rounds=1)
    assert found["languages"]["common"] == sorted(LETTERS)
    sentences, _, _ = found["sides"]["ours"]["accuracy"]["all"]["sentence"]
    assert sentences > 0.7
    assert "| langid | " in tables(found)
    with pytest.raises(GraftError, match="nowhere could not be measured: its process ended"):
        measure({"ours": "nowhere"}, project.folder, test, rounds=1)
