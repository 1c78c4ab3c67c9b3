"""Alignment of two tokenizers by the characters that their tokens share, many tokens to many.

What is known of one tokenizer's tokens crosses to another's in this way: from WordPiece to BPE, to words, to
characters.
"""

import numpy as np
import torch
from torch.nn.functional import embedding_bag

from pipeline.errors import GraftError
from pipeline.tokens.table import TokenTable

# Texts aligned at once, so that memory does not grow with the table.
BLOCK = 50_000


def align(student: TokenTable, teacher: TokenTable) -> np.ndarray:
    """For every token of ``student``, the range [low, high) of ``teacher``'s that overlap it: (total tokens, 2) int64.

    Both tables hold the same texts and their spans; ranges count in ``teacher.input_ids``. A range begins
    and ends with a token that shares a character with the student's. A token without such a partner (a
    special one, or text that the other tokenizer dropped or cut off) gets (0, 0).
    Raises GraftError if the tables hold other texts, or no spans.
    """
    if not student.ids.equals(teacher.ids):
        raise GraftError("two token tables hold other texts; run `dvc repro`, which renews them")
    if student.spans is None or teacher.spans is None:
        raise GraftError("a token table holds no spans; run `dvc repro`, which renews it")
    ranges = np.zeros((len(student.input_ids), 2), np.int64)
    for start in range(0, len(student), BLOCK):
        rows = slice(start, start + BLOCK + 1)
        bounds, other_bounds = student.offsets[rows], teacher.offsets[rows]
        own, other = slice(bounds[0], bounds[-1]), slice(other_bounds[0], other_bounds[-1])
        found = _overlaps(student.spans[own], np.diff(bounds), teacher.spans[other], np.diff(other_bounds))
        ranges[own] = np.where(found[:, :1] < found[:, 1:], found + other.start, 0)
    return ranges


def _overlaps(spans: np.ndarray, lengths: np.ndarray, other_spans: np.ndarray, other_lengths: np.ndarray) -> np.ndarray:
    """Ranges (M, 2) int64 of the K ``other_spans`` that overlap each of the M ``spans``, as ``align`` explains them.

    ``lengths`` and ``other_lengths`` (N,) say how many of the spans belong to each of the N texts.
    """
    # One line of numbers for all texts: each has its own stretch, so that no span reaches into the next.
    stride = 1 + max(int(spans.max(initial=0)), int(other_spans.max(initial=0)))
    begins, ends, full = _lay_out(spans, lengths, stride)
    other_begins, other_ends, other_full = _lay_out(other_spans, other_lengths, stride)
    # Spans follow the text. An empty one is never found: it ends where the last one did and begins where the
    # next one does, which the running extremes see to.
    beyond = len(lengths) * stride
    latest_end = np.maximum.accumulate(np.where(other_full, other_ends, 0))
    earliest_begin = np.minimum.accumulate(np.where(other_full, other_begins, beyond)[::-1])[::-1]
    low = np.searchsorted(latest_end, begins, side="right")
    high = np.searchsorted(earliest_begin, ends, side="left")
    found = full & (low < high)
    return np.where(found[:, None], np.stack([low, high], axis=1), 0)


def align_states(states: np.ndarray, ranges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean of ``states`` (total, W) over each of ``ranges`` (M, 2): (M, W) float32, and which are not empty, (M,) bool.

    Empty ranges get zeros. ``states`` may be memory-mapped: only the rows in question are read.
    """
    counts = ranges[:, 1] - ranges[:, 0]
    starts = np.cumsum(counts) - counts
    rows = np.repeat(ranges[:, 0] - starts, counts) + np.arange(counts.sum())
    read = torch.from_numpy(states[rows].astype(np.float32))
    means = embedding_bag(torch.arange(len(read)), read, torch.from_numpy(starts), mode="mean")
    return means.numpy(), counts > 0


def _lay_out(spans: np.ndarray, lengths: np.ndarray, stride: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places = np.repeat(np.arange(len(lengths), dtype=np.int64) * stride, lengths)
    return spans[:, 0] + places, spans[:, 1] + places, spans[:, 0] < spans[:, 1]
