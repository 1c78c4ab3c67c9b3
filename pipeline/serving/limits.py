"""What one request may ask for; beyond it the answer is an error, and the server goes on."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import GraftError


@dataclass(frozen=True)
class Limits:
    """Sizes of a request, and how long and with how many others it may wait."""

    max_bytes: int = 1 << 20  # of a body
    max_texts: int = 128  # of a batch
    max_characters: int = 10_000  # of a text
    max_words: int = 100  # that are explained
    timeout: float = 10.0  # seconds for a request to arrive, and again to be answered
    queue: int = 32  # requests that wait for a thread
    connections: int = 256  # open at once, busy or not

    def check(self, texts: Sequence[str]) -> None:
        """Raise GraftError where there are none, too many, or one is too long."""
        if not texts:
            raise GraftError("texts is empty; send at least one")
        if len(texts) > self.max_texts:
            raise GraftError(f"{len(texts)} texts; at most {self.max_texts} a request")
        longest = max(texts, key=len)
        if len(longest) > self.max_characters:
            at, length = texts.index(longest), len(longest)
            raise GraftError(f"text {at + 1} has {length} characters; at most {self.max_characters} a text")
