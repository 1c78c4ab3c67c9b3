"""What the models were made from and of: the ingredients of the transfer, and where everything comes from.

Machines, versions and commits lie in ``provenance/``, outside the page: the page is a function of its inputs alone.
"""

from pathlib import PurePath

from pipeline.params import Params
from pipeline.report.numbers import NOTHING, count, percent, size
from pipeline.report.results import Results
from pipeline.report.tables import Table
from pipeline.settings.data import FileData, HubData
from pipeline.settings.pretrained import HubModel, PackageModel, PretrainedConfig
from pipeline.settings.pretraining import PretrainingConfig
from pipeline.settings.rounds import voices_of
from pipeline.settings.transfer import LossConfig

DIGITS = 12  # of a sha256, as many as tell files apart


def ingredient_table(results: Results) -> Table:
    """Return what a student learns from and its control does not."""
    transfer, summary = results.params.transfer, results.summary
    labelled = count(summary["splits"]["train"]["rows"])
    start = "the teacher’s reading of each token, or its layers" if transfer.warm_start else "random"
    total = sum(phase.share for phase in transfer.phases)
    phases = [
        (f"{percent(phase.share / total)} of the steps: " if len(transfer.phases) > 1 else "")
        + " + ".join(map(_loss, phase.losses))
        for phase in transfer.phases
    ]
    rows = [
        ["Weights start from", start, "random"],
        ["Learns from", "; ".join(phases), "gold labels"],
        ["Texts", f"{count(summary['transfer_set']['rows'])}, which need no labels", f"{labelled}, with labels"],
    ]
    return Table(
        "What a student is given, and what its control; steps, batches and learning rate are the same",
        ["", "Student", "Control"],
        rows,
    )


def _loss(loss: LossConfig) -> str:
    settings = {"weight": loss.weight} if loss.weight != 1 else {}
    named = ", ".join(f"{name} {value}" for name, value in (settings | (loss.model_extra or {})).items())
    return f"{loss.name} ({named})" if named else loss.name


def training_table(results: Results) -> Table:
    """Return what was trained how: teachers, then students with their controls' own settings."""
    params = results.params
    rows, kinds = [], []
    for model in results.shipped:
        for export in model.exports:
            key = f"teacher/{export.name}" if model.kind == "teacher" else export.name
            if model.kind == "teacher":
                teacher = params.teachers[export.name]
                of, tokenizer, seed, taught = teacher.pretrained, teacher.tokenizer, teacher.seed, []
                rate, own = params.finetune.learning_rate, NOTHING
            else:
                student = params.students[export.name]
                budget = student.budget.applied_to(params.budget)
                taught = voices_of(student.learns_from, params.rounds, params.teachers)
                of, tokenizer, seed, rate = student.architecture, student.tokenizer, budget.seed, budget.learning_rate
                changed = student.control.model_dump(exclude_none=True)
                own = ", ".join(f"{name} {value}" for name, value in changed.items()) or NOTHING
            training = results.trainings[key]
            steps, kept = count(int(training["steps"])), training.get("best_step")
            row = [export.name, of, tokenizer, size(int(training["parameters"])), steps]
            row += [count(int(kept)) if kept else NOTHING, f"{rate:g}", str(seed), own, export.digest[:DIGITS]]
            if params.rounds:
                row.insert(2, " + ".join(taught) or NOTHING)
            rows.append(row)
            kinds.append(model.kind)
    headings = ["Model", "Made of", "Tokenizer", "Parameters", "Steps", "Step kept", "Learning rate", "Seed"]
    headings += ["Control differs in", "sha256 of its export"]
    if params.rounds:
        headings.insert(2, "Taught by")
    return Table("How each model was trained", headings, rows, kinds)


def source_table(results: Results) -> Table:
    """Return where texts and pretrained models come from, with what pins them."""
    data = results.params.data
    rows = [["Labelled texts", *_data(data)] if isinstance(data, FileData | HubData) else ["Labelled texts", *VADER]]
    for name in _pretrained_names(results.params):
        here = results.params.pretraining.get(name)
        found = _pretrained_here(here) if here else _pretrained(results.params.pretrained[name])
        rows.append([f"Pretrained {name}", *found])
    rows.append(["Test split", f"{count(len(results.texts))} texts", f"sha256 {results.test_digest[:DIGITS]}"])
    return Table("Where the inputs come from", ["", "Source", "Pinned by"], rows)


VADER = ("the human-rated sentences of the VADER study", "sha256 in pipeline/fetching/vader.py")


def _data(data: FileData | HubData) -> tuple[str, str]:
    if isinstance(data, HubData):
        return f"{data.dataset}, a data set of the Hugging Face Hub", f"commit {data.revision[:DIGITS]}"
    # The name alone: a path would tell of the machine.
    return PurePath(data.path).name, "dvc.lock"


def _pretrained_names(params: Params) -> list[str]:
    """What the teachers were made of, and what that went on from."""
    names = {teacher.pretrained for teacher in params.teachers.values()}
    for _ in params.pretraining:
        names |= {PurePath(params.pretraining[name].source).name for name in names if name in params.pretraining}
    return sorted(names & {*params.pretrained, *params.pretraining})


def _pretrained_here(model: PretrainingConfig) -> tuple[str, str]:
    start = "random weights" if model.is_new else PurePath(model.source).name
    return f"trained here on the transfer set's texts, from {start}, in {count(model.steps)} steps", "dvc.lock"


def _pretrained(model: PretrainedConfig) -> tuple[str, str]:
    if isinstance(model, HubModel):
        return f"{model.model}, a model of the Hugging Face Hub", f"commit {model.revision[:DIGITS]}"
    if isinstance(model, PackageModel):
        return f"{model.package}, from the package index", f"sha256 {model.sha256[:DIGITS]}"
    return PurePath(model.path).name, "dvc.lock"
