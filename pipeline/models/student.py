"""What the students that are written here have in common: configuration and weight initialisation."""

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel


@strict
class StudentConfig(PreTrainedConfig):
    """Settings that every student has; ``vocab_size`` and ``pad_token_id`` come from its tokenizer."""

    vocab_size: int = 30522
    pad_token_id: int | None = 0
    embedding_size: int = 128
    word_dropout: float = 0.1
    dropout: float = 0.3

    def validate_sizes(self) -> None:
        """Refuse widths below 1 and shares outside 0 to 1 (the Hub's strict dataclasses call every validate_*)."""
        for name, value in vars(self).items():
            if name.endswith(("_size", "filters", "layers")) and isinstance(value, int) and value < 1:
                raise ValueError(f"{name} is {value}: must be at least 1")
            if name.endswith("dropout") and isinstance(value, (int, float)) and not 0 <= value < 1:
                raise ValueError(f"{name} is {value}: must be at least 0 and below 1")


class StudentModel(PreTrainedModel):
    """A small classifier: ``forward(input_ids, attention_mask, labels=None)`` gives logits and ``pooled``."""

    base_model_prefix = "student"
    embedding: nn.Embedding
    # Whether a token's state depends on the tokens around it, and so can guess one that is hidden.
    looks_around = False

    @property
    def token_width(self) -> int:
        """Values in a token's state, ``tokens`` of what ``forward`` returns."""
        return int(self.config.embedding_size)

    def warm_start(self, vectors: torch.Tensor, scores: torch.Tensor) -> None:
        """Start the embeddings from ``vectors`` (V, embedding_size).

        ``scores`` (V,) is the logarithm of each token's weight in a mean, for students that have a use for it.
        """
        with torch.no_grad():
            self.embedding.weight.copy_(vectors)

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx])
        elif isinstance(module, (nn.Linear, nn.Conv1d)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.LSTM):
            for name, weight in module.named_parameters():
                if name.startswith("weight_hh"):
                    nn.init.orthogonal_(weight)
                elif name.startswith("weight_ih"):
                    nn.init.xavier_uniform_(weight)
                else:
                    nn.init.zeros_(weight)
        elif isinstance(module, nn.LayerNorm):
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
