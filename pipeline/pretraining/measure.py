"""How well a masked language model knows a text, in bits per byte: comparable across tokenizers.

Every token is guessed once from what stands around it (the pseudo-likelihood of Salazar et al. 2020, "Masked Language
Model Scoring", section 2.3), but several at a time: one in ``STRIDE`` is hidden, as in training. It is no code length:
the model sees both sides of what it guesses.
"""

import numpy as np
import torch
from transformers import PreTrainedModel

from pipeline.pretraining.guessing import guess, reads_alone
from pipeline.pretraining.packing import NO_WORD, Packed
from pipeline.training.machine import device

STRIDE = 7

# What a byte costs that the tokenizer has lost: it could be any.
LOST = 8.0


def bits_per_byte(model: PreTrainedModel, packed: Packed, mask_token_id: int, batch_size: int) -> float:
    """Bits per byte of the texts in ``packed``, bytes that were read as the unknown token at ``LOST`` bits each."""
    place = device()
    model = model.to(place).eval()
    bits = LOST * packed.bytes_unknown
    alone: bool | None = None
    with torch.inference_mode():
        for start in range(0, len(packed), batch_size):
            rows = slice(start, start + batch_size)
            ids, words = packed.input_ids[rows].astype(np.int64), packed.words[rows]
            own = words != NO_WORD
            turn = np.cumsum(own, axis=1) % STRIDE
            attention = torch.from_numpy((ids != packed.pad_token_id).astype(np.int64)).to(place)
            if alone is None:
                alone = reads_alone(model, torch.from_numpy(ids).to(place), attention)
            for at in range(STRIDE):
                asked = own & (turn == at)
                if not asked.any():
                    continue
                read = torch.from_numpy(np.where(asked, mask_token_id, ids)).to(place)
                logits = guess(model, read, attention, torch.from_numpy(asked).to(place), alone)
                right = torch.from_numpy(ids[asked]).to(place)
                bits += float(torch.nn.functional.cross_entropy(logits.float(), right, reduction="sum")) / np.log(2)
    return bits / packed.bytes
