"""What Trainer is told of any training here."""

import math
from typing import Any

from transformers import TrainingArguments

from pipeline.settings.optimisation import OptimisationConfig
from pipeline.training.division import device_batch, divide
from pipeline.training.machine import device, use_bf16, use_tf32
from pipeline.training.ranks import world_size


def training_arguments(
    folder: str,
    config: OptimisationConfig,
    steps: int,
    evaluations: int,
    seed: int,
    metric: str,
    evaluated: int = 128,
    **own: Any,
) -> TrainingArguments:
    """``steps`` with ``evaluations`` evenly spaced, of which the best by ``metric`` is kept; ``own`` is passed on.

    ``evaluated`` rows at once are looked at in an evaluation.

    Raises GraftError if the batch cannot be divided among the processes.
    """
    every = max(1, math.ceil(steps / evaluations))
    division = divide(config.batch_size, world_size(), device_batch())
    arguments = TrainingArguments(
        output_dir=folder,
        per_device_train_batch_size=division.largest,
        gradient_accumulation_steps=division.accumulation,
        per_device_eval_batch_size=evaluated,
        max_steps=steps,
        learning_rate=config.learning_rate,
        warmup_steps=math.ceil(steps * config.warmup),
        weight_decay=config.weight_decay,
        bf16=use_bf16(config.precision),
        tf32=use_tf32(config.precision) or None,
        use_cpu=device().type == "cpu",
        eval_strategy="steps",
        eval_steps=every,
        logging_strategy="steps",
        logging_steps=every,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=every,
        load_best_model_at_end=True,
        metric_for_best_model=metric,
        greater_is_better=metric not in ("loss", "rmse"),
        remove_unused_columns=False,
        label_names=["labels"],
        dataloader_pin_memory=device().type == "cuda",
        report_to="none",
        seed=seed,
        data_seed=seed,
        **own,
    )
    if arguments.n_gpu > 1:
        # A lone process would read a batch for each GPU of the machine; for several there are several processes.
        arguments._n_gpu = 1
    return arguments
