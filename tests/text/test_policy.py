"""The policy as a whole: what survives it, what it refuses, and that it says the same everywhere."""

import json
import sys
import unicodedata
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.deployment import bundle
from pipeline.deployment.classifier import LONGEST
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.settings.data import FileData
from pipeline.settings.prepare import PrepareConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.text import TextConfig
from pipeline.text.cleaning import clean_text, normalise
from pipeline.text.policy import PLAIN, Policy
from pipeline.text.prepare import prepare_dataset
from pipeline.text.sources import RawRows
from tests.closure import ROOT
from tests.text.survivors import SURVIVORS

DEFAULT = Policy()
EVERY = Policy(mojibake=True, mask=("e_mail", "phone", "key"), letters=2, letter_share=0.1)
# Letters that look alike, marks, what is invisible, pictures, mojibake, and what masks look for.
TRICKY = st.text(
    st.sampled_from(
        "aeoplxyHIT аеорсухНІТгж αιονΗΙΤ é\u0301\u0306\u05b0אبیक्क्षกข 漢ﬁ２𝐛½ "
        "\u00ad\u034f\u061c\u1160\u200b\u200c\u200d\u200e\u202e\u2060\u2067\ufe0f\ufeff\U000e0067\U000e007f\x00\x85"
        "👩🏽❤🏴1️0123456789+-.()/@#:=_Ãâ€™©keytl"
    ),
    max_size=40,
)
ANY = st.text(st.characters(categories=["L", "M", "N", "P", "S", "Z", "C"]))
POLICIES = st.builds(
    Policy,
    mojibake=st.booleans(),
    form=st.sampled_from(["nfc", "nfkc", "none"]),
    control=st.booleans(),
    bidi=st.booleans(),
    zero_width=st.booleans(),
    homoglyphs=st.booleans(),
    mask=st.lists(st.sampled_from(["e_mail", "phone", "key"]), unique=True).map(tuple),
    letters=st.integers(0, 3),
    letter_share=st.sampled_from([0.0, 0.3, 1.0]),
)


@pytest.mark.parametrize("kind", SURVIVORS)
@pytest.mark.parametrize("policy", [DEFAULT, EVERY], ids=["default", "every rule"])
def test_what_a_script_needs_survives(kind: str, policy: Policy) -> None:
    text = SURVIVORS[kind]
    assert unicodedata.is_normalized("NFC", text)
    assert clean_text(text, 2, 5000, policy) == (text, "", ())


@pytest.mark.parametrize("kind", SURVIVORS)
def test_the_compatibility_form_changes_what_it_must_and_no_more(kind: str) -> None:
    text = SURVIVORS[kind]
    expected = unicodedata.normalize("NFKC", text)
    assert normalise(text, replace(EVERY, form="nfkc")).split() == expected.split()


def test_the_survivors_are_of_many_scripts() -> None:
    letters = {letter for text in SURVIVORS.values() for letter in text if letter.isalpha()}
    assert len({unicodedata.name(letter).split()[0] for letter in letters}) >= 25


@pytest.mark.parametrize(
    ("raw", "expected", "rule"),
    [
        ("cafÃ© â€“ schÃ¶n", "café – schön", "mojibake"),
        ("e\u0301te\u0301", "été", "form"),
        ("bell\x07 and \x7fcolour", "bell and colour", "control"),
        ("turned \u202eround\u202c and \u2067apart\u2069", "turned round and apart", "bidi"),
        ("wo\u200br\u00add\u2060s j\u200do\u200ci\u200dn", "words join", "zero_width"),
        ("hidden\U000e0068\U000e0069 letters\ufe0f", "hidden letters", "zero_width"),
        ("a free p\u0430ypal \u0441lick", "a free paypal click", "homoglyphs"),
        ("write to ann@example.org now", "write to [e-mail] now", "mask_e_mail"),
        ("ring +49 30 1234567 now", "ring [phone] now", "mask_phone"),
        ("use AKIAIOSFODNN7EXAMPLE now", "use [key] now", "mask_key"),
    ],
)
def test_each_rule_works_is_counted_and_can_be_switched_off(raw: str, expected: str, rule: str) -> None:
    assert clean_text(raw, 2, 5000, EVERY) == (expected, "", (rule,))
    kind = rule.removeprefix("mask_")
    off = {"mask": tuple(each for each in EVERY.mask if each != kind)} if kind != rule else {rule: False}
    off = {"form": "none"} if rule == "form" else off
    assert clean_text(raw, 2, 5000, replace(EVERY, **off)) == (raw, "", ())


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("", "empty"),
        (" \u200b\u2060\u202e\u00ad ", "empty"),
        ("\u3164\u3164", "empty"),
        ("\u0430", "too_short"),
        ("x" * 51, "too_long"),
        (":) !!! 12345", "too_little_language"),
        ("😀😀😀", "too_little_language"),
        ("=====================================> a b", "too_little_language"),
        ("ann@example.org", "too_little_language"),
        ("+49 30 1234567 / AKIAIOSFODNN7EXAMPLE", "too_little_language"),
    ],
)
def test_what_must_be_refused_is_refused_with_its_reason(raw: str, reason: str) -> None:
    assert clean_text(raw, 2, 50, EVERY).reason == reason


def test_smileys_are_refused_by_no_default() -> None:
    assert [clean_text(text, 2, 50, DEFAULT).reason for text in (":)", "!!!", "😀😀", "12345")] == [""] * 4


@settings(max_examples=150)
@given(TRICKY | ANY, POLICIES)
@example("\u0430\u0301bc", DEFAULT)
@example(" \u00c2 0", Policy(mojibake=True))
@example("12-202-555-0199-202-555-0199", EVERY)
def test_a_second_reading_changes_nothing(text: str, policy: Policy) -> None:
    once = normalise(text, policy)
    assert normalise(once, policy) == once
    assert len(once.splitlines()) <= 1 or not policy.control
    once.encode("utf-8")


@given(ANY)
def test_without_its_rules_the_policy_is_what_cleaning_always_was(text: str) -> None:
    hidden = {"Cc", "Co", "Cs"}
    seen = (letter for letter in text if letter.isspace() or unicodedata.category(letter) not in hidden)
    before = unicodedata.normalize("NFC", " ".join("".join(seen).replace("\ufeff", "").split()))
    assert normalise(text, PLAIN) == before


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """``cleaning.py`` of an exported folder, imported as ``predict.py`` does."""
    folder = tmp_path_factory.mktemp("alone")
    bundle.write_code(folder, DEFAULT)
    names = [Path(str(module.__file__)).stem for module in bundle.MODULES]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        patch.setattr(sys, "dont_write_bytecode", True)
        module = import_module("cleaning")
        for name in names:
            sys.modules.pop(name, None)
    assert Path(str(module.__file__)).parent == folder
    assert not any("from pipeline" in path.read_text(encoding="utf-8") for path in folder.glob("*.py"))
    return module


@settings(max_examples=150)
@given(TRICKY | ANY, POLICIES)
def test_prepare_and_the_exported_folder_read_a_text_alike(exported: ModuleType, text: str, policy: Policy) -> None:
    stored = json.loads(json.dumps(policy.values()))
    prepared = clean_text(text, 2, 5000, Policy.of(stored))
    alone = exported.clean_text(text, 1, LONGEST, exported.Policy.of(stored))
    assert alone.text == prepared.text
    assert alone.reason == prepared.reason or (prepared.reason, alone.reason) in {
        ("too_short", ""),
        ("too_short", "too_little_language"),
    }
    # What was prepared stands for itself when a model reads it again.
    assert exported.normalise(prepared.text, exported.Policy.of(stored)) == prepared.text


def test_the_settings_are_the_policys_and_so_are_their_defaults() -> None:
    assert Policy.of(TextConfig().model_dump()) == DEFAULT
    assert load_params(ROOT / "params.yaml").text == TextConfig()
    assert set(TextConfig.model_fields) == {field.name for field in fields(Policy)}
    assert Policy.of(json.loads(json.dumps(EVERY.values()))) == EVERY


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{form: nfd}", "text.form is 'nfd'"),
        ("{mask: [names]}", "text.mask.0 is 'names'"),
        ("{mask: [key, key]}", "text.mask: names a kind twice"),
        ("{letter_share: 2.0}", "text.letter_share is 2.0"),
        ("{emoji: true}", "text.emoji is not a setting"),
    ],
)
def test_a_wrong_rule_is_named(tmp_path: Path, text: str, message: str) -> None:
    class Wanted(Sections):
        text: TextConfig

    path = tmp_path / "params.yaml"
    path.write_text(f"text: {text}\n", encoding="utf-8")
    with pytest.raises(GraftError, match=r"params\.yaml: ") as refused:
        read_sections(Wanted, path)
    assert message in str(refused.value)


def test_prepare_counts_what_each_rule_changed_and_refused() -> None:
    texts = [f"a fine film, number {at}" for at in range(40)]
    texts[3] = "a f\u200bine p\u0430ge for ann@example.org"
    texts[4] = "12345 +++ 678"
    texts[5] = "turned \u202eround, and all is well"
    frame = pd.DataFrame({"id": [f"r{at}" for at in range(40)], "text": texts, "label": ["good", "bad"] * 20})
    frame = frame.assign(group=frame["id"], domain="", split="").astype(object)
    data = FileData(source="file", path="x.csv", text="text", label="label")
    prepared = prepare_dataset(RawRows(frame), data, PrepareConfig(), EVERY)
    counted = {"zero_width": 1, "homoglyphs": 1, "mask_e_mail": 1, "bidi": 1}
    assert prepared.summary["changed"] == counted
    assert prepared.summary["refused"] == {"too_little_language": 1}
    kept = {text for part in prepared.splits.values() for text in part["text"]}
    assert {"a fine page for [e-mail]", "turned round, and all is well"} <= kept
