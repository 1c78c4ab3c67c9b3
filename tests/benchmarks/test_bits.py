"""Bits per byte: the n-grams are a distribution with known values, and the texts are those that were held out."""

import lzma
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML
from transformers import PreTrainedTokenizerFast

from benchmarks import bits
from benchmarks.bits import Texts, choose_name, fairness, frequency_bits, measure, read_texts
from benchmarks.ngram import NGram, discounts
from pipeline.artifacts import write_json, write_parquet
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.pretraining.packing import hold_out, pack
from recipes import RECIPES
from tests.closure import ROOT

PROSE = [
    line
    for page in sorted((ROOT / "docs").glob("*.md"))
    for line in page.read_bytes().splitlines()
    if line[:1].isalpha()
]
SOME = st.binary(min_size=8, max_size=300) | st.lists(st.sampled_from([b"ab", b"b", b"\n"]), min_size=8).map(b"".join)


@given(text=SOME, before=st.binary(max_size=9), order=st.integers(0, 7))
def test_the_bytes_after_any_context_share_one(text: bytes, before: bytes, order: int) -> None:
    for context in (before, text[:5], text[-order:]):
        found = NGram.fit(text, order).distribution(context)
        assert found.sum() == pytest.approx(1, abs=1e-9)
        assert (found > 0).all()


@given(text=SOME, read=st.binary(min_size=1, max_size=20), order=st.integers(0, 5))
def test_a_text_is_guessed_byte_by_byte_from_what_stands_before(text: bytes, read: bytes, order: int) -> None:
    model = NGram.fit(text, order)
    each = [model.distribution(text + read[:at])[byte] for at, byte in enumerate(read)]
    assert model.probabilities(read, before=text) == pytest.approx(np.array(each))


def test_order_0_is_eight_bits_and_every_order_more_guesses_prose_better() -> None:
    train, held_out = (
        b"\n".join(line for at, line in enumerate(PROSE) if (at % 4 == 0) == rare) for rare in (False, True)
    )
    train, held_out = train[:20_000], held_out[:6_000]
    found = [-np.log2(NGram.fit(train, order).probabilities(held_out)).mean() for order in range(5)]
    assert found[0] == 8
    assert found == sorted(found, reverse=True)
    assert found[1] > 4.5
    assert found[4] < 3.5


def test_known_values() -> None:
    """``abab``: of single bytes a and b twice each; as bigrams ab twice and ba once, each of a, b after one byte."""
    single = NGram.fit(b"abab", 1).distribution(b"")
    assert single[ord("a")] == single[ord("b")] == pytest.approx((2 - 1) / 4 + (1 + 1) / 4 / 256)
    assert single[0] == pytest.approx(1 / 2 / 256)
    pair = NGram.fit(b"abab", 2).distribution(b"a")
    lower = {"seen": (1 - 0.5) / 2 + 1 / 2 / 256, "unseen": 1 / 2 / 256}
    assert pair[ord("b")] == pytest.approx((2 - 1) / 2 + 1 / 2 * lower["seen"])
    assert pair[ord("a")] == pytest.approx(1 / 2 * lower["seen"])
    assert pair[ord("x")] == pytest.approx(1 / 2 * lower["unseen"])
    after_unseen = NGram.fit(b"abab", 2).distribution(b"x")
    assert after_unseen[ord("b")] == pytest.approx(lower["seen"])


def test_lower_orders_count_contexts_and_not_occurrences() -> None:
    """As Francisco after San: c is common, but only ever behind b."""
    text = b"bc" * 20 + b"adaeafaga"
    single, after_unseen = NGram.fit(text, 1).distribution(b""), NGram.fit(text, 2).distribution(b"x")
    assert single[ord("c")] > single[ord("a")]
    assert after_unseen[ord("c")] < after_unseen[ord("a")]


def test_the_discounts_follow_from_the_counts_of_counts() -> None:
    counts = np.repeat([1, 2, 3, 4, 9], [10, 4, 2, 1, 3])
    assert discounts(counts) == pytest.approx(np.array([0, 5 / 9, 7 / 6, 17 / 9]))
    assert discounts(np.array([1, 1, 7])).tolist() == [0, 0.5, 1, 1.5]


def test_compressors_gain_from_the_training_texts_what_they_can_reach() -> None:
    noise = np.random.default_rng(0).bytes(60_000)
    found = {name: value for name, value, _ in measure(Texts(noise, noise, 8.0), 1)}
    assert found["xz -9e, after the training texts"] < 0.2
    assert found["xz -9e, alone"] == pytest.approx(8 * len(lzma.compress(noise, preset=9)) / 60_000, rel=0.01)
    assert found["gzip -9, after the training texts"] == pytest.approx(8, abs=0.05), "32 KiB back at most"


def test_frequencies_have_known_bits(tokenizer: PreTrainedTokenizerFast) -> None:
    train, held_out = (pack(tokenizer, [text], 32) for text in ("good good good bad", "good film"))
    # Of 25 tokens good has 3 + 1 of 4 + 25, and film, which was not seen, 1; the text has 9 bytes.
    assert frequency_bits(train, held_out, 25) == pytest.approx(-(np.log2(4 / 29) + np.log2(1 / 29)) / 9)
    lost = pack(tokenizer, ["xyz"], 32)
    assert frequency_bits(train, lost, 25) == pytest.approx((np.log2(29) + 3 * 8) / 3)


def test_it_says_which_direction_is_fair() -> None:
    codes = [("frequencies", 3.0, ""), ("5-grams", 2.0, "code length"), ("xz", 2.5, "code length")]
    assert "not fair" in fairness([("ours", 1.5, ""), *codes])
    assert fairness([("ours", 1.5, ""), *codes]).endswith("context saves it 50%.")
    assert "is fair" in fairness([("ours", 2.2, ""), *codes])
    assert "(5-grams)" in fairness([("ours", 2.2, ""), *codes])


@pytest.fixture
def work(tmp_path: Path, tokenizer: PreTrainedTokenizerFast) -> Path:
    """What `prepare`, `tokenize` and `pretrain` leave: texts with altered copies among them, in capitals too."""
    values: Any = YAML(typ="safe").load((RECIPES / "chinese/params.yaml").read_text(encoding="utf-8"))
    values["pretraining"]["zh"]["held_out"] = 0.25
    YAML().dump(values, tmp_path / "params.yaml")
    texts = [f"A Great Film {at}" for at in range(40)]
    ids = [f"row-{at}" for at in range(40)]
    frame = pd.DataFrame({"id": [*ids, "row-1#cut-1"], "text": [*texts, "A Great"]})
    write_parquet(tmp_path / "data/prepared/transfer.parquet", frame)
    tokenizer.save_pretrained(tmp_path / "data/tokenized" / values["pretraining"]["zh"]["tokenizer"] / "tokenizer")
    _, held_out = hold_out(texts, 0.25, 13)
    measured = {"bits_per_byte": 1.25, "held_out_bytes": pack(tokenizer, held_out, 32).bytes}
    write_json(tmp_path / "models/pretrained/zh/training.json", measured)
    return tmp_path


def test_the_texts_are_those_that_pretraining_held_out_as_its_tokenizer_reads_them(work: Path) -> None:
    found = read_texts(work, load_params(work / "params.yaml"), "zh")
    held_out, train = found.held_out.splitlines(), found.train.splitlines()
    assert (len(held_out), len(train)) == (10, 30)
    assert {*held_out, *train} == {f"a great film {at}".encode() for at in range(40)}
    write_json(work / "models/pretrained/zh/training.json", {"bits_per_byte": 1.25, "held_out_bytes": 5})
    with pytest.raises(GraftError, match="is not what zh was pretrained on; run `dvc repro` first"):
        read_texts(work, load_params(work / "params.yaml"), "zh")


def test_a_table_is_printed(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    monkeypatch.setattr(sys, "argv", ["bits", "--work", str(work)])
    bits.main()
    printed = capsys.readouterr().out.splitlines()
    assert printed[4] == "| zh, the encoder | 1.250 | pseudo-likelihood |"
    assert printed[5].startswith("| its tokens by frequency | ")
    assert [line.count("code length") for line in printed[6:11]] == [1] * 5
    assert printed[-1].startswith("zh, the encoder is ")


def test_what_is_missing_gets_one_line(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params = load_params(work / "params.yaml")
    with pytest.raises(GraftError, match=r"params\.yaml has no pretraining\.other; it has zh"):
        choose_name(params, "other")
    with pytest.raises(GraftError, match=r"name one of the pretrainings in params\.yaml: none; the recipe chinese"):
        choose_name(params.model_copy(update={"pretraining": {}}), None)
    (work / "models/pretrained/zh/training.json").unlink()
    monkeypatch.setattr(sys, "argv", ["bits", "zh", "--work", str(work)])
    with pytest.raises(SystemExit, match=r"graft: bits: .*training\.json"):
        bits.main()
