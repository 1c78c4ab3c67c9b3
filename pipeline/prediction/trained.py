"""A model as training left it, in torch."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from pipeline.deployment.runtime import answer_texts
from pipeline.models.registry import load_model
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.training.prediction import predict, softmax

BATCH_TOKENS = 16384


class TrainedClassifier:
    """A model and its tokenizer in memory; its probabilities are not calibrated."""

    threshold = None

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.labels: list[str] = [model.config.id2label[at] for at in range(model.config.num_labels)]

    def classify(self, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield ``text``, ``label`` and ``probabilities`` of each text, or ``text`` and why it is ``refused``."""
        return answer_texts(texts, self.labels, self._read)

    def _read(self, texts: Sequence[str]) -> np.ndarray:
        table, _ = encode(self.tokenizer, [""] * len(texts), texts, self.tokenizer.model_max_length)
        logits, _ = predict(self.model, table, self.tokenizer.pad_token_id, BATCH_TOKENS, "fp32", title=None)
        return softmax(logits)


def load_trained(folder: Path, threads: int | None = None) -> TrainedClassifier:
    """Load what a stage saved in ``folder``; ``threads`` are torch's, all cores by default."""
    disable_progress_bar()
    if threads is not None:
        torch.set_num_threads(threads)
    return TrainedClassifier(load_model(folder), load_tokenizer(folder))
