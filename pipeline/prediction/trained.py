"""A model as training left it, in torch."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from pipeline.deployment.runtime import answer, answer_texts
from pipeline.models.registry import load_model
from pipeline.task import task_of_model
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.training.prediction import predict

BATCH_TOKENS = 16384


class TrainedClassifier:
    """A model and its tokenizer in memory; its probabilities are not calibrated."""

    threshold = None

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
        self.model, self.tokenizer = model, tokenizer
        self._task = task_of_model(model.config)
        self.task, self.labels = self._task.kind, self._task.labels

    def classify(self, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Yield the answer to each text, with its ``text``, or ``text`` and why it is ``refused``."""
        return answer_texts(texts, self._read, partial(answer, self.task, self.labels, self.threshold))

    def _read(self, texts: Sequence[str]) -> np.ndarray:
        table, _ = encode(self.tokenizer, [""] * len(texts), texts, self.tokenizer.model_max_length)
        logits, _ = predict(self.model, table, self.tokenizer.pad_token_id, BATCH_TOKENS, "fp32", title=None)
        return self._task.answers(logits)


def load_trained(folder: Path, threads: int | None = None) -> TrainedClassifier:
    """Load what a stage saved in ``folder``; ``threads`` are torch's, all cores by default."""
    disable_progress_bar()
    if threads is not None:
        torch.set_num_threads(threads)
    return TrainedClassifier(load_model(folder), load_tokenizer(folder))
