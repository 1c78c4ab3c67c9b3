"""A student that guesses hidden tokens: what it is pretrained as, before it learns to classify.

Any architecture of this folder whose tokens' states look at their neighbours; its embeddings score the tokens, as in
Inan et al. 2017, "Tying Word Vectors and Word Classifiers: A Loss Framework for Language Modeling".
"""

from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedConfig, PreTrainedModel
from transformers.modeling_outputs import MaskedLMOutput

from pipeline.errors import GraftError
from pipeline.models.registry import PREFIX, configure, load_architecture

MODEL_TYPE = f"{PREFIX}masked"


class MaskedStudentConfig(PreTrainedConfig):
    """The configuration of the student inside, as a dict with its ``model_type``."""

    model_type = MODEL_TYPE

    student: dict[str, Any] | None = None

    def student_config(self) -> PreTrainedConfig:
        """Build the student's own configuration."""
        settings = dict(self.student or {})
        module = load_architecture(str(settings.pop("model_type", f"{PREFIX}bilstm")).removeprefix(PREFIX))
        return module.CONFIG(**settings)


class TokenScores(nn.Module):
    """Token states (B, T, width) to scores of the vocabulary, by their likeness to its embeddings (V, D)."""

    def __init__(self, width: int, embedding_size: int, vocab_size: int) -> None:
        super().__init__()
        self.transform = nn.Linear(width, embedding_size)
        self.norm = nn.LayerNorm(embedding_size)
        self.bias = nn.Parameter(torch.zeros(vocab_size))

    def forward(self, states: torch.Tensor, embeddings: torch.Tensor) -> torch.Tensor:
        """Return (B, T, V)."""
        states = self.norm(nn.functional.gelu(self.transform(states)))
        return nn.functional.linear(states, embeddings, self.bias)


class StudentForMaskedLM(PreTrainedModel):
    """A student, and the scores that its embeddings give the tokens."""

    config_class = MaskedStudentConfig
    base_model_prefix = "student"

    def __init__(self, config: MaskedStudentConfig) -> None:
        super().__init__(config)
        own = config.student_config()
        self.student = load_architecture(own.model_type.removeprefix(PREFIX)).MODEL(own)
        # No name of the student's own modules, which transformers would take for these.
        self.token_scores = TokenScores(self.student.token_width, own.embedding_size, own.vocab_size)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The student's embeddings."""
        return self.student.embedding

    def _init_weights(self, module: nn.Module) -> None:
        # The student initialises its own modules by its own scheme.
        if module is self.token_scores.transform:
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> MaskedLMOutput:
        """Score the vocabulary at every token: (B, T) to ``logits`` (B, T, V)."""
        states = self.student(input_ids=input_ids, attention_mask=attention_mask)["tokens"]
        return MaskedLMOutput(logits=self.token_scores(states, self.student.embedding.weight))


def masked_student_config(settings: dict[str, Any], vocab_size: int, pad_token_id: int) -> MaskedStudentConfig:
    """The configuration of a student to pretrain; ``settings`` are ``architecture`` and its own.

    Raises GraftError if a setting is unknown, or the architecture's tokens do not look at their neighbours.
    """
    settings = dict(settings)
    architecture = str(settings.pop("architecture"))
    own = configure(architecture, settings, vocab_size, pad_token_id)
    if not getattr(load_architecture(architecture).MODEL, "looks_around", False):
        raise GraftError(
            f"architecture is {architecture!r}, whose tokens see no neighbours to guess from; such as bilstm"
        )
    register()
    return MaskedStudentConfig(
        student={**own.to_diff_dict(), "model_type": own.model_type}, vocab_size=vocab_size, pad_token_id=pad_token_id
    )


def register() -> None:
    """Have transformers' Auto classes know such models."""
    AutoConfig.register(MODEL_TYPE, MaskedStudentConfig, exist_ok=True)
    AutoModelForMaskedLM.register(MaskedStudentConfig, StudentForMaskedLM, exist_ok=True)
