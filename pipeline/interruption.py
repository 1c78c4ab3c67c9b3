"""How a stage ends before it is done: on a signal, or because the ``dvc`` or the launcher that started it is gone.

A signal becomes an exception, so that what is half-written is cleared, and then one line and an exit status.
"""

import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

# Seconds between two looks at who started the process, and until one that does not end is killed.
LOOK = 1.0
PATIENCE = 20.0

# Bytes free below which Python may fail to write the bytecode of the stage's modules.
ROOM = 64 << 20

# In the environment of a rank: the number of the process that started it, which speaks for it.
LAUNCHER = "GRAFT_LAUNCHER"

SHELLS = {"sh", "bash", "dash", "zsh", "fish", "ksh", "ash", "busybox"}


class InterruptedBySignal(BaseException):
    """Raised in the main thread where a signal asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def guard_start(stage: str) -> None:
    """From here on, until ``ended_by_signals``, a signal ends ``stage`` at once; watch that ``dvc`` lives on.

    For the seconds that a stage's imports take, in which nothing is written yet.
    """

    def end(number: int, _: FrameType | None) -> None:
        os._exit(say_ended(stage, number))

    _handle(end)
    if shutil.disk_usage(os.path.dirname(__file__)).free < ROOM:
        # Python 3.11 takes bytecode that it wrote in part for whole, and every later run fails on it.
        sys.dont_write_bytecode = True
    if LAUNCHER in os.environ:
        threading.Thread(
            target=_end_with_launcher, args=[int(os.environ[LAUNCHER])], name="starter", daemon=True
        ).start()
    elif "DVC_ROOT" in os.environ:
        # Asked at once: a `dvc` that is killed a moment later has then been seen.
        threading.Thread(target=_end_with_starter, args=[_starter()], name="starter", daemon=True).start()


@contextmanager
def ended_by_signals(stage: str) -> Iterator[None]:
    """Run the block of ``stage``; a signal ends it as an exception does, and then the process, a second one at once."""

    def end(number: int, _: FrameType | None) -> None:
        _handle(signal.SIG_DFL)
        # Python drops an exception that is raised while it finalises an object; the process must end all the same.
        _after(PATIENCE, lambda: os._exit(128 + number))
        raise InterruptedBySignal(number)

    try:
        _handle(end)
        yield
    except InterruptedBySignal as ended:
        sys.exit(say_ended(stage, ended.number))
    finally:
        _handle(signal.SIG_DFL)


def say_ended(what: str, number: int) -> int:
    """Tell the user that ``what`` was ended by the signal ``number``; return the exit status for it."""
    if LAUNCHER in os.environ:
        return 128 + number
    line = f"graft: {what}: ended by {signal.Signals(number).name}; `dvc repro` takes it up again\n"
    with suppress(OSError):  # where the terminal is gone, too, nobody reads it
        os.write(2, line.encode())
    return 128 + number


def _handle(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    for number in SIGNALS:
        # `nohup` and a script's `&` have a process ignore signals; it stays so.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _after(seconds: float, call: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()


def _starter() -> tuple[int, ...]:
    """The process that started this one and, where that is only DVC's shell, the one that started it."""
    import psutil

    parent = os.getppid()
    try:
        process = psutil.Process(parent)
        return (parent, process.ppid()) if process.name() in SHELLS else (parent,)
    except psutil.Error:
        return (parent,)


def _adopted(starter: tuple[int, ...]) -> bool:
    """Whether one of ``starter`` only took over what another left: it belongs to another session."""
    try:
        return any(os.getsid(process) != os.getsid(0) for process in starter)
    except ProcessLookupError:
        return True


def _end_with_starter(starter: tuple[int, ...]) -> None:
    """Wait until ``starter`` is gone, for the system then names another parent, and end the process."""
    # It may be gone already, if it was killed in the moment in which Python starts.
    while not _adopted(starter) and _starter() == starter:
        time.sleep(LOOK)
    _end()


def _end_with_launcher(launcher: int) -> None:
    """Wait until ``launcher`` is gone and end the process, a rank, which no signal of a terminal reaches."""
    while os.getppid() == launcher:
        time.sleep(LOOK)
    _end()


def _end() -> None:
    _after(PATIENCE, lambda: os.kill(os.getpid(), signal.SIGKILL))
    # To the main thread: only there does Python heed a signal, and only it may be asleep in one call for long.
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
