"""The nodes of one job tell each other, over the store, that they live and how they are.

Ranks that work together find out that one is gone when they next wait for it; a node whose cable is cut says nothing
at all, and they would wait as long as the process group lets them. So every node writes its state once a second, and
who has not been heard of for ``SILENCE`` seconds counts as gone.
"""

import json
import threading
import time
from typing import Any

from pipeline.distributed.network import Store

BEAT = 1.0
SILENCE = 20.0

State = dict[str, Any]


class Circle:
    """Node ``node`` among ``nodes``, with the ``store`` they share; one node alone is silent and hears nobody."""

    def __init__(self, store: Store, node: int, nodes: int, silence: float = SILENCE) -> None:
        # A question may hang on a cut link; asked on a connection of its own, it keeps nobody else waiting.
        self._store = store.clone()  # type: ignore[attr-defined]
        self._node, self._others = node, [each for each in range(nodes) if each != node]
        self._silence = silence
        self._state: State = {"is": "running"}
        self._heard: dict[int, bytes] = {}
        self._when = dict.fromkeys(self._others, time.monotonic())
        self._wake = threading.Event()
        self._said = threading.Event()
        self._over = False
        self._broken = False
        if self._others:
            threading.Thread(target=self._beat, name="circle", daemon=True).start()

    def say(self, state: State) -> None:
        """Have the others know ``state`` as soon as can be."""
        self._said.clear()
        self._state = state
        self._wake.set()

    def heard(self) -> dict[int, State]:
        """What each of the others last said; those that have said nothing yet are left out."""
        return {node: json.loads(said)["state"] for node, said in sorted(self._heard.copy().items())}

    def silent(self) -> list[int]:
        """The others that have not been heard of for too long; all at once where the head's store is gone."""
        now = time.monotonic()
        return [node for node in self._others if self._broken or now - self._when[node] > self._silence]

    def when(self, node: int) -> float:
        """When ``node`` was last heard of, in monotonic seconds; for one not heard of yet, when this began."""
        return self._when[node]

    def leave(self, seconds: float = 5.0) -> None:
        """Have the last state reach the others, for at most ``seconds``; the head waits until they have left, too."""
        if not self._others:
            return
        self.say({**self._state, "left": True})
        end = time.monotonic() + seconds
        self._said.wait(seconds)
        while self._node == 0 and time.monotonic() < end and not self._broken:
            gone = {node for node, state in self.heard().items() if state.get("left")}.union(self.silent())
            if len(gone) == len(self._others):
                break
            time.sleep(BEAT / 5)
        self._over = True
        self._wake.set()

    def _beat(self) -> None:
        number = 0
        try:
            while not self._over:
                self._wake.clear()
                number, said = number + 1, self._state
                self._store.set(f"node/{self._node}", json.dumps({"beat": number, "state": said}))
                for other in self._others:
                    if self._store.check([f"node/{other}"]):
                        self._listen(other, self._store.get(f"node/{other}"))
                if said is self._state:
                    self._said.set()
                self._wake.wait(BEAT)
        except RuntimeError:  # what torch raises where the connection is closed
            self._broken = True
            self._said.set()

    def _listen(self, other: int, said: bytes) -> None:
        if self._heard.get(other) != said:
            self._heard[other] = said
            self._when[other] = time.monotonic()
