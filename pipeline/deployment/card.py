"""The model card of an exported folder, in the Hub's format, with what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from pipeline.deployment.runtime import FILES

BODY = """# {name}

{kind} `{architecture}` for text classification: {labels}. Made with Graft.

## Use

```bash
pip install -r requirements.txt
python predict.py "A text." "Another."
```

A text a line on stdin does as well; one JSON object a text comes out. `sure` says whether the probability of the label
reaches {threshold:.4f}, {sure}.

## Measured on the test split

| | macro-F1 | size | labels changed | largest change of a logit |
|---|---:|---:|---:|---:|
| PyTorch | {macro_f1_pytorch:.4f} | | | |
{pruned}{files}

Changes are against {against}.

Probabilities are calibrated with the temperature {temperature} (validation); expected calibration error on test
{ece:.3f} before and {ece_calibrated:.3f} after. With the threshold {coverage:.0%} of the test texts have a sure label,
of which {accuracy_sure:.1%} are right.

## Limits

It knows the kind of text it was trained on. The figures say nothing of other text, and its labels are those of its
training data with their errors.
"""

RIGHT = "from which on {:.0%} of the labels were right on validation"
REFUSING = """which {:.0%} of the validation texts do: take
the others for texts that no label fits"""


def render_card(
    name: str,
    kind: str,
    architecture: str,
    labels: Sequence[str],
    figures: Mapping[str, Any],
    accuracy: float | None,
    coverage: float | None = None,
) -> str:
    """Return ``README.md`` of the folder; ``figures`` are those of ``metrics/exports/NAME.json``.

    ``accuracy`` or, where that is None, ``coverage`` chose the threshold.
    """
    data = ModelCardData(
        model_name=name,
        pipeline_tag="text-classification",
        library_name="onnx",
        tags=["graft", "knowledge-distillation", architecture],
        metrics=["f1"],
        eval_results=[
            EvalResult(
                task_type="text-classification",
                dataset_type="graft-test-split",
                dataset_name="the test split",
                metric_type="f1",
                metric_name=f"macro-F1 ({precision})",
                metric_value=figures[f"macro_f1_{precision}"],
            )
            for precision in FILES
        ],
    )
    pruned, against = "", "PyTorch"
    if figures["tokens_kept"] < figures["tokens"]:
        rows = f"{figures['tokens_kept']:,} of {figures['tokens']:,} rows"
        macro_f1, flips = figures["macro_f1_pruned"], figures["flips_pruned"]
        pruned = f"| PyTorch, embeddings pruned to {rows} | {macro_f1:.4f} | | {flips} of {figures['rows']} | |\n"
        against = "the row above: the pruned embeddings against PyTorch, the files against the pruned embeddings"
    files = "\n".join(_row(name, precision, figures) for precision, name in FILES.items())
    body = BODY.format(
        **figures,
        name=name,
        kind=kind,
        architecture=architecture,
        labels=", ".join(f"`{label}`" for label in labels),
        sure=REFUSING.format(coverage) if accuracy is None else RIGHT.format(accuracy),
        pruned=pruned,
        files=files,
        against=against,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{body}"


def _row(file: str, precision: str, figures: Mapping[str, Any]) -> str:
    macro_f1, size, flips, difference = (
        figures[f"{figure}_{precision}"] for figure in ("macro_f1", "bytes", "flips", "difference")
    )
    changed = f"{flips} of {figures['rows']} | {difference:.2g}"
    return f"| `{file}` ({precision}) | {macro_f1:.4f} | {size / 1e6:.1f} MB | {changed} |"
