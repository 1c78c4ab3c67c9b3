"""``python -m pipeline.stages.pretrain NAME``: a masked language model from text without labels.

Reads ``pretraining.NAME``, its tokenizer, the texts of the transfer set that are no altered copies (none of them is of
the validation or the test split) and, where ``source`` is the folder of a pretrained model, that model, which then
goes on; else weights start at random. Writes ``models/pretrained/NAME/``: weights,
configuration, tokenizer, ``curve.csv`` and ``training.json`` with the bits per byte of texts that were held out.
A killed run goes on from its last checkpoint.
"""

from pathlib import Path

from pipeline.artifacts import read_parquet
from pipeline.models.masked import load_masked_model, new_masked_model
from pipeline.pretraining.masking import Masks
from pipeline.pretraining.measure import bits_per_byte
from pipeline.pretraining.packing import hold_out, pack
from pipeline.pretraining.trainer import pretrain
from pipeline.settings.base import TRANSFER_SET
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.stages.entry import run
from pipeline.text.ids import unaltered_texts
from pipeline.tokens.encoding import load_tokenizer
from pipeline.training.checkpoints import unfinished_work
from pipeline.training.folder import publish_model
from pipeline.training.machine import seed_everything
from pipeline.training.ranks import is_main_rank
from pipeline.training.together import say


class Settings(Sections):
    """What this stage reads of params.yaml."""

    pretraining: dict[str, PretrainingConfig]


def main(name: str) -> None:
    """Pretrain ``name``."""
    config = read_sections(Settings).section("pretraining", name)
    folder, source = Path("data/tokenized") / config.tokenizer / "tokenizer", Path(config.source)
    tokenizer = load_tokenizer(folder)
    masks = Masks.of(tokenizer, config)
    texts = unaltered_texts(read_parquet(Path(TRANSFER_SET)))
    train, held_out = (pack(tokenizer, part, config.length) for part in hold_out(texts, config.held_out, config.seed))
    seed_everything(config.seed)
    if config.is_new:
        model = new_masked_model(config.config, tokenizer, config.length)
    else:
        model = load_masked_model(source, tokenizer, config.length)
    say(
        f"pretrain@{name}: {len(train):,} sequences of {config.length} tokens, {train.tokens:,} tokens in all; "
        f"{held_out.bytes:,} bytes of text are held out"
    )
    inputs = {Path(TRANSFER_SET), folder, source}
    with unfinished_work(f"pretrain@{name}", {"pretraining": config}, inputs) as work:
        trained = pretrain(model, train, held_out, masks, config, work)
        bits = 0.0
        if is_main_rank():
            bits = bits_per_byte(trained.model, held_out, masks.mask_token_id, config.batch_size)
        trained.summary.update(
            bits_per_byte=round(bits, 6), held_out_bytes=held_out.bytes, texts=len(texts), tokens=train.tokens
        )
        publish_model(Path("models/pretrained") / name, trained, tokenizer)
    say(f"pretrain@{name}: {bits:.3f} bits per byte; {trained.course}")


if __name__ == "__main__":
    run(main, distributed=True)
