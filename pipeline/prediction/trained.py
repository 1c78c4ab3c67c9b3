"""A model as training left it, in torch."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.utils.logging import disable_progress_bar

from pipeline.artifacts import read_json
from pipeline.deployment.classifier import answer, answer_texts
from pipeline.errors import GraftError
from pipeline.models.registry import load_model
from pipeline.task import task_of_model
from pipeline.text.pairs import TextOrPair
from pipeline.text.policy import Policy
from pipeline.tokens.encoding import check_knows_words, encode, load_tokenizer
from pipeline.training.prediction import predict

BATCH_TOKENS = 16384
POLICY = "text.json"


class TrainedClassifier:
    """A model and its tokenizer in memory; its probabilities are not calibrated."""

    threshold = None

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, policy: Policy) -> None:
        self.model, self.tokenizer, self.policy = model, tokenizer, policy
        self._task = task_of_model(model.config)
        self.task, self.labels, self.pairs = self._task.kind, self._task.labels, self._task.pairs

    def classify(self, texts: Iterable[TextOrPair]) -> Iterator[dict[str, Any]]:
        """Yield the answer to each text, with its ``text``, or ``text`` and why it is ``refused``."""
        said = partial(answer, self.task, self.labels, self.threshold)
        return answer_texts(texts, self._read, self.policy, said, self.pairs)

    def _read(self, texts: Sequence[TextOrPair]) -> np.ndarray:
        table, _ = encode(self.tokenizer, [""] * len(texts), texts, self.tokenizer.model_max_length)
        logits, _ = predict(self.model, table, self.tokenizer.pad_token_id, BATCH_TOKENS, "fp32", title=None)
        return self._task.answers(logits)


def load_trained(folder: Path, threads: int | None = None) -> TrainedClassifier:
    """Load what a stage saved in ``folder``; ``threads`` are torch's, all cores by default."""
    disable_progress_bar()
    if threads is not None:
        torch.set_num_threads(threads)
    tokenizer = load_tokenizer(folder)
    check_knows_words(tokenizer, folder)
    return TrainedClassifier(load_model(folder), tokenizer, read_policy(folder))


def read_policy(folder: Path) -> Policy:
    """Return the policy of a trained model: ``text.json`` beside it, else what ``prepare`` left in its project.

    Not params.yaml's, which may have changed since. GraftError if there is neither.
    """
    projects = [parent.parent for parent in folder.resolve().parents if parent.name == "models"]
    places = [folder / POLICY, *(project / "data/prepared" / POLICY for project in projects)]
    for place in places:
        if place.is_file():
            try:
                return Policy.of(read_json(place))
            except (ValueError, TypeError, KeyError) as error:
                raise GraftError(
                    f"{place} cannot be read ({error}); run `dvc repro prepare`, which writes it"
                ) from None
    raise GraftError(
        f"{folder}: which policy its texts were prepared with is not known; run `dvc repro prepare`, or copy "
        f"data/prepared/{POLICY} of the project it was trained in beside it"
    )
