"""Write the report on every model that params.yaml names.

In:  params report, evaluate.confidence, and the names under teachers, students and rivals;
     metrics/, predictions/, the curves and training.json of models/, data/prepared/
Out: report/: index.html, report.md, figures.csv, and for `dvc plots` one file per model in
     curves/ and confusion/ (a file of several models would be drawn as one)
Run: python -m pipeline.stages.report

Folders may still hold a student that params.yaml no longer names; only named ones are read.
"""

from pathlib import Path

import pandas as pd

from pipeline.artifacts import publish, read_json, read_parquet, required, write_csv, write_text
from pipeline.params import Params, load_params
from pipeline.report.markdown import render_markdown
from pipeline.report.page import render_page
from pipeline.report.results import Curve, Kind, ModelResult, Results, figure_rows
from pipeline.stages.entry import run

MODELS = Path("models")
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
            write_csv(folder / "curves" / f"{curve.key}.csv", curve.frame)
        for model in measured:
            write_csv(folder / "confusion" / f"{model.key}.csv", model.predictions[["label", "predicted"]])


def _read(params: Params) -> Results:
    teachers = [MODELS / "teacher" / name for name in params.teachers]
    parameters = sum(int(read_json(folder / "training.json")["parameters"]) for folder in teachers)
    models = [_read_model("teacher", " + ".join(params.teachers), "teacher", parameters)]
    curves = [_read_curve(f"teacher/{folder.name}", folder, "teacher") for folder in teachers]
    for name in params.students:
        for key, folder, kind in _trained(name):
            models.append(_read_model(key, name, kind, int(read_json(folder / "training.json")["parameters"])))
            curves.append(_read_curve(key, folder, kind))
    models += [_read_model(f"rivals/{name}", name, "rival") for name in params.rivals]
    return Results(
        title=params.report.title,
        labels=read_json(Path("data/prepared/labels.json"))["labels"],
        confidence=params.evaluate.confidence,
        models=models,
        curves=curves,
        summary=read_json(Path("data/prepared/summary.json")),
    )


def _trained(name: str) -> list[tuple[str, Path, Kind]]:
    return [(name, MODELS / "students" / name, "student"), (f"controls/{name}", MODELS / "controls" / name, "control")]


def _read_model(key: str, name: str, kind: Kind, parameters: int | None = None) -> ModelResult:
    figures = read_json(Path(f"metrics/{key}.json"))
    predictions = read_parquet(Path(f"predictions/{key}.parquet"))
    return ModelResult(key, name, kind, figures, predictions, figures.get("parameters", parameters))


def _read_curve(key: str, folder: Path, kind: Kind) -> Curve:
    best_step = read_json(folder / "training.json").get("best_step")
    return Curve(key, folder.name, kind, pd.read_csv(required(folder / "curve.csv")), best_step)


if __name__ == "__main__":
    run(main)
