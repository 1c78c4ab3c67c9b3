"""Bring the labelled text in: section ``data`` → ``data/raw/``.

python -m pipeline.stages.fetch
"""

from pathlib import Path

from pipeline.artifacts import publish
from pipeline.fetching.hub import download_dataset
from pipeline.fetching.local import copy_table
from pipeline.fetching.vader import download_vader
from pipeline.settings.data import DataConfig, FileData, HubData
from pipeline.settings.reading import Sections, read_sections
from pipeline.stages.entry import run

RAW = Path("data/raw")


class Settings(Sections):
    """What this stage reads of params.yaml."""

    data: DataConfig


def main() -> None:
    """Fetch from where ``data.source`` says."""
    data = read_sections(Settings).data
    with publish(RAW) as folder:
        if isinstance(data, HubData):
            download_dataset(data.dataset, data.revision, data.config, data.files, folder)
        elif isinstance(data, FileData):
            copy_table(Path(data.path), folder)
        else:
            download_vader(folder)


if __name__ == "__main__":
    run(main, network=True)
