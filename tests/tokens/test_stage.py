"""Stage tokenize: the tables and the tokenizer that an entry of params.yaml asks for."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from ruamel.yaml import YAML

from pipeline.artifacts import read_json, write_json, write_parquet
from pipeline.errors import GraftError
from pipeline.params import load_params
from pipeline.stages import tokenize
from pipeline.tokens.alignment import align
from pipeline.tokens.encoding import load_tokenizer
from pipeline.tokens.table import read_tokens
from tests.closure import ROOT
from tests.conftest import write_pretrained

TRANSFER = "data/prepared/transfer.parquet"
TRAINED = {"source": TRANSFER, "kind": "words", "vocabulary": 64, "max_length": 8}


def write_params(**tokenizers: dict[str, Any]) -> None:
    yaml = YAML()
    values = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    values["tokenizers"].update(tokenizers)
    with Path("params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_pretrained(Path("models/pretrained/tiny"))
    texts = ["the film is good", "a bad book and a bad plot"]
    for split, held in (("train", "train"), ("validation", "validation")):
        frame = pd.DataFrame(
            {"id": [f"{split}-1", f"{split}-2"], "text": [f"{held} {text}" for text in texts], "domain": "all"}
        )
        write_parquet(Path(f"data/prepared/{split}.parquet"), frame.assign(label=["good", "bad"]))
    ids = ["t1", "unlabelled/more.txt:1", "t1#mask-1", "t1#cut-1"]
    rows = [texts[0] + " film is", f"{texts[1]} plot", "the \ue000 is altered altered", "altered"]
    write_parquet(Path(TRANSFER), pd.DataFrame({"id": ids, "text": rows}))
    write_json(Path("data/prepared/labels.json"), {"labels": ["bad", "good"], "task": "single_label"})
    return tmp_path


def test_a_trained_tokenizer_knows_the_texts_as_they_came_and_no_others(project: Path) -> None:
    write_params(mine=TRAINED)
    tokenize.main("mine")
    tokenizer = load_tokenizer(project / "data/tokenized/mine/tokenizer")
    assert tokenizer.model_max_length == 8
    # What stands only in altered copies or in validation is unknown, and so is what occurs once.
    known = {"film", "is", "a", "bad", "plot"}
    assert set(tokenizer.get_vocab()) == {"[PAD]", "[UNK]", "[MASK]"} | known


def test_a_tokenizer_that_knows_no_word_is_refused(project: Path) -> None:
    # transformers makes an empty one of a vocabulary under the name that another scheme has, and says nothing.
    folder = project / "models/pretrained/tiny"
    vocabulary = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer"}', encoding="utf-8")
    write_params(tiny={"source": "models/pretrained/tiny"})
    with pytest.raises(
        GraftError,
        match=r"models/pretrained/tiny holds a tokenizer that knows no token but its special ones; add its tokenizer",
    ):
        tokenize.main("tiny")
    assert not (project / "data/tokenized/tiny").exists()


def test_a_trained_tokenizer_is_the_one_that_params_ask_for(project: Path) -> None:
    texts = ["Ångström-ﬁlm is Fine", "Ångström-ﬁlm was Fine"]
    frame = pd.DataFrame({"id": ["t1", "t2"], "text": texts})
    write_parquet(Path(TRANSFER), frame)
    asked = {
        "plain": {},
        "capitals": {"lowercase": False},
        "bare": {"accents": False},
        "ligated": {"normalizer": "nfc"},
        "spaced": {"pretokenizer": "spaces"},
    }
    write_params(**{name: TRAINED | own for name, own in asked.items()})
    read = {}
    for name in asked:
        tokenize.main(name)
        read[name] = load_tokenizer(project / f"data/tokenized/{name}/tokenizer").tokenize("Ångström-ﬁlm Fine")
    assert read == {
        "plain": ["ångström", "-", "film", "fine"],
        "capitals": ["Ångström", "-", "film", "Fine"],
        "bare": ["angstrom", "-", "film", "fine"],
        "ligated": ["ångström", "-", "ﬁlm", "fine"],
        "spaced": ["ångström-film", "fine"],
    }


def test_tables_labels_spans_and_counts(project: Path) -> None:
    write_params(mine=TRAINED, tiny={"source": "models/pretrained/tiny", "max_length": 8})
    for name in ("mine", "tiny"):
        tokenize.main(name)
    tables = {
        (name, split): read_tokens(project / f"data/tokenized/{name}/{split}.arrow")
        for name in ("mine", "tiny")
        for split in ("train", "validation", "transfer")
    }
    assert {table.ids.to_pylist()[0] for table in tables.values()} == {"train-1", "validation-1", "t1"}
    for (_, split), table in tables.items():
        assert (table.labels is None) == (split == "transfer")
        assert (table.spans is None) == (split != "transfer")
        assert table.lengths.max() <= 8
    labels = tables["mine", "train"].labels
    assert labels is not None
    assert labels.tolist() == [1, 0]
    mine, tiny = tables["mine", "transfer"], tables["tiny", "transfer"]
    ranges = align(mine, tiny)
    masks = [tokenizer.mask_token_id for tokenizer in map(load_tokenizer, tokenizers(project))]
    hidden = int(np.flatnonzero(mine.input_ids == masks[0])[0])
    assert tiny.input_ids[slice(*ranges[hidden])].tolist() == [masks[1]]
    figures = read_json(project / "metrics/tokenizers/tiny.json")
    summary = figures["transfer"]
    # "altered" is unknown to the tiny model, twice in one copy and once in another.
    assert summary == {"texts": 4, "tokens": 8 + 8 + 7 + 3, "tokens_unknown": 3, "texts_cut": 1}
    # Of the training texts, "train" is unknown to it; no text loses its end, and special tokens do not count.
    cut = {"texts": 2, "words": 5 + 8, "tokens": 5 + 8, "tokens_unknown": 2}
    assert figures["cuts"] == {"scripts": {"Latin": cut}, "domains": {"all": cut}}


def tokenizers(project: Path) -> list[Path]:
    return [project / f"data/tokenized/{name}/tokenizer" for name in ("mine", "tiny")]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"source": TRANSFER}, "with kind and vocabulary it must be|without them the folder of a pretrained model"),
        ({**TRAINED, "source": "models/pretrained/tiny"}, f"source is 'models/pretrained/tiny'; .* must be {TRANSFER}"),
        ({"source": TRANSFER, "kind": "bpe"}, "tokenizers.mine: kind and vocabulary come together"),
        ({"source": "models/pretrained/tiny", "vocabulary": 100}, "kind and vocabulary come together"),
        ({"source": "models/pretrained/tiny", "lowercase": False}, "lowercase is for a tokenizer trained here"),
        ({"source": "models/pretrained/tiny", "pretokenizer": "words"}, "pretokenizer is for a tokenizer trained here"),
        ({**TRAINED, "kind": "wordpiece"}, "tokenizers.mine.kind is 'wordpiece': input should be 'bpe', 'bytes', 'w"),
        ({**TRAINED, "kind": "characters", "pretokenizer": "none"}, "pretokenizer has no meaning for characters"),
        ({**TRAINED, "pretokenizer": "none"}, "pretokenizer is 'none', which leaves a text whole"),
        ({**TRAINED, "normalizer": "nfd"}, "tokenizers.mine.normalizer is 'nfd': input should be 'nfkc', 'nfc' or"),
        ({**TRAINED, "vocabulary": 10}, "tokenizers.mine.vocabulary is 10: input should be greater than"),
    ],
)
def test_an_entry_that_cannot_be_gets_one_line(project: Path, entry: dict[str, Any], message: str) -> None:
    write_params(mine=entry)
    with pytest.raises(GraftError, match=message) as caught:
        load_params()
    assert "\n" not in str(caught.value)


def test_a_vocabulary_without_room_gets_one_line(project: Path) -> None:
    write_params(mine={**TRAINED, "kind": "bpe"})
    with pytest.raises(GraftError, match="vocabulary is 64: a bpe of these texts needs 2"):
        tokenize.main("mine")
