"""Write the report on every model that params.yaml names.

In:  params report, the names under teachers, students and rivals, and what the page tells of the settings;
     metrics/, predictions/, exports/, the curves and training.json of models/, data/prepared/,
     data/speed/speed.json where speed was measured
Out: report/: index.html, report.md, figures.csv, and for `dvc plots` one file per model in
     curves/ and confusion/ (a file of several models would be drawn as one)
Run: python -m pipeline.stages.report

Folders may still hold a student that params.yaml no longer names; only named ones are read.
"""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.artifacts import publish, read_json, read_parquet, required, write_csv, write_text
from pipeline.deployment.digest import digest
from pipeline.evaluation.measures import measure_of
from pipeline.params import Params, load_params
from pipeline.report.leads import lead_intervals
from pipeline.report.markdown import render_markdown
from pipeline.report.page import render_page
from pipeline.report.results import Curve, Export, Kind, ModelResult, Results, figure_rows
from pipeline.speed.record import SpeedFile, read_speed
from pipeline.stages.entry import run
from pipeline.task import task_of

MODELS = Path("models")
EXPORTS = Path("exports")
PREPARED = Path("data/prepared")
REPORT = Path("report")


def main() -> None:
    """Read what the stages measured and write it for readers."""
    results = _read(load_params())
    measured = results.of("teacher", "student", "control", "rival")
    with publish(REPORT) as folder:
        write_text(folder / "index.html", render_page(results))
        write_text(folder / "report.md", render_markdown(results))
        write_csv(folder / "figures.csv", figure_rows(results))
        for curve in results.curves:
            # One name for all kinds of task: dvc.yaml says which column is drawn.
            frame = curve.frame.rename(columns={f"validation_{results.measure.key}": "validation_score"})
            write_csv(folder / "curves" / f"{curve.key}.csv", frame)
        for model in measured:
            if results.task.kind == "single_label":
                write_csv(folder / "confusion" / f"{model.key}.csv", model.predictions[["label", "predicted"]])


def _read(params: Params) -> Results:
    task = task_of(read_json(PREPARED / "labels.json"))
    metric = measure_of(task).key
    speed = read_speed(Path("data/speed/speed.json"))
    trained = _trained(params)
    trainings = {key: read_json(folder / "training.json") for key, (folder, _) in trained.items()}
    curves = [_read_curve(key, folder, kind, trainings[key]) for key, (folder, kind) in trained.items()]
    teachers = [f"teacher/{name}" for name in params.teachers]
    exports = {key: _read_export(key, speed) for key in (*teachers, *params.students)}
    parameters = sum(int(trainings[key]["parameters"]) for key in teachers)
    together = [exports[key] for key in teachers]
    models = [_read_model(metric, "teacher", " + ".join(params.teachers), "teacher", parameters, together)]
    validation = {curve.key: curve.kept(f"validation_{metric}") for curve in curves}
    for key, (folder, kind) in trained.items():
        if kind != "teacher":
            own = [exports[key]] if kind == "student" else []
            parameters = int(trainings[key]["parameters"])
            models.append(_read_model(metric, key, folder.name, kind, parameters, own, validation[key]))
    models += [_read_model(metric, f"rivals/{name}", name, "rival") for name in params.rivals]
    students, rivals = ([model for model in models if model.kind == kind] for kind in ("student", "rival"))
    used = {each.tokenizer for each in params.teachers.values()} | {each.tokenizer for each in params.students.values()}
    return Results(
        title=params.report.title,
        task=task,
        confidence=params.evaluate.confidence,
        models=models,
        curves=curves,
        summary=read_json(PREPARED / "summary.json"),
        tokenizers={name: read_json(Path(f"metrics/tokenizers/{name}.json")) for name in sorted(used)},
        params=params,
        trainings=trainings,
        texts=read_parquet(PREPARED / "test.parquet"),
        test_digest=sha256((PREPARED / "test.parquet").read_bytes()).hexdigest(),
        machine=speed.machine if speed else None,
        leads=lead_intervals(students, students, task, params.evaluate),
        over_rivals=lead_intervals(students, rivals, task, params.evaluate),
        robustness={
            model.key: read_json(Path(f"metrics/robustness/{model.key}.json"))
            for model in models
            if model.kind != "rival"
        },
    )


def _trained(params: Params) -> dict[str, tuple[Path, Kind]]:
    """The folder and kind of every model that was trained, by its key."""
    found: dict[str, tuple[Path, Kind]] = {}
    for name in params.teachers:
        found[f"teacher/{name}"] = MODELS / "teacher" / name, "teacher"
    for name in params.students:
        found[name] = MODELS / "students" / name, "student"
        found[f"controls/{name}"] = MODELS / "controls" / name, "control"
    return found


def _read_model(
    metric: str,
    key: str,
    name: str,
    kind: Kind,
    parameters: int | None = None,
    exports: Sequence[Export] = (),
    validation: float | None = None,
) -> ModelResult:
    figures = {**read_json(Path(f"metrics/{key}.json")), **read_json(Path(f"metrics/parts/{key}.json"))}
    predictions = read_parquet(Path(f"predictions/{key}.parquet"))
    parameters = figures.get("parameters", parameters)
    return ModelResult(key, name, kind, figures, predictions, parameters, exports, validation, metric)


def _read_export(key: str, speed: SpeedFile | None) -> Export:
    found = digest(required(EXPORTS / key))
    timed = speed.of(key, found) if speed else None
    return Export(Path(key).name, read_json(Path(f"metrics/exports/{key}.json")), found, timed)


def _read_curve(key: str, folder: Path, kind: Kind, training: dict[str, Any]) -> Curve:
    return Curve(key, folder.name, kind, pd.read_csv(required(folder / "curve.csv")), training.get("best_step"))


if __name__ == "__main__":
    run(main)
