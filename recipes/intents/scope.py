"""``python -m recipes.intents.scope DIR``: Banking77 with some of its intents left out, and texts to refuse.

DIR holds the tables ``train`` and ``test`` with the columns ``text`` and ``label``. What the recipe learns from goes to
``data/local/intents``: both tables without the rows of the intents that are held out. Texts that no label fits go to
``data/local/out_of_scope``, where no stage looks: ``near.csv``, the test texts of the held-out intents, and
``far.csv``, sentences of the VADER study, which have nothing to do with a bank.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from pipeline.artifacts import write_csv
from pipeline.errors import GraftError
from pipeline.fetching.vader import download_vader
from pipeline.settings.data import FileData, VaderData
from pipeline.text.sources import read_rows

KNOWN, UNKNOWN = Path("data/local/intents"), Path("data/local/out_of_scope")

# As many as Zhang et al. hold out of Banking77 (README.md); which ones is drawn anew.
HELD_OUT, SEED = 27, 7
FAR_TEXTS = 2000


def main() -> None:
    """Read the command line, write the tables."""
    parser = argparse.ArgumentParser(prog="python -m recipes.intents.scope", description="Leave some intents out.")
    parser.add_argument("data", type=Path, metavar="DIR", help="holds the tables train and test: text, label")
    try:
        write_scope(parser.parse_args().data, Path())
    except GraftError as error:
        sys.exit(f"graft: intents: {error}")


def write_scope(data: Path, root: Path, held_out: int = HELD_OUT) -> None:
    """Write the tables of both folders under ``root``; GraftError if ``data`` does not hold what is needed."""
    rows = read_rows(data, FileData(source="file", path=str(data), text="text", label="label")).frame
    if missing := {"train", "test"} - set(rows["split"]):
        raise GraftError(f"{data} holds no {min(missing)} table; put train.csv and test.csv there")
    rows = rows.dropna(subset=["text", "label"])
    left_out = rows["label"].isin(draw_intents(rows["label"], held_out))
    for split in ("train", "test"):
        known = rows.loc[~left_out & (rows["split"] == split), ["text", "label"]]
        write_csv(root / KNOWN / f"{split}.csv", known)
    write_csv(root / UNKNOWN / "near.csv", rows.loc[left_out & (rows["split"] == "test"), ["text", "label"]])
    write_csv(root / UNKNOWN / "far.csv", pd.DataFrame({"text": far_texts()}))


def draw_intents(labels: Iterable[str], number: int) -> list[str]:
    """Return ``number`` of the intents, in order; GraftError unless two are left to tell apart."""
    intents = sorted(set(labels))
    if number > len(intents) - 2:
        raise GraftError(f"{len(intents)} intents are too few to hold {number} of them out and tell the others apart")
    return sorted(np.random.default_rng(SEED).permutation(intents)[:number].tolist())


def far_texts() -> list[str]:
    """Sentences of the VADER study from the package index; the same ones each time."""
    with tempfile.TemporaryDirectory() as temporary:
        download_vader(Path(temporary))
        texts = read_rows(Path(temporary), VaderData(source="vader")).frame["text"].drop_duplicates()
    return texts.sample(min(FAR_TEXTS, len(texts)), random_state=SEED).tolist()


if __name__ == "__main__":
    main()
