"""The transfer set: the texts without labels that the teacher reads once, and students learn from."""

from typing import Any

import numpy as np
import pandas as pd

from pipeline.settings.prepare import TransferSetConfig
from pipeline.text.augmentation import augment
from pipeline.text.deduplication import loose_key
from pipeline.text.ids import count_kinds
from pipeline.text.unlabelled import Unlabelled


def build_transfer_set(
    train: pd.DataFrame, held_out: pd.DataFrame, unlabelled: pd.DataFrame, config: TransferSetConfig
) -> pd.DataFrame:
    """Return ids and texts: those of train in their order, the unlabelled ones, then altered copies of train's.

    ``train`` and ``unlabelled`` have the columns id and text, and no text of ``held_out`` (column text). A copy that
    turned into one but for case and punctuation is left out. Longer runs need no search: a copy holds words of texts
    that may be learnt from, and of no others.
    """
    ids, texts = train["id"].tolist(), train["text"].tolist()
    new_ids, new_texts = augment(texts, ids, config.copies, config.kinds, config.seed, unlabelled["text"].tolist())
    measured = {loose_key(text) for text in held_out["text"]}
    copies = pd.DataFrame({"id": new_ids, "text": new_texts}, dtype=object)
    kept = np.array([loose_key(text) not in measured for text in new_texts], dtype=bool)
    return pd.concat([train[["id", "text"]], unlabelled[["id", "text"]], copies[kept]], ignore_index=True)


def summarise_transfer_set(transfer_set: pd.DataFrame, unlabelled: Unlabelled) -> dict[str, Any]:
    """Return the rows, how many of each kind, and what became of the user's unlabelled rows."""
    kinds = count_kinds(transfer_set["id"])
    return {"rows": len(transfer_set), "kinds": kinds, "unlabelled": unlabelled.summary}
