"""What a masked language model must guess: tokens hidden word by word, in spans of words, or one by one.

Devlin et al. 2019, "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", section 3.1;
whole words after the authors' later models; spans after Joshi et al. 2020, "SpanBERT: Improving Pre-training by
Representing and Predicting Spans", section 3.1.
"""

from dataclasses import dataclass

import numpy as np
from transformers import PreTrainedTokenizerFast

from pipeline.errors import GraftError
from pipeline.pretraining.packing import NO_WORD
from pipeline.settings.pretraining import Masking, PretrainingConfig

# The label of a token that is not guessed; transformers' loss leaves it out.
IGNORED = -100

# Of the chosen tokens, how many become the mask token and how many any other one; the rest stay as they are.
HIDDEN, REPLACED = 0.8, 0.1

# Words of a span: geometric, cut off.
SPAN, LONGEST = 0.2, 10


@dataclass(frozen=True)
class Masks:
    """How tokens are chosen and what is put in their place; ``ordinary`` are the ids that may replace one."""

    masking: Masking
    rate: float
    mask_token_id: int
    ordinary: np.ndarray

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerFast, config: PretrainingConfig) -> "Masks":
        """As ``config`` asks, in the tokens of ``tokenizer``; GraftError if it has no mask token."""
        if tokenizer.mask_token_id is None:
            raise GraftError(f"the tokenizer {config.tokenizer} has no mask token; a masked language model has")
        ordinary = np.setdiff1d(np.arange(len(tokenizer)), tokenizer.all_special_ids)
        return cls(config.masking, config.rate, tokenizer.mask_token_id, ordinary)

    def apply(
        self, input_ids: np.ndarray, words: np.ndarray, random: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what the model reads and what it must guess (``IGNORED`` elsewhere), both (B, T) int64."""
        chosen = choose(words, self.masking, self.rate, random)
        labels = np.where(chosen, input_ids, IGNORED).astype(np.int64)
        draw = random.random(input_ids.shape)
        others = random.choice(self.ordinary, input_ids.shape)
        read = np.where(chosen & (draw < HIDDEN), self.mask_token_id, input_ids)
        read = np.where(chosen & (draw >= HIDDEN) & (draw < HIDDEN + REPLACED), others, read)
        return read.astype(np.int64), labels


def choose(words: np.ndarray, masking: Masking, rate: float, random: np.random.Generator) -> np.ndarray:
    """Return which tokens (B, T) are to be guessed: each is with probability ``rate``, and one at least.

    ``words`` (B, T) numbers the words; tokens without one are never chosen. ``words`` chooses whole words, ``spans``
    words that follow one another, ``tokens`` each token by itself.
    """
    own = words != NO_WORD
    units, at = np.unique(words[own], return_inverse=True)
    if masking == "tokens":
        units = at = np.arange(len(at))
    picked = _spans(units, rate, random) if masking == "spans" else random.random(len(units)) < rate
    if len(units) and not picked.any():
        picked[random.integers(len(units))] = True
    chosen = np.zeros(words.shape, bool)
    chosen[own] = picked[at]
    return chosen


def _spans(numbers: np.ndarray, rate: float, random: np.random.Generator) -> np.ndarray:
    """Which of the words ``numbers``, in rising order, lie in a span."""
    lengths = np.arange(1, LONGEST + 1)
    shares = SPAN * (1 - SPAN) ** (lengths - 1)
    shares /= shares.sum()
    # A word is spared if no span begins at it or within reach before it: the product of these over the lengths.
    reach = shares[::-1].cumsum()[::-1]
    begins = _begin_rate(reach, rate)
    span = np.where(random.random(len(numbers)) < begins, random.choice(lengths, len(numbers), p=shares), 0)
    picked = np.zeros(len(numbers), bool)
    for length in range(1, LONGEST + 1):
        long_enough = span >= length
        after = np.flatnonzero(long_enough) + length - 1
        after = after[after < len(numbers)]
        # Words that follow one another in the batch may be far apart in the text.
        joined = numbers[after] == numbers[after - length + 1] + length - 1
        picked[after[joined]] = True
    return picked


def _begin_rate(reach: np.ndarray, rate: float) -> float:
    """How likely a span must begin at a word for a word to lie in one with probability ``rate``, by bisection.

    ``reach`` is the probability of a span to have at least 1, 2, … words.
    """
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        if 1 - np.prod(1 - middle * reach) < rate:
            low = middle
        else:
            high = middle
    return low
