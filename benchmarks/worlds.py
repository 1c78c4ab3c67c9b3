"""``python -m benchmarks.worlds``: two processes beside one, on the same texts of this project.

The first teacher, the signals of its texts, and a student with its control are made from the first ``--texts`` of the
transfer set, those training texts that are among them and as many of validation, each stage once by a lone process and
once by two of torch.distributed.run on this machine, a thread each. Printed for each stage: the seconds that training
or reading took by the stage's own line, their ratio, and what came of it: whether the signals are the same bytes (both
read with the teacher of the lone process), and macro-F1 on the test split with its bootstrap interval.

Needs the outputs of ``dvc repro``, of which it changes none: it works in ``.bench/worlds``.
"""

import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

from benchmarks.scratch import scratch_folder, with_code
from benchmarks.strategies_worker import measure
from benchmarks.tables import markdown_table, ratio, seconds
from pipeline.artifacts import read_parquet, required
from pipeline.errors import GraftError
from pipeline.models.registry import load_model
from pipeline.params import Params, load_params
from pipeline.report.numbers import score
from pipeline.settings.evaluate import EvaluateConfig
from pipeline.task import task_of_model
from pipeline.text.pairs import texts_in
from pipeline.tokens.encoding import encode, load_tokenizer
from pipeline.tokens.table import read_tokens, slice_rows, write_tokens

HEADINGS = ("stage", "one process", "two processes", "speed", "one: macro-F1", "two: macro-F1", "the same")
TRAINED = re.compile(r"checkpoints took [\d.]+ of ([\d.]+) seconds")
READ = re.compile(r": ([\d,]+) texts read, ([\d,]+) a second")


@dataclass(frozen=True)
class Job:
    """What is run: so many texts, with which teacher and student, for so many steps of the student."""

    teacher: str
    student: str
    texts: int
    steps: int


def main() -> None:
    """Run the stages in both worlds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=2000, help="of the transfer set")
    parser.add_argument("--steps", type=int, default=200, help="of the student and its control")
    parser.add_argument("--student", help="the first of params.yaml without it")
    words = parser.parse_args()
    params = load_params()
    job = Job(next(iter(params.teachers)), words.student or next(iter(params.students)), words.texts, words.steps)
    if job.student not in params.students:
        raise GraftError(f"--student is {job.student}; params.yaml has {', '.join(params.students)}")
    folders = [prepare(job, params, scratch_folder("worlds") / str(world)) for world in (1, 2)]
    table = [compare(stage, name, folders, params.evaluate) for stage, name in stages(job)]
    print(f"{job.texts:,} texts, {job.steps} steps of {job.student}, a thread each\n")
    print(markdown_table(HEADINGS, table))


def stages(job: Job) -> list[tuple[str, str]]:
    """The stages in their order, and whom they are for."""
    return [("finetune", job.teacher), ("teach", job.teacher), ("transfer", job.student), ("control", job.student)]


def prepare(job: Job, params: Params, folder: Path) -> Path:
    """Lay out in ``folder`` what the stages read, with few texts; return it."""
    shutil.rmtree(folder, ignore_errors=True)
    names = {params.teachers[job.teacher].tokenizer, params.students[job.student].tokenizer}
    for name in sorted(names):
        source, target = Path("data/tokenized") / name, folder / "data/tokenized" / name
        transfer, train = (read_tokens(source / f"{split}.arrow") for split in ("transfer", "train"))
        kept = np.arange(min(job.texts, len(transfer)))
        ids = set(transfer.ids.take(kept).to_pylist())
        labelled = np.flatnonzero([each in ids for each in train.ids.to_pylist()])
        if not len(labelled):
            raise GraftError(f"none of the first {job.texts:,} texts of the transfer set has a label; take more")
        write_tokens(target / "transfer.arrow", slice_rows(transfer, kept))
        write_tokens(target / "train.arrow", slice_rows(train, labelled))
        validation = read_tokens(source / "validation.arrow")
        write_tokens(target / "validation.arrow", slice_rows(validation, np.arange(min(job.texts, len(validation)))))
        shutil.copytree(source / "tokenizer", target / "tokenizer")
        if Path("models/vocabulary", name).exists():
            shutil.copytree(Path("models/vocabulary", name), folder / "models/vocabulary" / name)
    for name in ("data/prepared/labels.json", f"models/pretrained/{params.teachers[job.teacher].pretrained}"):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if Path(name).is_dir() else shutil.copy)(required(Path(name)), target)
    yaml = YAML()
    values = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    values["teachers"] = {job.teacher: values["teachers"][job.teacher]}
    values["students"] = {job.student: values["students"][job.student]}
    values["students"][job.student].setdefault("budget", {})["steps"] = job.steps
    # Two processes would else have one shard between them.
    values["teach"]["shard_texts"] = max(1, job.texts // 8)
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    return folder


def compare(stage: str, name: str, folders: list[Path], evaluate: EvaluateConfig) -> list[str]:
    """Run a stage in both worlds; return its row of the table."""
    took = [run(stage, name, world, folder) for world, folder in zip((1, 2), folders, strict=True)]
    head = [stage, *map(seconds, took), ratio(took[0] / took[1])]
    if stage == "teach":
        return [*head, "", "", f"signals: {difference(*(folder / 'signals' / name for folder in folders))}"]
    kind = {"finetune": "teacher", "transfer": "students", "control": "controls"}[stage]
    found = [figures(folder, kind, name, evaluate) for folder in folders]
    if stage == "finetune":
        # Both worlds teach with one teacher, or there would be nothing to compare.
        shutil.rmtree(folders[1] / "models/teacher")
        shutil.copytree(folders[0] / "models/teacher", folders[1] / "models/teacher")
    inside = found[0][1] <= found[1][0] <= found[0][2]
    shown = [f"{score(value)} ({score(low)} to {score(high)})" for value, low, high in found]
    return [*head, *shown, "within the interval" if inside else "outside the interval"]


def run(stage: str, name: str, world: int, folder: Path) -> float:
    """Run a stage in ``folder`` with ``world`` processes; return the seconds by its own line."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(world)] if world > 1 else []
    command = [sys.executable, *launcher, "-m", f"pipeline.stages.{stage}", name]
    environment = with_code() | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise GraftError(f"{stage} with {world} processes failed: {' '.join(done.stderr.split())[-500:]}")
    if found := TRAINED.search(done.stdout):
        return float(found[1])
    found = READ.search(done.stdout)
    assert found is not None, done.stdout
    texts, each = (float(value.replace(",", "")) for value in found.groups())
    return texts / each


def difference(one: Path, other: Path) -> str:
    """Whether two folders of signals hold the same bytes, else the largest difference of the logits."""
    files = sorted(path.name for path in one.iterdir())
    if all((one / file).read_bytes() == (other / file).read_bytes() for file in files):
        return "the same bytes"
    return f"logits differ by {np.abs(np.load(one / 'logits.npy') - np.load(other / 'logits.npy')).max():.2g} at most"


def figures(folder: Path, kind: str, name: str, evaluate: EvaluateConfig) -> tuple[float, float, float]:
    """Macro-F1, or what the task is measured by, of a model on the test split, and the ends of its interval."""
    trained = folder / "models" / kind / name
    model, tokenizer = load_model(trained), load_tokenizer(trained)
    test = read_parquet(Path("data/prepared/test.parquet"))
    table, _ = encode(tokenizer, test["id"].tolist(), texts_in(test), tokenizer.model_max_length)
    targets = task_of_model(model.config).targets(test["label"])
    value, low, high = measure(model, table, targets, tokenizer.pad_token_id, evaluate)
    return value, low, high


if __name__ == "__main__":
    try:
        main()
    except GraftError as error:
        sys.exit(f"graft: {error}")
