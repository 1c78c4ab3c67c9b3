"""How finely a tokenizer cuts the words of each script and domain, and what of them it does not know.

Fertility, tokens for a word, and its use to tell how well a tokenizer serves a language are those of Rust et al. 2021,
"How Good is Your Tokenizer? On the Monolingual Performance of Multilingual Language Models", section 3.2. In scripts
that write no spaces a character counts as a word, as it does where altered copies are made.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np
from transformers import PreTrainedTokenizerFast

from pipeline.text.units import Units
from pipeline.tokens.encoding import CHUNK

NO_LETTERS = "no letters"


def measure_cuts(
    tokenizer: PreTrainedTokenizerFast, batches: Iterable[tuple[Sequence[str], Sequence[str]]]
) -> dict[str, dict[str, Any]]:
    """Return ``scripts`` and ``domains``: for each, by name, ``texts``, ``words``, ``tokens`` and ``tokens_unknown``.

    ``batches`` hold texts and the domain of each. Special tokens are not counted, and no text loses its
    end. The commonest stand first.
    """
    backend = tokenizer.backend_tokenizer
    unknown = tokenizer.unk_token_id
    totals: dict[str, dict[str, np.ndarray]] = {"scripts": defaultdict(_nothing), "domains": defaultdict(_nothing)}
    for texts, domains in batches:
        for start in range(0, len(texts), CHUNK):
            part = slice(start, start + CHUNK)
            encodings = backend.encode_batch_fast(list(texts[part]), add_special_tokens=False)
            for text, domain, encoding in zip(texts[part], domains[part], encodings, strict=True):
                counts = np.array([1, len(Units(text)), len(encoding.ids), encoding.ids.count(unknown)])
                totals["scripts"][script_of(text)] += counts
                totals["domains"][domain] += counts
    names = ("texts", "words", "tokens", "tokens_unknown")
    return {
        kind: {
            name: dict(zip(names, counts.tolist(), strict=True))
            for name, counts in sorted(groups.items(), key=lambda item: (-item[1][0], item[0]))
        }
        for kind, groups in totals.items()
    }


def script_of(text: str) -> str:
    """The script that most letters of ``text`` belong to: ``Latin``, ``Cyrillic``, ``Cjk``…"""
    counts = Counter(_script(letter) for letter in text if letter.isalpha())
    return max(counts, key=lambda script: (counts[script], script)) if counts else NO_LETTERS


@cache
def _script(letter: str) -> str:
    # Unicode's names begin with the script, and Python knows them; that of a letter without a name is not to be had.
    name = unicodedata.name(letter, NO_LETTERS).removeprefix("FULLWIDTH ").removeprefix("HALFWIDTH ")
    return name.split(" ")[0].capitalize() if name != NO_LETTERS else name


def _nothing() -> np.ndarray:
    return np.zeros(4, np.int64)
