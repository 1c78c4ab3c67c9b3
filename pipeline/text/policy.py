"""What is done to every text before a model reads it, in training and ever after; ``text`` in params.yaml sets it.

A model goes with the policy that its texts were prepared with: the stage ``prepare`` leaves it in
``data/prepared/text.json``, and the exported folder has it in ``settings.json``. This file lies as ``policy.py`` in
every folder that the stage ``export`` writes.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Policy:
    """Which rules are on; ``pipeline.text.cleaning`` says what each does.

    ``form`` is ``nfc``, ``nfkc`` or ``none``; ``mask`` names what is replaced by a placeholder; a text with fewer than
    ``letters`` letters, or in which they make up a smaller share than ``letter_share``, is refused.
    """

    mojibake: bool = False
    form: str = "nfc"
    control: bool = True
    bidi: bool = True
    zero_width: bool = True
    homoglyphs: bool = True
    mask: tuple[str, ...] = ()
    letters: int = 0
    letter_share: float = 0.0

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "Policy":
        """Make a policy of what ``values`` returned; TypeError for a rule that is not known."""
        return cls(**{**values, "mask": tuple(values["mask"])})

    def values(self) -> dict[str, Any]:
        """Return the rules as JSON holds them."""
        return {**asdict(self), "mask": list(self.mask)}


# Control characters and Unicode's form alone: the words of a label or a domain, and texts without the policy.
PLAIN = Policy(bidi=False, zero_width=False, homoglyphs=False)
