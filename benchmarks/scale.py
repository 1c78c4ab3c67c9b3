"""Time and memory of the stages over more and more rows: time grows with them, memory must not.

    python -m benchmarks.scale --rows 10000,100000,1000000

Of so many rows a fifth has no labels; one row in fifty is a copy of another. They go through prepare, tokenize, teach,
evaluate and predict, each in a process of its own, with a tiny teacher of random weights. Status 1 if the time of a
stage grows faster than the rows to the power of 1.05, or if its memory over the most rows is more than 1.2 times
that over the next most. Memory is what the process held alone, and in brackets with the pages of files, which the
system takes back when it needs them.
"""

import argparse
import csv
import math
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import psutil
from ruamel.yaml import YAML

from benchmarks.scratch import scratch_folder, with_code
from benchmarks.tables import markdown_table
from pipeline.artifacts import publish
from pipeline.errors import GraftError

STEEPEST, LIMIT = 1.05, 1.2
LABELS = ("bad", "good", "mixed")
UNLABELLED, COPIES = 5, 50
PAUSE = 0.02
STAGES = {
    "prepare": ("pipeline.stages.prepare",),
    "tokenize": ("pipeline.stages.tokenize", "minilm"),
    "teach": ("pipeline.stages.teach", "minilm"),
    "evaluate": ("pipeline.stages.evaluate", "teacher"),
    "predict": ("pipeline.predict", "models/teacher/minilm", "--input", "rows.csv", "--output", "answers.csv"),
}


@dataclass(frozen=True)
class Run:
    """The processor's seconds of a run and of its imports alone; the most megabytes it held: its own, with files."""

    seconds: float
    start: float
    own: float
    resident: float


def make_text(row: int, label: str) -> str:
    """Return the text of ``row``: words of a made-up language, rare and common ones, of which some tell the label."""
    source = Random(row)
    # Zipf's law: the word of rank r is drawn with a probability of about 1 / r.
    words = [_word(int(math.exp(source.random() * 10))) for _ in range(3 + int(source.expovariate(1 / 14)))]
    words.insert(source.randrange(len(words)), f"{label}{source.randrange(40)}")
    return " ".join(words).capitalize() + source.choice((".", "!", " ...", ""))


def _word(rank: int) -> str:
    """Spell a number in syllables: the commonest words are the shortest."""
    word = ""
    while rank:
        rank, at = divmod(rank, 60)
        word += "bdfgklmnprst"[at // 5] + "aeiou"[at % 5]
    return word or "a"


def make_rows(rows: int) -> Iterator[tuple[str, str]]:
    """Yield texts and labels; one in ``COPIES`` is a copy of an earlier row."""
    for row in range(rows):
        origin = row // COPIES // 2 * COPIES if row % COPIES == COPIES - 1 else row
        label = LABELS[origin % len(LABELS)]
        yield make_text(origin, label), label


def set_up(folder: Path, rows: int) -> None:
    """Make of ``folder`` a project with ``rows`` rows that is about to be prepared."""
    from pipeline.models.encoder import EncoderConfig, EncoderForSequenceClassification
    from pipeline.task import Task
    from pipeline.tokens.training import train_tokenizer
    from pipeline.training.machine import seed_everything

    yaml = YAML()
    values = yaml.load(Path("params.yaml").read_text(encoding="utf-8"))
    values["data"] = {"source": "file", "path": "rows.csv", "text": "text", "label": "label"}
    values["transfer_set"].update(texts=rows, copies=1)
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(values, stream)
    for name in ("data/raw", "data/unlabelled", "models/pretrained", "models/teacher"):
        (folder / name).mkdir(parents=True)
    labelled = rows - rows // UNLABELLED
    with (
        (folder / "data/raw/data.csv").open("w", encoding="utf-8", newline="") as some,
        (folder / "rows.csv").open("w", encoding="utf-8", newline="") as every,
        (folder / "data/unlabelled/more.txt").open("w", encoding="utf-8") as unlabelled,
    ):
        csv.writer(some).writerow(("text", "label"))
        csv.writer(every).writerow(("text",))
        for row, (text, label) in enumerate(make_rows(rows)):
            csv.writer(every).writerow((text,))
            if row < labelled:
                csv.writer(some).writerow((text, label))
            else:
                unlabelled.write(f"{text}\n")
    seed_everything(0)
    tokenizer = train_tokenizer([text for text, _ in make_rows(5000)], "words", 8000)
    tokenizer.model_max_length = 96
    encoder = {
        "model_type": "bert",
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "max_position_embeddings": 128,
    }
    config = EncoderConfig(encoder=encoder)
    Task("single_label", sorted(LABELS)).describe(config)
    tokenizer.save_pretrained(str(folder / "models/pretrained/minilm"))
    tokenizer.save_pretrained(str(folder / "models/teacher/minilm"))
    EncoderForSequenceClassification(config).save_pretrained(str(folder / "models/teacher/minilm"))


def measure(folder: Path, words: Sequence[str]) -> Run:
    """Run a module with the working directory ``folder``; GraftError if it fails."""
    began = _spent()
    subprocess.run([sys.executable, "-c", f"import {words[0]}"], cwd=folder, env=with_code(), check=True)
    start = _spent() - began
    log = folder / "log.txt"
    began = _spent()
    with log.open("w", encoding="utf-8") as stream:
        command = [sys.executable, "-m", *words]
        process = subprocess.Popen(command, cwd=folder, env=with_code(), stdout=stream, stderr=stream)
        own = resident = 0.0
        while process.poll() is None:
            held = _memory(process.pid)
            own, resident = max(own, held[0]), max(resident, held[1])
            time.sleep(PAUSE)
    if process.returncode:
        raise GraftError(f"{' '.join(words)} failed: {log.read_text(encoding='utf-8').strip()[-500:]}")
    return Run(_spent() - began, start, own, resident)


def _spent() -> float:
    """Return the processor's seconds that all processes took which have ended; those do not depend on other work."""
    times = psutil.Process().cpu_times()
    return float(times.children_user + times.children_system)


def _memory(process: int) -> tuple[float, float]:
    """Return the megabytes that a process holds now of its own, and the most it held with pages of files."""
    status = Path(f"/proc/{process}/status")
    try:
        if not psutil.LINUX:
            return (psutil.Process(process).memory_info().rss / 1e6,) * 2
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return int(lines["RssAnon"].split()[0]) / 1e3, int(lines["VmHWM"].split()[0]) / 1e3
    except (OSError, KeyError, psutil.Error):
        # It has just ended.
        return 0.0, 0.0


def compare(sizes: Sequence[int], stages: Sequence[str]) -> dict[str, list[Run]]:
    """Run the stages one after another over each number of rows."""
    found: dict[str, list[Run]] = {stage: [] for stage in stages}
    for rows in sizes:
        folder = scratch_folder("scale") / str(rows)
        if not folder.exists():
            with publish(folder) as new:
                new.mkdir()
                set_up(new, rows)
        for stage in stages:
            (folder / "answers.csv").unlink(missing_ok=True)
            found[stage].append(measure(folder, STAGES[stage]))
            print(f"{stage}, {rows:,} rows: {found[stage][-1].seconds:.1f} s", file=sys.stderr)
    return found


def exponent(sizes: Sequence[int], seconds: Sequence[float], start: float) -> float:
    """Return the power of the rows that the time grows with between the last two sizes.

    Of three sizes or more what the smallest took stands for what every run takes whatever its rows, imports and models
    among it: time and rows are counted from there on, so that a straight line has the power of 1. Of two sizes
    ``start``, the seconds of the imports alone, must do, which leaves the power too low.
    """
    begin, first = (seconds[0], sizes[0]) if len(sizes) > 2 else (start, 0)
    grown = [max(each - begin, 1e-3) for each in seconds[-2:]]
    return math.log(grown[1] / grown[0]) / math.log((sizes[-1] - first) / (sizes[-2] - first))


def render(sizes: Sequence[int], found: dict[str, list[Run]]) -> tuple[str, bool]:
    """Return the table, and whether every stage keeps to the limits."""
    rows, kept = [], True
    for stage, runs in found.items():
        power = ratio = 1.0
        if len(runs) > 1:
            power = exponent(sizes, [run.seconds for run in runs], min(run.start for run in runs))
            ratio = runs[-1].own / runs[-2].own
            kept = kept and power <= STEEPEST and ratio <= LIMIT
        times = [f"{run.seconds:.1f} s" for run in runs]
        memory = [f"{run.own:.0f} ({run.resident:.0f}) MB" for run in runs]
        speed = f"{sizes[-1] / runs[-1].seconds:,.0f}"
        rows.append([stage, *times, speed, f"{power:.2f}", *memory, f"{ratio:.2f}"])
    named = [f"{size:,} rows" for size in sizes]
    headings = ["stage", *named, "rows a second", "exponent", *(f"memory, {name}" for name in named), "ratio"]
    return f"{markdown_table(headings, rows)}\n\nexponent at most {STEEPEST}, ratio at most {LIMIT}", kept


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    listed = partial(str.split, sep=",")
    parser.add_argument("--rows", type=listed, default=["10000", "100000"], help="how many rows (10000,100000)")
    parser.add_argument("--stages", type=listed, default=list(STAGES), help=f"which stages ({','.join(STAGES)})")
    try:
        options = parser.parse_args()
        if unknown := sorted(set(options.stages) - set(STAGES)):
            raise GraftError(f"--stages {unknown[0]}: allowed are {', '.join(STAGES)}")
        sizes = sorted(map(int, options.rows))
        table, kept = render(sizes, compare(sizes, options.stages))
    except (GraftError, ValueError) as error:
        sys.exit(f"graft: scale: {error}")
    print(table)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
