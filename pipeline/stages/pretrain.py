"""``python -m pipeline.stages.pretrain NAME``: a masked language model from text without labels.

Reads ``pretraining.NAME``, its tokenizer, the texts of the transfer set that are no altered copies (none of them is of
the validation or the test split) and, where ``source`` is the folder of a pretrained model, that model, which then
goes on; else weights start at random. Writes ``models/pretrained/NAME/``: weights,
configuration, tokenizer, ``curve.csv`` and ``training.json`` with the bits per byte of texts that were held out.
A killed run goes on from its last checkpoint.
"""

from pathlib import Path

import numpy as np

from pipeline.artifacts import read_parquet
from pipeline.configs import TRANSFER_SET
from pipeline.errors import GraftError
from pipeline.models.masked import load_masked_model, new_masked_model
from pipeline.params import load_params
from pipeline.pretraining.masking import Masks
from pipeline.pretraining.measure import bits_per_byte
from pipeline.pretraining.packing import pack
from pipeline.pretraining.trainer import pretrain
from pipeline.stages.entry import run
from pipeline.text.ids import is_altered
from pipeline.tokens.encoding import load_tokenizer
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything


def main(name: str) -> None:
    """Pretrain ``name``."""
    config = load_params().section("pretraining", name)
    folder = Path("data/tokenized") / config.tokenizer / "tokenizer"
    tokenizer = load_tokenizer(folder)
    if tokenizer.mask_token_id is None:
        raise GraftError(f"the tokenizer {config.tokenizer} has no mask token; take one of a masked language model")
    frame = read_parquet(Path(TRANSFER_SET))
    texts = frame["text"][~is_altered(frame["id"])].tolist()
    order = np.random.default_rng(config.seed).permutation(len(texts))
    first = max(1, round(len(texts) * config.held_out))
    held_out, train = (pack(tokenizer, [texts[at] for at in part], config.length)
                       for part in (order[:first], order[first:]))  # fmt: skip
    special = set(tokenizer.all_special_ids)
    ordinary = np.array([token for token in range(len(tokenizer)) if token not in special], np.int32)
    masks = Masks(config.masking, config.rate, tokenizer.mask_token_id, ordinary)
    seed_everything(config.seed)
    if config.source == TRANSFER_SET:
        model = new_masked_model(config.config, tokenizer, config.length)
    else:
        model = load_masked_model(Path(config.source), tokenizer, config.length)
    print(
        f"pretrain@{name}: {len(train):,} sequences of {config.length} tokens, {train.tokens:,} tokens of "
        f"{len(texts) - first:,} texts; {held_out.bytes:,} bytes of {first:,} texts are held out"
    )
    inputs = [Path(TRANSFER_SET), folder, *([] if config.source == TRANSFER_SET else [Path(config.source)])]
    with unfinished_work(f"pretrain@{name}", {"pretraining": config}, inputs) as work:
        trained = pretrain(model, train, held_out, masks, config, work)
        bits = bits_per_byte(trained.model, held_out, masks.mask_token_id, config.batch_size)
        trained.summary.update(bits_per_byte=round(bits, 6), held_out_bytes=held_out.bytes, tokens=train.tokens)
        publish_model(Path("models/pretrained") / name, trained, tokenizer)
    print(f"pretrain@{name}: {bits:.3f} bits per byte; {trained.course}")


if __name__ == "__main__":
    run(main)
