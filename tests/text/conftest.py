"""A table of the user's, through the real stages, in a folder of its own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipeline.stages import fetch, prepare

ROOT = Path(__file__).parents[2]


def write_params(folder: Path, **sections: dict[str, Any]) -> None:
    """Write the repository's params.yaml to ``folder`` with some sections replaced."""
    yaml = YAML()
    params = yaml.load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params.update(sections)
    with (folder / "params.yaml").open("w", encoding="utf-8") as stream:
        yaml.dump(params, stream)


@pytest.fixture
def prepared_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run fetch and prepare on the tables given by name and content; return the summary."""
    monkeypatch.chdir(tmp_path)

    def run(tables: dict[str, bytes | str], **data: Any) -> dict[str, Any]:
        folder = tmp_path / "data" / "local"
        folder.mkdir(parents=True)
        (tmp_path / "data" / "unlabelled").mkdir(exist_ok=True)
        for name, content in tables.items():
            (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        path = folder if len(tables) > 1 else folder / next(iter(tables))
        section = {"source": "file", "path": str(path), "text": "text", "label": "label"} | data
        write_params(tmp_path, data=section)
        fetch.main()
        prepare.main()
        summary: dict[str, Any] = json.loads((tmp_path / "data/prepared/summary.json").read_text(encoding="utf-8"))
        return summary

    return run
