"""What ``tuning`` makes of a model before it is trained, and what is undone after."""

from dataclasses import dataclass, field

from torch import nn
from transformers import EarlyStoppingCallback, PreTrainedModel, TrainerCallback

from pipeline.errors import GraftError
from pipeline.settings.tuning import TeacherTuning, TuningConfig
from pipeline.tuning.adapters import Adapters, add_adapters
from pipeline.tuning.layers import decayed_shares, layer_groups
from pipeline.tuning.unfreezing import Unfreezing


@dataclass(frozen=True)
class Tuned:
    """A model that is ready to learn in its way.

    ``shares`` of the learning rate are by the ``id`` of a parameter, 1 for those that it lacks; ``trained`` is how many
    values learn at all; ``callbacks`` are for Trainer.
    """

    trained: int
    shares: dict[int, float] = field(default_factory=dict)
    callbacks: list[TrainerCallback] = field(default_factory=list)
    adapters: Adapters | None = None

    def merge(self) -> None:
        """Bring the model back to the layers and the names that it had, with what it has learnt."""
        if self.adapters is not None:
            self.adapters.merge_and_unload()


def tune(model: PreTrainedModel, config: TuningConfig) -> Tuned:
    """Freeze what shall not learn, or put adapters in; what moves later, and how fast, stands in the result.

    Raises GraftError for more frozen layers than there are, and for adapters that fit no layer.
    """
    groups = layer_groups(model)
    frozen = _frozen_groups(config, len(groups))
    for group in groups[:frozen]:
        for parameter in group:
            parameter.requires_grad_(False)
    callbacks: list[TrainerCallback] = []
    if config.unfreezing is not None:
        callbacks.append(Unfreezing(groups[frozen:], config.unfreezing))
    if config.patience is not None:
        callbacks.append(EarlyStoppingCallback(config.patience))
    lora = config.lora if isinstance(config, TeacherTuning) else None
    adapters = None if lora is None else add_adapters(model, lora)
    shares = {} if config.layer_decay is None else decayed_shares(groups, config.layer_decay)
    return Tuned(trained_values(model), shares, callbacks, adapters)


def trained_values(model: nn.Module) -> int:
    """How many values of ``model`` learn."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _frozen_groups(config: TuningConfig, groups: int) -> int:
    if config.head_only:
        return groups - 1
    if config.frozen_layers is None:
        return 0
    if config.frozen_layers > groups - 2:
        raise GraftError(f"tuning.frozen_layers is {config.frozen_layers}; the model has {groups - 2} layers")
    return 1 + config.frozen_layers
