"""The transfer set: the texts without labels that the teacher reads once, and students learn from."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.prepare import TransferSetConfig
from pipeline.text.augmentation import augment
from pipeline.text.deduplication import key_of
from pipeline.text.ids import count_kinds
from pipeline.text.pair_augmentation import augment_pairs
from pipeline.text.pairs import SECOND, TextOrPair, text_columns, texts_in, unfold
from pipeline.text.unlabelled import Unlabelled


def build_transfer_set(
    train: pd.DataFrame, held_out: pd.DataFrame, unlabelled: pd.DataFrame, config: TransferSetConfig
) -> pd.DataFrame:
    """Return ids and texts: those of train in their order, the unlabelled ones, then altered copies of train's.

    ``train`` and ``unlabelled`` have the columns id and text, and no text of ``held_out`` (column text); of pairs all
    have text_pair too. A copy that turned into one but for case and punctuation is left out. Longer runs need no
    search: a copy holds words of texts that may be learnt from, and of no others.
    """
    columns, ids = text_columns(train), train["id"].tolist()
    new_texts: Sequence[TextOrPair]
    if SECOND in columns:
        known, others = texts_in(train), texts_in(unlabelled)
        new_ids, new_texts = augment_pairs(known, ids, config.copies, config.kinds, config.seed, others)
    else:
        texts, more = train["text"].tolist(), unlabelled["text"].tolist()
        new_ids, new_texts = augment(texts, ids, config.copies, config.kinds, config.seed, more)
    measured = set(map(key_of, texts_in(held_out)))
    kept = np.array([key_of(text) not in measured for text in new_texts], dtype=bool)
    copies = pd.DataFrame({"id": new_ids, "text": new_texts}, dtype=object)[kept]
    if SECOND in columns:
        copies = unfold(copies)
    return pd.concat([train[["id", *columns]], unlabelled[["id", *columns]], copies], ignore_index=True)


def summarise_transfer_set(transfer_set: pd.DataFrame, unlabelled: Unlabelled) -> dict[str, Any]:
    """Return the rows, how many of each kind, and what became of the user's unlabelled rows."""
    kinds = count_kinds(transfer_set["id"])
    return {"rows": len(transfer_set), "kinds": kinds, "unlabelled": unlabelled.summary}
