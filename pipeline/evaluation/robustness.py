"""What noise in the text costs a model, and how much of that the policy of its texts wins back.

Typing errors as in Belinkov and Bisk 2018 (Synthetic and Natural Noise Both Break Neural Machine Translation), letters
that look alike and invisible characters as in Boucher et al. 2022 (Bad Characters: Imperceptible NLP Attacks). An
attack depends on the text, its kind and the seed, and on no other text.
"""

from collections.abc import Callable, Sequence
from functools import cache, partial
from random import Random

import numpy as np

from pipeline.evaluation.measures import measure_of
from pipeline.settings.robustness import Attack, RobustnessConfig
from pipeline.task import Task
from pipeline.text.cleaning import normalise
from pipeline.text.homoglyphs import look_alikes
from pipeline.text.pairs import TextOrPair, each_side
from pipeline.text.policy import Policy

# Logits (N, labels) of N texts or pairs, both of whose texts are attacked.
Read = Callable[[Sequence[TextOrPair]], np.ndarray]

ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060"

# What the policy is for; of the others it knows nothing.
HIDDEN_ATTACKS = ("homoglyphs", "zero_width")
# What must be lost of the score before a share of it means something.
NOISE = 0.005
DECIMALS = 6


def attack(text: str, kind: Attack, rate: float, seed: int) -> str:
    """Return ``text`` with about a share ``rate`` of its letters hit, where they can be.

    ``swap``: with the letter behind; ``drop``: left out; ``insert``: another of the text's letters put behind;
    ``keyboard``: the neighbour on a QWERTY keyboard hit instead; ``case``: small and capital exchanged;
    ``homoglyphs``: a letter of another script that looks alike; ``zero_width``: an invisible character put behind.
    """
    source = Random(f"{seed} {kind} {text}")
    letters = [letter for letter in text if letter.isalpha()]
    hit = [letter.isalpha() and source.random() < rate for letter in text]
    if kind == "swap":
        return _swap(text, hit)
    return "".join(
        _change(letter, kind, letters, source) if at else letter for letter, at in zip(text, hit, strict=True)
    )


def _swap(text: str, hit: Sequence[bool]) -> str:
    letters = list(text)
    at = 0
    while at + 1 < len(letters):
        if hit[at] and letters[at + 1].isalpha():
            letters[at : at + 2] = letters[at + 1], letters[at]
            at += 1
        at += 1
    return "".join(letters)


def _change(letter: str, kind: Attack, letters: Sequence[str], source: Random) -> str:
    if kind == "drop":
        return ""
    if kind == "case":
        return letter.swapcase()
    if kind == "insert":
        return letter + source.choice(letters)
    if kind == "zero_width":
        return letter + source.choice(INVISIBLE)
    others = _look_alikes(letter) if kind == "homoglyphs" else _neighbours(letter)
    return source.choice(others) if others else letter


@cache
def _look_alikes(letter: str) -> str:
    return look_alikes(letter)


@cache
def _neighbours(letter: str) -> str:
    """Return the letters beside, above and below; of other alphabets than that of the keyboard none."""
    row = next((at for at, keys in enumerate(ROWS) if letter.lower() in keys), None)
    if row is None:
        return ""
    place = ROWS[row].index(letter.lower())
    # A row stands half a key to the right of the one above.
    near = {(row, place - 1), (row, place + 1), (row - 1, place), (row - 1, place + 1), (row + 1, place - 1)}
    near.add((row + 1, place))
    keys = "".join(ROWS[y][x] for y, x in sorted(near) if 0 <= y < len(ROWS) and 0 <= x < len(ROWS[y]))
    return keys.upper() if letter.isupper() else keys


def sample_rows(rows: int, config: RobustnessConfig) -> np.ndarray:
    """Return the sorted numbers of at most ``config.texts`` of ``rows`` rows."""
    chosen = np.random.default_rng(config.seed).choice(rows, size=min(rows, config.texts), replace=False)
    return np.sort(chosen)


def robustness_figures(
    texts: Sequence[TextOrPair], targets: np.ndarray, read: Read, task: Task, policy: Policy, config: RobustnessConfig
) -> dict[str, float]:
    """Return what ``task`` is measured by of a model on ``texts`` with their ``targets``, as they are and attacked.

    ``macro_f1_KIND``, or of another measure, is of the attacked texts, cleaned as without the policy;
    ``macro_f1_KIND_policy`` of the same as ``policy`` reads them; ``won_back_KIND`` the share that this is of what was
    lost, where more than noise was. ``won_back`` is that of homoglyphs and invisible characters together.
    """
    key = measure_of(task).key
    versions: dict[str, list[TextOrPair]] = {key: list(texts)}
    for kind in config.kinds:
        hit = partial(attack, kind=kind, rate=config.rate, seed=config.seed)
        attacked = [each_side(hit, text) for text in texts]
        versions[f"{key}_{kind}"] = [each_side(normalise, text) for text in attacked]
        versions[f"{key}_{kind}_policy"] = [each_side(partial(normalise, policy=policy), text) for text in attacked]
    scores = _score(versions, targets, read, task)
    found = {"texts": len(texts), "rate": config.rate} | scores
    clean = scores[key]
    together = [kind for kind in HIDDEN_ATTACKS if kind in config.kinds]
    for name, kinds in {"won_back": together, **{f"won_back_{kind}": [kind] for kind in config.kinds}}.items():
        lost = sum(clean - scores[f"{key}_{kind}"] for kind in kinds)
        left = sum(clean - scores[f"{key}_{kind}_policy"] for kind in kinds)
        if lost > NOISE:
            found[name] = 1 - left / lost
    return {name: round(value, DECIMALS) for name, value in found.items()}


def _score(versions: dict[str, list[TextOrPair]], targets: np.ndarray, read: Read, task: Task) -> dict[str, float]:
    """Return the score of each version of the texts; a text that several share is read once."""
    distinct = list(dict.fromkeys(text for texts in versions.values() for text in texts))
    measure = measure_of(task)
    said = measure.decide(task.answers(read(distinct)))
    places = {text: at for at, text in enumerate(distinct)}
    return {name: measure.score(targets, said[[places[text] for text in texts]]) for name, texts in versions.items()}


def summarise(model: str, figures: dict[str, float], task: Task) -> str:
    """Say in a line what hidden attacks cost, and how much of that was won back."""
    measure = measure_of(task)
    key = measure.key
    said = [f"{model}: {measure.title} {figures[key]:.3f} of {figures['texts']} texts"]
    for kind in HIDDEN_ATTACKS:
        if f"{key}_{kind}" in figures:
            back = figures.get(f"won_back_{kind}")
            share = "no loss" if back is None else f"{back:.0%} of the loss won back"
            scores = f"{figures[f'{key}_{kind}']:.3f}, with the policy {figures[f'{key}_{kind}_policy']:.3f}"
            said.append(f"{kind} {scores} ({share})")
    return "; ".join(said)
