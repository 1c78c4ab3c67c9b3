"""The model card of an exported folder, in the Hub's format, with what was measured."""

import re
from collections.abc import Mapping
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from pipeline.deployment.classifier import FILES
from pipeline.evaluation.measures import measure_of
from pipeline.settings.base import Kind
from pipeline.task import Task

METRIC_TYPES: dict[Kind, str] = {"single_label": "f1", "multi_label": "f1", "regression": "pearsonr"}
BODY = """# {name}

{kind} `{architecture}` for {what}: {labels}. Made with Graft.

## Use

```bash
pip install -r requirements.txt
python predict.py "A text." "Another."
```

{given} a line on stdin does as well; one JSON object {each} comes out. {reading}

## Measured on the test split

| | {metric} | size | labels changed | largest change of a logit |
|---|---:|---:|---:|---:|
| PyTorch | {score:.4f} | | | |
{pruned}{files}

Changes are against {against}.
{calibration}
## Limits

It knows the kind of text it was trained on. The figures say nothing of other text, and its labels are those of its
training data with their errors.
"""

READING: dict[Kind, str] = {
    "single_label": "`sure` says whether the probability of the label\nreaches {threshold:.4f}, {sure}.",
    "multi_label": "`labels` holds\nthose whose probability is one half or more, of which there may be none.",
    "regression": "`value` is\nthe number.",
}
WHAT: dict[Kind, str] = {
    "single_label": "text classification",
    "multi_label": "labelling text, with any number of labels",
    "regression": "rating text with a number",
}
CALIBRATION = """
Probabilities are calibrated with the temperature {temperature} (validation, int8); expected calibration error on test
{ece:.3f} before and {ece_calibrated:.3f} after. {sure}
"""
SURE = """With the threshold {coverage:.0%} of the test texts have a sure label,
of which {accuracy_sure:.1%} are right."""
UNSURE = "With the threshold none of the test texts has a sure label."
RIGHT = "from which on {:.0%} of the labels were right on validation"
REFUSING = """which {:.0%} of the validation texts do: take
the others for texts that no label fits"""


def render_card(
    name: str,
    kind: str,
    architecture: str,
    task: Task,
    figures: Mapping[str, Any],
    accuracy: float | None,
    coverage: float | None = None,
) -> str:
    """Return ``README.md`` of the folder; ``figures`` are those of ``metrics/exports/NAME.json``.

    ``accuracy`` or, where that is None, ``coverage`` chose the threshold.
    """
    measure = measure_of(task)
    data = ModelCardData(
        model_name=name,
        pipeline_tag="text-classification",
        library_name="onnx",
        tags=["graft", "knowledge-distillation", architecture],
        metrics=[METRIC_TYPES[task.kind]],
        eval_results=[
            EvalResult(
                task_type="text-classification",
                dataset_type="graft-test-split",
                dataset_name="the test split",
                metric_type=METRIC_TYPES[task.kind],
                metric_name=f"{measure.title} ({precision})",
                metric_value=figures[f"{measure.key}_{precision}"],
            )
            for precision in FILES
        ],
    )
    pruned, against = "", "PyTorch"
    if figures["tokens_kept"] < figures["tokens"]:
        rows = f"{figures['tokens_kept']:,} of {figures['tokens']:,} rows"
        score, changed = figures[f"{measure.key}_pruned"], _changed(figures, "pruned")
        pruned = f"| PyTorch, embeddings pruned to {rows} | {score:.4f} | | {changed} | |\n"
        against = "the row above: the pruned embeddings against PyTorch, the files against the pruned embeddings"
    files = "\n".join(_row(name, precision, figures, measure.key) for precision, name in FILES.items())
    sure = REFUSING.format(coverage) if accuracy is None else RIGHT.format(accuracy)
    body = BODY.format(
        name=name,
        kind=kind,
        architecture=architecture,
        what=WHAT[task.kind],
        labels=", ".join(map(_code, task.labels)),
        given="It reads pairs of texts: two arguments are one. A pair, with a tab between its texts,"
        if task.pairs
        else "A text",
        each="a pair" if task.pairs else "a text",
        reading=READING[task.kind].format(**figures, sure=sure),
        metric=measure.title,
        score=figures[f"{measure.key}_pytorch"],
        calibration=_calibration(figures) if task.kind == "single_label" else "",
        pruned=pruned,
        files=files,
        against=against,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{body}"


def _code(label: str) -> str:
    """Return ``label`` as code in Markdown, within more backticks than it has in a row."""
    text = " ".join(label.split())
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{fence}{text}{fence}" if len(fence) == 1 else f"{fence} {text} {fence}"


def _calibration(figures: Mapping[str, Any]) -> str:
    sure = (SURE if "accuracy_sure" in figures else UNSURE).format(**figures)
    return CALIBRATION.format(**figures, sure=sure)


def _row(file: str, precision: str, figures: Mapping[str, Any], key: str) -> str:
    score, size, difference = (figures[f"{figure}_{precision}"] for figure in (key, "bytes", "difference"))
    changed = f"{_changed(figures, precision)} | {difference:.2g}"
    return f"| `{file}` ({precision}) | {score:.4f} | {size / 1e6:.1f} MB | {changed} |"


def _changed(figures: Mapping[str, Any], what: str) -> str:
    """How many labels changed; nothing where there are none."""
    return f"{figures[f'flips_{what}']} of {figures['rows']}" if f"flips_{what}" in figures else ""
