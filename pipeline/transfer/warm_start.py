"""Student embeddings from a teacher: every token of the student read through the teacher, then reduced.

After Minish's model2vec (Tulkens & van Dongen 2024), which reads the teacher's own vocabulary; here the
vocabulary is the student's, whatever its tokenizer, and the teacher is the fine-tuned one.
"""

import numpy as np
import torch
from transformers import PreTrainedTokenizerFast

from pipeline.models.student import StudentModel
from pipeline.tokens.table import TokenTable

# Standard deviation of a warm-started embedding's values, that of the random initialisation.
SCALE = 0.1


def warm_start(model: StudentModel, vectors: np.ndarray, counts: np.ndarray) -> int:
    """Start ``model``'s embeddings from the teachers' ``vectors`` (V, D) of its vocabulary; return how many values."""
    reduced = reduce_vectors(vectors, counts, model.config.embedding_size)
    model.warm_start(torch.from_numpy(reduced), sif_scores(counts))
    return int(reduced.size)


def token_texts(tokenizer: PreTrainedTokenizerFast) -> list[str]:
    """The text that each token id of ``tokenizer`` stands for; "" for special tokens and for parts of a character."""
    special = set(tokenizer.all_special_ids)
    prefix = getattr(tokenizer.backend_tokenizer.model, "continuing_subword_prefix", None) or ""
    words = [tokenizer.decode([token], clean_up_tokenization_spaces=False) for token in range(len(tokenizer))]
    # The decoder writes the replacement character for bytes that make up no whole character.
    texts = [word.removeprefix(prefix).replace("\ufffd", "").strip() for word in words]
    return ["" if token in special else text for token, text in enumerate(texts)]


def token_counts(table: TokenTable, vocab_size: int) -> np.ndarray:
    """How often each token occurs in ``table``, (V,) int64."""
    return np.bincount(table.input_ids, minlength=vocab_size)[:vocab_size]


def reduce_vectors(vectors: np.ndarray, counts: np.ndarray, width: int) -> np.ndarray:
    """Project (V, D) vectors on their ``width`` principal components, tokens weighted by √(count + 1): (V, width).

    Rows that are zero (tokens that stand for no text) stay zero. Where ``width`` exceeds D, the further
    columns are zero. The result is scaled to the standard deviation ``SCALE`` over the other rows.
    """
    known = np.abs(vectors).sum(axis=1) > 0
    weights = np.sqrt(counts[known] + 1.0)
    weights /= weights.sum()
    rows = vectors[known].astype(np.float64)
    rows -= weights @ rows
    _, directions = np.linalg.eigh((rows * weights[:, None]).T @ rows)
    directions = directions[:, ::-1][:, : min(width, rows.shape[1])]
    # An eigenvector's sign is arbitrary; its largest entry is made positive so that every machine agrees.
    directions *= np.sign(directions[np.abs(directions).argmax(axis=0), range(directions.shape[1])])
    projected = rows @ directions
    spread = projected.std()
    result = np.zeros((len(vectors), width), np.float32)
    result[known, : projected.shape[1]] = projected * (SCALE / spread) if spread > 0 else 0
    return result


def sif_scores(counts: np.ndarray, smoothing: float = 1e-3) -> torch.Tensor:
    """log(a / (a + p)) of each token's share p of the text, (V,): the softmax of a mean over tokens then weighs by SIF.

    Arora et al. 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", eq. 3.
    """
    share = counts / max(int(counts.sum()), 1)
    return torch.from_numpy(np.log(smoothing / (smoothing + share))).float()
