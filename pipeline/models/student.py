"""What the students that are written here have in common: configuration, weight initialisation, reading of pairs."""

from typing import Any

import torch
from huggingface_hub.dataclasses import strict
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from pipeline.models.outputs import PooledClassifierOutput, classifier_output


@strict
class StudentConfig(PreTrainedConfig):
    """Settings that every student has; ``vocab_size`` and ``pad_token_id`` come from its tokenizer.

    ``pairs`` comes from the task: whether two texts are read together.
    """

    vocab_size: int = 30522
    pad_token_id: int | None = 0
    embedding_size: int = 128
    word_dropout: float = 0.1
    dropout: float = 0.3
    pairs: bool = False

    def to_diff_dict(self) -> dict[str, Any]:
        """What is written to a file; of single texts it says nothing of pairs."""
        written: dict[str, Any] = super().to_diff_dict()
        if not written.get("pairs"):
            written.pop("pairs", None)
        return written

    def validate_sizes(self) -> None:
        """Refuse widths below 1 and shares outside 0 to 1 (the Hub's strict dataclasses call every validate_*)."""
        for name, value in vars(self).items():
            if name.endswith(("_size", "filters", "layers")) and isinstance(value, int) and value < 1:
                raise ValueError(f"{name} is {value}: must be at least 1")
            if name.endswith("dropout") and isinstance(value, (int, float)) and not 0 <= value < 1:
                raise ValueError(f"{name} is {value}: must be at least 0 and below 1")


class Comparison(nn.Module):
    """Two vectors as one that tells how they relate, from both, their distance and their product.

    Conneau et al. 2017, "Supervised Learning of Universal Sentence Representations from Natural Language Inference
    Data", section 3.1; Reimers & Gurevych 2019, "Sentence-BERT", section 3.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(4 * width, width)

    def forward(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Compare (B, D) with (B, D): (B, D)."""
        features = torch.cat([first, second, (first - second).abs(), first * second], dim=1)
        return nn.functional.gelu(self.hidden(features))


class StudentModel(PreTrainedModel):
    """A small classifier: ``forward(input_ids, attention_mask, labels=None)`` gives logits and ``pooled``.

    A student that defines ``read``, ``dropout`` and ``classifier``, and has a ``comparison`` where ``config.pairs``
    says so, reads pairs too: each text alone, with the same weights, and the classifier what their comparison says.
    """

    base_model_prefix = "student"
    embedding: nn.Embedding
    dropout: nn.Module
    classifier: nn.Module
    comparison: Comparison | None
    # Whether a token's state depends on the tokens around it, and so can guess one that is hidden.
    looks_around = False

    def read(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Make of (B, T) tokens, padded on the right, a vector of each text (B, D) and its tokens' states (B, T, W)."""
        raise NotImplementedError

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        labels: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
    ) -> PooledClassifierOutput:
        """Classify ``input_ids`` (B, T) under ``attention_mask`` (B, T), padded on the right.

        Of pairs ``token_type_ids`` (B, T) are 1 for the tokens of the second text, of which there is one at least, as
        there is of the first; without them a text is compared with itself.
        """
        if self.comparison is None:
            pooled, states = self.read(input_ids, attention_mask)
        elif token_type_ids is None:
            vectors, states = self.read(input_ids, attention_mask)
            pooled = self.comparison(vectors, vectors)
        else:
            pooled, states = self._compare(self.comparison, input_ids, attention_mask, token_type_ids)
        return classifier_output(self.classifier(self.dropout(pooled)), pooled, states, labels)

    def _compare(
        self,
        comparison: Comparison,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """What the two texts of each pair are beside one another, (B, D), and the states (B, T, W) of all tokens."""
        batch, length = input_ids.shape
        places = torch.arange(length, device=input_ids.device)
        first, seconds = attention_mask * (1 - token_type_ids), (attention_mask * token_type_ids).sum(1, keepdim=True)
        starts = first.sum(1, keepdim=True)
        # The second text moves to where a text begins; what then stands behind it is masked.
        moved = input_ids.gather(1, (places + starts).clamp(max=length - 1))
        mask = (places < seconds).to(attention_mask.dtype)
        ids, mask = torch.cat([input_ids, moved]), torch.cat([first, mask])
        if not torch.compiler.is_compiling():
            # Either text alone is shorter than both; a graph that is written has no size that hangs on values.
            length = int(mask.sum(1).max())
            ids, mask = ids[:, :length], mask[:, :length]
        vectors, states = self.read(ids, mask)
        spots = torch.stack([places.expand(batch, -1), places - starts]).clamp(min=0, max=length - 1)
        ahead, behind = (
            part.gather(1, spot.unsqueeze(-1).expand(-1, -1, states.shape[-1]))
            for part, spot in zip((states[:batch], states[batch:]), spots, strict=True)
        )
        joined = torch.where(token_type_ids.unsqueeze(-1) == 1, behind, ahead)
        return comparison(vectors[:batch], vectors[batch:]), joined

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
