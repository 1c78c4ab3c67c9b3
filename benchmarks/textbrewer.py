"""``python -m benchmarks.textbrewer``: TextBrewer's distiller and Graft side by side, in one run.

Both distil the first teacher of params.yaml into two of its students (``--students``), from the same random
weights, on the same training texts, as many epochs, with the same loss (squared differences of logits), batch size,
learning rate, schedule and choice of the checkpoint on validation after each epoch. One process after the other,
the two sides in turn, the start of each process included. Printed: seconds to the first student and to the second,
each side's ratio to Graft, and the students' macro-F1 on the test split, measured by one function.

TextBrewer runs the teacher for every student, in every epoch or, with cached logits, in the first. Graft runs it
once, in the time of the first student, and stores what it said. TextBrewer's mixed precision is Apex's, for CUDA:
here it computes in fp32. Graft is measured in fp32, too, and where the processor has it in bf16, its default.

Needs the outputs of ``dvc repro``. The pinned TextBrewer goes to ``.bench/`` and is seen by its own processes alone.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean, median

import torch
from transformers.utils.logging import disable_progress_bar, set_verbosity_error

from benchmarks.distillation import Job, check_task, score_student
from benchmarks.scratch import install_apart, scratch_folder
from benchmarks.tables import markdown_table, ratio, seconds
from pipeline.artifacts import required, write_json
from pipeline.errors import GraftError
from pipeline.params import Params, load_params
from pipeline.report.numbers import score
from pipeline.settings.students import StudentConfig
from pipeline.tokens.table import read_tokens
from pipeline.training.machine import use_bf16

# tensorboardX is what TextBrewer logs with, protobuf what that needs; the rest is the project's own.
PACKAGES = ("textbrewer==0.2.1.post1", "tensorboardX==2.6.4", "protobuf==6.33.0")


@dataclass(frozen=True)
class Side:
    """One way to distil: its title, its steps for the first student and for a further one, and its precision."""

    title: str
    first: tuple[str, ...]
    further: tuple[str, ...]
    precision: str
    cached: bool = False


@dataclass(frozen=True)
class Result:
    """One student of one side: seconds of wall time, macro-F1 on the test split."""

    side: str
    student: str
    seconds: float
    macro_f1: float


def main() -> None:
    """Read the command line, measure, print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.textbrewer", description="TextBrewer beside Graft.")
    parser.add_argument("--students", default="textcnn,bilstm", help="two of params.yaml; textcnn,bilstm without it")
    parser.add_argument("--texts", type=int, default=10_000, help="training texts; 10000 without it")
    parser.add_argument("--epochs", type=int, default=5, help="5 without it")
    parser.add_argument("--repeats", type=int, default=1, help="times that everything is measured; 1 without it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    disable_progress_bar()
    set_verbosity_error()
    try:
        students = options.students.split(",")
        if len(students) != 2:
            raise GraftError(f"--students is {options.students}: name two, with a comma between them")
        jobs = plan_jobs(load_params(), students, options.texts, options.epochs)
        packages = install_apart("textbrewer", PACKAGES)
        results = list(_measure(jobs, packages, options.repeats))
    except GraftError as error:
        sys.exit(f"graft: textbrewer: {error}")
    if options.json:
        write_json(options.json, {"results": [asdict(result) for result in results]})
    threads = f"{torch.get_num_threads()} threads of {os.cpu_count()} cores"
    first = jobs[students[0]]
    print(f"{first.texts:,} texts, epochs: {first.epochs}, batch size: {first.settings.batch_size}; {threads}\n")
    print(build_table(results, students))


def sides() -> list[Side]:
    """What is compared, Graft's default last."""
    rival, teach, transfer = "textbrewer_worker", "graft_worker teach", "graft_worker transfer"
    found = [
        Side("TextBrewer", (rival,), (rival,), "fp32"),
        Side("TextBrewer, cached logits", (rival,), (rival,), "fp32", cached=True),
        Side("Graft, fp32", (teach, transfer), (transfer,), "fp32"),
    ]
    return [*found, Side("Graft, bf16", (teach, transfer), (transfer,), "bf16")] if use_bf16("auto") else found


def plan_jobs(params: Params, students: Sequence[str], texts: int, epochs: int) -> dict[str, Job]:
    """The job of each student by its name, without a side's own settings."""
    check_task(params)
    teacher, settings = next(iter(params.teachers.items()))
    tokens = Path("data/tokenized") / settings.tokenizer
    available = len(read_tokens(tokens / "transfer.arrow"))
    required(Path("models/teacher") / teacher)
    jobs = {}
    for name in students:
        student: StudentConfig = params.section("students", name)
        budget = student.budget.applied_to(params.budget)
        if student.tokenizer != settings.tokenizer:
            raise GraftError(f"the student {name} reads another tokenizer than the teacher; choose one that shares it")
        batches = min(texts, available) // budget.batch_size
        if not batches or epochs < 1:
            raise GraftError(f"--texts is {texts}, --epochs {epochs}: must be one batch and one epoch at least")
        jobs[name] = Job(
            teacher=f"models/teacher/{teacher}",
            tokens=str(tokens),
            texts=batches * budget.batch_size,
            epochs=epochs,
            architecture=student.architecture,
            config=student.config,
            budget=budget.model_dump(),
            batch_tokens=params.teach.batch_tokens,
            cached=False,
            signals="",
            target="",
        )
    return jobs


def build_table(results: Sequence[Result], students: Sequence[str]) -> str:
    """One line a side: median seconds with their ratio to the last side's, and mean macro-F1, of each student."""
    names = list(dict.fromkeys(result.side for result in results))
    times = {
        (side, name): median(each.seconds for each in results if (each.side, each.student) == (side, name))
        for side in names
        for name in students
    }
    lines = []
    for side in names:
        cells = [side]
        for name in students:
            scores = [each.macro_f1 for each in results if (each.side, each.student) == (side, name)]
            taken = times[side, name]
            cells += [seconds(taken), ratio(taken / times[names[-1], name]), score(mean(scores))]
        lines.append(cells)
    headings = [f"{order} student ({name})" for order, name in zip(("first", "second"), students, strict=True)]
    columns = [column for heading in headings for column in (heading, "ratio", "macro-F1")]
    return markdown_table(["", *columns], lines)


def _measure(jobs: dict[str, Job], packages: Path, repeats: int) -> Iterator[Result]:
    folder = scratch_folder("distillation")
    shutil.rmtree(folder, ignore_errors=True)
    for repeat in range(repeats):
        for number, (name, job) in enumerate(jobs.items()):
            # Turned round each time, so that no side always comes after the same one.
            for side in sides() if (repeat + number) % 2 == 0 else reversed(sides()):
                place = folder / f"{repeat}-{side.title.replace(', ', '-').replace(' ', '-')}"
                own = replace(
                    job,
                    budget=job.budget | {"precision": side.precision},
                    cached=side.cached,
                    signals=str(place / "signals"),
                    target=str(place / name),
                )
                write_json(place / f"{name}.json", asdict(own))
                steps = side.first if number == 0 else side.further
                taken = sum(_time(step, place / f"{name}.json", packages) for step in steps)
                yield Result(side.title, name, taken, score_student(Path(own.target)))
                print(f"{side.title}, {name}: {seconds(taken)}", file=sys.stderr)


def _time(step: str, job: Path, packages: Path) -> float:
    """Seconds that a worker's process takes."""
    module, *words = step.split()
    log = job.with_name(f"{job.stem}-{step.replace(' ', '-')}.log")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
    if module == "textbrewer_worker":
        environment["PYTHONPATH"] = os.pathsep.join([str(packages), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", f"benchmarks.{module}", *words, str(job)]
    with log.open("wb") as stream:
        began = time.monotonic()
        done = subprocess.run(command, env=environment, stdout=stream, stderr=stream, check=False)
        taken = time.monotonic() - began
    if done.returncode:
        raise GraftError(f"benchmarks.{step} ended with status {done.returncode}; its reason is at the end of {log}")
    return taken


if __name__ == "__main__":
    main()
