"""``python -m pipeline.stages.tokenize NAME``: prepared text to token tables, once per tokenizer.

Reads ``tokenizers.NAME``, the folder of a pretrained model that it names, and ``data/prepared/``. Where
``tokenizers.NAME`` has a ``kind``, the tokenizer is trained first, on the texts of the transfer set that
are no altered copies. Writes ``data/tokenized/NAME/``: ``train.arrow``, ``validation.arrow`` (with
labels), ``transfer.arrow`` (without, but with the tokens' spans) and the tokenizer; and
``metrics/tokenizers/NAME.json``, which counts tokens, texts that lost their end, and how finely the training texts
of each script and domain are cut.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from transformers import PreTrainedTokenizerFast

from pipeline.artifacts import iter_parquet, publish_together, read_json, write_json
from pipeline.settings.reading import Sections, read_sections
from pipeline.settings.tokenizers import TokenizerConfig
from pipeline.stages.entry import run
from pipeline.task import Task, task_of
from pipeline.text.pairs import sides_of, texts_in
from pipeline.text.stored import stored_unaltered
from pipeline.tokens.encoding import check_knows_words, encode, load_tokenizer
from pipeline.tokens.fertility import measure_cuts
from pipeline.tokens.pairs import separate_pairs
from pipeline.tokens.table import TokenSpool, write_tokens
from pipeline.tokens.training import train_tokenizer

PREPARED = Path("data/prepared")
WRITTEN = ("train.arrow", "validation.arrow", "transfer.arrow", "tokenizer")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    tokenizers: dict[str, TokenizerConfig]


def main(name: str) -> None:
    """Tokenize every split with the tokenizer ``name``."""
    config = read_sections(Settings).section("tokenizers", name)
    folder = Path("data/tokenized") / name
    tokenizer = _tokenizer(config, PREPARED.parent)
    tokenizer.model_max_length = config.max_length
    with publish_together(*(folder / each for each in WRITTEN), Path(f"metrics/tokenizers/{name}.json")) as partials:
        summary = _write(config, tokenizer, dict(zip(WRITTEN, partials[:-1], strict=True)))
        write_json(partials[-1], summary)


def _write(config: TokenizerConfig, tokenizer: PreTrainedTokenizerFast, files: Mapping[str, Path]) -> dict[str, Any]:
    task = task_of(read_json(PREPARED / "labels.json"))
    if task.pairs:
        separate_pairs(tokenizer, is_own=config.kind is not None)
    summary: dict[str, Any] = {}
    for split in ("train", "validation", "transfer"):
        target = files[f"{split}.arrow"]
        tokens, counts = _tokenize(split, config, tokenizer, task, PREPARED.parent)
        write_tokens(target, tokens.table())
        summary[split] = counts
        total, unknown, cut = (counts[name] for name in ("tokens", "tokens_unknown", "texts_cut"))
        print(f"{split}: {len(tokens):,} texts, {total:,} tokens, {unknown:,} of them unknown; {cut:,} texts cut")
    tokenizer.save_pretrained(str(files["tokenizer"]))
    return summary | {"cuts": measure_cuts(tokenizer, map(_sides, iter_parquet(PREPARED / "train.parquet")))}


def _sides(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the texts, both of a pair, and the domain of each."""
    texts = texts_in(frame)
    domains = [domain for text, domain in zip(texts, frame["domain"], strict=True) for _ in sides_of(text)]
    return [side for text in texts for side in sides_of(text)], domains


def _tokenize(
    split: str, config: TokenizerConfig, tokenizer: PreTrainedTokenizerFast, task: Task, folder: Path
) -> tuple[TokenSpool, dict[str, int]]:
    """Return the tokens of ``split``, kept in ``folder``, and what there is to count of them."""
    tokens, counts = TokenSpool(folder), dict.fromkeys(("texts", "tokens", "tokens_unknown", "texts_cut"), 0)
    for frame in iter_parquet(PREPARED / f"{split}.parquet"):
        ids, texts = frame["id"].tolist(), texts_in(frame)
        labels = task.targets(frame["label"]) if "label" in frame else None
        # Teachers' token states cross to students' tokens by their spans, and only the transfer set has states.
        table, cut = encode(tokenizer, ids, texts, config.max_length, labels, spans=split == "transfer")
        tokens.append(table)
        counts["texts"] += len(table)
        counts["tokens"] += len(table.input_ids)
        counts["tokens_unknown"] += int(np.sum(table.input_ids == tokenizer.unk_token_id))
        counts["texts_cut"] += cut
    return tokens, counts


def _tokenizer(config: TokenizerConfig, folder: Path) -> PreTrainedTokenizerFast:
    if config.kind is None or config.vocabulary is None:
        loaded = load_tokenizer(Path(config.source))
        check_knows_words(loaded, Path(config.source))
        return loaded
    texts = stored_unaltered(lambda: iter_parquet(Path(config.source)), folder)
    tokenizer = train_tokenizer(
        texts,
        config.kind,
        config.vocabulary,
        config.lowercase,
        config.normalizer,
        config.accents,
        config.pretokenizer,
    )
    print(f"{config.kind} of {len(tokenizer):,} tokens, trained on {len(texts):,} texts")
    return tokenizer


if __name__ == "__main__":
    run(main)
