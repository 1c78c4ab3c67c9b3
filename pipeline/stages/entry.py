"""How every stage starts and fails: names from the command line in, one line to the user on a fault."""

import inspect
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from importlib import import_module
from typing import NoReturn

from pipeline.disk import full_disk, reason_of
from pipeline.errors import GraftError
from pipeline.interruption import LAUNCHER, ended_by_signals


def run(main: Callable[..., None], network: bool = False, distributed: bool = False) -> None:
    """Call ``main`` with the command line's words; end with one line and status 1 on GraftError or a full disk,
    with one line and 128 + its number on a signal.

    Only the stages that fetch are given ``network``; those that can work in several processes are ``distributed``: they
    are run in as many as the environment asks for.
    """
    if not network:
        _forbid_hub()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    words = sys.argv[1:]
    expected = list(inspect.signature(main).parameters)
    stage = os.path.splitext(os.path.basename(sys.argv[0]))[0]
    if len(words) != len(expected):
        sys.exit(f"usage: python -m pipeline.stages.{stage} {' '.join(name.upper() for name in expected)}".rstrip())
    title = "@".join([stage, *words])
    try:
        with ended_by_signals(title):
            # By name: validation accepts or refuses and cannot change an output, so it is no dependency of the stage.
            import_module("pipeline.validation").validate_file()
            # Where torch is, this module is among the stage's dependencies already; the others can do without both.
            if "torch" in sys.modules:
                import_module("pipeline.training.machine").pin_threads()
            # By name: how many processes there are is no setting of the stage.
            if distributed and "RANK" not in os.environ and import_module("pipeline.distributed.settings").asked():
                import_module("pipeline.distributed.head").launch_stage(stage, words)
                return
            with _among_ranks(distributed):
                main(*words)
            # Beside the artifacts, never inside one: what no output depends on is no dependency of the stage either.
            import_module("pipeline.lineage.provenance").record(title)
    except GraftError as error:
        _end(title, str(error))
    except OSError as error:
        if reason_of(error) is None:
            raise
        _end(title, full_disk(error.filename or "a file", str(reason_of(error))))


def _among_ranks(distributed: bool) -> AbstractContextManager[None]:
    """The block's part among other processes, where this one was launched beside them."""
    if distributed and "RANK" in os.environ:
        part: AbstractContextManager[None] = import_module("pipeline.distributed.rank").taking_part()
        return part
    return nullcontext()


def _end(title: str, line: str) -> NoReturn:
    """End with ``line``; a rank tells it to its launcher, which says it once for all."""
    if LAUNCHER in os.environ:
        import_module("pipeline.distributed.rank").tell_launcher(GraftError(line))
        sys.exit(1)
    sys.exit(f"graft: {title}: {line}")


def _forbid_hub() -> None:
    """Keep the Hub's libraries from asking it about local files, whether or not they are imported yet."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HF_EVALUATE_OFFLINE"):
        os.environ[name] = "1"
    # They read the environment when they are imported, which the stage's own imports have done by now.
    for module, name in (
        ("huggingface_hub.constants", "HF_HUB_OFFLINE"),
        ("datasets.config", "HF_HUB_OFFLINE"),
        ("evaluate.config", "HF_EVALUATE_OFFLINE"),
    ):
        if module in sys.modules:
            setattr(sys.modules[module], name, True)
