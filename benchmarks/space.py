"""A space of settings: what each key may be, and the trials drawn from it.

``KEY=choice(64,128)`` lists values, ``KEY=uniform(0.1..0.3)`` and ``KEY=int(1..4)`` draw from a range, and
``KEY=log(1e-5..1e-4)`` from one whose orders of magnitude are equally likely. A space of choices alone is a grid;
any other is drawn at random: Bergstra & Bengio 2012, "Random Search for Hyper-Parameter Optimization".
"""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipeline.errors import GraftError

Trial = dict[str, Any]

KINDS = "choice(a,b,...), log(low..high), uniform(low..high) or int(low..high)"
DIGITS = 3  # of a number that was drawn: more would only be harder to read


@dataclass(frozen=True)
class Range:
    """Numbers from ``low`` to ``high``, drawn as ``kind`` says: log, uniform or int."""

    kind: str
    low: float
    high: float

    def draw(self, generator: np.random.Generator) -> float | int:
        """Draw one number; what is no whole number has ``DIGITS`` digits."""
        if self.kind == "int":
            return int(generator.integers(int(self.low), int(self.high) + 1))
        bend, straighten = _SCALES[self.kind]
        drawn = straighten(generator.uniform(bend(self.low), bend(self.high)))
        return float(f"{drawn:.{DIGITS}g}")


@dataclass(frozen=True)
class Choice:
    """One of ``values``."""

    values: tuple[Any, ...]

    def draw(self, generator: np.random.Generator) -> Any:
        """Draw one value."""
        return self.values[int(generator.integers(len(self.values)))]


Space = Mapping[str, Range | Choice]

_SCALES: dict[str, tuple[Callable[[float], float], Callable[[float], float]]] = {
    "log": (math.log, math.exp),
    "uniform": (float, float),
}


def parse_space(words: Sequence[str]) -> dict[str, Range | Choice]:
    """Read ``KEY=KIND(...)``; raise GraftError for the first word that is none."""
    space: dict[str, Range | Choice] = {}
    for word in words:
        found = re.fullmatch(r"([a-z0-9_.-]+)=(choice|log|uniform|int)\((.+)\)", word)
        if found is None:
            raise GraftError(f"{word!r} is no part of a space; write KEY={KINDS}")
        key, kind, inside = found.groups()
        if key in space:
            raise GraftError(f"{key} is given twice; keep one of them")
        space[key] = _choice(word, inside) if kind == "choice" else _range(word, kind, inside)
    return space


def draw_trials(space: Space, trials: int | None, seed: int) -> list[Trial]:
    """The trials of ``space``: its grid or ``trials`` of it, or so many drawn at random; more only adds to fewer.

    Raises GraftError if a number of trials is needed and missing.
    """
    lists = [each.values for each in space.values() if isinstance(each, Choice)]
    if len(lists) == len(space):
        grid = [dict(zip(space, values, strict=True)) for values in itertools.product(*lists)]
        if trials is None or trials >= len(grid):
            return grid
        order = np.random.default_rng(seed).permutation(len(grid))
        return [grid[at] for at in order[:trials]]
    if trials is None:
        raise GraftError("a space with a range needs a number of trials; give --trials")
    drawn: list[Trial] = []
    for number in range(trials):
        generator = np.random.default_rng([seed, number])
        trial = {key: each.draw(generator) for key, each in space.items()}
        if trial not in drawn:
            drawn.append(trial)
    return drawn


def _choice(word: str, inside: str) -> Choice:
    try:
        # As DVC reads params.yaml: 1e-5 is a number.
        values = YAML(typ="safe", pure=True).load(f"[{inside}]")
    except YAMLError:
        raise GraftError(f"{word!r} lists no values; write KEY=choice(a,b,...)") from None
    return Choice(tuple(values))


def _range(word: str, kind: str, inside: str) -> Range:
    try:
        low, high = (float(number) for number in inside.split(".."))
    except ValueError:
        raise GraftError(f"{word!r} has no range; write KEY={kind}(low..high)") from None
    if (
        not low < high
        or (kind == "log" and low <= 0)
        or (kind == "int" and not (low.is_integer() and high.is_integer()))
    ):
        rule = {"log": " above 0", "int": " of whole numbers"}.get(kind, "")
        raise GraftError(f"{word!r} has no range that rises{rule}; write KEY={kind}(low..high)")
    return Range(kind, low, high)
