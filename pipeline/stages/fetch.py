"""Bring the labelled text in: section ``data`` → ``data/raw/``.

python -m pipeline.stages.fetch
"""

from pathlib import Path

from pipeline.artifacts import publish
from pipeline.configs import FileData, HubData
from pipeline.fetching.hub import download_dataset
from pipeline.fetching.local import copy_table
from pipeline.fetching.vader import download_vader
from pipeline.params import load_params
from pipeline.stages.entry import run

RAW = Path("data/raw")


def main() -> None:
    """Fetch from where ``data.source`` says."""
    data = load_params().data
    with publish(RAW) as folder:
        if isinstance(data, HubData):
            download_dataset(data.dataset, data.revision, data.config, data.files, folder)
        elif isinstance(data, FileData):
            copy_table(Path(data.path), folder)
        else:
            download_vader(folder)


if __name__ == "__main__":
    run(main, network=True)
