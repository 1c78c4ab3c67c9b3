"""The model card of an exported folder, in the Hub's format, with what was measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

BODY = """# {name}

{kind} `{architecture}` for text classification: {labels}. Made with Graft.

## Use

```bash
pip install -r requirements.txt
python predict.py "A text." "Another."
```

A text a line on stdin does as well; one JSON object a text comes out. `sure` says whether the probability of the label
reaches {threshold:.4f}, from which on {accuracy:.0%} of the labels were right on validation.

## Measured on the test split

| | macro-F1 | size | labels that differ from PyTorch | largest difference of a logit |
|---|---:|---:|---:|---:|
| PyTorch | {macro_f1_pytorch:.4f} | | | |
| `model.onnx` (fp32) | {macro_f1_fp32:.4f} | {megabytes_fp32:.1f} MB | {flips_fp32} of {rows} | {difference_fp32:.2g} |
| `model_int8.onnx` | {macro_f1_int8:.4f} | {megabytes_int8:.1f} MB | {flips_int8} of {rows} | {difference_int8:.2g} |

Probabilities are calibrated with the temperature {temperature} (validation); expected calibration error on test
{ece:.3f} before and {ece_calibrated:.3f} after. With the threshold {coverage:.0%} of the test texts have a sure label,
of which {accuracy_sure:.1%} are right. {vocabulary}

## Limits

It knows the kind of text it was trained on. The figures say nothing of other text, and its labels are those of its
training data with their errors.
"""


def render_card(
    name: str, kind: str, architecture: str, labels: Sequence[str], figures: Mapping[str, Any], accuracy: float
) -> str:
    """Return ``README.md`` of the folder; ``figures`` are those of ``metrics/exports/NAME.json``."""
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
            for precision in ("fp32", "int8")
        ],
    )
    vocabulary = (
        f"The embeddings hold {figures['tokens_kept']:,} tokens that the texts use, of {figures['tokens']:,}."
        if figures["tokens_kept"] < figures["tokens"]
        else ""
    )
    sizes = {f"megabytes_{each}": figures[f"bytes_{each}"] / 1e6 for each in ("fp32", "int8")}
    body = BODY.format(
        **(dict(figures) | sizes),
        name=name,
        kind=kind,
        architecture=architecture,
        labels=", ".join(f"`{label}`" for label in labels),
        accuracy=accuracy,
        vocabulary=vocabulary,
    )
    return f"---\n{data.to_yaml()}\n---\n\n{body}"
