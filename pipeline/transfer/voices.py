"""Who taught: the folders of the signals that a student learns from."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.artifacts import required
from pipeline.settings.folders import SIGNALS


def voices(source: str, teachers: Iterable[str]) -> dict[str, Path]:
    """The folders of signals in ``source`` by who gave them: ``teachers``' own, or all of a round's, in their order.

    Raises GraftError if a round's folder is missing.
    """
    if source == SIGNALS:
        return {name: Path(SIGNALS) / name for name in teachers}
    return {folder.name: folder for folder in sorted(required(Path(source)).iterdir())}
