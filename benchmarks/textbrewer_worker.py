"""``python -m benchmarks.textbrewer_worker JOB``: TextBrewer's own distiller trains the student of a job.

``GeneralDistiller`` is what TextBrewer recommends; ``BasicDistiller`` with ``is_caching_logits`` is its fastest: it
keeps batches and the teacher's logits in memory from the first epoch on. Both get Graft's own batches, padded to
the longest and sorted by length, and AdamW's fused step; the checkpoint is chosen on validation after each epoch.
"""

import copy
import sys
from pathlib import Path

import numpy as np
import torch
from textbrewer import BasicDistiller, DistillationConfig, GeneralDistiller, TrainingConfig
from torch import nn
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from benchmarks.distillation import Inputs, Job, build_student, load_inputs, training_batches
from pipeline.artifacts import read_json
from pipeline.evaluation.measures import validation_figures
from pipeline.models.outputs import PooledClassifierOutput
from pipeline.models.registry import load_model
from pipeline.task import task_of_model
from pipeline.training.prediction import predict


class BestCheckpoint:
    """TextBrewer's callback after each epoch: looks at validation and keeps the best weights."""

    def __init__(self, inputs: Inputs, metric: str) -> None:
        self.inputs = inputs
        self.metric = metric
        self.score = -np.inf
        self.weights: dict[str, torch.Tensor] = {}

    def __call__(self, model: PreTrainedModel, step: int) -> None:
        """Measure ``model``; keep a copy of its weights if it is the best so far."""
        validation = self.inputs.validation
        assert validation.labels is not None
        logits, _ = predict(model, validation, self.inputs.tokenizer.pad_token_id, 16384, "fp32", title=None)
        score = validation_figures(logits, validation.labels, task_of_model(model.config))[self.metric]
        if score > self.score:
            self.score, self.weights = score, copy.deepcopy(model.state_dict())


def main(path: str) -> None:
    """Train the student of the job in ``path`` and save it."""
    job = Job(**read_json(Path(path)))
    inputs = load_inputs(job)
    teacher, model = load_model(Path(job.teacher)), build_student(job, inputs)
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            # Sparse gradients need an optimiser of their own, which Graft brings; TextBrewer takes one of torch's.
            module.sparse = False
    best = BestCheckpoint(inputs, job.settings.metric)
    _distil(job, inputs, teacher, model, best)
    model.load_state_dict(best.weights)
    model.save_pretrained(job.target)
    inputs.tokenizer.save_pretrained(job.target)


def _distil(job: Job, inputs: Inputs, teacher: PreTrainedModel, model: PreTrainedModel, best: BestCheckpoint) -> None:
    settings = job.settings
    distil = DistillationConfig(temperature=1, kd_loss_type="mse", is_caching_logits=job.cached)
    training = TrainingConfig(output_dir=f"{job.target}-checkpoints", device="cpu")
    kind = BasicDistiller if job.cached else GeneralDistiller
    distiller = kind(training, distil, teacher, model, _adapt, _adapt)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
    )
    schedule = {
        "num_warmup_steps": int(np.ceil(settings.steps * settings.warmup)),
        "num_training_steps": settings.steps,
    }
    with distiller:
        distiller.train(
            optimizer,
            training_batches(inputs, settings.batch_size),
            num_epochs=job.epochs,
            scheduler_class=get_linear_schedule_with_warmup,
            scheduler_args=schedule,
            max_grad_norm=1.0,
            callback=best,
        )


def _adapt(batch: dict[str, torch.Tensor], outputs: PooledClassifierOutput) -> dict[str, torch.Tensor | None]:
    return {"logits": outputs.logits}


if __name__ == "__main__":
    main(*sys.argv[1:])
