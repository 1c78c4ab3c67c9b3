"""The whole transfer set, through the stage and between processes."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from pipeline.settings.prepare import TransferSetConfig
from pipeline.text.augmentation import KINDS
from pipeline.text.deduplication import loose_key
from pipeline.text.ids import count_kinds, is_altered
from pipeline.text.transfer_set import build_transfer_set
from tests.text.conftest import ROOT

GOOD = "text,label\n" + "".join(f"a fine sentence number {row:02},{('bad', 'good')[row % 2]}\n" for row in range(60))
NONE = pd.DataFrame({"id": [], "text": []}, dtype=object)


def frame(prefix: str, *texts: str) -> pd.DataFrame:
    return pd.DataFrame({"id": [f"{prefix}{at}" for at in range(len(texts))], "text": texts}, dtype=object)


def test_it_begins_with_train_and_holds_no_held_out_text() -> None:
    train = frame("t", "good film indeed", "a bad play")
    held_out = frame("h", "Good film!", "bad PLAY", "a play")
    transfer_set = build_transfer_set(train, held_out, NONE, TransferSetConfig(copies=60))
    assert transfer_set["id"].tolist()[:2] == ["t0", "t1"]
    assert transfer_set["id"].is_unique
    assert transfer_set["text"].is_unique
    assert not {loose_key(text) for text in transfer_set["text"]} & {"goodfilm", "badplay", "aplay"}
    assert count_kinds(transfer_set["id"])["text"] == 2
    assert sum(count_kinds(transfer_set["id"]).values()) == len(transfer_set)


def test_train_then_unlabelled_then_copies_of_train_alone() -> None:
    train, unlabelled = (
        frame("t", "good film indeed", "a bad play"),
        frame("unlabelled/a.txt:", "more of it", "much more"),
    )
    config = TransferSetConfig(copies=14, kinds=list(KINDS))
    transfer_set = build_transfer_set(train, frame("h", "x"), unlabelled, config)
    assert list(transfer_set.columns) == ["id", "text"]
    assert transfer_set["text"].tolist()[:4] == [*train["text"], *unlabelled["text"]]
    assert is_altered(transfer_set["id"]).tolist() == [False] * 4 + [True] * (len(transfer_set) - 4)
    assert transfer_set["id"][4:].str.startswith("t").all()
    assert build_transfer_set(train, frame("h", "x"), NONE, TransferSetConfig(copies=0)).equals(train)


def test_the_stage_counts_what_became_of_the_unlabelled_rows(
    prepared_from: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data/unlabelled"
    folder.mkdir(parents=True)
    texts = [f"an unlabelled text number {row:02}" for row in range(30)]
    # The labelled rows themselves: each is a training text or held out.
    (folder / "more.txt").write_text("\n".join([*texts, *texts[:5], "x", *GOOD.replace(",", "\n").split("\n")[2::2]]))
    summary = prepared_from({"reviews.csv": GOOD})["transfer_set"]
    assert summary["kinds"]["text"] == 45
    assert summary["kinds"]["unlabelled"] == 30
    assert summary["rows"] == sum(summary["kinds"].values())
    assert summary["unlabelled"]["rows_in"] == 96
    assert summary["unlabelled"]["rows_kept"] == 30
    assert summary["unlabelled"]["refused"] == {"too_short": 1, "training_text": 45, "held_out": 15, "duplicate": 5}
    transfer_set = pd.read_parquet(tmp_path / "data/prepared/transfer.parquet")
    assert transfer_set["id"][45] == "unlabelled/more.txt:1"
    assert "96 unlabelled rows in, 30 kept; refused: too_short 1" in capsys.readouterr().out


def test_hash_randomisation_changes_no_byte(
    prepared_from: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "data/unlabelled"
    folder.mkdir(parents=True)
    rows = [json.dumps({"text": f"text {row} 好电影 of more than a few words {row % 7}"}) for row in range(200)]
    (folder / "more.jsonl").write_text("\n".join(rows))
    prepared_from({"reviews.csv": GOOD})
    params = (tmp_path / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(params.replace("[cut, mask, splice]", f"[{', '.join(KINDS)}]"))
    outputs = []
    for hash_seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-m", "pipeline.stages.prepare"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.fspath(ROOT), "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        outputs.append({path.name: path.read_bytes() for path in (tmp_path / "data/prepared").iterdir()})
    assert outputs[0] == outputs[1]
    kinds = json.loads(outputs[0]["summary.json"])["transfer_set"]["kinds"]
    assert set(kinds) == {"text", "unlabelled", *KINDS}
