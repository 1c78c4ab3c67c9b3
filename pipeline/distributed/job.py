"""One node's part in a job: start its ranks, watch them and the other nodes, end all where one is gone."""

import sys
import time
from collections.abc import Mapping, Sequence

from pipeline.distributed.circle import Circle
from pipeline.distributed.network import Store, interface_to
from pipeline.distributed.ranks import Failure, Place, Ranks, node_name
from pipeline.errors import GraftError

# Seconds between two looks at the ranks.
LOOK = 0.2


class LostNodeError(GraftError):
    """A node has not been heard of since ``heard``, in monotonic seconds, or its launcher is gone."""

    def __init__(self, message: str, heard: float) -> None:
        super().__init__(message)
        self.heard = heard


def run_job(
    store: Store,
    stage: str,
    words: Sequence[str],
    place: Place,
    environment: Mapping[str, str],
    names: Sequence[str],
) -> None:
    """Run this node's ranks of ``stage`` to their end.

    ``environment`` is what ranks are given besides their place, ``names`` are those of the nodes. Raises GraftError
    with the rank, its node and its last line where one ended ill, on whatever node, LostNodeError where one is gone.
    """
    circle = Circle(store, place.node, place.nodes)
    try:
        with Ranks(stage, words, place, {**interfaces(place), **environment}) as ranks:
            _watch(ranks, circle, place, names)
    except GraftError:
        if place.node == 0:
            print(file=sys.stderr)  # the first rank's progress bar has left its line open
        raise
    except BaseException as ended:
        # A signal that ends this launcher ends the job.
        circle.say({"is": "ended", "why": f"{node_name()} was ended by {_reason(ended)}"})
        raise
    finally:
        circle.leave()


def interfaces(place: Place) -> dict[str, str]:
    """Which interface torch is to use: the one that leads to the head; without more it asks for this host's name."""
    interface = interface_to(place.host)
    if interface is None:
        return {}
    return {"GLOO_SOCKET_IFNAME": interface} | ({"NCCL_SOCKET_IFNAME": interface} if place.nodes > 1 else {})


def _watch(ranks: Ranks, circle: Circle, place: Place, names: Sequence[str]) -> None:
    """Return once the ranks of all nodes have ended well; raise GraftError once one has not."""
    told = False
    while True:
        time.sleep(LOOK)
        if failures := ranks.failures():
            circle.say({"is": "failed", "failures": [each.told() for each in failures]})
            raise _verdict(failures, ranks, circle, place, names)
        if not told and ranks.done():
            told = True
            circle.say({"is": "done"})
        heard = circle.heard()
        if told and len(heard) == place.nodes - 1 and all(each["is"] == "done" for each in heard.values()):
            return
        if others := _told(heard):
            raise _verdict(others, ranks, circle, place, names)
        if gone := circle.silent():
            circle.say({"is": "ended", "why": f"{node_name()} no longer hears of {_list(gone, names)}"})
            raise _lost(gone, circle, names)


def _told(heard: Mapping[int, dict]) -> list[Failure]:
    """The failures that other nodes speak of."""
    found = [Failure(**each) for state in heard.values() for each in state.get("failures", [])]
    for node, state in heard.items():
        if state["is"] == "ended":
            found.append(Failure(-1, str(node), state["why"], followed=False))
    return found


def _verdict(failures: list[Failure], ranks: Ranks, circle: Circle, place: Place, names: Sequence[str]) -> GraftError:
    """The first cause in one line; a rank that found another one gone is none, while the other's node may say more."""
    while all(each.followed for each in failures) and place.nodes > 1:
        heard, gone = circle.heard(), circle.silent()
        failures = failures + [each for each in _told(heard) if each not in failures]
        if gone and all(each.followed for each in failures):
            return _lost(gone, circle, names)
        if len([state for state in heard.values() if state["is"] in ("failed", "ended")]) == place.nodes - 1:
            break
        time.sleep(LOOK)
    cause = min(failures, key=lambda each: (each.followed, each.rank))
    if cause.rank < 0:
        return GraftError(f"{cause.why}; `dvc repro` takes it up again")
    if "Error" in cause.why.partition(":")[0] and (said := ranks.said(cause.rank)):
        print(said, file=sys.stderr, end="")  # the traceback of a rank that nobody saw
    world = place.nodes * place.processes
    return GraftError(f"rank {cause.rank} of {world} on {cause.node}: {cause.why}; `dvc repro` takes it up again")


def _lost(gone: Sequence[int], circle: Circle, names: Sequence[str]) -> LostNodeError:
    heard = min(circle.when(node) for node in gone)
    return LostNodeError(
        f"no sign of life from {_list(gone, names)} for {time.monotonic() - heard:.0f} s: the link is cut, or what ran "
        "there is gone; all ranks here are ended; `dvc repro` takes it up again",
        heard,
    )


def _list(nodes: Sequence[int], names: Sequence[str]) -> str:
    return ", ".join(names[node] for node in nodes)


def _reason(ended: BaseException) -> str:
    number = getattr(ended, "number", None)
    return f"signal {number}" if number is not None else type(ended).__name__
